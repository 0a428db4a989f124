"""The counters of the limits: one hit is one upsert, windows end by our clock, and looking takes no turn to write."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import text

from app.web.limits import DatabaseStorage
from tests.fixtures.apps import MovedClock
from tests.fixtures.databases import Database


@pytest.fixture
def storage(app: Flask) -> Iterator[DatabaseStorage]:
    with app.test_request_context():
        yield DatabaseStorage("lieba-database://")


def hit(app: Flask, key: str = "login:lin") -> int:
    """One hit, by a request of its own: a request has one time."""
    with app.test_request_context():
        return DatabaseStorage("lieba-database://").incr(key, 900)


@pytest.mark.both_engines
def test_hits_add_up_until_the_window_is_over(app: Flask, clock: MovedClock) -> None:
    assert [hit(app) for _ in range(3)] == [1, 2, 3]
    assert hit(app, "login:chen") == 1
    clock.advance(timedelta(minutes=14))
    assert hit(app) == 4  # the window began with its first hit
    clock.advance(timedelta(minutes=2))
    assert hit(app) == 1


@pytest.mark.both_engines
def test_every_hit_counts_whoever_else_hits(app: Flask) -> None:
    with ThreadPoolExecutor(8) as pool:
        counted = list(pool.map(lambda _: hit(app), range(32)))
    assert sorted(counted) == list(range(1, 33))


@pytest.mark.both_engines
def test_what_the_storage_tells(storage: DatabaseStorage) -> None:
    assert storage.get("login:lin") == 0
    storage.incr("login:lin", 900, 2)
    assert storage.get("login:lin") == 2
    assert storage.get_expiry("login:lin") > 0
    assert storage.check()
    storage.clear("login:lin")
    assert storage.get("login:lin") == 0
    storage.incr("login:lin", 900)
    storage.incr("login:chen", 900)
    assert storage.reset() == 2


def test_looking_waits_for_nobody_who_writes(storage: DatabaseStorage, database: Database) -> None:
    storage.incr("login:lin", 900)
    with database.write() as holds_the_lock:
        holds_the_lock.execute(text("UPDATE region SET name = '别人'"))
        assert storage.get("login:lin") == 1
