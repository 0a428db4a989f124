"""What happened: the audit log and the notes of staff."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.permissions import ActorKind
from app.models.base import Base, append_only, word


@append_only
class Audit(Base):
    """One act of one actor. The timelines of orders and people read this."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_order_id", "order_id", "id"),
        Index("ix_audit_customer_id", "customer_id", "id"),
        Index("ix_audit_subject", "subject_kind", "subject_id", "id"),
    )

    at: Mapped[datetime]
    actor_kind: Mapped[ActorKind] = word(ActorKind)
    actor_id: Mapped[int | None]
    region_id: Mapped[int | None] = mapped_column(ForeignKey("region.id"))
    action: Mapped[str] = mapped_column(String(40))
    subject_kind: Mapped[str] = mapped_column(String(20))
    subject_id: Mapped[int | None]
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"))
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"))
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)  # before, after, amounts, outside ids; no personal data
    reason: Mapped[str | None] = mapped_column(String(200))


class Note(Base):
    """What colleagues write to each other on an order; the person never sees it."""

    __tablename__ = "note"
    __table_args__ = (Index("ix_note_order_id", "order_id", "id"),)

    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    body: Mapped[str] = mapped_column(Text)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[datetime]
