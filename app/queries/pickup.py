"""What the counter reads: the facts behind a number, candidates for digits, the day's figures and the tries."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Select, case, func, select, tuple_
from sqlalchemy.orm import Session

from app.domain import labels
from app.domain.calendar import business_day, day_end, day_start
from app.domain.charges import ChargeStatus, Purpose
from app.domain.errors import NotFound
from app.domain.identity import KeyKind, masked_name
from app.domain.numbering import Business, VehicleNumber
from app.domain.orders import OrderStatus, is_time_to_pay, is_undo_in_time
from app.domain.permissions import Actor, Permission
from app.domain.pickup import Answer, OrderFacts, standing_of
from app.domain.settings import PICKUP_UNDO_MINUTES
from app.models.access import Staff
from app.models.directory import Region, School, Store
from app.models.money import Charge
from app.models.numbers import NumberSlot
from app.models.orders import Order, PickupAttempt
from app.models.people import Customer, Identity, IdentityKey
from app.models.vehicles import Listing, VehicleModel
from app.queries import people, settings
from app.queries.paging import Key, Page, page_ids
from app.queries.suspects import suspect_fen_of_charge

MOST_CANDIDATES = 9  # each has a digit key at the counter
LAST_SCANS = 4
LIVE = (OrderStatus.RESERVED, OrderStatus.COMPLETED)
FactsSelect = Select[int, int, OrderStatus, datetime, ChargeStatus, bool]


def letters(session: Session) -> dict[int, str]:
    """The code letter of each region, by its id."""
    return {row.id: row.letter for row in session.execute(select(Region.id, Region.letter))}


def facts_of_number(session: Session, region_id: int, number: VehicleNumber) -> OrderFacts | None:
    """The order that holds the number, else the newest that held it, or None. A revived one is not the newest."""
    wanted = _facts().where(Order.number == str(number), Order.region_id == region_id)
    closed_last = case((Order.status.in_(LIVE), 0), else_=1)
    return _facts_or_none(session, wanted.order_by(closed_last, Order.id.desc()).limit(1))


def facts_of_order(session: Session, region_id: int, order_id: int) -> OrderFacts | None:
    """The same for one order of the region."""
    return _facts_or_none(session, _facts().where(Order.id == order_id, Order.region_id == region_id))


def _facts() -> FactsSelect:
    wanted = select(
        Order.id,
        Order.customer_id,
        Order.status,
        Order.expires_at,
        Charge.status.label("charge"),
        people.is_frozen(Order.customer_id).label("frozen"),
    )
    wanted = wanted.join(Charge, Charge.order_id == Order.id)
    return wanted.where(Order.business == Business.SALE, Charge.purpose == Purpose.SALE)


def _facts_or_none(session: Session, wanted: FactsSelect) -> OrderFacts | None:
    row = session.execute(wanted).one_or_none()
    if row is None:
        return None
    return OrderFacts(
        row.id,
        row.customer_id,
        row.status,
        paid=row.charge is ChargeStatus.SETTLED,
        frozen=row.frozen,
        expires_at=row.expires_at,
    )


def colours_of(session: Session, listing_id: int) -> list[str]:
    """The colours that a listing's model comes in."""
    return session.scalars(
        select(VehicleModel.colours).join(Listing, Listing.model_id == VehicleModel.id).where(Listing.id == listing_id)
    ).one()


def scan_is_known(session: Session, scan_key: str) -> bool:
    """Whether a scan of this key was recorded before."""
    return session.scalars(select(PickupAttempt.id).where(PickupAttempt.scan_key == scan_key)).one_or_none() is not None


@dataclass(frozen=True, slots=True)
class Candidate:
    """An open order that typed digits fit; masked."""

    order_id: int
    number: str
    name: str
    school: str
    model: str
    colour: str
    paid: bool
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Candidates:
    """The store's open orders that digits fit: by their number, and by their person's phone, each order once."""

    by_number: tuple[Candidate, ...] = ()
    by_phone: tuple[Candidate, ...] = ()
    more: bool = False  # some are left out: there are digit keys for nine

    def __bool__(self) -> bool:
        return bool(self.by_number or self.by_phone)


def candidates(session: Session, region_id: int, digits: str) -> Candidates:
    """The store's open orders whose number ends in the digits, and those whose person's phone does. Decision 17."""
    letter = letters(session)[region_id]
    wanted = (
        select(
            Order.id,
            Order.number,
            Identity.name,
            School.name.label("school"),
            VehicleModel.name.label("model"),
            Order.colour,
            Charge.status.label("charge"),
            Order.expires_at,
        )
        .join(Identity, Identity.customer_id == Order.customer_id)
        .join(Customer, Customer.id == Order.customer_id)
        .join(School, School.id == Customer.school_id)
        .join(Listing, Listing.id == Order.listing_id)
        .join(VehicleModel, VehicleModel.id == Listing.model_id)
        .join(Charge, Charge.order_id == Order.id)
        .where(Order.region_id == region_id, Order.status == OrderStatus.RESERVED)
        .order_by(Order.reserved_at.desc(), Order.id.desc())
        .limit(MOST_CANDIDATES + 1)
    )
    by_number = session.execute(wanted.where(Order.number == f"{letter}{Business.SALE.value}{digits}")).all()
    tails = select(IdentityKey.customer_id).where(IdentityKey.kind == KeyKind.PHONE_TAIL, IdentityKey.key == digits)
    shown = [row.id for row in by_number]
    by_phone = session.execute(wanted.where(Order.customer_id.in_(tails), Order.id.not_in(shown))).all()
    left = MOST_CANDIDATES - len(by_number)
    return Candidates(
        tuple(_as_candidate(row) for row in by_number),
        tuple(_as_candidate(row) for row in by_phone[:left]),
        more=len(by_phone) > left,
    )


def _as_candidate(row: Any) -> Candidate:
    return Candidate(
        row.id,
        row.number,
        masked_name(row.name),
        row.school,
        row.model,
        row.colour,
        row.charge is ChargeStatus.SETTLED,
        row.expires_at,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterOrder:
    """One order as the counter shows it; masked."""

    order_id: int
    region_id: int
    number: str
    answer: Answer
    status: OrderStatus
    name: str
    phone_tail: str
    school: str
    model: str
    colour: str
    colours: tuple[str, ...]
    amount_fen: int
    paid_at: datetime | None
    expires_at: datetime
    suspect_fen: int  # money that arrived and does not fit; 0 when there is none
    can_still_pay: bool  # enough time is left to offer a payment, and no money waits to be judged
    overdue: timedelta | None  # paid, and this long past its deadline without being picked up
    closed_at: datetime | None
    number_is_free: bool  # a closed order's number is there for the next one
    freeze: people.Freeze | None
    picked_up_at: datetime | None
    picked_up_by: str
    store: str
    frame_no: str
    can_undo: bool  # picked up so recently that the actor may take it back


def counter_order(session: Session, actor: Actor, order_id: int, now: datetime) -> CounterOrder:
    """One sale order of a region in whose store the actor works. Raises NotFound."""
    row = session.execute(
        select(
            Order,
            Identity.name,
            Identity.phone,
            School.name.label("school"),
            VehicleModel.name.label("model"),
            VehicleModel.colours,
            Charge.status.label("charge"),
            Charge.settled_at,
            Store.name.label("store"),
            Staff.name.label("picked_up_by"),
            NumberSlot.id.label("slot"),
            suspect_fen_of_charge().label("suspect_fen"),
        )
        .join(Customer, Customer.id == Order.customer_id)
        .join(Listing, Listing.id == Order.listing_id)
        .join(VehicleModel, VehicleModel.id == Listing.model_id)
        .join(Charge, Charge.order_id == Order.id)
        .outerjoin(Identity, Identity.customer_id == Order.customer_id)
        .outerjoin(School, School.id == Customer.school_id)
        .outerjoin(Store, Store.region_id == Order.region_id)
        .outerjoin(Staff, Staff.id == Order.picked_up_by)
        .outerjoin(NumberSlot, NumberSlot.order_id == Order.id)
        .where(Order.id == order_id, Order.business == Business.SALE, Charge.purpose == Purpose.SALE)
    ).one_or_none()
    if row is None or not actor.may(Permission.PICKUP, row.Order.region_id):
        raise NotFound
    order: Order = row.Order
    freeze = people.freeze_of(session, order.customer_id)
    paid = row.charge is ChargeStatus.SETTLED
    facts = OrderFacts(order.id, order.customer_id, order.status, paid, freeze is not None, order.expires_at)
    waiting = paid and order.status is OrderStatus.RESERVED
    return CounterOrder(
        order_id=order.id,
        region_id=order.region_id,
        number=order.number,
        answer=standing_of(facts, now),
        status=order.status,
        name=masked_name(row.name) if row.name else labels.ERASED,
        phone_tail=(row.phone or "")[-4:],
        school=row.school or "",
        model=row.model,
        colour=order.colour,
        colours=tuple(row.colours),
        amount_fen=order.amount_fen,
        paid_at=row.settled_at,
        expires_at=order.expires_at,
        suspect_fen=row.suspect_fen,
        can_still_pay=is_time_to_pay(order.expires_at, now) and row.suspect_fen == 0,
        overdue=now - order.expires_at if waiting and order.expires_at < now else None,
        closed_at=order.closed_at,
        number_is_free=row.slot is None,
        freeze=freeze,
        picked_up_at=order.picked_up_at,
        picked_up_by=row.picked_up_by or "",
        store=row.store or "",
        frame_no=order.frame_no or "",
        can_undo=may_undo(session, actor, order.region_id, order.picked_up_at, now),
    )


def may_undo(session: Session, actor: Actor, region_id: int, picked_up_at: datetime | None, now: datetime) -> bool:
    """Whether the actor may take a pickup back now; None: it is not picked up."""
    if picked_up_at is None or not actor.may(Permission.PICKUP_UNDO, region_id):
        return False
    minutes = settings.value_of(session, PICKUP_UNDO_MINUTES, region_id, now)
    return is_undo_in_time(picked_up_at, now, minutes=minutes)


@dataclass(frozen=True, slots=True)
class ScanRow:
    """One of the last scans at a counter."""

    at: datetime
    typed: str | None
    answer: Answer
    number: str | None
    collected: bool  # answered with ready, and the vehicle went out


@dataclass(frozen=True, slots=True)
class CounterDay:
    """What stands around the answer: the top bar's figures, the last scans, and the pickup that may be taken back."""

    picked_up_today: int
    waiting: int
    last_scans: Sequence[ScanRow] = field(default_factory=tuple)
    undo_order_id: int | None = None


def counter_day(session: Session, actor: Actor, region_id: int, now: datetime) -> CounterDay:
    """Pickups of the Shanghai day, paid orders that wait for theirs, the newest tries of staff. Raises Forbidden."""
    actor.require(Permission.PICKUP, region_id)
    today = day_start(business_day(now))
    picked_up = session.scalars(
        select(func.count()).select_from(Order).where(Order.region_id == region_id, Order.picked_up_at >= today)
    ).one()
    waiting = session.scalars(
        select(func.count())
        .select_from(Order)
        .join(Charge, Charge.order_id == Order.id)
        .where(
            Order.business == Business.SALE,
            Order.region_id == region_id,
            Order.status == OrderStatus.RESERVED,
            Charge.purpose == Purpose.SALE,
            Charge.status == ChargeStatus.SETTLED,
        )
    ).one()
    return CounterDay(
        picked_up, waiting, _last_scans(session, region_id, today), _last_pickup_to_undo(session, actor, region_id, now)
    )


def _last_scans(session: Session, region_id: int, since: datetime) -> Sequence[ScanRow]:
    rows = session.execute(
        select(PickupAttempt.at, PickupAttempt.typed, PickupAttempt.answer, Order.number, Order.status)
        .outerjoin(Order, Order.id == PickupAttempt.order_id)
        .where(PickupAttempt.region_id == region_id, PickupAttempt.staff_id.is_not(None), PickupAttempt.at >= since)
        .order_by(PickupAttempt.at.desc(), PickupAttempt.id.desc())
        .limit(LAST_SCANS)
    )
    return [
        ScanRow(
            row.at,
            row.typed,
            row.answer,
            row.number,
            collected=row.answer is Answer.READY and row.status is OrderStatus.COMPLETED,
        )
        for row in rows
    ]


def _last_pickup_to_undo(session: Session, actor: Actor, region_id: int, now: datetime) -> int | None:
    if not actor.may(Permission.PICKUP_UNDO, region_id):
        return None
    last = session.execute(
        select(Order.id, Order.picked_up_at)
        .where(Order.region_id == region_id, Order.picked_up_at.is_not(None))
        .order_by(Order.picked_up_at.desc())
        .limit(1)
    ).one_or_none()
    if last is None or not may_undo(session, actor, region_id, last.picked_up_at, now):
        return None
    return int(last.id)


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One try, at the counter or on a phone, as the log shows it. It holds no names but those of staff."""

    at: datetime
    typed: str | None  # a whole number or four digits; anything else was not kept
    answer: Answer
    order_id: int | None
    number: str | None
    staff: str | None  # None: the person, on the phone


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFilters:
    """Which tries of a region's store."""

    region_id: int
    day: date
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class AttemptPage:
    """One page of the log, and where in the day it stands."""

    page: Page[AttemptRow]
    total: int
    first: int  # the place of the first row, from 1; 0 without rows


def attempts(
    session: Session,
    actor: Actor,
    filters: AttemptFilters,
    *,
    after: Key | None = None,
    before: Key | None = None,
    size: int = 50,
) -> AttemptPage:
    """The tries of one day at one store, newest first, by key. Raises Forbidden."""
    actor.require(Permission.PICKUP, filters.region_id)
    matching = [
        PickupAttempt.region_id == filters.region_id,
        PickupAttempt.at >= day_start(filters.day),
        PickupAttempt.at < day_end(filters.day),
    ]
    if filters.answer is not None:
        matching.append(PickupAttempt.answer == filters.answer)
    page = page_ids(
        session,
        select(PickupAttempt.id, PickupAttempt.at).where(*matching),
        PickupAttempt.at,
        PickupAttempt.id,
        after=after,
        before=before,
        size=size,
        load=lambda ids: _attempt_rows(session, ids),
    )
    counted = select(func.count()).select_from(PickupAttempt).where(*matching)
    total = session.scalars(counted).one()
    if not page.rows or page.newer is None:
        return AttemptPage(page, total, 1 if page.rows else 0)
    edge = tuple_(PickupAttempt.at, PickupAttempt.id)
    newer = session.scalars(counted.where(edge > (page.newer.at, page.newer.id))).one()
    return AttemptPage(page, total, newer + 1)


def _attempt_rows(session: Session, ids: list[int]) -> dict[int, AttemptRow]:
    rows = session.execute(
        select(
            PickupAttempt.id,
            PickupAttempt.at,
            PickupAttempt.typed,
            PickupAttempt.answer,
            PickupAttempt.order_id,
            Order.number,
            Staff.name,
        )
        .outerjoin(Order, Order.id == PickupAttempt.order_id)
        .outerjoin(Staff, Staff.id == PickupAttempt.staff_id)
        .where(PickupAttempt.id.in_(ids))
    )
    return {row.id: AttemptRow(row.at, row.typed, row.answer, row.order_id, row.number, row.name) for row in rows}
