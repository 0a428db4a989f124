"""A person in an act: locked first, and in good standing."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.domain.errors import Forbidden, Rule, RuleBroken
from app.domain.permissions import Actor
from app.models.people import Customer
from app.queries import people
from app.usecases.compare_and_set import must_lock


def lock_customer(session: Session, customer_id: int) -> Customer:
    """The person's row, first in the order of locks (decision 12)."""
    return must_lock(session, Customer, customer_id)


def lock_registered(session: Session, actor: Actor) -> Customer:
    """The row of the person who acts. Raises Forbidden for anybody without a real name."""
    if not actor.is_customer or not actor.registered or actor.id is None:
        raise Forbidden("registered customers only")
    return lock_customer(session, actor.id)


def refuse_if_frozen(session: Session, customer_id: int, now: datetime) -> None:
    """A restricted person begins nothing new. Raises RuleBroken. Decision 5."""
    freeze = people.freeze_of(session, customer_id, now)
    if freeze is not None:
        raise RuleBroken(Rule.FROZEN, since=freeze.since, reason=freeze.reason, cause=freeze.cause)
