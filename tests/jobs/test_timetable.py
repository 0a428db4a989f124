"""When jobs run, what is recorded of them, and who runs them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from threading import Barrier, Event, Lock, Semaphore

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.errors import Forbidden, NotFound
from app.domain.permissions import Actor, Role
from app.domain.timetable import JOBS, LEASE, Daily, Every
from app.jobs._leading import LASTS, Leadership
from app.jobs._report import Report
from app.jobs.timetable import ENTRIES, RUNS, Entry, Timetable, run_job
from app.models.journal import Audit
from app.models.work import JobRun, JobWanted, Lease
from app.runtime import Runtime
from app.usecases import job_runs, leases
from app.web.current import RUNTIME
from tests.factories.people import a_customer, a_member_of_staff
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


def test_what_staff_read_of_is_what_runs() -> None:
    assert list(RUNS) == list(JOBS) == list(ENTRIES)
    assert [job.name for job in JOBS.values()] == list(JOBS)


@pytest.mark.parametrize(
    ("name", "since", "overdue"),
    [
        ("send_outbox", timedelta(minutes=2), False),
        ("send_outbox", timedelta(minutes=2, seconds=5), True),
        ("forget", timedelta(days=2), False),
        ("forget", timedelta(days=2, minutes=3), True),
    ],
)
def test_a_job_is_overdue_after_twice_its_period(name: str, since: timedelta, *, overdue: bool) -> None:
    assert JOBS[name].is_overdue(NOW - since, NOW) is overdue


def test_what_staff_read_of_when_a_job_runs() -> None:
    spans = (timedelta(seconds=20), timedelta(minutes=5))
    assert [Every(span).words for span in spans] == ["每 20 秒", "每 5 分钟"]
    assert Daily(time(0, 10)).words == "每天 00:10"


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


def runs_at_once(app: Flask, patience: float) -> int:
    """A job is called for twice while it runs, as when the clock is moved on and on; how many of it ran at once."""
    began, may_end, lock = Semaphore(0), Semaphore(0), Lock()
    at_once, most = 0, 0

    def run(entry: Entry) -> None:
        nonlocal at_once, most
        if entry.name != "forget":
            return
        with lock:
            at_once += 1
            most = max(most, at_once)
        began.release()
        assert may_end.acquire(timeout=20)
        with lock:
            at_once -= 1

    table = Timetable(app.extensions[RUNTIME].clock, run)
    table.start()
    assert began.acquire(timeout=20)
    table.catch_up()
    table.catch_up()
    if not began.acquire(timeout=patience):
        may_end.release()
        assert began.acquire(timeout=20), "it was called for meanwhile, and does not see the second time otherwise"
    may_end.release(5)
    table.stop()
    return most


def test_a_job_that_is_called_for_while_it_runs_runs_once_more_and_never_twice_at_once(app: Flask) -> None:
    assert runs_at_once(app, 0.2) == 1


def test_without_its_guard_it_would_run_twice_at_once(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin."""
    monkeypatch.setattr(Timetable, "_run_alone", lambda self, entry: self._run(entry))
    assert runs_at_once(app, 20) == 2


def test_a_job_that_cannot_be_recorded_is_run_again(app: Flask) -> None:
    failed = Semaphore(0)

    def run(entry: Entry) -> None:
        if entry.name == "forget":
            failed.release()
            raise ConnectionError

    table = Timetable(app.extensions[RUNTIME].clock, run)
    table.start()
    assert failed.acquire(timeout=20)
    table.run_now("forget")
    assert failed.acquire(timeout=20)
    table.stop()


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
    assert leases.take_lease(LEASE, "first", until=until, now=NOW)
    assert not leases.take_lease(LEASE, "second", until=until, now=NOW)
    assert not leases.renew_lease(LEASE, "second", until=until)
    assert leases.renew_lease(LEASE, "first", until=until)
    assert leases.take_lease(LEASE, "second", until=until + LASTS, now=until), "it has run out"
    assert not leases.renew_lease(LEASE, "first", until=until + 2 * LASTS)
    leases.release_lease(LEASE, "first")
    assert database.one(select(Lease.owner)) == "second"
    leases.release_lease(LEASE, "second")
    assert database.count(Lease) == 0


@pytest.mark.both_engines
@pytest.mark.parametrize("stale", [False, True])
def test_of_eight_at_once_one_gets_the_lease(app: Flask, database: Database, *, stale: bool) -> None:
    if stale:
        database.add(Lease(name=LEASE, owner="dead", until=NOW))
    barrier = Barrier(8)

    def take(nth: int) -> bool:
        barrier.wait(20)
        with app.app_context():
            return leases.take_lease(LEASE, f"owner {nth}", until=NOW + LASTS, now=NOW)

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

    def run_now(self, name: str) -> None:
        self.words.append(name)


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


@pytest.mark.both_engines
def test_a_run_that_somebody_wants_begins_once_and_the_wish_is_gone(context: Flask, database: Database) -> None:
    owner = a_member_of_staff(context, role=Role.OWNER, region=None)
    machine, told = StoppedClock(), Told()
    leadership = Leadership(told, owner="only", machine=machine, clock=machine)
    for _ in range(2):
        job_runs.want_run("forget", actor=owner, now=NOW)
    leadership.turn()
    assert told.words == ["start", "forget"]
    leadership.turn()
    assert told.words == ["start", "forget", "forget"], "it has not begun, so it is told again"
    run_job(ENTRIES["forget"], context.extensions[RUNTIME])
    leadership.turn()
    assert told.words == ["start", "forget", "forget"]
    assert database.count(JobWanted) == 0
    assert database.all(select(Audit.action).where(Audit.action.startswith("job_"))) == ["job_wanted"]


def test_only_the_one_that_leads_runs_what_is_wanted(context: Flask) -> None:
    machine, first_told, second_told = StoppedClock(), Told(), Told()
    first = Leadership(first_told, owner="first", machine=machine, clock=machine)
    second = Leadership(second_told, owner="second", machine=machine, clock=machine)
    first.turn()
    job_runs.want_run("forget", actor=a_member_of_staff(context, role=Role.OWNER, region=None), now=NOW)
    second.turn()
    assert second_told.words == []
    first.turn()
    assert first_told.words == ["start", "forget"]


def test_a_wish_needs_the_right_and_a_job_that_there_is(context: Flask, database: Database) -> None:
    owner = a_member_of_staff(context, role=Role.OWNER, region=None)
    with pytest.raises(NotFound):
        job_runs.want_run("no_such_job", actor=owner, now=NOW)
    strangers: list[Actor] = [a_customer(context), a_member_of_staff(context, role=Role.MANAGER, region=None)]
    for actor in strangers:
        with pytest.raises(Forbidden):
            job_runs.want_run("forget", actor=actor, now=NOW)
    assert database.count(JobWanted) == 0
