from datetime import timedelta

import pytest
from flask import Flask

from app.domain.errors import NotFound
from app.domain.permissions import Actor
from app.queries import my_orders
from app.queries.my_orders import PAGE_SIZE, MyOrder
from app.usecases import orders
from tests.factories.ground import PRICE_FEN
from tests.factories.orders import an_order, order_of
from tests.factories.people import a_customer
from tests.factories.reading import read
from tests.fixtures.apps import MovedClock
from tests.fixtures.house_law import counted_statements


def seen(app: Flask, customer: Actor, order_id: int, clock: MovedClock) -> MyOrder:
    with read(app) as session:
        return my_orders.my_order(session, customer, order_id, clock.now())


@pytest.mark.both_engines
@pytest.mark.req("FLOW-BUY-2", "FLOW-BUY-3", "ORD-2")
def test_an_order_says_what_is_next(app: Flask, clock: MovedClock) -> None:
    somebody = a_customer(app)
    collected = seen(app, somebody, an_order(app, customer=somebody, picked_up=True), clock)
    assert (collected.badge.word, collected.is_collected, collected.can_cancel) == ("已完成", True, False)
    paid = seen(app, somebody, an_order(app, customer=somebody, paid=True), clock)
    assert (paid.badge.word, paid.waits_for_pickup, paid.can_pay) == ("已预约", True, False)
    assert [(payment.amount_fen, payment.badge.word) for payment in paid.payments] == [(PRICE_FEN, "已支付")]
    reserved = seen(app, somebody, an_order(app, customer=somebody), clock)
    assert (reserved.badge.word, reserved.waits_for_number, reserved.can_cancel) == ("已预约", True, True)
    matched = seen(app, somebody, an_order(app, customer=somebody, matched=True), clock)
    assert (matched.waits_for_payment, matched.can_pay, matched.attempt) == (True, True, None)
    asked = seen(app, somebody, an_order(app, customer=somebody, prepared=True), clock)
    assert asked.attempt is not None
    assert asked.attempt.prepay_id


def test_its_story_is_told_newest_first(app: Flask, clock: MovedClock) -> None:
    somebody = a_customer(app)
    order = seen(app, somebody, an_order(app, customer=somebody, picked_up=True), clock)
    assert [entry.line.lead for entry in order.story] == ["提车", "付款 ¥2,399.00", "编号对上了", "预约成功"]


@pytest.mark.req("SET-6")
def test_a_cancelled_order_shows_the_refund_until_it_has_arrived(app: Flask, clock: MovedClock) -> None:
    somebody = a_customer(app)
    order_id = an_order(app, customer=somebody, paid=True)
    with app.app_context():
        orders.cancel_order(order_id, reason="", actor=somebody, now=clock.now())
    order = seen(app, somebody, order_id, clock)
    assert [(refund.amount_fen, refund.badge.word) for refund in order.refunds] == [(PRICE_FEN, "退款中")]
    assert (order.badge.word, order.is_closed, order.can_pay) == ("已取消", True, False)


def test_a_number_waits_while_wechat_could_still_take_money(app: Flask, clock: MovedClock) -> None:
    somebody = a_customer(app)
    order_id = an_order(app, customer=somebody, prepared=True)
    with app.app_context():
        orders.cancel_order(order_id, reason="", actor=somebody, now=clock.now())
    assert seen(app, somebody, order_id, clock).number_waits


def test_a_payment_is_not_offered_in_the_last_minutes(app: Flask, clock: MovedClock) -> None:
    somebody = a_customer(app)
    order_id = an_order(app, customer=somebody, matched=True)
    clock.move_to(order_of(app, order_id).expires_at - timedelta(minutes=4))
    order = seen(app, somebody, order_id, clock)
    assert (order.waits_for_payment, order.can_pay) == (True, False)


def test_somebody_elses_order_is_not_there(app: Flask, clock: MovedClock) -> None:
    order_id = an_order(app)
    with pytest.raises(NotFound):
        seen(app, a_customer(app), order_id, clock)
    with pytest.raises(NotFound):
        seen(app, Actor.visitor(), order_id, clock)


@pytest.mark.both_engines
def test_the_list_comes_in_pages_with_the_same_few_statements(app: Flask, clock: MovedClock) -> None:
    somebody, now = a_customer(app), clock.now()
    for n in range(PAGE_SIZE + 2):
        order_id = an_order(app, customer=somebody, now=now - timedelta(hours=n))
        with app.app_context():
            orders.cancel_order(order_id, reason="", actor=somebody, now=now)
    with read(app) as session, counted_statements() as statements:
        first = my_orders.my_order_rows(session, somebody)
        assert len(statements) == 2
        second = my_orders.my_order_rows(session, somebody, after=first.older)
    assert len(first.rows) == PAGE_SIZE
    assert len({row.order_id for row in (*first.rows, *second.rows)}) == PAGE_SIZE + 2
    assert [row.reserved_at for row in first.rows] == sorted((row.reserved_at for row in first.rows), reverse=True)
    assert second.older is None
