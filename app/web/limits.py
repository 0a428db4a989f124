"""Limits on tries that hold across processes: the counters stand in the application's own database."""

from typing import Any

from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from limits.storage import Storage
from sqlalchemy import text

from app.db import read_only_session, writing_connection
from app.web.current import now

UPSERT = text(
    "INSERT INTO rate_counter (key, hits, resets_at) VALUES (:key, :amount, :ends) "
    "ON CONFLICT (key) DO UPDATE SET "
    "hits = CASE WHEN rate_counter.resets_at <= :now THEN :amount ELSE rate_counter.hits + :amount END, "
    "resets_at = CASE WHEN rate_counter.resets_at <= :now THEN :ends ELSE rate_counter.resets_at END "
    "RETURNING hits"
)


def _seconds() -> int:
    return int(now().timestamp())


class DatabaseStorage(Storage):
    """Fixed windows, one upsert a hit."""

    STORAGE_SCHEME = ["lieba-database"]  # noqa: RUF012  # limits' own form

    @property
    def base_exceptions(self) -> type[Exception]:
        return Exception

    def incr(self, key: str, expiry: float, amount: int = 1, **_: Any) -> int:
        """Counts a hit; the hits of the running window."""
        at = _seconds()
        with writing_connection() as connection:
            row = connection.execute(UPSERT, {"key": key, "amount": amount, "now": at, "ends": at + int(expiry)})
            return int(row.scalar_one())

    def _one(self, column: str, key: str) -> int:
        with read_only_session() as session:
            found = session.execute(
                text(f"SELECT {column} FROM rate_counter WHERE key = :key AND resets_at > :now"),  # noqa: S608  # two fixed names
                {"key": key, "now": _seconds()},
            ).scalar_one_or_none()
            return int(found or 0)

    def get(self, key: str) -> int:
        """The hits of the running window."""
        return self._one("hits", key)

    def get_expiry(self, key: str) -> float:
        """When the window ends, seconds of the epoch."""
        return float(self._one("resets_at", key) or _seconds())

    def check(self) -> bool:
        """Whether the database answers."""
        return self.get("check") >= 0

    def reset(self) -> int:
        """Forgets all counters."""
        with writing_connection() as connection:
            return connection.execute(text("DELETE FROM rate_counter")).rowcount

    def clear(self, key: str) -> None:
        """Forgets one counter."""
        with writing_connection() as connection:
            connection.execute(text("DELETE FROM rate_counter WHERE key = :key"), {"key": key})


limiter = Limiter(
    get_remote_address,
    storage_uri="lieba-database://",
    strategy="fixed-window",
    headers_enabled=False,
    in_memory_fallback_enabled=False,
)


def install(app: Flask) -> None:
    """Makes the limits of the routes hold."""
    limiter.init_app(app)
