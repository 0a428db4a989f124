"""The outbox: refunds, closings and messages (decisions 30 and 34)."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.domain.charges import PaymentStatus, Purpose
from app.domain.orders import OrderStatus
from app.domain.outbox import Errand
from app.domain.permissions import Actor
from app.domain.refunds import RefundNotice, RefundStatus
from app.jobs import send_outbox
from app.models.money import Payment, Refund
from app.models.numbers import NumberSlot, SlotState
from app.models.orders import Order
from app.models.work import Outbox, OutboxStatus
from app.ports import GatewayRefused, OutcomeUnknown, RefundWanted
from app.usecases import orders, refund_notices, refunds
from app.usecases.subjects import Subject
from app.usecases.transaction import transactional
from tests.factories.counting_house import payments_of, refunds_of
from tests.factories.gateway import Gateway, Post, a_refund_notice, with_gateway
from tests.factories.orders import an_order, order_of
from tests.factories.people import a_customer
from tests.fixtures.databases import Database

PAID_AT = datetime(2026, 3, 2, 4, tzinfo=UTC)
CANCELLED_AT = PAID_AT + timedelta(hours=1)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def a_cancelled_order(app: Flask, *, paid: bool = False, prepared: bool = False) -> int:
    customer = a_customer(app)
    order_id = an_order(app, customer=customer, now=PAID_AT, paid=paid, prepared=prepared)
    orders.cancel_order(order_id, reason="", actor=customer, now=CANCELLED_AT)
    return order_id


def errand(database: Database, kind: Errand) -> Outbox:
    row: Outbox = database.one(select(Outbox).where(Outbox.kind == kind))
    return row


@pytest.mark.both_engines
def test_a_refund_is_asked_for_once_and_accepted(context: Flask, database: Database) -> None:
    a_cancelled_order(context, paid=True)
    gateway = Gateway()
    runtime = with_gateway(context, gateway)
    assert send_outbox.run(runtime, CANCELLED_AT).rows == 1
    (refund,) = refunds_of(context)
    assert refund.status is RefundStatus.ACCEPTED
    assert gateway.asked == [f"refund {refund.out_refund_no}"]
    assert send_outbox.run(runtime, CANCELLED_AT + timedelta(days=1)).rows == 0
    assert errand(database, Errand.REFUND).status is OutboxStatus.DONE


def test_a_refund_whose_reply_was_lost_is_asked_for_again_with_the_same_number(context: Flask) -> None:
    a_cancelled_order(context, paid=True)

    def lost(_wanted: RefundWanted) -> RefundNotice:
        raise OutcomeUnknown("no answer")

    gateway = Gateway(on_refund=lost)
    runtime = with_gateway(context, gateway)
    assert send_outbox.run(runtime, CANCELLED_AT).put_off == 1
    assert send_outbox.run(runtime, CANCELLED_AT + 30 * SECOND).put_off == 0, "not at once"
    gateway.on_refund = Gateway().on_refund
    assert send_outbox.run(runtime, CANCELLED_AT + MINUTE).rows == 1
    assert len(set(gateway.asked)) == 1
    assert refunds_of(context)[0].status is RefundStatus.ACCEPTED


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("RESOURCE_NOT_EXISTS", OutboxStatus.PARKED),  # no try will find it
        ("NOT_ENOUGH", OutboxStatus.DUE),  # the merchant's balance is filled up every day
    ],
)
def test_a_refused_refund_is_parked_only_when_that_is_final(
    context: Flask, database: Database, code: str, status: OutboxStatus
) -> None:
    a_cancelled_order(context, paid=True)

    def refuse(_wanted: RefundWanted) -> RefundNotice:
        raise GatewayRefused(code, "no")

    send_outbox.run(with_gateway(context, Gateway(on_refund=refuse)), CANCELLED_AT)
    row = errand(database, Errand.REFUND)
    assert (row.status, row.error) == (status, f"{code}: no")
    assert refunds_of(context)[0].status is RefundStatus.REQUESTED


def test_two_refunds_of_one_order_keep_a_minute_between_them(context: Flask, database: Database) -> None:
    order_id = an_order(context, now=PAID_AT, paid=True)
    (paid,) = payments_of(context, order_id)

    @transactional
    def want_half(session: Session) -> None:
        payment = session.get_one(Payment, paid.id)
        refunds.want(
            session,
            payment,
            Purpose.SALE,
            Subject.of_order(session.get_one(Order, order_id)),
            amount_fen=100,
            reason="部分退款",
            actor=Actor.job("tests"),
            now=CANCELLED_AT,
        )

    want_half()
    want_half()
    gateway = Gateway()
    runtime = with_gateway(context, gateway)
    assert send_outbox.run(runtime, CANCELLED_AT).rows == 1
    assert send_outbox.run(runtime, CANCELLED_AT + 59 * SECOND).rows == 0
    waiting = database.one(select(Outbox).where(Outbox.status == OutboxStatus.DUE))
    assert (waiting.tries, waiting.error) == (0, None), "waiting is no failed try"
    assert send_outbox.run(runtime, CANCELLED_AT + MINUTE).rows == 1
    assert len(set(gateway.asked)) == 2


def test_a_cancelled_orders_payment_is_closed_once_it_is_old_enough(context: Flask, database: Database) -> None:
    order_id = a_cancelled_order(context, prepared=True)
    with database.write() as session:
        session.execute(update(Payment).values(created_at=CANCELLED_AT - 2 * MINUTE))
    assert database.count(NumberSlot, NumberSlot.state == SlotState.WAITING) == 1
    gateway = Gateway()
    runtime = with_gateway(context, gateway)
    assert send_outbox.run(runtime, CANCELLED_AT).rows == 0
    assert (gateway.asked, errand(database, Errand.CLOSE_PAYMENT).tries) == ([], 0)
    assert send_outbox.run(runtime, CANCELLED_AT + 3 * MINUTE).rows == 1
    assert payments_of(context, order_id)[0].status is PaymentStatus.CLOSED
    assert database.count(NumberSlot, NumberSlot.state != SlotState.FREE) == 0


def test_a_closing_that_is_not_needed_any_more_asks_nobody(context: Flask, database: Database) -> None:
    a_cancelled_order(context, prepared=True)
    with database.write() as session:
        session.execute(update(Payment).values(status=PaymentStatus.CLOSED))
    gateway = Gateway()
    assert send_outbox.run(with_gateway(context, gateway), CANCELLED_AT).rows == 1
    assert gateway.asked == []


def a_message(app: Flask) -> int:
    """A refund that has arrived: the person is told."""
    order_id = a_cancelled_order(app, paid=True)
    runtime = with_gateway(app, Gateway())
    send_outbox.run(runtime, CANCELLED_AT)
    (refund,) = refunds_of(app)
    notice = a_refund_notice(refund.out_refund_no, "", refund.amount_fen, RefundStatus.DONE)
    refund_notices.take_refund_notice(
        notice, our_mch_id=notice.mch_id, vault=runtime.vault, actor=Actor.wechat(), now=CANCELLED_AT
    )
    return order_id


def test_a_message_carries_its_words_and_leads_to_the_order(context: Flask) -> None:
    order_id = a_message(context)
    post = Post()
    runtime = with_gateway(context, Gateway(), post)
    assert send_outbox.run(runtime, CANCELLED_AT).rows == 1
    ((openid, words, url, message_id),) = post.sent
    assert openid.startswith("o-test-")
    assert words["title"] == "退款到账"
    assert order_of(context, order_id).number in words["detail"]
    assert url == f"{runtime.public_url}/m/orders/{order_id}"
    assert len(message_id) == 32


def test_a_message_that_wechat_refuses_is_parked_and_blocks_nothing(context: Flask, database: Database) -> None:
    a_message(context)

    def refuse(_openid: str) -> None:
        raise GatewayRefused("43004", "require subscribe")

    assert send_outbox.run(with_gateway(context, Gateway(), Post(on_send=refuse)), CANCELLED_AT).put_off == 1
    assert errand(database, Errand.MESSAGE).status is OutboxStatus.PARKED


def test_poison_is_put_off_and_the_errands_behind_it_are_done(context: Flask, database: Database) -> None:
    database.add(
        Outbox(
            kind=Errand.MESSAGE,
            key="poison",
            payload={},
            status=OutboxStatus.DUE,
            made_at=PAID_AT,
            next_at=PAID_AT,
        )
    )
    a_cancelled_order(context, paid=True)
    report = send_outbox.run(with_gateway(context, Gateway()), CANCELLED_AT)
    assert report.rows == 1
    assert report.error == "message poison: KeyError('customer_id')"
    assert errand(database, Errand.MESSAGE).next_at == CANCELLED_AT + MINUTE
    assert database.count(Refund, Refund.status == RefundStatus.ACCEPTED) == 1


def test_orders_stay_as_they_are_while_the_outbox_works(context: Flask) -> None:
    order_id = a_cancelled_order(context, paid=True)
    send_outbox.run(with_gateway(context, Gateway()), CANCELLED_AT)
    assert order_of(context, order_id).status is OrderStatus.CANCELLED
