"""How refunds stand: which of a payment's says most, and which somebody must look at."""

from sqlalchemy import ColumnElement, ScalarSelect, case, exists, or_, select
from sqlalchemy.orm import aliased

from app.domain.charges import PaymentStatus
from app.domain.ledger import Account
from app.domain.outbox import Errand
from app.domain.refunds import URGENCY, RefundStatus
from app.models.money import Payment, Refund
from app.models.work import Outbox, OutboxStatus


def is_open(status: RefundStatus) -> ColumnElement[bool]:
    """Refunds that stand so. One that WeChat closed is over once it was wanted anew, or its money went otherwise."""
    if status is not RefundStatus.REFUSED:
        return Refund.status == status
    again = aliased(Refund)
    replaced = exists().where(again.instead_of_id == Refund.id)
    still_here = (
        exists()
        .where(
            Payment.id == Refund.payment_id,
            Payment.received_fen - Payment.refunded_fen >= Refund.amount_fen,
            or_(Refund.held_on != Account.SUSPENSE, Payment.status == PaymentStatus.SUSPECT),  # else it paid a charge
        )
        .correlate(Refund)
    )
    return (Refund.status == status) & ~replaced & still_here


def is_parked() -> ColumnElement[bool]:
    """WeChat refused to take it so often that nobody tries any more."""
    return exists().where(
        Outbox.kind == Errand.REFUND, Outbox.key == Refund.out_refund_no, Outbox.status == OutboxStatus.PARKED
    )


def stuck() -> tuple[ColumnElement[bool], ...]:
    """What somebody must look at: one condition for each way to be stuck."""
    return (
        Refund.status == RefundStatus.ABNORMAL,
        is_open(RefundStatus.REFUSED),
        (Refund.status == RefundStatus.REQUESTED) & is_parked(),
    )


def urgent_refund() -> ScalarSelect[RefundStatus]:
    """Of the refunds of another read's payment, the one that says most: stuck before under way before arrived."""
    places = {status.value: place for place, status in enumerate(URGENCY)}
    return (
        select(Refund.status)
        .where(
            Refund.payment_id == Payment.id, or_(Refund.status != RefundStatus.REFUSED, is_open(RefundStatus.REFUSED))
        )
        .order_by(case(places, value=Refund.status), Refund.id.desc())
        .limit(1)
        .correlate(Payment)
        .scalar_subquery()
    )
