"""Lists of orders: found by one index, counted from the day figures where they suffice (ORD-1, ORD-3)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import product
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, literal, select, tuple_, union
from sqlalchemy.orm import Session, aliased

from app.domain.calendar import business_day, day_end, day_start
from app.domain.charges import ChargeStatus, PaymentStatus
from app.domain.finding import Search
from app.domain.identity import masked_name, masked_phone
from app.domain.numbering import Business
from app.domain.orders import RENTALS, OrderStatus
from app.domain.permissions import Actor, Permission
from app.domain.rentals import RentalStatus, days_late
from app.domain.standing import (
    AFTER_PICKUP,
    SOON,
    NextStep,
    OrderState,
    PayState,
    RentalFacts,
    Todo,
    next_step,
    pay_state,
)
from app.models.directory import Region, School
from app.models.money import Charge, Payment
from app.models.orders import Order, OrderDay
from app.models.people import Customer, Identity
from app.models.rentals import Rental
from app.models.vehicles import Listing, Plan, VehicleModel
from app.queries.cards import card_standing_of
from app.queries.deposits import is_secured
from app.queries.order_search import conditions_of
from app.queries.paging import Key, Page, Stream, every_row, page_of_streams
from app.queries.people import is_frozen, is_in_debt
from app.queries.refunds import urgent_refund
from app.queries.suspects import suspect_fen_of_charge

SALES = (Business.SALE,)
RENTED = (Business.RENTAL, Business.MINI_RENTAL)
"""The businesses of each of the two lists. ORD-1."""


@dataclass(frozen=True, slots=True)
class OrderFilters:
    """What the filter panel asks for; days are Shanghai days of the reservation, both included."""

    businesses: tuple[Business, ...] = SALES
    region_id: int | None = None
    state: OrderState | None = None
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
    plan: str  # of a rental
    name: str
    phone: str
    school: str
    amount_fen: int
    pay_state: PayState
    reserved_at: datetime
    status: OrderStatus
    rental_status: RentalStatus | None  # of a rental that was picked up
    days_late: int
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


Part = tuple[OrderStatus, bool]
"""A status, and whether the vehicle is rented and not back."""


@dataclass(frozen=True, slots=True)
class OrderList:
    """One page, and how many orders there are in each state under the other filters."""

    page: Page[OrderRow]
    first: int  # the place of the page's first order in the whole list, from 1; 0 without orders
    parts: Mapping[Part, Tally]
    too_many_people: bool  # the name fits more people than are looked at

    def tally(self, state: OrderState | None) -> Tally:
        """The orders of a state; None: all together."""
        return tally_of(self.parts, state)

    @property
    def total(self) -> int:
        """All states together."""
        return self.tally(None).orders

    @property
    def last(self) -> int:
        """The place of the page's last order."""
        return max(self.first + len(self.page.rows) - 1, 0)

    def owed_fen(self, state: OrderState | None) -> int:
        """What the orders of a tab come to. In all of them together a cancelled or expired one owes nothing."""
        counted = [state] if state else [OrderState.RESERVED, OrderState.COMPLETED]
        return sum(self.tally(one).amount_fen for one in counted)


def tally_of(parts: Mapping[Part, Tally], state: OrderState | None) -> Tally:
    """The orders of a state; None: all together."""
    fitting = [tally for (status, out), tally in parts.items() if state is None or state.holds(status, out=out)]
    return Tally(sum(tally.orders for tally in fitting), sum(tally.amount_fen for tally in fitting))


@dataclass(frozen=True, slots=True)
class _Source:
    """Where orders are looked for: one index, which is read once for each value of its leading columns."""

    columns: Any
    always: tuple[ColumnElement[bool], ...] = ()
    split: tuple[tuple[ColumnElement[Any], Sequence[Any]], ...] = ()
    too_many_people: bool = False

    def each(self) -> list[tuple[ColumnElement[bool], ...]]:
        """The conditions of each stream, in each of which the index gives the order too."""
        leads = product(*(values for _, values in self.split))
        named = [column for column, _ in self.split]
        return [(*(column == value for column, value in zip(named, lead, strict=True)), *self.always) for lead in leads]

    def all_at_once(self) -> tuple[ColumnElement[bool], ...]:
        """The conditions of all streams together, for counting."""
        return (*(column.in_(values) for column, values in self.split), *self.always)


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
    source = _source(session, actor, filters, now)
    page = _page(session, source, filters, after=after, before=before, size=size, now=now)
    first = 1 if page.rows else 0
    if page.newer is not None:
        first += _newer_than(session, actor, filters, source, page.newer, now)
    return OrderList(page, first, tallies(session, actor, filters, now, source), source.too_many_people)


def every_order(session: Session, actor: Actor, filters: OrderFilters, now: datetime) -> Iterator[OrderRow]:
    """All orders of the list, as it shows them and in its order, read page by page."""
    source = _source(session, actor, filters, now)
    return every_row(lambda after, size: _page(session, source, filters, after=after, before=None, size=size, now=now))


def _page(
    session: Session,
    source: _Source,
    filters: OrderFilters,
    *,
    after: Key | None,
    before: Key | None,
    size: int,
    now: datetime,
) -> Page[OrderRow]:
    at, row_id = source.columns.reserved_at, source.columns.id
    narrowed = _narrowed(source.columns, _without_implied(filters, after=after, before=before), now)
    narrowed += _of_state(source.columns, filters.state)
    wanted = select(row_id, at.label("at"))
    return page_of_streams(
        session,
        [Stream(wanted.where(*lead, *narrowed), at, row_id) for lead in source.each()],
        after=after,
        before=before,
        size=size,
        load=lambda ids: _rows(session, ids, now),
    )


def tallies(
    session: Session, actor: Actor, filters: OrderFilters, now: datetime, source: _Source | None = None
) -> Mapping[Part, Tally]:
    """The counts of all states. `source`: that of the same filters, if it was looked up already."""
    if _from_figures(filters):
        key = (OrderDay.status, OrderDay.out)
        figures = _figures(_regions(actor, filters), filters)
        wanted = figures.with_only_columns(*key, func.sum(OrderDay.orders), func.sum(OrderDay.amount_fen)).group_by(
            *key
        )
    else:
        if source is None or filters.state is OrderState.OUT:  # whose source has nothing else
            source = _source(session, actor, replace(filters, state=None), now)
        wanted = _counts(source, filters, now)
    return {(status, bool(out)): Tally(int(n), int(fen)) for status, out, n, fen in session.execute(wanted)}


def how_many(session: Session, actor: Actor, filters: OrderFilters, now: datetime) -> int:
    """The number of orders of a filter: what an empty list offers to widen to."""
    return tally_of(tallies(session, actor, filters, now), filters.state).orders


def _regions(actor: Actor, filters: OrderFilters) -> list[int] | None:
    """The regions to look in; None: all there are."""
    return actor.scope(Permission.ORDERS_VIEW).within(filters.region_id)


def _source(session: Session, actor: Actor, filters: OrderFilters, now: datetime) -> _Source:
    regions = _regions(actor, filters)
    columns = Order.__table__.c
    if filters.search is not None:
        conditions, too_many_people = conditions_of(session, filters.search, filters.businesses)
        if not conditions:
            return _Source(columns, split=((columns.id, ()),))
        return replace(_found(filters, conditions, regions), too_many_people=too_many_people)
    waiting = Todo.BRING_BACK if filters.state is OrderState.OUT else filters.todo
    if waiting in AFTER_PICKUP:
        return _found(filters, [columns.id.in_(_rentals_that(waiting, now))], regions)
    if filters.model_id is not None:
        offered = select(Listing.id).where(
            Listing.model_id == filters.model_id, Listing.business.in_(filters.businesses)
        )
        listings = session.scalars(offered if regions is None else offered.where(Listing.region_id.in_(regions)))
        return _Source(columns, split=((columns.listing_id, tuple(listings)),))
    split: list[tuple[ColumnElement[Any], Sequence[Any]]] = [(columns.business, filters.businesses)]
    if regions is not None:
        split.append((columns.region_id, regions))
    return _Source(columns, split=tuple(split))


def _found(filters: OrderFilters, conditions: Sequence[ColumnElement[bool]], regions: list[int] | None) -> _Source:
    """The orders that conditions find, each by its own index; set apart, so that no planner mixes in another."""
    wanted = select(
        Order.id,
        Order.business,
        Order.region_id,
        Order.listing_id,
        Order.status,
        Order.occupies_rental,
        Order.reserved_at,
        Order.expires_at,
        Order.amount_fen,
    )
    found = union(*(wanted.where(condition) for condition in conditions)).cte("found").prefix_with("MATERIALIZED").c
    always = [found.business.in_(filters.businesses)]
    if regions is not None:
        always.append(found.region_id.in_(regions))
    if filters.model_id is not None:
        always.append(found.listing_id.in_(select(Listing.id).where(Listing.model_id == filters.model_id)))
    return _Source(found, tuple(always))


def _rentals_that(todo: Todo, now: datetime) -> Select[int]:
    """The orders whose vehicles are out, late, or back with damage: no more than there are vehicles, by an index."""
    wanted = select(Rental.order_id)
    if todo is Todo.DAMAGE:
        damaged = wanted.where(Rental.returned_at.is_not(None), Rental.settled_at.is_(None))
        return damaged.with_hint(Rental, "INDEXED BY ix_rental_unsettled", "sqlite")  # not that of all that are back
    out = wanted.where(Rental.returned_on.is_(None))
    return out if todo is Todo.BRING_BACK else out.where(Rental.due_on < business_day(now))


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
    """What holds beside the source and the state."""
    conditions: list[ColumnElement[bool]] = []
    if filters.first_on is not None:
        conditions.append(columns.reserved_at >= day_start(filters.first_on))
    if filters.last_on is not None:
        conditions.append(columns.reserved_at < day_end(filters.last_on))
    if filters.todo is not None:
        conditions += _waiting(columns, filters.todo, now)
    return conditions


def _waiting(columns: Any, todo: Todo, now: datetime) -> list[ColumnElement[bool]]:
    if todo in AFTER_PICKUP:
        return [columns.id.in_(_rentals_that(todo, now))]
    wanted = ChargeStatus.SETTLED if todo in (Todo.PICK_UP, Todo.OVERDUE) else ChargeStatus.OPEN
    conditions = [columns.status == OrderStatus.RESERVED, charge_status_of(columns.id) == wanted]
    if todo is Todo.OVERDUE:
        conditions.append(columns.expires_at <= now)
    elif todo is Todo.PAY_SOON:
        conditions.append(columns.expires_at < now + SOON)
    return conditions


def _of_state(columns: Any, state: OrderState | None) -> list[ColumnElement[bool]]:
    if state is None:
        return []
    conditions = [columns.status == state.status]
    if state.out is not None:
        conditions.append(columns.occupies_rental if state.out else ~columns.occupies_rental)
    return conditions


def _from_figures(filters: OrderFilters) -> bool:
    """Whether the day figures know the answer: they stand by region, state and day."""
    return filters.search is None and filters.model_id is None and filters.todo is None


def charge_status_of(order_id: ColumnElement[int]) -> ColumnElement[ChargeStatus]:
    """The state of an order's charge, looked up order by order: few are open, and a join would read all charges."""
    return select(Charge.status).where(Charge.order_id == order_id).scalar_subquery()


def _figures(regions: list[int] | None, filters: OrderFilters) -> Select[*tuple[Any, ...]]:
    """The day figures under a filter; every part of their key is named, so that it is a few seeks of its index."""
    wanted = select(OrderDay.id).where(
        OrderDay.business.in_(filters.businesses),
        OrderDay.region_id.in_(select(Region.id) if regions is None else regions),
        OrderDay.status.in_(list(OrderStatus)),
        OrderDay.out.in_((False, True)),
    )
    if filters.first_on is not None:
        wanted = wanted.where(OrderDay.on_day >= filters.first_on)
    if filters.last_on is not None:
        wanted = wanted.where(OrderDay.on_day <= filters.last_on)
    return wanted


def _counts(source: _Source, filters: OrderFilters, now: datetime) -> Select[*tuple[Any, ...]]:
    columns = source.columns
    # No sale is out: its index is enough, without a look at the table.
    is_out = (columns.status == OrderStatus.COMPLETED) & columns.occupies_rental
    out = literal(False) if filters.businesses == SALES else case((is_out, True), else_=False)
    wanted = (
        select(columns.status, out.label("out"), columns.amount_fen)
        .where(*source.all_at_once(), *_narrowed(columns, filters, now))
        .subquery()
        .c
    )
    return select(wanted.status, wanted.out, func.count(), func.sum(wanted.amount_fen)).group_by(
        wanted.status, wanted.out
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
        *_of_state(columns, filters.state),
        tuple_(columns.reserved_at, columns.id) > (key.at, key.id),
    )
    if not from_figures:
        return session.scalars(newer).one()
    days = _figures(_regions(actor, filters), replace(filters, first_on=on + timedelta(days=1)))
    if filters.state is not None:
        days = days.where(OrderDay.status == filters.state.status)
        if filters.state.out is not None:
            days = days.where(OrderDay.out == filters.state.out)
    before = days.with_only_columns(func.coalesce(func.sum(OrderDay.orders), 0))
    return int(session.scalars(select(newer.scalar_subquery() + before.scalar_subquery())).one())


def _rows(session: Session, ids: list[int], now: datetime) -> dict[int, OrderRow]:
    rental = aliased(Rental)  # another one than that which freezes its person
    rows = session.execute(
        select(
            Order.id,
            Order.number,
            Order.order_no,
            Order.business,
            VehicleModel.name.label("model"),
            Plan.name.label("plan"),
            Identity.name,
            Identity.phone,
            School.name.label("school"),
            Order.amount_fen,
            Order.reserved_at,
            Order.expires_at,
            Order.status,
            Charge.status.label("charge"),
            Charge.settled_at,
            urgent_refund().label("refund"),
            (Payment.refunded_fen < Payment.received_fen).label("in_part"),
            is_frozen(Order.customer_id, now).label("frozen"),
            is_in_debt(Order.customer_id).label("in_debt"),
            suspect_fen_of_charge().label("suspect_fen"),
            card_standing_of(Order.customer_id).label("card"),
            is_secured(Order.customer_id).label("secured"),
            rental.due_on,
            rental.returned_on,
            rental.settled_at.label("checked_at"),
        )
        .join(Listing, Listing.id == Order.listing_id)
        .join(VehicleModel, VehicleModel.id == Listing.model_id)
        .outerjoin(Plan, (Plan.listing_id == Order.listing_id) & (Plan.days == Order.days))
        .join(Customer, Customer.id == Order.customer_id)
        .outerjoin(School, School.id == Customer.school_id)
        .outerjoin(Identity, Identity.customer_id == Order.customer_id)
        .join(Charge, Charge.order_id == Order.id)
        .outerjoin(Payment, (Payment.charge_id == Charge.id) & (Payment.status == PaymentStatus.SETTLES))
        .outerjoin(rental, rental.order_id == Order.id)
        .where(Order.id.in_(ids))
    )
    return {row.id: _row(row, now) for row in rows}


def _row(row: Any, now: datetime) -> OrderRow:
    rental = RentalFacts(
        row.card, row.secured, row.due_on, is_back=row.returned_on is not None, is_settled=row.checked_at is not None
    )
    return OrderRow(
        id=row.id,
        number=row.number,
        order_no=row.order_no,
        model=row.model,
        plan=row.plan or "",
        name=masked_name(row.name) if row.name else "",
        phone=masked_phone(row.phone) if row.phone else "",
        school=row.school or "",
        amount_fen=row.amount_fen,
        pay_state=pay_state(row.charge, row.refund, in_part=bool(row.in_part)),
        reserved_at=row.reserved_at,
        status=row.status,
        rental_status=rental_status(row.due_on, row.returned_on),
        days_late=days_late(row.due_on, business_day(now)) if row.due_on and row.returned_on is None else 0,
        next_step=next_step(
            row.status,
            paid_at=row.settled_at,
            frozen=row.frozen,
            in_debt=row.in_debt,
            expires_at=row.expires_at,
            suspect_fen=row.suspect_fen,
            now=now,
            rental=rental if row.business in RENTALS else None,
        ),
    )


def rental_status(due_on: date | None, returned_on: date | None) -> RentalStatus | None:
    """Of a rental; None before the pickup, and of a sale."""
    if due_on is None:
        return None
    return RentalStatus.OUT if returned_on is None else RentalStatus.RETURNED


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model that is or was offered."""

    id: int
    name: str


def models_of(session: Session, businesses: Sequence[Business]) -> list[ModelRow]:
    """The models of the filter, by name."""
    rows = session.execute(
        select(VehicleModel.id, VehicleModel.name)
        .where(VehicleModel.id.in_(select(Listing.model_id).where(Listing.business.in_(businesses))))
        .order_by(VehicleModel.name)
    )
    return [ModelRow(*row) for row in rows]
