"""Sessions side by side: what one leaves behind never reaches the next, and what is refused is not tried again."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.db import db, read_only_session, writing_connection
from app.models.directory import Region
from app.models.vehicles import Listing
from app.usecases.transaction import TRIES, transactional
from tests.fixtures.databases import Database

WAIT = 20.0  # seconds, for what should happen at once


@transactional
def rename(session: Session, letter: str, name: str) -> None:
    session.execute(update(Region).where(Region.letter == letter).values(name=name))


def name_of(letter: str) -> str:
    with read_only_session() as session:
        return session.scalars(select(Region.name).where(Region.letter == letter)).one()


@pytest.mark.both_engines
@pytest.mark.usefixtures("context")
def test_a_connection_that_was_read_with_writes_again() -> None:
    """The ban on writing stays with the session, not with the connection that goes back to the pool."""
    for nth in range(3):
        with read_only_session() as session:
            session.scalars(select(Region.id)).all()
        rename("A", f"第 {nth} 次")
    with writing_connection() as connection:
        connection.execute(text("UPDATE region SET name = '第 3 次' WHERE letter = 'A'"))
    assert name_of("A") == "第 3 次"


@pytest.mark.both_engines
@pytest.mark.usefixtures("context")
def test_a_verb_that_failed_leaves_the_next_one_a_clean_connection() -> None:
    @transactional
    def break_off(session: Session) -> None:
        session.execute(update(Region).values(name="半途"))
        session.execute(text("SELECT 1 FROM nowhere"))

    for _ in range(3):
        with pytest.raises(Exception, match="nowhere"):
            break_off()
    rename("A", "之后")
    assert name_of("A") == "之后"
    assert name_of("B") != "半途"


@pytest.mark.both_engines
@pytest.mark.usefixtures("context")
def test_a_check_that_fails_is_told_at_once() -> None:
    """No second run can make a false row true."""
    runs: list[int] = []

    @transactional
    def oversell(session: Session) -> None:
        runs.append(1)
        session.execute(update(Listing).values(stock=-1))

    with pytest.raises(IntegrityError):
        oversell()
    assert len(runs) == 1


@pytest.mark.both_engines
@pytest.mark.usefixtures("context")
def test_a_row_that_is_always_there_already_is_told_in_the_end() -> None:
    runs: list[int] = []

    @transactional
    def double(session: Session) -> None:
        runs.append(1)
        session.execute(insert(Region).values(letter="A", name="又一个"))

    with pytest.raises(IntegrityError):
        double()
    assert len(runs) == TRIES


@pytest.mark.both_engines
def test_verbs_of_two_threads_are_not_one_inside_the_other(context: Flask) -> None:
    """On SQLite the second one waits for its turn at the file; on PostgreSQL both run at once."""
    inside, go_on = threading.Event(), threading.Event()

    @transactional
    def slow(session: Session) -> None:
        session.execute(update(Region).where(Region.letter == "A").values(name="慢"))
        inside.set()
        assert go_on.wait(WAIT)

    def in_context(act: object, *args: object) -> None:
        with context.app_context():
            act(*args)  # type: ignore[operator]  # a verb

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(in_context, slow)
        assert inside.wait(WAIT)
        second = pool.submit(in_context, rename, "B", "快")
        if db.engine.dialect.name == "postgresql":
            second.result(WAIT)
        assert name_of("A") != "慢"  # reading waits for nobody
        go_on.set()
        first.result(WAIT)
        second.result(WAIT)
    assert (name_of("A"), name_of("B")) == ("慢", "快")


@pytest.mark.both_engines
def test_sixteen_threads_take_their_turns(context: Flask) -> None:
    def count_up(_: int) -> None:
        @transactional
        def one_more(session: Session) -> None:
            session.execute(update(Listing).values(stock=Listing.stock + 1))

        with context.app_context():
            one_more()

    with read_only_session() as session:
        before = session.scalars(select(Listing.stock)).first() or 0
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(count_up, range(64)))
    with read_only_session() as session:
        assert session.scalars(select(Listing.stock)).first() == before + 64


@pytest.mark.postgres
@pytest.mark.usefixtures("context")
def test_on_postgresql_no_statement_waits_for_a_lock_for_ever() -> None:
    with read_only_session() as session:
        assert session.scalar(text("SHOW lock_timeout")) == "10s"
        assert session.scalar(text("SHOW timezone")) == "UTC"


def test_on_sqlite_the_readers_need_no_turn(context: Flask, database: Database) -> None:
    with database.write() as holds_the_lock:
        holds_the_lock.execute(text("UPDATE region SET name = '别人'"))
        assert name_of("A") != "别人"
