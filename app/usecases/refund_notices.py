"""What WeChat tells of refunds: each moves forward, never back, until its money has arrived (decision 34)."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.domain import ledger as recipes
from app.domain.charges import PaymentStatus, Verdict
from app.domain.errors import NotFound
from app.domain.permissions import Actor
from app.domain.refunds import REFUND_MOVES, RefundNotice, RefundStatus
from app.models.money import Charge, NoticeKind, Payment, Refund
from app.ports import Vault
from app.usecases import audit, ledger, messages, notices
from app.usecases.compare_and_set import must_change_one, must_lock
from app.usecases.settling import settling_of
from app.usecases.transaction import transactional


@transactional
def take_refund_notice(
    session: Session, notice: RefundNotice, *, our_mch_id: str, vault: Vault, actor: Actor, now: datetime
) -> RefundStatus | None:
    """What WeChat told of a refund, in a callback or when asked: kept once, and the refund moves forward, never back.

    Returns the refund's status; None when the refund is not ours (it is kept all the same). Another merchant's notice
    stands under a key of its own: its number may be one of ours.
    """
    key = f"{notice.out_refund_no}:{notice.status}"
    if notice.mch_id != our_mch_id:
        key = f"{notice.mch_id}:{key}"
        notices.keep_once(session, NoticeKind.REFUND, key, notice, vault=vault, now=now)
        notices.note_verdict(session, NoticeKind.REFUND, key, f"{Verdict.SUSPECT}:merchant")
        return None
    notices.keep_once(session, NoticeKind.REFUND, key, notice, vault=vault, now=now)
    found = session.execute(
        select(Refund.id, Refund.payment_id, Payment.charge_id)
        .join(Payment, Payment.id == Refund.payment_id)
        .where(Refund.out_refund_no == notice.out_refund_no)
    ).one_or_none()
    if found is None:
        return None
    charge = session.get_one(Charge, found.charge_id) if found.charge_id else None
    subject = settling_of(charge).lock(session, charge) if charge else None
    payment = must_lock(session, Payment, found.payment_id)
    refund = must_lock(session, Refund, found.id)
    if notice.amount_fen != refund.amount_fen:
        notices.note_verdict(session, NoticeKind.REFUND, key, f"{Verdict.SUSPECT}:amount")
        return refund.status
    if notice.status not in REFUND_MOVES[refund.status]:
        return refund.status
    _move(session, refund, notice, now)
    if notice.status is RefundStatus.DONE:
        legs = recipes.refund_arrived(refund.amount_fen)
        ledger.book(session, f"refund_done:{refund.out_refund_no}", legs, subject, now)
        if charge is not None and payment.status is PaymentStatus.SETTLES:
            settling_of(charge).refund_arrived(session, charge, refund, actor, now)
    elif notice.status is RefundStatus.REFUSED:
        payment.refunded_fen -= refund.amount_fen
        held = recipes.held_on(payment.status, charge.purpose if charge else None)
        legs = recipes.refund_refused(held, refund.amount_fen)
        ledger.book(session, f"refund_refused:{refund.out_refund_no}", legs, subject, now)
    if subject is not None:
        audit.put_about(
            session,
            actor,
            f"refund_{notice.status}",
            subject,
            now,
            amount_fen=refund.amount_fen,
            out_refund_no=refund.out_refund_no,
            refund_id=notice.refund_id,
        )
        if notice.status is RefundStatus.DONE:
            messages.put(session, "refund_done", subject, refund.out_refund_no, now, amount_fen=refund.amount_fen)
    return notice.status


def _move(session: Session, refund: Refund, notice: RefundNotice, now: datetime) -> None:
    times: dict[str, object] = {}
    if notice.status is RefundStatus.ACCEPTED:
        times["accepted_at"] = now
    if notice.status is RefundStatus.DONE:
        times["done_at"] = notice.done_at or now
    must_change_one(
        session,
        update(Refund)
        .where(Refund.id == refund.id, Refund.status == refund.status)
        .values(status=notice.status, **times),
    )


@transactional
def mark_refund_asked(session: Session, refund_id: int, *, now: datetime) -> None:
    """WeChat was asked about a refund and had nothing new."""
    refund = session.get(Refund, refund_id)
    if refund is None:
        raise NotFound
    refund.asked_at = now
