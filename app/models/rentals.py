"""Rentals: what began with the pickup of a rental order, and ends with the return (decisions 18, 19)."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.rentals import Condition, Place
from app.models.base import Base, fen, word


class Rental(Base):
    """One vehicle with one person. Its terms are copied when it begins; being late is computed, never stored."""

    __tablename__ = "rental"
    __table_args__ = (
        UniqueConstraint("order_id"),
        fen("late_owed_fen"),
        CheckConstraint("late_owed_fen = 0 OR returned_at IS NOT NULL", name="owes_when_over"),
        CheckConstraint("(returned_on IS NULL) = (returned_at IS NULL)", name="returned_whole"),
        CheckConstraint("(returned_on IS NULL) = (condition IS NULL)", name="returned_in_some_condition"),
        CheckConstraint("(returned_on IS NULL) = (returned_to IS NULL)", name="returned_to_some_place"),
        CheckConstraint("settled_at IS NULL OR returned_at IS NOT NULL", name="settled_after_the_return"),
        Index(
            "ix_rental_out",
            "due_on",
            "id",
            sqlite_where=text("returned_on IS NULL"),
            postgresql_where=text("returned_on IS NULL"),
        ),
        Index(
            "ix_rental_unsettled",
            "region_id",
            "returned_at",
            "id",
            sqlite_where=text("returned_at IS NOT NULL AND settled_at IS NULL"),
            postgresql_where=text("returned_at IS NOT NULL AND settled_at IS NULL"),
        ),
        Index(
            "ix_rental_returned_at",
            "region_id",
            "returned_at",
            sqlite_where=text("returned_at IS NOT NULL"),
            postgresql_where=text("returned_at IS NOT NULL"),
        ),
        Index(
            "ix_rental_fees_from",
            "region_id",
            "fees_from",
            "id",
            sqlite_where=text("returned_on IS NULL"),
            postgresql_where=text("returned_on IS NULL"),
        ),
        Index(
            "ix_rental_freezes_on",
            "freezes_on",
            sqlite_where=text("returned_on IS NULL"),
            postgresql_where=text("returned_on IS NULL"),
        ),
        Index(
            "ix_rental_owing",
            "customer_id",
            sqlite_where=text("late_owed_fen > 0"),
            postgresql_where=text("late_owed_fen > 0"),
        ),
        Index(
            "ix_rental_debt",
            "returned_at",
            "id",
            sqlite_where=text("late_owed_fen > 0"),
            postgresql_where=text("late_owed_fen > 0"),
        ),
        Index("ix_rental_customer_id", "customer_id"),
        Index("ix_rental_deposit_id", "deposit_id"),
    )

    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"))
    deposit_id: Mapped[int] = mapped_column(ForeignKey("deposit.id"))  # what secures it
    began_on: Mapped[date]
    due_on: Mapped[date]
    free_days: Mapped[int]
    late_fee_fen: Mapped[int]
    freeze_days: Mapped[int]
    cap_fen: Mapped[int]
    fees_from: Mapped[date]  # the first day that is late
    freezes_on: Mapped[date]
    late_owed_fen: Mapped[int] = mapped_column(default=0)  # once it is over: late fees not paid, withheld or waived
    returned_on: Mapped[date | None]
    returned_at: Mapped[datetime | None]
    returned_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    returned_to: Mapped[Place | None] = word(Place)
    condition: Mapped[Condition | None] = word(Condition)
    plate_off_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]  # found in good order, or its damage was withheld or let go
