"""A person's own student card: how its review stands, its photo, and the student number they gave (decision 4)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import labels
from app.domain.cards import STANDING, CardStatus
from app.domain.permissions import Actor
from app.models.cards import Photo, StudentCard
from app.models.people import Identity
from app.ports import Vault


@dataclass(frozen=True, slots=True)
class MyCard:
    """The card that was sent in last."""

    card_id: int
    status: CardStatus
    submitted_at: datetime
    reviewed_at: datetime | None
    reason: str | None  # of a refusal
    photo_key: str | None  # None once the photo is erased

    @property
    def badge(self) -> labels.Badge:
        """待审核, 已通过, 未通过."""
        return labels.CARD_STATUS[self.status]

    @property
    def is_pending(self) -> bool:
        """Whether staff have not looked at it yet."""
        return self.status is CardStatus.PENDING

    @property
    def is_approved(self) -> bool:
        """Whether its person may pick up rentals and scan batteries."""
        return self.status is CardStatus.APPROVED

    @property
    def is_rejected(self) -> bool:
        """Whether another must be sent in."""
        return self.status is CardStatus.REJECTED

    @property
    def stands(self) -> bool:
        """Whether it is enough for paying a deposit."""
        return self.status in STANDING


def my_card(session: Session, actor: Actor) -> MyCard | None:
    """The person's newest card; None if they never sent one in."""
    row = session.execute(
        select(
            StudentCard.id,
            StudentCard.status,
            StudentCard.submitted_at,
            StudentCard.reviewed_at,
            StudentCard.reason,
            Photo.key,
        )
        .outerjoin(Photo, (Photo.id == StudentCard.photo_id) & Photo.erased_at.is_(None))
        .where(StudentCard.customer_id == actor.id)
        .order_by(StudentCard.id.desc())
        .limit(1)
    ).one_or_none()
    return MyCard(*row) if row else None


def my_student_no(session: Session, actor: Actor, vault: Vault) -> str:
    """The student number as the person gave it, so that they need not type it again; empty before."""
    sealed = session.scalars(select(Identity.student_no).where(Identity.customer_id == actor.id)).one_or_none()
    return vault.unseal(sealed, table="identity", column="student_no", row=str(actor.id)) if sealed else ""
