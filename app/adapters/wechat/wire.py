"""How WeChat Pay writes things: times, texts, payments and refunds."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from app.domain.charges import PaymentNotice
from app.domain.refunds import RefundNotice, RefundStatus

SHANGHAI = timezone(timedelta(hours=8))  # no summer time since 1991
LONGEST_DESCRIPTION = 127  # characters
LONGEST_REASON = 80  # bytes
LARGEST_AMOUNT = 10**12  # fen; far above any limit of WeChat's, far below what a column holds
NAME = re.compile(r"[0-9A-Za-z_\-|*@]{1,64}")  # numbers and ids, ours and WeChat's
OPENID = re.compile(r"[0-9A-Za-z_\-]{1,128}")
CURRENCY = re.compile(r"[A-Z]{3}")
REFUND_STATUSES = {
    "PROCESSING": RefundStatus.ACCEPTED,
    "SUCCESS": RefundStatus.DONE,
    "ABNORMAL": RefundStatus.ABNORMAL,
    "CLOSED": RefundStatus.REFUSED,
}


class Malformed(ValueError):
    """Something that WeChat signed and that does not have the shape it documents; the message names the field."""


def written_time(at: datetime) -> str:
    """RFC 3339 in whole seconds, with WeChat's +08:00."""
    return at.astimezone(SHANGHAI).isoformat(timespec="seconds")


def description(text: str) -> str:
    """What the payment sheet shows: at most 127 characters."""
    return clean(text)[:LONGEST_DESCRIPTION].rstrip()


def reason(text: str) -> str:
    """What a refund's message shows: at most 80 bytes, no character cut in two."""
    return clean(text).encode()[:LONGEST_REASON].decode(errors="ignore").rstrip()


def clean(text: str) -> str:
    """One line without control characters, without halves of characters, without `]]>` (it ends their XML early)."""
    line = " ".join("".join(c for c in text if c.isspace() or unicodedata.category(c) not in ("Cc", "Cs")).split())
    while "]]>" in line:
        line = line.replace("]]>", "")
    return line


def payment(payload: object) -> PaymentNotice:
    """A payment that succeeded, from a notice's or a query's fields. Raises Malformed."""
    fields = _object(payload, "payload")
    amount = _object(fields.get("amount"), "amount")
    return PaymentNotice(
        transaction_id=_name(fields, "transaction_id"),
        out_trade_no=_name(fields, "out_trade_no"),
        app_id=_name(fields, "appid"),
        mch_id=_name(fields, "mchid"),
        openid=_match(OPENID, _object(fields.get("payer"), "payer"), "openid"),
        amount_fen=_fen(amount, "total"),
        currency=_match(CURRENCY, amount, "currency") if "currency" in amount else "CNY",  # as they document it
        paid_at=_time(fields, "success_time"),
    )


def refund(payload: object, *, status_field: str, mch_id: str) -> RefundNotice:
    """A refund, from a notice's fields (`refund_status`) or a reply's (`status`, no merchant). Raises Malformed."""
    fields = _object(payload, "payload")
    status = REFUND_STATUSES.get(str(fields.get(status_field)))
    if status is None:
        raise Malformed(status_field)
    return RefundNotice(
        out_refund_no=_name(fields, "out_refund_no"),
        out_trade_no=_name(fields, "out_trade_no"),
        refund_id=_name(fields, "refund_id"),
        status=status,
        amount_fen=_fen(_object(fields.get("amount"), "amount"), "refund"),
        done_at=_time(fields, "success_time") if status is RefundStatus.DONE else None,
        mch_id=mch_id,
    )


def merchant(payload: object) -> str:
    """The merchant that a payload is about. Raises Malformed."""
    return _name(_object(payload, "payload"), "mchid")


def _object(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Malformed(name)
    return value


def _name(fields: Mapping[str, Any], name: str) -> str:
    return _match(NAME, fields, name)


def _match(pattern: re.Pattern[str], fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise Malformed(name)
    return value


def _fen(fields: Mapping[str, Any], name: str) -> int:
    value = fields.get(name)
    if type(value) is not int or not 0 < value <= LARGEST_AMOUNT:
        raise Malformed(name)
    return value


def _time(fields: Mapping[str, Any], name: str) -> datetime:
    try:
        at = datetime.fromisoformat(fields[name])
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (KeyError, TypeError, ValueError, OverflowError):
        pass
    raise Malformed(name)
