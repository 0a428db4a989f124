"""Days of the books: their figures, whether they are closed, what stands in the way of closing one (decision 33)."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.bills import DAYS_BACK, BillKind, ItemState
from app.domain.calendar import business_day
from app.domain.closing import STANDING, Figure, balances, figures
from app.domain.errors import Rule, RuleBroken
from app.domain.ledger import Account
from app.domain.permissions import Actor, Permission
from app.models.access import Staff
from app.models.closing import BillDay, BillItem, DayClose
from app.models.directory import Region
from app.models.money import LedgerTransfer
from app.queries.ledger import DaySum, Within, sums


@dataclass(frozen=True, slots=True)
class Books:
    """What a day's page says of one region, or of what belongs to none; fen."""

    figures: Mapping[Figure, int] = field(default_factory=lambda: dict.fromkeys(Figure, 0))
    standing: Mapping[Account, int] = field(default_factory=lambda: dict.fromkeys(STANDING, 0))

    def __add__(self, other: "Books") -> "Books":
        return Books(
            {figure: fen + other.figures[figure] for figure, fen in self.figures.items()},
            {account: fen + other.standing[account] for account, fen in self.standing.items()},
        )

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to be told."""
        return not any(self.figures.values()) and not any(self.standing.values())

    def stored(self) -> dict[str, Any]:
        """As a closed day keeps it."""
        return {
            "figures": {figure.value: fen for figure, fen in self.figures.items()},
            "standing": {account.value: fen for account, fen in self.standing.items()},
        }

    @classmethod
    def read(cls, stored: Mapping[str, Mapping[str, int]]) -> "Books":
        """The same, read; a figure that came later was nothing then."""
        return cls(
            {figure: stored["figures"].get(figure, 0) for figure in Figure},
            {account: stored["standing"].get(account, 0) for account in STANDING},
        )


@dataclass(frozen=True, slots=True)
class Closed:
    """Who closed a day, and when."""

    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Day:
    """One day, by region; what belongs to none stands under None, for whoever sees all regions."""

    on_day: date
    books: Mapping[int | None, Books]
    closed: Closed | None

    @property
    def total(self) -> Books:
        """All together."""
        return sum(self.books.values(), Books())


def day_of(session: Session, actor: Actor, region_id: int | None, on_day: date) -> Day:
    """A day as the actor may see it: as it was closed, else as the ledger has it now."""
    places = _places(session, actor, region_id)
    closed = _closed(session, on_day, on_day).get(on_day)
    if closed is None:
        return Day(on_day, books_of(session, places, on_day), None)
    stored, by = closed
    return Day(on_day, {place: stored.get(place, Books()) for place in places}, by)


def books_of(session: Session, places: Sequence[int | None], on_day: date) -> dict[int | None, Books]:
    """What the ledger says of a day."""
    within = Within(places)
    moved, stood = (
        _by_place(sums(session, within, first=on_day, last=on_day)),
        _by_place(sums(session, within, last=on_day)),
    )
    return {place: Books(figures(moved[place]), _standing(stood[place])) for place in places}


def _standing(rows: list[DaySum]) -> dict[Account, int]:
    held = balances(rows)
    return {account: held[account] for account in STANDING}


def _by_place(rows: list[DaySum]) -> defaultdict[int | None, list[DaySum]]:
    found: defaultdict[int | None, list[DaySum]] = defaultdict(list)
    for row in rows:
        found[row.region_id].append(row)
    return found


def all_places(session: Session) -> list[int | None]:
    """Every region, and what belongs to none."""
    return [*session.scalars(select(Region.id).order_by(Region.letter)), None]


def _places(session: Session, actor: Actor, region_id: int | None) -> list[int | None]:
    seen = actor.scope(Permission.LEDGER_VIEW).within(region_id)
    return all_places(session) if seen is None else list(seen)


def _closed(session: Session, first: date, last: date) -> dict[date, tuple[dict[int | None, Books], Closed]]:
    rows = session.execute(
        select(DayClose, Staff.name)
        .join(Staff, Staff.id == DayClose.staff_id)
        .where(DayClose.on_day.between(first, last))
    )
    found: dict[date, tuple[dict[int | None, Books], Closed]] = {}
    for close, name in rows:
        stored, _ = found.setdefault(close.on_day, ({}, Closed(name, close.closed_at)))
        stored[close.region_id] = Books.read(close.figures)
    return found


def days_of(session: Session, actor: Actor, region_id: int | None, first: date, last: date) -> list[Day]:
    """Some days, the newest first, with their figures but without what stood at their end."""
    places = _places(session, actor, region_id)
    closed = _closed(session, first, last)
    moved: defaultdict[date, list[DaySum]] = defaultdict(list)
    for row in sums(session, Within(places), first=first, last=last, by_day=True):
        moved[row.first_on].append(row)
    return [_as_it_stands(on_day, places, moved[on_day], closed.get(on_day)) for on_day in _days(first, last)]


def _as_it_stands(
    on_day: date,
    places: Sequence[int | None],
    moved: list[DaySum],
    closed: tuple[dict[int | None, Books], Closed] | None,
) -> Day:
    if closed is not None:
        stored, by = closed
        return Day(on_day, {place: stored.get(place, Books()) for place in places}, by)
    rows = _by_place(moved)
    return Day(on_day, {place: Books(figures(rows[place])) for place in places}, None)


def _days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield last
        last -= timedelta(days=1)


def is_closed(session: Session, on_day: date) -> bool:
    """Whether a day is closed: all its regions are, at once."""
    return session.scalars(select(DayClose.id).where(DayClose.on_day == on_day).limit(1)).one_or_none() is not None


def next_to_close(session: Session, now: datetime) -> date | None:
    """The day after the last closed one; before any is closed, the first one with money. None: there was no money yet.

    Money from before the bills that WeChat still has (books that were brought along, say) can be closed by nobody.
    """
    last: date | None = session.scalar(select(func.max(DayClose.on_day)))
    if last is not None:
        return last + timedelta(days=1)
    first: date | None = session.scalar(select(func.min(LedgerTransfer.booked_on)))
    if first is None:
        return None
    still_there = business_day(now) - timedelta(days=DAYS_BACK)
    first_bill: date | None = session.scalar(select(func.min(BillDay.on_day)))
    return max(first, min(first_bill or still_there, still_there))


def in_the_way(session: Session, on_day: date, now: datetime) -> RuleBroken | None:
    """What stands in the way of closing a day that is not closed, as the refusal that it is."""
    if on_day >= business_day(now):
        return RuleBroken(Rule.DAY_NOT_OVER)
    begins = next_to_close(session, now)
    if begins is None or on_day < begins:
        return RuleBroken(Rule.DAY_WITHOUT_MONEY)
    if on_day > begins:
        return RuleBroken(Rule.DAY_BEFORE_OPEN, day=begins)
    fetched = session.scalars(select(BillDay.kind).where(BillDay.on_day == on_day)).all()
    if set(fetched) != set(BillKind):
        return RuleBroken(Rule.DAY_WITHOUT_BILLS)
    if differences := _open_differences(session, on_day):
        return RuleBroken(Rule.DAY_DIFFERENCES_OPEN, count=differences)
    return None


def _open_differences(session: Session, on_day: date) -> int:
    return session.scalars(
        select(func.count())
        .select_from(BillItem)
        .join(BillDay, BillDay.id == BillItem.bill_day_id)
        .where(BillItem.state == ItemState.OPEN, BillDay.on_day == on_day)
    ).one()
