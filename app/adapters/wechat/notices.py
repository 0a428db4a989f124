"""WeChat Pay's callbacks: everything that can be checked is checked before the library sees them."""

import logging
from collections.abc import Mapping
from datetime import datetime

from wechatpayv3 import WeChatPay

from app.adapters.wechat import wire
from app.adapters.wechat.pay_channel import PayCore, seal_of
from app.domain.charges import PaymentNotice
from app.domain.refunds import RefundNotice
from app.ports import Forged

log = logging.getLogger(__name__)
LARGEST_BODY = 1 << 16  # bytes
PAYMENT_EVENT = "TRANSACTION.SUCCESS"
REFUND_EVENT = "REFUND."


def read_notice(
    core: PayCore, library: WeChatPay, headers: Mapping[str, str], body: bytes, now: datetime
) -> PaymentNotice | RefundNotice:
    """The payment or refund that a callback tells of. Raises Forged; a signed one that is odd is logged besides.

    No question is asked: the library would fetch certificates for each serial that it does not know.
    """
    seal = seal_of(headers)
    unfit = core.why_unfit(seal, now)
    if unfit:
        raise Forged(unfit)
    text = _text(body)
    if not core.has_signed(seal, text):
        raise Forged("not the signature of WeChat")
    try:
        envelope = library.callback(dict(seal), text)
    except Exception as error:  # noqa: BLE001  # the library raises whatever it stumbles over
        raise _odd(type(error).__name__) from None
    if envelope is None:
        raise _odd("not to be opened with our API v3 key")
    try:
        return _notice(envelope["event_type"], envelope["resource"])
    except (wire.Malformed, KeyError) as error:
        raise _odd(f"malformed {error}") from None


def _notice(event: object, payload: object) -> PaymentNotice | RefundNotice:
    if event == PAYMENT_EVENT and isinstance(payload, dict):
        if payload.get("trade_state") != "SUCCESS":
            raise wire.Malformed("trade_state")
        return wire.payment(payload)
    if isinstance(event, str) and event.startswith(REFUND_EVENT) and isinstance(payload, dict):
        if payload.get("refund_status") != event.removeprefix(REFUND_EVENT):
            raise wire.Malformed("refund_status")
        return wire.refund(payload, status_field="refund_status", mch_id=wire.merchant(payload))
    raise wire.Malformed("event_type")


def _text(body: bytes) -> str:
    if len(body) > LARGEST_BODY:
        raise Forged("too large")
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise Forged("not UTF-8") from None


def _odd(why: str) -> Forged:
    """WeChat did sign it, so either our keys or our idea of its notices are wrong: somebody must look."""
    log.error("a callback that WeChat signed cannot be used: %s", why)
    return Forged(why)
