"""Money that does not fit: staff find what it was for, or send it back; it is judged once (decision 16)."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.domain import ledger as recipes
from app.domain.charges import PaymentStatus, may_attach
from app.domain.errors import Forbidden, NotFound, Rule, RuleBroken
from app.domain.permissions import Actor, Permission
from app.domain.reasons import checked_reason
from app.domain.refunds import checked_refund_reason
from app.models.money import Charge, Payment, Refund
from app.models.work import Outbox, OutboxStatus
from app.queries.suspects import regions_of_errand
from app.usecases import audit, ledger, payments, refunds
from app.usecases.compare_and_set import must_change_one, must_lock
from app.usecases.settling import settling_of
from app.usecases.transaction import transactional


@transactional
def attach(session: Session, payment_id: int, charge_id: int, *, reason: str, actor: Actor, now: datetime) -> None:
    """The money was for this charge, which is open and of its amount: it is settled, with all that follows.

    Pressed again it changes nothing. Raises NotFound, Forbidden, RuleBroken. Decision 16.
    """
    _permitted(session, payment_id, actor)
    charge = session.get(Charge, charge_id)
    if charge is None or charge.region_id not in actor.scope(Permission.SUSPECTS_SETTLE):
        raise NotFound
    reason = checked_reason(reason)
    subject = settling_of(charge).lock(session, charge)
    payment = must_lock(session, Payment, payment_id)
    if payment.status is PaymentStatus.SETTLES and payment.charge_id == charge.id:
        return
    _refuse_unless_unjudged(payment)
    if not may_attach(payment.misfit, payment.received_fen or 0, charge.amount_fen, charge.status):
        raise RuleBroken(Rule.SUSPECT_UNLIKE)
    must_change_one(
        session,
        update(Payment)
        .where(Payment.id == payment.id, Payment.status == PaymentStatus.SUSPECT, Payment.refunded_fen == 0)
        .values(status=PaymentStatus.SETTLES, charge_id=charge.id),
    )
    session.refresh(payment)
    legs = recipes.attached(charge.purpose, charge.amount_fen)
    ledger.book(session, f"attached:{payment.transaction_id}", legs, subject, now, purpose=charge.purpose)
    audit.put_about(
        session,
        actor,
        "suspect_attached",
        subject,
        now,
        reason=reason,
        amount_fen=charge.amount_fen,
        transaction_id=payment.transaction_id,
    )
    payments.settle(session, payment, charge, actor, now)


@transactional
def send_back(
    session: Session,
    payment_id: int,
    *,
    reason: str,
    note: str,
    request_key: str,
    actor: Actor,
    now: datetime,
) -> int:
    """All of it goes back to whoever paid; returns the refund. The same form again finds the first.

    The person reads the reason, colleagues the note (may be empty). Raises NotFound, Forbidden, RuleBroken.
    """
    _permitted(session, payment_id, actor)
    reason = checked_refund_reason(reason)
    charge_id = session.get_one(Payment, payment_id).charge_id
    charge = session.get_one(Charge, charge_id) if charge_id is not None else None
    subject = settling_of(charge).lock(session, charge) if charge else None
    payment = must_lock(session, Payment, payment_id)
    done = session.scalars(select(Refund.id).where(Refund.request_key == request_key)).one_or_none()
    if done is not None:
        return done
    _refuse_unless_unjudged(payment)
    refund = refunds.want(
        session,
        payment,
        charge.purpose if charge else None,
        subject,
        amount_fen=payment.received_fen or 0,
        reason=reason,
        note=checked_reason(note) if note.strip() else None,
        request_key=request_key,
        actor=actor,
        now=now,
    )
    session.flush()
    return refund.id


@transactional
def try_again(session: Session, outbox_id: int, *, actor: Actor, now: datetime) -> None:
    """An errand that was parked is due again. Pressed again it changes nothing. Raises NotFound, Forbidden."""
    regions = regions_of_errand(session, outbox_id)
    if not regions or regions[0] not in actor.scope(Permission.PAYMENTS_VIEW):
        raise NotFound
    if regions[0] not in actor.scope(Permission.SUSPECTS_SETTLE):
        raise Forbidden(Permission.SUSPECTS_SETTLE.value)
    session.execute(
        update(Outbox)
        .where(Outbox.id == outbox_id, Outbox.status == OutboxStatus.PARKED)
        .values(status=OutboxStatus.DUE, next_at=now, claimed_until=None, tries=0)
    )


def _permitted(session: Session, payment_id: int, actor: Actor) -> None:
    """Money that belongs to no region needs the right for all of them. Raises NotFound, Forbidden."""
    found = session.execute(
        select(Payment.status, Charge.region_id)
        .outerjoin(Charge, Charge.id == Payment.charge_id)
        .where(Payment.id == payment_id, Payment.misfit.is_not(None))
    ).one_or_none()
    if found is None or found.region_id not in actor.scope(Permission.PAYMENTS_VIEW):
        raise NotFound
    if found.region_id not in actor.scope(Permission.SUSPECTS_SETTLE):
        raise Forbidden(Permission.SUSPECTS_SETTLE.value)


def _refuse_unless_unjudged(payment: Payment) -> None:
    if payment.status is not PaymentStatus.SUSPECT or payment.refunded_fen:
        raise RuleBroken(Rule.SUSPECT_SETTLED)
