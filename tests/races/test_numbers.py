"""Sixteen people reserve and cancel at once; each series is then replayed by its own sequence (NUM-4 to NUM-6)."""

import random
import re
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, count, cycle

import pytest
from flask import Flask
from sqlalchemy import create_engine, func, select, update
from sqlalchemy.orm import Session

from app.db import db
from app.domain.numbering import Business, VehicleNumber
from app.domain.orders import Intent, OrderStatus
from app.domain.permissions import Actor
from app.models.numbers import NumberHolding, NumberSeries, NumberSlot, SlotState
from app.models.orders import Order
from app.models.vehicles import Listing, Price, VehicleModel
from app.usecases import numbers, orders, transaction
from app.usecases.numbers import Claim
from app.web.current import RUNTIME
from tests.factories.counting_house import assert_nothing_violated
from tests.factories.ground import COLOURS, LONG_AGO, PRICE_FEN, STOCK
from tests.factories.numbers import replayed
from tests.factories.orders import a_listing_id
from tests.factories.people import a_customer
from tests.factories.phone import PhoneOnTheWire
from tests.factories.reading import read
from tests.factories.rentals import listings_of
from tests.fixtures.apps import Serve
from tests.fixtures.databases import Database

CLIENTS = 16
MOST_HELD = 3  # the setting's default

pytestmark = [pytest.mark.both_engines, pytest.mark.races]


@dataclass
class Client:
    """One person's browser, pressing 预约 and 取消 as fast as it can."""

    phone: PhoneOnTheWire
    listings: dict[Business, int]
    chance: random.Random
    held: dict[int, Business] = field(default_factory=dict)
    reserved: Counter[Business] = field(default_factory=Counter)
    cancelled: int = 0
    sold_out: int = 0

    def act(self) -> None:
        if self.held and (len(self.held) >= MOST_HELD or self.chance.random() < 0.4):
            self.cancel(self.chance.choice(list(self.held)))
        else:
            self.reserve()

    def reserve(self) -> None:
        """Anything that the region offers, but no second rental."""
        rents = any(business is not Business.SALE for business in self.held.values())
        business = self.chance.choice([one for one in self.listings if one is Business.SALE or not rents])
        answer = self.phone.reserve(business, self.listings[business])
        if answer.status_code == 303:
            found = re.search(r"/m/orders/(\d+)", answer.headers["Location"])
            assert found, answer.headers["Location"]
            self.held[int(found[1])] = business
            self.reserved[business] += 1
        else:
            assert answer.status_code == 422, answer.text[:400]
            assert "刚刚被订完了" in answer.text, answer.text[:2000]
            self.sold_out += 1

    def cancel(self, order_id: int) -> None:
        answer = self.phone.press(f"/m/orders/{order_id}/cancel")
        assert answer.status_code == 303, answer.text[:400]
        del self.held[order_id]
        self.cancelled += 1


def assert_stock_is_right(session: Session, listing_id: int) -> None:
    """What is left and what is reserved make what there was."""
    stock = session.scalars(select(Listing.stock).where(Listing.id == listing_id)).one()
    out = session.scalars(
        select(func.count())
        .select_from(Order)
        .where(Order.listing_id == listing_id, Order.status.in_((OrderStatus.RESERVED, OrderStatus.COMPLETED)))
    ).one()
    assert stock + out == STOCK
    assert stock >= 0


def race(app: Flask, serve: Serve, database: Database, listings: dict[str, dict[Business, int]], acts: int) -> None:
    """So many acts of sixteen people, by region what they may reserve; then the series, the stock and the books."""
    with serve(workers=2, threads=8) as url:
        clients: dict[str, list[Client]] = {letter: [] for letter in listings}
        for seed, letter in zip(range(CLIENTS), cycle(listings), strict=False):
            phone = PhoneOnTheWire(app, url, a_customer(app, region=letter))
            chance = random.Random(seed)  # noqa: S311  # the same acts in every run
            clients[letter].append(Client(phone, listings[letter], chance))
        everybody = list(chain.from_iterable(clients.values()))

        def work(client: Client) -> None:
            for _ in range(acts // CLIENTS):
                client.act()

        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(work, everybody))
    reserved = sum((client.reserved for client in everybody), Counter())
    assert reserved.total() + sum(client.cancelled + client.sold_out for client in everybody) == acts
    for letter, of_region in listings.items():
        for business, listing_id in of_region.items():
            claims = replayed(app, letter, business).claims
            assert claims == sum(client.reserved[business] for client in clients[letter]) > 0
            with read(app) as session:
                assert_stock_is_right(session, listing_id)
    held = {order_id for client in everybody for order_id in client.held}
    assert set(database.all(select(NumberSlot.order_id).where(NumberSlot.state == SlotState.HELD))) == held
    assert database.count(Order) == reserved.total()
    assert_nothing_violated(app)


@pytest.mark.req("NUM-4", "NUM-5", "NUM-6", "SET-1")
@pytest.mark.timeout(400)
def test_sixteen_people_reserve_and_cancel(app: Flask, serve: Serve, database: Database, fault_passes: int) -> None:
    """Two thousand times in `./dev faults`."""
    acts = 2_000 if fault_passes > 1 else 480
    race(app, serve, database, {"A": {Business.SALE: a_listing_id(app)}}, acts=acts)


@pytest.mark.req("NUM-2", "NUM-4", "NUM-5", "NUM-6", "FLOW-RENT-1")
def test_sixteen_people_reserve_and_cancel_six_kinds_of_numbers(app: Flask, serve: Serve, database: Database) -> None:
    race(app, serve, database, {letter: listings_of(app, database, letter) for letter in "AB"}, acts=240)


# The twin: the same two reservations at the same moment, with the guards switched off one after the other.


def race_of_two(app: Flask, database: Database, monkeypatch: pytest.MonkeyPatch) -> list[BaseException | None]:
    """Two people reserve; both have read the smallest free number before either takes it. What each met."""
    both_have_read = threading.Barrier(2, timeout=20)
    turns = count(1)

    def smallest_free(session: Session, region_id: int, business: Business) -> Claim:
        slot = session.execute(
            select(NumberSlot.id, NumberSlot.n)
            .join(NumberSeries, NumberSeries.id == NumberSlot.series_id)
            .where(NumberSeries.region_id == region_id, NumberSlot.state == SlotState.FREE)
            .order_by(NumberSlot.n)
            .limit(1)
        ).one()
        both_have_read.wait()
        seq = next(turns)  # without its lock the series has no turns of its own
        return Claim(slot.id, seq, VehicleNumber("A", business, slot.n))

    monkeypatch.setattr(numbers, "smallest_free", smallest_free)
    if db.engine.dialect.name == "sqlite":  # a transaction there is a lock: without it each statement stands alone
        engine = create_engine(database.url, isolation_level="AUTOCOMMIT")
        monkeypatch.setattr(transaction, "writing_session", lambda: Session(engine, expire_on_commit=False))
    people = [a_customer(app), a_customer(app)]
    now: datetime = app.extensions[RUNTIME].clock.now()
    listings = [a_listing_id(app), another_listing_id(database)]  # stock of one listing is a queue of its own

    def reserve(nth: int, customer: Actor) -> BaseException | None:
        with app.app_context():
            try:
                orders.reserve(
                    listing_id=listings[nth],
                    colour=COLOURS[0],
                    intent=Intent.RESERVE,
                    seen_fen=PRICE_FEN,
                    request_key=f"twin-{nth}",
                    actor=customer,
                    now=now,
                )
            except Exception as error:  # noqa: BLE001  # whatever it is, it is the finding
                return error
        return None

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(reserve, range(2), people))


def another_listing_id(database: Database) -> int:
    """A second listing of region A, so that two people do not queue for one stock."""
    with database.write() as session:
        first = session.scalars(select(Listing).order_by(Listing.id)).first()
        assert first is not None
        model = VehicleModel(name="猎吧 S2", colours=list(COLOURS), facts=[], picture="vehicles/s2.svg")
        session.add(model)
        session.flush()
        listing = Listing(region_id=first.region_id, model_id=model.id, business=Business.SALE, stock=5, shown=True)
        session.add(listing)
        session.flush()
        price = Price(listing_id=listing.id, days=0, amount_fen=PRICE_FEN, effective_at=LONG_AGO, made_at=LONG_AGO)
        session.add(price)
        return listing.id


def _hold_without_guard(session: Session, claim: Claim, order_id: int, now: datetime) -> None:
    session.execute(
        update(NumberSlot).where(NumberSlot.id == claim.slot_id).values(state=SlotState.HELD, order_id=order_id)
    )
    session.add(NumberHolding(slot_id=claim.slot_id, order_id=order_id, from_seq=claim.seq, from_at=now))


@pytest.mark.usefixtures("context")
def test_without_any_guard_two_people_hold_one_number(
    app: Flask, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.execute("DROP INDEX uq_number_holding_live")
    monkeypatch.setattr(numbers, "hold", _hold_without_guard)
    assert race_of_two(app, database, monkeypatch) == [None, None]
    with pytest.raises(AssertionError, match="two live holders"):
        replayed(app, "A")


@pytest.mark.usefixtures("context")
def test_the_database_itself_refuses_a_second_holder(
    app: Flask, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lock and compare-and-set are off; the unique index stands."""
    monkeypatch.setattr(numbers, "hold", _hold_without_guard)
    monkeypatch.setattr(transaction, "TRIES", 1)
    met = race_of_two(app, database, monkeypatch)
    assert [error for error in met if error is None] == [None]
    assert replayed(app, "A").claims == 1


@pytest.mark.usefixtures("context")
def test_the_compare_and_set_alone_lets_one_win(
    app: Flask, monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    """Lock and index are off; the guard in the statement stands."""
    database.execute("DROP INDEX uq_number_holding_live")
    monkeypatch.setattr(transaction, "TRIES", 1)
    met = race_of_two(app, database, monkeypatch)
    assert [error for error in met if error is None] == [None]
    assert replayed(app, "A").claims == 1
