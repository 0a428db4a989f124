"""The audit log: every act of every verb leaves one row, in the verb's own transaction."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.domain.permissions import Actor
from app.models.journal import Audit
from app.models.orders import Order
from app.usecases.subjects import Subject


def put(
    session: Session,
    actor: Actor,
    action: str,
    now: datetime,
    *,
    subject: tuple[str, int | None],
    region_id: int | None = None,
    customer_id: int | None = None,
    order_id: int | None = None,
    reason: str | None = None,
    **facts: Any,
) -> None:
    """Writes one row. `facts` are plain values; never names, phones or ID numbers."""
    session.add(
        Audit(
            at=now,
            actor_kind=actor.kind,
            actor_id=actor.id,
            region_id=region_id,
            action=action,
            subject_kind=subject[0],
            subject_id=subject[1],
            customer_id=customer_id,
            order_id=order_id,
            facts=facts,
            reason=reason,
        )
    )


def put_for_order(
    session: Session, actor: Actor, action: str, order: Order, now: datetime, *, reason: str | None = None, **facts: Any
) -> None:
    """Writes one row of an order's timeline."""
    put_about(session, actor, action, Subject.of_order(order), now, reason=reason, **facts)


def put_about(
    session: Session,
    actor: Actor,
    action: str,
    subject: Subject,
    now: datetime,
    *,
    reason: str | None = None,
    **facts: Any,
) -> None:
    """Writes one row about an order, deposit, rental or battery use, in the story that it belongs to."""
    put(
        session,
        actor,
        action,
        now,
        subject=(subject.kind, subject.id),
        region_id=subject.region_id,
        customer_id=subject.customer_id,
        order_id=subject.order_id,
        reason=reason,
        **facts,
    )
