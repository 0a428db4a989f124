"""Access tokens and tickets of the official account: issued, replaced, expired."""

import secrets
import sqlite3
from sqlite3 import Row

from simulator.world import World

LASTS = 7200.0  # seconds
RENEWED_EARLY = 300.0  # a stable token is replaced so long before its end, and both are good meanwhile
CLASSIC, STABLE, TICKET = "classic", "stable", "ticket"
FORCED_PAUSE = 30.0
FORCED_A_DAY = 20


class TooOften(Exception):
    """force_refresh again within 30 seconds, or more than 20 times a day; `daily` says which."""

    def __init__(self, *, daily: bool) -> None:
        super().__init__()
        self.daily = daily


def classic_token(world: World) -> tuple[str, int]:
    """A new token; the one before it is dead. Returns it with its remaining seconds."""
    with world.store.write() as db:
        db.execute("delete from credentials where kind = ?", (CLASSIC,))
        return _new(world, db, CLASSIC)


def stable_token(world: World, *, force: bool) -> tuple[str, int]:
    """The same token while it is good for more than 5 minutes; forced: a new one, the old one is dead. TooOften."""
    now = world.clock.now()
    with world.store.write() as db:
        if force:
            _refuse_haste(db, now)
            db.execute("update credentials set expires_at = ? where kind = ?", (now, STABLE))
            return _new(world, db, STABLE)
        current = _newest(db, STABLE)
        if current is not None and current["expires_at"] - now > RENEWED_EARLY:
            return current["value"], int(current["expires_at"] - now)
        return _new(world, db, STABLE)


def ticket(world: World) -> tuple[str, int]:
    """The jsapi_ticket, the same while it is good for more than 5 minutes."""
    now = world.clock.now()
    with world.store.write() as db:
        current = _newest(db, TICKET)
        if current is not None and current["expires_at"] - now > RENEWED_EARLY:
            return current["value"], int(current["expires_at"] - now)
        return _new(world, db, TICKET)


def good_tickets(world: World) -> list[str]:
    """Every ticket that a page may be signed with now."""
    rows = world.store.rows(
        "select value from credentials where kind = ? and expires_at > ?", TICKET, world.clock.now()
    )
    return [row["value"] for row in rows]


def token_fault(world: World, token: str) -> int | None:
    """What is wrong with an access token, as an errcode; None for a good one."""
    row = world.store.row("select * from credentials where value = ? and kind in (?, ?)", token, CLASSIC, STABLE)
    if row is None:
        return 40001 if token else 41001
    return None if row["expires_at"] > world.clock.now() else 42001


def _new(world: World, db: sqlite3.Connection, kind: str) -> tuple[str, int]:
    now = world.clock.now()
    value = secrets.token_urlsafe(96)
    db.execute("delete from credentials where kind = ? and expires_at < ?", (kind, now - LASTS * 12))
    db.execute("insert into credentials values (?, ?, ?, ?)", (value, kind, now, now + LASTS))
    return value, int(LASTS)


def _newest(db: sqlite3.Connection, kind: str) -> Row | None:
    row: Row | None = db.execute(
        "select * from credentials where kind = ? order by expires_at desc limit 1", (kind,)
    ).fetchone()
    return row


def _refuse_haste(db: sqlite3.Connection, now: float) -> None:
    made = [row["made_at"] for row in db.execute("select made_at from credentials where kind = ?", (STABLE,))]
    if any(0 <= now - at < FORCED_PAUSE for at in made):
        raise TooOften(daily=False)
    if sum(0 <= now - at < LASTS * 12 for at in made) > FORCED_A_DAY:
        raise TooOften(daily=True)
