"""The people of the simulated WeChat."""

import hashlib
import secrets
import sqlite3
from sqlite3 import Row

from simulator.world import World


def make_person(
    world: World, nickname: str, *, openid: str | None = None, subscribed: bool = True, snapshot: bool = False
) -> str:
    """A new person, or new facts of one whose openid is given; returns the openid."""
    openid = openid or "o" + secrets.token_urlsafe(20)
    with world.store.write() as db:
        db.execute(
            "insert into people (openid, nickname, unionid, subscribed, snapshot, created_at) values (?, ?, ?, ?, ?, ?)"
            " on conflict (openid) do update set nickname = excluded.nickname, subscribed = excluded.subscribed,"
            " snapshot = excluded.snapshot",
            (openid, nickname, "u" + secrets.token_urlsafe(20), subscribed, snapshot, world.clock.now()),
        )
    return openid


def person(world: World, openid: str) -> Row | None:
    """One person, if WeChat knows the openid."""
    return world.store.row("select * from people where openid = ?", openid)


def people(world: World) -> list[Row]:
    """Everybody, the newest first."""
    return world.store.rows("select * from people order by created_at desc, openid")


def follow(world: World, openid: str, *, subscribed: bool) -> None:
    """The person begins or ends to follow the official account."""
    with world.store.write() as db:
        db.execute("update people set subscribed = ? where openid = ?", (subscribed, openid))


def somebody_else(world: World, db: sqlite3.Connection, openid: str) -> str:
    """Another person than the one given: one that exists, or a stranger made for it."""
    other = db.execute("select openid from people where openid <> ? order by created_at", (openid,)).fetchone()
    if other:
        return str(other["openid"])
    stranger = "o" + secrets.token_urlsafe(20)
    db.execute(
        "insert into people (openid, nickname, unionid, subscribed, snapshot, created_at) values (?, ?, ?, 1, 0, ?)",
        (stranger, "路人", "u" + secrets.token_urlsafe(20), world.clock.now()),
    )
    return stranger


_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_DIGITS = "10X98765432"


def made_up_papers(openid: str) -> tuple[str, str]:
    """(ID number, mobile number) that a person of the demo can type: of the right form, always the same, nobody's."""
    chance = int.from_bytes(hashlib.sha256(openid.encode()).digest()[:8])
    day, month, year, nth = chance % 28 + 1, chance // 28 % 12 + 1, 2003 + chance // 336 % 4, chance // 1344 % 1000
    body = f"330106{year}{month:02d}{day:02d}{nth:03d}"
    check = sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True)) % 11
    return body + _CHECK_DIGITS[check], f"138{chance % 10**8:08d}"
