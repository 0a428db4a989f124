"""The transaction model: what everything else stands on, each guard with a twin that fails without it."""

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from flask import Flask
from sqlalchemy import URL, create_engine, insert, select, text, update
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError
from sqlalchemy.orm import Session

from app.db import db, read_only_session, writing_session
from app.domain.errors import LostRace
from app.models.directory import Region
from app.models.journal import Audit
from app.usecases.transaction import TRIES, NestedVerb, reading, transactional
from tests.fixtures.databases import Database


@transactional
def rename(session: Session, letter: str, name: str) -> str:
    """A verb of the tests."""
    session.execute(update(Region).where(Region.letter == letter).values(name=name))
    return name


def name_of(letter: str) -> str:
    with read_only_session() as session:
        return session.scalars(select(Region.name).where(Region.letter == letter)).one()


@pytest.mark.both_engines
@pytest.mark.usefixtures("context")
def test_a_verb_commits_once_it_returns() -> None:
    assert rename("A", "新名") == "新名"
    assert name_of("A") == "新名"


@pytest.mark.both_engines
@pytest.mark.usefixtures("context")
def test_a_verb_that_raises_writes_nothing() -> None:
    before = name_of("A")

    @transactional
    def rename_and_fail(session: Session) -> None:
        session.execute(update(Region).where(Region.letter == "A").values(name="半途"))
        raise ValueError("after the write")

    with pytest.raises(ValueError, match="after the write"):
        rename_and_fail()
    assert name_of("A") == before


@pytest.mark.usefixtures("context")
def test_a_verb_inside_a_verb_is_refused() -> None:
    @transactional
    def outer(_session: Session) -> None:
        rename("A", "内层")

    with pytest.raises(NestedVerb, match="rename inside outer"):
        outer()
    assert rename("A", "之后") == "之后"  # and the refusal leaves nothing behind


@pytest.mark.both_engines
@pytest.mark.usefixtures("context")
def test_a_lost_race_runs_the_verb_again_from_its_start() -> None:
    runs: list[int] = []

    @transactional
    def late_winner(session: Session) -> int:
        session.execute(update(Region).where(Region.letter == "A").values(name=f"第 {len(runs)} 次"))
        runs.append(1)
        if len(runs) < TRIES:
            raise LostRace
        return len(runs)

    assert late_winner() == TRIES
    assert name_of("A") == f"第 {TRIES - 1} 次"


@pytest.mark.usefixtures("context")
def test_a_race_that_is_never_won_is_told() -> None:
    runs: list[int] = []

    @transactional
    def never(_session: Session) -> None:
        runs.append(1)
        raise LostRace

    with pytest.raises(LostRace):
        never()
    assert len(runs) == TRIES


@pytest.mark.both_engines
@pytest.mark.usefixtures("context")
def test_a_row_that_somebody_made_first_is_found_by_the_second_run() -> None:
    """The unique index refuses the first run; the second one sees the row."""
    found: list[bool] = []

    @transactional
    def make(session: Session) -> None:
        there = session.scalars(select(Region.id).where(Region.letter == "X")).one_or_none()
        found.append(there is not None)
        if there is None:
            other = threading.Thread(target=_insert_x, args=(db.engine.url,)) if db.engine.name != "sqlite" else None
            if other is not None:
                other.start()
                other.join()
            else:
                session.execute(insert(Region).values(letter="X", name="先来"))
            session.execute(insert(Region).values(letter="X", name="后到"))

    if db.engine.name == "sqlite":  # one writer at a time: only the verb itself can make the twin row
        with pytest.raises(IntegrityError):
            make()
        assert found == [False] * TRIES
    else:
        make()
        assert found == [False, True]


def _insert_x(url: URL) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(insert(Region).values(letter="X", name="先来"))
    engine.dispose()


@pytest.mark.both_engines
@pytest.mark.usefixtures("context")
def test_a_read_session_cannot_write() -> None:
    with read_only_session() as session, pytest.raises((OperationalError, DatabaseError), match=r"read-?only"):
        session.execute(update(Region).values(name="不行"))


@pytest.mark.usefixtures("context")
def test_a_read_of_its_own_waits_for_no_writer() -> None:
    @reading
    def all_letters(session: Session) -> list[str]:
        return list(session.scalars(select(Region.letter).order_by(Region.letter)))

    with writing_session() as session:
        session.execute(update(Region).values(name="还没写完"))
        assert all_letters() == ["A", "B", "C"]


@pytest.mark.usefixtures("context")
def test_a_write_after_a_read_session_on_the_same_connection_works() -> None:
    """The read session's ban goes back to the pool with the connection, and is lifted there."""
    for turn in range(5):
        with read_only_session() as session:
            session.scalars(select(Region.id)).all()
        rename("A", f"第 {turn} 回")
    assert name_of("A") == "第 4 回"


@pytest.fixture
def two_writers(context: Flask) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def _read_then_write(app: Flask) -> None:
    with app.app_context():

        @transactional
        def count_up(session: Session) -> None:
            name = session.scalars(select(Region.name).where(Region.letter == "A")).one()
            session.execute(update(Region).where(Region.letter == "A").values(name=str(int(name) + 1)))

        count_up()


def test_on_sqlite_a_verb_may_read_before_it_writes(context: Flask, two_writers: ThreadPoolExecutor) -> None:
    """BEGIN IMMEDIATE: the read is already under the lock, so nobody writes in between and nothing is locked out."""
    rename("A", "0")
    list(two_writers.map(_read_then_write, [context] * 40))
    assert name_of("A") == "40"


def test_without_begin_immediate_the_same_verbs_fail(database: Database) -> None:
    """The twin: a plain BEGIN becomes a write too late."""
    with database.engine.execution_options(postgresql_readonly=True).connect() as first:
        first.execute(text("SELECT name FROM region"))
        with database.engine.begin() as second:
            second.execute(text("UPDATE region SET name = '别人' WHERE letter = 'A'"))
        first.exec_driver_sql("PRAGMA query_only=OFF")
        with pytest.raises(OperationalError, match="locked"):
            first.execute(text("UPDATE region SET name = '我' WHERE letter = 'A'"))


APPEND_ONLY = (
    "audit",
    "charge_line",
    "consent_text",
    "day_close",
    "deposit_withholding",
    "late_fee",
    "late_fee_waiver",
    "ledger_transfer",
    "pickup_attempt",
    "price",
    "setting_version",
    "stock_movement",
)


@pytest.mark.both_engines
@pytest.mark.parametrize("act", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_an_append_only_row_never_changes(database: Database, act: str, subtests: pytest.Subtests) -> None:
    for table in APPEND_ONLY:
        with subtests.test(table=table):
            _plant(database, table)
            with pytest.raises((IntegrityError, DatabaseError), match="append-only"):
                database.execute(act.format(table))


def _plant(database: Database, table: str) -> None:
    """One row, whatever it points to: SQLite fires its trigger for a row only."""
    if database.engine_name == "postgresql":
        return  # a statement trigger: fires for none too
    with closing(sqlite3.connect(str(database.engine.url.database), isolation_level=None)) as connection:
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        connection.execute("PRAGMA ignore_check_constraints=ON")
        ones = ", ".join("'1'" for _ in columns)
        connection.execute(f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({ones})")


def test_the_list_of_append_only_tables_is_the_models_own() -> None:
    marked = {table.name for table in Audit.metadata.tables.values() if table.info.get("append_only")}
    assert marked == set(APPEND_ONLY)


@pytest.mark.usefixtures("context")
def test_a_writing_session_left_without_commit_writes_nothing() -> None:
    before = name_of("A")
    with writing_session() as session:
        session.execute(update(Region).values(name="没有提交"))
    assert name_of("A") == before
