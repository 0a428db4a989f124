"""What must be true of charges, payments and refunds."""

from datetime import datetime, timedelta

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import Session

from app.domain.charges import LIVE_PAYMENTS, ChargeStatus, PaymentStatus
from app.domain.orders import OrderStatus
from app.domain.outbox import Errand
from app.domain.refunds import RefundStatus
from app.models.money import Charge, ChargeLine, Payment, Refund
from app.models.orders import Order
from app.models.work import Outbox
from app.queries.invariants._registry import Violations, invariant, told

CLOSED = (OrderStatus.CANCELLED, OrderStatus.EXPIRED)
GIVEN_BACK = (RefundStatus.REQUESTED, RefundStatus.ACCEPTED, RefundStatus.ABNORMAL, RefundStatus.DONE)
A_DAY = timedelta(days=1)


@invariant("A charge is the sum of its lines, and an order costs what its charge says")
def charges_are_their_lines(session: Session, _now: datetime) -> Violations:
    """Decision 16."""
    total = func.coalesce(func.sum(ChargeLine.amount_fen), 0)
    yield from told(
        session,
        select(Charge.id.label("charge"), Charge.amount_fen, total.label("lines"))
        .outerjoin(ChargeLine, ChargeLine.charge_id == Charge.id)
        .group_by(Charge.id, Charge.amount_fen)
        .having(total != Charge.amount_fen),
    )
    yield from told(
        session,
        select(Order.id.label("order"), Order.amount_fen, Charge.amount_fen.label("charge"))
        .outerjoin(Charge, Charge.order_id == Order.id)
        .where(or_(Charge.id.is_(None), Charge.amount_fen != Order.amount_fen)),
    )


@invariant("A charge stands as its order does: open only while reserved, settled once completed, void only when closed")
def charges_fit_orders(session: Session, _now: datetime) -> Violations:
    """Decision 16."""
    misfits = or_(
        and_(Charge.status == ChargeStatus.OPEN, Order.status != OrderStatus.RESERVED),
        and_(Charge.status == ChargeStatus.VOID, Order.status.not_in(CLOSED)),
        and_(Order.status == OrderStatus.COMPLETED, Charge.status != ChargeStatus.SETTLED),
    )
    return told(
        session,
        select(Charge.id.label("charge"), Charge.status, Order.id.label("order"), Order.status.label("order_status"))
        .join(Order, Order.id == Charge.order_id)
        .where(misfits),
    )


@invariant(
    "A settled charge has exactly one settling payment of its amount, or amounts to nothing; no other charge has one"
)
def settled_charges_are_paid(session: Session, _now: datetime) -> Violations:
    """Decisions 15 and 16."""
    settling = func.count(Payment.id)
    received = func.coalesce(func.sum(Payment.received_fen), 0)
    is_settled = Charge.status == ChargeStatus.SETTLED
    return told(
        session,
        select(
            Charge.id.label("charge"),
            Charge.status,
            Charge.amount_fen,
            settling.label("paid_by"),
            received.label("received"),
        )
        .outerjoin(Payment, and_(Payment.charge_id == Charge.id, Payment.status == PaymentStatus.SETTLES))
        .group_by(Charge.id, Charge.status, Charge.amount_fen)
        .having(
            or_(
                and_(is_settled, Charge.amount_fen > 0, or_(settling != 1, received != Charge.amount_fen)),
                and_(or_(~is_settled, Charge.amount_fen == 0), settling > 0),
            )
        ),
    )


@invariant("What is refunded of a payment is the sum of its refunds, and never more than was received")
def refunds_add_up(session: Session, _now: datetime) -> Violations:
    """Decision 34."""
    total = func.coalesce(func.sum(Refund.amount_fen), 0)
    return told(
        session,
        select(Payment.id.label("payment"), Payment.received_fen, Payment.refunded_fen, total.label("refunds"))
        .outerjoin(Refund, and_(Refund.payment_id == Payment.id, Refund.status.in_(GIVEN_BACK)))
        .group_by(Payment.id, Payment.received_fen, Payment.refunded_fen)
        .having(or_(total != Payment.refunded_fen, total > func.coalesce(Payment.received_fen, 0))),
    )


@invariant("Money that came too late or twice goes back in full")
def surplus_goes_back(session: Session, _now: datetime) -> Violations:
    """Decision 15. One that WeChat refused to give back is a person's matter."""
    refused = exists().where(Refund.payment_id == Payment.id, Refund.status == RefundStatus.REFUSED)
    return told(
        session,
        select(Payment.id.label("payment"), Payment.received_fen, Payment.refunded_fen).where(
            Payment.status == PaymentStatus.SURPLUS, Payment.refunded_fen != Payment.received_fen, ~refused
        ),
    )


@invariant("A cancelled order keeps no money, unless WeChat refused to give it back")
def cancelled_orders_keep_no_money(session: Session, _now: datetime) -> Violations:
    """Decision 14."""
    refused = exists().where(Refund.payment_id == Payment.id, Refund.status == RefundStatus.REFUSED)
    return told(
        session,
        select(Order.id.label("order"), Payment.id.label("payment"), Payment.received_fen, Payment.refunded_fen)
        .join(Charge, Charge.order_id == Order.id)
        .join(Payment, Payment.charge_id == Charge.id)
        .where(
            Order.status.in_(CLOSED),
            Payment.status == PaymentStatus.SETTLES,
            Payment.refunded_fen != Payment.received_fen,
            ~refused,
        ),
    )


@invariant("A refund that WeChat has not answered is an errand of the outbox")
def requested_refunds_are_errands(session: Session, _now: datetime) -> Violations:
    """Decision 34."""
    return told(
        session,
        select(Refund.out_refund_no, Refund.status)
        .outerjoin(Outbox, and_(Outbox.kind == Errand.REFUND, Outbox.key == Refund.out_refund_no))
        .where(Refund.status == RefundStatus.REQUESTED, Outbox.id.is_(None)),
    )


@invariant("No refund on its way was left unasked for three days")
def refunds_are_asked_about(session: Session, now: datetime) -> Violations:
    """Decision 34."""
    heard = func.coalesce(Refund.asked_at, Refund.accepted_at, Refund.requested_at)
    on_its_way = Refund.status.in_((RefundStatus.REQUESTED, RefundStatus.ACCEPTED))
    return told(
        session,
        select(Refund.out_refund_no, Refund.status, heard.label("heard_at")).where(
            on_its_way, heard < now - timedelta(days=3)
        ),
    )


@invariant("No payment attempt is undecided a day after its end")
def attempts_are_decided(session: Session, now: datetime) -> Violations:
    """Decision 13."""
    return told(
        session,
        select(Payment.out_trade_no, Payment.status, Payment.expires_at).where(
            Payment.status.in_(LIVE_PAYMENTS), Payment.expires_at < now - A_DAY
        ),
    )


@invariant("No unpaid order stands a day past its deadline")
def overdue_orders_expire(session: Session, now: datetime) -> Violations:
    """SET-7."""
    return told(
        session,
        select(Order.id.label("order"), Order.expires_at)
        .join(Charge, Charge.order_id == Order.id)
        .where(
            Order.status == OrderStatus.RESERVED, Order.expires_at < now - A_DAY, Charge.status == ChargeStatus.OPEN
        ),
    )
