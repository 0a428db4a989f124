"""The audit log: every act of every verb leaves one row, in the verb's own transaction."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.domain.permissions import Actor
from app.models.journal import Audit
from app.models.orders import Order


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
    put(
        session,
        actor,
        action,
        now,
        subject=("order", order.id),
        region_id=order.region_id,
        customer_id=order.customer_id,
        order_id=order.id,
        reason=reason,
        **facts,
    )
