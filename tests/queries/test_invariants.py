"""Every invariant is silent on a good database and finds what is planted against it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.domain.calendar import business_day
from app.domain.deposits import DamageItem, DepositKind
from app.domain.permissions import Actor
from app.domain.pictures import PhotoKind
from app.domain.rentals import Condition, Place
from app.domain.settings import FLASH_PRICE
from app.models.batteries import BatteryUse
from app.models.numbers import NumberSlot
from app.models.orders import Order
from app.queries.invariants import INVARIANTS
from app.usecases import deposits, late_fees, numbers, orders, rentals
from app.usecases.restrictions import reconcile_person
from app.usecases.seeding import demo
from app.usecases.seeding.orders import seed_orders
from app.usecases.waivers import waive
from app.web.current import RUNTIME
from tests.factories.flash import a_member, a_use, some_batteries, take_back
from tests.factories.people import a_customer, a_member_of_staff, a_region_id
from tests.factories.rentals import a_card, a_deposit, a_photo, a_rental_order, deposits_of, give_back
from tests.factories.settings import a_setting
from tests.fixtures.databases import Database

NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)
YESTERDAY, LONG_AGO = NOW - timedelta(days=1), NOW - timedelta(days=60)
ORDERS = 250

COMPLETED = "(SELECT min(id) FROM orders WHERE status = 'completed')"
KEPT = "(SELECT min(id) FROM number_slot WHERE state = 'kept')"
FREE = "(SELECT min(id) FROM number_slot WHERE state = 'free')"
SETTLES = "(SELECT min(id) FROM payment WHERE status = 'settles' AND refunded_fen = 0)"
REFUNDED = "(SELECT min(id) FROM payment WHERE status = 'settles' AND refunded_fen > 0)"
REFUND = "(SELECT min(id) FROM refund WHERE status = 'done')"
EXPIRED = "(SELECT min(id) FROM orders WHERE status = 'expired')"
HOLDING = "INSERT INTO number_holding (slot_id, order_id, from_seq, from_at, revived) "

OUT = "(SELECT max(order_id) FROM rental WHERE returned_at IS NULL)"
RETURNED = "(SELECT min(order_id) FROM rental WHERE returned_to = 'stock')"
IN_REPAIR = "(SELECT min(order_id) FROM rental WHERE returned_to = 'repair')"
SECURES = "(SELECT max(deposit_id) FROM rental WHERE returned_at IS NULL)"
OPEN_USE = "(SELECT max(id) FROM battery_use WHERE returned_at IS NULL)"
LATE_FEE = "INSERT INTO late_fee (battery_use_id, day_on, amount_fen, reason, posted_at) "
WAIVER = "INSERT INTO late_fee_waiver (late_fee_id, amount_fen, reason, request_key, staff_id, at) "
BAR = "INSERT INTO restriction (customer_id, cause, subject_kind, subject_id, since, reason) "
ENDED_USE = "(SELECT min(id) FROM battery_use WHERE returned_at IS NOT NULL)"
PAID_DEPOSIT = "(SELECT max(payment.id) FROM payment JOIN charge ON charge.id = charge_id WHERE deposit_id IS NOT NULL)"
TRANSFER = """INSERT INTO ledger_transfer (entry_key, leg, debit_id, credit_id, amount_fen, booked_on, at)
    SELECT 'by hand', 0, debit.id, credit.id, 5, '2026-11-24', :now FROM ledger_account debit, ledger_account credit """

PLANTED: list[tuple[str, list[str]]] = [
    (
        "matched_lines_agree",
        [
            "INSERT INTO bill_day (kind, on_day, lines, fetched_at) VALUES ('trade', '2026-11-23', 1, :now)",
            """INSERT INTO bill_item (bill_day_id, line_no, bill_fen, book_fen, payment_id, state)
            SELECT id, 1, 100, 101, (SELECT min(id) FROM payment), 'matched' FROM bill_day""",
        ],
    ),
    (
        "one_live_holder",
        [
            "DROP INDEX uq_number_holding_live",
            f"""{HOLDING} SELECT slot_id, {EXPIRED}, from_seq, from_at, revived
                 FROM number_holding WHERE slot_id = {KEPT} AND to_seq IS NULL""",
        ],
    ),
    ("series_are_whole", ["DELETE FROM number_slot WHERE id = (SELECT max(id) FROM number_slot WHERE state = 'free')"]),
    ("slots_and_holdings_agree", [f"UPDATE number_slot SET state = 'free', order_id = NULL WHERE id = {KEPT}"]),
    ("slots_and_holdings_agree", [f"UPDATE number_slot SET state = 'retired' WHERE id = {FREE}"]),
    ("slots_and_holdings_agree", ["UPDATE number_slot SET state = 'free' WHERE state = 'retired'"]),
    ("numbers_fit_orders", [f"UPDATE number_slot SET state = 'held' WHERE id = {KEPT}"]),
    ("numbers_fit_orders", [f"UPDATE number_slot SET state = 'free', order_id = NULL WHERE order_id = {OUT}"]),
    ("numbers_fit_orders", [f"UPDATE number_slot SET state = 'waiting' WHERE order_id = {RETURNED}"]),
    ("printed_numbers_are_held", [f"UPDATE orders SET number = 'AM9999' WHERE id = {COMPLETED}"]),
    (
        "claims_were_smallest",
        [
            "UPDATE number_series SET seq = seq + 1",
            f"""{HOLDING} SELECT max(s.id), {EXPIRED}, max(r.seq), :now, false
                 FROM number_slot s JOIN number_series r ON r.id = s.series_id WHERE s.state = 'free' AND r.id = 1""",
        ],
    ),
    (
        "claims_were_smallest",  # a number that is held is taken out of use
        [
            "DROP INDEX uq_number_holding_live",
            "UPDATE number_series SET seq = seq + 1",
            f"""{HOLDING} SELECT s.id, NULL, r.seq, :now, false
                 FROM number_slot s JOIN number_series r ON r.id = s.series_id WHERE s.id = {KEPT}""",
        ],
    ),
    ("stock_is_its_movements", ["UPDATE listing SET stock = stock + 1 WHERE id = 1"]),
    (
        "orders_hold_one_vehicle",
        [
            f"""INSERT INTO stock_movement (listing_id, delta, reason, order_id, turn, at)
                SELECT listing_id, 1, 'closed', id, 9, :now FROM orders WHERE id = {COMPLETED}"""
        ],
    ),
    (
        "orders_hold_one_vehicle",  # in repair, and for rent all the same
        [
            f"""INSERT INTO stock_movement (listing_id, delta, reason, order_id, turn, at)
                SELECT listing_id, 1, 'returned', id, 9, :now FROM orders WHERE id = {IN_REPAIR}"""
        ],
    ),
    ("orders_hold_one_vehicle", [f"UPDATE rental SET returned_to = 'repair' WHERE order_id = {RETURNED}"]),
    (
        "charges_are_their_lines",
        ["INSERT INTO charge_line (charge_id, kind, amount_fen) SELECT min(id), 'price', 1 FROM charge"],
    ),
    ("charges_are_their_lines", [f"UPDATE orders SET amount_fen = amount_fen + 1 WHERE id = {OUT}"]),
    ("charges_fit_orders", [f"UPDATE charge SET status = 'open', settled_at = NULL WHERE order_id = {COMPLETED}"]),
    ("settled_charges_are_paid", [f"UPDATE payment SET received_fen = received_fen + 1 WHERE id = {SETTLES}"]),
    ("settled_charges_are_paid", [f"UPDATE payment SET received_fen = received_fen + 1 WHERE id = {PAID_DEPOSIT}"]),
    ("refunds_add_up", [f"UPDATE payment SET refunded_fen = 1 WHERE id = {SETTLES}"]),
    ("surplus_goes_back", [f"UPDATE payment SET status = 'surplus' WHERE id = {SETTLES}"]),
    ("cancelled_orders_keep_no_money", [f"UPDATE payment SET refunded_fen = 0 WHERE id = {REFUNDED}"]),
    ("requested_refunds_are_errands", [f"UPDATE refund SET status = 'requested', done_at = NULL WHERE id = {REFUND}"]),
    (
        "refunds_are_asked_about",
        [f"UPDATE refund SET status = 'accepted', done_at = NULL, asked_at = :days_ago WHERE id = {REFUND}"],
    ),
    (
        "attempts_are_decided",
        ["UPDATE payment SET status = 'created' WHERE id = (SELECT min(id) FROM payment WHERE status = 'closed')"],
    ),
    (
        "overdue_orders_expire",
        [
            f"UPDATE charge SET status = 'open' WHERE order_id = {EXPIRED}",
            f"UPDATE orders SET status = 'reserved', closed_at = NULL WHERE id = {EXPIRED}",
        ],
    ),
    ("accounts_are_there", ["UPDATE ledger_account SET kind = 'asset' WHERE code = 'sales'"]),
    ("accounts_are_there", ["UPDATE ledger_account SET kind = 'income' WHERE code = 'deposits'"]),
    ("money_is_booked", [f"UPDATE payment SET transaction_id = 'another' WHERE id = {SETTLES}"]),
    ("money_is_booked", [f"UPDATE payment SET transaction_id = 'another' WHERE id = {PAID_DEPOSIT}"]),
    (
        "money_is_booked",  # a deposit that was booked as an advance
        [
            "DROP INDEX uq_charge_deposit",
            f"UPDATE charge SET purpose = 'deposit', deposit_id = {SECURES}, order_id = NULL WHERE order_id = {OUT}",
        ],
    ),
    ("withholdings_and_fees_are_booked", [f"UPDATE battery_use SET price_fen = price_fen + 1 WHERE id = {OPEN_USE}"]),
    (
        "withholdings_and_fees_are_booked",
        [
            """INSERT INTO deposit_withholding (deposit_id, kind, rental_id, item, amount_fen, photo_id, nth, at)
               SELECT deposit_id, 'damage', rental_id, item, 1, photo_id, 9, at
               FROM deposit_withholding WHERE kind = 'damage'"""
        ],
    ),
    ("withholdings_and_fees_are_booked", [f"{LATE_FEE} VALUES ({OPEN_USE}, '2027-01-01', 500, 'fee', :now)"]),
    (
        "withholdings_and_fees_are_booked",
        [f"{WAIVER} SELECT max(late_fee.id), 500, 'x', 'x', min(staff.id), :now FROM late_fee, staff"],
    ),
    ("pickups_are_booked", [f"UPDATE orders SET amount_fen = amount_fen + 1 WHERE id = {COMPLETED}"]),
    ("pickups_are_booked", [f"UPDATE orders SET amount_fen = amount_fen + 1 WHERE id = {OUT}"]),
    ("pickups_are_booked", [f"{TRANSFER} WHERE debit.code = 'advances' AND credit.code = 'rentals'"]),
    ("balances_are_explained", [f"{TRANSFER} WHERE debit.code = 'wechat' AND credit.code = 'sales'"]),
    ("balances_are_explained", [f"{TRANSFER} WHERE debit.code = 'deposits' AND credit.code = 'damages'"]),
    ("balances_are_explained", [f"{TRANSFER} WHERE debit.code = 'receivables' AND credit.code = 'flash_fees'"]),
    ("balances_are_explained", [f"{TRANSFER} WHERE debit.code = 'receivables' AND credit.code = 'late_fees'"]),
    ("sums_are_the_ledgers", ["UPDATE ledger_fold SET folded_id = 9, seen_id = 9"]),
    ("sums_are_the_ledgers", ["UPDATE ledger_fold SET folded_id = 9"]),
    (
        "closed_days_keep_their_figures",
        [
            """INSERT INTO day_close (on_day, figures, closed_at, staff_id)
               SELECT '2026-11-01', '{"figures": {"net": 5}, "standing": {}}', :now, min(id) FROM staff"""
        ],
    ),
    (
        "closed_days_stay_closed",
        [
            """INSERT INTO day_close (region_id, on_day, figures, closed_at, staff_id)
               SELECT region_id, booked_on, '{}', :days_ago, (SELECT min(id) FROM staff)
               FROM ledger_transfer WHERE entry_key LIKE 'waiver:%'"""
        ],
    ),
    ("day_figures_are_counted", ["UPDATE order_day SET orders = orders + 1 WHERE id = 1"]),
    ("day_figures_are_counted", [f"UPDATE orders SET occupies_rental = false WHERE id = {OUT}"]),
    ("registered_people_are_known", ["DELETE FROM consent WHERE id = (SELECT min(id) FROM consent)"]),
    (
        "registered_people_are_known",  # one consent does not stand for another
        [
            "DROP INDEX uq_consent_standing",
            f"""UPDATE consent SET kind = 'student_card'
                WHERE customer_id = (SELECT customer_id FROM orders WHERE id = {OUT})""",
        ],
    ),
    (
        "restrictions_are_sane",
        [
            """INSERT INTO restriction (customer_id, cause, since, reason)
               SELECT min(id), 'manual', :now, '' FROM customer"""
        ],
    ),
    (
        "jobs_do_not_fail_for_long",
        [
            """INSERT INTO job_run (job, business_on, started_at, finished_at, error)
               VALUES ('expire_orders', '2026-11-21', :days_ago, :days_ago, 'broken')"""
        ],
    ),
    ("deposits_fit_charges", [f"UPDATE charge SET status = 'open', settled_at = NULL WHERE deposit_id = {SECURES}"]),
    ("deposits_fit_charges", ["UPDATE charge SET status = 'open' WHERE deposit_id IS NOT NULL AND status = 'void'"]),
    ("deposits_fit_charges", [f"UPDATE deposit SET amount_fen = amount_fen + 1 WHERE id = {SECURES}"]),
    ("withholdings_add_up", [f"UPDATE deposit SET withheld_fen = withheld_fen + 1 WHERE id = {SECURES}"]),
    ("refunded_deposits_are_back", [f"UPDATE deposit SET refunded_fen = 1 WHERE id = {SECURES}"]),
    ("refunded_deposits_are_back", ["UPDATE deposit SET status = 'refunded' WHERE status = 'refunding'"]),
    ("rental_deposits_are_needed", [f"UPDATE orders SET occupies_rental = false WHERE id = {OUT}"]),
    ("rentals_fit_orders", [f"DELETE FROM rental WHERE order_id = {OUT}"]),
    ("rentals_fit_orders", [f"UPDATE orders SET occupies_rental = false WHERE id = {OUT}"]),
    (
        "rentals_fit_orders",
        [
            "DROP INDEX uq_orders_one_rental",
            f"UPDATE orders SET occupies_rental = true WHERE id = {RETURNED}",
        ],
    ),
    ("what_is_out_is_secured", [f"UPDATE deposit SET status = 'refunding' WHERE id = {SECURES}"]),
    ("what_is_out_is_secured", [f"UPDATE rental SET deposit_id = {SECURES} - 1 WHERE order_id = {OUT}"]),
    (
        "what_is_out_is_secured",
        [
            f"""UPDATE deposit SET status = 'refunding'
                WHERE id = (SELECT deposit_id FROM battery_use WHERE id = {OPEN_USE})"""
        ],
    ),
    ("batteries_fit_uses", ["UPDATE battery SET state = 'in_stock' WHERE state = 'in_use'"]),
    ("batteries_fit_uses", ["UPDATE battery SET state = 'in_use' WHERE state = 'in_stock'"]),
    ("people_are_counted", ["DELETE FROM battery_person"]),
    ("people_are_counted", ["UPDATE battery_person SET first = false"]),
    ("uses_are_charged", [f"UPDATE battery_use SET price_fen = 0 WHERE id = {OPEN_USE}"]),
    ("uses_are_charged", [f"UPDATE charge SET status = 'void' WHERE battery_use_id = {OPEN_USE}"]),
    ("cards_have_photos", ["UPDATE photo SET erased_at = :now WHERE kind = 'card'"]),
    ("cards_have_photos", ["UPDATE photo SET erased_at = NULL"]),
    ("freeze_days_follow_terms", [f"UPDATE battery_use SET freezes_on = began_on WHERE id = {OPEN_USE}"]),
    ("freeze_days_follow_terms", [f"UPDATE rental SET freezes_on = due_on WHERE order_id = {OUT}"]),
    ("freeze_days_follow_terms", [f"UPDATE battery_use SET fees_from = began_on WHERE id = {OPEN_USE}"]),
    ("late_days_follow_terms", [f"{LATE_FEE} VALUES ({OPEN_USE}, '2027-01-01', 500, 'fee', :now)"]),  # a gap before it
    (
        "late_days_follow_terms",  # declared after the day was posted
        [
            """INSERT INTO closed_day (day_on, reason, staff_id, made_at)
               SELECT max(day_on), '放假', (SELECT min(id) FROM staff), :now FROM late_fee"""
        ],
    ),
    ("late_days_are_posted", [f"UPDATE battery_use SET fees_from = began_on WHERE id = {ENDED_USE}"]),
    ("debts_are_what_is_left", ["UPDATE battery_use SET late_owed_fen = late_owed_fen + 1 WHERE late_owed_fen > 0"]),
    (
        "debts_are_what_is_left",
        ["UPDATE charge SET status = 'settled', settled_at = :now WHERE purpose = 'late_fee' AND status = 'open'"],
    ),
    ("quotes_ask_for_what_is_owed", ["UPDATE charge SET amount_fen = amount_fen + 1 WHERE purpose = 'late_fee'"]),
    (
        "waivers_are_whole",
        [f"{WAIVER} SELECT max(late_fee.id), 1, 'x', 'x', min(staff.id), :now FROM late_fee, staff"],
    ),
    ("restrictions_follow_facts", ["UPDATE restriction SET lifted_at = :now WHERE cause = 'debt'"]),
    ("restrictions_follow_facts", ["UPDATE battery_use SET late_owed_fen = 0"]),
    (
        "restrictions_follow_facts",
        [f"{BAR} SELECT customer_id, 'overdue', 'battery_use', id, :now, 'x' FROM battery_use WHERE id = {ENDED_USE}"],
    ),
]
"""For each invariant, statements that break it, one way or several.

An index or a check that forbids them is dropped with them.
"""


@pytest.fixture
def seeded(context: Flask, database: Database) -> Flask:
    """A year of sales of every kind, and of rentals and battery uses each state in which they stand for long."""
    runtime = context.extensions[RUNTIME]
    demo.lay_staff(password_hashes={})
    seed_orders(ORDERS, seed=7, vault=runtime.vault, app_id=runtime.app_id, now=NOW, recent=10)
    _rent(context, database)
    _charge(context, database)
    _be_late(context)
    numbers.retire(slot_id(database, 9999), reason="车牌丢了", actor=Actor.job("tests"), now=NOW)
    return context


def _rent(app: Flask, database: Database) -> None:
    """One vehicle is back, one in repair with its damage withheld, one out; one deposit was chosen and dropped."""
    a_rental_order(app, database, returned=True, now=YESTERDAY - timedelta(hours=2))
    damaged = a_rental_order(app, database, picked_up=True, now=YESTERDAY)
    give_back(app, damaged, condition=Condition.DAMAGED, place=Place.REPAIR, now=NOW - timedelta(hours=2))
    rentals.settle_damage(
        damaged,
        items=[DamageItem("后视镜", 80_00)],
        photo=a_photo(PhotoKind.DAMAGE),
        reason="左后视镜碎了",
        request_key="damage",
        actor=a_member_of_staff(app, role="manager"),
        now=NOW - timedelta(hours=1),
    )
    renter = a_customer(app)
    a_card(app, renter)  # replaced by the next one
    a_rental_order(app, database, customer=renter, deposit=None, now=YESTERDAY)
    order_id = database.one(select(Order.id).where(Order.customer_id == renter.id))
    a_deposit(app, renter, DepositKind.FLASH, order_id=order_id, paid=False, now=YESTERDAY)
    orders.cancel_order(order_id, reason="", actor=renter, now=YESTERDAY)
    a_rental_order(app, database, customer=renter, card=False, picked_up=True, now=YESTERDAY)


def _charge(app: Flask, database: Database) -> None:
    """One battery is out and not paid for, the fee of another use was withheld when its person left."""
    some_batteries(database, last=4)
    a_setting(app, database, FLASH_PRICE, 2_00)
    leaver = a_member(app, now=YESTERDAY)
    take_back(app, a_use(app, leaver, "A00001", now=YESTERDAY), now=NOW - timedelta(hours=3))
    deposits.ask_back(deposits_of(app, leaver)[-1].id, actor=leaver, now=NOW - timedelta(hours=2))
    a_use(app, a_member(app, now=YESTERDAY), "A00002", now=YESTERDAY)


def _be_late(app: Flask) -> None:
    """One battery came back six days late: a day is waived, the rest is asked for. Another is out for 40 days."""
    debtor, boss = a_member(app, now=LONG_AGO), a_member_of_staff(app, role="manager")
    use_id = a_use(app, debtor, "A00003", now=NOW - timedelta(days=20))
    take_back(app, use_id, now=YESTERDAY)
    first = business_day(YESTERDAY) - timedelta(days=4)
    waive(BatteryUse, use_id, days=[first], reason="店里没人", request_key="form", actor=boss, now=YESTERDAY)
    late_fees.quote(BatteryUse, use_id, actor=debtor, now=NOW)
    late = a_member(app, now=LONG_AGO)
    a_use(app, late, "A00004", now=NOW - timedelta(days=40))
    late_fees.post_days(BatteryUse, a_region_id(app, "A"), now=NOW)
    reconcile_person(late.id or 0, actor=Actor.job("tests"), now=NOW)


def slot_id(database: Database, n: int) -> int:
    """A number of the first series."""
    found: int = database.one(select(NumberSlot.id).where(NumberSlot.series_id == 1, NumberSlot.n == n))
    return found


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
    for key, statements in PLANTED:
        with undone(database) as session:
            for statement in statements:
                used = {name: at for name, at in moments.items() if f":{name}" in statement}
                session.execute(text(statement), used)
            if not list(INVARIANTS[key].violations(session, NOW)):
                missed.append((key, statements[-1]))
    assert missed == []
    with database.read() as session:
        assert broken(session) == {}


def test_every_invariant_has_something_planted_and_a_name_of_its_own() -> None:
    assert {key for key, _ in PLANTED} == set(INVARIANTS)
    names = [invariant.name for invariant in INVARIANTS.values()]
    assert len(set(names)) == len(names)
    assert all(name[0].isupper() and "\n" not in name for name in names)
