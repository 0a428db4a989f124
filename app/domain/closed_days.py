"""闭店日: days on which a store is closed cost no late fee; they move neither free days nor freeze (decision 20)."""

from datetime import date, datetime, timedelta

from app.domain.calendar import business_day
from app.domain.errors import Rule, RuleBroken

MOST_DAYS = 100
"""In one act; a holiday is shorter."""
IN_TIME = timedelta(minutes=5)
"""Before midnight: what is declared is then written before anybody can post a day that it changes."""


def earliest(now: datetime, posted_to: date | None) -> date:
    """The first day that can still be closed or opened: it has not begun, and nothing of it is posted."""
    begun = business_day(now + IN_TIME)
    return max(begun, posted_to or begun) + timedelta(days=1)


def checked_span(first: date, last: date, since: date) -> list[date]:
    """The days from `first` to `last`. Raises RuleBroken when they are no span, too many, or begin before `since`."""
    if first < since:
        raise RuleBroken(Rule.CLOSED_DAYS_BEGUN, first=since.isoformat(), field="first")
    days = (last - first).days + 1
    if not 1 <= days <= MOST_DAYS:
        raise RuleBroken(Rule.CLOSED_DAYS_WRONG, most=MOST_DAYS, field="last")
    return [first + timedelta(days=nth) for nth in range(days)]
