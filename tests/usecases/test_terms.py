"""A price, a deposit or a rule that is changed changes nothing that was agreed before it (SET-11)."""

from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.deposits import DepositKind
from app.domain.errors import RuleBroken
from app.domain.permissions import Actor, Role
from app.domain.settings import (
    CANCEL_PAID_HOURS,
    FEE_CAP_PERCENT,
    FLASH_DEPOSIT,
    FLASH_FREE_DAYS,
    FLASH_FREEZE_DAYS,
    FLASH_LATE_FEE,
    FLASH_PRICE,
    RENTAL_DEPOSIT,
    RENTAL_FREEZE_DAYS,
    RENTAL_LATE_FEE,
    RESERVATION_HOURS,
    Setting,
)
from app.domain.vehicles import PriceTag
from app.models.batteries import BatteryUse
from app.models.money import Charge
from app.models.rentals import Rental
from app.usecases import deposits, orders, pickup, settings, vehicles
from app.web.current import RUNTIME
from tests.factories.counting_house import assert_nothing_violated
from tests.factories.flash import a_member, a_use, some_batteries, use_of
from tests.factories.ground import PRICE_FEN
from tests.factories.orders import a_listing_id, an_order, charge_of, order_of
from tests.factories.people import a_customer, a_member_of_staff
from tests.factories.reading import read
from tests.factories.rentals import (
    DEPOSIT_FEN,
    MONTH,
    MONTH_FEN,
    a_card,
    a_deposit,
    a_rental_listing,
    a_rental_order,
    deposits_of,
    rental_of,
)
from tests.fixtures.apps import MovedClock
from tests.fixtures.databases import Database

pytestmark = [pytest.mark.both_engines, pytest.mark.req("SET-11")]

EVERYTHING = {
    RESERVATION_HOURS: 1,
    CANCEL_PAID_HOURS: 0,
    RENTAL_DEPOSIT: 999_00,
    RENTAL_LATE_FEE: 99_00,
    RENTAL_FREEZE_DAYS: 3,
    FLASH_DEPOSIT: 888_00,
    FLASH_PRICE: 77_00,
    FLASH_FREE_DAYS: 2,
    FLASH_LATE_FEE: 66_00,
    FLASH_FREEZE_DAYS: 4,
    FEE_CAP_PERCENT: 10,
}
"""Each of them is worse for the person than what was agreed before."""


@pytest.fixture
def owner(context: Flask) -> Actor:
    return a_member_of_staff(context, role=Role.OWNER, region=None)


class Change:
    """The owner changes all settings, and the prices of a sale and of a rental by the month."""

    def __init__(self, app: Flask, database: Database, owner: Actor) -> None:
        self.app, self.database, self.owner = app, database, owner

    def all(self) -> None:
        for setting, value in EVERYTHING.items():
            self.one(setting, value)
        for listing_id, days in ((a_listing_id(self.app), 0), (a_rental_listing(self.database), MONTH)):
            vehicles.change_price(
                listing_id, days, tag=PriceTag(9999_00), effective_at=None, actor=self.owner, now=self.now
            )

    def one(self, setting: Setting, value: int) -> None:
        settings.change_setting(
            setting.key,
            region_id=None,
            value=value,
            effective_at=None,
            reason="都改",
            actor=self.owner,
            now=self.now,
        )

    @property
    def now(self) -> datetime:
        now: datetime = self.app.extensions[RUNTIME].clock.now()
        return now


@pytest.fixture
def change(context: Flask, database: Database, owner: Actor) -> Change:
    return Change(context, database, owner)


def owed(app: Flask, charge_id: int) -> int:
    with read(app) as session:
        return session.scalars(select(Charge.amount_fen).where(Charge.id == charge_id)).one()


def test_the_price_of_a_reserved_sale(context: Flask, change: Change) -> None:
    buyer = a_customer(context)
    order_id = an_order(context, customer=buyer)
    expires_at = order_of(context, order_id).expires_at
    change.all()
    order = order_of(context, order_id)
    assert (order.amount_fen, owed(context, charge_of(context, order_id))) == (PRICE_FEN, PRICE_FEN)
    assert order.expires_at == expires_at
    later = order_of(context, an_order(context, customer=buyer, price_fen=9999_00))
    assert later.expires_at - later.reserved_at == timedelta(hours=1)
    assert_nothing_violated(context)


def test_until_when_a_paid_order_is_cancelled_by_its_person(context: Flask, change: Change, clock: MovedClock) -> None:
    buyer = a_customer(context)
    before = an_order(context, customer=buyer, paid=True)
    change.one(CANCEL_PAID_HOURS, 0)
    after = an_order(context, customer=buyer, paid=True)
    clock.advance(timedelta(hours=23))
    orders.cancel_order(before, reason="", actor=buyer, now=clock.now())
    with pytest.raises(RuleBroken):
        orders.cancel_order(after, reason="", actor=buyer, now=clock.now())


def test_the_price_and_the_deposits_of_a_reserved_rental(context: Flask, database: Database, change: Change) -> None:
    renter = a_customer(context)
    order_id = a_rental_order(context, database, customer=renter, card=False, deposit=None)
    change.all()
    order = order_of(context, order_id)
    assert (order.amount_fen, order.rental_deposit_fen, order.flash_deposit_fen) == (
        MONTH_FEN,
        DEPOSIT_FEN,
        DEPOSIT_FEN,
    )
    assert owed(context, charge_of(context, order_id)) == MONTH_FEN
    a_card(context, renter)
    for kind in DepositKind:  # whichever they choose on the way costs what was agreed
        assert owed(context, a_deposit(context, renter, kind, order_id=order_id, paid=False)) == DEPOSIT_FEN
    with pytest.raises(RuleBroken):
        a_rental_order(context, database, card=False, deposit=None)  # the price of before is nobody's any more


def test_a_deposit_that_is_agreed_costs_what_was_agreed(context: Flask, database: Database, change: Change) -> None:
    renter = a_customer(context)
    order_id = a_rental_order(context, database, customer=renter, deposit=None)
    charge_id = a_deposit(context, renter, DepositKind.RENTAL, order_id=order_id, paid=False)
    change.all()
    wanted = deposits.agree(DepositKind.RENTAL, order_id=order_id, seen_fen=DEPOSIT_FEN, actor=renter, now=change.now)
    assert (wanted, owed(context, charge_id)) == (charge_id, DEPOSIT_FEN)


def test_the_amount_of_a_held_deposit(context: Flask, database: Database, change: Change) -> None:
    renter, member = a_customer(context), a_member(context)
    a_rental_order(context, database, customer=renter)
    change.all()
    for who in (renter, member):
        (deposit,) = deposits_of(context, who)
        assert (deposit.amount_fen, deposit.withheld_fen) == (DEPOSIT_FEN, 0)
    (held,) = deposits_of(context, member)
    deposits.ask_back(held.id, actor=member, now=change.now)
    assert_nothing_violated(context)  # the refund is of what was paid


def terms_of(row: BatteryUse | Rental) -> dict[str, object]:
    names = ("free_days", "late_fee_fen", "freeze_days", "cap_fen", "freezes_on")
    return {name: getattr(row, name) for name in names}


def test_the_price_and_the_terms_of_a_battery_that_is_out(context: Flask, database: Database, change: Change) -> None:
    some_batteries(database)
    change.one(FLASH_PRICE, 2_00)
    use_id = a_use(context, a_member(context))
    before = use_of(context, use_id)
    agreed = terms_of(before)
    assert (before.price_fen, agreed["free_days"], agreed["late_fee_fen"]) == (2_00, 14, 5_00)
    assert (agreed["freeze_days"], agreed["cap_fen"]) == (30, DEPOSIT_FEN)
    change.all()
    after = use_of(context, use_id)
    assert (after.price_fen, terms_of(after)) == (2_00, agreed)
    with read(context) as session:
        fee = session.scalars(select(Charge.amount_fen).where(Charge.battery_use_id == use_id)).one()
    assert fee == 2_00
    newcomer = a_customer(context)
    a_card(context, newcomer)
    a_deposit(context, newcomer, DepositKind.FLASH, amount_fen=888_00)
    later = use_of(context, a_use(context, newcomer, "A00002"))
    assert (later.price_fen, later.free_days, later.late_fee_fen, later.freeze_days) == (77_00, 2, 66_00, 4)
    assert later.cap_fen == 88_80
    assert_nothing_violated(context)


def test_the_terms_of_a_rental_that_is_out(context: Flask, database: Database, change: Change) -> None:
    order_id = a_rental_order(context, database, picked_up=True)
    before = rental_of(context, order_id)
    agreed = terms_of(before)
    assert (agreed["late_fee_fen"], agreed["freeze_days"], agreed["cap_fen"]) == (0, 30, DEPOSIT_FEN)
    change.all()
    after = rental_of(context, order_id)
    assert (terms_of(after), after.due_on) == (agreed, before.due_on)
    assert_nothing_violated(context)


def test_terms_begin_with_the_pickup_not_with_the_reservation(
    context: Flask, database: Database, change: Change
) -> None:
    """What the settings page says of 租车逾期费: rentals picked up from then on."""
    first = a_rental_order(context, database, paid=True)
    change.one(RENTAL_LATE_FEE, 3_00)
    clerk = a_member_of_staff(context)
    order = order_of(context, first)
    pickup.confirm_pickup(first, colour=order.colour, frame_no="LB12345", actor=clerk, now=change.now)
    assert rental_of(context, first).late_fee_fen == 3_00
