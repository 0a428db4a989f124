"""Orders, as far along as a test wants them."""

from datetime import datetime, timedelta
from itertools import count

from flask import Flask
from sqlalchemy import ColumnElement, select

from app.domain.charges import PaymentNotice
from app.domain.numbering import Business
from app.domain.orders import Intent
from app.domain.permissions import Actor, Role
from app.domain.refunds import RefundNotice, RefundStatus
from app.models.directory import Region
from app.models.money import Charge, Payment, Refund
from app.models.orders import Order
from app.models.people import Customer
from app.models.vehicles import Listing, StockMovement, StockReason
from app.usecases import orders, outbox, payments, pickup, refund_notices
from app.web.current import RUNTIME
from tests.factories.ground import COLOURS, LONG_AGO, PRICE_FEN
from tests.factories.people import a_customer, a_member_of_staff
from tests.factories.reading import read
from tests.fixtures.databases import Database

_keys = count(1)


def a_listing_id(app: Flask, region: str = "A") -> int:
    """The sale listing of a region."""
    with read(app) as session:
        wanted = select(Listing.id).join(Region, Region.id == Listing.region_id).where(Region.letter == region)
        found = session.scalars(wanted.where(Listing.business == Business.SALE).order_by(Listing.id)).first()
    assert found is not None
    return found


def stock_up(database: Database, vehicles: int) -> None:
    """Puts vehicles into every listing, by hand."""
    with database.write() as session:
        for listing in session.scalars(select(Listing)):
            listing.stock += vehicles
            movement = StockMovement(
                listing_id=listing.id, delta=vehicles, reason=StockReason.BY_HAND, turn=0, at=LONG_AGO
            )
            session.add(movement)


def order_of(app: Flask, order_id: int) -> Order:
    """The row as it stands now."""
    with read(app) as session:
        return session.get_one(Order, order_id)


def person_of(app: Flask, order_id: int) -> int:
    """The id of the order's person."""
    return order_of(app, order_id).customer_id


def charge_of(app: Flask, order_id: int) -> int:
    """The id of what the order costs."""
    with read(app) as session:
        return session.scalars(select(Charge.id).where(Charge.order_id == order_id)).one()


def a_notice(
    app: Flask, out_trade_no: str, *, openid: str, amount_fen: int, now: datetime, **told: str
) -> PaymentNotice:
    """WeChat says that an attempt was paid."""
    merchant = app.extensions[RUNTIME].till.merchant
    return PaymentNotice(
        transaction_id=told.get("transaction_id", f"42000000{next(_keys):020d}"),
        out_trade_no=out_trade_no,
        app_id=told.get("app_id", merchant.app_id),
        mch_id=told.get("mch_id", merchant.mch_id),
        openid=openid,
        amount_fen=amount_fen,
        currency=told.get("currency", "CNY"),
        paid_at=now,
    )


def an_order(
    app: Flask,
    *,
    customer: Actor | None = None,
    region: str = "A",
    listing_id: int | None = None,
    price_fen: int = PRICE_FEN,
    colour: str = COLOURS[0],
    intent: Intent = Intent.RESERVE,
    now: datetime | None = None,
    matched: bool = False,
    prepared: bool = False,
    paid: bool = False,
    picked_up: bool = False,
) -> int:
    """The id of a sale order: reserved, then its number entered, asked for payment, paid, picked up, as asked for.

    No WeChat is asked: the prepay_id and the notice are handed to the verbs. `now` is the time of the reservation.
    """
    runtime = app.extensions[RUNTIME]
    now = now or runtime.clock.now()
    customer = customer or a_customer(app, region=region)
    with app.app_context():
        order_id = orders.reserve(
            listing_id=listing_id or a_listing_id(app, region),
            colour=colour,
            intent=intent,
            seen_fen=price_fen,
            request_key=f"key-{next(_keys)}",
            actor=customer,
            now=now,
        )
        if matched or prepared or paid or picked_up:
            typed = order_of(app, order_id).number
            assert orders.enter_number(order_id, typed=typed, actor=customer, now=now)
        if prepared or paid or picked_up:
            wanted = payments.begin_attempt(charge_of(app, order_id), actor=customer, now=now).wanted
            payments.attempt_prepared(wanted.out_trade_no, prepay_id=f"wx{next(_keys):030d}")
            if paid or picked_up:
                pay(
                    app,
                    wanted.out_trade_no,
                    customer=customer,
                    now=now + timedelta(seconds=30),
                    amount_fen=price_fen,
                )
        if picked_up:
            clerk = a_member_of_staff(app, role=Role.CLERK, region=region)
            pickup.confirm_pickup(
                order_id, colour=colour, frame_no=f"LB{next(_keys):08d}", actor=clerk, now=now + timedelta(minutes=2)
            )
    return order_id


def pay(app: Flask, out_trade_no: str, *, customer: Actor, now: datetime, amount_fen: int = PRICE_FEN) -> PaymentNotice:
    """Hands in WeChat's notice that an attempt was paid."""
    runtime = app.extensions[RUNTIME]
    with read(app) as session:
        openid = session.scalars(select(Customer.openid).where(Customer.id == customer.id)).one() or ""
    notice = a_notice(app, out_trade_no, openid=openid, amount_fen=amount_fen, now=now)
    with app.app_context():
        payments.take_payment_notice(
            notice, merchant=runtime.till.merchant, vault=runtime.vault, actor=Actor.wechat(), now=now
        )
    return notice


def cancel(app: Flask, order_id: int, *, reason: str = "用户不想要了", now: datetime | None = None) -> None:
    """A manager cancels the order; what was paid is on its way back."""
    manager = a_member_of_staff(app, role=Role.MANAGER, region=None)
    with app.app_context():
        orders.cancel_order(order_id, reason=reason, actor=manager, now=now or app.extensions[RUNTIME].clock.now())


def expire(app: Flask, order_id: int) -> None:
    """The order passes its deadline, and the sweep closes it a minute later."""
    after = order_of(app, order_id).expires_at + timedelta(minutes=1)
    with app.app_context():
        assert orders.expire_order(order_id, actor=Actor.job("expire_orders"), now=after)


def tell_of_refund(app: Flask, order_id: int, status: RefundStatus, *, now: datetime | None = None) -> None:
    """WeChat tells how the newest refund of an order goes on."""
    _tell_of_refund(app, Charge.order_id == order_id, status, now)


def tell_of_deposit_refund(app: Flask, deposit_id: int, status: RefundStatus, *, now: datetime | None = None) -> None:
    """The same of a deposit."""
    _tell_of_refund(app, Charge.deposit_id == deposit_id, status, now)


def _tell_of_refund(app: Flask, of: ColumnElement[bool], status: RefundStatus, now: datetime | None) -> None:
    runtime = app.extensions[RUNTIME]
    now = now or runtime.clock.now()
    with read(app) as session:
        refund, payment = session.execute(
            select(Refund, Payment)
            .join(Payment, Payment.id == Refund.payment_id)
            .join(Charge, Charge.id == Payment.charge_id)
            .where(of)
            .order_by(Refund.id.desc())
        ).first() or (None, None)
    assert refund is not None
    assert payment is not None
    notice = RefundNotice(
        out_refund_no=refund.out_refund_no,
        out_trade_no=payment.out_trade_no,
        refund_id=f"50300000{next(_keys):020d}",
        status=status,
        amount_fen=refund.amount_fen,
        done_at=now if status is RefundStatus.DONE else None,
        mch_id=runtime.till.merchant.mch_id,
    )
    with app.app_context():
        refund_notices.take_refund_notice(
            notice, our_mch_id=notice.mch_id, vault=runtime.vault, actor=Actor.wechat(), now=now
        )


def park_everything(app: Flask) -> None:
    """What is due to be told or asked has been tried enough."""
    later = app.extensions[RUNTIME].clock.now() + timedelta(days=1)
    with app.app_context():
        while due := outbox.claim_next(now=later):
            outbox.put_off(due.id, error="refused", hopeless=True, now=later)
