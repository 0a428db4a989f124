"""The JS-SDK's arguments for one page, signed by wechatpy."""

import secrets
from collections.abc import Mapping
from datetime import datetime

from app.adapters.wechat.official_account import OfficialAccount


class PageSdk:
    """ports.PageSdk, by wechatpy."""

    def __init__(self, official_account: OfficialAccount) -> None:
        self._official_account = official_account

    def config_for(self, page_url: str, now: datetime) -> Mapping[str, str]:
        """appId, timestamp, nonceStr, signature; what follows # is not signed. Raises OutcomeUnknown, GatewayRefused.

        That the page is one of ours is the caller's to check.
        """
        ticket = self._official_account.jsapi_ticket()
        nonce, timestamp = secrets.token_hex(16), str(int(now.timestamp()))
        page = page_url.partition("#")[0]
        signature = self._official_account.jsapi.get_jsapi_signature(nonce, ticket, timestamp, page)
        return {
            "appId": self._official_account.appid,
            "timestamp": timestamp,
            "nonceStr": nonce,
            "signature": signature,
        }
