"""Members of staff and their roles."""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.errors import Forbidden
from app.domain.permissions import Actor, ActorKind, Role
from app.models.access import Staff, StaffRole
from app.queries.access import hash_of
from app.usecases import audit
from app.usecases.transaction import transactional

LINK_LASTS = timedelta(minutes=30)


@transactional
def create_staff(
    session: Session,
    *,
    login: str,
    name: str,
    roles: Iterable[tuple[Role, int | None]],
    actor: Actor,
    now: datetime,
) -> str:
    """A new member of staff without a password; returns the token of the one-time link that sets it (30 minutes).

    Raises Forbidden: staff are made on the command line.
    """
    _refuse_unless_job(actor)
    token = secrets.token_urlsafe(32)
    staff = Staff(name=name, login=login, link_hash=hash_of(token), link_ends_at=now + LINK_LASTS)
    session.add(staff)
    session.flush()
    session.add_all(StaffRole(staff_id=staff.id, role=role, region_id=region_id) for role, region_id in roles)
    audit.put(session, actor, "staff_created", now, subject=("staff", staff.id), login=login)
    return token


@transactional
def renew_link(session: Session, login: str, *, actor: Actor, now: datetime) -> str | None:
    """A new one-time link for somebody who has never set a password; its token, or None if there is no such person.

    Raises Forbidden.
    """
    _refuse_unless_job(actor)
    staff = session.scalars(
        select(Staff).where(Staff.login == login, Staff.password_hash.is_(None), Staff.disabled_at.is_(None))
    ).one_or_none()
    if staff is None:
        return None
    token = secrets.token_urlsafe(32)
    staff.link_hash, staff.link_ends_at = hash_of(token), now + LINK_LASTS
    audit.put(session, actor, "staff_link_renewed", now, subject=("staff", staff.id))
    return token


def _refuse_unless_job(actor: Actor) -> None:
    if actor.kind is not ActorKind.JOB:
        raise Forbidden("the command line alone")
