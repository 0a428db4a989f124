"""Money on its way back to a person (decision 34)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

CANCELLED_REASON = "订单取消"
SURPLUS_REASON = "重复或过期的付款，自动退回"
"""What the person reads beside a refund in WeChat; what colleagues write to each other stays with us."""


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
