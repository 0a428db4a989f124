"""The list of sale orders: found by one index, counted from the day figures where they suffice (ORD-1, ORD-3)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, tuple_, union
from sqlalchemy.orm import Session

from app.domain.calendar import business_day, day_end, day_start
from app.domain.charges import ChargeStatus, PaymentStatus, Purpose
from app.domain.finding import Search
from app.domain.identity import masked_name, masked_phone
from app.domain.numbering import Business
from app.domain.orders import OrderStatus
from app.domain.permissions import Actor, Permission
from app.domain.standing import SOON, NextStep, PayState, Todo, next_step, pay_state
from app.models.directory import Region, School
from app.models.money import Charge, Payment, Refund
from app.models.orders import Order, OrderDay
from app.models.people import Customer, Identity
from app.models.vehicles import Listing, VehicleModel
from app.queries.order_search import conditions_of
from app.queries.paging import Key, Page, Stream, page_of_streams
from app.queries.people import is_frozen
from app.queries.suspects import suspect_fen_of_charge


@dataclass(frozen=True, slots=True)
class OrderFilters:
    """What the filter panel asks for; days are Shanghai days of the reservation, both included."""

    region_id: int | None = None
    status: OrderStatus | None = None
    first_on: date | None = None
    last_on: date | None = None
    model_id: int | None = None
    todo: Todo | None = None
    search: Search | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """One order as the list shows it; the person is masked."""

    id: int
    number: str
    order_no: str
    model: str
    name: str
    phone: str
    school: str
    amount_fen: int
    pay_state: PayState
    reserved_at: datetime
    status: OrderStatus
    next_step: NextStep | None

    @property
    def awaits_money(self) -> bool:
        """Whether the person still has to pay."""
        return self.next_step is not None and self.next_step.paid_at is None


@dataclass(frozen=True, slots=True)
class Tally:
    """How many orders, and what they come to."""

    orders: int = 0
    amount_fen: int = 0


@dataclass(frozen=True, slots=True)
class OrderList:
    """One page, and how many orders there are in each state under the other filters."""

    page: Page[OrderRow]
    first: int  # the place of the page's first order in the whole list, from 1; 0 without orders
    tallies: Mapping[OrderStatus, Tally]
    too_many_people: bool  # the name fits more people than are looked at

    @property
    def total(self) -> int:
        """All states together."""
        return sum(tally.orders for tally in self.tallies.values())

    @property
    def last(self) -> int:
        """The place of the page's last order."""
        return max(self.first + len(self.page.rows) - 1, 0)

    def owed_fen(self, status: OrderStatus | None) -> int:
        """What the orders of a tab come to. In all of them together a cancelled or expired one owes nothing."""
        counted = [status] if status else [OrderStatus.RESERVED, OrderStatus.COMPLETED]
        return sum(self.tallies[one].amount_fen for one in counted)


@dataclass(frozen=True, slots=True)
class _Source:
    """Where orders are looked for: one index, which is read once for each value of its leading column."""

    columns: Any
    always: tuple[ColumnElement[bool], ...]
    split_by: ColumnElement[int] | None = None
    values: tuple[int, ...] = ()
    too_many_people: bool = False

    def each(self) -> list[tuple[ColumnElement[bool], ...]]:
        """The conditions of each stream, in each of which the index gives the order too."""
        if self.split_by is None:
            return [self.always]
        return [(self.split_by == value, *self.always) for value in self.values]

    def all_at_once(self) -> tuple[ColumnElement[bool], ...]:
        """The conditions of all streams together, for counting."""
        return self.always if self.split_by is None else (self.split_by.in_(self.values), *self.always)


def order_list(
    session: Session,
    actor: Actor,
    filters: OrderFilters,
    *,
    after: Key | None,
    before: Key | None,
    size: int,
    now: datetime,
) -> OrderList:
    """One page of the orders that the actor may see, newest first, with the counts of each state. ORD-3."""
    source = _source(session, actor, filters)
    at, row_id = source.columns.reserved_at, source.columns.id
    narrowed = _narrowed(source.columns, _without_implied(filters, after=after, before=before), now)
    if filters.status is not None:
        narrowed.append(source.columns.status == filters.status)
    wanted = select(row_id, at.label("at"))
    page = page_of_streams(
        session,
        [Stream(wanted.where(*lead, *narrowed), at, row_id) for lead in source.each()],
        after=after,
        before=before,
        size=size,
        load=lambda ids: _rows(session, ids, now),
    )
    first = 1 if page.rows else 0
    if page.newer is not None:
        first += _newer_than(session, actor, filters, source, page.newer, now)
    return OrderList(page, first, _tallies(session, actor, filters, source, now), source.too_many_people)


def how_many(session: Session, actor: Actor, filters: OrderFilters, now: datetime) -> int:
    """The number of orders of a filter: what an empty list offers to widen to."""
    tallies = _tallies(session, actor, filters, _source(session, actor, filters), now)
    wanted = [filters.status] if filters.status else list(OrderStatus)
    return sum(tallies[status].orders for status in wanted)


def _regions(actor: Actor, filters: OrderFilters) -> list[int] | None:
    """The regions to look in; None: all there are."""
    return actor.scope(Permission.ORDERS_VIEW).within(filters.region_id)


def _source(session: Session, actor: Actor, filters: OrderFilters) -> _Source:
    regions = _regions(actor, filters)
    if filters.search is not None:
        return _found(session, filters, filters.search, regions)
    columns = Order.__table__.c
    if filters.model_id is not None:
        offered = select(Listing.id).where(Listing.model_id == filters.model_id, Listing.business == Business.SALE)
        listings = session.scalars(offered if regions is None else offered.where(Listing.region_id.in_(regions)))
        return _Source(columns, (), columns.listing_id, tuple(listings))
    sales = (columns.business == Business.SALE,)
    return _Source(columns, sales) if regions is None else _Source(columns, sales, columns.region_id, tuple(regions))


def _found(session: Session, filters: OrderFilters, search: Search, regions: list[int] | None) -> _Source:
    """The orders that a search finds, each by its own index; set apart, so that no planner mixes in another."""
    conditions, too_many_people = conditions_of(session, search)
    if not conditions:
        return _Source(Order.__table__.c, (), Order.__table__.c.id, ())
    wanted = select(
        Order.id,
        Order.business,
        Order.region_id,
        Order.listing_id,
        Order.status,
        Order.reserved_at,
        Order.expires_at,
        Order.amount_fen,
    )
    found = union(*(wanted.where(condition) for condition in conditions)).cte("found").prefix_with("MATERIALIZED").c
    always = [found.business == Business.SALE]
    if regions is not None:
        always.append(found.region_id.in_(regions))
    if filters.model_id is not None:
        always.append(found.listing_id.in_(select(Listing.id).where(Listing.model_id == filters.model_id)))
    return _Source(found, tuple(always), too_many_people=too_many_people)


def _without_implied(filters: OrderFilters, *, after: Key | None = None, before: Key | None = None) -> OrderFilters:
    """The filters without the end of the days that a key implies.

    Of two bounds on the same side SQLite takes either for its index, and might walk all days up to the key.
    """
    if after is not None and filters.last_on is not None and after.at < day_end(filters.last_on):
        filters = replace(filters, last_on=None)
    if before is not None and filters.first_on is not None and before.at >= day_start(filters.first_on):
        filters = replace(filters, first_on=None)
    return filters


def _narrowed(columns: Any, filters: OrderFilters, now: datetime) -> list[ColumnElement[bool]]:
    """The conditions that every state is counted under."""
    conditions: list[ColumnElement[bool]] = []
    if filters.first_on is not None:
        conditions.append(columns.reserved_at >= day_start(filters.first_on))
    if filters.last_on is not None:
        conditions.append(columns.reserved_at < day_end(filters.last_on))
    if filters.todo is not None:
        paid = filters.todo in (Todo.PICK_UP, Todo.OVERDUE)
        wanted = ChargeStatus.SETTLED if paid else ChargeStatus.OPEN
        conditions += [columns.status == OrderStatus.RESERVED, charge_status_of(columns.id) == wanted]
        if filters.todo is Todo.OVERDUE:
            conditions.append(columns.expires_at <= now)
        elif filters.todo is Todo.PAY_SOON:
            conditions.append(columns.expires_at < now + SOON)
    return conditions


def _from_figures(filters: OrderFilters) -> bool:
    """Whether the day figures know the answer: they stand by region, state and day."""
    return filters.search is None and filters.model_id is None and filters.todo is None


def charge_status_of(order_id: ColumnElement[int]) -> ColumnElement[ChargeStatus]:
    """The state of an order's charge, looked up order by order: few are open, and a join would read all charges."""
    return select(Charge.status).where(Charge.order_id == order_id, Charge.purpose == Purpose.SALE).scalar_subquery()


def _tallies(
    session: Session, actor: Actor, filters: OrderFilters, source: _Source, now: datetime
) -> Mapping[OrderStatus, Tally]:
    if _from_figures(filters):
        sums = (OrderDay.status, func.sum(OrderDay.orders), func.sum(OrderDay.amount_fen))
        figures = _figures(_regions(actor, filters), filters)
        wanted = figures.with_only_columns(*sums).group_by(OrderDay.status)
    else:
        wanted = _counts(source, filters, now)
    found = {status: Tally(int(orders), int(amount_fen)) for status, orders, amount_fen in session.execute(wanted)}
    return {status: found.get(status, Tally()) for status in OrderStatus}


def _figures(regions: list[int] | None, filters: OrderFilters) -> Select[*tuple[Any, ...]]:
    """The day figures under a filter; every part of their key is named, so that it is a few seeks of its index."""
    wanted = select(OrderDay.id).where(
        OrderDay.business == Business.SALE,
        OrderDay.region_id.in_(select(Region.id) if regions is None else regions),
        OrderDay.status.in_(list(OrderStatus)),
    )
    if filters.first_on is not None:
        wanted = wanted.where(OrderDay.on_day >= filters.first_on)
    if filters.last_on is not None:
        wanted = wanted.where(OrderDay.on_day <= filters.last_on)
    return wanted


def _counts(source: _Source, filters: OrderFilters, now: datetime) -> Select[*tuple[Any, ...]]:
    columns = source.columns
    return (
        select(columns.status, func.count(), func.sum(columns.amount_fen))
        .where(*source.all_at_once(), *_narrowed(columns, filters, now))
        .group_by(columns.status)
    )


def _newer_than(session: Session, actor: Actor, filters: OrderFilters, source: _Source, key: Key, now: datetime) -> int:
    """How many orders of the list stand before a key: whole days from the figures, the key's own day from the index."""
    on = business_day(key.at)
    from_figures = _from_figures(filters)
    counted = _without_implied(filters, before=key)
    if from_figures:
        counted = replace(counted, last_on=min(on, filters.last_on or on))
    columns = source.columns
    newer = select(func.count(columns.id)).where(
        *source.all_at_once(),
        *_narrowed(columns, counted, now),
        *([columns.status == filters.status] if filters.status is not None else []),
        tuple_(columns.reserved_at, columns.id) > (key.at, key.id),
    )
    if not from_figures:
        return session.scalars(newer).one()
    days = _figures(_regions(actor, filters), replace(filters, first_on=on + timedelta(days=1)))
    if filters.status is not None:
        days = days.where(OrderDay.status == filters.status)
    before = days.with_only_columns(func.coalesce(func.sum(OrderDay.orders), 0))
    return int(session.scalars(select(newer.scalar_subquery() + before.scalar_subquery())).one())


def _rows(session: Session, ids: list[int], now: datetime) -> dict[int, OrderRow]:
    newest_refund = (
        select(Refund.status)
        .where(Refund.payment_id == Payment.id)
        .order_by(Refund.id.desc())
        .limit(1)
        .correlate(Payment)
        .scalar_subquery()
    )
    rows = session.execute(
        select(
            Order.id,
            Order.number,
            Order.order_no,
            VehicleModel.name.label("model"),
            Identity.name,
            Identity.phone,
            School.name.label("school"),
            Order.amount_fen,
            Order.reserved_at,
            Order.expires_at,
            Order.status,
            Charge.status.label("charge"),
            Charge.settled_at,
            newest_refund.label("refund"),
            is_frozen(Order.customer_id).label("frozen"),
            suspect_fen_of_charge().label("suspect_fen"),
        )
        .join(Listing, Listing.id == Order.listing_id)
        .join(VehicleModel, VehicleModel.id == Listing.model_id)
        .join(Customer, Customer.id == Order.customer_id)
        .outerjoin(School, School.id == Customer.school_id)
        .outerjoin(Identity, Identity.customer_id == Order.customer_id)
        .join(Charge, (Charge.order_id == Order.id) & (Charge.purpose == Purpose.SALE))
        .outerjoin(Payment, (Payment.charge_id == Charge.id) & (Payment.status == PaymentStatus.SETTLES))
        .where(Order.id.in_(ids))
    )
    return {
        row.id: OrderRow(
            id=row.id,
            number=row.number,
            order_no=row.order_no,
            model=row.model,
            name=masked_name(row.name) if row.name else "",
            phone=masked_phone(row.phone) if row.phone else "",
            school=row.school or "",
            amount_fen=row.amount_fen,
            pay_state=pay_state(row.charge, row.refund),
            reserved_at=row.reserved_at,
            status=row.status,
            next_step=next_step(
                row.status,
                paid_at=row.settled_at,
                frozen=row.frozen,
                expires_at=row.expires_at,
                suspect_fen=row.suspect_fen,
                now=now,
            ),
        )
        for row in rows
    }


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model that is or was sold."""

    id: int
    name: str


def sale_models(session: Session) -> list[ModelRow]:
    """The models of the filter, by name."""
    rows = session.execute(
        select(VehicleModel.id, VehicleModel.name)
        .where(VehicleModel.id.in_(select(Listing.model_id).where(Listing.business == Business.SALE)))
        .order_by(VehicleModel.name)
    )
    return [ModelRow(*row) for row in rows]
