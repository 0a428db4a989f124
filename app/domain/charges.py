"""What a person owes, the attempts to pay it, and the verdict on money that arrived (decisions 11, 15, 16)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Purpose(StrEnum):
    """What a charge is for."""

    SALE = "sale"
    RENTAL_FEE = "rental_fee"
    DEPOSIT = "deposit"
    FLASH_FEE = "flash_fee"
    LATE_FEE = "late_fee"


OF_ORDERS = frozenset({Purpose.SALE, Purpose.RENTAL_FEE})
"""The price of an order: each order has exactly one charge of these."""


class ChargeStatus(StrEnum):
    """A charge is open until it is settled by a payment, or void because what it was for has ended."""

    OPEN = "open"
    SETTLED = "settled"
    VOID = "void"


class PaymentStatus(StrEnum):
    """One attempt to pay a charge through WeChat."""

    CREATED = "created"  # our row stands, WeChat may or may not know of it
    PREPARED = "prepared"  # WeChat gave a prepay_id
    CLOSED = "closed"  # WeChat said that it can never be paid
    SETTLES = "settles"  # its money pays its charge
    SURPLUS = "surplus"  # its money came too late or twice, and goes back
    SUSPECT = "suspect"  # its money does not fit; a person decides


LIVE_PAYMENTS = frozenset({PaymentStatus.CREATED, PaymentStatus.PREPARED})
"""Attempts that WeChat could still take money for."""


@dataclass(frozen=True, slots=True)
class PaymentNotice:
    """A payment as WeChat tells of it, in a callback or when asked (both feed the same verb)."""

    transaction_id: str
    out_trade_no: str
    app_id: str
    mch_id: str
    openid: str
    amount_fen: int
    currency: str
    paid_at: datetime  # WeChat's success_time, UTC


@dataclass(frozen=True, slots=True)
class Expected:
    """What our own books say about the attempt that a notice names. Absent when its number is not ours."""

    app_id: str
    openid: str
    amount_fen: int
    transaction_id: str | None
    charge_status: ChargeStatus


class Verdict(StrEnum):
    """What a signed notice means. All four are stored and answered with success."""

    CONFIRM = "confirm"
    REPLAY = "replay"
    LATE = "late"
    SUSPECT = "suspect"


def may_attach(misfit: str | None, received_fen: int, amount_fen: int, status: ChargeStatus) -> bool:
    """Whether money that does not fit may be what pays an open charge: to the fen, and of the same currency."""
    return status is ChargeStatus.OPEN and received_fen == amount_fen and misfit != "currency"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, and for a suspect what did not fit."""

    verdict: Verdict
    misfit: str | None = None  # merchant | app | order | payer | amount | currency | transaction


def judge(notice: PaymentNotice, expected: Expected | None, *, our_mch_id: str) -> Judgement:
    """The verdict on a payment notice whose signature was good. Decision 16.

    The merchant is looked at first: another merchant's payment is not ours, and nothing is booked for it.
    """
    if notice.mch_id != our_mch_id:
        return Judgement(Verdict.SUSPECT, "merchant")
    if expected is None:
        return Judgement(Verdict.SUSPECT, "order")
    if expected.transaction_id == notice.transaction_id:
        return Judgement(Verdict.REPLAY)
    if expected.transaction_id is not None:
        return Judgement(Verdict.SUSPECT, "transaction")
    for misfit, told, ours in (
        ("app", notice.app_id, expected.app_id),
        ("payer", notice.openid, expected.openid),
        ("amount", notice.amount_fen, expected.amount_fen),
        ("currency", notice.currency, "CNY"),
    ):
        if told != ours:
            return Judgement(Verdict.SUSPECT, misfit)
    if expected.charge_status is ChargeStatus.OPEN:
        return Judgement(Verdict.CONFIRM)
    return Judgement(Verdict.LATE)
