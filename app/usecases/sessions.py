"""Logging in and out: sessions live in the database, by the hash of their token (decision 38)."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.domain.permissions import Actor, ActorKind
from app.models.access import LoginSession, Staff
from app.queries.access import hash_of
from app.usecases import audit
from app.usecases.transaction import transactional

STAFF_LASTS = timedelta(hours=8)
CUSTOMER_LASTS = timedelta(days=30)
SEEN_EVERY = timedelta(minutes=1)
"""How exactly we know when a session was last used: not every request writes."""


@transactional
def open_staff_session(session: Session, *, staff_id: int, now: datetime) -> str:
    """A new session for a member of staff whose password was right; the token for the cookie."""
    token = _open(session, now, now + STAFF_LASTS, staff_id=staff_id)
    audit.put(session, Actor(ActorKind.STAFF, staff_id), "staff_logged_in", now, subject=("staff", staff_id))
    return token


@transactional
def open_customer_session(session: Session, *, customer_id: int, now: datetime) -> str:
    """A new session for somebody who came back from WeChat; the token for the cookie."""
    return _open(session, now, now + CUSTOMER_LASTS, customer_id=customer_id)


def _open(session: Session, now: datetime, ends_at: datetime, **whose: int) -> str:
    token = secrets.token_urlsafe(32)
    session.add(LoginSession(token_hash=hash_of(token), made_at=now, seen_at=now, ends_at=ends_at, **whose))
    return token


@transactional
def touch_session(session: Session, session_id: int, *, now: datetime) -> None:
    """The session was used; written once a minute at most."""
    session.execute(
        update(LoginSession)
        .where(LoginSession.id == session_id, LoginSession.seen_at < now - SEEN_EVERY)
        .values(seen_at=now)
    )


@transactional
def close_session(session: Session, *, actor: Actor, now: datetime) -> None:
    """Logs out: the token is worth nothing from now on."""
    session.execute(
        update(LoginSession)
        .where(LoginSession.id == actor.session_id, LoginSession.revoked_at.is_(None))
        .values(revoked_at=now)
    )


@transactional
def set_password(session: Session, *, link_token: str, password_hash: str, now: datetime) -> bool:
    """Uses a one-time link; False if it is used up or too old. Ends all sessions of that person."""
    staff = session.scalars(
        select(Staff).where(Staff.link_hash == hash_of(link_token)).with_for_update(key_share=True)
    ).one_or_none()
    if staff is None or staff.disabled_at is not None or staff.link_ends_at is None or staff.link_ends_at <= now:
        return False
    staff.password_hash, staff.link_hash, staff.link_ends_at = password_hash, None, None
    session.execute(
        update(LoginSession)
        .where(LoginSession.staff_id == staff.id, LoginSession.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    audit.put(session, Actor(ActorKind.STAFF, staff.id), "password_set", now, subject=("staff", staff.id))
    return True
