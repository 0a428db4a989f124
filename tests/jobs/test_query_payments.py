"""Asking about payments whose notice has not come."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from flask import Flask

from app.domain.charges import PaymentStatus
from app.jobs import query_payments
from app.ports import OutcomeUnknown, TradeFound, TradeState
from tests.factories.counting_house import payments_of, statuses
from tests.factories.gateway import Gateway, with_gateway
from tests.factories.orders import a_notice, an_order
from tests.factories.people import a_customer

BEGUN_AT = datetime(2026, 3, 2, 4, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_a_payment_without_a_notice_is_found_by_asking_and_posted_once(context: Flask) -> None:
    customer = a_customer(context, openid="o-pays")
    order_id = an_order(context, customer=customer, now=BEGUN_AT, prepared=True)
    (attempt,) = payments_of(context, order_id)
    notice = a_notice(context, attempt.out_trade_no, openid="o-pays", amount_fen=attempt.amount_fen, now=BEGUN_AT)
    gateway = Gateway(on_query=lambda _: TradeFound(TradeState.PAID, notice))
    runtime = with_gateway(context, gateway)
    assert query_payments.run(runtime, BEGUN_AT + timedelta(seconds=59)).rows == 0
    assert gateway.asked == [], "the notice still has time"
    assert query_payments.run(runtime, BEGUN_AT + MINUTE).rows == 1
    assert statuses(context, order_id) == [PaymentStatus.SETTLES]
    assert query_payments.run(runtime, BEGUN_AT + MINUTE).rows == 0
    assert len(gateway.asked) == 1


def test_an_open_payment_is_asked_about_after_a_pause_that_grows(context: Flask) -> None:
    an_order(context, now=BEGUN_AT, prepared=True)
    gateway = Gateway()
    runtime = with_gateway(context, gateway)
    asked_after = []
    for seconds in range(0, 14 * 60, 15):
        before = len(gateway.asked)
        query_payments.run(runtime, BEGUN_AT + timedelta(seconds=seconds))
        if len(gateway.asked) > before:
            asked_after.append(seconds)
    pauses = [after - before for before, after in pairwise(asked_after)]
    assert asked_after[0] == 60
    assert pauses == sorted(pauses)
    assert 30 <= pauses[0] < pauses[-1] <= 240


def test_a_payment_past_its_end_is_closed(context: Flask) -> None:
    order_id = an_order(context, now=BEGUN_AT, prepared=True)
    gateway = Gateway()
    assert query_payments.run(with_gateway(context, gateway), BEGUN_AT + 15 * MINUTE).rows == 1
    assert [word.split()[0] for word in gateway.asked] == ["query", "close"]
    assert statuses(context, order_id) == [PaymentStatus.CLOSED]


def test_a_payment_that_wechat_does_not_answer_for_blocks_no_other(context: Flask) -> None:
    stuck = an_order(context, now=BEGUN_AT, prepared=True)
    closed = an_order(context, now=BEGUN_AT + MINUTE, prepared=True)
    (attempt,) = payments_of(context, stuck)

    def query(out_trade_no: str) -> TradeFound:
        if out_trade_no == attempt.out_trade_no:
            raise OutcomeUnknown("no answer")
        return TradeFound(TradeState.CLOSED)

    gateway = Gateway(on_query=query)
    runtime = with_gateway(context, gateway)
    report = query_payments.run(runtime, BEGUN_AT + 5 * MINUTE)
    assert (report.rows, report.put_off) == (1, 1)
    assert statuses(context, closed) == [PaymentStatus.CLOSED]
    gateway.asked.clear()
    query_payments.run(runtime, BEGUN_AT + 5 * MINUTE + timedelta(seconds=15))
    assert gateway.asked == []
