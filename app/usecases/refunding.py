"""Staff send money back: of an order after its pickup, of a battery use's price, of late fees (decision 14).

A deposit is never refunded here (`usecases/deposits` alone), and an order that is reserved by its cancelling.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import ledger as recipes
from app.domain.charges import OF_ORDERS, PaymentStatus, Purpose
from app.domain.errors import NotFound, Rule, RuleBroken
from app.domain.ledger import Account
from app.domain.orders import OrderStatus
from app.domain.permissions import Actor, Permission
from app.domain.reasons import checked_reason
from app.domain.refunds import RefundStatus, checked_amount, checked_refund_reason
from app.models.money import Charge, Payment, Refund
from app.models.orders import Order
from app.usecases import refunds
from app.usecases.compare_and_set import must_lock
from app.usecases.refund_notices import LockedRefund, lock_refund
from app.usecases.settling import settling_of
from app.usecases.transaction import transactional


@transactional
def refund_charge(
    session: Session,
    charge_id: int,
    *,
    amount_fen: int | None,
    seen_back_fen: int | None = None,
    reason: str,
    note: str,
    request_key: str,
    actor: Actor,
    now: datetime,
) -> int:
    """Sends back a part of what paid a charge, or all that is left of it; returns the refund. Decision 14.

    The person reads the reason, colleagues the note (may be empty). `seen_back_fen`: what had gone back when the form
    was opened; whoever sent more back meanwhile would be repeated. The same form again finds the first refund. Raises
    NotFound, Forbidden, RuleBroken.
    """
    charge = session.get(Charge, charge_id)
    if charge is None or not actor.may(Permission.ORDERS_VIEW, charge.region_id):
        raise NotFound
    actor.require(Permission.ORDERS_REFUND, charge.region_id)
    made = select(Refund.id).where(Refund.request_key == request_key)
    if (done := session.scalars(made).one_or_none()) is not None:
        return done
    subject = settling_of(charge).lock(session, charge)
    if (done := session.scalars(made).one_or_none()) is not None:  # by the twin that was waited for
        return done
    payment = _lock_what_paid(session, charge)
    if payment is None:
        raise RuleBroken(Rule.NOTHING_TO_REFUND)
    held = _stands_on(session, payment, charge)
    if held is None or charge.purpose is Purpose.DEPOSIT:
        raise RuleBroken(Rule.REFUND_ELSEWHERE)
    amount_fen = checked_amount(amount_fen, (payment.received_fen or 0) - payment.refunded_fen)
    if seen_back_fen not in (None, payment.refunded_fen):
        raise RuleBroken(Rule.REFUNDED_MEANWHILE, back_fen=payment.refunded_fen)
    refund = refunds.want(
        session,
        payment,
        charge.purpose,
        subject,
        amount_fen=amount_fen,
        reason=checked_refund_reason(reason),
        note=checked_reason(note) if note.strip() else None,
        held=held,
        request_key=request_key,
        actor=actor,
        now=now,
    )
    session.flush()
    return refund.id


def _stands_on(session: Session, payment: Payment, charge: Charge | None) -> Account | None:
    """Where the money of a payment stands now; None where cancelling an order sends it back.

    None too for a suspect that was attached to a charge between the look at it and its lock.
    """
    if charge is None and payment.status is PaymentStatus.SETTLES:
        return None
    if charge is None or payment.status is not PaymentStatus.SETTLES or charge.purpose is Purpose.DEPOSIT:
        return recipes.held_on(payment.status, charge.purpose if charge else None)
    if charge.purpose not in OF_ORDERS:
        return recipes.EARNED[charge.purpose]
    status = session.get_one(Order, charge.order_id).status
    if status is OrderStatus.COMPLETED:
        return recipes.EARNED[charge.purpose]
    return None if status is OrderStatus.RESERVED else recipes.SETTLES[charge.purpose]


def _lock_what_paid(session: Session, charge: Charge) -> Payment | None:
    found = session.scalars(
        select(Payment.id).where(Payment.charge_id == charge.id, Payment.status == PaymentStatus.SETTLES)
    ).one_or_none()
    return must_lock(session, Payment, found) if found is not None else None


@transactional
def refund_anew(session: Session, refund_id: int, *, actor: Actor, now: datetime) -> int:
    """Wants a refund once more that WeChat has closed, under a new number; returns the new refund.

    Again it is the same one. Of a deposit it is the deposits verbs' (`deposits.ask_back`). Raises NotFound, Forbidden,
    RuleBroken.
    """
    locked = lock_refund(session, refund_id, actor, Permission.ORDERS_REFUND)
    again = session.scalars(select(Refund.id).where(Refund.instead_of_id == refund_id)).one_or_none()
    if again is not None or locked.refund.status is not RefundStatus.REFUSED:
        return again or refund_id
    if locked.is_of_held_deposit:
        raise RuleBroken(Rule.REFUND_ELSEWHERE)
    return want_anew(session, locked, actor=actor, now=now).id


def want_anew(
    session: Session,
    locked: LockedRefund,
    *,
    request_key: str | None = None,
    through_wechat: bool = True,
    actor: Actor,
    now: datetime,
) -> Refund:
    """What WeChat closed had come back to us, and goes back once more. Raises RuleBroken: it stands elsewhere now."""
    closed, payment = locked.refund, locked.payment
    held = _stands_on(session, payment, locked.charge)
    if held is not closed.held_on:  # its pickup was undone, or (a suspect) it has paid a charge since
        raise RuleBroken(Rule.REFUND_ELSEWHERE)
    refund = refunds.want(
        session,
        payment,
        locked.purpose,
        locked.subject,
        amount_fen=checked_amount(closed.amount_fen, (payment.received_fen or 0) - payment.refunded_fen),
        reason=closed.reason,
        held=held,
        request_key=request_key,
        instead_of=closed,
        through_wechat=through_wechat,
        actor=actor,
        now=now,
    )
    session.flush()
    return refund
