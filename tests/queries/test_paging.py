"""Pages by key: nothing twice, nothing left out, also where many rows have one time; and keys as they stand in URLs."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.db import read_only_session
from app.models.work import JobRun
from app.queries.paging import Key, Page, Stream, page_ids, page_of_streams
from tests.fixtures.databases import Database

NOON = datetime(2026, 11, 24, 4, 0, 0, 123456, tzinfo=UTC)
JOBS = ("forget", "send_outbox")


@pytest.mark.parametrize("key", [Key(NOON, 1), Key(NOON.replace(microsecond=0), 10**18 - 1)])
def test_a_key_is_read_as_it_was_written(key: Key) -> None:
    assert Key.parse(str(key)) == key


@pytest.mark.parametrize(
    "text",
    [None, "", "-", "20261124T040000123456", "20261124T040000123456-", "20261124T040000123456-x", "-1", "x-1",
     "20261324T040000123456-1", "20261124T040000123456-1 OR 1", "20261124T040000123456-" + "9" * 19],
)  # fmt: skip
def test_anything_else_is_the_first_page(text: str | None) -> None:
    assert Key.parse(text) is None


@pytest.fixture
def session(context: Flask, database: Database) -> Iterator[Session]:
    """Eleven runs, in twos at one time, of two jobs by turns."""
    for nth in range(11):
        at = NOON + timedelta(minutes=nth // 2)
        database.add(JobRun(job=JOBS[nth % 2], business_on=at.date(), started_at=at))
    with read_only_session() as session:
        yield session


def rows_of(job: str | None = None) -> Select[int, datetime]:
    wanted = select(JobRun.id, JobRun.started_at.label("at"))
    return wanted.where(JobRun.job == job) if job else wanted


def load(ids: list[int]) -> dict[int, int]:
    return {row_id: row_id for row_id in ids}


def page(session: Session, *, merged: bool, after: Key | None = None, before: Key | None = None) -> Page[int]:
    if not merged:
        return page_ids(session, rows_of(), JobRun.started_at, JobRun.id, after=after, before=before, size=4, load=load)
    streams = [Stream(rows_of(job), JobRun.started_at, JobRun.id) for job in JOBS]
    return page_of_streams(session, streams, after=after, before=before, size=4, load=load)


@pytest.mark.both_engines
@pytest.mark.parametrize("merged", [False, True])
def test_walking_there_and_back_shows_each_row_once(session: Session, merged: bool) -> None:
    everything = list(session.scalars(select(JobRun.id).order_by(JobRun.started_at.desc(), JobRun.id.desc())))
    there = [page(session, merged=merged)]
    while there[-1].older:
        there.append(page(session, merged=merged, after=there[-1].older))
    assert [row for part in there for row in part.rows] == everything
    assert [len(part.rows) for part in there] == [4, 4, 3]
    assert there[0].newer is None
    back = [there[-1]]
    while back[-1].newer:
        back.append(page(session, merged=merged, before=back[-1].newer))
    assert [row for part in reversed(back) for row in part.rows] == everything


def test_past_the_end_there_is_nothing(session: Session) -> None:
    assert page(session, merged=False, after=Key(NOON - timedelta(days=1), 1)).rows == ()
    assert page_of_streams(session, [], after=None, before=None, size=4, load=load) == Page((), None, None)


@pytest.mark.both_engines
def test_a_list_that_begins_with_the_oldest_is_walked_the_same_way(session: Session) -> None:
    everything = list(session.scalars(select(JobRun.id).order_by(JobRun.started_at, JobRun.id)))
    streams = [Stream(rows_of(job), JobRun.started_at, JobRun.id) for job in JOBS]

    def of(*, after: Key | None = None, before: Key | None = None) -> Page[int]:
        return page_of_streams(session, streams, after=after, before=before, size=4, load=load, oldest_first=True)

    there = [of()]
    while there[-1].older:
        there.append(of(after=there[-1].older))
    assert [row for part in there for row in part.rows] == everything
    back = [there[-1]]
    while back[-1].newer:
        back.append(of(before=back[-1].newer))
    assert [row for part in reversed(back) for row in part.rows] == everything
