"""Every invariant is silent on a good database and finds what is planted against it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.queries.invariants import INVARIANTS
from app.usecases.seeding import demo
from app.usecases.seeding.orders import seed_orders
from app.web.current import RUNTIME
from tests.fixtures.databases import Database

NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)
ORDERS = 250

COMPLETED = "(SELECT min(id) FROM orders WHERE status = 'completed')"
KEPT = "(SELECT min(id) FROM number_slot WHERE state = 'kept')"
FREE = "(SELECT min(id) FROM number_slot WHERE state = 'free')"
SETTLES = "(SELECT min(id) FROM payment WHERE status = 'settles' AND refunded_fen = 0)"
REFUNDED = "(SELECT min(id) FROM payment WHERE status = 'settles' AND refunded_fen > 0)"
REFUND = "(SELECT min(id) FROM refund WHERE status = 'done')"
EXPIRED = "(SELECT min(id) FROM orders WHERE status = 'expired')"
HOLDING = "INSERT INTO number_holding (slot_id, order_id, from_seq, from_at, revived) "

PLANTED: dict[str, list[str]] = {
    "one_live_holder": [
        "DROP INDEX uq_number_holding_live",
        f"""{HOLDING} SELECT slot_id, {EXPIRED}, from_seq, from_at, revived
             FROM number_holding WHERE slot_id = {KEPT} AND to_seq IS NULL""",
    ],
    "series_are_whole": ["DELETE FROM number_slot WHERE id = (SELECT max(id) FROM number_slot WHERE state = 'free')"],
    "slots_and_holdings_agree": [f"UPDATE number_slot SET state = 'free', order_id = NULL WHERE id = {KEPT}"],
    "numbers_fit_orders": [f"UPDATE number_slot SET state = 'held' WHERE id = {KEPT}"],
    "printed_numbers_are_held": [f"UPDATE orders SET number = 'AM9999' WHERE id = {COMPLETED}"],
    "claims_were_smallest": [
        "UPDATE number_series SET seq = seq + 1",
        f"""{HOLDING} SELECT max(s.id), {EXPIRED}, max(r.seq), :now, false
             FROM number_slot s JOIN number_series r ON r.id = s.series_id WHERE s.state = 'free' AND r.id = 1""",
    ],
    "stock_is_its_movements": ["UPDATE listing SET stock = stock + 1 WHERE id = 1"],
    "orders_hold_one_vehicle": [
        f"""INSERT INTO stock_movement (listing_id, delta, reason, order_id, turn, at)
            SELECT listing_id, 1, 'closed', id, 9, :now FROM orders WHERE id = {COMPLETED}"""
    ],
    "charges_are_their_lines": [
        "INSERT INTO charge_line (charge_id, kind, amount_fen) SELECT min(id), 'price', 1 FROM charge"
    ],
    "charges_fit_orders": [f"UPDATE charge SET status = 'open', settled_at = NULL WHERE order_id = {COMPLETED}"],
    "settled_charges_are_paid": [f"UPDATE payment SET received_fen = received_fen + 1 WHERE id = {SETTLES}"],
    "refunds_add_up": [f"UPDATE payment SET refunded_fen = 1 WHERE id = {SETTLES}"],
    "surplus_goes_back": [f"UPDATE payment SET status = 'surplus' WHERE id = {SETTLES}"],
    "cancelled_orders_keep_no_money": [f"UPDATE payment SET refunded_fen = 0 WHERE id = {REFUNDED}"],
    "requested_refunds_are_errands": [f"UPDATE refund SET status = 'requested', done_at = NULL WHERE id = {REFUND}"],
    "refunds_are_asked_about": [
        f"UPDATE refund SET status = 'accepted', done_at = NULL, asked_at = :days_ago WHERE id = {REFUND}"
    ],
    "attempts_are_decided": [
        "UPDATE payment SET status = 'created' WHERE id = (SELECT min(id) FROM payment WHERE status = 'closed')"
    ],
    "overdue_orders_expire": [
        f"UPDATE charge SET status = 'open' WHERE order_id = {EXPIRED}",
        f"UPDATE orders SET status = 'reserved', closed_at = NULL WHERE id = {EXPIRED}",
    ],
    "accounts_are_there": ["UPDATE ledger_account SET kind = 'asset' WHERE code = 'sales'"],
    "money_is_booked": [f"UPDATE payment SET transaction_id = 'another' WHERE id = {SETTLES}"],
    "pickups_are_booked": [f"UPDATE orders SET amount_fen = amount_fen + 1 WHERE id = {COMPLETED}"],
    "balances_are_explained": [
        """INSERT INTO ledger_transfer (entry_key, leg, debit_id, credit_id, amount_fen, booked_on, at)
           VALUES ('by hand', 0, 1, 2, 5, '2026-11-24', :now)"""
    ],
    "day_figures_are_counted": ["UPDATE order_day SET orders = orders + 1 WHERE id = 1"],
    "registered_people_are_known": ["DELETE FROM consent WHERE id = (SELECT min(id) FROM consent)"],
    "restrictions_are_sane": [
        "INSERT INTO restriction (customer_id, cause, since, reason) SELECT min(id), 'manual', :now, '' FROM customer"
    ],
    "jobs_do_not_fail_for_long": [
        """INSERT INTO job_run (job, business_on, started_at, finished_at, error)
           VALUES ('expire_orders', '2026-11-21', :days_ago, :days_ago, 'broken')"""
    ],
}
"""For each invariant, statements that break it; an index or a check that forbids them is dropped with them."""


@pytest.fixture
def seeded(context: Flask) -> Flask:
    """A year of orders of every kind."""
    runtime = context.extensions[RUNTIME]
    demo.lay_staff(password_hashes={})
    seed_orders(ORDERS, seed=7, vault=runtime.vault, app_id=runtime.app_id, now=NOW, recent=10)
    return context


@contextmanager
def undone(database: Database) -> Iterator[Session]:
    """A session whose work is taken back."""
    with Session(database.engine) as session:
        yield session
        session.rollback()


def broken(session: Session) -> dict[str, list[str]]:
    found = {key: list(invariant.violations(session, NOW)) for key, invariant in INVARIANTS.items()}
    return {key: rows for key, rows in found.items() if rows}


def times(database: Database) -> dict[str, object]:
    """Moments as the engine keeps them."""
    moments: dict[str, datetime] = {"now": NOW, "days_ago": NOW - timedelta(days=4)}
    if database.engine_name == "sqlite":
        return {name: at.strftime("%Y-%m-%d %H:%M:%S.%f") for name, at in moments.items()}
    return dict(moments)


@pytest.mark.both_engines
def test_a_database_of_seeded_orders_violates_nothing(seeded: Flask, database: Database) -> None:
    with database.read() as session:
        assert broken(session) == {}


@pytest.mark.both_engines
def test_each_invariant_finds_what_is_planted_against_it(seeded: Flask, database: Database) -> None:
    missed = []
    moments = times(database)
    for key, statements in PLANTED.items():
        with undone(database) as session:
            for statement in statements:
                used = {name: at for name, at in moments.items() if f":{name}" in statement}
                session.execute(text(statement), used)
            if not list(INVARIANTS[key].violations(session, NOW)):
                missed.append(key)
    assert missed == []
    with database.read() as session:
        assert broken(session) == {}


def test_every_invariant_has_something_planted_and_a_name_of_its_own() -> None:
    assert set(PLANTED) == set(INVARIANTS)
    names = [invariant.name for invariant in INVARIANTS.values()]
    assert len(set(names)) == len(names)
    assert all(name[0].isupper() and "\n" not in name for name in names)
