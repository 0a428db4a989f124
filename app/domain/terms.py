"""Late fees and freezes: the terms that a use or rental begins with, and what follows from its days (decision 19)."""

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class Terms:
    """Copied when a use or rental begins, and kept whatever the settings become (SET-11)."""

    free_days: int
    late_fee_fen: int  # for each day beyond them
    freeze_days: int  # from this day of being out (rental: of being late) on, the account is frozen
    cap_fen: int  # the most that all its late fees come to


def days_out(counted_from: date, on: date) -> int:
    """Calendar days in Shanghai since the day counted from: of a battery the scan, of a rental its last day."""
    return (on - counted_from).days


def freezes_on(counted_from: date, terms: Terms) -> date:
    """The day on which the account freezes if it is not returned before. SET-4."""
    return counted_from + timedelta(days=terms.freeze_days)


def fees_from(counted_from: date, terms: Terms) -> date:
    """The first day that costs a late fee. SET-4."""
    return counted_from + timedelta(days=terms.free_days + 1)


def cap_of(deposit_fen: int, percent: int) -> int:
    """The most that the late fees of one use come to. Decision 21."""
    return deposit_fen * percent // 100
