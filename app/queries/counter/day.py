"""What stands around the counter's answer: the day's figures, the last scans, who asked to give a battery back."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select, tuple_
from sqlalchemy.orm import Session

from app.domain.calendar import business_day, day_start
from app.domain.charges import ChargeStatus
from app.domain.identity import masked_name
from app.domain.numbering import BatteryNumber, Business, read_scan
from app.domain.orders import RENTALS, OrderStatus
from app.domain.permissions import Actor, Permission
from app.domain.pickup import Answer
from app.models.batteries import Battery, BatteryUse
from app.models.directory import Region
from app.models.money import Charge
from app.models.orders import Order, PickupAttempt
from app.models.people import Identity
from app.models.rentals import Rental
from app.queries.pickup import may_undo

LAST_SCANS = 4
MOST_ASKED = 5


@dataclass(frozen=True, slots=True)
class ScanRow:
    """One of the last scans at a counter."""

    at: datetime
    typed: str | None
    answer: Answer
    number: str | None
    done: bool  # the vehicle went out, or vehicle or battery came back, after this scan


@dataclass(frozen=True, slots=True)
class AskedRow:
    """Somebody who tapped 归还 and whose battery was not scanned yet; masked."""

    number: BatteryNumber
    name: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterDay:
    """The figures of one store's Shanghai day, and what can be gone on with."""

    picked_up: int
    returned: int
    batteries_returned: int
    waiting_sales: int  # paid, not picked up
    waiting_rentals: int
    asked: int  # people who tapped 归还
    last_scans: Sequence[ScanRow]
    last_asked: Sequence[AskedRow]
    undo_order_id: int | None


def counter_day(session: Session, actor: Actor, region_id: int, now: datetime) -> CounterDay:
    """The figures, the newest tries of staff, and the pickup that may be taken back. Raises Forbidden.

    Batteries count where they belong: at which store one came back is not recorded.
    """
    actor.require(Permission.PICKUP, region_id)
    today = day_start(business_day(now))
    has_asked = _has_asked(region_id)
    figures = session.execute(
        select(
            _count(Order, Order.region_id == region_id, Order.picked_up_at >= today),
            _count(Rental, Rental.region_id == region_id, Rental.returned_at >= today),
            _count(BatteryUse, BatteryUse.region_id == region_id, BatteryUse.returned_at >= today),
            _waiting(region_id, {Business.SALE}),
            _waiting(region_id, RENTALS),
            _count(BatteryUse, *has_asked),
        )
    ).one()
    picked_up, returned, batteries_returned, waiting_sales, waiting_rentals, asked = figures
    return CounterDay(
        picked_up=picked_up,
        returned=returned,
        batteries_returned=batteries_returned,
        waiting_sales=waiting_sales,
        waiting_rentals=waiting_rentals,
        asked=asked,
        last_scans=_last_scans(session, region_id, today),
        last_asked=_last_asked(session, has_asked) if asked else (),
        undo_order_id=_last_pickup_to_undo(session, actor, region_id, now),
    )


def _count(model: type, *conditions: ColumnElement[bool]) -> ColumnElement[int]:
    return select(func.count()).select_from(model).where(*conditions).scalar_subquery()


def _waiting(region_id: int, businesses: Collection[Business]) -> ColumnElement[int]:
    return (
        select(func.count())
        .select_from(Order)
        .join(Charge, Charge.order_id == Order.id)
        .where(
            Order.business.in_(businesses),
            Order.region_id == region_id,
            Order.status == OrderStatus.RESERVED,
            Charge.status == ChargeStatus.SETTLED,
        )
        .scalar_subquery()
    )


def _has_asked(region_id: int) -> tuple[ColumnElement[bool], ...]:
    return (
        BatteryUse.region_id == region_id,
        BatteryUse.returned_at.is_(None),
        BatteryUse.return_asked_at.is_not(None),
    )


def _last_asked(session: Session, has_asked: tuple[ColumnElement[bool], ...]) -> Sequence[AskedRow]:
    rows = session.execute(
        select(Region.letter, Battery.n, Identity.name, BatteryUse.return_asked_at)
        .select_from(BatteryUse)
        .join(Battery, Battery.id == BatteryUse.battery_id)
        .join(Region, Region.id == Battery.region_id)
        .join(Identity, Identity.customer_id == BatteryUse.customer_id)
        .where(*has_asked)
        .order_by(BatteryUse.return_asked_at.desc(), BatteryUse.id.desc())
        .limit(MOST_ASKED)
    )
    return [
        AskedRow(BatteryNumber(row.letter, row.n), masked_name(row.name), row.return_asked_at)
        for row in rows
        if row.return_asked_at is not None
    ]


def _last_scans(session: Session, region_id: int, since: datetime) -> Sequence[ScanRow]:
    rows = session.execute(
        select(
            PickupAttempt.at,
            PickupAttempt.typed,
            PickupAttempt.answer,
            Order.number,
            Order.status,
            Rental.returned_at,
        )
        .outerjoin(Order, Order.id == PickupAttempt.order_id)
        .outerjoin(Rental, Rental.order_id == Order.id)
        .where(PickupAttempt.region_id == region_id, PickupAttempt.staff_id.is_not(None), PickupAttempt.at >= since)
        .order_by(PickupAttempt.at.desc(), PickupAttempt.id.desc())
        .limit(LAST_SCANS)
    ).all()
    back_at = _batteries_back(session, (row.typed for row in rows if row.answer is Answer.BATTERY_OUT))

    def done(
        at: datetime, typed: str | None, answer: Answer, status: OrderStatus, returned_at: datetime | None
    ) -> bool:
        if answer is Answer.BATTERY_OUT:
            back = back_at.get(typed or "")
            return back is not None and back >= at
        if answer is Answer.RENTED_OUT:
            return returned_at is not None
        return answer is Answer.READY and status is OrderStatus.COMPLETED

    return [
        ScanRow(
            row.at, row.typed, row.answer, row.number, done(row.at, row.typed, row.answer, row.status, row.returned_at)
        )
        for row in rows
    ]


def _batteries_back(session: Session, typed: Iterable[str | None]) -> Mapping[str, datetime]:
    """When the last use of each battery ended that has ended."""
    numbers = {scan for scan in (read_scan(text or "") for text in typed) if isinstance(scan, BatteryNumber)}
    if not numbers:
        return {}
    rows = session.execute(
        select(Region.letter, Battery.n, func.max(BatteryUse.returned_at))
        .select_from(BatteryUse)
        .join(Battery, Battery.id == BatteryUse.battery_id)
        .join(Region, Region.id == Battery.region_id)
        .where(tuple_(Region.letter, Battery.n).in_([(number.letter, number.n) for number in numbers]))
        .group_by(Region.letter, Battery.n)
    )
    return {str(BatteryNumber(letter, n)): back_at for letter, n, back_at in rows if back_at is not None}


def _last_pickup_to_undo(session: Session, actor: Actor, region_id: int, now: datetime) -> int | None:
    if not actor.may(Permission.PICKUP_UNDO, region_id):
        return None
    last = session.execute(
        select(Order.id, Order.picked_up_at, or_(Order.business.not_in(RENTALS), Order.occupies_rental).label("is_out"))
        .where(Order.region_id == region_id, Order.picked_up_at.is_not(None))
        .order_by(Order.picked_up_at.desc())
        .limit(1)
    ).one_or_none()
    if last is None or not may_undo(session, actor, region_id, last.picked_up_at, now, returned=not last.is_out):
        return None
    return int(last.id)
