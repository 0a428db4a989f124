"""What a person can see of their own account: to what they agreed, and when."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import labels
from app.domain.permissions import Actor
from app.models.people import Consent, ConsentText


@dataclass(frozen=True, slots=True)
class ConsentGiven:
    """One agreement to one version of one text."""

    kind: str
    version: int
    body: str
    given_at: datetime
    withdrawn_at: datetime | None

    @property
    def words(self) -> str:
        """To what."""
        return labels.CONSENT[self.kind]


def consents_given(session: Session, actor: Actor) -> list[ConsentGiven]:
    """The person's own agreements, newest first."""
    rows = session.execute(
        select(ConsentText.kind, ConsentText.version, ConsentText.body, Consent.given_at, Consent.withdrawn_at)
        .join(ConsentText, ConsentText.id == Consent.text_id)
        .where(Consent.customer_id == actor.id)
        .order_by(Consent.given_at.desc(), Consent.id.desc())
    )
    return [ConsentGiven(*row) for row in rows]
