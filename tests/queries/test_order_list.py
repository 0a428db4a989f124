"""The lists of orders, for sale and for rent, against an oracle that knows no SQL: filters, counts, sums, pages."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.domain.calendar import business_day
from app.domain.charges import ChargeStatus
from app.domain.finding import read_search
from app.domain.numbering import Business
from app.domain.orders import OrderStatus
from app.domain.permissions import Actor, Role
from app.domain.rentals import Condition
from app.domain.standing import RENTAL_TODOS, SALE_STATES, SALE_TODOS, SOON, OrderState, Todo
from app.models.deposits import Deposit
from app.models.money import Charge, Payment
from app.models.orders import Order
from app.models.people import Identity
from app.models.rentals import Rental
from app.models.vehicles import Listing
from app.queries.orders import RENTED, OrderFilters, OrderList, how_many, order_list
from app.queries.paging import Key
from app.web.current import RUNTIME
from tests.factories.bulk import many_orders
from tests.factories.orders import an_order, cancel, expire, order_of
from tests.factories.people import a_customer, a_member_of_staff, a_region_id
from tests.factories.reading import read
from tests.factories.rentals import a_rental_listing, a_rental_order, give_back
from tests.factories.vehicles import a_model_for_sale, model_id_of
from tests.fixtures.apps import MovedClock
from tests.fixtures.databases import Database


@dataclass(frozen=True)
class Fact:
    """What the oracle knows of one order."""

    id: int
    number: str
    order_no: str
    region_id: int
    business: Business
    model_id: int
    status: OrderStatus
    out: bool
    due_on: date | None
    damaged: bool
    paid: bool
    amount_fen: int
    reserved_at: datetime
    expires_at: datetime
    name: str
    phone: str
    transactions: frozenset[str]


@dataclass(frozen=True)
class World:
    """The orders, and what to look for among them."""

    app: Flask
    facts: list[Fact]
    now: datetime
    everywhere: Actor
    of_b: Actor
    of_two: Actor
    region: dict[str, int]
    model_id: int

    def expected(self, actor: Actor, filters: OrderFilters, found: Callable[[Fact], bool]) -> list[Fact]:
        """Every order that fits, newest first."""
        fitting = [fact for fact in self.facts if self._fits(fact, actor, filters) and found(fact)]
        return sorted(fitting, key=lambda fact: (fact.reserved_at, fact.id), reverse=True)

    def _fits(self, fact: Fact, actor: Actor, filters: OrderFilters) -> bool:
        seen = {self.everywhere.id: "ABC", self.of_b.id: "B", self.of_two.id: "AC"}[actor.id]
        day = business_day(fact.reserved_at)
        return (
            fact.business in filters.businesses
            and fact.region_id in {self.region[letter] for letter in seen}
            and filters.region_id in (None, fact.region_id)
            and filters.model_id in (None, fact.model_id)
            and (filters.first_on is None or filters.first_on <= day)
            and (filters.last_on is None or day <= filters.last_on)
            and self._waits_for(fact, filters.todo)
        )

    def _waits_for(self, fact: Fact, todo: Todo | None) -> bool:
        if todo is None:
            return True
        if todo is Todo.DAMAGE:
            return fact.damaged
        if todo in (Todo.BRING_BACK, Todo.LATE):
            assert fact.due_on is not None or not fact.out
            late = fact.due_on is not None and fact.due_on < business_day(self.now)
            return fact.out and (late or todo is Todo.BRING_BACK)
        if fact.status is not OrderStatus.RESERVED or fact.paid is not (todo in (Todo.PICK_UP, Todo.OVERDUE)):
            return False
        if todo is Todo.OVERDUE:
            return fact.expires_at <= self.now
        return todo is not Todo.PAY_SOON or fact.expires_at < self.now + SOON

    def asked(self, actor: Actor, filters: OrderFilters, *, size: int = 50, **keys: Key | None) -> OrderList:
        """One page of the query under test."""
        with read(self.app) as session:
            return order_list(
                session,
                actor,
                filters,
                after=keys.get("after"),
                before=keys.get("before"),
                size=size,
                now=self.now,
            )


@pytest.fixture
def world(app: Flask, database: Database) -> World:
    """Many sales in every state, and a rental that is none of their lists' business."""
    listings = a_model_for_sale(database, "疾风 F1", price_fen=2599_00)
    many_orders(app, 300)
    now: datetime = app.extensions[RUNTIME].clock.now()
    f1 = {"listing_id": listings["B"], "price_fen": 2599_00, "region": "B"}
    lone = a_customer(app, region="B", name="欧阳菁菁", phone="15912349876")
    an_order(app, customer=lone, now=now - timedelta(hours=1), **f1)  # type: ignore[arg-type]
    an_order(app, paid=True, now=now - timedelta(days=4))
    an_order(app, now=now - timedelta(hours=60))
    an_order(app, picked_up=True, now=now - timedelta(hours=2), region="C")
    cancel(app, an_order(app, now=now - timedelta(hours=3), paid=True))
    expire(app, an_order(app, now=now - timedelta(days=3, hours=1), region="B"))
    for region in "ABC":  # today has an order, though it began a minute ago
        an_order(app, region=region, now=now)
    a_rental_order(app, database, customer=lone, region="B", deposit=None, card=False)
    return world_of(app, model_id_of(app, listings["B"]))


@pytest.fixture
def rentals(app: Flask, database: Database) -> World:
    """Rentals of both kinds at every step, and a sale."""
    now: datetime = app.extensions[RUNTIME].clock.now()
    for region, business in (("A", Business.RENTAL), ("B", Business.MINI_RENTAL), ("C", Business.RENTAL)):
        of = partial(a_rental_order, app, database, region=region, business=business)
        of(deposit=None, card=False, now=now - timedelta(days=1))
        of(paid=True, now=now - timedelta(hours=70))
        of(paid=True, now=now - timedelta(days=5))
        of(deposit=None, card=False, now=now - timedelta(hours=60))
        of(picked_up=True, now=now - timedelta(days=30))
        of(picked_up=True, now=now - timedelta(days=33))
        of(returned=True, now=now - timedelta(days=50))
        cancel(app, of(paid=True, now=now - timedelta(hours=5)))
        expire(app, of(deposit=None, card=False, now=now - timedelta(days=9)))
        damaged = of(picked_up=True, now=now - timedelta(days=20))
        give_back(app, damaged, region=region, condition=Condition.DAMAGED, now=now - timedelta(days=1))
    an_order(app, paid=True)
    return world_of(app, model_id_of(app, a_rental_listing(database)))


def world_of(app: Flask, model_id: int) -> World:
    """What the oracle knows, and who asks."""
    now: datetime = app.extensions[RUNTIME].clock.now()
    two = a_member_of_staff(app, role=Role.MANAGER, region="A")
    also = a_member_of_staff(app, role=Role.CLERK, region="C")
    with read(app) as session:
        rows = session.execute(
            select(
                Order,
                Charge.status,
                Charge.id.label("charge_id"),
                Identity.name,
                Identity.phone,
                Listing.model_id,
                Rental,
            )
            .join(Charge, Charge.order_id == Order.id)
            .outerjoin(Rental, Rental.order_id == Order.id)
            .join(Listing, Listing.id == Order.listing_id)
            .join(Identity, Identity.customer_id == Order.customer_id)
        ).all()
        payments = session.execute(
            select(func.coalesce(Charge.order_id, Deposit.order_id), Payment.transaction_id)
            .join(Charge, Charge.id == Payment.charge_id)
            .outerjoin(Deposit, Deposit.id == Charge.deposit_id)
        ).all()
    told: dict[int, set[str]] = {}
    for order_id, transaction_id in payments:
        if order_id and transaction_id:
            told.setdefault(order_id, set()).add(transaction_id)
    facts = [
        Fact(
            row.Order.id,
            row.Order.number,
            row.Order.order_no,
            row.Order.region_id,
            row.Order.business,
            row.model_id,
            row.Order.status,
            row.Rental is not None and row.Rental.returned_on is None,
            row.Rental.due_on if row.Rental else None,
            row.Rental is not None and row.Rental.returned_at is not None and row.Rental.settled_at is None,
            row.status is ChargeStatus.SETTLED,
            row.Order.amount_fen,
            row.Order.reserved_at,
            row.Order.expires_at,
            row.name,
            row.phone,
            frozenset(told.get(row.Order.id, ())),
        )
        for row in rows
    ]
    return World(
        app,
        facts,
        now,
        a_member_of_staff(app, role=Role.OWNER, region=None),
        a_member_of_staff(app, role=Role.CLERK, region="B"),
        replace(two, rights={right: scope | also.scope(right) for right, scope in two.rights.items()}),
        {letter: a_region_id(app, letter) for letter in "ABC"},
        model_id,
    )


def anything(_fact: Fact) -> bool:
    return True


def check(world: World, actor: Actor, filters: OrderFilters, found: Callable[[Fact], bool] = anything) -> int:
    """Walks all pages there and back and compares each with the oracle; the number of orders."""
    everything = world.expected(actor, filters, found)
    shown = [fact for fact in everything if filters.state is None or filters.state.holds(fact.status, out=fact.out)]
    size = 40
    pages: list[list[int]] = []
    key: Key | None = None
    newer: Key | None = None
    while True:
        answer = world.asked(actor, filters, size=size, after=key)
        for state in (None, *OrderState):
            of_state = [fact for fact in everything if state is None or state.holds(fact.status, out=fact.out)]
            tally = answer.tally(state)
            assert (tally.orders, tally.amount_fen) == (len(of_state), sum(fact.amount_fen for fact in of_state))
        pages.append([row.id for row in answer.page.rows])
        assert answer.first == (sum(map(len, pages[:-1])) + 1 if shown else 0)
        newer, key = answer.page.newer, answer.page.older
        if key is None:
            break
    assert [order_id for page in pages for order_id in page] == [fact.id for fact in shown]
    for page in reversed(pages[:-1]):
        back = world.asked(actor, filters, size=size, before=newer)
        assert [row.id for row in back.page.rows] == page
        newer = back.page.newer
    assert newer is None
    with read(world.app) as session:
        assert how_many(session, actor, filters, world.now) == len(shown)
    return len(shown)


@pytest.mark.both_engines
@pytest.mark.req("ORD-2", "ORD-3")
def test_each_filter_shows_and_counts_what_the_oracle_does(world: World) -> None:
    today = business_day(world.now)
    day = timedelta(days=1)
    for actor in (world.everywhere, world.of_b, world.of_two):
        assert check(world, actor, OrderFilters()) > 40
        for span in (1, 7, 30, 365):
            assert check(world, actor, OrderFilters(first_on=today - (span - 1) * day, last_on=today))
        for state in SALE_STATES:
            check(world, actor, OrderFilters(state=state))
            check(world, actor, OrderFilters(state=state, first_on=today - 100 * day, last_on=today - 3 * day))
        check(world, actor, OrderFilters(last_on=today - 50 * day))
        check(world, actor, OrderFilters(model_id=world.model_id))
        check(world, actor, OrderFilters(model_id=world.model_id, state=OrderState.COMPLETED))
        for todo in SALE_TODOS:
            check(world, actor, OrderFilters(todo=todo))
    for letter in "ABC":
        assert check(world, world.everywhere, OrderFilters(region_id=world.region[letter]))
    assert check(world, world.of_b, OrderFilters(region_id=world.region["A"])) == 0
    assert check(world, world.everywhere, OrderFilters(todo=Todo.OVERDUE))
    assert check(world, world.everywhere, OrderFilters(todo=Todo.PAY_SOON))


@pytest.mark.both_engines
@pytest.mark.req("ORD-3")
def test_the_search_box_decides_by_the_shape_of_what_was_typed(world: World) -> None:
    lone = next(fact for fact in world.facts if fact.name == "欧阳菁菁")
    paid = next(fact for fact in world.facts if fact.transactions)
    (transaction,) = paid.transactions
    tail = world.facts[0].number[-4:]
    name = world.facts[0].name
    searches: list[tuple[str, Callable[[Fact], bool]]] = [
        (lone.number, lambda fact: fact.number == lone.number),
        (f" {lone.number.lower()} ", lambda fact: fact.number == lone.number),
        ("ＢＭ" + lone.number[2:], lambda fact: fact.number == lone.number),
        (tail, lambda fact: fact.number[-4:] == tail or fact.phone[-4:] == tail),
        ("9876", lambda fact: fact.number[-4:] == "9876" or fact.phone[-4:] == "9876"),
        ("15912349876", lambda fact: fact.phone == "15912349876"),
        (lone.order_no, lambda fact: fact.order_no == lone.order_no),
        (lone.order_no.lower(), lambda fact: fact.order_no == lone.order_no),
        (transaction, lambda fact: transaction in fact.transactions),
        ("欧阳菁菁", lambda fact: fact.name == "欧阳菁菁"),
        ("菁菁", lambda fact: "菁菁" in fact.name),
        (name, lambda fact: fact.name == name),
        ("ouyangjing", lambda fact: fact.name == "欧阳菁菁"),
        ("OuYang Jing Jing", lambda fact: fact.name == "欧阳菁菁"),
        ("oyjj", lambda fact: fact.name == "欧阳菁菁"),
        ("BM9999", lambda _fact: False),
        ("无此人", lambda _fact: False),
        ("??", lambda _fact: False),
    ]
    for typed, found in searches:
        n = check(world, world.everywhere, OrderFilters(search=read_search(typed)), found)
        assert n or typed in ("BM9999", "无此人", "??"), typed
        check(world, world.of_two, OrderFilters(search=read_search(typed)), found)
        both = OrderFilters(search=read_search(typed), model_id=world.model_id, todo=Todo.PAY)
        check(world, world.everywhere, both, found)


@pytest.mark.both_engines
@pytest.mark.req("ORD-1", "ORD-2", "ORD-3")
def test_rentals_are_filtered_and_counted_as_sales_are(rentals: World) -> None:
    world = rentals
    today = business_day(world.now)
    day = timedelta(days=1)
    for actor, regions in ((world.everywhere, 3), (world.of_b, 1), (world.of_two, 2)):
        assert check(world, actor, OrderFilters(RENTED)) == 10 * regions
        assert check(world, actor, OrderFilters(RENTED, state=OrderState.OUT)) == 2 * regions
        for business in RENTED:
            check(world, actor, OrderFilters((business,)))
            check(world, actor, OrderFilters((business,), state=OrderState.OUT))
        for state in OrderState:
            assert check(world, actor, OrderFilters(RENTED, state=state))
            check(world, actor, OrderFilters(RENTED, state=state, first_on=today - 40 * day, last_on=today - 3 * day))
            check(world, actor, OrderFilters(RENTED, state=state, model_id=world.model_id))
        for todo in (*RENTAL_TODOS, Todo.BRING_BACK):
            assert check(world, actor, OrderFilters(RENTED, todo=todo)), todo
            check(world, actor, OrderFilters(RENTED, todo=todo, state=OrderState.OUT, first_on=today - 32 * day))
    for letter in "ABC":
        assert check(world, world.everywhere, OrderFilters(RENTED, world.region[letter], todo=Todo.LATE)) == 1
    assert check(world, world.of_b, OrderFilters(RENTED, world.region["A"], todo=Todo.LATE)) == 0


def _was_paid_by(transaction: str, fact: Fact) -> bool:
    return transaction in fact.transactions


@pytest.mark.both_engines
def test_a_search_for_rentals_finds_what_the_oracle_does(rentals: World) -> None:
    world = rentals
    rented = [fact for fact in world.facts if fact.business in RENTED and fact.transactions]
    one = rented[0]
    assert len(one.transactions) == 2  # the fee and the deposit
    searches: list[tuple[str, Callable[[Fact], bool]]] = [
        (one.number, lambda fact: fact.number == one.number),
        (one.number[-4:], lambda fact: fact.number[-4:] == one.number[-4:] or fact.phone[-4:] == one.number[-4:]),
        (one.order_no.lower(), lambda fact: fact.order_no == one.order_no),
        (one.name, lambda fact: fact.name == one.name),
    ]
    searches += [(told, partial(_was_paid_by, told)) for told in one.transactions]
    for typed, found in searches:
        assert check(world, world.everywhere, OrderFilters(RENTED, search=read_search(typed)), found), typed
        check(world, world.of_two, OrderFilters(RENTED, search=read_search(typed), state=OrderState.OUT), found)
        check(world, world.of_two, OrderFilters(RENTED[1:], search=read_search(typed), todo=Todo.LATE), found)


@pytest.mark.both_engines
def test_orders_of_the_same_moment_stand_on_one_page_each(app: Flask) -> None:
    now: datetime = app.extensions[RUNTIME].clock.now()
    made = [an_order(app, now=now - timedelta(minutes=nth // 4)) for nth in range(10)]
    staff = a_member_of_staff(app, role=Role.OWNER, region=None)
    walked: list[int] = []
    key: Key | None = None
    with read(app) as session:
        while True:
            answer = order_list(session, staff, OrderFilters(), after=key, before=None, size=3, now=now)
            walked += [row.id for row in answer.page.rows]
            if (key := answer.page.older) is None:
                break
    assert sorted(walked) == sorted(made)
    assert len(walked) == len(set(walked))


@pytest.mark.parametrize(
    ("local", "day"),
    [
        (datetime.fromisoformat("2026-11-23T23:59:59+08:00"), date(2026, 11, 23)),
        (datetime.fromisoformat("2026-11-24T00:00:00+08:00"), date(2026, 11, 24)),
    ],
)
def test_a_day_begins_at_midnight_in_shanghai(app: Flask, clock: MovedClock, local: datetime, day: date) -> None:
    clock.move_to(local)
    made = an_order(app, now=local)
    staff = a_member_of_staff(app, role=Role.OWNER, region=None)
    with read(app) as session:
        for first_on, shown in ((day, [made]), (day + timedelta(days=1), []), (day - timedelta(days=1), [])):
            filters = OrderFilters(first_on=first_on, last_on=first_on)
            answer = order_list(session, staff, filters, after=None, before=None, size=20, now=local)
            assert [row.id for row in answer.page.rows] == shown
            assert answer.total == len(shown)
    assert business_day(order_of(app, made).reserved_at) == day
