"""A person's own orders, with what to do next, what was paid, and what is on its way back (FLOW-BUY-2, FLOW-RENT-3)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, ScalarSelect, Select, func, or_, select
from sqlalchemy.orm import Session, aliased

from app.domain import labels
from app.domain.calendar import business_day
from app.domain.charges import PaymentStatus
from app.domain.errors import NotFound
from app.domain.numbering import Business
from app.domain.order_story import told
from app.domain.orders import RENTALS, CancelFacts, Intent, OrderStatus, Step, Way, may_customer_cancel
from app.domain.permissions import Actor, ActorKind
from app.domain.progress import Progress
from app.domain.refunds import ON_ITS_WAY, RefundStatus
from app.domain.rentals import Condition, RentalStatus
from app.domain.timeline import Entry
from app.models.deposits import Deposit
from app.models.directory import Region, Store
from app.models.journal import Audit
from app.models.money import Charge, Payment, Refund
from app.models.orders import Order
from app.models.rentals import Rental
from app.models.vehicles import Listing, Plan, VehicleModel
from app.queries.cards import has_standing
from app.queries.deposits import is_secured
from app.queries.my_card import MyCard, my_card
from app.queries.my_deposits import MyDeposit, MyRefund, my_deposits
from app.queries.paging import Key, Page, page_ids
from app.queries.refunds import is_open

PAGE_SIZE = 20
MOST_LINES = 100
"""Lines of one order's story: far more than any order has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MyRental:
    """A vehicle that is with the person, or was: its days, and the terms that it began with."""

    deposit_id: int  # what secures it
    began_on: date
    due_on: date
    freezes_on: date
    late_fee_fen: int  # for each day past the due day
    late_owed_fen: int  # once it is back: what is still to be paid of it
    returned_at: datetime | None
    condition: Condition | None
    settled_at: datetime | None

    @property
    def status(self) -> RentalStatus:
        """Out, or back."""
        return RentalStatus.OUT if self.returned_at is None else RentalStatus.RETURNED

    @property
    def is_out(self) -> bool:
        """Whether it is still with the person."""
        return self.returned_at is None

    @property
    def waits_for_settlement(self) -> bool:
        """Whether it came back damaged and nobody has said yet what that costs. Decision 41."""
        return self.returned_at is not None and self.settled_at is None

    def progress(self, now: datetime) -> Progress:
        """Where its days stand; of one that is back, where they stood then."""
        return Progress(self.began_on, self.due_on, self.freezes_on, business_day(self.returned_at or now))


@dataclass(frozen=True, slots=True, kw_only=True)
class MyOrderRow:
    """One order in a person's list."""

    order_id: int
    charge_id: int  # of its price
    business: Business
    listing_id: int
    days: int  # 0: a sale
    plan: str  # empty for a sale, and for a plan that is gone
    number: str
    model: str
    picture: str
    colour: str
    store_name: str
    amount_fen: int
    cancel_paid_hours: int
    intent: Intent
    status: OrderStatus
    reserved_at: datetime
    expires_at: datetime
    matched_at: datetime | None
    picked_up_at: datetime | None
    closed_at: datetime | None
    paid_at: datetime | None  # when the charge was settled
    suspect_fen: int  # money that arrived for it or its deposit and does not fit; 0 when there is none
    going_back_fen: int  # of what was paid for it: on its way back
    back_fen: int  # and what has arrived
    has_card: bool  # the person sent a student card in that was not refused
    is_secured: bool  # a deposit of the person is held
    rental: MyRental | None  # from the pickup on

    @property
    def badge(self) -> labels.Badge:
        """The state's word and look. ORD-2."""
        return labels.ORDER_STATUS[self.status]

    def badges(self, now: datetime) -> tuple[labels.Badge, ...]:
        """The same, and for a rental whether it is back and how late it is; what says most comes last. Decision 11."""
        if self.rental is None:
            return (self.badge,)
        late = self.rental.progress(now).days_late if self.rental.is_out else 0
        return (self.badge, labels.RENTAL_STATUS[self.rental.status], *([labels.late(late)] if late else []))

    @property
    def is_rental(self) -> bool:
        """Whether the vehicle comes back."""
        return self.business in RENTALS

    @property
    def term(self) -> str:
        """`月租，30 天`; empty for a sale."""
        return "，".join(filter(None, (self.plan, f"{self.days} 天"))) if self.is_rental else ""

    @property
    def is_out(self) -> bool:
        """Whether a rented vehicle is with the person."""
        return self.rental is not None and self.rental.is_out

    @property
    def way(self) -> Way:
        """How far it has come, while it is reserved."""
        return Way(
            has_card=self.has_card or not self.is_rental,
            is_secured=self.is_secured or not self.is_rental,
            is_matched=self.matched_at is not None,
            is_paid=self.is_paid,
        )

    @property
    def step(self) -> Step | None:
        """What it waits for; None unless it is reserved."""
        return self.way.step if self.is_open else None

    @property
    def is_paid(self) -> bool:
        """Whether the vehicle is paid for (also after a cancelled order was paid)."""
        return self.paid_at is not None

    @property
    def is_suspect(self) -> bool:
        """Whether money arrived that does not fit."""
        return self.suspect_fen > 0

    @property
    def waits_for_deposit(self) -> bool:
        """A rental that nothing secures yet; the card may be missing too."""
        return self.is_open and not self.way.is_secured

    @property
    def waits_for_number(self) -> bool:
        """The person is to come to the store and enter the number."""
        return self.step is Step.NUMBER

    @property
    def waits_for_payment(self) -> bool:
        """The number was right: the person is to pay."""
        return self.step is Step.PAY

    @property
    def waits_for_pickup(self) -> bool:
        """Paid: the counter is to hand the vehicle over."""
        return self.step is Step.PICKUP

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
class MyPayment:
    """Money that arrived for an order."""

    amount_fen: int
    paid_at: datetime
    badge: labels.Badge


@dataclass(frozen=True, slots=True, kw_only=True)
class MyOrder(MyOrderRow):
    """One order with everything its person may see of it."""

    order_no: str
    customer_id: int
    region_id: int
    region_letter: str
    address: str
    hours: str
    rental_deposit_fen: int | None  # what was agreed with the reservation; None for a sale
    flash_deposit_fen: int | None
    card: MyCard | None  # the student card of whoever rents
    payments: tuple[MyPayment, ...]
    refunds: tuple[MyRefund, ...]
    deposits: tuple[MyDeposit, ...]
    story: tuple[Entry, ...]
    can_cancel: bool

    @property
    def place(self) -> str:
        """Where and when the store is open, as far as it is known."""
        return "，".join(part for part in (self.address, self.hours) if part)

    @property
    def has_money(self) -> bool:
        """Whether there is anything to show under 支付与退款."""
        return bool(self.payments or self.refunds)

    @property
    def refund_stuck(self) -> bool:
        """Whether a refund needs somebody at the store."""
        return any(refund.is_stuck for refund in self.refunds)


def _suspect_fen() -> ScalarSelect[int]:
    """What arrived for the order or a deposit on its way, does not fit, and is not on its way back. Decision 16."""
    charge = aliased(Charge)
    return (
        select(func.coalesce(func.sum(Payment.received_fen - Payment.refunded_fen), 0))
        .join(charge, charge.id == Payment.charge_id)
        .outerjoin(Deposit, Deposit.id == charge.deposit_id)
        .where(Payment.status == PaymentStatus.SUSPECT, or_(charge.order_id == Order.id, Deposit.order_id == Order.id))
        .correlate(Order)
        .scalar_subquery()
    )


def _refunded_fen(*statuses: RefundStatus) -> ScalarSelect[int]:
    """What is or was sent back of what paid for the order, in refunds that stand so."""
    return (
        select(func.coalesce(func.sum(Refund.amount_fen), 0))
        .join(Payment, Payment.id == Refund.payment_id)
        .where(Payment.charge_id == Charge.id, Payment.status == PaymentStatus.SETTLES, Refund.status.in_(statuses))
        .correlate(Charge)
        .scalar_subquery()
    )


def _mine(actor: Actor) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Order.id.label("order_id"),
            Charge.id.label("charge_id"),
            Order.business,
            Order.listing_id,
            Order.days,
            func.coalesce(Plan.name, "").label("plan"),
            Order.number,
            VehicleModel.name.label("model"),
            VehicleModel.picture,
            Order.colour,
            func.coalesce(Store.name, Region.name).label("store_name"),
            Order.amount_fen,
            Order.cancel_paid_hours,
            Order.intent,
            Order.status,
            Order.reserved_at,
            Order.expires_at,
            Order.matched_at,
            Order.picked_up_at,
            Order.closed_at,
            Charge.settled_at.label("paid_at"),
            _suspect_fen().label("suspect_fen"),
            _refunded_fen(*ON_ITS_WAY).label("going_back_fen"),
            _refunded_fen(RefundStatus.DONE).label("back_fen"),
            has_standing(Order.customer_id).label("has_card"),
            is_secured(Order.customer_id).label("is_secured"),
            Rental,
        )
        .join(Charge, Charge.order_id == Order.id)
        .join(Listing, Listing.id == Order.listing_id)
        .join(VehicleModel, VehicleModel.id == Listing.model_id)
        .join(Region, Region.id == Order.region_id)
        .outerjoin(Store, Store.region_id == Order.region_id)
        .outerjoin(Plan, (Plan.listing_id == Order.listing_id) & (Plan.days == Order.days))
        .outerjoin(Rental, Rental.order_id == Order.id)
        .where(Order.customer_id == actor.id)
    )


def _columns(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    columns = row._asdict()
    out: Rental | None = columns.pop("Rental")
    columns["rental"] = out and MyRental(
        deposit_id=out.deposit_id,
        began_on=out.began_on,
        due_on=out.due_on,
        freezes_on=out.freezes_on,
        late_fee_fen=out.late_fee_fen,
        late_owed_fen=out.late_owed_fen,
        returned_at=out.returned_at,
        condition=out.condition,
        settled_at=out.settled_at,
    )
    return columns


def my_order_rows(session: Session, actor: Actor, *, after: Key | None = None) -> Page[MyOrderRow]:
    """The person's orders, newest first, one page by key."""

    def load(ids: Collection[int]) -> dict[int, MyOrderRow]:
        rows = session.execute(_mine(actor).where(Order.id.in_(ids)))
        return {row.order_id: MyOrderRow(**_columns(row)) for row in rows}

    wanted = select(Order.id, Order.reserved_at.label("at")).where(Order.customer_id == actor.id)
    return page_ids(session, wanted, Order.reserved_at, Order.id, after=after, before=None, size=PAGE_SIZE, load=load)


def my_open_orders(session: Session, actor: Actor, *, limit: int = 5) -> list[MyOrderRow]:
    """What the person holds a number for and has not collected, or has rented; the nearest deadline first."""
    rows = session.execute(
        _mine(actor)
        .where(or_(Order.status == OrderStatus.RESERVED, Order.occupies_rental))
        .order_by(Order.expires_at, Order.id)
        .limit(limit)
    )
    return [MyOrderRow(**_columns(row)) for row in rows]


def my_one_rental(session: Session, actor: Actor) -> MyOrderRow | None:
    """The person's one rental, from reservation to return. FLOW-RENT-4."""
    row = session.execute(_mine(actor).where(Order.occupies_rental)).one_or_none()
    return MyOrderRow(**_columns(row)) if row else None


def my_order_row(session: Session, actor: Actor, order_id: int) -> MyOrderRow:
    """One order of the person's own, as in the list. Raises NotFound for anybody else's."""
    row = session.execute(_mine(actor).where(Order.id == order_id)).one_or_none()
    if row is None:
        raise NotFound
    return MyOrderRow(**_columns(row))


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
            Order.region_id,
            Order.rental_deposit_fen,
            Order.flash_deposit_fen,
            Region.letter.label("region_letter"),
            func.coalesce(Store.address, "").label("address"),
            func.coalesce(Store.hours, "").label("hours"),
        )
        .where(Order.id == order_id)
    ).one_or_none()
    if row is None:
        raise NotFound
    columns = _columns(row)
    arrived = session.execute(
        select(Payment.id, Payment.received_fen, Payment.paid_at, Payment.created_at, Payment.status)
        .where(Payment.charge_id == row.charge_id, Payment.received_fen.is_not(None))
        .order_by(Payment.id.desc())
    ).all()
    return MyOrder(
        **columns,
        card=my_card(session, actor) if row.business in RENTALS else None,
        payments=tuple(
            MyPayment(one.received_fen, one.paid_at or one.created_at, labels.PAYMENT_STATUS[one.status])
            for one in arrived
        ),
        refunds=_refunds(session, [one.id for one in arrived]),
        deposits=_deposits(session, actor, row, now),
        story=_story(session, order_id),
        can_cancel=may_customer_cancel(CancelFacts(row.status, row.paid_at), now, paid_hours=row.cancel_paid_hours),
    )


def _deposits(session: Session, actor: Actor, row: Row[*tuple[Any, ...]], now: datetime) -> tuple[MyDeposit, ...]:
    """Those that were agreed on the way of a rental, and the one that secures it, whenever that was paid."""
    if row.business not in RENTALS:
        return ()
    secures = row.Rental.deposit_id if row.Rental else None
    is_open = row.status is OrderStatus.RESERVED
    return tuple(
        one
        for one in my_deposits(session, actor, now)
        if (one.paid_at or one.refunds)
        and (one.order_id == row.order_id or one.deposit_id == secures or (is_open and one.is_held))
    )


def _refunds(session: Session, payment_ids: list[int]) -> tuple[MyRefund, ...]:
    if not payment_ids:
        return ()
    rows = session.execute(
        select(Refund.amount_fen, Refund.requested_at, Refund.done_at, Refund.status, Refund.channel)
        .where(
            Refund.payment_id.in_(payment_ids),
            or_(Refund.status != RefundStatus.REFUSED, is_open(RefundStatus.REFUSED)),
        )
        .order_by(Refund.id.desc())
    )
    return tuple(MyRefund(*row) for row in rows)


def _story(session: Session, order_id: int) -> tuple[Entry, ...]:
    """Newest first."""
    rows = session.execute(
        select(Audit.at, Audit.action, Audit.actor_kind, Audit.subject_kind, Audit.facts)
        .where(Audit.order_id == order_id)
        .order_by(Audit.id.desc())
        .limit(MOST_LINES)
    )
    lines = (
        (
            row.at,
            told(
                row.action,
                row.facts,
                by_its_person=row.actor_kind is ActorKind.CUSTOMER,
                of_deposit=row.subject_kind == "deposit",
            ),
        )
        for row in rows
    )
    return tuple(Entry(at, line) for at, line in lines if line is not None)
