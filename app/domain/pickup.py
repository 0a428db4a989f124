"""The counter's answer to a number: exactly one of these (decision 17), and what a frame number looks like."""

import re
from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.batteries import BatteryState
from app.domain.errors import Rule, RuleBroken
from app.domain.numbering import VehicleNumber, fold
from app.domain.orders import OrderStatus

_FRAME_NO = re.compile(r"[0-9A-Z]{5,30}")
_LIKE_OUR_NUMBERS = re.compile(r"[A-Z][MZP]?\d{1,6}")  # a plate or battery number, or one read or typed wrongly


class Answer(StrEnum):
    """What the counter says of what was scanned or typed."""

    READY = "ready"
    NOT_THIS_PERSONS = "not_this_persons"
    OTHER_STORE = "other_store"
    NOT_PAID = "not_paid"
    DEPOSIT_MISSING = "deposit_missing"
    CARD_NOT_APPROVED = "card_not_approved"
    FROZEN = "frozen"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    COLLECTED = "collected"
    UNKNOWN = "unknown"
    CHOOSE = "choose"  # digits that fit some open orders
    RENTED_OUT = "rented_out"  # a rented vehicle that is out: it can be returned
    BATTERY_OUT = "battery_out"  # a battery in use: it can be returned or exchanged
    BATTERY_IN = "battery_in"  # a battery in stock
    BATTERY_AWAY = "battery_away"  # in repair, scrapped or lost, or not made


TO_DO = frozenset({Answer.READY, Answer.RENTED_OUT, Answer.BATTERY_OUT})
"""The answers that something can be done with at once."""
REFUSALS = frozenset(Answer) - TO_DO - {Answer.CHOOSE, Answer.BATTERY_IN}
"""The answers with the red band and the sound."""


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """What an answer about an order depends on."""

    order_id: int
    customer_id: int
    status: OrderStatus
    paid: bool
    frozen: bool
    expires_at: datetime
    secured: bool = True  # a rental: a deposit is held for it
    card_approved: bool = True  # a rental: its person's student card
    out: bool = False  # a rental: picked up and not returned


OPEN = frozenset({Answer.READY, Answer.NOT_PAID, Answer.FROZEN, Answer.DEPOSIT_MISSING, Answer.CARD_NOT_APPROVED})
"""The answers about an order that waits for its pickup."""


def standing_of(facts: OrderFacts, now: datetime) -> Answer:
    """The answer about one order, whoever else stands at the counter. A paid order never expires. Decisions 13, 17."""
    if facts.status is OrderStatus.COMPLETED:
        return Answer.RENTED_OUT if facts.out else Answer.COLLECTED
    if facts.status is OrderStatus.CANCELLED:
        return Answer.CANCELLED
    if facts.status is OrderStatus.EXPIRED or (not facts.paid and facts.expires_at <= now):
        return Answer.EXPIRED
    if facts.frozen:
        return Answer.FROZEN
    if not facts.secured:
        return Answer.DEPOSIT_MISSING
    if not facts.paid:
        return Answer.NOT_PAID
    return Answer.READY if facts.card_approved else Answer.CARD_NOT_APPROVED


def answer_from_letter(number: VehicleNumber, store_letter: str, letters: Container[str]) -> Answer | None:
    """The answer that a number's letter alone gives; None when its order must be looked up. NUM-3, decision 17."""
    if number.letter == store_letter:
        return None
    return Answer.OTHER_STORE if number.letter in letters else Answer.UNKNOWN


def answer_for(facts: OrderFacts | None, *, open_customer_id: int | None, now: datetime) -> Answer:
    """The answer for a number of this store; `open_customer_id` is whose ready order is on the screen. NUM-8."""
    if facts is None:
        return Answer.UNKNOWN
    standing = standing_of(facts, now)
    is_open = standing in OPEN
    if is_open and open_customer_id is not None and open_customer_id != facts.customer_id:
        return Answer.NOT_THIS_PERSONS
    return standing


def answer_for_battery(state: BatteryState | None) -> Answer:
    """The answer for a battery, by where it is; None: there is no such. Decision 23."""
    match state:
        case None:
            return Answer.UNKNOWN
        case BatteryState.IN_USE:
            return Answer.BATTERY_OUT
        case BatteryState.IN_STOCK:
            return Answer.BATTERY_IN
        case _:
            return Answer.BATTERY_AWAY


def frame_no_in(text: str) -> str | None:
    """The frame number that a scan is, when it is no number of ours; None for anything else. Decision 17."""
    folded = fold(text)
    plausible = _FRAME_NO.fullmatch(folded) and re.search(r"\d", folded) and not _LIKE_OUR_NUMBERS.fullmatch(folded)
    return folded if plausible else None


def checked_frame_no(typed: str) -> str:
    """A frame number, folded: 5 to 30 letters and digits. Raises RuleBroken."""
    folded = fold(typed)
    if not _FRAME_NO.fullmatch(folded):
        raise RuleBroken(Rule.FRAME_NO_WRONG)
    return folded
