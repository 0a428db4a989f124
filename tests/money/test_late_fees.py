"""Late fees by the pages alone, with the clock moved: the phone scans, the counter takes back (SET-3, SET-4).

The same table as in `tests/domain/test_late_fees.py`. For every other line the job runs meanwhile, which makes no
difference.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.calendar import SHANGHAI, day_start
from app.domain.deposits import DepositStatus
from app.domain.ledger import Account
from app.domain.permissions import Actor
from app.domain.refunds import RefundStatus
from app.domain.settings import RENTAL_LATE_FEE
from app.models.batteries import BatteryUse
from app.models.deposits import Deposit
from app.models.late_fees import ClosedDay
from tests.factories.counting_house import assert_nothing_violated, balances, refunds_of, run_job
from tests.factories.flash import a_member, some_batteries, use_of
from tests.factories.orders import a_listing_id, tell_of_deposit_refund
from tests.factories.people import a_member_of_staff
from tests.factories.phone import press, reserve, words
from tests.factories.rentals import a_rental_order, rental_of
from tests.factories.settings import a_setting
from tests.fixtures.actors import AsCustomer, AsStaff
from tests.fixtures.apps import MovedClock
from tests.fixtures.databases import Database

pytestmark = pytest.mark.both_engines

FIRST = "A00001"
BATTERIES = [
    ("back on day 14, the last free one", "2027-11-01 12:00", "2027-11-15 23:59", 0),
    ("back on day 15", "2027-11-01 12:00", "2027-11-16 00:00", 5_00),
    ("back on day 16", "2027-11-01 12:00", "2027-11-17 12:00", 10_00),
    ("scanned a minute before midnight", "2027-11-01 23:59", "2027-11-16 00:01", 5_00),
    ("scanned at midnight, which in UTC is the day before", "2027-11-02 00:00", "2027-11-16 23:59", 0),
    ("over the end of the year", "2027-12-17 12:00", "2028-01-01 00:00", 5_00),
    ("29 February and 1 March", "2028-02-14 12:00", "2028-03-01 12:00", 10_00),
    ("the first day that would cost was closed", "2028-03-20 12:00", "2028-04-05 12:00", 5_00),
    ("the cap is reached exactly", "2028-05-01 12:00", "2028-07-14 12:00", 300_00),
    ("and never passed", "2028-05-01 12:00", "2028-07-20 12:00", 300_00),
]
CLOSED = date(2028, 4, 4)
VEHICLES = [
    ("back on its last day", 0, 0),
    ("a day late", 1, 8_00),
    ("a month late", 30, 240_00),
    ("38 days late, on one of which it was closed", 38, 296_00),
    ("on the 38th day 4 yuan are left of the cap", 38, 300_00),
]


def in_shanghai(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@dataclass(slots=True)
class Shop:
    """Phones and a counter; every press is made by somebody who has just logged in."""

    app: Flask
    database: Database
    clock: MovedClock
    as_customer: AsCustomer
    as_staff: AsStaff

    def scan(self, who: Actor, number: str = FIRST) -> int:
        """The person scans a battery; the use."""
        answer = press(self.as_customer(who), "/m/flash", code=number)
        assert answer.status_code == 303, words(answer)
        use_id: int = self.database.one(
            select(BatteryUse.id).where(BatteryUse.customer_id == who.id, BatteryUse.returned_at.is_(None))
        )
        return use_id

    def take_back(self, use_id: int, number: str = FIRST) -> int:
        """The clerk takes the battery; what is owed then."""
        answer = press(self.as_staff(), f"/pickup/batteries/{number}/return?region=A", use_id=use_id)
        assert answer.status_code == 303, words(answer)
        use = use_of(self.app, use_id)
        assert use.returned_at is not None
        return use.late_owed_fen

    def job(self) -> None:
        run_job(self.app, "charge_late_fees")


@pytest.fixture
def shop(app: Flask, database: Database, clock: MovedClock, as_customer: AsCustomer, as_staff: AsStaff) -> Shop:
    """Batteries in stock; one day is closed."""
    some_batteries(database, last=len(BATTERIES))
    clock.move_to(in_shanghai("2027-11-01 00:00"))
    staff_id = a_member_of_staff(app, role="manager").id or 0
    database.add(ClosedDay(region_id=None, day_on=CLOSED, reason="清明", staff_id=staff_id, made_at=clock.now()))
    return Shop(app, database, clock, as_customer, as_staff)


@pytest.mark.req("SET-3", "SET-4")
def test_what_a_late_battery_costs(shop: Shop, subtests: pytest.Subtests) -> None:
    total_fen = 0
    for nth, (what, scanned, back, fen) in enumerate(BATTERIES):
        with subtests.test(what):
            number = f"A{nth + 1:05d}"
            shop.clock.move_to(in_shanghai(scanned))
            use_id = shop.scan(a_member(shop.app), number)
            if nth % 2:
                shop.clock.move_to(in_shanghai(back) - timedelta(hours=20))
                shop.job()
            shop.clock.move_to(in_shanghai(back))
            assert shop.take_back(use_id, number) == fen
            total_fen += fen
    shop.job()
    assert_nothing_violated(shop.app)
    held = balances(shop.app)
    assert (held[Account.LATE_FEES], held[Account.RECEIVABLES]) == (total_fen, -total_fen)


@pytest.mark.req("SET-4", "FLOW-RENT-3")
def test_what_a_late_vehicle_costs_is_taken_out_of_its_deposit(shop: Shop, subtests: pytest.Subtests) -> None:
    a_setting(shop.app, shop.database, RENTAL_LATE_FEE, 8_00)
    for nth, (what, days, fen) in enumerate(VEHICLES):
        with subtests.test(what):
            order_id = a_rental_order(shop.app, shop.database, picked_up=True)
            due = rental_of(shop.app, order_id).due_on
            shop.clock.move_to(day_start(due + timedelta(days=days)) + timedelta(hours=12))
            if nth % 2:
                shop.job()
            press(shop.as_staff(), f"/pickup/orders/{order_id}/return?region=A", plate_off="y", how="stock")
            rental = rental_of(shop.app, order_id)
            assert (rental.returned_on, rental.late_owed_fen) == (due + timedelta(days=days), 0)
            (deposit,) = shop.database.all(select(Deposit).where(Deposit.id == rental.deposit_id))
            assert deposit.withheld_fen == fen
            if fen < deposit.amount_fen:
                assert refunds_of(shop.app)[-1].amount_fen == deposit.amount_fen - fen
                tell_of_deposit_refund(shop.app, deposit.id, RefundStatus.DONE)
            else:
                assert deposit.status is DepositStatus.REFUNDED
    assert_nothing_violated(shop.app)


@pytest.mark.req("SET-4", "SET-6", "CARD-4")
@pytest.mark.parametrize("job", [True, False], ids=["the job ran", "the job never ran"])
def test_frozen_on_day_30_and_free_again_at_the_return(shop: Shop, *, job: bool) -> None:
    member = a_member(shop.app)
    use_id = shop.scan(member)
    shop.clock.move_to(in_shanghai("2027-11-30 23:59"))
    if job:
        shop.job()
    assert reserve(shop.as_customer(member), a_listing_id(shop.app)).status_code == 303
    shop.clock.move_to(in_shanghai("2027-12-01 00:00"))
    if job:
        shop.job()
    phone = shop.as_customer(member)
    refused = reserve(phone, a_listing_id(shop.app))
    assert refused.status_code != 303
    assert "用了 30 天没还" in words(phone.get("/m/frozen"))
    assert press(phone, "/m/flash/return").status_code == 303  # 归还 is never closed
    assert press(phone, f"/m/flash/uses/{use_id}/late-fees").location.startswith("/m/pay/")  # nor is paying
    assert phone.get("/m/contact").status_code == 200  # nor asking for help
    assert shop.take_back(use_id) == 80_00
    assert "还欠逾期费 ¥80.00" in words(phone.get("/m/frozen"))
    shop.job()
    assert_nothing_violated(shop.app)
