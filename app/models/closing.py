"""Closed days, and WeChat's bills held against our books (decision 33)."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.bills import BillKind, Cause, Difference, ItemState, Remedy, Trouble
from app.models.base import Base, append_only, word


@append_only
class DayClose(Base):
    """A day that is closed, with its figures: of one region, or of what belongs to none (null)."""

    __tablename__ = "day_close"
    __table_args__ = (Index("uq_day_close", "on_day", text("coalesce(region_id, 0)"), unique=True),)

    region_id: Mapped[int | None] = mapped_column(ForeignKey("region.id"))
    on_day: Mapped[date]
    figures: Mapped[dict[str, Any]] = mapped_column(JSON)
    closed_at: Mapped[datetime]
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))


class BillDay(Base):
    """One bill of WeChat's: of a day, of a kind, as it was fetched."""

    __tablename__ = "bill_day"
    __table_args__ = (UniqueConstraint("kind", "on_day"),)

    kind: Mapped[BillKind] = word(BillKind)
    on_day: Mapped[date]
    sha1: Mapped[str | None] = mapped_column(String(40))  # None: WeChat had no bill, nothing moved on that day
    lines: Mapped[int]
    fetched_at: Mapped[datetime]


class BillTry(Base):
    """A bill that is not here yet, and why: gone as soon as it is."""

    __tablename__ = "bill_try"
    __table_args__ = (UniqueConstraint("kind", "on_day"),)

    kind: Mapped[BillKind] = word(BillKind)
    on_day: Mapped[date]
    trouble: Mapped[Trouble] = word(Trouble)
    detail: Mapped[str | None] = mapped_column(String(300))
    tried_at: Mapped[datetime]


class BillItem(Base):
    """One line of a bill beside what our books say of it, or (without a line) what the bill ought to have."""

    __tablename__ = "bill_item"
    __table_args__ = (
        UniqueConstraint("bill_day_id", "line_no"),
        CheckConstraint("(state = 'resolved') = (resolved_at IS NOT NULL)", name="resolved_has_a_time"),
        CheckConstraint("state = 'matched' OR difference IS NOT NULL", name="a_difference_has_a_kind"),
        Index(
            "uq_bill_item_payment_only_here",
            "bill_day_id",
            "payment_id",
            unique=True,
            sqlite_where=text("line_no IS NULL AND payment_id IS NOT NULL"),
            postgresql_where=text("line_no IS NULL AND payment_id IS NOT NULL"),
        ),
        Index(
            "uq_bill_item_refund_only_here",
            "bill_day_id",
            "refund_id",
            unique=True,
            sqlite_where=text("line_no IS NULL AND refund_id IS NOT NULL"),
            postgresql_where=text("line_no IS NULL AND refund_id IS NOT NULL"),
        ),
        Index("ix_bill_item_state", "state", "bill_day_id", "id"),
        Index("ix_bill_item_payment_id", "payment_id"),
        Index("ix_bill_item_refund_id", "refund_id"),
        Index("ix_bill_item_wechat_id", "wechat_id"),
    )

    bill_day_id: Mapped[int] = mapped_column(ForeignKey("bill_day.id"))
    line_no: Mapped[int | None]
    at: Mapped[datetime | None]  # as the bill has it
    wechat_id: Mapped[str | None] = mapped_column(String(64))  # WeChat's payment or refund id
    our_no: Mapped[str | None] = mapped_column(String(64))  # out_trade_no or out_refund_no
    bill_fen: Mapped[int | None]  # signed: what went out is negative; None: not in the bill
    book_fen: Mapped[int | None]  # the same of our books
    fee_fen: Mapped[int | None]  # of a trade: what WeChat keeps of it; of a movement: that it is a fee
    told: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # of a difference: the bill's line
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payment.id"))
    refund_id: Mapped[int | None] = mapped_column(ForeignKey("refund.id"))
    region_id: Mapped[int | None] = mapped_column(ForeignKey("region.id"))
    state: Mapped[ItemState] = word(ItemState)
    difference: Mapped[Difference | None] = word(Difference)
    resolved_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    resolved_at: Mapped[datetime | None]
    cause: Mapped[Cause | None] = word(Cause)
    remedy: Mapped[Remedy | None] = word(Remedy)
    reason: Mapped[str | None] = mapped_column(String(200))
