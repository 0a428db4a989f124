"""What colleagues write to each other on an order (备注); the person never sees it."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.errors import Rule, RuleBroken
from app.domain.permissions import Actor, Permission
from app.models.journal import Note
from app.usecases import audit
from app.usecases.orders import lock_order
from app.usecases.transaction import transactional

SAME_NOTE = timedelta(minutes=1)
"""The same words by the same person within this are one press too many."""


@transactional
def add_note(session: Session, order_id: int, *, body: str, actor: Actor, now: datetime) -> None:
    """Adds a note to an order; a second press adds none. Raises NotFound, Forbidden, RuleBroken (nothing written)."""
    order = lock_order(session, order_id, actor, Permission.ORDERS_NOTE)
    if not (body := body.strip()):
        raise RuleBroken(Rule.NOTE_EMPTY)
    newest = session.scalars(
        select(Note).where(Note.order_id == order.id).order_by(Note.id.desc()).limit(1)
    ).one_or_none()
    if newest and (newest.body, newest.staff_id) == (body, actor.id) and now - newest.at < SAME_NOTE:
        return
    session.add(Note(order_id=order.id, body=body, staff_id=actor.id, at=now))
    audit.put_for_order(session, actor, "note_added", order, now)
