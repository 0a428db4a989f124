"""WeChat behind the ports: the only place of wechatpy and wechatpayv3, and of every repair that they need."""

import logging
from dataclasses import dataclass
from typing import Self

from app import ports
from app.adapters.wechat.account import WeChatAccount
from app.adapters.wechat.http import Outgoing, TimeLimits
from app.adapters.wechat.messenger import Messenger
from app.adapters.wechat.oauth import OAuth
from app.adapters.wechat.official_account import OfficialAccount
from app.adapters.wechat.page_sdk import PageSdk
from app.adapters.wechat.pay import PaymentGateway
from app.adapters.wechat.tokens import TokenProvider

__all__ = ["TimeLimits", "WeChat", "WeChatAccount"]

for _name in ("wechatpy", "wechatpayv3", "urllib3"):
    logging.getLogger(_name).setLevel(logging.WARNING)  # below it they write bodies, and URLs with secrets


@dataclass(frozen=True, slots=True)
class WeChat:
    """Everything of WeChat that the application uses, for one account."""

    payments: ports.PaymentGateway
    oauth: ports.OAuth
    page_sdk: ports.PageSdk
    messenger: ports.Messenger

    @classmethod
    def of(
        cls,
        account: WeChatAccount,
        *,
        tokens: ports.TokenStore,
        clock: ports.Clock,
        limits: TimeLimits | None = None,
    ) -> Self:
        """Asks nobody. Raises ValueError when a key of WeChat Pay cannot be read."""
        to_api, to_pay = Outgoing(account.api_url, limits=limits), Outgoing(account.pay_url, limits=limits)
        official_account = OfficialAccount(account, TokenProvider(tokens, clock), to_api)
        return cls(
            payments=PaymentGateway(account, clock, to_pay),
            oauth=OAuth(account, to_api),
            page_sdk=PageSdk(official_account),
            messenger=Messenger(official_account, account.template_order),
        )
