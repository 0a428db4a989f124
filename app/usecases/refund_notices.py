"""What WeChat tells of refunds: each moves forward, never back, until its money has arrived (decision 34)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.domain import ledger as recipes
from app.domain.charges import PaymentStatus, Purpose, Verdict
from app.domain.errors import Forbidden, NotFound
from app.domain.ledger import Account, Leg
from app.domain.permissions import Actor, Permission
from app.domain.refunds import REFUND_MOVES, RefundChannel, RefundNotice, RefundStatus
from app.models.money import Charge, NoticeKind, Payment, Refund
from app.ports import Vault
from app.usecases import audit, ledger, messages, notices
from app.usecases.compare_and_set import must_change_one, must_lock
from app.usecases.settling import settling_of
from app.usecases.subjects import Subject
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
    refund_id = session.scalars(select(Refund.id).where(Refund.out_refund_no == notice.out_refund_no)).one_or_none()
    if refund_id is None:
        return None
    locked = _lock(session, refund_id)
    refund = locked.refund
    if notice.amount_fen != refund.amount_fen:
        notices.note_verdict(session, NoticeKind.REFUND, key, f"{Verdict.SUSPECT}:amount")
        return refund.status
    if refund.channel is RefundChannel.OUTSIDE and notice.status is RefundStatus.DONE:
        notices.note_verdict(session, NoticeKind.REFUND, key, f"{Verdict.SUSPECT}:outside")
    if notice.status not in REFUND_MOVES[refund.status]:
        return refund.status
    _move(session, refund, notice, now)
    if notice.status is RefundStatus.DONE:
        arrived(session, locked, recipes.refund_arrived(refund.amount_fen), actor, now)
    elif notice.status is RefundStatus.REFUSED:
        locked.payment.refunded_fen -= refund.amount_fen
        legs = recipes.refund_refused(refund.held_on, refund.amount_fen)
        key = f"refund_refused:{refund.out_refund_no}"
        ledger.book(session, key, legs, locked.subject, now, purpose=locked.purpose)
    if locked.subject is not None:
        audit.put_about(
            session,
            actor,
            f"refund_{notice.status}",
            locked.subject,
            now,
            amount_fen=refund.amount_fen,
            out_refund_no=refund.out_refund_no,
            refund_id=notice.refund_id,
        )
        if notice.status is RefundStatus.DONE:
            tell(session, "refund_done", locked, now)
    return notice.status


@dataclass(frozen=True, slots=True)
class LockedRefund:
    """A refund, and what it sends back of whom. Of money that named no order of ours there is no charge."""

    refund: Refund
    payment: Payment
    charge: Charge | None
    subject: Subject | None

    @property
    def purpose(self) -> Purpose | None:
        """What the money was for."""
        return self.charge.purpose if self.charge else None

    @property
    def settled(self) -> Charge | None:
        """The charge that its payment settles; None for money that came too late or does not fit."""
        return self.charge if self.payment.status is PaymentStatus.SETTLES else None

    @property
    def is_of_held_deposit(self) -> bool:
        """Whether it is the deposits verbs' own."""
        return self.refund.held_on is Account.DEPOSITS


def lock_refund(session: Session, refund_id: int, actor: Actor, permission: Permission) -> LockedRefund:
    """Locks person, what the money was for, payment, refund, for whoever holds the right. Raises NotFound, Forbidden.

    Money that belongs to no region needs the right for all of them.
    """
    found = session.execute(
        select(Charge.region_id)
        .select_from(Refund)
        .join(Payment, Payment.id == Refund.payment_id)
        .outerjoin(Charge, Charge.id == Payment.charge_id)
        .where(Refund.id == refund_id)
    ).one_or_none()
    if found is None or found.region_id not in actor.scope(Permission.PAYMENTS_VIEW):
        raise NotFound
    if found.region_id not in actor.scope(permission):
        raise Forbidden(permission.value)
    return _lock(session, refund_id)


def _lock(session: Session, refund_id: int) -> LockedRefund:
    found = session.execute(
        select(Refund.payment_id, Payment.charge_id)
        .join(Payment, Payment.id == Refund.payment_id)
        .where(Refund.id == refund_id)
    ).one()
    charge = session.get_one(Charge, found.charge_id) if found.charge_id else None
    subject = settling_of(charge).lock(session, charge) if charge else None
    payment = must_lock(session, Payment, found.payment_id)
    return LockedRefund(must_lock(session, Refund, refund_id), payment, charge, subject)


def arrived(session: Session, locked: LockedRefund, legs: tuple[Leg, ...], actor: Actor, now: datetime) -> None:
    """The money is with the person: books it, and what it was for follows."""
    refund = locked.refund
    key = f"refund_done:{refund.out_refund_no}"
    ledger.book(session, key, legs, locked.subject, now, purpose=locked.purpose)
    if locked.settled is not None:
        settling_of(locked.settled).refund_arrived(session, locked.settled, refund, actor, now)


def tell(session: Session, topic: str, locked: LockedRefund, now: datetime) -> None:
    """Tells the person of the refund."""
    refund = locked.refund
    assert locked.subject is not None  # noqa: S101  # money of nobody has nobody to be told
    messages.put(
        session,
        topic,
        locked.subject,
        refund.out_refund_no,
        now,
        amount_fen=refund.amount_fen,
        purpose=locked.purpose,
    )


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
