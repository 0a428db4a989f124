from datetime import timedelta

import pytest
from flask import Flask

from app.domain.deposits import DepositKind, DepositStatus
from app.domain.errors import NotFound
from app.domain.orders import Step
from app.domain.permissions import Actor
from app.queries import my_charges, my_orders
from app.queries.my_charges import MyCharge
from app.queries.my_orders import PAGE_SIZE, MyOrder
from app.usecases import orders, payments
from tests.factories.ground import PRICE_FEN
from tests.factories.orders import an_order, order_of, pay
from tests.factories.people import a_customer
from tests.factories.reading import read
from tests.factories.rentals import DEPOSIT_FEN, a_card, a_deposit, a_rental_order, give_back
from tests.fixtures.apps import MovedClock
from tests.fixtures.databases import Database
from tests.fixtures.house_law import counted_statements


def seen(app: Flask, customer: Actor, order_id: int, clock: MovedClock) -> MyOrder:
    with read(app) as session:
        return my_orders.my_order(session, customer, order_id, clock.now())


def at_turn(app: Flask, customer: Actor, order: MyOrder) -> MyCharge:
    with read(app) as session:
        return my_charges.charge_at_turn(session, customer, order)


@pytest.mark.both_engines
@pytest.mark.req("FLOW-BUY-2", "FLOW-BUY-3", "ORD-2")
def test_an_order_says_what_is_next(app: Flask, clock: MovedClock) -> None:
    somebody = a_customer(app)
    collected = seen(app, somebody, an_order(app, customer=somebody, picked_up=True), clock)
    assert (collected.badge.word, collected.step, collected.can_cancel) == ("已完成", None, False)
    paid = seen(app, somebody, an_order(app, customer=somebody, paid=True), clock)
    assert (paid.badge.word, paid.waits_for_pickup) == ("已预约", True)
    assert not at_turn(app, somebody, paid).can_pay(clock.now())
    assert [(payment.amount_fen, payment.badge.word) for payment in paid.payments] == [(PRICE_FEN, "已支付")]
    reserved = seen(app, somebody, an_order(app, customer=somebody), clock)
    assert (reserved.badge.word, reserved.waits_for_number, reserved.can_cancel) == ("已预约", True, True)
    matched = seen(app, somebody, an_order(app, customer=somebody, matched=True), clock)
    charge = at_turn(app, somebody, matched)
    assert (matched.waits_for_payment, charge.can_pay(clock.now()), charge.attempt) == (True, True, None)
    asked = at_turn(app, somebody, seen(app, somebody, an_order(app, customer=somebody, prepared=True), clock))
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
    assert (order.badge.word, order.is_closed) == ("已取消", True)
    assert not at_turn(app, somebody, order).can_pay(clock.now())


def test_a_number_waits_while_wechat_could_still_take_money(app: Flask, clock: MovedClock) -> None:
    somebody = a_customer(app)
    order_id = an_order(app, customer=somebody, prepared=True)
    with app.app_context():
        orders.cancel_order(order_id, reason="", actor=somebody, now=clock.now())
    assert at_turn(app, somebody, seen(app, somebody, order_id, clock)).attempt is not None


def test_a_payment_is_not_offered_in_the_last_minutes(app: Flask, clock: MovedClock) -> None:
    somebody = a_customer(app)
    order_id = an_order(app, customer=somebody, matched=True)
    clock.move_to(order_of(app, order_id).expires_at - timedelta(minutes=4))
    order = seen(app, somebody, order_id, clock)
    assert (order.waits_for_payment, at_turn(app, somebody, order).can_pay(clock.now())) == (True, False)


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


@pytest.mark.both_engines
@pytest.mark.req("FLOW-RENT-1", "FLOW-RENT-2", "FLOW-RENT-3", "ORD-2")
def test_a_rental_says_its_step_and_what_it_has_to_pay(app: Flask, database: Database, clock: MovedClock) -> None:
    somebody = a_customer(app)
    order_id = a_rental_order(app, database, customer=somebody, card=False, deposit=None)

    def now() -> MyOrder:
        return seen(app, somebody, order_id, clock)

    assert (now().step, now().term, now().rental_deposit_fen) == (Step.CARD, "月租，30 天", DEPOSIT_FEN)
    a_card(app, somebody, approved=False)
    assert now().step is Step.DEPOSIT
    assert not at_turn(app, somebody, now()).is_next  # the fee waits for the deposit
    charge_id = a_deposit(app, somebody, DepositKind.RENTAL, order_id=order_id, paid=False)
    due = at_turn(app, somebody, now())
    assert (due.charge_id, due.deposit_kind, due.can_pay(clock.now())) == (charge_id, DepositKind.RENTAL, True)
    assert due.ends_at == now().expires_at
    assert now().deposits == ()
    with app.app_context():
        wanted = payments.begin_attempt(charge_id, actor=somebody, now=clock.now()).wanted
    pay(app, wanted.out_trade_no, customer=somebody, amount_fen=DEPOSIT_FEN, now=clock.now())
    assert now().step is Step.NUMBER
    assert [deposit.status for deposit in now().deposits] == [DepositStatus.HELD]
    assert at_turn(app, somebody, now()).charge_id == now().charge_id
    with app.app_context():
        orders.enter_number(order_id, typed=now().number, actor=somebody, now=clock.now())
    assert now().step is Step.PAY
    assert at_turn(app, somebody, now()).can_pay(clock.now())


@pytest.mark.both_engines
@pytest.mark.req("ORD-2", "FLOW-RENT-4")
def test_a_rental_is_out_late_and_back(app: Flask, database: Database, clock: MovedClock) -> None:
    somebody, began = a_customer(app), clock.now()
    order_id = a_rental_order(app, database, customer=somebody, picked_up=True)
    with read(app) as session:
        mine = my_orders.my_one_rental(session, somebody)
        assert [row.order_id for row in my_orders.my_open_orders(session, somebody)] == [order_id]
    assert mine is not None
    assert (mine.order_id, mine.is_out) == (order_id, True)
    for days, words in ((30, ["已完成", "未归还"]), (33, ["已完成", "未归还", "逾期 3 天"])):
        assert [badge.word for badge in mine.badges(began + timedelta(days=days))] == words
    give_back(app, order_id, now=began + timedelta(days=33))
    clock.advance(timedelta(days=40))
    back = seen(app, somebody, order_id, clock)
    assert [badge.word for badge in back.badges(clock.now())] == ["已完成", "已归还"]
    assert back.rental is not None
    assert back.rental.progress(clock.now()).days_late == 3
    with read(app) as session:
        assert my_orders.my_one_rental(session, somebody) is None
        assert my_orders.my_open_orders(session, somebody) == []


def test_a_rental_shows_every_deposit_that_has_to_do_with_it(app: Flask, database: Database, clock: MovedClock) -> None:
    somebody = a_customer(app)
    first = a_rental_order(app, database, customer=somebody, picked_up=True)
    a_deposit(app, somebody, DepositKind.FLASH)
    assert [one.kind for one in seen(app, somebody, first, clock).deposits] == [DepositKind.FLASH, DepositKind.RENTAL]
    give_back(app, first)
    second = a_rental_order(app, database, customer=somebody, card=False, deposit=None)
    assert [one.kind for one in seen(app, somebody, second, clock).deposits] == [DepositKind.FLASH]


@pytest.mark.both_engines
def test_the_charges_of_flash_charge_are_the_persons_own(app: Flask, database: Database, clock: MovedClock) -> None:
    somebody, other = a_customer(app), a_customer(app)
    a_card(app, somebody)
    charge_id = a_deposit(app, somebody, DepositKind.FLASH, paid=False)
    with read(app) as session:
        mine = my_charges.my_charge(session, somebody, charge_id)
        with pytest.raises(NotFound):
            my_charges.my_charge(session, other, charge_id)
        with pytest.raises(NotFound):
            my_charges.my_charge(session, Actor.visitor(), charge_id)
    assert (mine.order, mine.ends_at, mine.deposit_kind) == (None, None, DepositKind.FLASH)
    assert mine.can_pay(clock.now() + timedelta(days=400))
