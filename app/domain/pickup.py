"""The counter's answer to a number: exactly one of these (decision 17), and what a frame number looks like."""

import re
from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.errors import Rule, RuleBroken
from app.domain.numbering import Business, VehicleNumber, fold
from app.domain.orders import OrderStatus

_FRAME_NO = re.compile(r"[0-9A-Z]{5,30}")
_LIKE_OUR_NUMBERS = re.compile(r"[A-Z][MZP]?\d{1,6}")  # a plate or battery number, or one read or typed wrongly


class Answer(StrEnum):
    """What the counter says of what was scanned or typed."""

    READY = "ready"
    NOT_THIS_PERSONS = "not_this_persons"
    OTHER_STORE = "other_store"
    NOT_PAID = "not_paid"
    FROZEN = "frozen"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    COLLECTED = "collected"
    UNKNOWN = "unknown"
    CHOOSE = "choose"  # digits that fit some open orders


REFUSALS = frozenset(Answer) - {Answer.READY, Answer.CHOOSE}
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


def standing_of(facts: OrderFacts, now: datetime) -> Answer:
    """The answer about one order, whoever else stands at the counter. A paid order never expires. Decisions 13, 17."""
    if facts.status is OrderStatus.COMPLETED:
        return Answer.COLLECTED
    if facts.status is OrderStatus.CANCELLED:
        return Answer.CANCELLED
    if facts.status is OrderStatus.EXPIRED or (not facts.paid and facts.expires_at <= now):
        return Answer.EXPIRED
    if facts.frozen:
        return Answer.FROZEN
    return Answer.READY if facts.paid else Answer.NOT_PAID


def answer_from_letter(number: VehicleNumber, store_letter: str, letters: Container[str]) -> Answer | None:
    """The answer that a number's letter alone gives; None when its order must be looked up. NUM-3, decision 17."""
    if number.letter == store_letter:
        return None if number.business is Business.SALE else Answer.UNKNOWN
    return Answer.OTHER_STORE if number.letter in letters else Answer.UNKNOWN


def answer_for(facts: OrderFacts | None, *, open_customer_id: int | None, now: datetime) -> Answer:
    """The answer for a number of this store; `open_customer_id` is whose ready order is on the screen. NUM-8."""
    if facts is None:
        return Answer.UNKNOWN
    standing = standing_of(facts, now)
    is_open = standing in (Answer.READY, Answer.NOT_PAID, Answer.FROZEN)
    if is_open and open_customer_id is not None and open_customer_id != facts.customer_id:
        return Answer.NOT_THIS_PERSONS
    return standing


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
