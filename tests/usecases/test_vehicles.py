"""Models, listings, plans, prices and stock: who may set what, and what two people do at once."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial

import pytest
from flask import Flask
from sqlalchemy import create_engine, select, update
from sqlalchemy.orm import Session

from app.db import db
from app.domain.errors import Forbidden, NotFound, Rule, RuleBroken
from app.domain.numbering import Business
from app.domain.orders import Intent, OrderStatus
from app.domain.permissions import Actor, ActorKind, Role
from app.domain.vehicles import PICTURES, ModelFacts, PriceTag, StockCause
from app.models.journal import Audit
from app.models.vehicles import Listing, Plan, Price, StockMovement, VehicleModel
from app.queries import prices
from app.usecases import orders, transaction, vehicles
from app.web.current import RUNTIME
from tests.factories.counting_house import assert_nothing_violated
from tests.factories.ground import COLOURS, PRICE_FEN, STOCK
from tests.factories.orders import a_listing_id, an_order, order_of
from tests.factories.people import a_customer, a_member_of_staff, a_region_id
from tests.factories.reading import read
from tests.factories.rentals import MONTH, a_rental_listing
from tests.fixtures.apps import MovedClock
from tests.fixtures.databases import Database

MODEL = ModelFacts("疾风 F1", ("曜石黑",), ("续航 70 公里",), PICTURES[0])
TAG = PriceTag(2299_00, PRICE_FEN)


@pytest.fixture
def owner(context: Flask) -> Actor:
    return a_member_of_staff(context, role=Role.OWNER, region=None)


@pytest.fixture
def now(context: Flask) -> datetime:
    moment: datetime = context.extensions[RUNTIME].clock.now()
    return moment


def price_at(app: Flask, listing_id: int, days: int, at: datetime) -> int | None:
    with read(app) as session:
        return prices.price(session, listing_id, days, at)


def move(
    listing_id: int, cause: StockCause, quantity: int, actor: Actor, now: datetime, key: str, note: str = ""
) -> int:
    return vehicles.move_stock(
        listing_id, cause=cause, quantity=quantity, note=note, request_key=key, actor=actor, now=now
    )


@pytest.mark.both_engines
@pytest.mark.req("SET-1", "SET-2")
def test_a_new_model_is_listed_priced_stocked_and_rented(
    context: Flask, database: Database, owner: Actor, now: datetime
) -> None:
    model_id = vehicles.add_model(model=MODEL, actor=owner, now=now)
    region_id = a_region_id(context, "B")
    listing_id = vehicles.list_model(model_id, region_id=region_id, business=Business.RENTAL, actor=owner, now=now)
    listing = database.one(select(Listing).where(Listing.id == listing_id))
    assert (listing.stock, listing.shown) == (0, False)
    vehicles.add_plan(listing_id, days=30, name="月租", actor=owner, now=now)
    vehicles.change_price(listing_id, 30, tag=PriceTag(180_00), effective_at=None, actor=owner, now=now)
    assert move(listing_id, StockCause.BOUGHT, 5, owner, now, "first", "九月第一批") == 5
    vehicles.show(listing_id, actor=owner, now=now)
    vehicles.show(listing_id, actor=owner, now=now)  # pressed twice
    order_id = orders.reserve(
        listing_id=listing_id,
        colour="曜石黑",
        intent=Intent.RESERVE,
        days=30,
        seen_fen=180_00,
        request_key="r",
        actor=a_customer(context, region="B"),
        now=now,
    )
    assert order_of(context, order_id).amount_fen == 180_00
    assert database.one(select(StockMovement.note).where(StockMovement.request_key == "first")) == "进货：九月第一批"
    said = database.all(select(Audit.action).where(Audit.actor_kind == ActorKind.STAFF).order_by(Audit.id))
    assert said == [
        "vehicle_model_added",
        "listing_added",
        "plan_added",
        "price_changed",
        "stock_moved",
        "listing_shown",
    ]
    assert_nothing_violated(context)


@pytest.mark.req("SET-11")
def test_a_price_waits_for_its_time_and_can_be_withdrawn(context: Flask, owner: Actor, now: datetime) -> None:
    listing_id, later = a_listing_id(context), now + timedelta(days=7)
    change = partial(vehicles.change_price, listing_id, 0, actor=owner, now=now)
    planned = change(tag=TAG, effective_at=later)
    assert [price_at(context, listing_id, 0, at) for at in (now, later)] == [PRICE_FEN, TAG.amount_fen]
    assert vehicles.withdraw_price(planned, actor=owner, now=now) == listing_id
    assert price_at(context, listing_id, 0, later) == PRICE_FEN
    with pytest.raises(RuleBroken) as broken:
        vehicles.withdraw_price(planned, actor=owner, now=now)
    assert broken.value.rule is Rule.NOT_PENDING
    at_once = change(tag=TAG, effective_at=None)
    assert price_at(context, listing_id, 0, now) == TAG.amount_fen
    with pytest.raises(RuleBroken) as broken:
        vehicles.withdraw_price(at_once, actor=owner, now=now)
    assert broken.value.rule is Rule.NOT_PENDING
    for effective_at, rule in ((now, Rule.TIME_PAST), (None, Rule.NO_CHANGE)):
        with pytest.raises(RuleBroken) as broken:
            change(tag=TAG, effective_at=effective_at)
        assert broken.value.rule is rule


def test_before_the_first_price_there_is_none_to_go_back_to(
    context: Flask, database: Database, owner: Actor, now: datetime
) -> None:
    listing_id = a_rental_listing(database)
    vehicles.add_plan(listing_id, days=150, name="学期租", actor=owner, now=now)
    first = vehicles.change_price(
        listing_id, 150, tag=PriceTag(680_00), effective_at=now + timedelta(days=1), actor=owner, now=now
    )
    with pytest.raises(RuleBroken) as broken:
        vehicles.withdraw_price(first, actor=owner, now=now)
    assert broken.value.rule is Rule.FIRST_PRICE
    for days in (0, 365):  # it is not sold, and not rented for that long
        with pytest.raises(NotFound):
            vehicles.change_price(listing_id, days, tag=PriceTag(1), effective_at=None, actor=owner, now=now)


def test_a_plan_that_is_stopped_cannot_be_reserved(
    context: Flask, database: Database, owner: Actor, now: datetime
) -> None:
    listing_id = a_rental_listing(database)
    plan_id = database.one(select(Plan.id))
    vehicles.change_plan(plan_id, name="包月", shown=False, actor=owner, now=now)
    plan = database.one(select(Plan))
    assert (plan.name, plan.shown, plan.days) == ("包月", False, MONTH)
    with pytest.raises(NotFound):
        orders.reserve(
            listing_id=listing_id,
            colour=COLOURS[0],
            intent=Intent.RESERVE,
            days=MONTH,
            seen_fen=180_00,
            request_key="r",
            actor=a_customer(context),
            now=now,
        )
    with pytest.raises(RuleBroken) as broken:
        vehicles.add_plan(listing_id, days=MONTH, name="又一个", actor=owner, now=now)
    assert broken.value.rule is Rule.PLAN_EXISTS
    with pytest.raises(NotFound):  # a sale has none
        vehicles.add_plan(a_listing_id(context), days=30, name="月租", actor=owner, now=now)


def test_what_is_hidden_keeps_what_is_reserved(context: Flask, owner: Actor, now: datetime) -> None:
    order_id = an_order(context, matched=True)
    vehicles.hide(a_listing_id(context), actor=owner, now=now)
    with pytest.raises(NotFound):
        an_order(context)
    assert order_of(context, order_id).status is OrderStatus.RESERVED


@pytest.mark.req("SET-1")
def test_a_form_sent_twice_is_one_movement(context: Flask, database: Database, owner: Actor, now: datetime) -> None:
    listing_id = a_listing_id(context)
    assert [move(listing_id, StockCause.BOUGHT, 5, owner, now, "k") for _ in range(2)] == [STOCK + 5, STOCK + 5]
    with pytest.raises(RuleBroken) as broken:
        move(listing_id, StockCause.BOUGHT, 6, owner, now, "k")  # the page before it, with something else typed
    assert broken.value.rule is Rule.ALREADY_RECORDED
    with pytest.raises(RuleBroken) as broken:
        move(listing_id, StockCause.SCRAPPED, STOCK + 6, owner, now, "l")
    assert (broken.value.rule, broken.value.facts["stock"]) == (Rule.STOCK_TOO_LOW, STOCK + 5)
    assert database.count(StockMovement, StockMovement.request_key.is_not(None)) == 1
    assert_nothing_violated(context)


# Who may.

Verb = Callable[[Actor, datetime], object]


def verbs_in(app: Flask, database: Database, region: str) -> dict[str, Verb]:
    """Every act on something of a region."""
    sale, rental = a_listing_id(app, region), a_rental_listing(database, region)
    plan_id = database.one(select(Plan.id).where(Plan.listing_id == rental))
    model_id = database.one(select(VehicleModel.id))
    mini = {"region_id": a_region_id(app, region), "business": Business.MINI_RENTAL}

    def price(who: Actor, now: datetime) -> int:
        later = now + timedelta(days=3)
        return vehicles.change_price(sale, 0, tag=TAG, effective_at=later, actor=who, now=now)

    def withdraw(who: Actor, now: datetime) -> int:
        return vehicles.withdraw_price(database.all(select(Price.id).order_by(Price.id.desc()))[0], actor=who, now=now)

    return {
        "list": lambda who, now: vehicles.list_model(model_id, **mini, actor=who, now=now),  # type: ignore[arg-type]
        "show": lambda who, now: vehicles.show(sale, actor=who, now=now),
        "hide": lambda who, now: vehicles.hide(sale, actor=who, now=now),
        "add a plan": lambda who, now: vehicles.add_plan(rental, days=7, name="周租", actor=who, now=now),
        "change a plan": lambda who, now: vehicles.change_plan(plan_id, name="包月", shown=True, actor=who, now=now),
        "move stock": lambda who, now: move(sale, StockCause.BOUGHT, 1, who, now, f"k{who.id}"),
        "price": price,
        "withdraw a price": withdraw,
    }


MONEY = {"price", "withdraw a price"}


def answer(verb: Verb, who: Actor, now: datetime) -> str:
    try:
        verb(who, now)
    except NotFound:
        return "not found"
    except Forbidden:
        return "forbidden"
    return "done"


@pytest.mark.parametrize(
    ("role", "region", "vehicles_said", "money_said"),
    [
        (Role.CLERK, "B", "forbidden", "forbidden"),
        (Role.CLERK, "A", "not found", "not found"),
        (Role.FINANCE, None, "not found", "not found"),
        (Role.MANAGER, "A", "not found", "not found"),
        (Role.MANAGER, "B", "done", "forbidden"),
        (Role.MANAGER, None, "done", "forbidden"),
        (Role.OWNER, "A", "not found", "not found"),
        (Role.OWNER, "B", "done", "done"),
        (Role.OWNER, None, "done", "done"),
    ],
)
def test_who_may_set_what_in_region_b(
    context: Flask,
    database: Database,
    owner: Actor,
    now: datetime,
    role: Role,
    region: str | None,
    vehicles_said: str,
    money_said: str,
) -> None:
    who = a_member_of_staff(context, role=role, region=region)
    verbs = verbs_in(context, database, "B")
    if money_said != "done":
        verbs["price"](owner, now)  # there is something to withdraw
    said = {name: answer(verb, who, now) for name, verb in verbs.items()}
    assert said == {name: money_said if name in MONEY else vehicles_said for name in verbs}


@pytest.mark.parametrize(
    ("role", "region", "may"),
    [(Role.OWNER, None, True), (Role.MANAGER, None, True), (Role.OWNER, "B", False), (Role.CLERK, None, False)],
)
def test_a_model_belongs_to_all_regions(
    context: Flask, database: Database, now: datetime, role: Role, region: str | None, may: bool
) -> None:
    who = a_member_of_staff(context, role=role, region=region)
    model_id = database.one(select(VehicleModel.id))
    change = partial(vehicles.change_model, model_id, model=MODEL, actor=who, now=now)
    add = partial(vehicles.add_model, model=ModelFacts("轻巧 A5", ("白",), (), PICTURES[1]), actor=who, now=now)
    for act in (change, add):
        if may:
            act()
        else:
            with pytest.raises(Forbidden):
                act()
    if may:
        with pytest.raises(RuleBroken) as broken:
            vehicles.add_model(model=MODEL, actor=who, now=now)
        assert broken.value.rule is Rule.NAME_TAKEN
        change()  # the same again is none
        assert database.count(Audit, Audit.action == "vehicle_model_changed") == 1


def test_what_is_not_there_is_not_found(context: Flask, owner: Actor, now: datetime) -> None:
    for verb in (
        lambda: vehicles.change_model(999, model=MODEL, actor=owner, now=now),
        lambda: vehicles.list_model(999, region_id=1, business=Business.SALE, actor=owner, now=now),
        lambda: vehicles.list_model(1, region_id=999, business=Business.SALE, actor=owner, now=now),
        lambda: vehicles.show(999, actor=owner, now=now),
        lambda: vehicles.add_plan(999, days=1, name="一", actor=owner, now=now),
        lambda: vehicles.change_plan(999, name="一", shown=True, actor=owner, now=now),
        lambda: vehicles.change_price(999, 0, tag=TAG, effective_at=None, actor=owner, now=now),
        lambda: vehicles.withdraw_price(999, actor=owner, now=now),
        lambda: move(999, StockCause.BOUGHT, 1, owner, now, "k"),
    ):
        with pytest.raises(NotFound):
            verb()


# Many at once.


def at_once(app: Flask, acts: list[Callable[[], object]]) -> list[str]:
    """What each act met, all of them begun at one moment: the rule that refused it, or nothing."""
    all_there = threading.Barrier(len(acts), timeout=20)

    def run(act: Callable[[], object]) -> str:
        with app.app_context():
            all_there.wait()
            try:
                act()
            except RuleBroken as broken:
                return broken.rule.value
        return ""

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


@pytest.mark.both_engines
@pytest.mark.req("SET-1")
def test_stock_never_falls_below_zero_whoever_takes_it(
    context: Flask, database: Database, owner: Actor, now: datetime
) -> None:
    listing_id = a_listing_id(context)
    move(listing_id, StockCause.MOVED_OUT, STOCK - 4, owner, now, "leave 4")
    buyers = [partial(an_order, context, customer=a_customer(context)) for _ in range(4)]
    scrapped = [partial(move, listing_id, StockCause.SCRAPPED, 1, owner, now, f"k{nth}") for nth in range(4)]
    met = at_once(context, [*buyers, *scrapped])
    assert met.count("") == 4
    assert set(met) <= {"", Rule.SOLD_OUT.value, Rule.STOCK_TOO_LOW.value}
    assert database.one(select(Listing.stock).where(Listing.id == listing_id)) == 0
    assert_nothing_violated(context)


@pytest.mark.both_engines
def test_without_the_guard_in_its_statement_stock_is_sold_twice(
    context: Flask, database: Database, owner: Actor, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: both read the stock, both find enough, and the second writes over the first."""
    both_have_read = threading.Barrier(2, timeout=20)

    def unguarded(session: Session, listing_id: int, delta: int) -> int:
        stock = session.scalars(select(Listing.stock).where(Listing.id == listing_id)).one() + delta
        both_have_read.wait()
        session.execute(update(Listing).where(Listing.id == listing_id).values(stock=stock))
        return int(stock)

    monkeypatch.setattr(vehicles, "_change_stock", unguarded)
    if db.engine.dialect.name == "sqlite":  # a transaction there is a lock: without it each statement stands alone
        engine = create_engine(database.url, isolation_level="AUTOCOMMIT")
        monkeypatch.setattr(transaction, "writing_session", lambda: Session(engine, expire_on_commit=False))
    listing_id = a_listing_id(context)
    acts = [partial(move, listing_id, StockCause.SCRAPPED, 30, owner, now, key) for key in "kl"]
    assert at_once(context, list(acts)) == ["", ""]
    with pytest.raises(AssertionError, match="stock"):
        assert_nothing_violated(context)


@pytest.mark.both_engines
def test_two_people_make_the_same_thing_at_once_and_one_is_told(
    context: Flask, database: Database, owner: Actor, now: datetime
) -> None:
    listing_id, model_id = a_rental_listing(database), database.one(select(VehicleModel.id))
    region_id = a_region_id(context, "C")
    plan = partial(vehicles.add_plan, listing_id, days=7, name="周租", actor=owner, now=now)
    listing = partial(
        vehicles.list_model, model_id, region_id=region_id, business=Business.RENTAL, actor=owner, now=now
    )
    price = partial(vehicles.change_price, listing_id, MONTH, tag=PriceTag(1), effective_at=None, actor=owner, now=now)
    model = partial(vehicles.add_model, model=MODEL, actor=owner, now=now)
    for act, rule in (
        (plan, Rule.PLAN_EXISTS),
        (listing, Rule.LISTING_EXISTS),
        (price, Rule.NO_CHANGE),
        (model, Rule.NAME_TAKEN),
    ):
        assert sorted(at_once(context, [act, act])) == ["", rule.value]


def test_whoever_saw_the_price_before_is_told_the_new_one(context: Flask, owner: Actor, clock: MovedClock) -> None:
    listing_id = a_listing_id(context)
    now = clock.now()
    vehicles.change_price(listing_id, 0, tag=TAG, effective_at=now + timedelta(minutes=5), actor=owner, now=now)
    clock.advance(timedelta(minutes=5))
    with pytest.raises(RuleBroken) as broken:
        an_order(context)
    assert (broken.value.rule, broken.value.facts["price_fen"]) == (Rule.STALE_CHOICE, TAG.amount_fen)
    assert order_of(context, an_order(context, price_fen=TAG.amount_fen)).amount_fen == TAG.amount_fen
