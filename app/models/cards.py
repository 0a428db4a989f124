"""Student cards, and the photos of cards and damages; the pictures themselves are sealed files (decision 3)."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.cards import CardStatus
from app.domain.pictures import PhotoKind
from app.models.base import Base, word


class Photo(Base):
    """One sealed file. Erased: the file is gone, the row says when."""

    __tablename__ = "photo"
    __table_args__ = (UniqueConstraint("key"), Index("ix_photo_customer_id", "customer_id"))

    key: Mapped[str] = mapped_column(String(32))  # random, the file's name
    kind: Mapped[PhotoKind] = word(PhotoKind)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    sha256: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]


class StudentCard(Base):
    """One sending in of a card, and what became of it."""

    __tablename__ = "student_card"
    __table_args__ = (
        Index(
            "uq_student_card_standing",
            "customer_id",
            unique=True,
            sqlite_where=text("status IN ('pending', 'approved')"),
            postgresql_where=text("status IN ('pending', 'approved')"),
        ),
        Index("ix_student_card_customer_id", "customer_id", "id"),
        Index("ix_student_card_status", "status", "submitted_at", "id"),
        UniqueConstraint("customer_id", "request_key"),
        CheckConstraint("(status = 'rejected') = (reason IS NOT NULL)", name="rejected_for_a_reason"),
    )

    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    photo_id: Mapped[int] = mapped_column(ForeignKey("photo.id"))
    status: Mapped[CardStatus] = word(CardStatus)
    request_key: Mapped[str] = mapped_column(String(40))
    submitted_at: Mapped[datetime]
    reviewed_at: Mapped[datetime | None]
    reviewed_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    reason: Mapped[str | None] = mapped_column(String(200))
