"""Late fees: one pure function for the preview, the nightly job and the return (decisions 19 to 21, SET-4)."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from app.domain.terms import Terms, fees_from

QUOTE_LASTS = timedelta(minutes=15)
"""How long the amount of a quote may be paid. Decision 21."""


class DayReason(StrEnum):
    """What a day beyond the free days costs, and why."""

    FEE = "fee"  # the fee of the terms, or the rest of the cap
    CLOSED = "closed"  # 闭店: the store was closed, nothing
    CAPPED = "capped"  # 封顶: the cap was reached before, nothing
    FREE = "free"  # the terms ask for nothing


@dataclass(frozen=True, slots=True)
class LateDay:
    """One day beyond the free days, and its amount in fen."""

    on: date
    amount_fen: int
    reason: DayReason


def late_days(terms: Terms, counted_from: date, until: date, closed: Collection[date] = ()) -> Iterator[LateDay]:
    """Every day beyond the free days, up to and with `until`: of a battery counted from the scan, of a rental from its
    last day. A started day counts. The day on which the cap is reached takes what is left of it.
    """
    day, left_fen = fees_from(counted_from, terms), terms.cap_fen
    while day <= until:
        if terms.late_fee_fen == 0:
            late = LateDay(day, 0, DayReason.FREE)
        elif day in closed:
            late = LateDay(day, 0, DayReason.CLOSED)
        elif left_fen == 0:
            late = LateDay(day, 0, DayReason.CAPPED)
        else:
            late = LateDay(day, min(terms.late_fee_fen, left_fen), DayReason.FEE)
        left_fen -= late.amount_fen
        yield late
        day += timedelta(days=1)


def late_fee_fen(terms: Terms, counted_from: date, until: date, closed: Collection[date] = ()) -> int:
    """What those days come to, in fen."""
    return sum(day.amount_fen for day in late_days(terms, counted_from, until, closed))
