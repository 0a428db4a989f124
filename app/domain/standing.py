"""Where an order stands: whether its money is in or on its way back, and what is to be done next."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from app.domain.calendar import business_day
from app.domain.cards import CardStatus
from app.domain.charges import ChargeStatus
from app.domain.orders import OrderStatus
from app.domain.refunds import RefundStatus
from app.domain.rentals import days_late

SOON = timedelta(hours=24)
"""An unpaid order that ends within this is worth a call."""


class PayState(StrEnum):
    """The money of one order, in a word."""

    UNPAID = "unpaid"
    PAID = "paid"
    REFUNDING = "refunding"
    REFUNDED = "refunded"
    PART_REFUNDED = "part_refunded"
    REFUND_FAILED = "refund_failed"


def pay_state(charge: ChargeStatus, refund: RefundStatus | None, *, in_part: bool = False) -> PayState:
    """The state of what settled the charge. Accepted is not arrived (decision 34).

    `refund` is the most urgent one (`refunds.URGENCY`); `in_part`: all of them together are less than what was paid.
    """
    if charge is not ChargeStatus.SETTLED:
        return PayState.UNPAID
    if refund is None:
        return PayState.PAID
    if refund is RefundStatus.DONE:
        return PayState.PART_REFUNDED if in_part else PayState.REFUNDED
    if refund in (RefundStatus.REQUESTED, RefundStatus.ACCEPTED):
        return PayState.REFUNDING
    return PayState.REFUND_FAILED


class OrderState(StrEnum):
    """A state that a list of orders tells apart. ORD-2, ORD-3.

    COMPLETED means picked up; of those, a rented vehicle is OUT or RETURNED.
    """

    RESERVED = "reserved"
    COMPLETED = "completed"
    OUT = "out"
    RETURNED = "returned"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def status(self) -> OrderStatus:
        """The status of such orders."""
        return OrderStatus.COMPLETED if self in (OrderState.OUT, OrderState.RETURNED) else OrderStatus(self.value)

    @property
    def out(self) -> bool | None:
        """Whether their vehicles are rented and not back; None: either."""
        return {OrderState.OUT: True, OrderState.RETURNED: False}.get(self)

    def holds(self, status: OrderStatus, *, out: bool) -> bool:
        """Whether an order is in this state."""
        return status is self.status and self.out in (None, out)


SALE_STATES = (OrderState.RESERVED, OrderState.COMPLETED, OrderState.CANCELLED, OrderState.EXPIRED)
RENTAL_STATES = tuple(OrderState)


class Todo(StrEnum):
    """What an order waits for. Each is a list of its own, too."""

    PICK_UP = "pick_up"  # paid: the person comes
    OVERDUE = "overdue"  # paid, and past its deadline: it stands, decision 13
    PAY = "pay"  # the person pays
    PAY_SOON = "pay_soon"  # the same, and little time is left
    BRING_BACK = "bring_back"  # rented: the vehicle is out
    LATE = "late"  # the same, and past its last day
    DAMAGE = "damage"  # back, and its damage is not settled


BEFORE_PICKUP = (Todo.PICK_UP, Todo.OVERDUE, Todo.PAY, Todo.PAY_SOON)
AFTER_PICKUP = (Todo.BRING_BACK, Todo.LATE, Todo.DAMAGE)
SALE_TODOS = BEFORE_PICKUP
RENTAL_TODOS = (*BEFORE_PICKUP, Todo.LATE, Todo.DAMAGE)
"""The lists that are offered; what is out is a state already."""


class Lack(StrEnum):
    """What a reserved rental still lacks before its step, in the order in which it is asked for. FLOW-RENT-1 to 3."""

    CARD = "card"  # no student card stands
    DEPOSIT = "deposit"  # nothing is held for it
    REVIEW = "review"  # paid, and its card waits for somebody to look at it


@dataclass(frozen=True, slots=True)
class RentalFacts:
    """What a rental's next step depends on besides its order."""

    card: CardStatus | None  # pending or approved; None: none stands
    secured: bool  # a deposit is held for its person
    due_on: date | None = None  # once picked up
    is_back: bool = False
    is_settled: bool = False  # back in good order, or its damage was dealt with


@dataclass(frozen=True, slots=True)
class NextStep:
    """What comes next, until when, and since when it is paid."""

    todo: Todo
    expires_at: datetime
    paid_at: datetime | None
    frozen: bool
    in_debt: bool  # the person owes late fees: as good as frozen, and lifted by paying
    suspect_fen: int  # money that arrived and does not fit: a person looks at it before anything else
    lack: Lack | None = None  # of a rental: what comes before
    due_on: date | None = None  # of a rental that is out


def next_step(
    status: OrderStatus,
    *,
    paid_at: datetime | None,
    frozen: bool,
    in_debt: bool = False,
    expires_at: datetime,
    now: datetime,
    suspect_fen: int = 0,
    rental: RentalFacts | None = None,
) -> NextStep | None:
    """The next step of an order, or None where nothing is left to do. `paid_at` is when its charge was settled."""
    lack, due_on = None, None
    if status is OrderStatus.RESERVED:
        if paid_at is not None:
            todo = Todo.OVERDUE if expires_at <= now else Todo.PICK_UP
        else:
            todo = Todo.PAY_SOON if expires_at - now < SOON else Todo.PAY
        lack = _lack(rental, paid=paid_at is not None) if rental else None
    elif rental is None or rental.due_on is None or rental.is_settled:
        return None
    elif rental.is_back:
        todo = Todo.DAMAGE
    else:
        due_on = rental.due_on
        todo = Todo.LATE if days_late(due_on, business_day(now)) else Todo.BRING_BACK
    return NextStep(todo, expires_at, paid_at, frozen, in_debt, suspect_fen, lack, due_on)


def _lack(rental: RentalFacts, *, paid: bool) -> Lack | None:
    """Deposit and fee are paid with a card that was only sent in; the pickup needs an approved one. Decision 4."""
    if rental.card is None:
        return Lack.CARD
    if not rental.secured:
        return Lack.DEPOSIT
    return Lack.REVIEW if paid and rental.card is not CardStatus.APPROVED else None
