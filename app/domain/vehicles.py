"""Vehicle models, plans, prices and stock: what they may be, and which price holds when (SET-1, SET-2, decision 18)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from app.domain.directory import checked_name
from app.domain.errors import Rule, RuleBroken
from app.domain.money import yuan

MOST_MODEL_NAME = 40
MOST_COLOUR = 20
MOST_COLOURS = 12
MOST_FACT = 40
MOST_FACTS = 8
MOST_PLAN_NAME = 20
MOST_DAYS = 1500
MOST_QUANTITY = 9999
MOST_NOTE = 100
LEAST_PRICE_FEN, MOST_PRICE_FEN = 1, 100_000_00

PICTURES = ("vehicles/f1.svg", "vehicles/e8.svg", "vehicles/a5.svg", "vehicles/s3.svg")
"""The drawings that a model can be shown with: files of static."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """A model as people see it: its colours, and short sentences about it."""

    name: str
    colours: tuple[str, ...]
    facts: tuple[str, ...]
    picture: str

    @classmethod
    def typed(cls, name: str, colours: str, facts: str, picture: str) -> Self:
        """From text: colours between commas or in lines, one sentence a line."""
        return cls(name, read_colours(colours), read_facts(facts), picture)

    def checked(self) -> "ModelFacts":
        """The same, if it can be. Raises RuleBroken with the field that does not fit."""
        name = checked_name(self.name, MOST_MODEL_NAME)
        colours, facts = checked_colours(self.colours), checked_facts(self.facts)
        if self.picture not in PICTURES:
            raise RuleBroken(Rule.PICTURE_MISSING, field="picture")
        return ModelFacts(name, colours, facts, self.picture)


def read_colours(typed: str) -> tuple[str, ...]:
    """Between commas or in lines; each once."""
    return _words(typed, r"[,，、;；\n]")


def read_facts(typed: str) -> tuple[str, ...]:
    """One sentence a line."""
    return _words(typed, r"\n")


def checked_colours(colours: tuple[str, ...]) -> tuple[str, ...]:
    """At least one, and not too many or too long. Raises RuleBroken."""
    if not colours:
        raise RuleBroken(Rule.COLOURS_MISSING, field="colours")
    _refuse_too_much(colours, MOST_COLOURS, MOST_COLOUR, "colours")
    return colours


def checked_facts(facts: tuple[str, ...]) -> tuple[str, ...]:
    """Not too many or too long. Raises RuleBroken."""
    _refuse_too_much(facts, MOST_FACTS, MOST_FACT, "facts")
    return facts


def _words(text: str, separator: str) -> tuple[str, ...]:
    parts = (" ".join(part.split()) for part in re.split(separator, text))
    return tuple(dict.fromkeys(part for part in parts if part))


def _refuse_too_much(words: tuple[str, ...], most: int, most_letters: int, field: str) -> None:
    if len(words) > most:
        raise RuleBroken(Rule.TOO_MANY, most=most, field=field)
    if any(len(word) > most_letters for word in words):
        raise RuleBroken(Rule.TEXT_TOO_LONG, most=most_letters, field=field)


def checked_days(days: int) -> int:
    """For how long a plan is. Raises RuleBroken."""
    if not 1 <= days <= MOST_DAYS:
        raise RuleBroken(Rule.DAYS_WRONG, field="days")
    return days


@dataclass(frozen=True, slots=True)
class PriceTag:
    """A price, and the one before it that is shown struck through."""

    amount_fen: int
    was_fen: int | None = None

    def checked(self) -> "PriceTag":
        """The same, if it can be. Raises RuleBroken with the field that does not fit."""
        if not LEAST_PRICE_FEN <= self.amount_fen <= MOST_PRICE_FEN:
            least, most = yuan(LEAST_PRICE_FEN), yuan(MOST_PRICE_FEN)
            raise RuleBroken(Rule.VALUE_OUT_OF_RANGE, name="价格", least=least, most=most, unit="元", field="value")
        if self.was_fen is not None and not self.amount_fen < self.was_fen <= MOST_PRICE_FEN:
            raise RuleBroken(Rule.WAS_PRICE_WRONG, field="was")
        return self

    @property
    def words(self) -> str:
        """`¥2,899.00，原价 ¥3,199.00`."""
        was = "" if self.was_fen is None else f"，原价 ¥{yuan(self.was_fen)}"
        return f"¥{yuan(self.amount_fen)}{was}"


@dataclass(frozen=True, slots=True)
class PriceVersion:
    """One price from a time on."""

    id: int
    tag: PriceTag
    effective_at: datetime


@dataclass(frozen=True, slots=True)
class PriceCourse:
    """All prices of one thing, in the order in which they hold: of equal times the last one made."""

    versions: tuple[PriceVersion, ...]

    @classmethod
    def of(cls, versions: Iterable[PriceVersion]) -> Self:
        """Puts the versions in order."""
        return cls(tuple(sorted(versions, key=lambda version: (version.effective_at, version.id))))

    def at(self, moment: datetime) -> PriceVersion | None:
        """The price that holds at a time; None before the first one."""
        return next((version for version in reversed(self.versions) if version.effective_at <= moment), None)

    def before(self, moment: datetime) -> PriceVersion | None:
        """The price just before a time: what comes back when what was planned for that time is withdrawn."""
        return next((version for version in reversed(self.versions) if version.effective_at < moment), None)

    def is_pending(self, version: PriceVersion, now: datetime) -> bool:
        """Whether a version will change something at a time to come."""
        before = self.before(version.effective_at)
        return (
            version.effective_at > now
            and self.at(version.effective_at) == version
            and (before is None or before.tag != version.tag)
        )

    def refuse_unless_changing(self, tag: PriceTag, moment: datetime) -> None:
        """Raises RuleBroken when the price would be that at that time anyway, or cannot be."""
        holding = self.at(moment)
        if holding is not None and holding.tag == tag.checked():
            raise RuleBroken(Rule.NO_CHANGE, value=tag.words)


class StockCause(StrEnum):
    """Why somebody moves stock by hand."""

    BOUGHT = "bought"
    REPAIRED = "repaired"
    MOVED_IN = "moved_in"
    FOUND = "found"
    MOVED_OUT = "moved_out"
    MISSING = "missing"
    SCRAPPED = "scrapped"
    OTHER_IN = "other_in"
    OTHER_OUT = "other_out"


TAKES_OUT = frozenset({StockCause.MOVED_OUT, StockCause.MISSING, StockCause.SCRAPPED, StockCause.OTHER_OUT})
NEEDS_A_NOTE = frozenset({StockCause.OTHER_IN, StockCause.OTHER_OUT})


def checked_quantity(quantity: int) -> int:
    """How many vehicles move at once. Raises RuleBroken."""
    if not 1 <= quantity <= MOST_QUANTITY:
        raise RuleBroken(Rule.QUANTITY_WRONG, field="quantity")
    return quantity


def stock_delta(cause: StockCause, quantity: int) -> int:
    """By how much the stock goes up or down. Raises RuleBroken."""
    return -checked_quantity(quantity) if cause in TAKES_OUT else checked_quantity(quantity)


def checked_stock_note(cause: StockCause, note: str) -> str:
    """What is added to the cause, trimmed. Raises RuleBroken when another cause says nothing, or it is too long."""
    note = " ".join(note.split())
    if not note and cause in NEEDS_A_NOTE:
        raise RuleBroken(Rule.REASON_MISSING, field="note")
    if len(note) > MOST_NOTE:
        raise RuleBroken(Rule.TEXT_TOO_LONG, most=MOST_NOTE, field="note")
    return note
