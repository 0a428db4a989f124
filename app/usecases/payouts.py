"""线下已退: the owner pays a refund outside WeChat, with proof, where WeChat will not deliver it (decision 26)."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.domain import ledger as recipes
from app.domain.errors import Rule, RuleBroken
from app.domain.outbox import Errand
from app.domain.permissions import Actor, Permission
from app.domain.reasons import checked_reason
from app.domain.refunds import RefundChannel, RefundStatus, may_pay_outside
from app.models.money import Refund
from app.usecases import audit, outbox, photos
from app.usecases.compare_and_set import must_change_one
from app.usecases.photos import NewPhoto
from app.usecases.refund_notices import LockedRefund, arrived, lock_refund, tell
from app.usecases.refunding import want_anew
from app.usecases.transaction import transactional


@transactional
def pay_outside(
    session: Session,
    refund_id: int,
    *,
    photo: NewPhoto | None,
    reason: str,
    request_key: str,
    actor: Actor,
    now: datetime,
) -> None:
    """Records that a refund was paid outside WeChat; what it was for follows as if it had arrived.

    One that WeChat cannot deliver, has closed (it is wanted anew, and paid at once) or refuses to take, because the
    payment is a year old or for another reason. A second press changes nothing. Raises NotFound, Forbidden, RuleBroken.
    """
    locked = lock_refund(session, refund_id, actor, Permission.PAYOUT_OUTSIDE)
    again = session.scalars(select(Refund).where(Refund.instead_of_id == refund_id)).one_or_none()
    if RefundChannel.OUTSIDE in (locked.refund.channel, again and again.channel):
        return
    subject = locked.subject
    if subject is None or again is not None or not _is_stuck(session, locked, now):
        raise RuleBroken(Rule.REFUND_NOT_STUCK)
    reason = checked_reason(reason)
    if photo is None:
        raise RuleBroken(Rule.PICTURE_MISSING)
    if locked.refund.status is RefundStatus.REFUSED:
        refund = want_anew(session, locked, request_key=request_key, through_wechat=False, actor=actor, now=now)
        locked = replace(locked, refund=refund)
    record(session, locked, photo=photo, reason=reason, actor=actor, now=now)


def record(
    session: Session, locked: LockedRefund, *, photo: NewPhoto, reason: str, actor: Actor, now: datetime
) -> None:
    """The refund is done, outside WeChat, with proof; what it was for follows, and its person is told."""
    refund, subject = locked.refund, locked.subject
    assert subject is not None  # noqa: S101  # money of nobody is paid back to nobody
    proof = photos.keep(session, photo, customer_id=subject.customer_id, now=now)
    must_change_one(
        session,
        update(Refund)
        .where(Refund.id == refund.id, Refund.status == refund.status)
        .values(status=RefundStatus.DONE, done_at=now, channel=RefundChannel.OUTSIDE, proof_photo_id=proof.id),
    )
    session.refresh(refund)
    arrived(session, locked, recipes.refund_paid_outside(refund.amount_fen), actor, now)
    audit.put_about(
        session,
        actor,
        "refund_outside",
        subject,
        now,
        reason=reason,
        amount_fen=refund.amount_fen,
        out_refund_no=refund.out_refund_no,
    )
    tell(session, "refund_outside", locked, now)


def _is_stuck(session: Session, locked: LockedRefund, now: datetime) -> bool:
    refund = locked.refund
    return may_pay_outside(
        refund.status,
        paid_at=locked.payment.paid_at,
        parked=outbox.is_parked(session, Errand.REFUND, refund.out_refund_no),
        asked_at=refund.asked_at,
        now=now,
    )
