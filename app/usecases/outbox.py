"""The outbox: what WeChat must be told or asked, from the transaction that wants it to the answer."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from app.domain.outbox import MOST_TRIES, Errand, wait_after
from app.models.work import Outbox, OutboxStatus
from app.usecases.compare_and_set import changed_one
from app.usecases.transaction import transactional

CLAIM_FOR = timedelta(minutes=2)
"""Longer than any call to WeChat may take: after it the row is anybody's again."""


@dataclass(frozen=True, slots=True)
class Due:
    """A claimed row."""

    id: int
    kind: Errand
    key: str
    payload: dict[str, Any]
    tries: int


def put(session: Session, kind: Errand, key: str, now: datetime, **payload: Any) -> None:
    """Writes one row, in the caller's transaction; its effect follows the commit. `key` is unique for its kind."""
    session.add(Outbox(kind=kind, key=key, payload=payload, status=OutboxStatus.DUE, made_at=now, next_at=now))


def put_once(session: Session, kind: Errand, key: str, now: datetime, **payload: Any) -> None:
    """The same where the errand may be there already, due or done: then nothing is written."""
    there = select(Outbox.id).where(Outbox.kind == kind, Outbox.key == key)
    if session.scalars(there).one_or_none() is None:
        put(session, kind, key, now, **payload)


def is_parked(session: Session, kind: Errand, key: str) -> bool:
    """Whether an errand waits for a person: no further try can help."""
    there = select(Outbox.id).where(Outbox.kind == kind, Outbox.key == key, Outbox.status == OutboxStatus.PARKED)
    return session.scalars(there).one_or_none() is not None


@transactional
def claim_next(session: Session, *, now: datetime) -> Due | None:
    """The oldest row that is due, claimed by compare-and-set so that two workers never hold one."""
    free = or_(Outbox.claimed_until.is_(None), Outbox.claimed_until <= now)
    oldest = (
        select(Outbox.id)
        .where(Outbox.status == OutboxStatus.DUE, Outbox.next_at <= now, free)
        .order_by(Outbox.next_at, Outbox.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    row = session.execute(
        update(Outbox)
        .where(Outbox.id == oldest, Outbox.status == OutboxStatus.DUE, free)
        .values(claimed_until=now + CLAIM_FOR, tries=Outbox.tries + 1)
        .returning(Outbox.id, Outbox.kind, Outbox.key, Outbox.payload, Outbox.tries)
    ).one_or_none()
    return Due(*row) if row else None


@transactional
def claim(session: Session, kind: Errand, key: str, *, now: datetime) -> Due | None:
    """One row, due, done or parked, for somebody who wants it tried now; None while somebody else is at it."""
    free = or_(Outbox.claimed_until.is_(None), Outbox.claimed_until <= now)
    row = session.execute(
        update(Outbox)
        .where(Outbox.kind == kind, Outbox.key == key, free)
        .values(status=OutboxStatus.DUE, next_at=now, claimed_until=now + CLAIM_FOR, tries=Outbox.tries + 1)
        .returning(Outbox.id, Outbox.kind, Outbox.key, Outbox.payload, Outbox.tries)
    ).one_or_none()
    return Due(*row) if row else None


@transactional
def mark_done(session: Session, outbox_id: int) -> None:
    """WeChat has heard it."""
    session.execute(
        update(Outbox)
        .where(Outbox.id == outbox_id, Outbox.status == OutboxStatus.DUE)
        .values(status=OutboxStatus.DONE, claimed_until=None, error=None)
    )


@transactional
def put_off(session: Session, outbox_id: int, *, error: str, hopeless: bool, now: datetime) -> None:
    """The try failed: again later, or parked when no further try can help (`hopeless`) or there were enough."""
    row = session.get_one(Outbox, outbox_id, with_for_update=True)
    if row.status is not OutboxStatus.DUE:
        return  # the claim had run out, and somebody else has done it
    most = MOST_TRIES[row.kind]
    parked = hopeless or (most is not None and row.tries >= most)
    row.status = OutboxStatus.PARKED if parked else OutboxStatus.DUE
    row.next_at = now + wait_after(row.tries)
    row.claimed_until = None
    row.error = error[:300]


@transactional
def wait_until(session: Session, outbox_id: int, at: datetime) -> None:
    """It is too early for this errand: it is due at `at`, and this did not count as a try."""
    session.execute(
        update(Outbox)
        .where(Outbox.id == outbox_id, Outbox.status == OutboxStatus.DUE)
        .values(next_at=at, claimed_until=None, tries=Outbox.tries - 1)
    )


@transactional
def send_again(session: Session, kind: Errand, key: str, *, now: datetime) -> bool:
    """WeChat has never heard of an errand that was done: it is due again. False when it is due or parked."""
    return changed_one(
        session,
        update(Outbox)
        .where(Outbox.kind == kind, Outbox.key == key, Outbox.status == OutboxStatus.DONE)
        .values(status=OutboxStatus.DUE, next_at=now, claimed_until=None),
    )
