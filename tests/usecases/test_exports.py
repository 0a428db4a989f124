"""Asking for an export: one task for one press, sealed filters, and nothing of people in the log."""

import json
from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import select

from app.documents.sheets import Format
from app.domain.errors import Forbidden, Rule, RuleBroken
from app.domain.permissions import Actor, Role
from app.models.journal import Audit
from app.models.work import Task, TaskKind, TaskStatus
from app.queries import exports as reads
from app.queries.exports import Export
from app.runtime import Runtime
from app.usecases import exports
from app.web.current import RUNTIME
from tests.factories.orders import an_order
from tests.factories.people import a_member_of_staff, a_region_id
from tests.factories.reading import read
from tests.fixtures.databases import Database

NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)


@pytest.fixture
def runtime(context: Flask) -> Runtime:
    found: Runtime = context.extensions[RUNTIME]
    return found


@pytest.fixture
def finance(context: Flask) -> Actor:
    return a_member_of_staff(context, role=Role.FINANCE, region=None)


def the_export(context: Flask, actor: Actor, *, region_id: int | None = None, **asked: str) -> Export:
    listed = context.extensions[RUNTIME].exports["sale_orders"]
    with read(context) as session:
        return Export(session, listed, asked, region_id, actor, NOW)


def ask(export: Export, runtime: Runtime, actor: Actor, key: str = "k" * 32) -> int:
    return exports.ask_for_export(
        export, Format.XLSX, count=7, request_key=key, vault=runtime.vault, actor=actor, now=NOW
    )


@pytest.mark.both_engines
@pytest.mark.req("ORD-3")
def test_an_export_is_a_task_and_a_line_of_the_log(
    context: Flask, database: Database, runtime: Runtime, finance: Actor
) -> None:
    region_id = a_region_id(context, "B")
    export = the_export(context, finance, region_id=region_id, state="reserved", **{"from": "2026-11-01"})
    task_id = ask(export, runtime, finance)
    task = database.one(select(Task))
    assert (task.id, task.kind, task.status) == (task_id, TaskKind.EXPORT, TaskStatus.DUE)
    assert (task.region_id, task.asked_by, task.done, task.total) == (region_id, finance.id, 0, 7)
    told = database.one(select(Audit).where(Audit.action == "list_exported"))
    assert (told.subject_kind, told.subject_id, told.region_id, told.actor_id) == (
        "task",
        task_id,
        region_id,
        finance.id,
    )
    assert told.facts["filter"] == "2026-11-01 以来，已预约"


@pytest.mark.both_engines
def test_the_same_press_is_the_same_task(context: Flask, database: Database, runtime: Runtime, finance: Actor) -> None:
    export = the_export(context, finance)
    assert ask(export, runtime, finance) == ask(export, runtime, finance)
    assert database.count(Task) == database.count(Audit, Audit.action == "list_exported") == 1
    assert ask(export, runtime, finance, "other") != ask(export, runtime, finance)


@pytest.mark.parametrize("typed", ["王晓涵", "13812342047", "2047", "wangxiaohan", "wxh", "王晓涵 138"])
def test_whom_somebody_looked_for_stands_nowhere_in_clear(
    context: Flask, database: Database, runtime: Runtime, finance: Actor, typed: str
) -> None:
    ask(the_export(context, finance, q=typed), runtime, finance)
    task = database.one(select(Task))
    told = database.one(select(Audit).where(Audit.action == "list_exported"))
    written = json.dumps([task.filters, told.facts], ensure_ascii=False)
    assert typed not in written.replace(task.filters["asked"], "")
    assert typed.encode().hex() not in task.filters["asked"]
    assert exports.unsealed(runtime.vault, task.filters["asked"], task.request_key) == {"q": typed}
    with pytest.raises(ValueError, match="another place"):
        exports.unsealed(runtime.vault, task.filters["asked"], "another task")


@pytest.mark.parametrize(("typed", "words"), [("AM0001", "编号 AM0001"), ("4" * 28, f"微信支付单号 {'4' * 28}")])
def test_what_names_nobody_is_in_the_log(context: Flask, finance: Actor, typed: str, words: str) -> None:
    assert the_export(context, finance, q=typed).words == f"不限时间，{words}"


def test_a_list_is_exported_where_the_right_is_held(context: Flask) -> None:
    manager = a_member_of_staff(context, role=Role.MANAGER, region="A")
    a, b = a_region_id(context, "A"), a_region_id(context, "B")
    assert the_export(context, manager).regions == [a]
    assert the_export(context, manager, region_id=a).regions == [a]
    with pytest.raises(Forbidden):
        the_export(context, manager, region_id=b)
    with pytest.raises(Forbidden):
        the_export(context, a_member_of_staff(context, role=Role.CLERK, region="A"))


def test_more_rows_than_a_file_holds_are_refused(
    context: Flask, finance: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    an_order(context)
    monkeypatch.setattr(reads, "MOST_ROWS", 0)
    with read(context) as session, pytest.raises(RuleBroken) as broken:
        the_export(context, finance, range="all").count(session)
    assert (broken.value.rule, broken.value.facts) == (Rule.EXPORT_TOO_LONG, {"most": 0})
