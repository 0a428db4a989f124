"""The audit log as 经过: the recorded acts that a page tells of."""

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from app.domain.permissions import ActorKind
from app.domain.timeline import WHO, Entry, act_line
from app.models.access import Staff
from app.models.journal import Audit

MOST_ENTRIES = 200


def act_entries(session: Session, about: ColumnElement[bool], customer: str) -> list[Entry]:
    """The acts that fit a condition, newest first; `customer` is what their person is called."""
    acts = session.execute(
        select(Audit.id, Audit.at, Audit.actor_kind, Audit.action, Audit.facts, Audit.reason, Staff.name)
        .outerjoin(Staff, (Staff.id == Audit.actor_id) & (Audit.actor_kind == ActorKind.STAFF))
        .where(about)
        .order_by(Audit.id.desc())
        .limit(MOST_ENTRIES)
    )
    known_as = {**WHO, ActorKind.CUSTOMER: customer}
    return [
        Entry(row.at, act_line(row.action, row.name or known_as[row.actor_kind], row.facts, row.reason)) for row in acts
    ]
