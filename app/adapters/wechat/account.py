"""Our account with WeChat, in plain values: addresses, ids and keys."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class WeChatAccount:
    """The official account and the merchant account that is bound to it. URLs have no slash at the end."""

    app_id: str
    app_secret: str = field(repr=False)
    api_url: str  # https://api.weixin.qq.com
    open_url: str  # https://open.weixin.qq.com: people's browsers go there, we do not
    pay_url: str  # https://api.mch.weixin.qq.com
    mch_id: str
    mch_serial_no: str  # of our merchant certificate
    mch_private_key: str = field(repr=False)  # PEM
    pay_public_key: str  # PEM, WeChat's
    pay_public_key_id: str  # PUB_KEY_ID_…
    api_v3_key: str = field(repr=False)  # 32 bytes
    template_order: str  # id of the message template about an order
    payment_notify_url: str
    refund_notify_url: str
