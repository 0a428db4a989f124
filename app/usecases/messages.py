"""Telling a person something through the official account: an outbox row; the words are made when it is sent."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.domain.outbox import Errand
from app.usecases import outbox
from app.usecases.subjects import Subject


def put(session: Session, topic: str, subject: Subject, key: str, now: datetime, **facts: Any) -> None:
    """Writes the wish to tell the subject's person of a topic of `labels.MESSAGES`. `key` makes it once."""
    page = f"/m/orders/{subject.order_id}" if subject.order_id is not None else "/m/me"
    put_for(session, topic, subject.customer_id, key, now, page=page, kind=subject.kind, number=subject.number, **facts)


def put_for(
    session: Session, topic: str, customer_id: int, key: str, now: datetime, *, page: str, **facts: Any
) -> None:
    """The same for any page of the phone; `facts` are what the topic's words need, never personal data."""
    outbox.put_once(
        session, Errand.MESSAGE, f"{topic}:{key}", now, topic=topic, customer_id=customer_id, page=page, facts=facts
    )
