"""Leases: of several processes that could do the same work, one does it, until it stops renewing."""

from datetime import datetime

from sqlalchemy import delete, or_, update
from sqlalchemy.orm import Session

from app.models.work import Lease
from app.usecases.compare_and_set import changed_one, insert_into
from app.usecases.transaction import transactional


@transactional
def take_lease(session: Session, name: str, owner: str, *, until: datetime, now: datetime) -> bool:
    """Takes a lease that is free, has run out, or is the owner's already; False while somebody else holds it."""
    taken = (
        update(Lease)
        .where(Lease.name == name, or_(Lease.owner == owner, Lease.until <= now))
        .values(owner=owner, until=until)
    )
    if changed_one(session, taken):
        return True
    made = session.scalars(
        insert_into(session, Lease)
        .values(name=name, owner=owner, until=until)
        .on_conflict_do_nothing(index_elements=["name"])
        .returning(Lease.id)
    ).one_or_none()
    return made is not None


@transactional
def renew_lease(session: Session, name: str, owner: str, *, until: datetime) -> bool:
    """Keeps a lease; False when somebody else has taken it meanwhile."""
    return changed_one(session, update(Lease).where(Lease.name == name, Lease.owner == owner).values(until=until))


@transactional
def release_lease(session: Session, name: str, owner: str) -> None:
    """Gives a lease up, if it is still the owner's."""
    session.execute(delete(Lease).where(Lease.name == name, Lease.owner == owner))
