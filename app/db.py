"""The database: engines that behave alike, sessions that write one at a time and sessions that cannot write."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, Engine, FromClause, event
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.orm import Session

from app.models import Base

db = SQLAlchemy(metadata=Base.metadata)

BUSY_MS = 10_000
"""How long a statement waits for a lock; a verb then begins again from its start."""


def engine_options(url: str) -> dict[str, Any]:
    """Options for Flask-SQLAlchemy's engine; the pools are sized for gunicorn's threads."""
    if url.startswith("sqlite"):
        return {"connect_args": {"timeout": BUSY_MS / 1000, "check_same_thread": False}, "pool_size": 20}
    options = f"-c timezone=UTC -c lock_timeout={BUSY_MS}"
    return {"pool_size": 10, "max_overflow": 20, "pool_pre_ping": True, "connect_args": {"options": options}}


class _CompilerWithHints(SQLiteCompiler):
    """Writes what `Select.with_hint` says of a table, `INDEXED BY …`; SQLAlchemy knows no hints of SQLite."""

    def get_from_hint_text(self, _table: FromClause, text: str | None) -> str | None:
        return text


def prepare_engine(engine: Engine) -> None:
    """Makes a SQLite engine honest: WAL, full sync, foreign keys, and a BEGIN of our own choosing.

    The driver's own BEGIN comes late and deferred: a read that becomes a write then fails with "database is locked",
    whatever the busy timeout. So a session that may write begins IMMEDIATE, and a read session cannot write at all.
    """
    if engine.dialect.name != "sqlite":
        return
    engine.dialect.statement_compiler = _CompilerWithHints

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("postgresql_readonly", False)
        connection.exec_driver_sql(f"PRAGMA query_only={'ON' if reading else 'OFF'}")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@contextmanager
def read_only_session() -> Iterator[Session]:
    """A session that sees one moment, and in which a write fails, on both engines: the reads of a request or a job."""
    options = {} if db.engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
    with Session(db.engine.execution_options(postgresql_readonly=True, **options)) as session:
        yield session


@contextmanager
def writing_session() -> Iterator[Session]:
    """A session for one verb. On SQLite, processes queue at a file lock: its own busy handler starves some of them."""
    engine = db.engine
    with _turn_to_write(engine), Session(engine, expire_on_commit=False) as session:
        yield session


@contextmanager
def writing_connection() -> Iterator[Connection]:
    """A connection for one write that is part of no verb; commits at the end."""
    engine = db.engine
    with _turn_to_write(engine), engine.begin() as connection:
        yield connection


@contextmanager
def _turn_to_write(engine: Engine) -> Iterator[None]:
    if engine.dialect.name != "sqlite" or not engine.url.database:
        yield
        return
    with Path(f"{engine.url.database}.turn").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        yield  # closing the file gives the turn away
