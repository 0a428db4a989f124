"""What must be true of the ledger."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, String, and_, case, cast, func, literal, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.domain.charges import ChargeStatus, PaymentStatus, Purpose
from app.domain.deposits import DepositStatus, WithholdingKind
from app.domain.ledger import KINDS, Account, AccountKind, held_on
from app.domain.numbering import Business
from app.domain.orders import OrderStatus
from app.domain.refunds import RefundChannel, RefundStatus
from app.models.batteries import BatteryUse
from app.models.closing import DayClose
from app.models.deposits import Deposit, DepositWithholding
from app.models.late_fees import LateFee, LateFeeWaiver
from app.models.money import Charge, LedgerAccount, LedgerTransfer, Payment, Refund
from app.models.orders import Order
from app.queries.invariants._registry import Violations, invariant, told

PAID = (PaymentStatus.SETTLES, PaymentStatus.SURPLUS, PaymentStatus.SUSPECT)
GIVEN_BACK = (RefundStatus.REQUESTED, RefundStatus.ACCEPTED, RefundStatus.ABNORMAL, RefundStatus.DONE)


def _account_ids(session: Session) -> dict[Account, int]:
    return dict(session.execute(select(LedgerAccount.code, LedgerAccount.id)).all())


@invariant("The ledger has its accounts, each of its kind")
def accounts_are_there(session: Session, _now: datetime) -> Violations:
    """Decision 32."""
    kinds: dict[Account, AccountKind] = dict(session.execute(select(LedgerAccount.code, LedgerAccount.kind)).all())
    for account, kind in KINDS.items():
        if kinds.get(account) is not kind:
            yield f"account={account.value} kind={kinds.get(account)}"


def _unbooked(
    session: Session, base: Select[*tuple[Any, ...]], key: Any, amount: Any, debit: Any, credit: Any
) -> Iterator[str]:
    """Rows of `base` whose event is not booked exactly once, with its amount, between the right accounts."""
    wrong = or_(
        LedgerTransfer.id.is_(None),
        LedgerTransfer.amount_fen != amount,
        LedgerTransfer.debit_id != debit,
        LedgerTransfer.credit_id != credit,
    )
    return told(session, base.outerjoin(LedgerTransfer, LedgerTransfer.entry_key == key).where(wrong))


PLACES: tuple[tuple[PaymentStatus, Purpose | None], ...] = (
    *((PaymentStatus.SETTLES, purpose) for purpose in Purpose),
    (PaymentStatus.SURPLUS, None),
    (PaymentStatus.SUSPECT, None),
)
"""Where the money of a payment stands follows from its status, and if it settles from what its charge is for."""


@invariant("Each payment and each refund is booked, with its amount, between the right accounts")
def money_is_booked(session: Session, _now: datetime) -> Violations:
    """Decision 32. What was a suspect, and was attached to its charge, came from suspense (decision 16)."""
    ids = _account_ids(session)
    if len(ids) < len(Account):
        return
    for status, purpose in PLACES:
        held, suspense = ids[held_on(status, purpose)], ids[Account.SUSPENSE]
        there = Payment.status == status
        if purpose is not None:
            there &= Payment.charge_id.in_(select(Charge.id).where(Charge.purpose == purpose))
        was_suspect = Payment.misfit.is_not(None)
        paid = select(Payment.transaction_id, Payment.received_fen).where(there)
        arrived = literal("payment:") + Payment.transaction_id
        came_to = case((was_suspect, suspense), else_=held)
        yield from _unbooked(session, paid, arrived, Payment.received_fen, ids[Account.WECHAT], came_to)
        if status is PaymentStatus.SETTLES:
            moved = literal("attached:") + Payment.transaction_id
            yield from _unbooked(session, paid.where(was_suspect), moved, Payment.received_fen, suspense, held)
    yield from _refunds_booked(session, ids)


def _refunds_booked(session: Session, ids: dict[Account, int]) -> Violations:
    """From where the money stood, to WeChat or what the owner paid; what WeChat closed went back there."""
    payable = ids[Account.REFUNDS_PAYABLE]
    refunds = select(Refund.out_refund_no, Refund.amount_fen, Refund.status).join(
        LedgerAccount, LedgerAccount.code == Refund.held_on
    )
    held, outside = LedgerAccount.id, Refund.channel == RefundChannel.OUTSIDE
    paid_from = case((outside, ids[Account.OUTSIDE]), else_=ids[Account.WECHAT])
    done = refunds.where(Refund.status == RefundStatus.DONE)
    refused = refunds.where(Refund.status == RefundStatus.REFUSED)
    for base, key, debit, credit in (
        (refunds, "refund:", held, payable),
        (refused, "refund_refused:", payable, held),
        (done, "refund_done:", payable, paid_from),
    ):
        yield from _unbooked(session, base, literal(key) + Refund.out_refund_no, Refund.amount_fen, debit, credit)


@invariant(
    "What is withheld from a deposit, the price of each battery use, each late fee and what was waived of it is booked"
    " once between the right accounts"
)
def withholdings_and_fees_are_booked(session: Session, _now: datetime) -> Violations:
    """Decisions 20 to 22, 41."""
    ids = _account_ids(session)
    if len(ids) < len(Account):
        return
    for kind in WithholdingKind:
        account = Account.DAMAGES if kind is WithholdingKind.DAMAGE else Account.RECEIVABLES
        yield from _unbooked(
            session,
            select(DepositWithholding.id.label("withholding")).where(DepositWithholding.kind == kind),
            literal("withheld:") + cast(DepositWithholding.id, String),
            DepositWithholding.amount_fen,
            ids[Account.DEPOSITS],
            ids[account],
        )
    yield from _unbooked(
        session,
        select(BatteryUse.id.label("use")).where(BatteryUse.price_fen > 0),
        literal("flash_fee:") + cast(BatteryUse.id, String),
        BatteryUse.price_fen,
        ids[Account.RECEIVABLES],
        ids[Account.FLASH_FEES],
    )
    yield from _unbooked(
        session,
        select(LateFee.id.label("late_fee")).where(LateFee.amount_fen > 0),
        literal("late_fee:") + cast(LateFee.id, String),
        LateFee.amount_fen,
        ids[Account.RECEIVABLES],
        ids[Account.LATE_FEES],
    )
    yield from _unbooked(
        session,
        select(LateFeeWaiver.id.label("waiver")),
        literal("waiver:") + cast(LateFeeWaiver.id, String),
        LateFeeWaiver.amount_fen,
        ids[Account.LATE_FEES],
        ids[Account.RECEIVABLES],
    )


@invariant("A sale or a rental fee is earned once while its order is completed, and not otherwise")
def pickups_are_booked(session: Session, _now: datetime) -> Violations:
    """Decision 32."""
    ids = _account_ids(session)
    if len(ids) < len(Account):
        return
    for account, businesses in (
        (Account.SALES, (Business.SALE,)),
        (Account.RENTALS, (Business.RENTAL, Business.MINI_RENTAL)),
    ):
        earned_there = LedgerTransfer.credit_id == ids[account]
        earned = func.coalesce(
            func.sum(case((earned_there, LedgerTransfer.amount_fen), else_=-LedgerTransfer.amount_fen)), 0
        )
        is_earned = and_(Order.status == OrderStatus.COMPLETED, Order.business.in_(businesses))
        wanted = case((is_earned, Order.amount_fen), else_=0) - _refunded_of(account)
        of_account = or_(earned_there, LedgerTransfer.debit_id == ids[account])
        yield from told(
            session,
            select(Order.id.label("order"), Order.status, Order.amount_fen, earned.label("earned"))
            .outerjoin(LedgerTransfer, and_(LedgerTransfer.order_id == Order.id, of_account))
            .group_by(Order.id, Order.status, Order.amount_fen, Order.business)
            .having(earned != wanted),
        )
        yield from told(
            session,
            select(LedgerTransfer.entry_key, LedgerTransfer.amount_fen).where(
                of_account, LedgerTransfer.order_id.is_(None)
            ),
        )


def _refunded_of(account: Account) -> ScalarSelect[int]:
    """What was sent back of the order of another read after its pickup."""
    return (
        select(func.coalesce(func.sum(Refund.amount_fen), 0))
        .join(Payment, Payment.id == Refund.payment_id)
        .join(Charge, Charge.id == Payment.charge_id)
        .where(Charge.order_id == Order.id, Refund.held_on == account, Refund.status.in_(GIVEN_BACK))
        .correlate(Order)
        .scalar_subquery()
    )


@invariant("Nothing is booked on a day that was closed before")
def closed_days_stay_closed(session: Session, _now: datetime) -> Violations:
    """Decision 33."""
    same_place = func.coalesce(LedgerTransfer.region_id, 0) == func.coalesce(DayClose.region_id, 0)
    return told(
        session,
        select(LedgerTransfer.entry_key, LedgerTransfer.booked_on, LedgerTransfer.at, DayClose.closed_at)
        .join(DayClose, and_(DayClose.on_day == LedgerTransfer.booked_on, same_place))
        .where(LedgerTransfer.at > DayClose.closed_at),
    )


@invariant("The balance of each account equals what payments, refunds, orders, deposits and uses add up to")
def balances_are_explained(session: Session, _now: datetime) -> Violations:
    """Decision 32. Deposits are a liability: their account is what is held for people, one by one."""
    ids = _account_ids(session)
    if len(ids) < len(Account):
        return
    debited, credited = _sums(session, LedgerTransfer.debit_id), _sums(session, LedgerTransfer.credit_id)
    for account, expected in _expected_balances(session).items():
        net = debited.get(ids[account], 0) - credited.get(ids[account], 0)
        balance = net if KINDS[account] is AccountKind.ASSET else -net
        if balance != expected:
            yield f"account={account.value} balance_fen={balance} expected_fen={expected}"


def _sums(session: Session, side: InstrumentedAttribute[int]) -> dict[int, int]:
    rows = session.execute(select(side, func.sum(LedgerTransfer.amount_fen)).group_by(side))
    return {account_id: int(amount or 0) for account_id, amount in rows}


def _expected_balances(session: Session) -> dict[Account, int]:
    expected = dict.fromkeys(Account, 0)
    payments = session.execute(
        select(Payment.status, Charge.purpose, func.sum(Payment.received_fen))
        .outerjoin(Charge, Charge.id == Payment.charge_id)
        .where(Payment.status.in_(PAID))
        .group_by(Payment.status, Charge.purpose)
    )
    for payment_status, purpose, received in payments:
        account = held_on(payment_status, purpose)
        expected[Account.WECHAT] += int(received or 0)
        if account not in (Account.RECEIVABLES, Account.DEPOSITS):  # these are explained from the other side
            expected[account] += int(received or 0)
    earned = session.execute(
        select(Order.business, func.sum(Order.amount_fen))
        .where(Order.status == OrderStatus.COMPLETED)
        .group_by(Order.business)
    )
    for business, amount in earned:
        expected[Account.SALES if business is Business.SALE else Account.RENTALS] += int(amount or 0)
        expected[Account.ADVANCES] -= int(amount or 0)
    expected[Account.DEPOSITS] = _deposits_held(session)
    withheld = DepositWithholding.amount_fen
    expected[Account.DAMAGES] = _total(session, withheld, DepositWithholding.kind == WithholdingKind.DAMAGE)
    expected[Account.FLASH_FEES] = _total(session, BatteryUse.price_fen)
    expected[Account.LATE_FEES] = _total(session, LateFee.amount_fen) - _total(session, LateFeeWaiver.amount_fen)
    flash, late = Charge.purpose == Purpose.FLASH_FEE, Charge.purpose == Purpose.LATE_FEE
    expected[Account.RECEIVABLES] = (
        _total(session, Charge.amount_fen, flash, Charge.status == ChargeStatus.OPEN)
        + expected[Account.LATE_FEES]
        - _total(session, Charge.amount_fen, late, Charge.status == ChargeStatus.SETTLED)
        - _total(session, withheld, DepositWithholding.kind == WithholdingKind.LATE_FEE)
    )
    for account, amount in _given_back(session):
        expected[account] += amount
    return expected


def _total(session: Session, amount: InstrumentedAttribute[int], *where: ColumnElement[bool]) -> int:
    return int(session.scalar(select(func.sum(amount)).where(*where)) or 0)


def _given_back(session: Session) -> Iterator[tuple[Account, int]]:
    """What refunds change of the balances, account by account."""
    refunds = session.execute(
        select(Refund.status, Refund.channel, Refund.held_on, func.sum(Refund.amount_fen))
        .where(Refund.status.in_(GIVEN_BACK))
        .group_by(Refund.status, Refund.channel, Refund.held_on)
    )
    for status, channel, held, total in refunds:
        amount = int(total or 0)
        if held is not Account.DEPOSITS:  # explained from the other side
            yield held, -amount
        if status is not RefundStatus.DONE:
            yield Account.REFUNDS_PAYABLE, amount
        elif channel is RefundChannel.OUTSIDE:
            yield Account.OUTSIDE, amount
        else:
            yield Account.WECHAT, -amount


def _deposits_held(session: Session) -> int:
    """What stands on the liability: paid in, less what was withheld and what is on its way back or back."""
    held = session.scalar(
        select(func.sum(Deposit.amount_fen - Deposit.withheld_fen)).where(
            Deposit.status.in_((DepositStatus.HELD, DepositStatus.REFUNDING, DepositStatus.REFUNDED))
        )
    )
    back = session.scalar(
        select(func.sum(Refund.amount_fen))
        .join(Payment, Payment.id == Refund.payment_id)
        .join(Charge, Charge.id == Payment.charge_id)
        .where(
            Charge.purpose == Purpose.DEPOSIT,
            Payment.status == PaymentStatus.SETTLES,
            Refund.status.in_(GIVEN_BACK),
        )
    )
    return int(held or 0) - int(back or 0)
