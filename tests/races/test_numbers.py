"""Sixteen people reserve and cancel at once; the series is then replayed by its own sequence (NUM-4 to NUM-6)."""

import random
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

import pytest
import requests
from flask import Flask
from sqlalchemy import ColumnElement, create_engine, func, select, update
from sqlalchemy.orm import Session

from app.db import db
from app.domain.numbering import Business, VehicleNumber
from app.domain.orders import Intent, OrderStatus
from app.domain.permissions import Actor
from app.models.directory import Region
from app.models.numbers import NumberHolding, NumberSeries, NumberSlot, SlotState
from app.models.orders import Order
from app.models.vehicles import Listing, Price, VehicleModel
from app.usecases import numbers, orders, transaction
from app.usecases.numbers import Claim
from app.web.current import RUNTIME
from tests.factories.counting_house import assert_nothing_violated
from tests.factories.ground import COLOURS, LONG_AGO, PRICE_FEN, STOCK
from tests.factories.orders import a_listing_id
from tests.factories.people import a_customer
from tests.factories.reading import read
from tests.fixtures.actors import session_cookie
from tests.fixtures.apps import Serve
from tests.fixtures.databases import Database

CLIENTS = 16
ACTS = 2_000
MOST_HELD = 3  # the setting's default

pytestmark = [pytest.mark.both_engines, pytest.mark.races]


@dataclass
class Client:
    """One person's browser, pressing 预约 and 取消 as fast as it can."""

    url: str
    http: requests.Session
    listing_id: int
    rng: random.Random
    csrf: str = ""
    held: list[int] = field(default_factory=list)
    reserved: int = 0
    cancelled: int = 0
    sold_out: int = 0

    def act(self) -> None:
        if self.held and (len(self.held) >= MOST_HELD or self.rng.random() < 0.4):
            self.cancel(self.held.pop(self.rng.randrange(len(self.held))))
        else:
            self.reserve()

    def reserve(self) -> None:
        answer = self.http.post(
            f"{self.url}/m/vehicles/{self.listing_id}/reserve",
            data={
                "csrf_token": self.csrf,
                "colour": COLOURS[0],
                "intent": Intent.RESERVE.value,
                "seen_fen": PRICE_FEN,
                "request_key": f"{self.rng.getrandbits(128):032x}",
            },
            allow_redirects=False,
            timeout=30,
        )
        if answer.status_code == 303:
            found = re.search(r"/m/orders/(\d+)", answer.headers["Location"])
            assert found, answer.headers["Location"]
            self.held.append(int(found[1]))
            self.reserved += 1
        else:
            assert answer.status_code == 422, answer.text[:400]
            assert "刚刚被订完了" in answer.text, answer.text[:2000]
            self.sold_out += 1

    def cancel(self, order_id: int) -> None:
        answer = self.http.post(
            f"{self.url}/m/orders/{order_id}/cancel",
            data={"csrf_token": self.csrf},
            allow_redirects=False,
            timeout=30,
        )
        assert answer.status_code == 303, answer.text[:400]
        self.cancelled += 1


def a_client(app: Flask, url: str, listing_id: int, seed: int) -> Client:
    http = requests.Session()
    http.trust_env = False
    name, token = session_cookie(app, a_customer(app))
    http.cookies.set(name, token)
    page = http.get(f"{url}/m/vehicles/{listing_id}", timeout=30)
    found = re.search(r'name="csrf-token" content="([^"]+)"', page.text)
    assert found, page.text[:400]
    chance = random.Random(seed)  # noqa: S311  # the same acts in every run
    return Client(url, http, listing_id, chance, csrf=found[1])


def replay(session: Session, letter: str) -> int:
    """Replays a series by its own sequence; the number of claims. Raises AssertionError at the first wrong one."""
    slots = {slot.id: slot.n for slot in session.scalars(select(NumberSlot).join(NumberSeries).where(_series(letter)))}
    events: list[tuple[int, str, int, int | None]] = []
    for holding in session.scalars(select(NumberHolding).where(NumberHolding.slot_id.in_(slots))):
        events.append((holding.from_seq, "claim", slots[holding.slot_id], holding.order_id))
        if holding.to_seq is not None:
            events.append((holding.to_seq, "release", slots[holding.slot_id], holding.order_id))
    assert len({event[0] for event in events}) == len(events), "two turns of the series share a seq"
    holders: dict[int, int | None] = {}
    free = set(slots.values())
    for seq, kind, n, order_id in sorted(events):
        if kind == "claim":
            assert n not in holders, f"seq {seq}: {n} has two live holders, orders {holders[n]} and {order_id}"
            assert n == min(free), f"seq {seq}: {n} was claimed, {min(free)} was free"
            holders[n] = order_id
            free.remove(n)
        else:
            assert holders.pop(n) == order_id
            free.add(n)
    return sum(kind == "claim" for _, kind, _, _ in events)


def _series(letter: str) -> ColumnElement[bool]:
    region = select(Region.id).where(Region.letter == letter).scalar_subquery()
    return (NumberSeries.region_id == region) & (NumberSeries.business == Business.SALE)


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


@pytest.mark.req("NUM-4", "NUM-5", "NUM-6", "SET-1")
@pytest.mark.timeout(400)
def test_sixteen_people_reserve_and_cancel_two_thousand_times(app: Flask, serve: Serve, database: Database) -> None:
    listing_id = a_listing_id(app)
    with serve(workers=2, threads=8) as url:
        clients = [a_client(app, url, listing_id, seed) for seed in range(CLIENTS)]

        def work(client: Client) -> None:
            for _ in range(ACTS // CLIENTS):
                client.act()

        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(work, clients))
    reserved = sum(client.reserved for client in clients)
    assert reserved + sum(client.cancelled + client.sold_out for client in clients) == ACTS
    with read(app) as session:
        assert replay(session, "A") == reserved
        assert_stock_is_right(session, listing_id)
        held = {order_id for client in clients for order_id in client.held}
        taken = select(NumberSlot.order_id).where(NumberSlot.state == SlotState.HELD)
        assert set(session.scalars(taken)) == held
        assert database.count(Order) == reserved
    assert_nothing_violated(app)


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


def claims(app: Flask) -> int:
    """The oracle of the big race."""
    with read(app) as session:
        return replay(session, "A")


@pytest.mark.usefixtures("context")
def test_without_any_guard_two_people_hold_one_number(
    app: Flask, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.execute("DROP INDEX uq_number_holding_live")
    monkeypatch.setattr(numbers, "hold", _hold_without_guard)
    assert race_of_two(app, database, monkeypatch) == [None, None]
    with pytest.raises(AssertionError, match="two live holders"):
        claims(app)


@pytest.mark.usefixtures("context")
def test_the_database_itself_refuses_a_second_holder(
    app: Flask, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lock and compare-and-set are off; the unique index stands."""
    monkeypatch.setattr(numbers, "hold", _hold_without_guard)
    monkeypatch.setattr(transaction, "TRIES", 1)
    met = race_of_two(app, database, monkeypatch)
    assert [error for error in met if error is None] == [None]
    assert claims(app) == 1


@pytest.mark.usefixtures("context")
def test_the_compare_and_set_alone_lets_one_win(
    app: Flask, monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    """Lock and index are off; the guard in the statement stands."""
    database.execute("DROP INDEX uq_number_holding_live")
    monkeypatch.setattr(transaction, "TRIES", 1)
    met = race_of_two(app, database, monkeypatch)
    assert [error for error in met if error is None] == [None]
    assert claims(app) == 1
