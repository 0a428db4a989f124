"""The sweep of orders past their deadline (SET-7, NUM-5, decision 13)."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from app.domain.charges import PaymentStatus
from app.domain.orders import OrderStatus
from app.domain.permissions import Actor
from app.jobs import expire_orders
from app.jobs._report import PATIENCE
from app.models.money import Payment
from app.models.numbers import NumberSlot, SlotState
from app.ports import OutcomeUnknown, TradeFound, TradeState
from app.usecases import orders, payments
from tests.factories.counting_house import payments_of
from tests.factories.gateway import Gateway, with_gateway
from tests.factories.orders import a_notice, an_order, order_of
from tests.factories.people import a_customer
from tests.fixtures.databases import Database

RESERVED_AT = datetime(2026, 3, 2, 4, tzinfo=UTC)
DEADLINE = RESERVED_AT + timedelta(hours=72)


def silent(_out_trade_no: str) -> TradeFound:
    raise OutcomeUnknown("no answer")


@pytest.mark.both_engines
@pytest.mark.req("SET-7", "NUM-5")
def test_an_unpaid_order_expires_at_its_deadline_and_its_number_is_free(context: Flask, database: Database) -> None:
    order_id = an_order(context, now=RESERVED_AT)
    runtime = with_gateway(context, Gateway())
    assert expire_orders.run(runtime, DEADLINE - timedelta(seconds=1)).rows == 0
    assert expire_orders.run(runtime, DEADLINE).rows == 1
    assert order_of(context, order_id).status is OrderStatus.EXPIRED
    assert database.count(NumberSlot, NumberSlot.state != SlotState.FREE) == 0
    assert expire_orders.run(runtime, DEADLINE + timedelta(days=40)).rows == 0


def test_a_paid_order_never_expires(context: Flask) -> None:
    order_id = an_order(context, now=RESERVED_AT, paid=True)
    assert expire_orders.run(with_gateway(context, Gateway()), DEADLINE + timedelta(days=9)).rows == 0
    assert order_of(context, order_id).status is OrderStatus.RESERVED


def test_a_live_payment_is_asked_about_and_closed_first(context: Flask) -> None:
    order_id = an_order(context, now=RESERVED_AT, prepared=True)
    (attempt,) = payments_of(context, order_id)
    gateway = Gateway()
    assert expire_orders.run(with_gateway(context, gateway), DEADLINE).rows == 1
    assert gateway.asked == [f"query {attempt.out_trade_no}", f"close {attempt.out_trade_no}"]
    assert payments_of(context, order_id)[0].status is PaymentStatus.CLOSED
    assert order_of(context, order_id).status is OrderStatus.EXPIRED


def test_a_young_payment_holds_its_order(context: Flask, database: Database) -> None:
    order_id = an_order(context, now=RESERVED_AT, prepared=True)
    with database.write() as session:
        session.execute(update(Payment).values(created_at=DEADLINE - timedelta(minutes=3)))
    gateway = Gateway()
    runtime = with_gateway(context, gateway)
    assert expire_orders.run(runtime, DEADLINE).rows == 0
    assert gateway.asked == []
    assert expire_orders.run(runtime, DEADLINE + timedelta(minutes=2)).rows == 1
    assert order_of(context, order_id).status is OrderStatus.EXPIRED


def test_money_that_is_found_settles_the_order(context: Flask) -> None:
    customer = a_customer(context, openid="o-pays")
    order_id = an_order(context, customer=customer, now=RESERVED_AT, prepared=True)
    (attempt,) = payments_of(context, order_id)
    notice = a_notice(context, attempt.out_trade_no, openid="o-pays", amount_fen=attempt.amount_fen, now=RESERVED_AT)
    gateway = Gateway(on_query=lambda _: TradeFound(TradeState.PAID, notice))
    assert expire_orders.run(with_gateway(context, gateway), DEADLINE).rows == 0
    assert payments_of(context, order_id)[0].status is PaymentStatus.SETTLES
    assert order_of(context, order_id).status is OrderStatus.RESERVED


def test_an_order_that_wechat_does_not_answer_for_is_put_off_and_blocks_nobody(context: Flask) -> None:
    stuck = an_order(context, now=RESERVED_AT, prepared=True)
    (attempt,) = payments_of(context, stuck)
    answered = an_order(context, now=RESERVED_AT + timedelta(minutes=1), prepared=True)
    free = an_order(context, now=RESERVED_AT + timedelta(minutes=2))

    def query(out_trade_no: str) -> TradeFound:
        return silent(out_trade_no) if out_trade_no == attempt.out_trade_no else TradeFound(TradeState.UNPAID)

    gateway = Gateway(on_query=query)
    runtime = with_gateway(context, gateway)
    now = DEADLINE + timedelta(minutes=3)
    report = expire_orders.run(runtime, now)
    assert (report.rows, report.put_off, report.trouble) == (2, 1, ())
    assert order_of(context, stuck).status is OrderStatus.RESERVED
    assert order_of(context, answered).status is order_of(context, free).status is OrderStatus.EXPIRED
    gateway.asked.clear()
    expire_orders.run(runtime, now + timedelta(seconds=20))
    assert gateway.asked == [], "it is not asked about again at once"
    gateway.on_query = lambda _: TradeFound(TradeState.UNPAID)
    assert expire_orders.run(runtime, now + timedelta(hours=1)).rows == 1


def test_a_wechat_that_is_away_is_left_alone_and_holds_up_no_other_order(context: Flask) -> None:
    for nth in range(PATIENCE + 2):
        an_order(context, now=RESERVED_AT + timedelta(minutes=nth), prepared=True)
    an_order(context, now=RESERVED_AT + timedelta(minutes=30))
    gateway = Gateway(on_query=silent)
    report = expire_orders.run(with_gateway(context, gateway), DEADLINE + timedelta(hours=1))
    assert (report.rows, report.put_off) == (1, PATIENCE)
    assert len(gateway.asked) == PATIENCE


def test_more_orders_than_a_page_all_expire(context: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expire_orders, "PAGE", 2)
    for _ in range(5):
        an_order(context, now=RESERVED_AT)
    assert expire_orders.run(with_gateway(context, Gateway()), DEADLINE).rows == 5


def test_an_unforeseen_failure_is_told_and_the_others_go_on(context: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = (an_order(context, now=RESERVED_AT) for _ in range(2))
    real = orders.expire_order

    def expire(order_id: int, *, actor: Actor, now: datetime) -> bool:
        if order_id == bad:
            raise ZeroDivisionError
        return real(order_id, actor=actor, now=now)

    monkeypatch.setattr(orders, "expire_order", expire)
    report = expire_orders.run(with_gateway(context, Gateway()), DEADLINE)
    assert report.rows == 1
    assert report.error == f"order {bad}: ZeroDivisionError()"
    assert order_of(context, good).status is OrderStatus.EXPIRED


def test_a_payment_begun_again_after_the_deadline_moved_is_seen(context: Flask) -> None:
    """`begin_attempt` and the sweep look at the same rows: what was closed by the sweep is not offered again."""
    customer = a_customer(context)
    order_id = an_order(context, customer=customer, now=RESERVED_AT, prepared=True)
    expire_orders.run(with_gateway(context, Gateway()), DEADLINE)
    (attempt,) = payments_of(context, order_id)
    assert not payments.attempt_prepared(attempt.out_trade_no, prepay_id="wx-too-late")
