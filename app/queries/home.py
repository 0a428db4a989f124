"""The home page: what waits to be done in the actor's regions, and the figures of today."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, case, func, literal, select, union_all
from sqlalchemy.orm import Session, aliased

from app.domain.calendar import business_day, day_start
from app.domain.charges import ChargeStatus, PaymentStatus
from app.domain.ledger import Account
from app.domain.numbering import Business
from app.domain.orders import OrderStatus
from app.domain.permissions import Actor, Permission
from app.domain.refunds import RefundStatus
from app.domain.standing import SOON
from app.models.directory import Region
from app.models.money import Charge, LedgerAccount, LedgerTransfer, Payment, Refund
from app.models.orders import Order, OrderDay
from app.queries.orders import charge_status_of

DAYS_SHOWN = 7


class Task(StrEnum):
    """The rows of the to-do list."""

    PICK_UP = "pick_up"
    PAY_SOON = "pay_soon"
    OVERDUE = "overdue"
    SUSPECTS = "suspects"
    REFUNDS = "refunds"


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
    """What came in and what arrived back on one day."""

    received_fen: int = 0
    refunded_fen: int = 0
    refunds: int = 0


@dataclass(frozen=True, slots=True)
class Today:
    """The figures of today, and yesterday's beside them."""

    reserved: int
    picked_up: int
    picked_up_yesterday: int
    today: Money
    yesterday: Money
    refunds_on_their_way: int


def waiting(session: Session, actor: Actor, *, region_id: int | None, now: datetime) -> list[Waiting]:
    """The to-do list of the actor: only rows that the actor may act on or look into."""
    rows: list[Waiting] = []
    if (regions := actor.scope(Permission.ORDERS_VIEW).within(region_id)) != []:
        rows += _open_orders(session, regions, now)
    if (regions := actor.scope(Permission.PAYMENTS_VIEW).within(region_id)) != []:
        rows += [_suspects(session, regions), _failed_refunds(session, regions)]
    return rows


def _within(column: Any, regions: list[int] | None) -> list[ColumnElement[bool]]:
    return [] if regions is None else [column.in_(regions)]


def _open_orders(session: Session, regions: list[int] | None, now: datetime) -> list[Waiting]:
    # Every part of the index is named, or SQLite walks over the closed orders too.
    reserved = (
        select(Order.region_id, Order.number, Order.expires_at, charge_status_of(Order.__table__.c.id).label("charge"))
        .where(
            Order.business == Business.SALE,
            Order.region_id.in_(select(Region.id) if regions is None else regions),
            Order.status == OrderStatus.RESERVED,
        )
        .cte("reserved")
        .prefix_with("MATERIALIZED")
        .c
    )
    paid, unpaid = reserved.charge == ChargeStatus.SETTLED, reserved.charge == ChargeStatus.OPEN
    kinds = {
        Task.PICK_UP: paid,
        Task.PAY_SOON: unpaid & (reserved.expires_at < now + SOON),
        Task.OVERDUE: paid & (reserved.expires_at <= now),
    }
    counts = session.execute(
        select(
            reserved.region_id,
            *(func.sum(case((condition, 1), else_=0)).label(kind) for kind, condition in kinds.items()),
        ).group_by(reserved.region_id)
    ).all()
    # Of the paid ones the next to pass its deadline is meant: what has passed it has a row of its own.
    oldest_of = {**kinds, Task.PICK_UP: paid & (reserved.expires_at > now)}
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
        .where(Refund.status.in_((RefundStatus.ABNORMAL, RefundStatus.REFUSED)), *_within(Charge.region_id, regions))
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
    by_day = orders_by_day(session, actor, region_id=region_id, last_on=on, days=1)
    money = _money(session, regions, on)
    picked_up, picked_up_yesterday = _pickups(session, regions, on)
    on_their_way = session.scalars(
        select(func.count())
        .select_from(Refund)
        .join(Payment, Payment.id == Refund.payment_id)
        .outerjoin(Charge, Charge.id == Payment.charge_id)
        .where(Refund.status.in_((RefundStatus.REQUESTED, RefundStatus.ACCEPTED)), *_within(Charge.region_id, regions))
    ).one()
    return Today(
        sum(sum(counts.values()) for counts in by_day.values()),
        picked_up,
        picked_up_yesterday,
        money.get(on, Money()),
        money.get(on - timedelta(days=1), Money()),
        on_their_way,
    )


def _pickups(session: Session, regions: list[int] | None, on: date) -> tuple[int, int]:
    """Vehicles handed over on a day, and on the one before."""
    start = day_start(on)
    row = session.execute(
        select(
            func.coalesce(func.sum(case((Order.picked_up_at >= start, 1), else_=0)), 0).label("today"),
            func.coalesce(func.sum(case((Order.picked_up_at < start, 1), else_=0)), 0).label("yesterday"),
        ).where(
            Order.region_id.in_(select(Region.id) if regions is None else regions),
            Order.picked_up_at >= day_start(on - timedelta(days=1)),
        )
    ).one()
    return int(row.today), int(row.yesterday)


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
    return {row.booked_on: Money(int(row.received_fen), int(row.refunded_fen), int(row.refunds)) for row in rows}


def orders_by_day(
    session: Session, actor: Actor, *, region_id: int | None, last_on: date, days: int = DAYS_SHOWN
) -> dict[date, dict[int, int]]:
    """How many orders were reserved on each of the last days, by region; a day without orders is there too."""
    first_on = last_on - timedelta(days=days - 1)
    counts: dict[date, dict[int, int]] = {first_on + timedelta(days=nth): {} for nth in range(days)}
    regions = actor.scope(Permission.ORDERS_VIEW).within(region_id)
    rows = session.execute(
        select(OrderDay.on_day, OrderDay.region_id, func.sum(OrderDay.orders).label("n"))
        .where(
            OrderDay.business == Business.SALE,
            OrderDay.on_day.between(first_on, last_on),
            *_within(OrderDay.region_id, regions),
        )
        .group_by(OrderDay.on_day, OrderDay.region_id)
    )
    for row in rows:
        counts[row.on_day][row.region_id] = int(row.n)
    return counts
