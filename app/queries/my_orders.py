"""A person's own orders, with what to do next, what was paid, and what is on its way back (FLOW-BUY-2, FLOW-BUY-3)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.domain import labels
from app.domain.charges import LIVE_PAYMENTS
from app.domain.errors import NotFound
from app.domain.order_story import told
from app.domain.orders import CancelFacts, OrderStatus, is_time_to_pay, may_customer_cancel
from app.domain.permissions import Actor, ActorKind
from app.domain.refunds import RefundStatus
from app.domain.timeline import Entry
from app.models.directory import Region, Store
from app.models.journal import Audit
from app.models.money import Charge, Payment, Refund
from app.models.orders import Order
from app.models.vehicles import Listing, VehicleModel
from app.queries.paging import Key, Page, page_ids
from app.queries.suspects import suspect_fen_of_charge

PAGE_SIZE = 20
MOST_LINES = 100
"""Lines of one order's story: far more than any order has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MyOrderRow:
    """One order in a person's list."""

    order_id: int
    number: str
    model: str
    picture: str
    colour: str
    store_name: str
    amount_fen: int
    status: OrderStatus
    reserved_at: datetime
    expires_at: datetime
    matched_at: datetime | None
    picked_up_at: datetime | None
    closed_at: datetime | None
    paid_at: datetime | None  # when the charge was settled
    suspect_fen: int  # money that arrived and does not fit; 0 when there is none

    @property
    def badge(self) -> labels.Badge:
        """The state's word and look. ORD-2."""
        return labels.ORDER_STATUS[self.status]

    @property
    def is_paid(self) -> bool:
        """Whether the vehicle is paid for (also after a cancelled order was paid)."""
        return self.paid_at is not None

    @property
    def is_suspect(self) -> bool:
        """Whether money arrived that does not fit."""
        return self.suspect_fen > 0

    @property
    def waits_for_number(self) -> bool:
        """The person is to come to the store and enter the number."""
        return self.status is OrderStatus.RESERVED and not self.is_paid and self.matched_at is None

    @property
    def waits_for_payment(self) -> bool:
        """The number was right: the person is to pay."""
        return self.status is OrderStatus.RESERVED and not self.is_paid and self.matched_at is not None

    @property
    def waits_for_pickup(self) -> bool:
        """Paid: the counter is to hand the vehicle over."""
        return self.status is OrderStatus.RESERVED and self.is_paid

    def is_running_out(self, now: datetime) -> bool:
        """Whether it is unpaid and past its deadline: nothing can be done with it, it is about to expire."""
        return self.is_open and not self.is_paid and self.expires_at <= now

    @property
    def is_collected(self) -> bool:
        """Whether the vehicle was picked up."""
        return self.status is OrderStatus.COMPLETED

    @property
    def is_open(self) -> bool:
        """Reserved: paid or not, not collected yet."""
        return self.status is OrderStatus.RESERVED

    @property
    def is_closed(self) -> bool:
        """Cancelled or expired."""
        return self.status in (OrderStatus.CANCELLED, OrderStatus.EXPIRED)


@dataclass(frozen=True, slots=True)
class LiveAttempt:
    """The payment attempt that WeChat could still take money for."""

    out_trade_no: str
    prepay_id: str | None  # None until WeChat has answered
    created_at: datetime
    expires_at: datetime
    asked_at: datetime | None


@dataclass(frozen=True, slots=True)
class MyPayment:
    """Money that arrived for an order."""

    amount_fen: int
    paid_at: datetime
    badge: labels.Badge


@dataclass(frozen=True, slots=True)
class MyRefund:
    """Money on its way back, or back."""

    amount_fen: int
    requested_at: datetime
    done_at: datetime | None
    status: RefundStatus

    @property
    def badge(self) -> labels.Badge:
        """退款中 until it has arrived."""
        return labels.REFUND_STATUS[self.status]

    @property
    def is_stuck(self) -> bool:
        """Whether somebody at the store must look."""
        return self.status in (RefundStatus.ABNORMAL, RefundStatus.REFUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class MyOrder(MyOrderRow):
    """One order with everything its person may see of it."""

    order_no: str
    customer_id: int
    listing_id: int
    region_id: int
    region_letter: str
    address: str
    hours: str
    cancel_paid_hours: int
    attempt: LiveAttempt | None
    payments: tuple[MyPayment, ...]
    refunds: tuple[MyRefund, ...]
    story: tuple[Entry, ...]
    can_cancel: bool
    time_to_pay: bool

    @property
    def place(self) -> str:
        """Where and when the store is open, as far as it is known."""
        return "，".join(part for part in (self.address, self.hours) if part)

    @property
    def can_pay(self) -> bool:
        """Whether a payment may be offered: never beside money that somebody is still looking at."""
        return self.waits_for_payment and self.time_to_pay and self.suspect_fen == 0

    @property
    def number_waits(self) -> bool:
        """Whether WeChat could still take money for the closed order: its number is free afterwards. Decision 8."""
        return self.is_closed and self.attempt is not None

    @property
    def has_money(self) -> bool:
        """Whether there is anything to show under 支付与退款."""
        return bool(self.payments or self.refunds)

    @property
    def refund_stuck(self) -> bool:
        """Whether a refund needs somebody at the store."""
        return any(refund.is_stuck for refund in self.refunds)


def _mine(actor: Actor) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Order.id.label("order_id"),
            Order.number,
            VehicleModel.name.label("model"),
            VehicleModel.picture,
            Order.colour,
            func.coalesce(Store.name, Region.name).label("store_name"),
            Order.amount_fen,
            Order.status,
            Order.reserved_at,
            Order.expires_at,
            Order.matched_at,
            Order.picked_up_at,
            Order.closed_at,
            Charge.settled_at.label("paid_at"),
            suspect_fen_of_charge().label("suspect_fen"),
        )
        .join(Charge, Charge.order_id == Order.id)
        .join(Listing, Listing.id == Order.listing_id)
        .join(VehicleModel, VehicleModel.id == Listing.model_id)
        .join(Region, Region.id == Order.region_id)
        .outerjoin(Store, Store.region_id == Order.region_id)
        .where(Order.customer_id == actor.id)
    )


def my_order_rows(session: Session, actor: Actor, *, after: Key | None = None) -> Page[MyOrderRow]:
    """The person's orders, newest first, one page by key."""

    def load(ids: Collection[int]) -> dict[int, MyOrderRow]:
        rows = session.execute(_mine(actor).where(Order.id.in_(ids)))
        return {row.order_id: MyOrderRow(**row._asdict()) for row in rows}

    wanted = select(Order.id, Order.reserved_at.label("at")).where(Order.customer_id == actor.id)
    return page_ids(session, wanted, Order.reserved_at, Order.id, after=after, before=None, size=PAGE_SIZE, load=load)


def my_open_orders(session: Session, actor: Actor, *, limit: int = 5) -> list[MyOrderRow]:
    """What the person holds a number for and has not collected, the nearest deadline first."""
    rows = session.execute(
        _mine(actor).where(Order.status == OrderStatus.RESERVED).order_by(Order.expires_at, Order.id).limit(limit)
    )
    return [MyOrderRow(**row._asdict()) for row in rows]


def my_order_count(session: Session, actor: Actor) -> int:
    """How many orders the person ever made."""
    return session.scalars(select(func.count()).select_from(Order).where(Order.customer_id == actor.id)).one()


def my_order(session: Session, actor: Actor, order_id: int, now: datetime) -> MyOrder:
    """One order of the person's own. Raises NotFound for anybody else's."""
    row = session.execute(
        _mine(actor)
        .add_columns(
            Order.order_no,
            Order.customer_id,
            Order.listing_id,
            Order.region_id,
            Order.cancel_paid_hours,
            Region.letter.label("region_letter"),
            func.coalesce(Store.address, "").label("address"),
            func.coalesce(Store.hours, "").label("hours"),
            Charge.id.label("charge_id"),
        )
        .where(Order.id == order_id)
    ).one_or_none()
    if row is None:
        raise NotFound
    columns = row._asdict()
    charge_id = columns.pop("charge_id")
    attempts = session.execute(
        select(
            Payment.id,
            Payment.out_trade_no,
            Payment.prepay_id,
            Payment.status,
            Payment.created_at,
            Payment.expires_at,
            Payment.asked_at,
            Payment.received_fen,
            Payment.paid_at,
        )
        .where(Payment.charge_id == charge_id)
        .order_by(Payment.id.desc())
    ).all()
    live = next((attempt for attempt in attempts if attempt.status in LIVE_PAYMENTS), None)
    arrived = [attempt for attempt in attempts if attempt.received_fen is not None]
    return MyOrder(
        **columns,
        attempt=LiveAttempt(live.out_trade_no, live.prepay_id, live.created_at, live.expires_at, live.asked_at)
        if live
        else None,
        payments=tuple(
            MyPayment(
                attempt.received_fen, attempt.paid_at or attempt.created_at, labels.PAYMENT_STATUS[attempt.status]
            )
            for attempt in arrived
        ),
        refunds=_refunds(session, [attempt.id for attempt in arrived]),
        story=_story(session, order_id),
        can_cancel=may_customer_cancel(
            CancelFacts(columns["status"], columns["paid_at"]), now, paid_hours=columns["cancel_paid_hours"]
        ),
        time_to_pay=is_time_to_pay(columns["expires_at"], now),
    )


def _refunds(session: Session, payment_ids: list[int]) -> tuple[MyRefund, ...]:
    if not payment_ids:
        return ()
    rows = session.execute(
        select(Refund.amount_fen, Refund.requested_at, Refund.done_at, Refund.status)
        .where(Refund.payment_id.in_(payment_ids))
        .order_by(Refund.id.desc())
    )
    return tuple(MyRefund(*row) for row in rows)


def _story(session: Session, order_id: int) -> tuple[Entry, ...]:
    """Newest first."""
    rows = session.execute(
        select(Audit.at, Audit.action, Audit.actor_kind, Audit.facts)
        .where(Audit.order_id == order_id)
        .order_by(Audit.id.desc())
        .limit(MOST_LINES)
    )
    lines = ((row.at, told(row.action, row.facts, by_its_person=row.actor_kind is ActorKind.CUSTOMER)) for row in rows)
    return tuple(Entry(at, line) for at, line in lines if line is not None)
