"""Money through the real simulator and real HTTP: afterwards both sides' books agree to the fen (decisions 15, 16)."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.charges import ChargeStatus, PaymentStatus
from app.domain.ledger import Account
from app.domain.orders import OrderStatus
from app.domain.permissions import Actor
from app.domain.refunds import RefundStatus
from app.models.money import Charge, LedgerTransfer, Payment, WeChatNotice
from app.ports import OutcomeUnknown
from app.usecases import orders, payments
from app.web.current import RUNTIME
from tests.factories.counting_house import (
    a_payer,
    assert_books_agree,
    balances,
    eventually,
    payments_of,
    prepay_id,
    refunds_of,
    run_job,
    sheet_of,
    statuses,
    until_refunds_arrive,
)
from tests.factories.ground import PRICE_FEN
from tests.factories.orders import an_order, order_of
from tests.factories.reading import read
from tests.fixtures.apps import MovedClock
from tests.fixtures.simulators import Simulator

pytestmark = [pytest.mark.both_engines, pytest.mark.usefixtures("live_app")]


def charge_status(app: Flask, order_id: int) -> ChargeStatus:
    with read(app) as session:
        return session.scalars(select(Charge.status).where(Charge.order_id == order_id)).one()


def paid(app: Flask, order_id: int) -> bool:
    return charge_status(app, order_id) is ChargeStatus.SETTLED


def stored_notices(app: Flask) -> list[WeChatNotice]:
    with read(app) as session:
        return list(session.scalars(select(WeChatNotice).order_by(WeChatNotice.id)))


def statuses_told(simulator: Simulator) -> list[int]:
    """How we answered each delivery of a notice."""
    log = simulator.get("/_sim/notices")["notices"]
    return [attempt["status"] for notice in log for attempt in notice["attempts"]]


@pytest.fixture
def payer(app: Flask, simulator: Simulator) -> Actor:
    return a_payer(app, simulator)


@pytest.mark.req("FLOW-BUY-3", "CARD-5")
def test_a_payment_settles_its_order(app: Flask, simulator: Simulator, payer: Actor) -> None:
    order_id = an_order(app, customer=payer, matched=True)
    simulator.pay(prepay_id(sheet_of(app, order_id, payer)))
    eventually(lambda: paid(app, order_id))
    assert statuses(app, order_id) == [PaymentStatus.SETTLES]
    assert balances(app)[Account.ADVANCES] == PRICE_FEN
    assert_books_agree(app, simulator)


def test_the_same_notice_fifteen_times_in_a_burst_posts_once(app: Flask, simulator: Simulator, payer: Actor) -> None:
    order_id = an_order(app, customer=payer, matched=True)
    simulator.misbehave("duplicate", extra=14, mode="concurrent")
    simulator.pay(prepay_id(sheet_of(app, order_id, payer)))
    eventually(lambda: len(statuses_told(simulator)) == 15)
    assert set(statuses_told(simulator)) == {204}
    assert len(stored_notices(app)) == 1
    with read(app) as session:
        assert len(session.scalars(select(LedgerTransfer)).all()) == 1
    assert_books_agree(app, simulator)


def test_a_notice_that_never_comes_is_asked_for(
    app: Flask, simulator: Simulator, payer: Actor, clock: MovedClock
) -> None:
    order_id = an_order(app, customer=payer, matched=True)
    simulator.misbehave("never")
    simulator.pay(prepay_id(sheet_of(app, order_id, payer)))
    clock.advance(timedelta(minutes=2))
    run_job(app, "query_payments")
    assert paid(app, order_id)
    assert_books_agree(app, simulator)


@contextmanager
def notice_on_its_way(app: Flask, simulator: Simulator, order_id: int, payer: Actor) -> Iterator[str]:
    """The person has paid, the notice is held up; inside the block things happen; at its end the notice arrives."""
    sheet = sheet_of(app, order_id, payer)
    assert sheet is not None
    simulator.misbehave("never")
    simulator.pay(prepay_id(sheet))
    yield sheet.out_trade_no
    (notice,) = simulator.get(f"/_sim/notices?out_trade_no={sheet.out_trade_no}")["notices"]
    assert simulator.post(f"/_sim/notices/{notice['id']}/resend")["status"] == 204


def expired(app: Flask, order_id: int, out_trade_no: str, clock: MovedClock) -> None:
    """The order expires although its attempt is paid: WeChat, asked before, had said that it can never be paid."""
    clock.advance(timedelta(days=4))
    now = app.extensions[RUNTIME].clock.now()
    with app.app_context():
        payments.attempt_closed(out_trade_no, actor=Actor.job("tests"), now=now)
        assert orders.expire_order(order_id, actor=Actor.job("tests"), now=now)


@pytest.mark.req("NUM-5")
def test_money_after_expiry_revives_the_order_if_its_number_is_free(
    app: Flask, simulator: Simulator, payer: Actor, clock: MovedClock
) -> None:
    order_id = an_order(app, customer=payer, matched=True)
    with notice_on_its_way(app, simulator, order_id, payer) as out_trade_no:
        expired(app, order_id, out_trade_no, clock)
    order = order_of(app, order_id)
    assert (order.status, order.number, order.turn) == (OrderStatus.RESERVED, "AM0001", 2)
    assert paid(app, order_id)
    assert_books_agree(app, simulator)


def test_money_after_expiry_goes_back_if_the_number_is_taken(
    app: Flask, simulator: Simulator, payer: Actor, clock: MovedClock
) -> None:
    order_id = an_order(app, customer=payer, matched=True)
    with notice_on_its_way(app, simulator, order_id, payer) as out_trade_no:
        expired(app, order_id, out_trade_no, clock)
        taker = an_order(app)
    assert order_of(app, taker).number == order_of(app, order_id).number == "AM0001"
    assert order_of(app, order_id).status is OrderStatus.EXPIRED
    assert statuses(app, order_id) == [PaymentStatus.SURPLUS]
    until_refunds_arrive(app)
    assert [refund.amount_fen for refund in refunds_of(app)] == [PRICE_FEN]
    assert set(balances(app).values()) == {0}
    assert_books_agree(app, simulator)


def test_money_for_a_cancelled_order_revives_it(app: Flask, simulator: Simulator, payer: Actor) -> None:
    """Cancelled in one tab, paid in the other: the number waited, so the person keeps what they paid for."""
    order_id = an_order(app, customer=payer, matched=True)
    with notice_on_its_way(app, simulator, order_id, payer), app.app_context():
        orders.cancel_order(order_id, reason="", actor=payer, now=app.extensions[RUNTIME].clock.now())
    assert order_of(app, order_id).status is OrderStatus.RESERVED
    assert paid(app, order_id)
    assert_books_agree(app, simulator)


def test_of_two_paid_attempts_the_second_goes_back(
    app: Flask, simulator: Simulator, payer: Actor, clock: MovedClock
) -> None:
    order_id = an_order(app, customer=payer, matched=True)
    with notice_on_its_way(app, simulator, order_id, payer) as out_trade_no:
        clock.advance(timedelta(minutes=20))
        with app.app_context():
            payments.attempt_closed(out_trade_no, actor=Actor.job("tests"), now=app.extensions[RUNTIME].clock.now())
        simulator.pay(prepay_id(sheet_of(app, order_id, payer)))
        eventually(lambda: paid(app, order_id))
    assert statuses(app, order_id) == [PaymentStatus.SURPLUS, PaymentStatus.SETTLES]
    until_refunds_arrive(app)
    assert balances(app)[Account.ADVANCES] == PRICE_FEN
    assert_books_agree(app, simulator)


@pytest.mark.parametrize(
    ("fault", "misfit"),
    [
        ({"name": "wrong_amount", "amount": 100}, "amount"),
        ({"name": "wrong_amount", "amount": PRICE_FEN + 1}, "amount"),
        ({"name": "wrong_payer"}, "payer"),
        ({"name": "wrong_app", "appid": "wx0000000000000000"}, "app"),
    ],
)
def test_money_that_does_not_fit_waits_for_a_person(
    app: Flask, simulator: Simulator, payer: Actor, fault: dict[str, object], misfit: str
) -> None:
    order_id = an_order(app, customer=payer, matched=True)
    simulator.misbehave(**fault)  # type: ignore[arg-type]  # the table's own words
    simulator.pay(prepay_id(sheet_of(app, order_id, payer)))
    eventually(lambda: statuses(app, order_id) == [PaymentStatus.SUSPECT])
    (payment,) = payments_of(app, order_id)
    assert payment.misfit == misfit
    assert not paid(app, order_id)
    assert refunds_of(app) == []
    assert balances(app)[Account.SUSPENSE] == payment.received_fen
    assert_books_agree(app, simulator)


def test_another_merchants_payment_is_kept_and_not_booked(app: Flask, simulator: Simulator, payer: Actor) -> None:
    order_id = an_order(app, customer=payer, matched=True)
    sheet = sheet_of(app, order_id, payer)
    assert sheet is not None
    answer = simulator.post("/_sim/notices", kind="other_merchant", out_trade_no=sheet.out_trade_no)
    assert answer["status"] == 204
    assert [notice.verdict for notice in stored_notices(app)] == ["suspect:merchant"]
    assert statuses(app, order_id) == [PaymentStatus.PREPARED]
    assert_books_agree(app, simulator)


def test_money_for_an_unknown_order_is_kept_in_suspense(app: Flask, simulator: Simulator) -> None:
    assert simulator.post("/_sim/notices", kind="unknown_order", amount=4200)["status"] == 204
    with read(app) as session:
        (payment,) = session.scalars(select(Payment)).all()
    assert (payment.status, payment.misfit, payment.charge_id) == (PaymentStatus.SUSPECT, "order", None)
    assert balances(app)[Account.SUSPENSE] == 4200
    assert_books_agree(app, simulator)


@pytest.mark.parametrize("kind", ["forged", "stale", "unknown_serial", "signtest", "truncated"])
@pytest.mark.parametrize("event", ["payment", "refund"])
def test_what_wechat_did_not_send_is_refused_and_stored_nowhere(
    app: Flask, simulator: Simulator, payer: Actor, kind: str, event: str
) -> None:
    order_id = an_order(app, customer=payer, matched=True)
    sheet = sheet_of(app, order_id, payer)
    assert sheet is not None
    asked = len(simulator.get("/_sim/requests")["requests"])
    answer = simulator.post("/_sim/notices", kind=kind, event=event, out_trade_no=sheet.out_trade_no)
    assert answer["status"] == 401
    assert len(simulator.get("/_sim/requests")["requests"]) == asked  # a forgery makes us ask nobody
    assert stored_notices(app) == []
    assert statuses(app, order_id) == [PaymentStatus.PREPARED]
    assert_books_agree(app, simulator)


@pytest.mark.parametrize("fault", ["reply_lost", "bad_reply_signature"])
def test_a_lost_reply_to_creating_asks_again_with_the_same_number(
    app: Flask, simulator: Simulator, payer: Actor, fault: str
) -> None:
    order_id = an_order(app, customer=payer, matched=True)
    simulator.misbehave(fault, on="create")
    with pytest.raises(OutcomeUnknown):
        sheet_of(app, order_id, payer)
    assert statuses(app, order_id) == [PaymentStatus.CREATED]
    simulator.pay(prepay_id(sheet_of(app, order_id, payer)))
    eventually(lambda: paid(app, order_id))
    assert statuses(app, order_id) == [PaymentStatus.SETTLES]
    assert_books_agree(app, simulator)


@pytest.mark.req("SET-6")
@pytest.mark.parametrize("fault", [None, "reply_lost", "bad_reply_signature", "status_5xx", "status_429"])
def test_cancelling_a_paid_order_sends_the_money_back_once(
    app: Flask, simulator: Simulator, payer: Actor, clock: MovedClock, fault: str | None
) -> None:
    order_id = an_order(app, customer=payer, matched=True)
    simulator.pay(prepay_id(sheet_of(app, order_id, payer)))
    eventually(lambda: paid(app, order_id))
    if fault:
        simulator.misbehave(fault, on="refund")
    with app.app_context():
        orders.cancel_order(order_id, reason="", actor=payer, now=app.extensions[RUNTIME].clock.now())
    run_job(app, "send_outbox")
    if fault:
        assert [refund.status for refund in refunds_of(app)] != [RefundStatus.DONE]
        clock.advance(timedelta(minutes=2))
    until_refunds_arrive(app)
    assert len(simulator.books()["refunds"]) == 1
    assert set(balances(app).values()) == {0}
    assert_books_agree(app, simulator)


def test_a_refund_notice_that_never_comes_is_asked_for(
    app: Flask, simulator: Simulator, payer: Actor, clock: MovedClock
) -> None:
    order_id = an_order(app, customer=payer, matched=True)
    simulator.pay(prepay_id(sheet_of(app, order_id, payer)))
    eventually(lambda: paid(app, order_id))
    simulator.misbehave("never", kind="refund")
    with app.app_context():
        orders.cancel_order(order_id, reason="", actor=payer, now=app.extensions[RUNTIME].clock.now())
    run_job(app, "send_outbox")
    assert [refund.status for refund in refunds_of(app)] == [RefundStatus.ACCEPTED]
    clock.advance(timedelta(hours=3))
    eventually(lambda: simulator.books()["refunds"][0]["status"] == "SUCCESS")
    run_job(app, "query_refunds")
    assert [refund.status for refund in refunds_of(app)] == [RefundStatus.DONE]
    assert_books_agree(app, simulator)


@pytest.mark.parametrize(("fault", "status"), [("refund_abnormal", "abnormal"), ("refund_closed", "refused")])
def test_a_refund_that_cannot_arrive_waits_for_a_person(
    app: Flask, simulator: Simulator, payer: Actor, fault: str, status: str
) -> None:
    order_id = an_order(app, customer=payer, matched=True)
    simulator.pay(prepay_id(sheet_of(app, order_id, payer)))
    eventually(lambda: paid(app, order_id))
    simulator.misbehave(fault)
    with app.app_context():
        orders.cancel_order(order_id, reason="", actor=payer, now=app.extensions[RUNTIME].clock.now())
    run_job(app, "send_outbox")
    eventually(lambda: [refund.status for refund in refunds_of(app)] == [status])
    assert_books_agree(app, simulator)


@pytest.mark.req("SET-7")
def test_an_order_paid_while_it_is_being_closed_is_paid(
    app: Flask, simulator: Simulator, payer: Actor, clock: MovedClock
) -> None:
    order_id = an_order(app, customer=payer, matched=True)
    assert sheet_of(app, order_id, payer) is not None
    clock.advance(timedelta(days=4))
    simulator.misbehave("paid_during_close")
    run_job(app, "expire_orders")
    assert order_of(app, order_id).status is OrderStatus.RESERVED
    assert paid(app, order_id)
    assert_books_agree(app, simulator)


@pytest.mark.req("SET-7", "NUM-5")
def test_an_order_past_its_deadline_is_closed_at_wechat_before_it_expires(
    app: Flask, simulator: Simulator, payer: Actor, clock: MovedClock
) -> None:
    order_id = an_order(app, customer=payer, matched=True)
    assert sheet_of(app, order_id, payer) is not None
    clock.advance(timedelta(days=4))
    run_job(app, "expire_orders")
    assert order_of(app, order_id).status is OrderStatus.EXPIRED
    assert statuses(app, order_id) == [PaymentStatus.CLOSED]
    assert [payment["state"] for payment in simulator.get("/_sim/payments")["payments"]] == ["CLOSED"]
    assert order_of(app, an_order(app)).number == "AM0001"
    assert_books_agree(app, simulator)


def test_while_wechat_does_not_answer_nothing_expires(
    app: Flask, simulator: Simulator, payer: Actor, clock: MovedClock
) -> None:
    order_id = an_order(app, customer=payer, matched=True)
    other = an_order(app)
    assert sheet_of(app, order_id, payer) is not None
    clock.advance(timedelta(days=4))
    simulator.misbehave("status_5xx", times=None, on="query")
    run_job(app, "expire_orders")
    assert order_of(app, order_id).status is OrderStatus.RESERVED
    assert order_of(app, other).status is OrderStatus.EXPIRED  # one that fails does not hold up the rest
