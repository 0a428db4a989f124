"""Student cards: sent in by their person, reviewed by staff (FLOW-RENT-1, FLOW-FLASH-1, decision 4)."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.cards import CONSENT_STUDENT_CARD, CardStatus, checked_student_no
from app.domain.errors import NotFound, Rule, RuleBroken
from app.domain.permissions import Actor, Permission
from app.domain.reasons import checked_reason
from app.models.cards import Photo, StudentCard
from app.models.directory import School
from app.models.people import Consent, ConsentText, Customer, Identity
from app.ports import Vault
from app.usecases import audit, messages, photos
from app.usecases.compare_and_set import must_lock
from app.usecases.photos import NewPhoto
from app.usecases.standing import lock_customer, lock_registered
from app.usecases.transaction import transactional


@transactional
def send_in(
    session: Session,
    *,
    student_no: str,
    photo: NewPhoto,
    consent_text_id: int,
    request_key: str,
    vault: Vault,
    actor: Actor,
    now: datetime,
) -> int:
    """The person sends a card in, or another in place of one that waits or was refused; returns the card's id.

    An approved card can be replaced too: then it waits for review again. The photo of the one before is erased.
    Raises Forbidden, RuleBroken. Decisions 3, 4, 43.
    """
    customer = lock_registered(session, actor)
    done = session.scalars(
        select(StudentCard.id).where(StudentCard.customer_id == customer.id, StudentCard.request_key == request_key)
    ).one_or_none()
    if done is not None:
        return done
    number = checked_student_no(student_no)
    _give_consent(session, customer, consent_text_id, now)
    _set_aside(session, customer, now)
    identity = session.scalars(select(Identity).where(Identity.customer_id == customer.id)).one()
    identity.student_no = vault.seal(number, table="identity", column="student_no", row=str(customer.id))
    card = StudentCard(
        customer_id=customer.id,
        photo_id=photos.keep(session, photo, customer_id=customer.id, now=now).id,
        status=CardStatus.PENDING,
        request_key=request_key,
        submitted_at=now,
    )
    session.add(card)
    session.flush()
    _tell(session, actor, "card_sent_in", card, now)
    return card.id


def _give_consent(session: Session, customer: Customer, consent_text_id: int, now: datetime) -> None:
    """The separate consent for the photo; a newer text takes the place of the older one. Decision 3."""
    text = session.get(ConsentText, consent_text_id)
    if text is None or text.kind != CONSENT_STUDENT_CARD:
        raise RuleBroken(Rule.CONSENT_MISSING)
    standing = session.scalars(
        select(Consent).where(
            Consent.customer_id == customer.id,
            Consent.kind == CONSENT_STUDENT_CARD,
            Consent.withdrawn_at.is_(None),
        )
    ).one_or_none()
    if standing is not None and standing.text_id == text.id:
        return
    if standing is not None:
        standing.withdrawn_at = now
        session.flush()
    session.add(Consent(customer_id=customer.id, kind=CONSENT_STUDENT_CARD, text_id=text.id, given_at=now))


def _set_aside(session: Session, customer: Customer, now: datetime) -> None:
    """The card before: withdrawn if it stood, and its photo erased."""
    before = session.scalars(
        select(StudentCard).where(StudentCard.customer_id == customer.id).order_by(StudentCard.id.desc()).limit(1)
    ).one_or_none()
    if before is None:
        return
    if before.status in (CardStatus.PENDING, CardStatus.APPROVED):
        before.status = CardStatus.WITHDRAWN
    photo = session.get_one(Photo, before.photo_id)
    photo.erased_at = photo.erased_at or now
    session.flush()


@transactional
def approve(session: Session, card_id: int, *, actor: Actor, now: datetime) -> None:
    """It is the person's, and valid. A second press changes nothing. Raises NotFound, Forbidden, RuleBroken."""
    card = _reviewed(session, card_id, actor)
    if card.status is CardStatus.APPROVED:
        return
    _refuse_unless_pending(card)
    card.status, card.reviewed_at, card.reviewed_by = CardStatus.APPROVED, now, actor.id
    session.flush()
    _tell(session, actor, "card_approved", card, now)
    messages.put_for(session, "card_approved", card.customer_id, str(card.id), now, page="/m/card")


@transactional
def reject(session: Session, card_id: int, *, reason: str, actor: Actor, now: datetime) -> None:
    """It is not, for a reason that the person is told. Raises NotFound, Forbidden, RuleBroken."""
    card = _reviewed(session, card_id, actor)
    reason = checked_reason(reason)
    if card.status is CardStatus.REJECTED:
        return
    _refuse_unless_pending(card)
    card.status, card.reviewed_at, card.reviewed_by, card.reason = CardStatus.REJECTED, now, actor.id, reason
    session.flush()
    _tell(session, actor, "card_rejected", card, now, reason=reason)
    messages.put_for(session, "card_rejected", card.customer_id, str(card.id), now, page="/m/card")


def _refuse_unless_pending(card: StudentCard) -> None:
    if card.status is not CardStatus.PENDING:
        raise RuleBroken(Rule.CARD_STANDS, status=card.status)


def _reviewed(session: Session, card_id: int, actor: Actor) -> StudentCard:
    """The card, its person locked, of a region in which the actor reviews. Raises NotFound, Forbidden."""
    card = session.get(StudentCard, card_id)
    if card is None or not actor.may(Permission.CARDS_REVIEW, _region_of(session, card)):
        raise NotFound
    lock_customer(session, card.customer_id)
    return must_lock(session, StudentCard, card_id)


def _region_of(session: Session, card: StudentCard) -> int:
    return session.scalars(
        select(School.region_id).join(Customer, Customer.school_id == School.id).where(Customer.id == card.customer_id)
    ).one()


def _tell(
    session: Session, actor: Actor, action: str, card: StudentCard, now: datetime, *, reason: str | None = None
) -> None:
    audit.put(
        session,
        actor,
        action,
        now,
        subject=("student_card", card.id),
        region_id=_region_of(session, card),
        customer_id=card.customer_id,
        reason=reason,
    )
