"""What is forgotten, and what is not."""

from datetime import UTC, datetime, timedelta

from flask import Flask
from sqlalchemy import select

from app.domain.outbox import Errand
from app.jobs import forget
from app.models.access import RateCounter
from app.models.work import JobRun, Outbox, OutboxStatus
from app.web.current import RUNTIME
from tests.fixtures.databases import Database

NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)


def an_errand(key: str, status: OutboxStatus, days_ago: int) -> Outbox:
    made_at = NOW - timedelta(days=days_ago)
    return Outbox(kind=Errand.MESSAGE, key=key, payload={}, status=status, made_at=made_at, next_at=made_at)


def a_run(job: str, days_ago: int, rows: int | None, error: str | None = None) -> JobRun:
    at = NOW - timedelta(days=days_ago)
    return JobRun(job=job, business_on=at.date(), started_at=at, finished_at=at, rows=rows, error=error)


def test_only_what_is_old_and_over_is_forgotten(context: Flask, database: Database) -> None:
    database.add(
        an_errand("old", OutboxStatus.DONE, 31),
        an_errand("fresh", OutboxStatus.DONE, 29),
        an_errand("due", OutboxStatus.DUE, 400),
        an_errand("parked", OutboxStatus.PARKED, 400),
        a_run("idle", 3, 0),
        a_run("idle", 2, 0),
        a_run("idle today", 0, 0),
        a_run("busy", 60, 3),
        a_run("failed", 360, None, "broken"),
        a_run("failed long ago", 366, None, "broken"),
        a_run("ancient", 92, 3),
        a_run("ancient", 91, 0),
        a_run("ancient", 91, 3),
        RateCounter(key="spent", hits=1, resets_at=int(NOW.timestamp())),
        RateCounter(key="counting", hits=1, resets_at=int(NOW.timestamp()) + 1),
    )
    report = forget.run(context.extensions[RUNTIME], NOW)
    assert report.rows == 6
    assert set(database.all(select(Outbox.key))) == {"fresh", "due", "parked"}
    assert set(database.all(select(JobRun.job))) == {"idle", "idle today", "busy", "failed", "ancient"}
    assert database.all(select(RateCounter.key)) == ["counting"]
    assert forget.run(context.extensions[RUNTIME], NOW).rows == 0
