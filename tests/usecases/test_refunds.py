"""Refunds: what WeChat tells of them moves them forward, once, and the money with them (decision 34)."""

from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.domain.charges import Purpose
from app.domain.errors import NotFound
from app.domain.ledger import Account
from app.domain.permissions import Actor
from app.domain.refunds import RefundNotice, RefundStatus
from app.models.money import NoticeKind, Payment, Refund, WeChatNotice
from app.models.orders import Order
from app.models.work import Outbox
from app.usecases import orders, refund_notices, refunds
from app.usecases.subjects import Subject
from app.usecases.transaction import transactional
from app.web.current import RUNTIME
from tests.factories.counting_house import assert_nothing_violated, balances, refunds_of
from tests.factories.ground import PRICE_FEN
from tests.factories.orders import an_order
from tests.factories.people import a_customer
from tests.factories.reading import read

REQUESTED, ACCEPTED, DONE, ABNORMAL, REFUSED = RefundStatus


def now_of(app: Flask) -> datetime:
    now: datetime = app.extensions[RUNTIME].clock.now()
    return now


def told(
    app: Flask, status: RefundStatus, *, amount_fen: int = PRICE_FEN, out_refund_no: str = "", mch_id: str = ""
) -> RefundStatus | None:
    """WeChat tells of the newest refund."""
    runtime = app.extensions[RUNTIME]
    our_mch_id = runtime.till.merchant.mch_id
    notice = RefundNotice(
        out_refund_no=out_refund_no or refunds_of(app)[-1].out_refund_no,
        out_trade_no="",
        refund_id="50000000",
        status=status,
        amount_fen=amount_fen,
        done_at=now_of(app) if status is DONE else None,
        mch_id=mch_id or our_mch_id,
    )
    return refund_notices.take_refund_notice(
        notice, our_mch_id=our_mch_id, vault=runtime.vault, actor=Actor.wechat(), now=now_of(app)
    )


@pytest.fixture
def order_id(context: Flask) -> int:
    """A paid order that was cancelled."""
    buyer = a_customer(context)
    order_id = an_order(context, customer=buyer, paid=True)
    orders.cancel_order(order_id, reason="", actor=buyer, now=now_of(context))
    return order_id


STORIES = [
    ([ACCEPTED, DONE], DONE),
    ([DONE, ACCEPTED], DONE),  # out of order
    ([DONE, DONE, DONE], DONE),
    ([ACCEPTED, ABNORMAL, DONE], DONE),
    ([ABNORMAL, ACCEPTED], ABNORMAL),
    ([ACCEPTED, REFUSED], REFUSED),
    ([REFUSED, DONE], REFUSED),
    ([DONE, REFUSED], DONE),
]


@pytest.mark.usefixtures("order_id")
@pytest.mark.parametrize(("story", "end"), STORIES)
def test_a_refund_goes_forward_and_its_money_with_it(
    context: Flask, story: list[RefundStatus], end: RefundStatus
) -> None:
    for status in story:
        told(context, status)
    (refund,) = refunds_of(context)
    assert refund.status is end
    held = balances(context)
    wechat, payable, advances = held[Account.WECHAT], held[Account.REFUNDS_PAYABLE], held[Account.ADVANCES]
    assert (wechat, payable, advances) == {
        DONE: (0, 0, 0),
        ABNORMAL: (PRICE_FEN, PRICE_FEN, 0),
        REFUSED: (PRICE_FEN, 0, PRICE_FEN),
    }[end]
    assert_nothing_violated(context)


@pytest.mark.usefixtures("order_id")
def test_a_refund_of_another_amount_moves_nothing_and_is_kept(context: Flask) -> None:
    assert told(context, DONE, amount_fen=PRICE_FEN - 1) is REQUESTED
    with read(context) as session:
        notice = session.scalars(select(WeChatNotice).where(WeChatNotice.kind == NoticeKind.REFUND)).one()
    assert notice.verdict == "suspect:amount"
    assert balances(context)[Account.REFUNDS_PAYABLE] == PRICE_FEN


@pytest.mark.usefixtures("order_id")
def test_a_refund_that_is_not_ours_is_kept(context: Flask) -> None:
    assert told(context, DONE, out_refund_no="R-of-somebody") is None
    with read(context) as session:
        keys = session.scalars(select(WeChatNotice.key).where(WeChatNotice.kind == NoticeKind.REFUND)).all()
    assert keys == ["R-of-somebody:done"]


@pytest.mark.usefixtures("order_id")
def test_another_merchants_refund_under_our_number_moves_nothing_and_is_kept(context: Flask) -> None:
    """Before and after our own notice of the same: neither stands in the other's place."""
    out_refund_no = refunds_of(context)[-1].out_refund_no
    assert told(context, DONE, mch_id="1900000999") is None
    assert refunds_of(context)[-1].status is REQUESTED
    assert balances(context)[Account.REFUNDS_PAYABLE] == PRICE_FEN
    assert told(context, DONE) is DONE
    assert told(context, DONE, mch_id="1900000999") is None
    with read(context) as session:
        kept = session.execute(
            select(WeChatNotice.key, WeChatNotice.verdict).where(WeChatNotice.kind == NoticeKind.REFUND)
        ).all()
    assert sorted(kept) == [(f"1900000999:{out_refund_no}:done", "suspect:merchant"), (f"{out_refund_no}:done", None)]
    assert_nothing_violated(context)


@transactional
def want_again(session: Session, order_id: int, amount_fen: int, now: datetime) -> str:
    payment = session.scalars(select(Payment).with_for_update()).one()
    subject = Subject.of_order(session.get_one(Order, order_id))
    job = Actor.job("tests")
    return refunds.want(
        session, payment, Purpose.SALE, subject, amount_fen=amount_fen, reason="再退一次", actor=job, now=now
    ).out_refund_no


@pytest.mark.both_engines
def test_what_was_refused_can_be_wanted_again_under_a_new_number(context: Flask, order_id: int) -> None:
    told(context, REFUSED)
    first = refunds_of(context)[0].out_refund_no
    again = want_again(order_id, PRICE_FEN, now_of(context))
    assert (first[-2:], again[-2:]) == ("-1", "-2")
    told(context, DONE)
    assert [refund.status for refund in refunds_of(context)] == [REFUSED, DONE]
    assert set(balances(context).values()) == {0}
    with read(context) as session:
        assert set(session.scalars(select(Outbox.key))) >= {first, again}
    assert_nothing_violated(context)


@pytest.mark.both_engines
@pytest.mark.parametrize("amount_fen", [1, 0, -1])
def test_the_database_refuses_more_than_was_received_and_nothing_at_all(
    context: Flask, order_id: int, amount_fen: int
) -> None:
    """Not a lost race: a check tells it at once, and nothing is left."""
    with pytest.raises(IntegrityError):
        want_again(order_id, amount_fen, now_of(context))
    with read(context) as session:
        assert len(session.scalars(select(Refund.id)).all()) == 1
    assert_nothing_violated(context)


def test_a_refund_that_does_not_exist_is_not_asked_about(context: Flask) -> None:
    with pytest.raises(NotFound):
        refund_notices.mark_refund_asked(999, now=now_of(context))
