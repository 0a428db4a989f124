"""Prints are worked off: a PDF in a sealed file, a bar that moves, and nothing left behind (NUM-8, NUM-9)."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pypdfium2
import pytest
import zxingcpp
from flask import Flask
from sqlalchemy import select

from app.documents.labels import write_labels
from app.domain.numbering import Business
from app.domain.permissions import Actor, Role
from app.domain.printing import Stretch
from app.jobs import forget, run_tasks
from app.models.work import Task, TaskStatus
from app.ports import PhotoGone
from app.queries.tasks import file_of
from app.runtime import Runtime
from app.usecases import tasks
from app.web.current import RUNTIME
from tests.factories.flash import some_batteries
from tests.factories.people import a_member_of_staff, a_region_id
from tests.factories.reading import read
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
    assert (row.is_ready, row.done, row.numbers) == (True, 3, "A00002–A00004")
    assert codes(runtime.prints.get(key)) == [f"{runtime.public_url}/q/A0000{n}" for n in (2, 3, 4)]
    (file,) = (path for path in (data_dir / "prints").rglob("*") if path.is_file())
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
    assert codes(runtime.prints.get(key)) == ["AM0007", "AM9999"]


def test_the_bar_moves_while_it_draws(
    database: Database, runtime: Runtime, asked: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    some_batteries(database, last=25)
    task_id, seen = asked(1, 25), []
    monkeypatch.setattr(run_tasks, "TOLD_EVERY", 10)
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
    assert len([path for path in (data_dir / "prints").rglob("*") if path.is_file()]) == 1


def test_a_worker_that_was_taken_over_stops(
    database: Database, runtime: Runtime, asked: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    some_batteries(database, last=3)
    task_id = asked(1, 3)
    monkeypatch.setattr(run_tasks, "TOLD_EVERY", 1)
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
    with pytest.raises(PhotoGone):
        runtime.prints.get(key)
