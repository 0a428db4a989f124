"""关账: when a day may be closed, by whom, once; and that nothing moves its figures afterwards (decision 33)."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.domain import ledger as recipes
from app.domain.bills import DAYS_BACK, BillKind
from app.domain.errors import Forbidden, Rule, RuleBroken
from app.domain.permissions import Actor, Role
from app.models.batteries import BatteryUse
from app.models.closing import DayClose
from app.models.money import LedgerTransfer
from app.queries import closing
from app.queries.invariants import INVARIANTS
from app.usecases import day_closing, late_fees, ledger
from app.usecases.day_closing import close_day
from app.usecases.ledger_sums import fold
from app.usecases.transaction import transactional
from tests.factories.counting_house import eventually
from tests.factories.flash import a_member, a_use, some_batteries
from tests.factories.ledger import MoneyHistory, bills_of, settle_differences, somebody_waits_for_bookings
from tests.factories.people import a_member_of_staff, a_region_id
from tests.factories.reading import read
from tests.fixtures.databases import Database

FIRST, SECOND, THIRD = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)
THEN = datetime(2026, 3, 4, 4, tzinfo=UTC)
"""Noon in Shanghai, the days of the history are over."""
WAIT = 20
PLACES = 4
"""The regions, and what belongs to none."""
BY_HAND = text(
    "SELECT coalesce(sum(CASE 'wechat' WHEN d.code THEN amount_fen WHEN c.code THEN -amount_fen ELSE 0 END), 0)"
    " FROM ledger_transfer JOIN ledger_account AS d ON d.id = debit_id JOIN ledger_account AS c ON c.id = credit_id"
    " WHERE booked_on = :day AND coalesce(region_id, 0) = :region"
)
"""净收 of a day and a region, in an SQL of its own."""


@pytest.fixture
def finance(app: Flask) -> Actor:
    return a_member_of_staff(app, role=Role.FINANCE, region=None)


def close(app: Flask, finance: Actor, on_day: date, now: datetime = THEN) -> str:
    """Closes a day; how it was refused, empty if it was not."""
    with app.app_context():
        try:
            close_day(on_day, actor=finance, now=now)
        except RuleBroken as broken:
            return broken.rule.value
    return ""


def closings(database: Database) -> list[Any]:
    return list(database.all(select(DayClose).order_by(DayClose.on_day, DayClose.region_id)))


def net_by_hand(database: Database, on_day: date, region_id: int | None) -> int:
    with database.read() as session:
        return int(session.scalar(BY_HAND, {"day": on_day.isoformat(), "region": region_id or 0}))


@pytest.mark.both_engines
def test_a_day_is_closed_once_for_every_region_and_for_what_belongs_to_none(
    app: Flask, database: Database, finance: Actor
) -> None:
    MoneyHistory(app, 1, FIRST, 1).go_on(120)
    bills_of(database, FIRST)
    assert close(app, finance, FIRST) == ""
    assert close(app, finance, FIRST, THEN + timedelta(hours=1)) == ""
    rows = closings(database)
    assert len(rows) == PLACES
    assert {row.closed_at for row in rows} == {THEN}
    assert any(row.figures["figures"]["net"] for row in rows if row.region_id is None)
    for row in rows:
        assert row.figures["figures"]["net"] == net_by_hand(database, FIRST, row.region_id)


@pytest.mark.both_engines
@pytest.mark.races
def test_of_three_who_close_it_at_once_one_does(app: Flask, database: Database, finance: Actor) -> None:
    MoneyHistory(app, 1, FIRST, 1).go_on(20)
    bills_of(database, FIRST)
    barrier = threading.Barrier(3, timeout=WAIT)

    def run(_nth: int) -> bool:
        barrier.wait()
        with app.app_context():
            return close_day(FIRST, actor=finance, now=THEN)

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(run, range(3))) == [False, False, True]
    assert len(closings(database)) == PLACES


def test_days_are_closed_in_their_order(app: Flask, database: Database, finance: Actor) -> None:
    history = MoneyHistory(app, 1, FIRST, 1)
    history.go_on(5)
    history.go_on(5, THIRD)
    for day in (FIRST, SECOND, THIRD):
        bills_of(database, day)
    before = FIRST - timedelta(days=1)
    assert close(app, finance, before) == Rule.DAY_WITHOUT_MONEY
    with app.app_context(), pytest.raises(RuleBroken) as refused:
        close_day(THIRD, actor=finance, now=THEN)
    assert (refused.value.rule, refused.value.facts) == (Rule.DAY_BEFORE_OPEN, {"day": FIRST})
    assert [close(app, finance, day) for day in (FIRST, SECOND, THIRD)] == ["", "", ""]


def test_books_that_are_older_than_the_bills_are_closed_from_the_first_bill_on(
    app: Flask, database: Database, finance: Actor
) -> None:
    history = MoneyHistory(app, 1, FIRST - timedelta(days=200), 1)
    history.go_on(5)
    oldest = FIRST + timedelta(days=3 - DAYS_BACK)
    assert close(app, finance, oldest - timedelta(days=1)) == Rule.DAY_WITHOUT_MONEY
    assert close(app, finance, oldest) == Rule.DAY_WITHOUT_BILLS
    bills_of(database, oldest - timedelta(days=10))  # fetched when WeChat still had it
    assert close(app, finance, oldest) == Rule.DAY_BEFORE_OPEN
    assert close(app, finance, oldest - timedelta(days=10)) == ""


def test_without_any_money_there_is_nothing_to_close(app: Flask, database: Database, finance: Actor) -> None:
    bills_of(database, FIRST)
    assert close(app, finance, FIRST) == Rule.DAY_WITHOUT_MONEY


def test_a_day_that_is_not_over_stays_open(app: Flask, database: Database, finance: Actor) -> None:
    MoneyHistory(app, 1, FIRST, 1).go_on(5)
    bills_of(database, FIRST)
    midnight = datetime(2026, 3, 1, 16, tzinfo=UTC)
    assert close(app, finance, FIRST, midnight - timedelta(seconds=1)) == Rule.DAY_NOT_OVER
    assert close(app, finance, FIRST, midnight) == ""


@pytest.mark.parametrize("kinds", [[], [BillKind.TRADE], [BillKind.FUND]])
def test_both_bills_must_be_there(app: Flask, database: Database, finance: Actor, kinds: list[BillKind]) -> None:
    MoneyHistory(app, 1, FIRST, 1).go_on(5)
    bills_of(database, SECOND)
    bills_of(database, FIRST, kinds=kinds)
    assert close(app, finance, FIRST) == Rule.DAY_WITHOUT_BILLS


def test_no_difference_may_be_open(app: Flask, database: Database, finance: Actor) -> None:
    MoneyHistory(app, 1, FIRST, 1).go_on(5)
    bills_of(database, FIRST, differences=2)
    bills_of(database, SECOND, differences=1)
    with app.app_context(), pytest.raises(RuleBroken) as refused:
        close_day(FIRST, actor=finance, now=THEN)
    assert (refused.value.rule, refused.value.facts) == (Rule.DAY_DIFFERENCES_OPEN, {"count": 2})
    settle_differences(database)
    assert close(app, finance, FIRST) == ""


@pytest.mark.parametrize(
    ("role", "region"), [(Role.CLERK, None), (Role.FINANCE, "A"), (Role.MANAGER, "A"), (Role.CONSULTANT, None)]
)
def test_it_needs_the_right_everywhere(app: Flask, database: Database, role: Role, region: str | None) -> None:
    MoneyHistory(app, 1, FIRST, 1).go_on(5)
    bills_of(database, FIRST)
    with app.app_context(), pytest.raises(Forbidden):
        close_day(FIRST, actor=a_member_of_staff(app, role=role, region=region), now=THEN)


@pytest.mark.both_engines
def test_what_comes_later_is_booked_on_the_next_open_day_and_the_figures_stay(
    app: Flask, database: Database, finance: Actor
) -> None:
    history = MoneyHistory(app, 1, FIRST, 1)
    history.go_on(80)
    for day in (FIRST, SECOND):
        bills_of(database, day)
    assert close(app, finance, FIRST) == ""
    before = seen(app, finance)
    booked = database.count(LedgerTransfer, LedgerTransfer.booked_on == FIRST)
    history.go_on(40, FIRST)  # whatever kept a booking of that day until now
    assert database.count(LedgerTransfer, LedgerTransfer.booked_on == FIRST) == booked
    assert database.count(LedgerTransfer, LedgerTransfer.booked_on == SECOND) == 40
    assert close(app, finance, SECOND) == ""
    history.go_on(40, FIRST)
    assert database.count(LedgerTransfer, LedgerTransfer.booked_on == THIRD) == 40
    with app.app_context():
        fold()
    assert seen(app, finance) == before
    with read(app) as session:
        assert list(INVARIANTS["closed_days_keep_their_figures"].violations(session, THEN)) == []
        assert list(INVARIANTS["sums_are_the_ledgers"].violations(session, THEN)) == []
    for region_id, books in before.books.items():
        assert books.figures["net"] == net_by_hand(database, FIRST, region_id)  # type: ignore[index]  # a word


def seen(app: Flask, finance: Actor) -> closing.Day:
    """The first day as its page shows it."""
    with read(app) as session:
        day = closing.day_of(session, finance, None, FIRST)
        assert day.closed is not None
        assert closing.days_of(session, finance, None, FIRST, FIRST)[0] == day
        return day


@pytest.mark.both_engines
def test_so_are_late_fees_that_are_posted_set_by_set(app: Flask, database: Database, finance: Actor) -> None:
    some_batteries(database)
    a_use(app, a_member(app, now=THEN - timedelta(days=16)), now=THEN - timedelta(days=16))
    with read(app) as session:
        day = closing.next_to_close(session, THEN)
    assert day is not None
    while day <= THIRD:
        bills_of(database, day)
        assert close(app, finance, day) == ""
        day += timedelta(days=1)
    late = datetime(2026, 3, 3, 15, 59, tzinfo=UTC)
    with app.app_context():
        assert late_fees.post_days(BatteryUse, a_region_id(app, "A"), now=late) == 1
    fee = database.one(select(LedgerTransfer).where(LedgerTransfer.entry_key.like("late_fee:%")))
    assert (fee.at, fee.booked_on) == (late, THIRD + timedelta(days=1))


@pytest.mark.both_engines
def test_a_closed_day_cannot_be_changed_even_by_hand(app: Flask, database: Database, finance: Actor) -> None:
    MoneyHistory(app, 1, FIRST, 1).go_on(5)
    bills_of(database, FIRST)
    assert close(app, finance, FIRST) == ""
    for statement in ("UPDATE day_close SET on_day = '2026-01-01'", "DELETE FROM day_close"):
        with pytest.raises(DBAPIError, match="append-only"):
            database.execute(statement)


@pytest.mark.postgres
@pytest.mark.races
def test_whoever_books_at_that_moment_is_waited_for(app: Flask, database: Database, finance: Actor) -> None:
    close_while_somebody_books(app, database, finance)
    (row,) = [row for row in closings(database) if row.region_id is None]
    assert row.figures["figures"]["net"] == net_by_hand(database, FIRST, None)


@pytest.mark.postgres
@pytest.mark.races
def test_without_waiting_the_closed_figures_lack_it(
    app: Flask, database: Database, finance: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: it asked which day is open before the closing, and commits after it."""
    monkeypatch.setattr(ledger, "hold_still", lambda _session: None)
    close_while_somebody_books(app, database, finance)
    (row,) = [row for row in closings(database) if row.region_id is None]
    assert net_by_hand(database, FIRST, None) - row.figures["figures"]["net"] == 7


def close_while_somebody_books(app: Flask, database: Database, finance: Actor) -> None:
    """A booking of the day has begun; it commits once the closing waits for it, or is done."""
    MoneyHistory(app, 1, FIRST, 1).go_on(20)
    bills_of(database, FIRST)
    booked, may_commit = threading.Event(), threading.Event()

    @transactional
    def slowly(session: Session) -> None:
        legs = recipes.payment_received(recipes.Account.SUSPENSE, 7)
        ledger.book(session, "payment:slow", legs, None, datetime(2026, 3, 1, 12, tzinfo=UTC), purpose=None)
        session.flush()
        booked.set()
        assert may_commit.wait(WAIT)

    def in_context(act: Callable[[], object]) -> None:
        with app.app_context():
            act()

    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(in_context, slowly)
        assert booked.wait(WAIT)
        closes = pool.submit(in_context, lambda: day_closing.close_day(FIRST, actor=finance, now=THEN))
        eventually(lambda: closes.done() or somebody_waits_for_bookings(app))
        may_commit.set()
        slow.result(WAIT)
        closes.result(WAIT)
