"""Asking for labels and plates: rights, ranges, reprints; and who works a task off (NUM-8, NUM-9)."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Update, select, update
from sqlalchemy.orm import Session

from app.domain.errors import Forbidden, NotFound, Rule, RuleBroken
from app.domain.numbering import Business
from app.domain.permissions import Actor, Role
from app.domain.printing import Stretch
from app.models.batteries import Battery
from app.models.journal import Audit
from app.models.numbers import NumberSlot
from app.models.work import Task, TaskStatus
from app.usecases import tasks
from app.usecases.compare_and_set import must_change_one
from tests.factories.flash import some_batteries
from tests.factories.people import a_member_of_staff, a_region_id
from tests.fixtures.databases import Database

NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)
A_MINUTE = timedelta(minutes=1)


@pytest.fixture
def clerk(context: Flask) -> Actor:
    return a_member_of_staff(context, role=Role.CLERK, region="A")


@pytest.fixture
def region_id(context: Flask) -> int:
    return a_region_id(context, "A")


@pytest.fixture
def labels(clerk: Actor, region_id: int) -> Callable[..., int]:
    """`labels(1, 5, reason="…")`: a clerk asks for the labels of a stretch; the task's id."""

    def ask(first: int, last: int, *, reason: str = "", key: str = "", actor: Actor = clerk) -> int:
        key = key or f"key-{first}-{last}-{reason}"
        stretches = [Stretch(first, last)]
        return tasks.ask_for_labels(region_id, stretches, reason=reason, request_key=key, actor=actor, now=NOW)

    return ask


@pytest.mark.both_engines
@pytest.mark.req("NUM-9")
def test_a_print_is_a_task_its_labels_are_marked_and_it_is_logged(
    database: Database, labels: Callable[..., int]
) -> None:
    some_batteries(database, last=10)
    task = database.one(select(Task).where(Task.id == labels(3, 5)))
    assert (task.status, task.done, task.total) == (TaskStatus.DUE, 0, 3)
    assert task.expires_at == NOW + timedelta(hours=24)
    assert set(database.all(select(Battery.n).where(Battery.printed_at == NOW))) == {3, 4, 5}
    told = database.one(select(Audit).where(Audit.action == "labels_printed"))
    assert (told.facts, told.reason) == ({"numbers": "A00003–A00005", "count": 3, "again": 0}, None)


@pytest.mark.both_engines
@pytest.mark.req("NUM-9")
def test_a_reprint_needs_a_reason_and_is_logged_with_it(database: Database, labels: Callable[..., int]) -> None:
    some_batteries(database, last=10)
    labels(3, 5)
    with pytest.raises(RuleBroken) as broken:
        labels(1, 10)
    assert (broken.value.rule, broken.value.facts) == (Rule.PRINTED_BEFORE, {"again": 3})
    assert database.count(Battery, Battery.printed_at.is_not(None)) == 3
    labels(1, 10, reason="标签破损")
    told = database.all(select(Audit).where(Audit.action == "labels_printed").order_by(Audit.id))[-1]
    assert told.facts == {"numbers": "A00001–A00010", "count": 10, "again": 3}
    assert told.reason == "标签破损"


@pytest.mark.req("NUM-9")
def test_the_same_form_sent_twice_is_one_print(database: Database, labels: Callable[..., int]) -> None:
    some_batteries(database, last=2)
    assert labels(1, 2, key="once") == labels(1, 2, key="once")
    assert database.count(Task) == database.count(Audit, Audit.action == "labels_printed") == 1


@pytest.mark.req("NUM-9")
def test_a_number_without_a_battery_is_named(database: Database, labels: Callable[..., int]) -> None:
    some_batteries(database, last=4)
    with pytest.raises(RuleBroken) as broken:
        labels(3, 6)
    assert (broken.value.rule, broken.value.facts) == (Rule.BATTERY_UNKNOWN, {"number": "A00005"})
    assert database.count(Battery, Battery.printed_at.is_not(None)) == database.count(Task) == 0


@pytest.mark.both_engines
@pytest.mark.req("NUM-8")
def test_plates_are_printed_before_anybody_has_their_numbers(database: Database, clerk: Actor, region_id: int) -> None:
    asked: dict[str, Any] = {"request_key": "plates", "actor": clerk, "now": NOW}
    stretches = [Stretch(1, 2), Stretch(9999, 9999)]
    task_id = tasks.ask_for_plates(region_id, Business.SALE, stretches, reason="", **asked)
    assert database.one(select(Task.total).where(Task.id == task_id)) == 3
    printed = database.all(select(NumberSlot.n).where(NumberSlot.printed_at == NOW))
    assert set(printed) == {1, 2, 9999}
    told = database.one(select(Audit.facts).where(Audit.action == "plates_printed"))
    assert told == {"numbers": "AM0001–AM0002、AM9999", "count": 3, "again": 0}
    asked["request_key"] = "again"
    with pytest.raises(RuleBroken, match="printed_before"):
        tasks.ask_for_plates(region_id, Business.SALE, [Stretch(2, 3)], reason=" ", **asked)


def test_elsewhere_is_not_found_and_without_the_right_refused(
    context: Flask, database: Database, region_id: int, labels: Callable[..., int]
) -> None:
    some_batteries(database, last=1)
    with pytest.raises(NotFound):
        labels(1, 1, actor=a_member_of_staff(context, role=Role.CLERK, region="B"))
    finance = a_member_of_staff(context, role=Role.FINANCE, region="A")
    with pytest.raises(Forbidden):
        labels(1, 1, actor=finance)
    with pytest.raises(Forbidden):
        tasks.ask_for_plates(
            region_id, Business.SALE, [Stretch(1, 1)], reason="", request_key="k", actor=finance, now=NOW
        )


@pytest.mark.both_engines
def test_a_task_is_taken_once_and_again_when_its_worker_is_not_heard_of(
    database: Database, labels: Callable[..., int]
) -> None:
    some_batteries(database, last=200)
    task_id = labels(1, 200)
    first = tasks.take_task(until=NOW + A_MINUTE, now=NOW)
    assert first is not None
    assert tasks.take_task(until=NOW + A_MINUTE, now=NOW + timedelta(seconds=30)) is None
    first = tasks.tell_progress(first, 50, until=NOW + 2 * A_MINUTE)
    assert first is not None
    assert tasks.take_task(until=NOW + 3 * A_MINUTE, now=NOW + A_MINUTE) is None
    later = NOW + 3 * A_MINUTE
    second = tasks.take_task(until=later + A_MINUTE, now=later)
    assert second is not None
    assert (second.id, second.file_key) == (first.id, first.file_key)
    assert tasks.tell_progress(first, 100, until=later + 2 * A_MINUTE) is None
    assert not tasks.finish_task(first, 200, now=later)
    assert database.one(select(Task.done).where(Task.id == task_id)) == 0
    assert tasks.finish_task(second, 200, now=later)
    task = database.one(select(Task).where(Task.id == task_id))
    assert (task.status, task.done, task.expires_at) == (TaskStatus.DONE, 200, later + timedelta(hours=24))
    assert tasks.take_task(until=later, now=later) is None


def how_many_take(context: Flask, change: Callable[[Session, Update], None]) -> int:
    """Two workers read the same task before either takes it; `change` is how they take it. How many have it then."""
    met = threading.Barrier(2)

    def meet_first(session: Session, statement: Update) -> None:
        with suppress(threading.BrokenBarrierError):  # who lost looks again, alone
            met.wait(10 if not met.broken else 0)
            met.abort()
        change(session, statement)

    def work(_nth: int) -> bool:
        with context.app_context():
            return tasks.take_task(until=NOW + A_MINUTE, now=NOW) is not None

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(2) as pool:
        patch.setattr(tasks, "must_change_one", meet_first)
        return sum(pool.map(work, range(2)))


@pytest.mark.postgres  # SQLite lets nobody read for a verb while another one writes
def test_of_two_workers_one_takes_the_task(context: Flask, database: Database, labels: Callable[..., int]) -> None:
    some_batteries(database, last=1)
    labels(1, 1)
    assert how_many_take(context, must_change_one) == 1


@pytest.mark.postgres
def test_without_the_compare_and_set_both_would_take_it(
    context: Flask, database: Database, labels: Callable[..., int]
) -> None:
    some_batteries(database, last=1)
    labels(1, 1)

    def unguarded(session: Session, statement: Update) -> None:
        session.execute(update(Task).values(status=TaskStatus.RUNNING).execution_options(synchronize_session=False))

    assert how_many_take(context, unguarded) == 2


@pytest.mark.both_engines
def test_a_failed_print_is_tried_again_by_whoever_may_print_there(
    context: Flask, database: Database, labels: Callable[..., int], clerk: Actor
) -> None:
    some_batteries(database, last=1)
    task_id = labels(1, 1)
    taken = tasks.take_task(until=NOW + A_MINUTE, now=NOW)
    assert taken is not None
    tasks.fail_task(taken, error="x" * 1000, now=NOW)
    status = select(Task.status).where(Task.id == task_id)
    assert database.one(status) is TaskStatus.FAILED
    with pytest.raises(NotFound):
        tasks.try_again(task_id, actor=a_member_of_staff(context, role=Role.CLERK, region="B"))
    tasks.try_again(task_id, actor=a_member_of_staff(context, role=Role.MANAGER, region="A"))
    assert database.one(status) is TaskStatus.DUE
    tasks.try_again(task_id, actor=clerk)  # pressed twice
    assert tasks.take_task(until=NOW + A_MINUTE, now=NOW) is not None
