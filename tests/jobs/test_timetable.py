"""When jobs run, what is recorded of them, and who runs them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from threading import Barrier, Event, Lock

import pytest
from flask import Flask
from sqlalchemy import select

from app.jobs._leading import LASTS, NAME, Leadership
from app.jobs._report import Report
from app.jobs.timetable import ENTRIES, Daily, Entry, Every, Timetable, run_job
from app.models.work import JobRun, Lease
from app.runtime import Runtime
from app.usecases import leases
from app.web.current import RUNTIME
from tests.fixtures.databases import Database

NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)
EVERY = Every(timedelta(seconds=2))


def test_what_was_missed_is_not_made_up_for() -> None:
    long_ago = NOW - timedelta(days=3)
    assert EVERY.next_after(long_ago, NOW, timedelta()) == NOW
    assert EVERY.next_after(NOW, NOW, timedelta()) == NOW + timedelta(seconds=2)


@pytest.mark.parametrize(
    ("last", "offset", "expected"),
    [
        ("2026-03-01T20:10Z", timedelta(), "2026-03-02T20:10Z"),  # 04:10 in Shanghai, each day
        ("2026-03-01T12:00Z", timedelta(), "2026-03-01T20:10Z"),
        ("2026-03-01T12:00Z", timedelta(days=15), "2026-03-01T20:10Z"),  # a moved clock keeps its time of day
        ("2026-03-01T12:00Z", timedelta(hours=8), "2026-03-01T12:10Z"),
    ],
)
def test_a_daily_job_runs_at_its_time_of_our_clock(last: str, offset: timedelta, expected: str) -> None:
    ran_at = datetime.fromisoformat(last)
    assert Daily(time(4, 10)).next_after(ran_at, ran_at, offset) == datetime.fromisoformat(expected)


@pytest.fixture
def ran() -> list[str]:
    return []


@pytest.fixture
def timetable(app: Flask, ran: list[str]) -> Iterator[tuple[Timetable, Event, Lock]]:
    once_each, lock = Event(), Lock()

    def run(entry: Entry) -> None:
        with lock:
            ran.append(entry.name)
            if set(ran) == set(ENTRIES):
                once_each.set()

    table = Timetable(app.extensions[RUNTIME].clock, run)
    yield table, once_each, lock
    table.stop()


def test_every_job_runs_at_the_start_and_again_when_the_clock_was_moved(
    timetable: tuple[Timetable, Event, Lock], ran: list[str]
) -> None:
    table, once_each, lock = timetable
    table.start()
    assert once_each.wait(20)
    with lock:
        ran.clear()
        once_each.clear()
    table.catch_up()
    assert once_each.wait(20)
    table.pause()
    table.start()
    assert once_each.wait(20)


def test_a_run_is_a_row(context: Flask, database: Database) -> None:
    entry = Entry("counts", lambda _runtime, _now: Report(rows=3, trouble=("one: broken",)), EVERY)
    assert run_job(entry, context.extensions[RUNTIME]) == Report(rows=3, trouble=("one: broken",))
    row = database.one(select(JobRun))
    assert (row.job, row.rows, row.error) == ("counts", 3, "one: broken")
    assert row.finished_at >= row.started_at


def test_a_job_that_fails_is_recorded_and_the_process_lives_on(context: Flask, database: Database) -> None:
    def fail(_runtime: Runtime, _now: datetime) -> Report:
        raise ZeroDivisionError

    assert run_job(Entry("fails", fail, EVERY), context.extensions[RUNTIME]) is None
    row = database.one(select(JobRun))
    assert (row.rows, row.error) == (None, "ZeroDivisionError()")
    assert row.finished_at is not None


@pytest.mark.both_engines
def test_of_two_owners_one_holds_the_lease(context: Flask, database: Database) -> None:
    until = NOW + LASTS
    assert leases.take_lease(NAME, "first", until=until, now=NOW)
    assert not leases.take_lease(NAME, "second", until=until, now=NOW)
    assert not leases.renew_lease(NAME, "second", until=until)
    assert leases.renew_lease(NAME, "first", until=until)
    assert leases.take_lease(NAME, "second", until=until + LASTS, now=until), "it has run out"
    assert not leases.renew_lease(NAME, "first", until=until + 2 * LASTS)
    leases.release_lease(NAME, "first")
    assert database.one(select(Lease.owner)) == "second"
    leases.release_lease(NAME, "second")
    assert database.count(Lease) == 0


@pytest.mark.both_engines
@pytest.mark.parametrize("stale", [False, True])
def test_of_eight_at_once_one_gets_the_lease(app: Flask, database: Database, *, stale: bool) -> None:
    if stale:
        database.add(Lease(name=NAME, owner="dead", until=NOW))
    barrier = Barrier(8)

    def take(nth: int) -> bool:
        barrier.wait(20)
        with app.app_context():
            return leases.take_lease(NAME, f"owner {nth}", until=NOW + LASTS, now=NOW)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(8))) == 1
    assert database.count(Lease) == 1


class StoppedClock:
    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at


class Told:
    """A timetable that only remembers what it was told."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def start(self) -> None:
        self.words.append("start")

    def pause(self) -> None:
        self.words.append("pause")

    def catch_up(self) -> None:
        self.words.append("catch up")


def test_one_process_leads_and_the_next_takes_over_when_it_is_gone(context: Flask) -> None:
    machine = StoppedClock()
    first_told, second_told = Told(), Told()
    first = Leadership(first_told, owner="first", machine=machine, clock=machine)
    second = Leadership(second_told, owner="second", machine=machine, clock=machine)
    first.turn()
    second.turn()
    assert (first.leads, second.leads) == (True, False)
    machine.at += LASTS  # the first one is killed and renews nothing
    second.turn()
    assert second_told.words == ["start"]
    first.turn()  # it was only asleep, and finds out before it does anything
    assert (first.leads, first_told.words) == (False, ["start", "pause"])
    second.resign()
    machine.at += timedelta(seconds=5)
    first.turn()
    assert (first.leads, first_told.words) == (True, ["start", "pause", "start"])


def test_a_moved_clock_has_everything_caught_up_and_leaves_the_lease_alone(context: Flask) -> None:
    machine, clock, told = StoppedClock(), StoppedClock(), Told()
    leadership = Leadership(told, owner="only", machine=machine, clock=clock)
    leadership.turn()
    clock.at += timedelta(days=15)
    leadership.turn()
    leadership.turn()
    assert (leadership.leads, told.words) == (True, ["start", "catch up"])
    clock.at -= timedelta(days=15)
    leadership.turn()
    assert told.words == ["start", "catch up", "catch up"]


def test_a_lease_that_cannot_be_renewed_ends_the_leading(context: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    machine, told = StoppedClock(), Told()
    leadership = Leadership(told, owner="only", machine=machine, clock=machine)
    leadership.turn()

    def away(*_: object, **__: object) -> bool:
        raise ConnectionError

    monkeypatch.setattr(leases, "renew_lease", away)
    machine.at += LASTS / 2
    leadership.turn()
    assert leadership.leads, "the lease still counts"
    machine.at += LASTS
    leadership.turn()
    assert told.words == ["start", "pause"]
