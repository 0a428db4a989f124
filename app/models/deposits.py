"""Deposits, and what was withheld from them (decision 25)."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.deposits import DepositKind, DepositStatus, WithholdingKind
from app.models.base import Base, append_only, fen, word


class Deposit(Base):
    """Money held for one person. The verbs of `usecases/deposits.py` alone move it."""

    __tablename__ = "deposit"
    __table_args__ = (
        fen("amount_fen"),
        fen("withheld_fen"),
        fen("refunded_fen"),
        CheckConstraint("withheld_fen + refunded_fen <= amount_fen", name="gives_what_it_has"),
        CheckConstraint("(status IN ('due', 'void')) = (paid_at IS NULL)", name="held_once_paid"),
        Index(
            "uq_deposit_standing",  # each kind is held once; one on its way back bars nobody
            "customer_id",
            "kind",
            unique=True,
            sqlite_where=text("status IN ('due', 'held')"),
            postgresql_where=text("status IN ('due', 'held')"),
        ),
        Index(
            "ix_deposit_members",
            "region_id",
            sqlite_where=text("kind = 'flash' AND status = 'held'"),
            postgresql_where=text("kind = 'flash' AND status = 'held'"),
        ),
        Index(
            "ix_deposit_going_back",
            "paid_at",
            "id",
            sqlite_where=text("status IN ('held', 'refunding')"),
            postgresql_where=text("status IN ('held', 'refunding')"),
        ),
        Index("ix_deposit_customer_id", "customer_id", "id"),
        Index("ix_deposit_order_id", "order_id"),
        Index("ix_deposit_status", "status", "region_id", "id"),
    )

    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"))
    kind: Mapped[DepositKind] = word(DepositKind)
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"))  # the rental on whose way it was agreed
    amount_fen: Mapped[int]
    status: Mapped[DepositStatus] = word(DepositStatus)
    made_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]
    withheld_fen: Mapped[int] = mapped_column(default=0)
    refunded_fen: Mapped[int] = mapped_column(default=0)


@append_only
class DepositWithholding(Base):
    """One part of a deposit that does not go back, and why; `deposit.withheld_fen` rises in the same transaction."""

    __tablename__ = "deposit_withholding"
    __table_args__ = (
        CheckConstraint("amount_fen > 0", name="of_something"),
        CheckConstraint("kind <> 'damage' OR photo_id IS NOT NULL", name="damage_has_a_photo"),
        CheckConstraint("(battery_use_id IS NULL) <> (rental_id IS NULL)", name="for_one_thing"),
        UniqueConstraint("request_key", "nth"),
        Index("ix_deposit_withholding_deposit_id", "deposit_id"),
    )

    deposit_id: Mapped[int] = mapped_column(ForeignKey("deposit.id"))
    kind: Mapped[WithholdingKind] = word(WithholdingKind)
    battery_use_id: Mapped[int | None] = mapped_column(ForeignKey("battery_use.id"))
    rental_id: Mapped[int | None] = mapped_column(ForeignKey("rental.id"))
    item: Mapped[str] = mapped_column(String(40))
    amount_fen: Mapped[int]
    photo_id: Mapped[int | None] = mapped_column(ForeignKey("photo.id"))
    request_key: Mapped[str | None] = mapped_column(String(40))  # the form's
    nth: Mapped[int] = mapped_column(default=0)
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[datetime]
