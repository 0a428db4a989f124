"""The record of what bars people: its rows follow the facts, on which alone verbs decide (decision 5)."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.permissions import Actor
from app.domain.restrictions import Cause
from app.models.people import Customer, Restriction
from app.queries import people
from app.usecases import audit, messages
from app.usecases.standing import lock_customer
from app.usecases.transaction import transactional


def reconcile(session: Session, customer_id: int, actor: Actor, now: datetime) -> None:
    """Makes a person's rows equal to the facts: a new one for each new cause, the end of one that no longer holds.

    The person is locked, and is told what has changed.
    """
    session.flush()
    facts = {(one.cause, one.subject_kind, one.subject_id): one for one in people.facts_of(session, customer_id, now)}
    rows = session.scalars(
        select(Restriction).where(
            Restriction.customer_id == customer_id, Restriction.lifted_at.is_(None), Restriction.cause != Cause.MANUAL
        )
    ).all()
    known = {(row.cause, row.subject_kind, row.subject_id): row for row in rows}
    for key, row in known.items():
        if key not in facts:
            row.lifted_at = max(now, row.since)
            _tell(session, actor, "restriction_lifted", row, now)
    for key, fact in facts.items():
        if key not in known:
            row = Restriction(
                customer_id=customer_id,
                cause=fact.cause,
                subject_kind=fact.subject_kind,
                subject_id=fact.subject_id,
                since=fact.since,
                reason=fact.reason,
            )
            session.add(row)
            session.flush()
            _tell(session, actor, "restriction_began", row, now)
    session.flush()


def _tell(session: Session, actor: Actor, action: str, row: Restriction, now: datetime) -> None:
    audit.put(
        session,
        actor,
        action,
        now,
        subject=("customer", row.customer_id),
        customer_id=row.customer_id,
        reason=row.reason,
        cause=row.cause,
    )
    messages.put_for(
        session,
        f"{action}_{row.cause}",
        row.customer_id,
        str(row.id),
        now,
        page="/m/frozen" if action == "restriction_began" else "/m/me",
        item=row.reason,
    )


@transactional
def reconcile_person(session: Session, customer_id: int, *, actor: Actor, now: datetime) -> None:
    """The same as an act of its own, for the job."""
    if session.get(Customer, customer_id) is None:
        return
    lock_customer(session, customer_id)
    reconcile(session, customer_id, actor, now)
