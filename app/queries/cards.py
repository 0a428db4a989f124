"""Student cards as verbs decide on them (decision 4)."""

from sqlalchemy import ColumnElement, ScalarSelect, SQLColumnExpression, exists, select
from sqlalchemy.orm import Session

from app.domain.cards import STANDING, CardStatus
from app.models.cards import StudentCard


def standing_card(session: Session, customer_id: int) -> StudentCard | None:
    """The card that was sent in and not refused: pending or approved."""
    return session.scalars(
        select(StudentCard).where(StudentCard.customer_id == customer_id, StudentCard.status.in_(STANDING))
    ).one_or_none()


def is_approved(session: Session, customer_id: int) -> bool:
    """Whether the person may pick up a rental and scan batteries."""
    card = standing_card(session, customer_id)
    return card is not None and card.status is CardStatus.APPROVED


def has_standing(customer_id: SQLColumnExpression[int]) -> ColumnElement[bool]:
    """Whether the person of a row of another read sent in a card that was not refused: enough for a deposit."""
    return exists().where(StudentCard.customer_id == customer_id, StudentCard.status.in_(STANDING))


def has_approved(customer_id: SQLColumnExpression[int]) -> ColumnElement[bool]:
    """The same as a column of another read."""
    return exists().where(StudentCard.customer_id == customer_id, StudentCard.status == CardStatus.APPROVED)


def card_standing_of(customer_id: SQLColumnExpression[int]) -> ScalarSelect[CardStatus]:
    """The state of the standing card of another read's person; null where none stands."""
    return (
        select(StudentCard.status)
        .where(StudentCard.customer_id == customer_id, StudentCard.status.in_(STANDING))
        .scalar_subquery()
    )
