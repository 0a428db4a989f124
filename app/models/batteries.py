"""Batteries of flash charge, who has which, and who ever had one (decisions 23, 24)."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.batteries import BatteryState, EndedBy
from app.domain.numbering import LAST_BATTERY_NUMBER
from app.models.base import Base, fen, word


class Battery(Base):
    """One numbered battery. Its letter is the region's (NUM-3)."""

    __tablename__ = "battery"
    __table_args__ = (
        UniqueConstraint("region_id", "n"),
        CheckConstraint(f"n BETWEEN 1 AND {LAST_BATTERY_NUMBER}", name="n_in_range"),
        Index("ix_battery_state", "region_id", "state", "n"),
    )

    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"))
    n: Mapped[int]
    state: Mapped[BatteryState] = word(BatteryState)
    made_at: Mapped[datetime]
    printed_at: Mapped[datetime | None]  # its label


class BatteryUse(Base):
    """From scan to return. Price and terms are copied when it begins (SET-11)."""

    __tablename__ = "battery_use"
    __table_args__ = (
        fen("price_fen"),
        fen("late_owed_fen"),
        CheckConstraint("late_owed_fen = 0 OR returned_at IS NOT NULL", name="owes_when_over"),
        CheckConstraint("(returned_on IS NULL) = (returned_at IS NULL)", name="returned_whole"),
        CheckConstraint("(returned_on IS NULL) = (ended_by IS NULL)", name="ended_somehow"),
        CheckConstraint("settled_at IS NULL OR disputed", name="only_a_dispute_is_settled"),
        Index(
            "uq_battery_use_battery",  # one battery, one person
            "battery_id",
            unique=True,
            sqlite_where=text("returned_at IS NULL"),
            postgresql_where=text("returned_at IS NULL"),
        ),
        Index(
            "uq_battery_use_customer",
            "customer_id",
            unique=True,
            sqlite_where=text("returned_at IS NULL"),
            postgresql_where=text("returned_at IS NULL"),
        ),
        Index(
            "ix_battery_use_open",
            "region_id",
            "began_at",
            "id",
            sqlite_where=text("returned_at IS NULL"),
            postgresql_where=text("returned_at IS NULL"),
        ),
        Index(
            "ix_battery_use_fees_from",
            "region_id",
            "fees_from",
            "id",
            sqlite_where=text("returned_at IS NULL"),
            postgresql_where=text("returned_at IS NULL"),
        ),
        Index(
            "ix_battery_use_freezes_on",
            "freezes_on",
            sqlite_where=text("returned_at IS NULL"),
            postgresql_where=text("returned_at IS NULL"),
        ),
        Index(
            "ix_battery_use_owing",
            "customer_id",
            sqlite_where=text("late_owed_fen > 0"),
            postgresql_where=text("late_owed_fen > 0"),
        ),
        Index(
            "ix_battery_use_debt",
            "returned_at",
            "id",
            sqlite_where=text("late_owed_fen > 0"),
            postgresql_where=text("late_owed_fen > 0"),
        ),
        Index(
            "ix_battery_use_disputed",
            "region_id",
            "began_at",
            "id",
            sqlite_where=text("disputed AND settled_at IS NULL"),
            postgresql_where=text("disputed AND settled_at IS NULL"),
        ),
        Index(
            "ix_battery_use_returned_at",
            "region_id",
            "returned_at",
            sqlite_where=text("returned_at IS NOT NULL"),
            postgresql_where=text("returned_at IS NOT NULL"),
        ),
        Index("ix_battery_use_region_id", "region_id", "began_at", "id"),
        Index("ix_battery_use_began_at", "began_at", "id"),
        Index("ix_battery_use_battery_id", "battery_id", "began_at", "id"),
        Index("ix_battery_use_customer_id", "customer_id", "began_at", "id"),
    )

    battery_id: Mapped[int] = mapped_column(ForeignKey("battery.id"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"))  # the battery's
    deposit_id: Mapped[int] = mapped_column(ForeignKey("deposit.id"))
    began_at: Mapped[datetime]
    began_on: Mapped[date]
    price_fen: Mapped[int]
    free_days: Mapped[int]
    late_fee_fen: Mapped[int]
    freeze_days: Mapped[int]
    cap_fen: Mapped[int]
    fees_from: Mapped[date]  # the first day beyond the free days
    freezes_on: Mapped[date]
    late_owed_fen: Mapped[int] = mapped_column(default=0)  # once it is over: late fees not paid, withheld or waived
    return_asked_at: Mapped[datetime | None]
    returned_at: Mapped[datetime | None]
    returned_on: Mapped[date | None]
    returned_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    ended_by: Mapped[EndedBy | None] = word(EndedBy)
    disputed: Mapped[bool] = mapped_column(default=False)  # 待核实
    settled_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    settled_at: Mapped[datetime | None]


class BatteryPerson(Base):
    """Whoever ever began a use in a region, once: 总人数 is counted here. `first` is true in their first region."""

    __tablename__ = "battery_person"
    __table_args__ = (
        UniqueConstraint("customer_id", "region_id"),
        Index("ix_battery_person_region_id", "region_id", "first"),
    )

    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"))
    first: Mapped[bool]
