"""The life of an order: its states, its one deadline, and who may end it when (decisions 11 to 14)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.errors import Rule, RuleBroken
from app.domain.numbering import Business

ATTEMPT_MINUTES = 15
"""How long one payment attempt may take."""
LAST_MINUTES = 1
"""A payment ends this long before its order does, so that the notice finds the order open."""
LEAST_MINUTES_TO_PAY = 5
"""A payment is offered only with this much left."""
YOUNG_ATTEMPT_MINUTES = 5
"""WeChat asks not to close a payment sooner than this after it was made."""


class OrderStatus(StrEnum):
    """What a person sees; COMPLETED means picked up. ORD-2."""

    RESERVED = "reserved"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class OrderEvent(StrEnum):
    """What can happen to an order."""

    PICK_UP = "pick_up"
    UNDO_PICKUP = "undo_pickup"
    CANCEL = "cancel"
    EXPIRE = "expire"
    REVIVE = "revive"


class Intent(StrEnum):
    """Which button was pressed: 立即预约 or 立即购买. FLOW-BUY-2."""

    RESERVE = "reserve"
    BUY = "buy"


MOVES: dict[tuple[OrderStatus, OrderEvent], OrderStatus | Rule] = {
    (OrderStatus.RESERVED, OrderEvent.PICK_UP): OrderStatus.COMPLETED,
    (OrderStatus.RESERVED, OrderEvent.UNDO_PICKUP): Rule.NOT_COLLECTED,
    (OrderStatus.RESERVED, OrderEvent.CANCEL): OrderStatus.CANCELLED,
    (OrderStatus.RESERVED, OrderEvent.EXPIRE): OrderStatus.EXPIRED,
    (OrderStatus.RESERVED, OrderEvent.REVIVE): Rule.STILL_OPEN,
    (OrderStatus.COMPLETED, OrderEvent.PICK_UP): Rule.ALREADY_COLLECTED,
    (OrderStatus.COMPLETED, OrderEvent.UNDO_PICKUP): OrderStatus.RESERVED,
    (OrderStatus.COMPLETED, OrderEvent.CANCEL): Rule.ALREADY_COLLECTED,
    (OrderStatus.COMPLETED, OrderEvent.EXPIRE): Rule.ALREADY_COLLECTED,
    (OrderStatus.COMPLETED, OrderEvent.REVIVE): Rule.STILL_OPEN,
    (OrderStatus.CANCELLED, OrderEvent.PICK_UP): Rule.ALREADY_CLOSED,
    (OrderStatus.CANCELLED, OrderEvent.UNDO_PICKUP): Rule.ALREADY_CLOSED,
    (OrderStatus.CANCELLED, OrderEvent.CANCEL): Rule.ALREADY_CLOSED,
    (OrderStatus.CANCELLED, OrderEvent.EXPIRE): Rule.ALREADY_CLOSED,
    (OrderStatus.CANCELLED, OrderEvent.REVIVE): OrderStatus.RESERVED,
    (OrderStatus.EXPIRED, OrderEvent.PICK_UP): Rule.ALREADY_CLOSED,
    (OrderStatus.EXPIRED, OrderEvent.UNDO_PICKUP): Rule.ALREADY_CLOSED,
    (OrderStatus.EXPIRED, OrderEvent.CANCEL): Rule.ALREADY_CLOSED,
    (OrderStatus.EXPIRED, OrderEvent.EXPIRE): Rule.ALREADY_CLOSED,
    (OrderStatus.EXPIRED, OrderEvent.REVIVE): OrderStatus.RESERVED,
}
"""Each pair of state and event: the next state, or the rule that refuses."""


def next_status(status: OrderStatus, event: OrderEvent) -> OrderStatus:
    """The state after the event. Raises RuleBroken."""
    after = MOVES[status, event]
    if isinstance(after, Rule):
        raise RuleBroken(after)
    return after


ORDER_NO_LETTER: dict[Business, str] = {Business.SALE: "S", Business.RENTAL: "R", Business.MINI_RENTAL: "P"}
"""What an order number begins with."""
RENTALS = frozenset({Business.RENTAL, Business.MINI_RENTAL})
"""The businesses that a vehicle comes back from."""


class Step(StrEnum):
    """What a reserved order waits for. FLOW-BUY-2, FLOW-BUY-3, FLOW-RENT-1 to FLOW-RENT-3."""

    CARD = "card"
    DEPOSIT = "deposit"
    NUMBER = "number"
    PAY = "pay"
    PICKUP = "pickup"


@dataclass(frozen=True, slots=True)
class Way:
    """How far a reserved order has come. A sale asks for neither card nor deposit: they count as there."""

    has_card: bool  # a student card was sent in and not refused
    is_secured: bool  # a deposit is held
    is_matched: bool
    is_paid: bool

    @property
    def done(self) -> dict[Step, bool]:
        """Each step before the pickup, in their order. One can be undone after a later one: a card can be refused."""
        return {
            Step.CARD: self.has_card,
            Step.DEPOSIT: self.is_secured,
            Step.NUMBER: self.is_matched,
            Step.PAY: self.is_paid,
        }

    @property
    def step(self) -> Step:
        """The first that is not done."""
        return next((step for step, done in self.done.items() if not done), Step.PICKUP)


def deadline_after_match(expires_at: datetime, now: datetime, *, hold_minutes: int) -> datetime:
    """The deadline once the right number was entered at the store: never earlier than it was. Decision 13."""
    return max(expires_at, now + timedelta(minutes=hold_minutes))


def is_time_to_pay(expires_at: datetime, now: datetime) -> bool:
    """Whether enough is left to offer a payment. Decision 13."""
    return expires_at - now >= timedelta(minutes=LEAST_MINUTES_TO_PAY)


def refuse_unless_time_to_pay(expires_at: datetime, now: datetime) -> None:
    """The same as a refusal. Raises RuleBroken."""
    if not is_time_to_pay(expires_at, now):
        raise RuleBroken(Rule.PAYMENT_TIME_OVER, expires_at=expires_at)


def attempt_expires_at(expires_at: datetime, now: datetime) -> datetime:
    """When an attempt begun now can no longer be paid (WeChat's time_expire). Decision 13."""
    return min(now + timedelta(minutes=ATTEMPT_MINUTES), expires_at - timedelta(minutes=LAST_MINUTES))


@dataclass(frozen=True, slots=True)
class CancelFacts:
    """What the right to cancel depends on."""

    status: OrderStatus
    paid_at: datetime | None


def may_customer_cancel(facts: CancelFacts, now: datetime, *, paid_hours: int) -> bool:
    """The person cancels freely while unpaid, and within `paid_hours` of paying. Decision 14."""
    is_open = not isinstance(MOVES[facts.status, OrderEvent.CANCEL], Rule)
    return is_open and (facts.paid_at is None or now <= facts.paid_at + timedelta(hours=paid_hours))


def refuse_unless_customer_may_cancel(facts: CancelFacts, now: datetime, *, paid_hours: int) -> None:
    """The same as a refusal. Raises RuleBroken."""
    next_status(facts.status, OrderEvent.CANCEL)
    if not may_customer_cancel(facts, now, paid_hours=paid_hours):
        raise RuleBroken(Rule.CANCEL_TIME_OVER, hours=paid_hours)


def is_undo_in_time(picked_up_at: datetime, now: datetime, *, minutes: int) -> bool:
    """A pickup can be undone for some minutes only. Decision 17."""
    return now <= picked_up_at + timedelta(minutes=minutes)


def refuse_unless_undo_in_time(picked_up_at: datetime, now: datetime, *, minutes: int) -> None:
    """The same as a refusal. Raises RuleBroken."""
    if not is_undo_in_time(picked_up_at, now, minutes=minutes):
        raise RuleBroken(Rule.UNDO_TIME_OVER, minutes=minutes)
