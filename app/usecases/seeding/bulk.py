"""Many rows at once: prepared statements on SQLite, COPY on PostgreSQL."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Enum, LargeBinary, Table, func, select, text
from sqlalchemy.orm import Session

from app.models.base import Base, UtcDateTime

CACHE_KIB = 256 * 1024
WITHOUT_OFFSET = len("2026-11-24 08:00:00.000000")


def table_of(model: type[Base]) -> Table:
    """The table of a model."""
    table = model.__table__
    assert isinstance(table, Table)  # noqa: S101  # for the type checker
    return table


def insert_rows(session: Session, model: type[Base], columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Inserts rows of plain values, in the order of `columns`; an enum is written as its word."""
    if not rows:
        return
    connection = session.connection()
    table = table_of(model)
    prepare = [_prepare(table, column, session) for column in columns]
    places = [at for at, change in enumerate(prepare) if change]
    ready = [_prepared(row, prepare, places) for row in rows]
    names = ", ".join(columns)
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        connection.exec_driver_sql(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", ready)  # noqa: S608  # our own names
        return
    cursor: Any = connection.connection.cursor()
    with cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
        for row in ready:
            copy.write_row(row)
    cursor.close()


def _prepare(table: Table, column: str, session: Session) -> Callable[[Any], Any] | None:
    kind = table.c[column].type
    if isinstance(kind, (Enum, LargeBinary)):
        return None
    dialect = session.connection().dialect
    if isinstance(kind, UtcDateTime):
        return _as_sqlite_keeps_it if dialect.name == "sqlite" else None
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _as_sqlite_keeps_it(at: datetime | None) -> str | None:
    """What the column's type would write, without its detours: these rows hold nothing but UTC."""
    return at.isoformat(" ", "microseconds")[:WITHOUT_OFFSET] if at else None


def _prepared(row: Sequence[Any], prepare: list[Callable[[Any], Any] | None], places: list[int]) -> tuple[Any, ...]:
    changed = list(row)
    for at in places:
        change = prepare[at]
        if change is not None:
            changed[at] = change(changed[at])
    return tuple(changed)


def take_room(session: Session) -> None:
    """Lets SQLite keep more of its file in memory while many rows with many indexes are written."""
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text(f"PRAGMA cache_size = -{CACHE_KIB}"))


def new_ids(session: Session, model: type[Base], how_many: int) -> list[int]:
    """Ids that nobody else will get, for rows that point to each other before they are written."""
    if how_many == 0:
        return []
    table = table_of(model)
    if session.get_bind().dialect.name == "sqlite":
        last = session.scalar(select(func.max(table.c.id))) or 0  # the verb holds the only write lock
        return list(range(last + 1, last + how_many + 1))
    taken = text("SELECT nextval(pg_get_serial_sequence(:name, 'id')) FROM generate_series(1, :how_many)")
    return list(session.scalars(taken, {"name": table.name, "how_many": how_many}))
