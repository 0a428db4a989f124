"""Charges, payment attempts, refunds, and the ledger (decisions 11, 16, 32, 34)."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.charges import ChargeStatus, PaymentStatus, Purpose
from app.domain.ledger import Account, AccountKind
from app.domain.refunds import RefundChannel, RefundStatus
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
            " AND (purpose IN ('flash_fee', 'late_fee')) = (coalesce(battery_use_id, rental_id) IS NOT NULL)"
            " AND (purpose = 'late_fee' OR rental_id IS NULL)"
            " AND (battery_use_id IS NULL OR rental_id IS NULL)",
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
        Index(
            "uq_charge_late_fee_of_use",  # one quote at a time
            "battery_use_id",
            unique=True,
            sqlite_where=text("purpose = 'late_fee' AND status = 'open'"),
            postgresql_where=text("purpose = 'late_fee' AND status = 'open'"),
        ),
        Index(
            "uq_charge_late_fee_of_rental",
            "rental_id",
            unique=True,
            sqlite_where=text("purpose = 'late_fee' AND status = 'open'"),
            postgresql_where=text("purpose = 'late_fee' AND status = 'open'"),
        ),
        CheckConstraint(
            "(purpose = 'late_fee') = (as_of_on IS NOT NULL) AND (purpose = 'late_fee') = (expires_at IS NOT NULL)",
            name="a_quote_says_its_day",
        ),
        CheckConstraint("(status = 'settled') = (settled_at IS NOT NULL)", name="settled_has_a_time"),
        Index("ix_charge_battery_use_id", "battery_use_id"),
        Index("ix_charge_rental_id", "rental_id"),
        Index("ix_charge_customer_id", "customer_id"),
    )

    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"))
    purpose: Mapped[Purpose] = word(Purpose)
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"))
    deposit_id: Mapped[int | None] = mapped_column(ForeignKey("deposit.id"))
    battery_use_id: Mapped[int | None] = mapped_column(ForeignKey("battery_use.id"))
    rental_id: Mapped[int | None] = mapped_column(ForeignKey("rental.id"))
    amount_fen: Mapped[int]
    as_of_on: Mapped[date | None]  # of a quote of late fees: the last day that it counts
    expires_at: Mapped[datetime | None]  # the same: when its amount is to be asked for anew
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
        Index("ix_payment_paid_at", "paid_at"),
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
        UniqueConstraint("request_key"),
        UniqueConstraint("instead_of_id"),
        CheckConstraint("amount_fen > 0", name="of_something"),
        CheckConstraint("(channel = 'outside') = (proof_photo_id IS NOT NULL)", name="outside_with_proof"),
        CheckConstraint("(status = 'done') = (done_at IS NOT NULL)", name="done_has_a_time"),
        Index("ix_refund_payment_id", "payment_id"),
        Index("ix_refund_status", "status", "requested_at"),
        Index("ix_refund_accepted_at", "accepted_at"),
    )

    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"))
    out_refund_no: Mapped[str] = mapped_column(String(64))
    amount_fen: Mapped[int]
    reason: Mapped[str] = mapped_column(String(200))  # what the person reads
    channel: Mapped[RefundChannel] = word(RefundChannel, default=RefundChannel.WECHAT, server_default="wechat")
    proof_photo_id: Mapped[int | None] = mapped_column(ForeignKey("photo.id"))
    held_on: Mapped[Account] = word(Account)  # the account that the money comes from, and goes back to if refused
    request_key: Mapped[str | None] = mapped_column(String(40))  # the form's
    instead_of_id: Mapped[int | None] = mapped_column(ForeignKey("refund.id"))  # the one that WeChat had closed
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
        Index(
            "ix_ledger_transfer_order_id",
            "order_id",
            sqlite_where=text("order_id IS NOT NULL"),
            postgresql_where=text("order_id IS NOT NULL"),
        ),
        Index(
            "ix_ledger_transfer_deposit_id",
            "deposit_id",
            sqlite_where=text("deposit_id IS NOT NULL"),
            postgresql_where=text("deposit_id IS NOT NULL"),
        ),
        Index("ix_ledger_transfer_customer_id", "customer_id", "id"),
        Index("ix_ledger_transfer_debit_id", "debit_id", "booked_on"),
        Index("ix_ledger_transfer_credit_id", "credit_id", "booked_on"),
    )

    entry_key: Mapped[str] = mapped_column(String(80))
    leg: Mapped[int]
    debit_id: Mapped[int] = mapped_column(ForeignKey("ledger_account.id"))
    credit_id: Mapped[int] = mapped_column(ForeignKey("ledger_account.id"))
    amount_fen: Mapped[int]
    purpose: Mapped[Purpose | None] = word(Purpose)  # what the money is for; None: nobody knows
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"))
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"))
    deposit_id: Mapped[int | None] = mapped_column(ForeignKey("deposit.id"))
    region_id: Mapped[int | None] = mapped_column(ForeignKey("region.id"))
    booked_on: Mapped[date]
    at: Mapped[datetime]


class LedgerDay(Base):
    """What the transfers of a day come to, by region, accounts and purpose: those up to `LedgerFold.folded_id`."""

    __tablename__ = "ledger_day"
    __table_args__ = (
        Index(
            "uq_ledger_day",
            "booked_on",
            text("coalesce(region_id, 0)"),
            "debit_id",
            "credit_id",
            text("coalesce(purpose, '')"),
            unique=True,
        ),
    )

    booked_on: Mapped[date]
    region_id: Mapped[int | None] = mapped_column(ForeignKey("region.id"))
    debit_id: Mapped[int] = mapped_column(ForeignKey("ledger_account.id"))
    credit_id: Mapped[int] = mapped_column(ForeignKey("ledger_account.id"))
    purpose: Mapped[Purpose | None] = word(Purpose)
    amount_fen: Mapped[int]
    transfers: Mapped[int]


class LedgerFold(Base):
    """How far the transfers are summed up in `LedgerDay`: one row.

    Up to `seen_id` no transfer is still to be committed: folds go up to there and no further.
    """

    __tablename__ = "ledger_fold"

    folded_id: Mapped[int]
    seen_id: Mapped[int]


class WeChatNotice(Base):
    """A signed notice, once for each thing that it tells; a second delivery stops at its key."""

    __tablename__ = "wechat_notice"
    __table_args__ = (UniqueConstraint("kind", "key"),)

    kind: Mapped[NoticeKind] = word(NoticeKind)
    key: Mapped[str] = mapped_column(String(100))
    body: Mapped[bytes] = mapped_column(LargeBinary)  # sealed
    verdict: Mapped[str | None] = mapped_column(String(30))
    received_at: Mapped[datetime]
