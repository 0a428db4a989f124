"""Reserving and closing an order: all or nothing, whoever asks, whatever was there before (decisions 8, 12 to 14)."""

from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import delete, func, select

from app.domain.charges import ChargeStatus
from app.domain.errors import Forbidden, NotFound, Rule, RuleBroken
from app.domain.numbering import Business
from app.domain.orders import Intent, OrderStatus
from app.domain.permissions import Actor
from app.domain.settings import CANCEL_PAID_HOURS, RESERVATION_HOURS, UNPAID_SALE_LIMIT
from app.models.money import Charge, ChargeLine, Refund
from app.models.numbers import NumberSeries, NumberSlot, SlotState
from app.models.orders import Order, OrderDay, PickupAttempt
from app.models.vehicles import Listing, Price, StockMovement, StockReason
from app.usecases import customers, orders
from app.web.current import RUNTIME
from tests.factories.counting_house import assert_nothing_violated
from tests.factories.ground import COLOURS, LONG_AGO, PRICE_FEN, STOCK
from tests.factories.orders import a_listing_id, an_order, order_of, person_of
from tests.factories.people import a_customer, a_member_of_staff, a_region_id
from tests.factories.reading import read
from tests.factories.settings import a_setting
from tests.fixtures.databases import Database

JOB = Actor.job("tests")
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


def now_of(app: Flask) -> datetime:
    now: datetime = app.extensions[RUNTIME].clock.now()
    return now


def reserve(app: Flask, buyer: Actor, **changed: object) -> int:
    wanted: dict[str, object] = {
        "listing_id": a_listing_id(app),
        "colour": COLOURS[0],
        "intent": Intent.RESERVE,
        "seen_fen": PRICE_FEN,
        "request_key": "the-form",
        "now": now_of(app),
    }
    return orders.reserve(actor=buyer, **(wanted | changed))  # type: ignore[arg-type]  # the words of a table


def refused(app: Flask, buyer: Actor, **changed: object) -> Rule:
    with pytest.raises(RuleBroken) as broken:
        reserve(app, buyer, **changed)
    return broken.value.rule


def nothing_was_reserved(app: Flask) -> bool:
    with read(app) as session:
        rows = [
            *session.scalars(select(Order.id)),
            *session.scalars(select(Charge.id)),
            *session.scalars(select(OrderDay.id)),
        ]
        taken = session.scalars(select(NumberSlot.id).where(NumberSlot.state != SlotState.FREE)).all()
        turns = session.scalars(select(func.sum(NumberSeries.seq))).one()
    return _stock(app) == STOCK and not rows and not taken and turns == 0


@pytest.fixture
def buyer(app: Flask) -> Actor:
    return a_customer(app)


# ---- reserving


@pytest.mark.both_engines
@pytest.mark.req("FLOW-BUY-2", "NUM-4", "SET-7")
def test_a_reservation_takes_a_number_and_a_vehicle_and_opens_the_charge(context: Flask, buyer: Actor) -> None:
    now = now_of(context)
    order_id = reserve(context, buyer, intent=Intent.BUY, now=now)
    order = order_of(context, order_id)
    assert (order.number, order.status, order.intent) == ("AM0001", OrderStatus.RESERVED, Intent.BUY)
    assert order.expires_at == now + 72 * HOUR
    assert (order.amount_fen, order.cancel_paid_hours, order.turn) == (PRICE_FEN, 24, 1)
    with read(context) as session:
        assert session.scalars(select(Listing.stock).where(Listing.id == order.listing_id)).one() == STOCK - 1
        charge = session.scalars(select(Charge)).one()
        assert (charge.amount_fen, charge.status) == (PRICE_FEN, ChargeStatus.OPEN)
        assert session.scalars(select(ChargeLine.amount_fen)).all() == [PRICE_FEN]
        figures = session.execute(select(OrderDay.status, OrderDay.orders, OrderDay.amount_fen)).all()
        assert [tuple(row) for row in figures] == [(OrderStatus.RESERVED, 1, PRICE_FEN)]
    assert_nothing_violated(context)


def test_the_same_form_sent_twice_is_one_order(context: Flask, buyer: Actor) -> None:
    assert reserve(context, buyer) == reserve(context, buyer)
    assert reserve(context, a_customer(context)) != reserve(context, buyer)  # another person's form of the same key
    with read(context) as session:
        assert len(session.scalars(select(Order.id)).all()) == 2


@pytest.mark.req("FLOW-BUY-4", "NUM-4")
def test_one_person_may_reserve_several_vehicles(context: Flask, buyer: Actor) -> None:
    numbers = [order_of(context, reserve(context, buyer, request_key=key)).number for key in "abc"]
    assert numbers == ["AM0001", "AM0002", "AM0003"]


@pytest.mark.req("SET-10")
def test_unpaid_reservations_are_limited_and_paid_ones_are_not(
    context: Flask, database: Database, buyer: Actor
) -> None:
    a_setting(context, database, UNPAID_SALE_LIMIT, 2)
    for _ in range(3):
        an_order(context, customer=buyer, paid=True)
    reserve(context, buyer, request_key="a")
    order_id = reserve(context, buyer, request_key="b")
    assert refused(context, buyer, request_key="c") is Rule.TOO_MANY_UNPAID
    orders.cancel_order(order_id, reason="", actor=buyer, now=now_of(context))
    assert reserve(context, buyer, request_key="c")


@pytest.mark.req("FLOW-BUY-1")
@pytest.mark.both_engines
def test_whoever_may_not_reserve_reserves_nothing(context: Flask, database: Database, buyer: Actor) -> None:
    visitor = a_customer(context, registered=False)
    for nobody in (visitor, Actor.visitor(), JOB, a_member_of_staff(context, role="owner", region=None)):
        with pytest.raises(Forbidden):
            reserve(context, nobody)
    assert refused(context, buyer, listing_id=a_listing_id(context, "B")) is Rule.OTHER_REGION
    assert refused(context, buyer, colour="荧光绿") is Rule.COLOUR_UNKNOWN
    assert refused(context, buyer, seen_fen=PRICE_FEN - 1) is Rule.STALE_CHOICE
    assert refused(context, buyer, now=LONG_AGO - HOUR) is Rule.PRICE_MISSING
    with pytest.raises(NotFound):
        reserve(context, buyer, listing_id=999)
    database.execute("UPDATE listing SET shown = :no", no=False)
    with pytest.raises(NotFound):
        reserve(context, buyer)
    database.execute("UPDATE listing SET shown = :yes", yes=True)
    database.execute("UPDATE listing SET stock = 0")
    assert refused(context, buyer) is Rule.SOLD_OUT
    database.execute(f"UPDATE listing SET stock = {STOCK}")
    assert nothing_was_reserved(context)


@pytest.mark.both_engines
@pytest.mark.req("NUM-7")
def test_a_series_that_has_run_out_refuses_and_loses_nothing(context: Flask, database: Database, buyer: Actor) -> None:
    """A series of one number stands for one of 9999."""
    first = reserve(context, buyer, request_key="a")
    region_id = a_region_id(context, "A")
    with database.write() as session:
        of_sales = select(NumberSeries.id).where(
            NumberSeries.region_id == region_id, NumberSeries.business == Business.SALE
        )
        session.execute(
            delete(NumberSlot).where(NumberSlot.series_id == session.scalars(of_sales).one(), NumberSlot.n > 1)
        )
    stock = _stock(context)
    with pytest.raises(RuleBroken) as broken:
        reserve(context, buyer, request_key="b")
    assert (broken.value.rule, broken.value.facts) == (Rule.SERIES_FULL, {"last": "AM9999"})
    assert _stock(context) == stock
    orders.cancel_order(first, reason="", actor=buyer, now=now_of(context))
    assert order_of(context, reserve(context, buyer, request_key="b")).number == "AM0001"  # and goes on by itself


def _stock(app: Flask) -> int:
    with read(app) as session:
        return session.scalars(select(Listing.stock).where(Listing.id == a_listing_id(app))).one()


def test_a_frozen_person_reserves_nothing_but_may_cancel(context: Flask, buyer: Actor) -> None:
    order_id = reserve(context, buyer)
    manager = a_member_of_staff(context, role="manager")
    customers.freeze(person_of(context, order_id), reason="核实身份", actor=manager, now=now_of(context))
    assert refused(context, buyer, request_key="b") is Rule.FROZEN
    orders.cancel_order(order_id, reason="", actor=buyer, now=now_of(context))
    customers.unfreeze(person_of(context, order_id), reason="核实完了", actor=manager, now=now_of(context))
    assert reserve(context, buyer, request_key="b")


def test_a_vehicle_that_costs_nothing_is_paid_at_once_and_never_expires(
    context: Flask, database: Database, buyer: Actor
) -> None:
    price = Price(
        listing_id=a_listing_id(context), days=0, amount_fen=0, effective_at=now_of(context), made_at=LONG_AGO
    )
    database.add(price)
    order_id = reserve(context, buyer, seen_fen=0)
    with read(context) as session:
        assert session.scalars(select(Charge.status)).one() is ChargeStatus.SETTLED
    assert not orders.expire_order(order_id, actor=JOB, now=now_of(context) + 100 * HOUR)
    orders.cancel_order(order_id, reason="", actor=buyer, now=now_of(context))
    with read(context) as session:
        assert session.scalars(select(Refund.id)).all() == []
    assert_nothing_violated(context)


@pytest.mark.req("SET-11", "SET-6", "SET-7")
def test_an_order_keeps_the_terms_that_it_was_reserved_under(context: Flask, database: Database, buyer: Actor) -> None:
    order_id = an_order(context, customer=buyer, paid=True)
    a_setting(context, database, CANCEL_PAID_HOURS, 0)
    a_setting(context, database, RESERVATION_HOURS, 1)
    later = reserve(context, buyer)
    assert order_of(context, later).expires_at - order_of(context, later).reserved_at == HOUR
    assert order_of(context, later).cancel_paid_hours == 0
    assert order_of(context, order_id).expires_at - order_of(context, order_id).reserved_at == 72 * HOUR
    orders.cancel_order(order_id, reason="", actor=buyer, now=now_of(context) + 23 * HOUR)
    assert order_of(context, order_id).status is OrderStatus.CANCELLED


# ---- numbers


@pytest.mark.both_engines
@pytest.mark.req("NUM-4", "NUM-5")
def test_the_smallest_free_number_is_next_whatever_was_freed_before(context: Flask) -> None:
    ids = [an_order(context) for _ in range(5)]
    assert [order_of(context, order_id).number[-1] for order_id in ids] == list("12345")
    for nth in (3, 1):  # AM0004 first, then AM0002
        order = order_of(context, ids[nth])
        staff = a_member_of_staff(context)
        orders.cancel_order(order.id, reason="没有货", actor=staff, now=now_of(context))
    assert [order_of(context, an_order(context)).number for _ in range(3)] == ["AM0002", "AM0004", "AM0006"]
    assert order_of(context, an_order(context, region="B")).number == "BM0001"  # each region counts by itself
    assert_nothing_violated(context)


@pytest.mark.req("NUM-5", "SET-7")
def test_an_expired_order_gives_number_and_vehicle_back(context: Flask, buyer: Actor) -> None:
    order_id = reserve(context, buyer)
    deadline = order_of(context, order_id).expires_at
    assert not orders.expire_order(order_id, actor=JOB, now=deadline - SECOND)
    assert orders.expire_order(order_id, actor=JOB, now=deadline)
    assert not orders.expire_order(order_id, actor=JOB, now=deadline)
    assert order_of(context, order_id).status is OrderStatus.EXPIRED
    assert _stock(context) == STOCK
    assert order_of(context, an_order(context)).number == "AM0001"
    with read(context) as session:
        moved = session.execute(
            select(StockMovement.reason, StockMovement.delta).where(StockMovement.order_id == order_id)
        )
        assert {tuple(row) for row in moved} == {(StockReason.RESERVED, -1), (StockReason.CLOSED, 1)}


# ---- at the store


@pytest.mark.req("FLOW-BUY-3", "NUM-8")
def test_only_the_number_of_the_persons_own_open_order_is_right(context: Flask, buyer: Actor) -> None:
    order_id, other = reserve(context, buyer), an_order(context)
    now = now_of(context)
    assert not orders.enter_number(order_id, typed=order_of(context, other).number, actor=buyer, now=now)
    assert not orders.enter_number(order_id, typed="13812342047", actor=buyer, now=now)
    assert orders.enter_number(order_id, typed="0001", actor=buyer, now=now)
    with pytest.raises(NotFound):
        orders.enter_number(other, typed="AM0002", actor=buyer, now=now)
    with read(context) as session:
        tried = session.scalars(select(PickupAttempt.typed).order_by(PickupAttempt.id)).all()
    assert tried == ["AM0002", None, "0001"]  # a phone number is kept nowhere


@pytest.mark.req("SET-7")
def test_the_right_number_moves_the_deadline_once(context: Flask, buyer: Actor) -> None:
    order_id = reserve(context, buyer)
    deadline = order_of(context, order_id).expires_at
    near = deadline - timedelta(minutes=3)
    assert orders.enter_number(order_id, typed="AM0001", actor=buyer, now=near)
    moved = order_of(context, order_id).expires_at
    assert moved == near + timedelta(minutes=20)
    assert orders.enter_number(order_id, typed="AM0001", actor=buyer, now=moved - SECOND)
    assert order_of(context, order_id).expires_at == moved


@pytest.mark.req("SET-7")
def test_past_its_deadline_an_unpaid_order_is_over_though_the_sweep_has_not_come_by(
    context: Flask, buyer: Actor
) -> None:
    order_id = reserve(context, buyer)
    with pytest.raises(RuleBroken) as broken:
        orders.enter_number(order_id, typed="AM0001", actor=buyer, now=order_of(context, order_id).expires_at)
    assert broken.value.rule is Rule.NOT_RESERVED
    assert orders.expire_order(order_id, actor=JOB, now=order_of(context, order_id).expires_at)


# ---- closing


@pytest.mark.req("SET-6")
def test_who_cancels_a_paid_order_when(context: Flask, buyer: Actor) -> None:
    order_id = an_order(context, customer=buyer, paid=True)
    late = now_of(context) + 25 * HOUR
    with pytest.raises(RuleBroken) as broken:
        orders.cancel_order(order_id, reason="", actor=buyer, now=late)
    assert broken.value.rule is Rule.CANCEL_TIME_OVER
    clerk = a_member_of_staff(context)
    with pytest.raises(RuleBroken) as broken:
        orders.cancel_order(order_id, reason=" ", actor=clerk, now=late)
    assert broken.value.rule is Rule.REASON_MISSING
    with pytest.raises(RuleBroken) as broken:
        orders.cancel_order(order_id, reason="长" * 201, actor=clerk, now=late)
    assert broken.value.rule is Rule.TEXT_TOO_LONG
    orders.cancel_order(order_id, reason=" 他不想要了 ", actor=clerk, now=late)
    orders.cancel_order(order_id, reason="再按一次", actor=clerk, now=late)
    assert order_of(context, order_id).close_reason == "他不想要了"
    with read(context) as session:
        assert session.execute(select(Refund.amount_fen, Refund.reason)).all() == [(PRICE_FEN, "订单取消")]
    assert_nothing_violated(context)


def test_what_was_picked_up_is_not_cancelled_by_anybody(context: Flask, buyer: Actor) -> None:
    order_id = an_order(context, customer=buyer, picked_up=True)
    for who in (buyer, a_member_of_staff(context, role="owner", region=None)):
        with pytest.raises(RuleBroken) as broken:
            orders.cancel_order(order_id, reason="不要了", actor=who, now=now_of(context))
        assert broken.value.rule is Rule.ALREADY_COLLECTED


@pytest.mark.req("SET-7")
def test_a_paid_order_never_expires(context: Flask, buyer: Actor) -> None:
    order_id = an_order(context, customer=buyer, paid=True)
    assert not orders.expire_order(order_id, actor=JOB, now=now_of(context) + 1000 * HOUR)
    assert order_of(context, order_id).status is OrderStatus.RESERVED


def test_an_order_with_a_live_attempt_does_not_expire(context: Flask, buyer: Actor) -> None:
    order_id = an_order(context, customer=buyer, prepared=True)
    assert not orders.expire_order(order_id, actor=JOB, now=now_of(context) + 1000 * HOUR)
