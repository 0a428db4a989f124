"""Who is behind a session token, and whose password to compare."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.permissions import Actor
from app.models.access import LoginSession, Staff, StaffRole


@dataclass(frozen=True, slots=True)
class LoginFacts:
    """What logging in compares with."""

    staff_id: int
    password_hash: str | None


def login_facts(session: Session, login: str) -> LoginFacts | None:
    """The member of staff of a login name, unless disabled."""
    row = session.execute(
        select(Staff.id, Staff.password_hash).where(Staff.login == login, Staff.disabled_at.is_(None))
    ).one_or_none()
    return LoginFacts(*row) if row else None


def link_holder(session: Session, token: str, now: datetime) -> str | None:
    """Whose password a one-time link sets, by name; None if the link is used up, too old, or none of ours."""
    return session.scalars(
        select(Staff.name).where(
            Staff.link_hash == hash_of(token), Staff.link_ends_at > now, Staff.disabled_at.is_(None)
        )
    ).one_or_none()


def hash_of(token: str) -> str:
    """What stands in the database for a token."""
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """A living session."""

    id: int
    staff_id: int | None
    customer_id: int | None
    seen_at: datetime


def living_session(session: Session, token: str, now: datetime) -> SessionFacts | None:
    """The session of a token, if it was not revoked and has not ended. Idle time is the caller's matter."""
    row = session.execute(
        select(LoginSession.id, LoginSession.staff_id, LoginSession.customer_id, LoginSession.seen_at).where(
            LoginSession.token_hash == hash_of(token),
            LoginSession.revoked_at.is_(None),
            LoginSession.ends_at > now,
        )
    ).one_or_none()
    return SessionFacts(*row) if row else None


def actor_of_staff(session: Session, staff_id: int, session_id: int | None = None) -> Actor | None:
    """The actor that a member of staff is, or None when disabled."""
    rows = session.execute(
        select(Staff.name, StaffRole.role, StaffRole.region_id)
        .outerjoin(StaffRole, StaffRole.staff_id == Staff.id)
        .where(Staff.id == staff_id, Staff.disabled_at.is_(None))
        .order_by(StaffRole.id)
    ).all()
    if not rows:
        return None
    held = [(row.role, row.region_id) for row in rows if row.role is not None]
    return Actor.staff(staff_id, rows[0].name, held, session_id)
