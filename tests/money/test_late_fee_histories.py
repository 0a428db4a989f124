"""However the job ran, late fees are the same: 1,000 lendings under random histories beside one calm run (decision 20).

Each lending has a twin in region B, where the job runs once a night. In A and C, for batteries and vehicles apart, it
is missed, doubled, run by three workers at once, killed in the middle, and away for 40 days; meanwhile things come back
and closed days are declared.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from random import Random
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from app.db import db
from app.domain.batteries import EndedBy
from app.domain.calendar import business_day, day_start
from app.domain.charges import Purpose
from app.domain.late_fees import LateDay, late_days
from app.domain.rentals import Condition, Place
from app.domain.terms import Terms
from app.models.batteries import BatteryUse
from app.models.late_fees import ClosedDay, LateFee
from app.models.money import LedgerTransfer
from app.models.rentals import Rental
from app.queries.late_fees import KINDS, Lent
from app.usecases import late_fees
from app.usecases.transaction import transactional
from tests.factories.lent_bulk import Lending, many_rentals_out, many_uses_out
from tests.factories.people import a_member_of_staff, a_region_id
from tests.fixtures.databases import Database

pytestmark = pytest.mark.both_engines

LENDINGS = 1_000
FIRST, DAYS = date(2027, 12, 30), 62  # over the end of a year and 29 February
A_DAY = timedelta(days=1)
WORKERS = 3
AWAY = 40
COME_BACK = 0.15
BEFORE_THE_JOB, THE_JOB, AFTER_THE_JOB = timedelta(), timedelta(minutes=10), timedelta(hours=23, minutes=59)
RUNS = {"once": 4, "missed": 3, "doubled": 1, "at once": 2, "killed": 2}
"""What becomes of a night, and how often."""


class Killed(BaseException):
    """The process ends here."""


@dataclass(slots=True)
class Fate:
    """One lending, and when it and its twin come back."""

    kind: type[Lent]
    lending: Lending
    back_at: datetime | None
    wild: int = 0
    calm: int = 0

    def is_over(self, end: date) -> bool:
        """Whether it has come back before that day."""
        return self.back_at is not None and business_day(self.back_at) < end

    def days(self, end: date, closed: Collection[date]) -> list[LateDay]:
        """Its late days by the pure function."""
        until = business_day(self.back_at) if self.back_at and self.is_over(end) else end
        return list(late_days(self.lending.terms, self.lending.counted_from, until, closed))


@transactional
def come_back(session: Session, kind: type[Lent], ids: Iterable[int], *, now: datetime) -> None:
    """What every end of a use and every return of a vehicle does of late fees, for several things."""
    for lent_id in ids:
        lent = late_fees.lock_lent(session, kind, lent_id)
        lent.returned_at, lent.returned_on = now, business_day(now)
        if isinstance(lent, BatteryUse):
            lent.ended_by = EndedBy.CLERK
        else:
            lent.condition, lent.returned_to, lent.settled_at = Condition.GOOD, Place.STOCK, now
        late_fees.settle_at_end(session, lent, now)


def killed_at(statement: int, act: Callable[[], object]) -> None:
    """Runs the act in a process that ends before its n-th statement; whatever was not committed is lost."""
    seen = 0

    def count(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == statement:
            raise Killed

    event.listen(db.engine, "before_cursor_execute", count)
    try:
        act()
    except Killed:
        pass
    finally:
        event.remove(db.engine, "before_cursor_execute", count)


def at_once(app: Flask, act: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Three workers run the act, and none posts before all have seen what lacks."""
    everybody, look = Barrier(WORKERS), late_fees._days_lacking  # they are held at this call

    def together(kind: type[Lent], region_id: int, now: datetime) -> list[date]:
        days = look(kind, region_id, now)
        everybody.wait(20)
        return days

    def work(_: int) -> None:
        with app.app_context():
            act()

    with monkeypatch.context() as patch, ThreadPoolExecutor(WORKERS) as pool:
        patch.setattr(late_fees, "_days_lacking", together)
        list(pool.map(work, range(WORKERS)))


class History:
    """The runs of the job for one kind of thing in one region, day by day."""

    def __init__(self, app: Flask, chance: Random, kind: type[Lent], region_id: int) -> None:
        self.app, self.chance, self.kind, self.region_id = app, chance, kind, region_id
        self.away_from = FIRST + chance.randrange(DAYS - AWAY) * A_DAY
        self.runs: Counter[str] = Counter()

    def run(self, now: datetime) -> int:
        return late_fees.post_days(self.kind, self.region_id, now=now)

    def a_day(self, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
        """What becomes of the run of a day."""
        how = self.chance.choices(list(RUNS), list(RUNS.values()))[0]
        if 0 <= (business_day(now) - self.away_from).days < AWAY:
            how = "away"
        self.runs[how] += 1
        if how == "once":
            self.run(now)
        elif how == "doubled":
            self.run(now)
            assert self.run(now + timedelta(minutes=1)) == 0
        elif how == "at once":
            at_once(self.app, lambda: self.run(now), monkeypatch)
        elif how == "killed":
            killed_at(self.chance.randint(1, 25), lambda: self.run(now))


class Story:
    """The lendings, the closed days, and the runs of the job."""

    def __init__(self, app: Flask, database: Database, seed: int) -> None:
        self.app, self.database, self.chance = app, database, Random(seed)  # noqa: S311  # histories, no secrets
        self.staff_id = a_member_of_staff(app).id or 0
        self.regions = {letter: a_region_id(app, letter) for letter in "ABC"}
        self.histories = [History(app, self.chance, kind, self.regions[letter]) for letter in "AC" for kind in KINDS]
        self.fates = [self.a_fate(KINDS[nth % 5 == 0]) for nth in range(LENDINGS)]
        self.closed: set[date] = set()
        for kind, many in ((BatteryUse, many_uses_out), (Rental, many_rentals_out)):
            some = [fate for fate in self.fates if fate.kind is kind]
            wild = many(database, [fate.lending for fate in some])
            calm = many(database, [replace(fate.lending, region_id=self.regions["B"]) for fate in some])
            for fate, wild_id, calm_id in zip(some, wild, calm, strict=True):
                fate.wild, fate.calm = wild_id, calm_id

    def a_fate(self, kind: type[Lent]) -> Fate:
        """Random terms, a random beginning; one of seven comes back, minutes from midnight."""
        pick = self.chance.choice
        terms = Terms(
            free_days=pick((0, 3, 14)) if kind is BatteryUse else 0,
            late_fee_fen=pick((0, 1, 5_00, 7_77)),
            freeze_days=30,
            cap_fen=pick((0, 1_00, 50_00, 300_00)),
        )
        counted_from = FIRST + self.chance.randint(-30, DAYS) * A_DAY
        back_at = None
        if self.chance.random() < COME_BACK:
            back_on = max(counted_from, FIRST) + self.chance.randint(0, 60) * A_DAY
            back_at = day_start(back_on) + pick((BEFORE_THE_JOB, AFTER_THE_JOB))
        return Fate(kind, Lending(counted_from, terms, self.regions[pick("AC")]), back_at)

    def a_day(self, midnight: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
        """Things come back before and after the job, which runs well in region B alone."""
        if self.chance.random() < 0.15:
            self.declare_closed(business_day(midnight))
        self.come_back(midnight + BEFORE_THE_JOB)
        the_job_runs_at = midnight + THE_JOB
        for kind in KINDS:
            late_fees.post_days(kind, self.regions["B"], now=the_job_runs_at)
        for history in self.histories:
            history.a_day(the_job_runs_at, monkeypatch)
        self.come_back(midnight + AFTER_THE_JOB)

    def declare_closed(self, today: date) -> None:
        """A coming day is closed: in all regions by one row, or by a row for each of them."""
        day = today + self.chance.randint(1, 5) * A_DAY
        if day not in self.closed:
            where = self.chance.choice(([None], [*self.regions.values()]))
            told = {"day_on": day, "reason": "放假", "staff_id": self.staff_id, "made_at": day_start(today)}
            self.database.add(*(ClosedDay(region_id=one, **told) for one in where))
            self.closed.add(day)

    def come_back(self, now: datetime) -> None:
        """Whatever is fated to."""
        for kind in KINDS:
            some = [fate for fate in self.fates if fate.kind is kind and fate.back_at == now]
            come_back(kind, [lent_id for fate in some for lent_id in (fate.wild, fate.calm)], now=now)

    def catch_up(self, now: datetime) -> None:
        """The job runs once more, for all."""
        for kind in KINDS:
            for region_id in self.regions.values():
                late_fees.post_days(kind, region_id, now=now)

    def posted(self, kind: type[Lent]) -> dict[int, list[LateDay]]:
        """The days of each thing as they were posted."""
        of = LateFee.battery_use_id if kind is BatteryUse else LateFee.rental_id
        rows = defaultdict(list)
        for lent_id, *row in self.database.all(
            select(of, LateFee.day_on, LateFee.amount_fen, LateFee.reason)
            .where(of.is_not(None))
            .order_by(LateFee.day_on)
        ):
            rows[lent_id].append(LateDay(*row))
        return rows

    def booked(self, kind: type[Lent]) -> dict[int, tuple[int, int]]:
        """How many transfers there are for each thing, and what they come to."""
        rows = self.database.all(
            select(kind.id, func.count(), func.sum(LedgerTransfer.amount_fen))
            .join(LedgerTransfer, LedgerTransfer.customer_id == kind.customer_id)
            .where(LedgerTransfer.purpose == Purpose.LATE_FEE)
            .group_by(kind.id)
        )
        return {lent_id: (transfers, int(fen)) for lent_id, transfers, fen in rows}


@pytest.mark.req("SET-4")
@pytest.mark.parametrize("seed", [4])
def test_rows_are_those_of_one_calm_run_and_of_the_pure_function(
    context: Flask, database: Database, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    story, end = Story(context, database, seed), FIRST + DAYS * A_DAY
    for nth in range(DAYS):
        story.a_day(day_start(FIRST + nth * A_DAY), monkeypatch)
    story.catch_up(day_start(end))
    for kind in KINDS:
        rows, transfers = story.posted(kind), story.booked(kind)
        owed = dict(database.all(select(kind.id, kind.late_owed_fen)))
        for fate in story.fates:
            if fate.kind is kind:
                wanted = fate.days(end, story.closed)
                assert rows[fate.wild] == rows[fate.calm] == wanted
                fees = [day.amount_fen for day in wanted if day.amount_fen]
                booked = (len(fees), sum(fees))
                assert transfers.get(fate.wild, (0, 0)) == transfers.get(fate.calm, (0, 0)) == booked
                assert owed[fate.wild] == owed[fate.calm] == (sum(fees) if fate.is_over(end) else 0)
    assert {how for history in story.histories for how in history.runs} == {*RUNS, "away"}


@pytest.mark.req("SET-4")
@pytest.mark.parametrize("index", [True, False], ids=["with the index", "without it"])
@pytest.mark.parametrize("kind", KINDS, ids=["batteries", "vehicles"])
def test_without_the_unique_index_three_workers_post_a_night_three_times(
    context: Flask, database: Database, monkeypatch: pytest.MonkeyPatch, kind: type[Lent], *, index: bool
) -> None:
    """The twin: nothing else keeps two workers from posting the same day."""
    region_id = a_region_id(context, "A")
    lending = Lending(FIRST, Terms(free_days=0, late_fee_fen=5_00, freeze_days=30, cap_fen=300_00), region_id)
    (many_uses_out if kind is BatteryUse else many_rentals_out)(database, [lending])
    if not index:
        database.execute(f"DROP INDEX uq_late_fee_{kind.__tablename__}")
    now = day_start(FIRST + 3 * A_DAY)
    at_once(context, lambda: late_fees.post_days(kind, region_id, now=now), monkeypatch)
    rows = database.all(select(LateFee.day_on, LateFee.amount_fen))
    once = {(FIRST + nth * A_DAY, 5_00) for nth in (1, 2, 3)}
    assert Counter(rows) == dict.fromkeys(once, 1 if index else WORKERS)
    assert database.count(LedgerTransfer) == len(rows)
