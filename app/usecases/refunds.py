"""Wanting a refund: one row and one number for each refund wanted (decision 34). `refund_notices` has the answers."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain import ledger as recipes
from app.domain.charges import PaymentStatus, Purpose
from app.domain.ledger import Account
from app.domain.outbox import Errand
from app.domain.permissions import Actor, ActorKind
from app.domain.refunds import RefundStatus
from app.models.money import Charge, Payment, Refund
from app.usecases import audit, ledger, outbox
from app.usecases.subjects import Subject


def want(
    session: Session,
    payment: Payment,
    purpose: Purpose | None,
    subject: Subject | None,
    *,
    amount_fen: int,
    reason: str,
    actor: Actor,
    now: datetime,
    note: str | None = None,
    held: Account | None = None,
    request_key: str | None = None,
    instead_of: Refund | None = None,
    through_wechat: bool = True,
) -> Refund:
    """Writes one refund, in the caller's transaction; WeChat is asked after the commit.

    `payment` is locked; `purpose` and `subject` are its charge's; `held` is where the money stands if not where it
    arrived; `instead_of` is one that WeChat had closed. The person reads the reason, colleagues the note. The database
    refuses more than was received.
    """
    held = held or recipes.held_on(payment.status, purpose)
    nth = session.scalars(select(func.count()).select_from(Refund).where(Refund.payment_id == payment.id)).one() + 1
    refund = Refund(
        payment_id=payment.id,
        out_refund_no=f"R{payment.out_trade_no}-{nth}",
        amount_fen=amount_fen,
        reason=reason,
        held_on=held,
        request_key=request_key,
        instead_of_id=instead_of.id if instead_of else None,
        status=RefundStatus.REQUESTED,
        requested_at=now,
        staff_id=actor.id if actor.kind is ActorKind.STAFF else None,
    )
    session.add(refund)
    payment.refunded_fen += amount_fen
    legs = recipes.refund_wanted(held, amount_fen)
    ledger.book(session, f"refund:{refund.out_refund_no}", legs, subject, now, purpose=purpose)
    if through_wechat:
        outbox.put(session, Errand.REFUND, refund.out_refund_no, now, out_refund_no=refund.out_refund_no)
    if subject is not None:
        audit.put_about(
            session,
            actor,
            "refund_wanted",
            subject,
            now,
            reason=reason,
            amount_fen=amount_fen,
            out_refund_no=refund.out_refund_no,
            note=note,
        )
    return refund


def is_begun(session: Session, charge: Charge) -> bool:
    """Whether anything of what settled the charge is on its way back, or back."""
    begun = select(Payment.id).where(
        Payment.charge_id == charge.id, Payment.status == PaymentStatus.SETTLES, Payment.refunded_fen > 0
    )
    return session.scalars(begun).one_or_none() is not None


def want_all_of_charge(
    session: Session, charge: Charge, subject: Subject, *, reason: str, actor: Actor, now: datetime
) -> None:
    """Sends back whatever is left of what settled the charge; nothing if nothing was paid."""
    payment = session.scalars(
        select(Payment)
        .where(Payment.charge_id == charge.id, Payment.status == PaymentStatus.SETTLES)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if payment is None or payment.received_fen is None:
        return
    left_fen = payment.received_fen - payment.refunded_fen
    if left_fen > 0:
        want(session, payment, charge.purpose, subject, amount_fen=left_fen, reason=reason, actor=actor, now=now)
