"""Logging in through WeChat: silent OAuth, by wechatpy."""

import re

from wechatpy.oauth import WeChatOAuth

from app.adapters.wechat.account import WeChatAccount
from app.adapters.wechat.answers import official, text_of
from app.adapters.wechat.http import Outgoing
from app.ports import GatewayRefused, WeChatPerson

STATE = re.compile(r"[0-9A-Za-z]{1,128}")  # what WeChat hands back unchanged
CODE = re.compile(r"[0-9A-Za-z_\-]{1,512}")
INVALID_CODE = "40029"


class OAuth:
    """ports.OAuth, by wechatpy."""

    def __init__(self, account: WeChatAccount, http: Outgoing) -> None:
        self._account = account
        self._http = http

    def authorize_url(self, return_url: str, state: str) -> str:
        """Where the browser is sent. Raises ValueError unless `state` is 1 to 128 letters and digits."""
        if not STATE.fullmatch(state):
            raise ValueError("WeChat takes letters and digits alone as state")
        return str(self._library(return_url, state).authorize_url)

    def person(self, code: str) -> WeChatPerson:
        """Exchanges the code. Raises GatewayRefused (bad or used code), OutcomeUnknown."""
        if not CODE.fullmatch(code):
            raise GatewayRefused(INVALID_CODE, "not the shape of a code")
        answer = official(lambda: self._library().fetch_access_token(code))
        return WeChatPerson(text_of(answer, "openid"), is_snapshot=answer.get("is_snapshotuser") == 1)

    def _library(self, return_url: str = "", state: str = "") -> WeChatOAuth:
        """One for each call: the library keeps the last person's token on the object."""
        library = WeChatOAuth(self._account.app_id, self._account.app_secret, return_url, state=state)
        library.API_BASE_URL = f"{self._account.api_url}/"
        library.OAUTH_BASE_URL = f"{self._account.open_url}/connect/"
        library._http = self._http  # noqa: SLF001  # the only way in
        return library
