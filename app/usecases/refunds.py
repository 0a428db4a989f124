"""Refunds, from the wish to the arrival: one row and one number for each refund wanted (decision 34)."""

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.domain import ledger as recipes
from app.domain.charges import PaymentStatus, Verdict
from app.domain.errors import NotFound
from app.domain.outbox import Errand
from app.domain.permissions import Actor, ActorKind
from app.domain.refunds import REFUND_MOVES, RefundNotice, RefundStatus
from app.models.money import Charge, NoticeKind, Payment, Refund
from app.models.orders import Order
from app.ports import Vault
from app.usecases import audit, ledger, messages, notices, outbox
from app.usecases.compare_and_set import locked, must_change_one, must_lock
from app.usecases.transaction import transactional


def want(
    session: Session,
    payment: Payment,
    order: Order | None,
    *,
    amount_fen: int,
    reason: str,
    actor: Actor,
    now: datetime,
) -> Refund:
    """Writes one refund, in the caller's transaction; WeChat is asked after the commit.

    `payment` is locked. The database refuses more than was received.
    """
    nth = session.scalars(select(func.count()).select_from(Refund).where(Refund.payment_id == payment.id)).one() + 1
    refund = Refund(
        payment_id=payment.id,
        out_refund_no=f"R{payment.out_trade_no}-{nth}",
        amount_fen=amount_fen,
        reason=reason,
        status=RefundStatus.REQUESTED,
        requested_at=now,
        staff_id=actor.id if actor.kind is ActorKind.STAFF else None,
    )
    session.add(refund)
    payment.refunded_fen += amount_fen
    ledger.book(
        session, f"refund:{refund.out_refund_no}", recipes.refund_wanted(payment.status, amount_fen), order, now
    )
    outbox.put(session, Errand.REFUND, refund.out_refund_no, now, out_refund_no=refund.out_refund_no)
    if order is not None:
        audit.put_for_order(
            session,
            actor,
            "refund_wanted",
            order,
            now,
            reason=reason,
            amount_fen=amount_fen,
            out_refund_no=refund.out_refund_no,
        )
    return refund


def want_all_of_charge(
    session: Session, charge: Charge, order: Order, *, reason: str, actor: Actor, now: datetime
) -> None:
    """Sends back whatever is left of what settled the charge; nothing if nothing was paid."""
    payment = session.scalars(
        select(Payment)
        .where(Payment.charge_id == charge.id, Payment.status == PaymentStatus.SETTLES)
        .with_for_update(key_share=True)
    ).one_or_none()
    if payment is None or payment.received_fen is None:
        return
    left_fen = payment.received_fen - payment.refunded_fen
    if left_fen > 0:
        want(session, payment, order, amount_fen=left_fen, reason=reason, actor=actor, now=now)


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
        select(Refund.id, Refund.payment_id, Charge.order_id)
        .join(Payment, Payment.id == Refund.payment_id)
        .outerjoin(Charge, Charge.id == Payment.charge_id)
        .where(Refund.out_refund_no == notice.out_refund_no)
    ).one_or_none()
    if found is None:
        return None
    order = locked(session, Order, found.order_id) if found.order_id else None
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
        ledger.book(session, f"refund_done:{refund.out_refund_no}", legs, order, now)
    elif notice.status is RefundStatus.REFUSED:
        payment.refunded_fen -= refund.amount_fen
        legs = recipes.refund_refused(payment.status, refund.amount_fen)
        ledger.book(session, f"refund_refused:{refund.out_refund_no}", legs, order, now)
    if order is not None:
        audit.put_for_order(
            session,
            actor,
            f"refund_{notice.status}",
            order,
            now,
            amount_fen=refund.amount_fen,
            out_refund_no=refund.out_refund_no,
            refund_id=notice.refund_id,
        )
        if notice.status is RefundStatus.DONE:
            messages.put(session, "refund_done", order, refund.out_refund_no, now, amount_fen=refund.amount_fen)
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
