"""Sums by day: each transfer is counted once, whoever folds, and however long whoever books takes to commit."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.domain import ledger as recipes
from app.domain.charges import Purpose
from app.domain.ledger import Account
from app.models.money import LedgerDay, LedgerFold, LedgerTransfer
from app.queries import ledger as reads
from app.usecases import ledger, ledger_sums
from app.usecases.ledger_sums import fold
from app.usecases.transaction import transactional
from tests.factories.counting_house import eventually
from tests.factories.ledger import MoneyHistory, somebody_waits_for_bookings
from tests.factories.reading import read
from tests.fixtures.databases import Database

FIRST, DAYS = date(2026, 3, 1), 5
WAIT = 20
BY_HAND = text(
    "SELECT booked_on, coalesce(region_id, 0), d.code, c.code, coalesce(purpose, ''), sum(amount_fen), count(*)"
    " FROM ledger_transfer JOIN ledger_account AS d ON d.id = debit_id JOIN ledger_account AS c ON c.id = credit_id"
    " GROUP BY booked_on, region_id, d.code, c.code, purpose"
)
"""The sums of the ledger itself, in an SQL of its own."""

SOMEBODY_WAITS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)

Row = tuple[str, int, str, str, str, int, int]


def by_hand(database: Database) -> set[Row]:
    with database.read() as session:
        return {
            (str(day), region, debit, credit, purpose, int(fen), transfers)
            for day, region, debit, credit, purpose, fen, transfers in session.execute(BY_HAND)
        }


def as_read(app: Flask) -> set[Row]:
    """The sums as the pages read them."""
    with read(app) as session:
        return {
            (
                str(one.first_on),
                one.region_id or 0,
                one.debit.value,
                one.credit.value,
                one.purpose.value if one.purpose else "",
                one.amount_fen,
                one.transfers,
            )
            for one in reads.sums(session, reads.Within(), by_day=True)
        }


def folded(database: Database) -> int:
    return sum(database.all(select(LedgerDay.transfers)))


@transactional
def receive(session: Session, key: str, now: datetime) -> None:
    """Money of nobody."""
    legs = recipes.payment_received(Account.SUSPENSE, 100)
    ledger.book(session, f"payment:{key}", legs, None, now, purpose=Purpose.SALE)


@pytest.mark.both_engines
def test_sums_and_what_is_not_folded_yet_equal_the_ledger_at_any_time(app: Flask, database: Database) -> None:
    history, chance = MoneyHistory(app, 1, FIRST, DAYS), random.Random(2)  # noqa: S311  # the same in every run
    assert as_read(app) == set()
    for _ in range(12):
        history.go_on(chance.randrange(1, 60))
        if chance.random() < 0.6:
            with app.app_context():
                ledger_sums.see_the_newest()
        history.go_on(chance.randrange(1, 20))
        if chance.random() < 0.6:
            with app.app_context():
                assert ledger_sums.fold_what_is_seen() >= 0
        assert as_read(app) == by_hand(database)
    with app.app_context():
        fold()
        assert fold() == 0
    assert as_read(app) == by_hand(database)
    assert folded(database) == database.count(LedgerTransfer)


@pytest.mark.both_engines
@pytest.mark.races
def test_three_workers_at_once_count_each_transfer_once(app: Flask, database: Database) -> None:
    MoneyHistory(app, 3, FIRST, DAYS).go_on(200)
    for nth in range(4):
        assert three_at_once(app) == (200 if nth == 0 else 10)
        assert as_read(app) == by_hand(database)
        MoneyHistory(app, 4 + nth, FIRST, DAYS).go_on(10)


def three_at_once(app: Flask) -> int:
    barrier = threading.Barrier(3, timeout=WAIT)

    def run(_nth: int) -> int:
        barrier.wait()
        with app.app_context():
            return fold()

    with ThreadPoolExecutor(3) as pool:
        return sum(pool.map(run, range(3)))


@pytest.mark.postgres
@pytest.mark.races
def test_without_the_lock_they_count_twice(app: Flask, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin. SQLite has one writer at a time, with a lock or without."""
    MoneyHistory(app, 3, FIRST, DAYS).go_on(50)
    with app.app_context():
        ledger_sums.see_the_newest()
    all_have_looked = threading.Barrier(3, timeout=WAIT)

    def unlocked(session: Session) -> LedgerFold:
        state = session.scalars(select(LedgerFold)).one()
        session.expunge(state)  # what it says of itself afterwards would be a lock of its own
        all_have_looked.wait()
        return state

    monkeypatch.setattr(ledger_sums, "_lock_state", unlocked)

    def run(_nth: int) -> int:
        with app.app_context():
            return ledger_sums.fold_what_is_seen()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(run, range(3)))
    assert folded(database) == 150
    assert as_read(app) != by_hand(database)


@pytest.mark.postgres
@pytest.mark.races
def test_whoever_takes_long_to_commit_is_waited_for(app: Flask, database: Database) -> None:
    slow_booker_among_quick_ones(app)
    assert folded(database) == 2
    assert as_read(app) == by_hand(database)


@pytest.mark.postgres
@pytest.mark.races
def test_without_waiting_a_slow_booking_is_passed_over(
    app: Flask, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: its id is older than the newest that is folded, its commit is not."""
    monkeypatch.setattr(ledger_sums, "hold_still", lambda _session: None)
    slow_booker_among_quick_ones(app)
    assert folded(database) == 1
    assert as_read(app) != by_hand(database)


@pytest.mark.postgres
@pytest.mark.races
def test_a_fold_that_waits_for_another_one_keeps_nobody_from_booking(app: Flask, database: Database) -> None:
    folding, may_commit = threading.Event(), threading.Event()

    @transactional
    def fold_for_long(session: Session) -> None:
        ledger_sums._lock_state(session)
        folding.set()
        assert may_commit.wait(WAIT)

    def within(act: Callable[..., object], *args: object) -> None:
        with app.app_context():
            act(*args)

    def somebody_waits() -> bool:
        with read(app) as session:
            return bool(session.scalar(SOMEBODY_WAITS))

    with ThreadPoolExecutor(3) as pool:
        folds = [pool.submit(within, fold_for_long)]
        try:
            assert folding.wait(WAIT)
            folds.append(pool.submit(within, ledger_sums.see_the_newest))
            eventually(somebody_waits)
            pool.submit(within, receive, "meanwhile", datetime(2026, 3, 2, 4, tzinfo=UTC)).result(WAIT / 4)
        finally:
            may_commit.set()
        for one in folds:
            one.result(WAIT)
    assert database.count(LedgerTransfer) == 1


def slow_booker_among_quick_ones(app: Flask) -> None:
    """One books first and commits last; meanwhile another has booked and committed, and somebody folds."""
    now = datetime(2026, 3, 2, 4, tzinfo=UTC)
    booked, may_commit = threading.Event(), threading.Event()

    @transactional
    def slowly(session: Session) -> None:
        ledger.book(session, "payment:slow", recipes.payment_received(Account.SUSPENSE, 1), None, now, purpose=None)
        session.flush()
        booked.set()
        assert may_commit.wait(WAIT)

    def book() -> None:
        with app.app_context():
            slowly()

    def sum_up() -> None:
        with app.app_context():
            fold()

    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(book)
        assert booked.wait(WAIT)
        with app.app_context():
            receive("quick", now)
        summing = pool.submit(sum_up)
        eventually(lambda: summing.done() or somebody_waits_for_bookings(app))
        may_commit.set()
        slow.result(WAIT)
        summing.result(WAIT)
