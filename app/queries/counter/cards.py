"""The photo of a student card, for whoever hands over or reviews in its person's region (decisions 3, 17)."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.errors import NotFound
from app.domain.permissions import Actor, Permission
from app.models.cards import Photo, StudentCard
from app.models.directory import School
from app.models.people import Customer


def card_photo_key(session: Session, actor: Actor, card_id: int) -> str | None:
    """The key of the card's photo in the store; None when it was erased. Raises NotFound."""
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
