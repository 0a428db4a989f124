"""Deciding on a row and changing just that row: locks, and guarded statements that change one row or nothing."""

from typing import Any, TypeVar, cast

from sqlalchemy import CursorResult, Delete, Update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.domain.errors import LostRace
from app.models.base import Base

M = TypeVar("M", bound=Base)


def changed_one(session: Session, statement: Update | Delete) -> bool:
    """Runs the statement; whether exactly one row fitted its guard."""
    result = cast("CursorResult[Any]", session.execute(statement.execution_options(synchronize_session=False)))
    return result.rowcount == 1


def must_change_one(session: Session, statement: Update | Delete) -> None:
    """The same, where anything else means that somebody was faster. Raises LostRace."""
    if not changed_one(session, statement):
        raise LostRace


def insert_into(session: Session, model: type[Base]) -> postgresql.Insert | sqlite.Insert:
    """An insert that can say what happens when the row is there already; both engines say it alike."""
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    return sqlite.insert(model) if on_sqlite else postgresql.insert(model)


def locked(session: Session, model: type[M], row_id: int) -> M | None:
    """The row as it is now, locked until the commit; rows that point to it may still be added.

    It is read anew even if the session has seen it before the lock: what was seen then may be over.
    """
    session.flush()
    return session.get(model, row_id, with_for_update={"key_share": True}, populate_existing=True)


def must_lock(session: Session, model: type[M], row_id: int) -> M:
    """The same, for a row that something else already points to."""
    session.flush()
    return session.get_one(model, row_id, with_for_update={"key_share": True}, populate_existing=True)
