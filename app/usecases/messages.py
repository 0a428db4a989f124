"""Telling a person something through the official account: an outbox row; the words are made when it is sent."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.domain.outbox import Errand
from app.models.orders import Order
from app.usecases import outbox


def put(session: Session, topic: str, order: Order, key: str, now: datetime, **facts: Any) -> None:
    """Writes the wish to tell the order's person of a topic of `labels.MESSAGES`. `key` makes it once."""
    outbox.put(
        session,
        Errand.MESSAGE,
        f"{topic}:{key}",
        now,
        topic=topic,
        customer_id=order.customer_id,
        order_id=order.id,
        number=order.number,
        **facts,
    )
