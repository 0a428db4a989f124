"""A student card at the counter: its photo, and what its review compares with the photo (decisions 3, 4, 17)."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.cards import CardStatus, masked_student_no
from app.domain.errors import NotFound
from app.domain.permissions import Actor, Permission
from app.models.cards import Photo, StudentCard
from app.models.directory import School
from app.models.people import Customer, Identity
from app.ports import Vault


def card_photo_key(session: Session, actor: Actor, card_id: int) -> str | None:
    """The key of the card's photo in the store, for whoever hands over or reviews in its person's region.

    None when it was erased. Raises NotFound.
    """
    row = session.execute(
        select(Photo.key, Photo.erased_at, School.region_id)
        .join(StudentCard, StudentCard.photo_id == Photo.id)
        .join(Customer, Customer.id == StudentCard.customer_id)
        .join(School, School.id == Customer.school_id)
        .where(StudentCard.id == card_id)
    ).one_or_none()
    rights = (Permission.PICKUP, Permission.CARDS_REVIEW)
    if row is None or not any(actor.may(right, row.region_id) for right in rights):
        raise NotFound
    return None if row.erased_at is not None else str(row.key)


@dataclass(frozen=True, slots=True)
class ToCompare:
    """What the photo of a card must show, as its person registered it."""

    name: str
    student_no: str  # its end


def to_compare(session: Session, actor: Actor, card_id: int, vault: Vault) -> ToCompare | None:
    """The person of a card that waits, unmasked but for the student number; None to whoever does not review it."""
    row = session.execute(
        select(Identity.name, Identity.student_no, Identity.customer_id, School.region_id)
        .join(StudentCard, StudentCard.customer_id == Identity.customer_id)
        .join(Customer, Customer.id == Identity.customer_id)
        .join(School, School.id == Customer.school_id)
        .where(StudentCard.id == card_id, StudentCard.status == CardStatus.PENDING)
    ).one_or_none()
    if row is None or not actor.may(Permission.CARDS_REVIEW, row.region_id):
        return None
    number = vault.unseal(row.student_no, table="identity", column="student_no", row=str(row.customer_id))
    return ToCompare(row.name, masked_student_no(number))
