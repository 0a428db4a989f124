"""经过 of one thing: what the audit log knows of it, in sentences."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.identity import masked_name
from app.domain.permissions import ActorKind
from app.domain.timeline import WHO, Entry, act_line
from app.models.access import Staff
from app.models.journal import Audit
from app.models.people import Identity

MOST_ENTRIES = 100


def entries_about(session: Session, subject_kind: str, subject_id: int) -> tuple[Entry, ...]:
    """The newest first; people are masked."""
    rows = session.execute(
        select(
            Audit.at,
            Audit.actor_kind,
            Audit.action,
            Audit.facts,
            Audit.reason,
            Staff.name.label("staff"),
            Identity.name.label("customer"),
        )
        .outerjoin(Staff, (Staff.id == Audit.actor_id) & (Audit.actor_kind == ActorKind.STAFF))
        .outerjoin(Identity, (Identity.customer_id == Audit.actor_id) & (Audit.actor_kind == ActorKind.CUSTOMER))
        .where(Audit.subject_kind == subject_kind, Audit.subject_id == subject_id)
        .order_by(Audit.id.desc())
        .limit(MOST_ENTRIES)
    )
    entries = []
    for row in rows:
        who = row.staff or (masked_name(row.customer) if row.customer else WHO[row.actor_kind])
        entries.append(Entry(row.at, act_line(row.action, who, row.facts, row.reason)))
    return tuple(entries)
