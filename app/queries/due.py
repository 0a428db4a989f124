"""What is due: what the jobs find in our own tables, by index and a limited number at a time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from app.domain.charges import LIVE_PAYMENTS, ChargeStatus
from app.domain.orders import OrderStatus
from app.domain.refunds import ON_ITS_WAY, RefundStatus
from app.models.money import Charge, Payment, Refund
from app.models.orders import Order
from app.models.people import Customer
from app.ports import RefundWanted
from app.queries.paging import Key


@dataclass(frozen=True, slots=True)
class LiveAttempt:
    """A payment attempt that WeChat could still take money for."""

    out_trade_no: str
    created_at: datetime
    expires_at: datetime
    asked_at: datetime | None


@dataclass(frozen=True, slots=True)
class OverdueOrder:
    """An unpaid order past its deadline, with the attempts that stand in the way of its expiry."""

    id: int
    expires_at: datetime
    attempts: tuple[LiveAttempt, ...]

    @property
    def key(self) -> Key:
        """Where the page ends that ends with this order."""
        return Key(self.expires_at, self.id)


def overdue_orders(session: Session, now: datetime, *, after: Key | None, limit: int) -> list[OverdueOrder]:
    """Unpaid orders past their deadline, the longest overdue first, one page by key. SET-7."""
    wanted = (
        select(Order.id, Order.expires_at)
        .join(Charge, Charge.order_id == Order.id)
        .where(
            Order.status == OrderStatus.RESERVED,
            Order.expires_at <= now,
            Charge.status == ChargeStatus.OPEN,
        )
        .order_by(Order.expires_at, Order.id)
        .limit(limit)
    )
    if after is not None:
        wanted = wanted.where(tuple_(Order.expires_at, Order.id) > (after.at, after.id))
    rows = session.execute(wanted).all()
    attempts = _attempts_of(session, [row.id for row in rows])
    return [OverdueOrder(row.id, row.expires_at, tuple(attempts.get(row.id, ()))) for row in rows]


def _attempts_of(session: Session, order_ids: Iterable[int]) -> dict[int, list[LiveAttempt]]:
    found: dict[int, list[LiveAttempt]] = {}
    rows = session.execute(
        select(Charge.order_id, Payment.out_trade_no, Payment.created_at, Payment.expires_at, Payment.asked_at)
        .join(Payment, Payment.charge_id == Charge.id)
        .where(Charge.order_id.in_(order_ids), Payment.status.in_(LIVE_PAYMENTS))
    )
    for row in rows:
        attempt = LiveAttempt(row.out_trade_no, row.created_at, row.expires_at, row.asked_at)
        found.setdefault(row.order_id, []).append(attempt)
    return found


def live_attempts(session: Session, made_before: datetime, *, limit: int) -> list[LiveAttempt]:
    """Live attempts made before a time, those first that were not heard of for longest."""
    rows = session.execute(
        select(Payment.out_trade_no, Payment.created_at, Payment.expires_at, Payment.asked_at)
        .where(Payment.status.in_(LIVE_PAYMENTS), Payment.created_at <= made_before)
        .order_by(func.coalesce(Payment.asked_at, Payment.created_at), Payment.id)
        .limit(limit)
    )
    return [LiveAttempt(*row) for row in rows]


def live_attempt(session: Session, out_trade_no: str) -> LiveAttempt | None:
    """One attempt, or None when WeChat can take no money for it any more."""
    row = session.execute(
        select(Payment.out_trade_no, Payment.created_at, Payment.expires_at, Payment.asked_at).where(
            Payment.out_trade_no == out_trade_no, Payment.status.in_(LIVE_PAYMENTS)
        )
    ).one_or_none()
    return LiveAttempt(*row) if row else None


@dataclass(frozen=True, slots=True)
class RefundToSend:
    """A refund that WeChat has not answered; `sibling_at`: when another of its charge was last sent or asked about."""

    id: int
    wanted: RefundWanted
    sibling_at: datetime | None


def refund_to_send(session: Session, out_refund_no: str) -> RefundToSend | None:
    """What WeChat is asked for, or None when it has answered already."""
    row = session.execute(
        select(
            Refund.id,
            Refund.amount_fen,
            Refund.reason,
            Refund.payment_id,
            Payment.out_trade_no,
            Payment.received_fen,
            Payment.charge_id,
        )
        .join(Payment, Payment.id == Refund.payment_id)
        .where(Refund.out_refund_no == out_refund_no, Refund.status == RefundStatus.REQUESTED)
    ).one_or_none()
    if row is None:
        return None
    sibling_at = session.scalars(
        select(func.max(Refund.asked_at))
        .join(Payment, Payment.id == Refund.payment_id)
        .where(
            Payment.id == row.payment_id if row.charge_id is None else Payment.charge_id == row.charge_id,
            Refund.id != row.id,
        )
    ).one()
    wanted = RefundWanted(
        out_trade_no=row.out_trade_no,
        out_refund_no=out_refund_no,
        amount_fen=row.amount_fen,
        total_fen=row.received_fen or 0,
        reason=row.reason,
    )
    return RefundToSend(row.id, wanted, sibling_at)


@dataclass(frozen=True, slots=True)
class RefundOnItsWay:
    """A refund that has not arrived yet; `began_at`: accepted, or else requested."""

    id: int
    out_refund_no: str
    status: RefundStatus
    began_at: datetime
    asked_at: datetime | None


def refunds_on_their_way(session: Session, *, limit: int) -> list[RefundOnItsWay]:
    """Refunds that have not arrived, those first that were not asked about for longest."""
    began_at = func.coalesce(Refund.accepted_at, Refund.requested_at)
    rows = session.execute(
        select(Refund.id, Refund.out_refund_no, Refund.status, began_at, Refund.asked_at)
        .where(Refund.status.in_(ON_ITS_WAY))
        .order_by(func.coalesce(Refund.asked_at, Refund.requested_at), Refund.id)
        .limit(limit)
    )
    return [RefundOnItsWay(*row) for row in rows]


def openid_of(session: Session, customer_id: int) -> str | None:
    """How WeChat knows a person; None once erased."""
    return session.scalars(select(Customer.openid).where(Customer.id == customer_id)).one_or_none()
