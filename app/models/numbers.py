"""Number series, their slots, and who held which number when (NUM-4 to NUM-6, decision 8)."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.numbering import LAST_NUMBER, Business
from app.models.base import Base, word


class SlotState(StrEnum):
    """Free, held by an open order, waiting until WeChat can no longer take money for it, kept, or out of use."""

    FREE = "free"
    HELD = "held"
    WAITING = "waiting"
    KEPT = "kept"
    RETIRED = "retired"


class NumberSeries(Base):
    """The numbers of one letter and business. Raising `seq` is the lock of the series, for claims and releases."""

    __tablename__ = "number_series"
    __table_args__ = (UniqueConstraint("region_id", "business"),)

    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"))
    business: Mapped[Business] = word(Business)
    seq: Mapped[int] = mapped_column(default=0)


class NumberSlot(Base):
    """One number. All of a series' slots are made with it."""

    __tablename__ = "number_slot"
    __table_args__ = (
        UniqueConstraint("series_id", "n"),
        UniqueConstraint("order_id"),
        CheckConstraint(f"n BETWEEN 1 AND {LAST_NUMBER}", name="n_in_range"),
        CheckConstraint("(state IN ('held', 'waiting', 'kept')) = (order_id IS NOT NULL)", name="taken_by_an_order"),
        Index(
            "ix_number_slot_free",
            "series_id",
            "n",
            sqlite_where=text("state = 'free'"),
            postgresql_where=text("state = 'free'"),
        ),
    )

    series_id: Mapped[int] = mapped_column(ForeignKey("number_series.id"))
    n: Mapped[int]
    state: Mapped[SlotState] = word(SlotState, default=SlotState.FREE)
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"))
    printed_at: Mapped[datetime | None]  # its plate


class NumberHolding(Base):
    """One stretch of one number with one order, by the series' own sequence: a number has one live holder.

    Without an order the number was retired for that stretch.
    """

    __tablename__ = "number_holding"
    __table_args__ = (
        Index(
            "uq_number_holding_live",
            "slot_id",
            unique=True,
            sqlite_where=text("to_seq IS NULL"),
            postgresql_where=text("to_seq IS NULL"),
        ),
        Index("ix_number_holding_slot_id", "slot_id", "from_seq"),
        Index("ix_number_holding_order_id", "order_id"),
        CheckConstraint("to_seq IS NULL OR to_seq > from_seq", name="ends_after_it_began"),
        CheckConstraint("(to_seq IS NULL) = (to_at IS NULL)", name="ends_whole"),
    )

    slot_id: Mapped[int] = mapped_column(ForeignKey("number_slot.id"))
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"))
    from_seq: Mapped[int]
    to_seq: Mapped[int | None]
    from_at: Mapped[datetime]
    to_at: Mapped[datetime | None]
    revived: Mapped[bool] = mapped_column(default=False)  # the same number again: not a claim of the smallest
