"""Money that waits for a person, in every way that it can."""

from flask import Flask
from sqlalchemy import select

from app.domain.outbox import Errand
from app.domain.permissions import Actor
from app.domain.pictures import PhotoKind
from app.domain.refunds import RefundStatus
from app.models.money import Charge, Payment, Refund
from app.models.work import Outbox, OutboxStatus
from app.usecases import orders, payments, payouts, photos, refund_notices
from app.web.current import RUNTIME
from tests.factories.gateway import a_refund_notice
from tests.factories.orders import a_notice, an_order, cancel, charge_of, pay, tell_of_refund
from tests.factories.people import a_customer, a_member_of_staff
from tests.factories.pictures import a_photo
from tests.factories.reading import read


def a_wrong_amount(app: Flask, *, region: str = "A", amount_fen: int = 100, customer: Actor | None = None) -> int:
    """An order whose attempt was paid with another amount."""
    now = app.extensions[RUNTIME].clock.now()
    somebody = customer or a_customer(app, region=region)
    order_id = an_order(app, customer=somebody, region=region, matched=True)
    with app.app_context():
        wanted = payments.begin_attempt(charge_of(app, order_id), actor=somebody, now=now).wanted
    pay(app, wanted.out_trade_no, customer=somebody, amount_fen=amount_fen, now=now)
    return order_id


def money_that_names_no_order(app: Flask, *, amount_fen: int = 777, openid: str = "o-nobody") -> str:
    """A signed payment under a number that is not ours; WeChat's id of it."""
    runtime = app.extensions[RUNTIME]
    now = runtime.clock.now()
    notice = a_notice(app, "S999999A9999-1-000000", openid=openid, amount_fen=amount_fen, now=now)
    with app.app_context():
        payments.take_payment_notice(
            notice, merchant=runtime.till.merchant, vault=runtime.vault, actor=Actor.wechat(), now=now
        )
    return notice.transaction_id


def paid_twice(app: Flask, *, region: str = "A") -> int:
    """An order whose first attempt was given up, and paid after the second one had been: the first goes back."""
    now = app.extensions[RUNTIME].clock.now()
    somebody = a_customer(app, region=region)
    order_id = an_order(app, customer=somebody, region=region, matched=True)
    numbers = []
    for _ in range(2):
        with app.app_context():
            numbers.append(
                payments.begin_attempt(charge_of(app, order_id), actor=somebody, now=now).wanted.out_trade_no
            )
            payments.attempt_closed(numbers[0], actor=Actor.job("tests"), now=now)
    for number in reversed(numbers):
        pay(app, number, customer=somebody, now=now)
    return order_id


def suspect_of(app: Flask, order_id: int) -> int:
    """The payment of an order's charge that does not fit."""
    with read(app) as session:
        wanted = select(Payment.id).join(Charge).where(Charge.order_id == order_id, Payment.misfit.is_not(None))
        return session.scalars(wanted).one()


def stray_payment(app: Flask, transaction_id: str) -> int:
    """A payment by WeChat's id."""
    with read(app) as session:
        return session.scalars(select(Payment.id).where(Payment.transaction_id == transaction_id)).one()


def refund_of(app: Flask, order_id: int) -> Refund:
    """The newest refund of an order."""
    with read(app) as session:
        wanted = select(Refund).join(Payment, Payment.id == Refund.payment_id).join(Charge)
        return session.scalars(wanted.where(Charge.order_id == order_id).order_by(Refund.id.desc()).limit(1)).one()


def a_failed_refund(
    app: Flask, *, region: str = "A", status: RefundStatus = RefundStatus.ABNORMAL, customer: Actor | None = None
) -> int:
    """A cancelled order whose refund WeChat could not deliver, or closed."""
    order_id = an_order(app, region=region, paid=True, customer=customer)
    cancel(app, order_id)
    tell_of_refund(app, order_id, status)
    return order_id


def closed_by_wechat(app: Flask, refund_id: int) -> None:
    """WeChat says that it has closed a refund, of whatever money."""
    runtime = app.extensions[RUNTIME]
    with read(app) as session:
        refund = session.get_one(Refund, refund_id)
    notice = a_refund_notice(refund.out_refund_no, "", refund.amount_fen, RefundStatus.REFUSED)
    with app.app_context():
        refund_notices.take_refund_notice(
            notice, our_mch_id=notice.mch_id, vault=runtime.vault, actor=Actor.wechat(), now=runtime.clock.now()
        )


def a_payout(app: Flask, *, region: str = "A") -> int:
    """A refund that the owner paid outside WeChat, with proof."""
    runtime = app.extensions[RUNTIME]
    refund_id = refund_of(app, a_failed_refund(app, region=region)).id
    owner = a_member_of_staff(app, role="owner", region=None)
    with app.app_context():
        payouts.pay_outside(
            refund_id,
            photo=photos.store(runtime.photos, a_photo(), PhotoKind.PAYOUT),
            reason="银行卡销户了，转账给本人",
            request_key=f"payout-{refund_id}",
            actor=owner,
            now=runtime.clock.now(),
        )
    return refund_id


def a_parked_closing(app: Flask, *, region: str = "A") -> int:
    """An attempt that WeChat did not close: the errand that was parked."""
    now = app.extensions[RUNTIME].clock.now()
    somebody = a_customer(app, region=region)
    order_id = an_order(app, customer=somebody, region=region, prepared=True)
    with app.app_context():
        orders.cancel_order(order_id, reason="", actor=somebody, now=now)
    with read(app) as session:
        number = session.scalars(select(Payment.out_trade_no).join(Charge).where(Charge.order_id == order_id)).one()
        errand_id = session.scalars(
            select(Outbox.id).where(Outbox.kind == Errand.CLOSE_PAYMENT, Outbox.key == number)
        ).one()
    park(app, errand_id)
    return errand_id


def park(app: Flask, errand_id: int, error: str = "ORDER_NOT_EXIST: 订单不存在") -> None:
    """Somebody must look at an errand."""
    from app.db import writing_session  # here, so that tests of the domain start at once

    with app.app_context(), writing_session() as session:
        errand = session.get_one(Outbox, errand_id)
        errand.status, errand.error = OutboxStatus.PARKED, error
        session.commit()
