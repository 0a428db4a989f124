"""Lists of deposits: held, with damage to settle, on their way back, stuck, back (decisions 25, 26, 41)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, false, func, or_, select, tuple_
from sqlalchemy.orm import Session

from app.domain.calendar import business_day
from app.domain.charges import PaymentStatus
from app.domain.deposits import Amounts, DepositKind, DepositStatus
from app.domain.finding import Search, Shape
from app.domain.identity import masked_name, masked_phone
from app.domain.labels import Badge
from app.domain.permissions import Actor, Permission
from app.domain.refunds import RefundStatus
from app.models.batteries import BatteryUse
from app.models.deposits import Deposit
from app.models.directory import Region
from app.models.money import Charge, Payment, Refund
from app.models.orders import Order
from app.models.people import Identity
from app.models.rentals import Rental
from app.queries.deposit_page import STUCK, days_held, deposit_badge
from app.queries.late_fees import owed_by_deposit
from app.queries.order_search import paid_by, person_condition
from app.queries.paging import Key, Page, Stream, every_row, page_of_streams


class DepositTab(StrEnum):
    """Each is a list of its own."""

    HELD = "held"
    DAMAGE = "damage"  # a vehicle came back with damage: items and a photo are missing
    REFUNDING = "refunding"
    STUCK = "stuck"  # WeChat could not deliver it, or closed it
    REFUNDED = "refunded"


@dataclass(frozen=True, slots=True)
class DepositFilters:
    """What the panel asks for."""

    region_id: int | None = None
    kind: DepositKind | None = None
    search: Search | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositRow:
    """One deposit as the list shows it; the person is masked."""

    id: int
    kind: DepositKind
    letter: str
    name: str
    phone: str
    amounts: Amounts
    paid_at: datetime
    days_held: int | None  # None once it is back
    badge: Badge
    order_id: int | None  # of the damage, else the rental on whose way it was agreed
    number: str | None


@dataclass(frozen=True, slots=True)
class DepositList:
    """One page, and how many there are in each list."""

    page: Page[DepositRow]
    first: int  # the place of the page's first deposit, from 1; 0 without any
    counts: Mapping[DepositTab, int]

    @property
    def last(self) -> int:
        """The place of the page's last deposit."""
        return max(self.first + len(self.page.rows) - 1, 0)


def deposit_list(
    session: Session,
    actor: Actor,
    tab: DepositTab,
    filters: DepositFilters,
    *,
    after: Key | None,
    before: Key | None,
    size: int,
    now: datetime,
) -> DepositList:
    """One page of the deposits that the actor may see: what waits longest first, what is back newest first."""
    regions = _regions(session, actor, filters)
    narrowed = _narrowed(session, filters)
    streams = [_stream(tab, region_id, narrowed) for region_id in regions]
    page = _page(session, tab, streams, after=after, before=before, size=size, now=now)
    first = 1 if page.rows else 0
    if page.newer is not None:
        first += _before(session, streams, page.newer, oldest_first=_oldest_first(tab))
    return DepositList(page, first, _counts(session, regions, narrowed))


def how_many(session: Session, actor: Actor, tab: DepositTab, filters: DepositFilters) -> int:
    """The number of deposits of one list."""
    return _counts(session, _regions(session, actor, filters), _narrowed(session, filters))[tab]


def every_deposit(
    session: Session, actor: Actor, tab: DepositTab, filters: DepositFilters, now: datetime
) -> Iterator[DepositRow]:
    """All deposits of one list, as it shows them and in its order, read page by page."""
    narrowed = _narrowed(session, filters)
    streams = [_stream(tab, region_id, narrowed) for region_id in _regions(session, actor, filters)]
    return every_row(lambda after, size: _page(session, tab, streams, after=after, before=None, size=size, now=now))


def _page(
    session: Session,
    tab: DepositTab,
    streams: Sequence[Stream],
    *,
    after: Key | None,
    before: Key | None,
    size: int,
    now: datetime,
) -> Page[DepositRow]:
    return page_of_streams(
        session,
        streams,
        after=after,
        before=before,
        size=size,
        load=lambda ids: _rows(session, tab, ids, now),
        oldest_first=_oldest_first(tab),
    )


def _oldest_first(tab: DepositTab) -> bool:
    return tab is not DepositTab.REFUNDED


def _regions(session: Session, actor: Actor, filters: DepositFilters) -> Sequence[int]:
    seen = actor.scope(Permission.ORDERS_VIEW).within(filters.region_id)
    return session.scalars(select(Region.id).order_by(Region.id)).all() if seen is None else seen


def _narrowed(session: Session, filters: DepositFilters) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filters.kind is not None:
        conditions.append(Deposit.kind == filters.kind)
    if filters.search is not None:
        conditions.append(_found(session, filters.search))
    return conditions


def _found(session: Session, search: Search) -> ColumnElement[bool]:
    """Deposits by their person, by the rental that they secure, or by one of WeChat's numbers."""
    if search.shape in (Shape.NUMBER, Shape.ORDER_NO):
        named = (Order.number if search.shape is Shape.NUMBER else Order.order_no) == search.text
        agreed = select(Order.id).where(named)
        secured = select(Rental.deposit_id).join(Order, Order.id == Rental.order_id).where(named)
        return or_(Deposit.order_id.in_(agreed), Deposit.id.in_(secured))
    if search.shape in (Shape.TRANSACTION, Shape.TRADE_NO):
        deposit_id = func.coalesce(Charge.deposit_id, BatteryUse.deposit_id)
        paid = select(deposit_id).join(Payment, Payment.charge_id == Charge.id)
        paid = paid.outerjoin(BatteryUse, BatteryUse.id == Charge.battery_use_id)
        return Deposit.id.in_(paid.where(paid_by(search)))
    condition, _ = person_condition(session, search, Deposit.customer_id)
    return false() if condition is None else condition


def _stream(tab: DepositTab, region_id: int, narrowed: list[ColumnElement[bool]]) -> Stream:
    """One list of one region. Of damage the rows are rentals: a deposit may secure several."""
    if tab is DepositTab.DAMAGE:
        unsettled = (Rental.region_id == region_id, Rental.returned_at.is_not(None), Rental.settled_at.is_(None))
        wanted = select(Rental.id, Rental.returned_at.label("at")).join(Deposit, Deposit.id == Rental.deposit_id)
        return Stream(wanted.where(*unsettled, *narrowed), Rental.__table__.c.returned_at, Rental.__table__.c.id)
    status = {DepositTab.HELD: DepositStatus.HELD, DepositTab.REFUNDED: DepositStatus.REFUNDED}
    wanted = select(Deposit.id, Deposit.paid_at.label("at")).where(
        Deposit.status == status.get(tab, DepositStatus.REFUNDING), Deposit.region_id == region_id, *narrowed
    )
    if tab in (DepositTab.REFUNDING, DepositTab.STUCK):
        refund = newest_refund_of()
        wanted = wanted.where(refund.in_(STUCK) if tab is DepositTab.STUCK else refund.not_in(STUCK))
    return Stream(wanted, Deposit.__table__.c.paid_at, Deposit.__table__.c.id)


def newest_refund_of() -> ScalarSelect[RefundStatus]:
    """The state of the newest refund of what paid another read's deposit."""
    return (
        select(Refund.status)
        .join(Payment, Payment.id == Refund.payment_id)
        .join(Charge, Charge.id == Payment.charge_id)
        .where(Charge.deposit_id == Deposit.id, Payment.status == PaymentStatus.SETTLES)
        .order_by(Refund.id.desc())
        .limit(1)
        .correlate(Deposit)
        .scalar_subquery()
    )


def _before(session: Session, streams: Sequence[Stream], key: Key, *, oldest_first: bool) -> int:
    """How many stand before the page whose first row has this key."""
    at = (key.at, key.id)
    counts = [
        _count(stream.wanted.where(_edge(stream) < at if oldest_first else _edge(stream) > at)) for stream in streams
    ]
    return sum(session.execute(select(*counts)).one())


def _edge(stream: Stream) -> Any:
    return tuple_(stream.at, stream.id)


def _count(wanted: Select[*tuple[Any, ...]]) -> ScalarSelect[int]:
    return select(func.count()).select_from(wanted.subquery()).scalar_subquery()


def _counts(session: Session, regions: Sequence[int], narrowed: list[ColumnElement[bool]]) -> Mapping[DepositTab, int]:
    counts = [_count(_stream(tab, region_id, narrowed).wanted) for tab in DepositTab for region_id in regions]
    if not counts:
        return dict.fromkeys(DepositTab, 0)
    found = list(session.execute(select(*counts)).one())
    each = len(regions)
    return {tab: sum(found[nth * each : (nth + 1) * each]) for nth, tab in enumerate(DepositTab)}


def _rows(session: Session, tab: DepositTab, ids: list[int], now: datetime) -> dict[int, DepositRow]:
    wanted = select(
        Deposit,
        Region.letter,
        Identity.name,
        Identity.phone,
        Order.id.label("order_id"),
        Order.number,
        newest_refund_of().label("refund"),
    )
    if tab is DepositTab.DAMAGE:
        wanted = wanted.add_columns(Rental.id.label("row_id")).join(Rental, Rental.deposit_id == Deposit.id)
        wanted = wanted.join(Order, Order.id == Rental.order_id).where(Rental.id.in_(ids))
    else:
        wanted = wanted.add_columns(Deposit.id.label("row_id")).where(Deposit.id.in_(ids))
        wanted = wanted.outerjoin(Order, Order.id == Deposit.order_id)
    rows = session.execute(
        wanted.join(Region, Region.id == Deposit.region_id).outerjoin(
            Identity, Identity.customer_id == Deposit.customer_id
        )
    )
    found = rows.all()
    owed = owed_by_deposit(session, {row.Deposit.id for row in found}, business_day(now))
    return {row.row_id: _row(row, owed[row.Deposit.id], now) for row in found}


def _row(row: Any, owed_fen: int, now: datetime) -> DepositRow:
    deposit: Deposit = row.Deposit
    return DepositRow(
        id=deposit.id,
        kind=deposit.kind,
        letter=row.letter,
        name=masked_name(row.name) if row.name else "",
        phone=masked_phone(row.phone) if row.phone else "",
        amounts=Amounts.of(deposit.amount_fen, deposit.withheld_fen, deposit.refunded_fen, owed_fen=owed_fen),
        paid_at=deposit.paid_at or deposit.made_at,
        days_held=days_held(deposit.status, deposit.paid_at, now),
        badge=deposit_badge(deposit.status, row.refund),
        order_id=row.order_id,
        number=row.number,
    )
