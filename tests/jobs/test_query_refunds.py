"""Asking about refunds that have not arrived (decision 34)."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from flask import Flask
from sqlalchemy import update

from app.domain.refunds import RefundNotice, RefundStatus
from app.jobs import query_refunds, send_outbox
from app.models.money import Refund
from app.ports import OutcomeUnknown
from app.usecases import orders
from tests.factories.counting_house import refunds_of
from tests.factories.gateway import Gateway, a_refund_notice, with_gateway
from tests.factories.orders import an_order
from tests.factories.people import a_customer
from tests.fixtures.databases import Database

PAID_AT = datetime(2026, 3, 2, 4, tzinfo=UTC)
CANCELLED_AT = PAID_AT + timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def an_accepted_refund(app: Flask) -> Refund:
    customer = a_customer(app)
    order_id = an_order(app, customer=customer, now=PAID_AT, paid=True)
    orders.cancel_order(order_id, reason="", actor=customer, now=CANCELLED_AT)
    send_outbox.run(with_gateway(app, Gateway()), CANCELLED_AT)
    return refunds_of(app)[-1]


def test_a_refund_that_arrived_without_a_notice_is_found(context: Flask) -> None:
    refund = an_accepted_refund(context)
    arrived = a_refund_notice(refund.out_refund_no, "", refund.amount_fen, RefundStatus.DONE)
    gateway = Gateway(on_query_refund=lambda _: arrived)
    runtime = with_gateway(context, gateway)
    assert query_refunds.run(runtime, CANCELLED_AT + timedelta(seconds=30)).rows == 0
    assert query_refunds.run(runtime, CANCELLED_AT + 2 * MINUTE).rows == 1
    assert refunds_of(context)[0].status is RefundStatus.DONE
    assert query_refunds.run(runtime, CANCELLED_AT + timedelta(days=2)).rows == 0
    assert len(gateway.asked) == 1


def test_the_pause_between_two_questions_grows(context: Flask) -> None:
    refund = an_accepted_refund(context)
    at_work = a_refund_notice(refund.out_refund_no, "", refund.amount_fen, RefundStatus.ACCEPTED)
    gateway = Gateway(on_query_refund=lambda _: at_work)
    runtime = with_gateway(context, gateway)
    asked_after = []
    for minutes in range(24 * 60):
        before = len(gateway.asked)
        query_refunds.run(runtime, CANCELLED_AT + minutes * MINUTE)
        if len(gateway.asked) > before:
            asked_after.append(minutes)
    pauses = [after - before for before, after in pairwise(asked_after)]
    assert pauses == sorted(pauses)
    assert len(asked_after) < 30


def test_a_refund_that_wechat_never_heard_of_is_sent_again_under_its_number(context: Flask, database: Database) -> None:
    refund = an_accepted_refund(context)
    with database.write() as session:
        session.execute(update(Refund).values(status=RefundStatus.REQUESTED, accepted_at=None, asked_at=None))
    gateway = Gateway()
    runtime = with_gateway(context, gateway)
    assert query_refunds.run(runtime, CANCELLED_AT + 5 * MINUTE).rows == 0, "still the outbox's matter"
    later = CANCELLED_AT + 11 * MINUTE
    assert query_refunds.run(runtime, later).rows == 1
    assert send_outbox.run(runtime, later).rows == 1
    assert gateway.asked == [f"query_refund {refund.out_refund_no}", f"refund {refund.out_refund_no}"]
    assert refunds_of(context)[0].status is RefundStatus.ACCEPTED


def test_a_refund_that_wechat_does_not_answer_for_blocks_no_other(context: Flask) -> None:
    stuck, found = an_accepted_refund(context), an_accepted_refund(context)

    def query(out_refund_no: str) -> RefundNotice:
        if out_refund_no == stuck.out_refund_no:
            raise OutcomeUnknown("no answer")
        return a_refund_notice(out_refund_no, "", found.amount_fen, RefundStatus.DONE)

    report = query_refunds.run(with_gateway(context, Gateway(on_query_refund=query)), CANCELLED_AT + 2 * MINUTE)
    assert (report.rows, report.put_off) == (1, 1)
    assert [refund.status for refund in refunds_of(context)] == [RefundStatus.ACCEPTED, RefundStatus.DONE]
