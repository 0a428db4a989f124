"""What people allowed the application: codes, and the user tokens they were exchanged for."""

import secrets
import sqlite3
from sqlite3 import Row
from typing import Any

from simulator.world import World

CODE_LASTS = 300.0  # seconds
TOKEN_LASTS = 7200.0
REFRESH_LASTS = 30 * 86_400.0


def new_code(world: World, openid: str, scope: str) -> str:
    """A code for one exchange within 5 minutes."""
    code = secrets.token_urlsafe(24)
    with world.store.write() as db:
        db.execute("insert into codes values (?, ?, ?, ?, null)", (code, openid, scope, world.clock.now()))
    return code


def exchange(world: World, code: str) -> dict[str, Any] | int:
    """The answer to a code: tokens and openid, or an errcode (40029 unknown or old, 40163 used)."""
    now = world.clock.now()
    with world.store.write() as db:
        row = db.execute(
            "select c.*, p.unionid, p.snapshot from codes c join people p on p.openid = c.openid where c.code = ?",
            (code,),
        ).fetchone()
        if row is None or now - row["created_at"] > CODE_LASTS:
            return 40029
        if row["used_at"] is not None:
            return 40163
        db.execute("update codes set used_at = ? where code = ?", (now, code))
        answer = _new_grant(db, row["openid"], row["scope"], now)
    if row["scope"] == "snsapi_userinfo":
        answer["unionid"] = row["unionid"]
    if row["snapshot"]:
        answer["is_snapshotuser"] = 1
    return answer


def refresh(world: World, refresh_token: str) -> dict[str, Any] | int:
    """A new user token, or an errcode (40030 unknown, 42002 expired)."""
    now = world.clock.now()
    with world.store.write() as db:
        row = db.execute("select * from grants where refresh_token = ?", (refresh_token,)).fetchone()
        if row is None:
            return 40030
        if row["refresh_expires_at"] <= now:
            return 42002
        value = secrets.token_urlsafe(64)
        db.execute(
            "update grants set access_token = ?, expires_at = ? where refresh_token = ?",
            (value, now + TOKEN_LASTS, refresh_token),
        )
    return _told(value, refresh_token, row["openid"], row["scope"])


def grant(world: World, access_token: str) -> Row | None:
    """The grant behind a user token."""
    return world.store.row("select * from grants where access_token = ?", access_token)


def _new_grant(db: sqlite3.Connection, openid: str, scope: str, now: float) -> dict[str, Any]:
    value, refresh_token = secrets.token_urlsafe(64), secrets.token_urlsafe(64)
    db.execute(
        "insert into grants values (?, ?, ?, ?, ?, ?)",
        (value, refresh_token, openid, scope, now + TOKEN_LASTS, now + REFRESH_LASTS),
    )
    return _told(value, refresh_token, openid, scope)


def _told(value: str, refresh_token: str, openid: str, scope: str) -> dict[str, Any]:
    return {
        "access_token": value,
        "expires_in": int(TOKEN_LASTS),
        "refresh_token": refresh_token,
        "openid": openid,
        "scope": scope,
    }
