"""Money on its way back to a person (decision 34)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.errors import Rule, RuleBroken

CANCELLED_REASON = "订单取消"
SURPLUS_REASON = "重复或过期的付款，自动退回"
"""What the person reads beside a refund in WeChat; what colleagues write to each other stays with us."""
WECHAT_REFUNDS_FOR = timedelta(days=365)
"""From the payment on; after it WeChat refuses, and the owner pays another way (decision 26)."""
LONGEST_QUESTION = timedelta(minutes=2)
"""No question to WeChat lasts longer."""
MOST_REASON = 26
"""Characters of what the person reads: 80 bytes at WeChat, three for each Chinese one."""


def is_past_refunds(paid_at: datetime | None, now: datetime) -> bool:
    """Whether WeChat refunds a payment no more. Decision 26."""
    return paid_at is not None and now > paid_at + WECHAT_REFUNDS_FOR


class RefundChannel(StrEnum):
    """Which way the money goes back."""

    WECHAT = "wechat"
    OUTSIDE = "outside"  # by the owner, with proof: WeChat refuses refunds 365 days after the payment (decision 26)


class RefundStatus(StrEnum):
    """One refund that we want. Accepted is not arrived."""

    REQUESTED = "requested"  # our row stands; WeChat may or may not have heard
    ACCEPTED = "accepted"  # WeChat is at work on it
    DONE = "done"  # the money has arrived
    ABNORMAL = "abnormal"  # WeChat could not deliver it: a person must look
    REFUSED = "refused"  # WeChat closed it: the money is still with us


REFUND_MOVES: dict[RefundStatus, frozenset[RefundStatus]] = {
    RefundStatus.REQUESTED: frozenset(
        {RefundStatus.ACCEPTED, RefundStatus.DONE, RefundStatus.ABNORMAL, RefundStatus.REFUSED}
    ),
    RefundStatus.ACCEPTED: frozenset({RefundStatus.DONE, RefundStatus.ABNORMAL, RefundStatus.REFUSED}),
    RefundStatus.ABNORMAL: frozenset({RefundStatus.DONE, RefundStatus.REFUSED}),
    RefundStatus.DONE: frozenset(),
    RefundStatus.REFUSED: frozenset(),
}
"""Where a refund may go from each state: never back."""
ON_ITS_WAY = (RefundStatus.REQUESTED, RefundStatus.ACCEPTED, RefundStatus.ABNORMAL)
"""Wanted and neither arrived nor closed: the money is not with us any more, and not with the person yet."""
URGENCY = (
    RefundStatus.ABNORMAL,
    RefundStatus.REFUSED,
    RefundStatus.REQUESTED,
    RefundStatus.ACCEPTED,
    RefundStatus.DONE,
)
"""Of several refunds of one payment, the state that is told first."""


def checked_amount(amount_fen: int | None, left_fen: int) -> int:
    """What is to go back, of what is left of a payment. Raises RuleBroken."""
    if left_fen <= 0:
        raise RuleBroken(Rule.NOTHING_TO_REFUND)
    if amount_fen is None or amount_fen <= 0:
        raise RuleBroken(Rule.AMOUNT_WRONG)
    if amount_fen > left_fen:
        raise RuleBroken(Rule.REFUND_TOO_MUCH, left_fen=left_fen)
    return amount_fen


def checked_refund_reason(typed: str) -> str:
    """What the person reads, trimmed. Raises RuleBroken when it is missing, or longer than WeChat shows."""
    reason = typed.strip()
    if not reason:
        raise RuleBroken(Rule.REASON_MISSING)
    if len(reason) > MOST_REASON:
        raise RuleBroken(Rule.TEXT_TOO_LONG, most=MOST_REASON)
    return reason


def may_pay_outside(
    status: RefundStatus, *, paid_at: datetime | None, parked: bool, asked_at: datetime | None, now: datetime
) -> bool:
    """Whether WeChat will not deliver a refund any more, so that the owner may pay another way. Decision 26.

    One that it has accepted may still arrive, and so may one that was parked (WeChat refused to take it) if somebody
    is asking again right now. What was paid too long ago it never takes.
    """
    if status in (RefundStatus.ABNORMAL, RefundStatus.REFUSED):
        return True
    if status is not RefundStatus.REQUESTED:
        return False
    too_old = is_past_refunds(paid_at, now)
    quiet = asked_at is None or now > asked_at + LONGEST_QUESTION
    return too_old or (parked and quiet)


@dataclass(frozen=True, slots=True)
class RefundNotice:
    """A refund as WeChat tells of it: accepted (PROCESSING), done (SUCCESS), abnormal (ABNORMAL), refused (CLOSED)."""

    out_refund_no: str
    out_trade_no: str
    refund_id: str
    status: RefundStatus
    amount_fen: int
    done_at: datetime | None  # WeChat's success_time, UTC
    mch_id: str
