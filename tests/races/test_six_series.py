"""Sixteen people on six kinds of numbers at once: reserved, expired, cancelled, collected, returned (NUM-4 to NUM-7).

Numbers of region A are freed by the return, those of B are not (the setting on and off). Afterwards each series is
replayed by its own sequence against an oracle that knows nothing of the slots' states.
"""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.domain.errors import Rule, RuleBroken
from app.domain.numbering import Business, VehicleNumber
from app.domain.orders import Intent, OrderStatus
from app.domain.permissions import Actor, Role
from app.domain.rentals import Condition, Place
from app.domain.settings import RELEASE_RENTAL_NUMBER
from app.models.directory import Region
from app.models.numbers import NumberSeries, NumberSlot, SlotState
from app.models.orders import Order
from app.models.vehicles import Listing
from app.usecases import orders, payments, pickup, rentals
from app.web.current import RUNTIME
from tests.factories.counting_house import assert_nothing_violated
from tests.factories.flash import a_member
from tests.factories.ground import COLOURS, PRICE_FEN
from tests.factories.numbers import replayed
from tests.factories.orders import charge_of, order_of, pay
from tests.factories.people import a_customer, a_member_of_staff
from tests.factories.reading import read
from tests.factories.rentals import MONTH, MONTH_FEN, a_rental_listing, listings_of
from tests.factories.settings import a_setting
from tests.fixtures.databases import Database

PEOPLE = 16
ACTS = 24
KINDS = tuple((letter, business) for letter in "AB" for business in Business)
FRAMES = count(1)
JOB = Actor.job("tests")

pytestmark = [pytest.mark.both_engines, pytest.mark.races]


@dataclass
class Person:
    """One member of flash charge, who reserves, pays, collects, gives back, or lets it be, by chance."""

    app: Flask
    letter: str
    actor: Actor
    clerk: Actor
    listings: dict[Business, int]
    chance: random.Random
    mine: list[int] = field(default_factory=list)
    did: Counter[str] = field(default_factory=Counter)

    @property
    def now(self) -> datetime:
        now: datetime = self.app.extensions[RUNTIME].clock.now()
        return now

    def act(self, nth: int) -> None:
        """One act; whatever the rules refuse is refused whole."""
        with self.app.app_context(), suppress(RuleBroken):
            if not self.mine or self.chance.random() < 0.4:
                self.reserve(nth)
            else:
                self.go_on(self.chance.choice(self.mine))

    def reserve(self, nth: int) -> None:
        """Anything that the region offers; a second rental is refused."""
        business = self.chance.choice(tuple(Business))
        is_sale = business is Business.SALE
        self.mine.append(
            orders.reserve(
                listing_id=self.listings[business],
                colour=COLOURS[0],
                intent=Intent.RESERVE,
                days=0 if is_sale else MONTH,
                seen_fen=PRICE_FEN if is_sale else MONTH_FEN,
                request_key=f"{self.actor.id}-{nth}",
                actor=self.actor,
                now=self.now,
            )
        )
        self.did["reserved"] += 1

    def go_on(self, order_id: int) -> None:
        """The next step of an order, or the end of it."""
        order = order_of(self.app, order_id)
        if order.status is OrderStatus.COMPLETED:
            self.give_back(order)
            return
        what = self.chance.choice(("cancel", "expire", "collect", "collect"))
        if what == "cancel":
            orders.cancel_order(order_id, reason="", actor=self.actor, now=self.now)
        elif what == "expire":
            after = order.expires_at + timedelta(hours=1)
            if not orders.expire_order(order_id, actor=JOB, now=after):
                return
        else:
            self.collect(order)
        self.did[what] += 1
        if what != "collect":
            self.mine.remove(order_id)

    def collect(self, order: Order) -> None:
        """Number, payment, pickup."""
        orders.enter_number(order.id, typed=order.number, actor=self.actor, now=self.now)
        wanted = payments.begin_attempt(charge_of(self.app, order.id), actor=self.actor, now=self.now).wanted
        pay(self.app, wanted.out_trade_no, customer=self.actor, amount_fen=wanted.amount_fen, now=self.now)
        pickup.confirm_pickup(
            order.id, colour=COLOURS[0], frame_no=f"SIX{next(FRAMES):07d}", actor=self.clerk, now=self.now
        )

    def give_back(self, order: Order) -> None:
        """A rental comes back; a sold vehicle does not."""
        if order.business is not Business.SALE:
            rentals.return_vehicle(
                order.id,
                condition=Condition.GOOD,
                place=Place.STOCK,
                plate_off=True,
                actor=self.clerk,
                now=self.now,
            )
            self.did["returned"] += 1
        self.mine.remove(order.id)


@pytest.mark.req("NUM-2", "NUM-4", "NUM-5", "NUM-6")
@pytest.mark.timeout(300)
def test_sixteen_people_on_six_kinds_of_numbers(app: Flask, database: Database) -> None:
    a_setting(app, database, RELEASE_RENTAL_NUMBER, 1, region="A")
    people = []
    for nth in range(PEOPLE):
        letter = "AB"[nth % 2]
        person = Person(
            app,
            letter,
            a_member(app, region=letter),
            a_member_of_staff(app, role=Role.CLERK, region=letter),
            listings_of(app, database, letter),
            random.Random(nth),  # noqa: S311  # the same acts in every run
        )
        people.append(person)

    def live(person: Person) -> None:
        for nth in range(ACTS):
            person.act(nth)

    with ThreadPoolExecutor(PEOPLE) as pool:
        list(pool.map(live, people))
    did = sum((person.did for person in people), Counter())
    assert min(did[what] for what in ("reserved", "cancel", "expire", "collect", "returned")) > 0, did
    for letter, business in KINDS:
        held = replayed(app, letter, business).held
        with read(app) as session:
            orders_of_kind = session.scalars(
                select(Order).where(Order.number.startswith(f"{letter}{business.value}", autoescape=True))
            ).all()
        expected = {
            VehicleNumber.parse(order.number).n: order.id
            for order in orders_of_kind
            if order.status is OrderStatus.RESERVED
            or (order.status is OrderStatus.COMPLETED and (order.occupies_rental or business is Business.SALE))
            or (order.status is OrderStatus.COMPLETED and letter == "B")
        }
        assert held == expected
    assert_nothing_violated(app)


@pytest.mark.req("NUM-7")
@pytest.mark.parametrize("business", [Business.RENTAL, Business.MINI_RENTAL])
def test_a_full_series_refuses_clearly_and_nothing_else_is_lost(
    app: Flask, database: Database, business: Business
) -> None:
    """All numbers but two are out of use; three people want one, at once."""
    listing_id = a_rental_listing(database, business=business)
    with database.write() as session:
        series = session.scalars(
            select(NumberSeries.id)
            .join(Region, Region.id == NumberSeries.region_id)
            .where(Region.letter == "A", NumberSeries.business == business)
        ).one()
        session.execute(
            update(NumberSlot).where(NumberSlot.series_id == series, NumberSlot.n > 2).values(state=SlotState.RETIRED)
        )
    with read(app) as session:
        stock = session.scalars(select(Listing.stock).where(Listing.id == listing_id)).one()
    people = [a_customer(app) for _ in range(3)]

    def reserve(who: Actor) -> str:
        with app.app_context():
            try:
                orders.reserve(
                    listing_id=listing_id,
                    colour=COLOURS[0],
                    intent=Intent.RESERVE,
                    days=MONTH,
                    seen_fen=MONTH_FEN,
                    request_key="full",
                    actor=who,
                    now=app.extensions[RUNTIME].clock.now(),
                )
            except RuleBroken as broken:
                return f"{broken.rule}, {broken.facts['last']}"
        return "reserved"

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(reserve, people))
    full = f"{Rule.SERIES_FULL}, A{business.value}9999"
    assert sorted(answers) == ["reserved", "reserved", full]
    with read(app) as session:
        assert session.scalars(select(Listing.stock).where(Listing.id == listing_id)).one() == stock - 2
        occupied = session.scalars(select(Order.customer_id).where(Order.occupies_rental)).all()
    refused = people[answers.index(full)]
    assert refused.id not in occupied
    with app.app_context():
        first = min(order for order in _orders_of(app, listing_id))
        orders.cancel_order(first, reason="没有货", actor=JOB, now=app.extensions[RUNTIME].clock.now())
    assert reserve(refused) == "reserved"


def _orders_of(app: Flask, listing_id: int) -> list[int]:
    with read(app) as session:
        return list(session.scalars(select(Order.id).where(Order.listing_id == listing_id)))
