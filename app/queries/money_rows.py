"""Payments and refunds as a page of staff lists them, each with what it is for."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from app.domain.charges import PaymentStatus, Purpose
from app.domain.labels import MISFITS, PAYMENT_STATUS, REFUND_STATUS, Badge, paid_for
from app.domain.refunds import ON_ITS_WAY, URGENCY, RefundChannel, RefundStatus
from app.domain.timeline import payment_words, refund_words
from app.models.deposits import Deposit
from app.models.money import Charge, Payment, Refund

MOST_PAYMENTS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyRow:
    """One attempt to pay, or one refund."""

    at: datetime
    what: str
    wechat_id: str | None  # WeChat's id of the payment; of a refund, our number that WeChat knows it by
    amount_fen: int
    payment_status: PaymentStatus | None = None
    refund_status: RefundStatus | None = None
    misfit: str | None = None
    fee_charge_id: int | None = None  # of a paid fee of which something is left to refund
    proof_of: int | None = None  # the refund that was paid outside WeChat

    @property
    def badge(self) -> Badge:
        """The state of an attempt or a refund; of money that does not fit, in which way."""
        if self.refund_status is not None:
            return REFUND_STATUS[self.refund_status]
        if self.misfit is not None and self.misfit in MISFITS:
            return MISFITS[self.misfit]
        assert self.payment_status is not None  # noqa: S101  # a row is of a payment or of a refund
        return PAYMENT_STATUS[self.payment_status]


@dataclass(frozen=True, slots=True)
class Money:
    """The payments of some charges and their refunds, both newest first."""

    payments: tuple[Payment, ...]
    refunds: tuple[Refund, ...]
    rows: tuple[MoneyRow, ...]
    paid_deposits: Mapping[int, int]  # the charge that was paid for each deposit

    @property
    def suspect_fen(self) -> int:
        """What arrived, does not fit, and is not on its way back; 0 when there is nothing."""
        return sum(
            (payment.received_fen or 0) - payment.refunded_fen
            for payment in self.payments
            if payment.status is PaymentStatus.SUSPECT
        )

    def settling(self, charge_id: int) -> Payment | None:
        """What paid a charge."""
        return next(
            (one for one in self.payments if one.charge_id == charge_id and one.status is PaymentStatus.SETTLES), None
        )

    def urgent_refund(self, charge_id: int) -> RefundStatus | None:
        """Of the refunds of what paid a charge, the one that says most, as `refunds.urgent_refund` has it."""
        paid = self.settling(charge_id)
        if paid is None:
            return None
        left_fen = (paid.received_fen or 0) - paid.refunded_fen
        replaced = {one.instead_of_id for one in self.refunds}
        standing = [
            one.status
            for one in self.refunds
            if one.payment_id == paid.id
            and (one.status is not RefundStatus.REFUSED or (one.id not in replaced and left_fen >= one.amount_fen))
        ]
        return min(standing, key=URGENCY.index, default=None)

    def going_back_fen(self, charge_id: int) -> int:
        """What is on its way back of what paid a charge."""
        paid = self.settling(charge_id)
        under_way = (
            one.amount_fen for one in self.refunds if paid and one.payment_id == paid.id and one.status in ON_ITS_WAY
        )
        return sum(under_way)

    def newest_refund(self, charge_id: int) -> Refund | None:
        """The newest refund of what paid a charge."""
        paid = self.settling(charge_id)
        return next((one for one in self.refunds if paid and one.payment_id == paid.id), None)

    def refund_of_deposit(self, deposit_id: int) -> Refund | None:
        """The newest refund of what paid a deposit."""
        charge_id = self.paid_deposits.get(deposit_id)
        return self.newest_refund(charge_id) if charge_id is not None else None


def money_of(session: Session, charges: Select[int] | Collection[int]) -> Money:
    """All money of some charges, given by id."""
    payments = session.execute(
        select(Payment, Charge.purpose, Charge.deposit_id, Deposit.kind)
        .join(Charge, Charge.id == Payment.charge_id)
        .outerjoin(Deposit, Deposit.id == Charge.deposit_id)
        .where(Payment.charge_id.in_(charges))
        .order_by(Payment.id.desc())
        .limit(MOST_PAYMENTS)
    ).all()
    words = {row.Payment.id: paid_for(row.purpose, row.kind) for row in payments}
    refunds = list(
        session.scalars(select(Refund).where(Refund.payment_id.in_(words)).order_by(Refund.id.desc())) if words else ()
    )
    rows = [_of_payment(row, words) for row in payments] + [_of_refund(refund, words) for refund in refunds]
    return Money(
        tuple(row.Payment for row in payments),
        tuple(refunds),
        tuple(sorted(rows, key=lambda row: row.at, reverse=True)),
        {row.deposit_id: row.Payment.charge_id for row in payments if row.deposit_id is not None},
    )


def _of_payment(row: Row[*tuple[Any, ...]], words: dict[int, str]) -> MoneyRow:
    payment: Payment = row.Payment
    is_fee = payment.status is PaymentStatus.SETTLES and row.purpose in (Purpose.FLASH_FEE, Purpose.LATE_FEE)
    return MoneyRow(
        at=payment.paid_at or payment.created_at,
        what=payment_words(payment.status, words[payment.id]),
        wechat_id=payment.transaction_id,
        amount_fen=payment.amount_fen if payment.received_fen is None else payment.received_fen,
        payment_status=payment.status,
        misfit=payment.misfit if payment.status is PaymentStatus.SUSPECT else None,
        fee_charge_id=payment.charge_id if is_fee and payment.refunded_fen < (payment.received_fen or 0) else None,
    )


def _of_refund(refund: Refund, words: dict[int, str]) -> MoneyRow:
    return MoneyRow(
        at=refund.done_at or refund.requested_at,
        what=refund_words(refund.status, words[refund.payment_id], outside=refund.channel is RefundChannel.OUTSIDE),
        wechat_id=refund.out_refund_no,
        amount_fen=-refund.amount_fen,
        refund_status=refund.status,
        proof_of=refund.id if refund.channel is RefundChannel.OUTSIDE else None,
    )
