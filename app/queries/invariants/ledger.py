"""What must be true of the ledger."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, case, func, literal, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.domain.charges import PaymentStatus
from app.domain.ledger import HOLDS, KINDS, Account, AccountKind
from app.domain.orders import OrderStatus
from app.domain.refunds import RefundStatus
from app.models.money import LedgerAccount, LedgerTransfer, Payment, Refund
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


@invariant("Each payment and each refund is booked, with its amount, between the right accounts")
def money_is_booked(session: Session, _now: datetime) -> Violations:
    """Decision 32."""
    ids = _account_ids(session)
    if len(ids) < len(Account):
        return
    for status, account in HOLDS.items():
        yield from _unbooked(
            session,
            select(Payment.transaction_id, Payment.received_fen).where(Payment.status == status),
            literal("payment:") + Payment.transaction_id,
            Payment.received_fen,
            ids[Account.WECHAT],
            ids[account],
        )
        yield from _unbooked(
            session,
            select(Refund.out_refund_no, Refund.amount_fen)
            .join(Payment, Payment.id == Refund.payment_id)
            .where(Payment.status == status),
            literal("refund:") + Refund.out_refund_no,
            Refund.amount_fen,
            ids[account],
            ids[Account.REFUNDS_PAYABLE],
        )
        yield from _unbooked(
            session,
            select(Refund.out_refund_no, Refund.amount_fen, Refund.status)
            .join(Payment, Payment.id == Refund.payment_id)
            .where(Payment.status == status, Refund.status == RefundStatus.REFUSED),
            literal("refund_refused:") + Refund.out_refund_no,
            Refund.amount_fen,
            ids[Account.REFUNDS_PAYABLE],
            ids[account],
        )
    yield from _unbooked(
        session,
        select(Refund.out_refund_no, Refund.amount_fen, Refund.status).where(Refund.status == RefundStatus.DONE),
        literal("refund_done:") + Refund.out_refund_no,
        Refund.amount_fen,
        ids[Account.REFUNDS_PAYABLE],
        ids[Account.WECHAT],
    )


@invariant("A sale is earned once while its order is completed, and not otherwise")
def pickups_are_booked(session: Session, _now: datetime) -> Violations:
    """Decision 32."""
    ids = _account_ids(session)
    if len(ids) < len(Account):
        return
    earned = func.coalesce(
        func.sum(
            case(
                (LedgerTransfer.credit_id == ids[Account.SALES], LedgerTransfer.amount_fen),
                else_=-LedgerTransfer.amount_fen,
            )
        ),
        0,
    )
    wanted = case((Order.status == OrderStatus.COMPLETED, Order.amount_fen), else_=0)
    of_sales = or_(LedgerTransfer.credit_id == ids[Account.SALES], LedgerTransfer.debit_id == ids[Account.SALES])
    yield from told(
        session,
        select(Order.id.label("order"), Order.status, Order.amount_fen, earned.label("earned"))
        .outerjoin(LedgerTransfer, and_(LedgerTransfer.order_id == Order.id, of_sales))
        .group_by(Order.id, Order.status, Order.amount_fen)
        .having(earned != wanted),
    )
    yield from told(
        session,
        select(LedgerTransfer.entry_key, LedgerTransfer.amount_fen).where(of_sales, LedgerTransfer.order_id.is_(None)),
    )


@invariant("The balance of each account equals what payments, refunds and orders add up to")
def balances_are_explained(session: Session, _now: datetime) -> Violations:
    """Decision 32."""
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
    held = dict.fromkeys(Account, 0)
    payments = session.execute(
        select(Payment.status, func.sum(Payment.received_fen), func.sum(Payment.refunded_fen))
        .where(Payment.status.in_(PAID))
        .group_by(Payment.status)
    )
    for payment_status, received, refunded in payments:
        held[HOLDS[payment_status]] += int(received or 0) - int(refunded or 0)
        held[Account.WECHAT] += int(received or 0)
    refunds = session.execute(select(Refund.status, func.sum(Refund.amount_fen)).group_by(Refund.status))
    for refund_status, amount in refunds:
        if refund_status is RefundStatus.DONE:
            held[Account.WECHAT] -= int(amount or 0)
        elif refund_status in GIVEN_BACK:
            held[Account.REFUNDS_PAYABLE] += int(amount or 0)
    sold = session.scalar(select(func.sum(Order.amount_fen)).where(Order.status == OrderStatus.COMPLETED)) or 0
    held[Account.SALES] += int(sold)
    held[Account.ADVANCES] -= int(sold)
    return held
