"""Late fees, a row for each day beyond the free days; what was waived of them; days on which a store is closed."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.late_fees import DayReason
from app.models.base import Base, append_only, fen, word


def _index_of(name: str, *columns: str, unique: bool = False) -> Index:
    """An index of the rows that have a value in its last column."""
    where = text(f"{columns[-1]} IS NOT NULL")
    return Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


@append_only
class LateFee(Base):
    """One day of one use or rental. It is there from the day's beginning on, and never changes (decision 20)."""

    __tablename__ = "late_fee"
    __table_args__ = (
        # The day first: a night's rows go to the end of the index.
        _index_of("uq_late_fee_battery_use", "day_on", "battery_use_id", unique=True),
        _index_of("uq_late_fee_rental", "day_on", "rental_id", unique=True),
        _index_of("ix_late_fee_battery_use_id", "battery_use_id"),
        _index_of("ix_late_fee_rental_id", "rental_id"),
        CheckConstraint("(battery_use_id IS NULL) <> (rental_id IS NULL)", name="of_one_thing"),
        CheckConstraint("reason = 'fee' OR amount_fen = 0", name="only_a_fee_costs"),
        fen("amount_fen"),
    )

    battery_use_id: Mapped[int | None] = mapped_column(ForeignKey("battery_use.id"))
    rental_id: Mapped[int | None] = mapped_column(ForeignKey("rental.id"))
    day_on: Mapped[date]
    amount_fen: Mapped[int]
    reason: Mapped[DayReason] = word(DayReason)
    posted_at: Mapped[datetime]


@append_only
class LateFeeWaiver(Base):
    """What was waived of one day, by whom and why. The cap counts the day all the same (decision 20)."""

    __tablename__ = "late_fee_waiver"
    __table_args__ = (
        UniqueConstraint("late_fee_id"),
        CheckConstraint("amount_fen > 0", name="of_something"),
        Index("ix_late_fee_waiver_request_key", "request_key"),
    )

    late_fee_id: Mapped[int] = mapped_column(ForeignKey("late_fee.id"))
    amount_fen: Mapped[int]
    reason: Mapped[str] = mapped_column(String(200))
    request_key: Mapped[str] = mapped_column(String(40))  # the form's; one form may waive several days
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[datetime]


class ClosedDay(Base):
    """A day on which the stores of a region (null: of all) are closed: no late fee, declared before it begins."""

    __tablename__ = "closed_day"
    __table_args__ = (Index("uq_closed_day", text("coalesce(region_id, 0)"), "day_on", unique=True),)

    region_id: Mapped[int | None] = mapped_column(ForeignKey("region.id"))
    day_on: Mapped[date]
    reason: Mapped[str] = mapped_column(String(200))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[datetime]
