"""Charges, payment attempts, refunds, and the ledger (decisions 11, 16, 32, 34)."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.charges import ChargeStatus, PaymentStatus, Purpose
from app.domain.ledger import Account, AccountKind
from app.domain.refunds import RefundStatus
from app.models.base import Base, append_only, fen, word


class LineKind(StrEnum):
    """What a line of a charge stands for."""

    PRICE = "price"
    DEPOSIT = "deposit"
    FEE = "fee"


class NoticeKind(StrEnum):
    """What WeChat told us of."""

    PAYMENT = "payment"
    REFUND = "refund"


class Charge(Base):
    """What one person owes for one thing."""

    __tablename__ = "charge"
    __table_args__ = (
        UniqueConstraint("order_id", "purpose"),
        fen("amount_fen"),
        CheckConstraint(
            "(purpose IN ('sale', 'rental_fee')) = (order_id IS NOT NULL)"
            " AND (purpose = 'deposit') = (deposit_id IS NOT NULL)"
            " AND (purpose = 'flash_fee') = (battery_use_id IS NOT NULL)",
            name="subject_fits_purpose",
        ),
        Index(
            "uq_charge_deposit",
            "deposit_id",
            unique=True,
            sqlite_where=text("deposit_id IS NOT NULL"),
            postgresql_where=text("deposit_id IS NOT NULL"),
        ),
        Index(
            "uq_charge_flash_fee",
            "battery_use_id",
            unique=True,
            sqlite_where=text("purpose = 'flash_fee'"),
            postgresql_where=text("purpose = 'flash_fee'"),
        ),
        CheckConstraint("(status = 'settled') = (settled_at IS NOT NULL)", name="settled_has_a_time"),
        Index("ix_charge_customer_id", "customer_id"),
    )

    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"))
    purpose: Mapped[Purpose] = word(Purpose)
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"))
    deposit_id: Mapped[int | None] = mapped_column(ForeignKey("deposit.id"))
    battery_use_id: Mapped[int | None] = mapped_column(ForeignKey("battery_use.id"))
    amount_fen: Mapped[int]
    status: Mapped[ChargeStatus] = word(ChargeStatus)
    settled_at: Mapped[datetime | None]


@append_only
class ChargeLine(Base):
    """What a charge is made of; signed."""

    __tablename__ = "charge_line"
    __table_args__ = (Index("ix_charge_line_charge_id", "charge_id"),)

    charge_id: Mapped[int] = mapped_column(ForeignKey("charge.id"))
    kind: Mapped[LineKind] = word(LineKind)
    amount_fen: Mapped[int]


class Payment(Base):
    """One attempt to pay a charge; or, as a suspect without a charge, money that named no attempt of ours."""

    __tablename__ = "payment"
    __table_args__ = (
        UniqueConstraint("out_trade_no"),
        UniqueConstraint("transaction_id"),
        fen("amount_fen"),
        CheckConstraint("charge_id IS NOT NULL OR status = 'suspect'", name="only_a_suspect_has_no_charge"),
        CheckConstraint(
            "refunded_fen >= 0 AND refunded_fen <= coalesce(received_fen, 0)", name="refunded_at_most_received"
        ),
        CheckConstraint(
            "(status IN ('settles', 'surplus', 'suspect')) = (received_fen IS NOT NULL)", name="received_has_an_amount"
        ),
        Index(
            "uq_payment_live",
            "charge_id",
            unique=True,
            sqlite_where=text("status IN ('created', 'prepared')"),
            postgresql_where=text("status IN ('created', 'prepared')"),
        ),
        Index(
            "uq_payment_settles",
            "charge_id",
            unique=True,
            sqlite_where=text("status = 'settles'"),
            postgresql_where=text("status = 'settles'"),
        ),
        Index("ix_payment_charge_id", "charge_id"),
        Index("ix_payment_status", "status", "created_at"),
    )

    charge_id: Mapped[int | None] = mapped_column(ForeignKey("charge.id"))
    out_trade_no: Mapped[str] = mapped_column(String(40))
    transaction_id: Mapped[str | None] = mapped_column(String(40))
    prepay_id: Mapped[str | None] = mapped_column(String(80))
    status: Mapped[PaymentStatus] = word(PaymentStatus)
    amount_fen: Mapped[int]
    received_fen: Mapped[int | None]
    refunded_fen: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]
    asked_at: Mapped[datetime | None]
    misfit: Mapped[str | None] = mapped_column(String(20))


class Refund(Base):
    """One refund that we want; the number is the same on every retry."""

    __tablename__ = "refund"
    __table_args__ = (
        UniqueConstraint("out_refund_no"),
        CheckConstraint("amount_fen > 0", name="of_something"),
        CheckConstraint("(status = 'done') = (done_at IS NOT NULL)", name="done_has_a_time"),
        Index("ix_refund_payment_id", "payment_id"),
        Index("ix_refund_status", "status", "requested_at"),
    )

    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"))
    out_refund_no: Mapped[str] = mapped_column(String(64))
    amount_fen: Mapped[int]
    reason: Mapped[str] = mapped_column(String(200))
    status: Mapped[RefundStatus] = word(RefundStatus)
    requested_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    asked_at: Mapped[datetime | None]
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))


class LedgerAccount(Base):
    """One account of the ledger."""

    __tablename__ = "ledger_account"
    __table_args__ = (UniqueConstraint("code"),)

    code: Mapped[Account] = word(Account)
    kind: Mapped[AccountKind] = word(AccountKind)


@append_only
class LedgerTransfer(Base):
    """One debit and one credit in one row."""

    __tablename__ = "ledger_transfer"
    __table_args__ = (
        UniqueConstraint("entry_key", "leg"),
        CheckConstraint("amount_fen > 0", name="of_something"),
        CheckConstraint("debit_id <> credit_id", name="between_two"),
        Index("ix_ledger_transfer_booked_on", "booked_on", "region_id"),
        Index("ix_ledger_transfer_order_id", "order_id"),
        Index("ix_ledger_transfer_deposit_id", "deposit_id"),
        Index("ix_ledger_transfer_debit_id", "debit_id", "booked_on"),
        Index("ix_ledger_transfer_credit_id", "credit_id", "booked_on"),
    )

    entry_key: Mapped[str] = mapped_column(String(80))
    leg: Mapped[int]
    debit_id: Mapped[int] = mapped_column(ForeignKey("ledger_account.id"))
    credit_id: Mapped[int] = mapped_column(ForeignKey("ledger_account.id"))
    amount_fen: Mapped[int]
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"))
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"))
    deposit_id: Mapped[int | None] = mapped_column(ForeignKey("deposit.id"))
    region_id: Mapped[int | None] = mapped_column(ForeignKey("region.id"))
    booked_on: Mapped[date]
    at: Mapped[datetime]


class WeChatNotice(Base):
    """A signed notice, once for each thing that it tells; a second delivery stops at its key."""

    __tablename__ = "wechat_notice"
    __table_args__ = (UniqueConstraint("kind", "key"),)

    kind: Mapped[NoticeKind] = word(NoticeKind)
    key: Mapped[str] = mapped_column(String(100))
    body: Mapped[bytes] = mapped_column(LargeBinary)  # sealed
    verdict: Mapped[str | None] = mapped_column(String(30))
    received_at: Mapped[datetime]
