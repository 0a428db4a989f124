"""Tasks are worked off: a sealed file, a bar that moves, and nothing left behind (NUM-8, NUM-9, ORD-3)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pypdfium2
import pytest
import zxingcpp
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import db
from app.documents.labels import write_labels
from app.documents.sheets import Format
from app.domain.numbering import Business
from app.domain.permissions import Actor, Role
from app.domain.printing import Stretch
from app.jobs import forget, run_tasks
from app.models.directory import Region
from app.models.orders import Order
from app.models.work import Task, TaskStatus
from app.ports import FileGone
from app.queries import paging
from app.queries.exports import Export
from app.queries.tasks import file_of
from app.runtime import Runtime
from app.usecases import tasks
from app.usecases.exports import ask_for_export
from app.web.current import RUNTIME
from tests.factories.bulk import many_orders
from tests.factories.flash import some_batteries
from tests.factories.orders import an_order, cancel
from tests.factories.people import a_member_of_staff, a_region_id
from tests.factories.reading import read
from tests.factories.sheets import rows_of_csv
from tests.fixtures.apps import MovedClock
from tests.fixtures.databases import Database


@pytest.fixture
def runtime(context: Flask) -> Runtime:
    found: Runtime = context.extensions[RUNTIME]
    return found


@pytest.fixture
def clerk(context: Flask) -> Actor:
    return a_member_of_staff(context, role=Role.CLERK, region="A")


@pytest.fixture
def asked(context: Flask, runtime: Runtime, clerk: Actor) -> Callable[..., int]:
    """`asked(1, 3)`: the labels of batteries 1 to 3; the task's id."""
    region_id = a_region_id(context, "A")

    def ask(first: int, last: int) -> int:
        key, now = f"{first}-{last}", runtime.clock.now()
        stretches = [Stretch(first, last)]
        return tasks.ask_for_labels(region_id, stretches, reason="", request_key=key, actor=clerk, now=now)

    return ask


def codes(pdf: bytes) -> list[str]:
    with pypdfium2.PdfDocument(pdf) as document:
        pages = [page.render(scale=4, grayscale=True).to_pil() for page in document]
    return [zxingcpp.read_barcodes(page)[0].text for page in pages]


@pytest.mark.both_engines
@pytest.mark.req("NUM-9")
def test_a_print_becomes_a_file_that_only_its_store_can_read(
    context: Flask, database: Database, runtime: Runtime, clerk: Actor, asked: Callable[..., int], data_dir: Path
) -> None:
    some_batteries(database, last=5)
    task_id = asked(2, 4)
    assert run_tasks.run(runtime, runtime.clock.now()).rows == 1
    with read(context) as session:
        key, row = file_of(session, clerk, task_id, runtime.clock.now())
    assert (row.is_ready, row.done, row.wanted.words) == (True, 3, "A00002–A00004")
    assert codes(b"".join(runtime.files.get(key))) == [f"{runtime.public_url}/q/A0000{n}" for n in (2, 3, 4)]
    (file,) = (path for path in (data_dir / "files").rglob("*") if path.is_file())
    assert b"%PDF" not in file.read_bytes()
    assert run_tasks.run(runtime, runtime.clock.now()).rows == 0


@pytest.mark.req("NUM-8")
def test_plates_carry_the_number_itself(context: Flask, database: Database, runtime: Runtime, clerk: Actor) -> None:
    region_id, stretches = a_region_id(context, "A"), [Stretch(7, 7), Stretch(9999, 9999)]
    tasks.ask_for_plates(
        region_id, Business.SALE, stretches, reason="", request_key="k", actor=clerk, now=runtime.clock.now()
    )
    assert run_tasks.run(runtime, runtime.clock.now()).rows == 1
    key = database.one(select(Task.file_key))
    assert codes(b"".join(runtime.files.get(key))) == ["AM0007", "AM9999"]


def test_the_bar_moves_while_it_draws(
    database: Database, runtime: Runtime, asked: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    some_batteries(database, last=25)
    task_id, seen = asked(1, 25), []
    monkeypatch.setattr(run_tasks, "LABELS_TOLD", 10)
    tell = tasks.tell_progress

    def watched(*args: object, **kwargs: object) -> tasks.Taken | None:
        told = tell(*args, **kwargs)  # type: ignore[arg-type]  # handed on
        seen.append(database.one(select(Task.done).where(Task.id == task_id)))
        return told

    monkeypatch.setattr(tasks, "tell_progress", watched)
    run_tasks.run(runtime, runtime.clock.now())
    assert seen == [10, 20]
    assert database.one(select(Task.done).where(Task.id == task_id)) == 25


class Killed(BaseException):
    """What no handler catches."""


@pytest.mark.both_engines
def test_a_killed_worker_leaves_a_task_that_is_done_again(
    database: Database, runtime: Runtime, asked: Callable[..., int], clock: MovedClock, data_dir: Path
) -> None:
    some_batteries(database, last=3)
    task_id = asked(1, 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks, "finish_task", lambda *_args, **_kwargs: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            run_tasks.run(runtime, runtime.clock.now())
    assert database.one(select(Task.status).where(Task.id == task_id)) is TaskStatus.RUNNING
    assert run_tasks.run(runtime, runtime.clock.now()).rows == 0  # it could still be alive
    clock.advance(timedelta(seconds=61))
    assert run_tasks.run(runtime, runtime.clock.now()).rows == 1
    assert database.one(select(Task.status).where(Task.id == task_id)) is TaskStatus.DONE
    assert len([path for path in (data_dir / "files").rglob("*") if path.is_file()]) == 1


def test_a_worker_that_was_taken_over_stops(
    database: Database, runtime: Runtime, asked: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    some_batteries(database, last=3)
    task_id = asked(1, 3)
    monkeypatch.setattr(run_tasks, "LABELS_TOLD", 1)
    monkeypatch.setattr(tasks, "tell_progress", lambda *_args, **_kwargs: None)
    report = run_tasks.run(runtime, runtime.clock.now())
    assert (report.rows, report.trouble) == (0, ())
    assert database.one(select(Task.status).where(Task.id == task_id)) is TaskStatus.RUNNING


def test_one_print_that_cannot_be_drawn_does_not_hold_up_the_next(
    database: Database, runtime: Runtime, asked: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    some_batteries(database, last=3)
    bad, good = asked(1, 1), asked(2, 2)

    def draw_but_the_first(*_args: object, **_options: object) -> None:
        monkeypatch.setattr(run_tasks, "write_labels", write_labels)
        raise OSError("no space left")

    monkeypatch.setattr(run_tasks, "write_labels", draw_but_the_first)
    report = run_tasks.run(runtime, runtime.clock.now())
    assert (report.rows, len(report.trouble)) == (1, 1)
    states = {row.id: (row.status, row.error) for row in database.all(select(Task))}
    assert states[bad] == (TaskStatus.FAILED, "OSError('no space left')")
    assert states[good] == (TaskStatus.DONE, None)


def test_a_day_later_file_and_row_are_forgotten(
    context: Flask, database: Database, runtime: Runtime, clerk: Actor, asked: Callable[..., int], clock: MovedClock
) -> None:
    some_batteries(database, last=3)
    asked(1, 2)
    run_tasks.run(runtime, runtime.clock.now())
    key = database.one(select(Task.file_key))
    clock.advance(timedelta(hours=23))
    assert forget.run(runtime, runtime.clock.now()).rows == 0
    clock.advance(timedelta(hours=2))
    waits = asked(3, 3)  # nobody has drawn it yet: it stays, however old
    assert forget.run(runtime, runtime.clock.now()).rows == 1
    assert database.all(select(Task.id)) == [waits]
    with pytest.raises(FileGone):
        b"".join(runtime.files.get(key))


# ---- exports ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def manager(context: Flask) -> Actor:
    return a_member_of_staff(context, role=Role.MANAGER, region="A")


@pytest.fixture
def asked_export(context: Flask, runtime: Runtime, manager: Actor) -> Callable[..., int]:
    """`asked_export()`: all sale orders of A, as csv; the task's id."""

    def ask(key: str = "export", **asked: str) -> int:
        now = runtime.clock.now()
        with read(context) as session:
            export = Export(session, runtime.exports["sale_orders"], {"range": "all", **asked}, None, manager, now)
            count = export.count(session)
        return ask_for_export(
            export, Format.CSV, count=count, request_key=key, vault=runtime.vault, actor=manager, now=now
        )

    return ask


def file_behind(context: Flask, runtime: Runtime, actor: Actor, task_id: int) -> bytes:
    with read(context) as session:
        key, _ = file_of(session, actor, task_id, runtime.clock.now())
    return b"".join(runtime.files.get(key))


@pytest.mark.both_engines
@pytest.mark.req("ORD-3")
def test_an_export_becomes_a_sealed_file_with_every_row(
    context: Flask, runtime: Runtime, manager: Actor, asked_export: Callable[..., int], data_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    many_orders(context, 60)
    monkeypatch.setattr(paging, "READ_AT_ONCE", 7)
    task_id = asked_export()
    assert run_tasks.run(runtime, runtime.clock.now()).rows == 1
    rows = rows_of_csv(file_behind(context, runtime, manager, task_id))[1:]
    numbers = [row[1] for row in rows]
    with read(context) as session:
        of_a = select(Order.order_no).join(Region, Region.id == Order.region_id).where(Region.letter == "A")
        meant = list(session.scalars(of_a.order_by(Order.reserved_at.desc(), Order.id.desc())))
    assert numbers == meant
    assert len(meant) > 10
    (file,) = (path for path in (data_dir / "files").rglob("*") if path.is_file())
    assert numbers[0].encode() not in file.read_bytes()


def test_the_bar_of_an_export_moves_and_ends_at_what_is_in_the_file(
    context: Flask, database: Database, runtime: Runtime, asked_export: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for _ in range(5):
        an_order(context)
    task_id, seen = asked_export(), []
    an_order(context)  # one more, between asking and making
    monkeypatch.setattr(run_tasks, "ROWS_TOLD", 2)
    tell = tasks.tell_progress

    def watched(*args: object, **kwargs: object) -> tasks.Taken | None:
        told = tell(*args, **kwargs)  # type: ignore[arg-type]  # handed on
        seen.append(database.one(select(Task.done).where(Task.id == task_id)))
        return told

    monkeypatch.setattr(tasks, "tell_progress", watched)
    run_tasks.run(runtime, runtime.clock.now())
    assert seen == [2, 4, 6]
    task = database.one(select(Task).where(Task.id == task_id))
    assert (task.done, task.total, task.status) == (6, 6, TaskStatus.DONE)


@pytest.fixture
def read_meanwhile(
    context: Flask, runtime: Runtime, manager: Actor, asked_export: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> Callable[[], list[str]]:
    """The numbers in an export of six reserved orders, of which one after the other is cancelled while it is read."""
    orders = [an_order(context) for _ in range(6)]
    task_id = asked_export(state="reserved")
    monkeypatch.setattr(paging, "READ_AT_ONCE", 2)
    monkeypatch.setattr(run_tasks, "ROWS_TOLD", 1)
    tell = tasks.tell_progress

    def meanwhile(*args: object, **kwargs: object) -> tasks.Taken | None:
        if orders:
            cancel(context, orders.pop(0))
        return tell(*args, **kwargs)  # type: ignore[arg-type]  # handed on

    def run() -> list[str]:
        monkeypatch.setattr(tasks, "tell_progress", meanwhile)
        run_tasks.run(runtime, runtime.clock.now())
        return [row[1] for row in rows_of_csv(file_behind(context, runtime, manager, task_id))[1:]]

    return run


@pytest.mark.both_engines
def test_an_export_shows_one_moment_whatever_happens_meanwhile(read_meanwhile: Callable[[], list[str]]) -> None:
    assert len(set(read_meanwhile())) == 6


@pytest.mark.postgres  # a transaction of SQLite shows one moment whatever it is told
def test_without_one_moment_for_all_pages_rows_would_be_lost(
    read_meanwhile: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def many_moments() -> Iterator[Session]:
        with Session(db.engine.execution_options(postgresql_readonly=True)) as session:
            yield session

    monkeypatch.setattr(run_tasks, "read_only_session", many_moments)
    assert len(set(read_meanwhile())) < 6


@pytest.mark.both_engines
def test_an_export_whose_worker_was_killed_is_made_again(
    context: Flask, runtime: Runtime, manager: Actor, asked_export: Callable[..., int], clock: MovedClock,
    data_dir: Path,
) -> None:  # fmt: skip
    for _ in range(3):
        an_order(context)
    task_id = asked_export()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_tasks, "ROWS_TOLD", 1)
        patch.setattr(tasks, "tell_progress", lambda *_args, **_kwargs: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            run_tasks.run(runtime, runtime.clock.now())
    assert [path for path in (data_dir / "files").rglob("*") if path.is_file()] == []
    clock.advance(timedelta(seconds=61))
    assert run_tasks.run(runtime, runtime.clock.now()).rows == 1
    assert len(rows_of_csv(file_behind(context, runtime, manager, task_id))) == 4


def test_an_export_worker_that_was_taken_over_stops_and_leaves_no_file(
    context: Flask, database: Database, runtime: Runtime, asked_export: Callable[..., int], data_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    an_order(context)
    asked_export()
    monkeypatch.setattr(run_tasks, "ROWS_TOLD", 1)
    monkeypatch.setattr(tasks, "tell_progress", lambda *_args, **_kwargs: None)
    report = run_tasks.run(runtime, runtime.clock.now())
    assert (report.rows, report.trouble) == (0, ())
    assert [path for path in (data_dir / "files").rglob("*") if path.is_file()] == []
    assert database.one(select(Task.status)) is TaskStatus.RUNNING


@pytest.mark.parametrize("change", ["role = 'clerk'", "region_id = NULL", "region_id = region_id + 1"])
def test_with_other_rights_than_when_it_was_asked_for_nothing_is_made(
    context: Flask, database: Database, runtime: Runtime, manager: Actor, asked_export: Callable[..., int], change: str
) -> None:
    an_order(context)
    asked_export()
    database.execute(f"UPDATE staff_role SET {change} WHERE staff_id = :id", id=manager.id)
    report = run_tasks.run(runtime, runtime.clock.now())
    assert (report.rows, len(report.trouble)) == (0, 1)
    task = database.one(select(Task))
    assert (task.status, task.error) == (TaskStatus.FAILED, "Forbidden('export')")


def test_of_somebody_who_has_left_nothing_is_made(
    context: Flask, database: Database, runtime: Runtime, manager: Actor, asked_export: Callable[..., int]
) -> None:
    an_order(context)
    asked_export()
    database.execute("UPDATE staff SET disabled_at = :now WHERE id = :id", now="2026-11-24 00:00:00", id=manager.id)
    run_tasks.run(runtime, runtime.clock.now())
    assert database.one(select(Task.status)) is TaskStatus.FAILED
