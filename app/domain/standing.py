"""Where an order stands: whether its money is in or on its way back, and what is to be done next."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.charges import ChargeStatus
from app.domain.orders import OrderStatus
from app.domain.refunds import RefundStatus

SOON = timedelta(hours=24)
"""An unpaid order that ends within this is worth a call."""


class PayState(StrEnum):
    """The money of one order, in a word."""

    UNPAID = "unpaid"
    PAID = "paid"
    REFUNDING = "refunding"
    REFUNDED = "refunded"
    REFUND_FAILED = "refund_failed"


def pay_state(charge: ChargeStatus, newest_refund: RefundStatus | None) -> PayState:
    """The state of what settled the charge. Accepted is not arrived (decision 34)."""
    if charge is not ChargeStatus.SETTLED:
        return PayState.UNPAID
    if newest_refund is None:
        return PayState.PAID
    if newest_refund is RefundStatus.DONE:
        return PayState.REFUNDED
    if newest_refund in (RefundStatus.REQUESTED, RefundStatus.ACCEPTED):
        return PayState.REFUNDING
    return PayState.REFUND_FAILED


class Todo(StrEnum):
    """What an open order waits for. Each is a list of its own, too."""

    PICK_UP = "pick_up"  # paid: the person comes
    OVERDUE = "overdue"  # paid, and past its deadline: it stands, decision 13
    PAY = "pay"  # the person pays
    PAY_SOON = "pay_soon"  # the same, and little time is left


@dataclass(frozen=True, slots=True)
class NextStep:
    """What comes next, until when, and since when it is paid."""

    todo: Todo
    expires_at: datetime
    paid_at: datetime | None
    frozen: bool
    suspect_fen: int  # money that arrived and does not fit: a person looks at it before anything else


def next_step(
    status: OrderStatus,
    *,
    paid_at: datetime | None,
    frozen: bool,
    expires_at: datetime,
    now: datetime,
    suspect_fen: int = 0,
) -> NextStep | None:
    """The next step of an order, or None where nothing is left to do. `paid_at` is when its charge was settled."""
    if status is not OrderStatus.RESERVED:
        return None
    if paid_at is not None:
        todo = Todo.OVERDUE if expires_at <= now else Todo.PICK_UP
    else:
        todo = Todo.PAY_SOON if expires_at - now < SOON else Todo.PAY
    return NextStep(todo, expires_at, paid_at, frozen, suspect_fen)
