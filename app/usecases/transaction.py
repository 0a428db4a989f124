"""The only commit: a verb runs in a session of its own, commits once, and runs again when it lost a race."""

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from app.db import read_only_session, writing_session
from app.domain.errors import LostRace

TRIES = 3

P = ParamSpec("P")
R = TypeVar("R")

_LOST_ON_POSTGRESQL = frozenset({"40001", "40P01", "55P03"})  # serialization failure, deadlock, lock not available
_running: ContextVar[str | None] = ContextVar("verb", default=None)


class NestedVerb(RuntimeError):
    """A verb was called inside another one: the outer one would no longer be all or nothing."""


def transactional(verb: Callable[Concatenate[Session, P], R]) -> Callable[P, R]:
    """Gives a verb its session. The caller leaves `session` out.

    A unique violation counts as a lost race: somebody else made the same row first, and the second run finds it.
    Raises whatever the verb raises; then nothing was written.
    """

    @wraps(verb)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if (outer := _running.get()) is not None:
            raise NestedVerb(f"{verb.__name__} inside {outer}")
        token = _running.set(verb.__name__)
        try:
            for _ in range(TRIES - 1):
                try:
                    return _once(verb, *args, **kwargs)
                except (LostRace, DBAPIError) as error:
                    if not is_lost_race(error):
                        raise
            return _once(verb, *args, **kwargs)
        finally:
            _running.reset(token)

    return run


def reading(read: Callable[Concatenate[Session, P], R]) -> Callable[P, R]:
    """Gives a read that is no part of a verb a session that cannot write: it waits for no writer, and none for it."""

    @wraps(read)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with read_only_session() as session:
            return read(session, *args, **kwargs)

    return run


def _once(verb: Callable[Concatenate[Session, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
    with writing_session() as session:
        answer = verb(session, *args, **kwargs)
        session.commit()
        return answer


def is_lost_race(error: Exception) -> bool:
    """Whether running the verb again can help."""
    if isinstance(error, LostRace):
        return True
    if isinstance(error, IntegrityError):
        state = getattr(error.orig, "sqlstate", None)
        return state == "23505" or "UNIQUE constraint failed" in str(error.orig)
    if isinstance(error, DBAPIError):
        if getattr(error.orig, "sqlstate", None) in _LOST_ON_POSTGRESQL:
            return True
        return "database is locked" in str(error.orig)
    return False
