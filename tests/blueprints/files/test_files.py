"""Prints over HTTP: a bar that is asked again, a file that is fetched by whoever may, gone after a day (NUM-9)."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.permissions import Actor, Role
from app.domain.printing import Stretch
from app.jobs import run_tasks
from app.models.work import Task
from app.usecases import tasks
from app.web.current import RUNTIME
from tests.factories.flash import some_batteries
from tests.factories.forms import csrf_token
from tests.factories.people import a_member_of_staff, a_region_id
from tests.fixtures.actors import AsStaff, client_of
from tests.fixtures.apps import MovedClock
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient

HTMX = {"HX-Request": "true"}


@pytest.fixture
def asker(app: Flask) -> Actor:
    return a_member_of_staff(app, role=Role.CLERK, region="A", name="陈店员")


@pytest.fixture
def clerk(app: Flask, asker: Actor) -> LawfulClient:
    return client_of(app, asker)


@pytest.fixture
def task_id(app: Flask, database: Database, asker: Actor) -> int:
    """The labels of A00001 to A00003, asked for by the clerk."""
    some_batteries(database, "A", last=3)
    region_id = a_region_id(app, "A")
    with app.app_context():
        return tasks.ask_for_labels(
            region_id,
            [Stretch(1, 3)],
            reason="",
            request_key="labels",
            actor=asker,
            now=app.extensions[RUNTIME].clock.now(),
        )


@pytest.fixture
def draw(app: Flask) -> Callable[[], None]:
    """The job runs once."""

    def run() -> None:
        with app.app_context():
            run_tasks.run(app.extensions[RUNTIME], app.extensions[RUNTIME].clock.now())

    return run


@pytest.mark.req("NUM-9")
def test_the_bar_is_asked_again_until_the_file_is_there(
    clerk: LawfulClient, task_id: int, draw: Callable[[], None]
) -> None:
    waits = clerk.get(f"/files/{task_id}")
    assert "0 / 3 张" in waits.text
    assert 'hx-trigger="every 1s"' in waits.text
    assert "刷新</span>" in waits.text  # without script
    assert clerk.get(f"/files/{task_id}/content").status_code == 404
    block = clerk.get(f"/files/{task_id}", headers=HTMX)
    assert block.text.strip().startswith("<section")
    draw()
    done = clerk.get(f"/files/{task_id}", headers=HTMX)
    assert "hx-trigger" not in done.text
    assert "下载 PDF" in done.text
    file = clerk.get(f"/files/{task_id}/content")
    assert (file.status_code, file.mimetype, file.data[:5]) == (200, "application/pdf", b"%PDF-")
    named = file.headers["Content-Disposition"]
    assert named.startswith("attachment; ")
    assert "A00001" in named
    assert named.isascii()  # as a server sends it
    assert "no-store" in file.headers["Cache-Control"]


def test_a_print_is_found_again_in_ones_own_list(
    app: Flask, clerk: LawfulClient, task_id: int, draw: Callable[[], None], as_staff: AsStaff
) -> None:
    listed = clerk.get("/files")
    assert "电池标签 A00001–A00003" in listed.text
    assert "排队中" in listed.text
    draw()
    assert f'href="/files/{task_id}/content"' in clerk.get("/files").text
    assert "最近没有打印或导出过" in as_staff("clerk", region="A").get("/files").text


@pytest.mark.parametrize(
    ("role", "region", "status"),
    [
        ("clerk", "A", 200),
        ("manager", None, 200),
        ("clerk", "B", 404),
        ("finance", None, 404),
        ("technician", "A", 404),
    ],
)
def test_whoever_may_print_there_may_fetch_it(
    as_staff: AsStaff, task_id: int, draw: Callable[[], None], role: str, region: str | None, status: int
) -> None:
    draw()
    other = as_staff(role, region=region)
    assert other.get(f"/files/{task_id}").status_code == status
    assert other.get(f"/files/{task_id}/content").status_code == status
    token = csrf_token(other)
    again = other.post(f"/files/{task_id}/again", data={"csrf_token": token})
    assert again.status_code == (303 if status == 200 else 404)


def test_a_failed_print_offers_to_try_again(
    app: Flask, clerk: LawfulClient, task_id: int, draw: Callable[[], None]
) -> None:
    def fail(*_args: object, **_options: object) -> None:
        raise OSError("no space left")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_tasks, "write_labels", fail)
        draw()
    failed = clerk.get(f"/files/{task_id}")
    assert "文件没有生成" in failed.text
    assert "no space" not in failed.text
    answer = clerk.post(f"/files/{task_id}/again", data={"csrf_token": csrf_token(clerk)})
    assert (answer.status_code, answer.location) == (303, f"/files/{task_id}")
    draw()
    assert "下载 PDF" in clerk.get(f"/files/{task_id}").text


def test_after_a_day_it_is_over(
    clerk: LawfulClient, task_id: int, draw: Callable[[], None], clock: MovedClock, app: Flask, asker: Actor
) -> None:
    draw()
    clock.advance(timedelta(hours=25))
    clerk = client_of(app, asker)
    page = clerk.get(f"/files/{task_id}")
    assert "已过期" in page.text
    assert "原因写「文件过期」" in page.text
    assert clerk.get(f"/files/{task_id}/content").status_code == 404


def test_a_file_that_is_gone_is_not_found(
    app: Flask, database: Database, clerk: LawfulClient, task_id: int, draw: Callable[[], None]
) -> None:
    draw()
    app.extensions[RUNTIME].files.erase(database.one(select(Task.file_key)))
    assert clerk.get(f"/files/{task_id}/content").status_code == 404
