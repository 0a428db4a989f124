"""The home page: what waits to be done in the actor's regions, and the figures of today."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, case, func, literal, or_, select, union_all
from sqlalchemy.orm import Session, aliased

from app.domain.calendar import business_day, day_start
from app.domain.cards import CardStatus
from app.domain.charges import ChargeStatus, PaymentStatus
from app.domain.ledger import Account
from app.domain.numbering import Business
from app.domain.orders import OrderStatus
from app.domain.permissions import Actor, Permission
from app.domain.refunds import RefundStatus
from app.domain.restrictions import Cause
from app.domain.standing import SOON
from app.models.cards import StudentCard
from app.models.directory import Region, School
from app.models.money import Charge, LedgerAccount, LedgerTransfer, Payment, Refund
from app.models.orders import Order, OrderDay
from app.models.people import Customer
from app.models.rentals import Rental
from app.queries.deposit_horizon import due_by_region
from app.queries.flash_charge import uses_out
from app.queries.number_series import running_out
from app.queries.orders import RENTED, SALES, charge_status_of
from app.queries.refunds import stuck
from app.queries.restricted import tallies

DAYS_SHOWN = 7


class Task(StrEnum):
    """The rows of the to-do list."""

    PICK_UP = "pick_up"
    PAY_SOON = "pay_soon"
    OVERDUE = "overdue"
    RENT_PICK_UP = "rent_pick_up"
    RENT_PAY_SOON = "rent_pay_soon"
    RENT_OVERDUE = "rent_overdue"
    LATE = "late"
    DAMAGE = "damage"
    BATTERIES_LATE = "batteries_late"
    BATTERIES_ASKED = "batteries_asked"
    CARDS = "cards"
    SUSPECTS = "suspects"
    REFUNDS = "refunds"
    FROZEN = "frozen"
    DEBTS = "debts"
    HORIZON = "horizon"
    NUMBERS = "numbers"


OPEN_SALES = (Task.PICK_UP, Task.PAY_SOON, Task.OVERDUE)
OPEN_RENTALS = (Task.RENT_PICK_UP, Task.RENT_PAY_SOON, Task.RENT_OVERDUE)
"""Of each list of orders: paid, unpaid with little time left, paid and past its deadline."""


@dataclass(frozen=True, slots=True)
class Oldest:
    """What has waited longest: an order by its number, or a thing without one."""

    number: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """One row: how many in each region, and the one that has waited longest."""

    task: Task
    by_region: Mapping[int, int]
    elsewhere: int  # belongs to no region: money that names no order of ours
    oldest: Oldest | None

    @property
    def total(self) -> int:
        """All regions together."""
        return sum(self.by_region.values()) + self.elsewhere


@dataclass(frozen=True, slots=True)
class Money:
    """What came in and what arrived back on one day, whatever it was for; deposits are told apart too."""

    received_fen: int = 0
    deposits_fen: int = 0  # of it
    refunded_fen: int = 0
    refunds: int = 0


@dataclass(frozen=True, slots=True)
class PickedUp:
    """Vehicles handed over today, and yesterday."""

    today: int = 0
    yesterday: int = 0


@dataclass(frozen=True, slots=True)
class Today:
    """The figures of today, and yesterday's beside them; what is sold and what is rented is never one figure."""

    sales: int
    rentals: int
    sold: PickedUp
    rented: PickedUp
    today: Money
    yesterday: Money
    refunds_on_their_way: int


def waiting(session: Session, actor: Actor, *, region_id: int | None, now: datetime) -> list[Waiting]:
    """The to-do list of the actor: only rows that the actor may act on or look into."""
    rows: list[Waiting] = []
    if (regions := actor.scope(Permission.ORDERS_VIEW).within(region_id)) != []:
        rows += _open_orders(session, OPEN_SALES, SALES, regions, now)
        rows += _open_orders(session, OPEN_RENTALS, RENTED, regions, now)
        rows += [_late(session, regions, now), _damage(session, regions)]
        rows += _barred(session, regions, now)
    if (regions := actor.scope(Permission.FLASH_VIEW).within(region_id)) != []:
        rows += _batteries(session, regions, now)
    if (regions := actor.scope(Permission.CARDS_REVIEW).within(region_id)) != []:
        rows.append(_cards(session, regions))
    if (regions := actor.scope(Permission.PAYMENTS_VIEW).within(region_id)) != []:
        rows += [_suspects(session, regions), _failed_refunds(session, regions)]
    if (regions := actor.scope(Permission.DEPOSITS_REFUND).within(region_id)) != []:
        rows += _horizon(session, regions, now)
    if (regions := actor.scope(Permission.NUMBERS_VIEW).within(region_id)) != [] and (
        ending := running_out(session, regions)
    ):
        rows.append(Waiting(Task.NUMBERS, ending, 0, None))
    return rows


def _within(column: Any, regions: list[int] | None) -> list[ColumnElement[bool]]:
    return [] if regions is None else [column.in_(regions)]


def _open_orders(
    session: Session,
    tasks: tuple[Task, Task, Task],
    businesses: tuple[Business, ...],
    regions: list[int] | None,
    now: datetime,
) -> list[Waiting]:
    # Every part of the index is named, or SQLite walks over the closed orders too.
    reserved = (
        select(Order.region_id, Order.number, Order.expires_at, charge_status_of(Order.__table__.c.id).label("charge"))
        .where(
            Order.business.in_(businesses),
            Order.region_id.in_(select(Region.id) if regions is None else regions),
            Order.status == OrderStatus.RESERVED,
        )
        .cte("reserved")
        .prefix_with("MATERIALIZED")
        .c
    )
    paid, unpaid = reserved.charge == ChargeStatus.SETTLED, reserved.charge == ChargeStatus.OPEN
    pick_up, pay_soon, overdue = tasks
    kinds = {
        pick_up: paid,
        pay_soon: unpaid & (reserved.expires_at < now + SOON),
        overdue: paid & (reserved.expires_at <= now),
    }
    counts = session.execute(
        select(
            reserved.region_id,
            *(func.sum(case((condition, 1), else_=0)).label(kind) for kind, condition in kinds.items()),
        ).group_by(reserved.region_id)
    ).all()
    # Of the paid ones the next to pass its deadline is meant: what has passed it has a row of its own.
    oldest_of = {**kinds, pick_up: paid & (reserved.expires_at > now)}
    firsts = [
        select(literal(kind.value).label("kind"), reserved.number, reserved.expires_at.label("at"))
        .where(condition)
        .order_by(reserved.expires_at)
        .limit(1)
        .subquery()
        for kind, condition in oldest_of.items()
    ]
    found = session.execute(union_all(*(select(first.c.kind, first.c.number, first.c.at) for first in firsts)))
    oldest = {row.kind: Oldest(row.number, row.at) for row in found}
    return [
        Waiting(kind, {row.region_id: int(getattr(row, kind)) for row in counts}, 0, oldest.get(kind)) for kind in kinds
    ]


def _late(session: Session, regions: list[int] | None, now: datetime) -> Waiting:
    """Rented vehicles that are out past their last day."""
    rows = session.execute(
        select(Rental.region_id, func.count().label("n"), func.min(Rental.due_on).label("on"))
        .where(
            Rental.returned_on.is_(None),
            Rental.due_on < business_day(now),
            Rental.region_id.in_(select(Region.id) if regions is None else regions),
        )
        .group_by(Rental.region_id)
    ).all()
    first = min((row.on for row in rows), default=None)
    return Waiting(
        Task.LATE, {row.region_id: row.n for row in rows}, 0, Oldest("", day_start(first)) if first else None
    )


def _barred(session: Session, regions: list[int] | None, now: datetime) -> list[Waiting]:
    """What was not returned for so long that its person is frozen, and what is back and still owed. Decision 5."""
    found = tallies(session, regions, now)
    return [
        Waiting(task, found[cause].by_region, 0, Oldest("", since) if (since := found[cause].since) else None)
        for task, cause in ((Task.FROZEN, Cause.OVERDUE), (Task.DEBTS, Cause.DEBT))
    ]


def _horizon(session: Session, regions: list[int] | None, now: datetime) -> list[Waiting]:
    """Deposits that WeChat soon refunds no more; a row only where there are any. Decision 26."""
    by_region, oldest = due_by_region(session, regions, now)
    return [Waiting(Task.HORIZON, by_region, 0, Oldest("", oldest))] if by_region else []


def _damage(session: Session, regions: list[int] | None) -> Waiting:
    """Returned vehicles whose damage keeps a deposit from going back."""
    rows = session.execute(
        select(Rental.region_id, func.count().label("n"), func.min(Rental.returned_at).label("at"))
        .where(
            Rental.returned_at.is_not(None),
            Rental.settled_at.is_(None),
            Rental.region_id.in_(select(Region.id) if regions is None else regions),
        )
        .group_by(Rental.region_id)
    ).all()
    return _grouped(Task.DAMAGE, rows)


def _batteries(session: Session, regions: list[int] | None, now: datetime) -> list[Waiting]:
    """Batteries that are out past their free days, and those that somebody asked to give back. Decisions 19, 24."""
    today, late, asked = business_day(now), Counter[int](), Counter[int]()
    last_free: list[date] = []
    asked_at: list[datetime] = []
    for use in uses_out(session, select(Region.id) if regions is None else regions):
        if use.fees_from <= today:
            late[use.region_id] += use.n
            last_free.append(use.fees_from - timedelta(days=1))
        if use.asked:
            asked[use.region_id] += use.n
            asked_at.append(use.asked_at)
    return [
        Waiting(Task.BATTERIES_LATE, late, 0, Oldest("", day_start(min(last_free))) if last_free else None),
        Waiting(Task.BATTERIES_ASKED, asked, 0, Oldest("", min(asked_at)) if asked_at else None),
    ]


def _cards(session: Session, regions: list[int] | None) -> Waiting:
    """Student cards that wait for a review; a card belongs to the region of its person's school."""
    rows = session.execute(
        select(School.region_id, func.count().label("n"), func.min(StudentCard.submitted_at).label("at"))
        .select_from(StudentCard)
        .join(Customer, Customer.id == StudentCard.customer_id)
        .join(School, School.id == Customer.school_id)
        .where(StudentCard.status == CardStatus.PENDING, *_within(School.region_id, regions))
        .group_by(School.region_id)
    ).all()
    return _grouped(Task.CARDS, rows)


def _suspects(session: Session, regions: list[int] | None) -> Waiting:
    rows = session.execute(
        select(Charge.region_id, func.count().label("n"), func.min(Payment.created_at).label("at"))
        .select_from(Payment)
        .outerjoin(Charge, Charge.id == Payment.charge_id)
        .where(
            Payment.status == PaymentStatus.SUSPECT,
            Payment.refunded_fen < func.coalesce(Payment.received_fen, 0),
            *_within(Charge.region_id, regions),
        )
        .group_by(Charge.region_id)
    ).all()
    return _grouped(Task.SUSPECTS, rows)


def _failed_refunds(session: Session, regions: list[int] | None) -> Waiting:
    rows = session.execute(
        select(Charge.region_id, func.count().label("n"), func.min(Refund.requested_at).label("at"))
        .select_from(Refund)
        .join(Payment, Payment.id == Refund.payment_id)
        .outerjoin(Charge, Charge.id == Payment.charge_id)
        .where(or_(*stuck()), *_within(Charge.region_id, regions))
        .group_by(Charge.region_id)
    ).all()
    return _grouped(Task.REFUNDS, rows)


def _grouped(task: Task, rows: Any) -> Waiting:
    first = min((row.at for row in rows), default=None)
    return Waiting(
        task,
        {row.region_id: row.n for row in rows if row.region_id is not None},
        sum(row.n for row in rows if row.region_id is None),
        Oldest("", first) if first else None,
    )


def today(session: Session, actor: Actor, *, region_id: int | None, now: datetime) -> Today:
    """The figures of today for the regions whose orders the actor may see."""
    regions = actor.scope(Permission.ORDERS_VIEW).within(region_id)
    on = business_day(now)
    sales, rentals = (_reserved_on(session, actor, businesses, region_id, on) for businesses in (SALES, RENTED))
    money = _money(session, regions, on)
    sold, rented = _pickups(session, regions, on)
    on_their_way = session.scalars(
        select(func.count())
        .select_from(Refund)
        .join(Payment, Payment.id == Refund.payment_id)
        .outerjoin(Charge, Charge.id == Payment.charge_id)
        .where(Refund.status.in_((RefundStatus.REQUESTED, RefundStatus.ACCEPTED)), *_within(Charge.region_id, regions))
    ).one()
    return Today(
        sales,
        rentals,
        sold,
        rented,
        money.get(on, Money()),
        money.get(on - timedelta(days=1), Money()),
        on_their_way,
    )


def _pickups(session: Session, regions: list[int] | None, on: date) -> tuple[PickedUp, PickedUp]:
    """Vehicles handed over on a day and on the one before: sold, and rented out."""
    start = day_start(on)
    is_sale = Order.business == Business.SALE
    rows = session.execute(
        select(
            is_sale.label("sold"),
            func.sum(case((Order.picked_up_at >= start, 1), else_=0)).label("today"),
            func.sum(case((Order.picked_up_at < start, 1), else_=0)).label("yesterday"),
        )
        .where(
            Order.region_id.in_(select(Region.id) if regions is None else regions),
            Order.picked_up_at >= day_start(on - timedelta(days=1)),
        )
        .group_by(is_sale)
    )
    found = {bool(row.sold): PickedUp(int(row.today), int(row.yesterday)) for row in rows}
    return found.get(True, PickedUp()), found.get(False, PickedUp())


def _money(session: Session, regions: list[int] | None, on: date) -> dict[date, Money]:
    """From the ledger, whose rows stand by booking day: every money event is there once."""
    debit, credit = aliased(LedgerAccount), aliased(LedgerAccount)

    def total(condition: ColumnElement[bool], amount: Any) -> Any:
        return func.sum(case((condition, amount), else_=0))

    came_in = (debit.code == Account.WECHAT) & (credit.code != Account.REFUNDS_PAYABLE)
    went_back = (debit.code == Account.REFUNDS_PAYABLE) & (credit.code == Account.WECHAT)
    rows = session.execute(
        select(
            LedgerTransfer.booked_on,
            total(came_in, LedgerTransfer.amount_fen).label("received_fen"),
            total(came_in & (credit.code == Account.DEPOSITS), LedgerTransfer.amount_fen).label("deposits_fen"),
            total(went_back, LedgerTransfer.amount_fen).label("refunded_fen"),
            total(went_back, 1).label("refunds"),
        )
        .join(debit, debit.id == LedgerTransfer.debit_id)
        .join(credit, credit.id == LedgerTransfer.credit_id)
        .where(
            LedgerTransfer.booked_on.in_((on, on - timedelta(days=1))),
            *_within(LedgerTransfer.region_id, regions),
        )
        .group_by(LedgerTransfer.booked_on)
    )
    return {
        row.booked_on: Money(int(row.received_fen), int(row.deposits_fen), int(row.refunded_fen), int(row.refunds))
        for row in rows
    }


def _reserved_on(
    session: Session, actor: Actor, businesses: tuple[Business, ...], region_id: int | None, on: date
) -> int:
    by_day = orders_by_day(session, actor, businesses, region_id=region_id, last_on=on, days=1)
    return sum(by_day[on].values())


def orders_by_day(
    session: Session,
    actor: Actor,
    businesses: tuple[Business, ...] = SALES,
    *,
    region_id: int | None,
    last_on: date,
    days: int = DAYS_SHOWN,
) -> dict[date, dict[int, int]]:
    """How many orders were reserved on each of the last days, by region; a day without orders is there too."""
    first_on = last_on - timedelta(days=days - 1)
    counts: dict[date, dict[int, int]] = {first_on + timedelta(days=nth): {} for nth in range(days)}
    regions = actor.scope(Permission.ORDERS_VIEW).within(region_id)
    rows = session.execute(
        select(OrderDay.on_day, OrderDay.region_id, func.sum(OrderDay.orders).label("n"))
        .where(
            OrderDay.business.in_(businesses),
            OrderDay.on_day.between(first_on, last_on),
            *_within(OrderDay.region_id, regions),
        )
        .group_by(OrderDay.on_day, OrderDay.region_id)
    )
    for row in rows:
        counts[row.on_day][row.region_id] = int(row.n)
    return counts
