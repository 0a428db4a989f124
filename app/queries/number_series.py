"""Number series: how far each is used, its numbers, and who had which when (NUM-4 to NUM-7, decisions 8 to 10)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.orm import Session

from app.domain.errors import NotFound
from app.domain.identity import masked_name
from app.domain.labels import ERASED
from app.domain.numbering import FREE_WHEN_WARNED, LAST_NUMBER, Business, VehicleNumber, fold
from app.domain.orders import OrderStatus
from app.domain.permissions import Actor, Permission
from app.domain.timeline import Entry
from app.models.directory import Region
from app.models.numbers import NumberHolding, NumberSeries, NumberSlot, SlotState
from app.models.orders import Order
from app.models.people import Identity
from app.queries.number_paging import NumberPage, page_by_number
from app.queries.timeline import entries_about

MOST_HOLDERS = 50
FREE = literal(SlotState.FREE.value, literal_execute=True)
"""In the statement itself: SQLite takes a partial index only for what it can read there."""
STATES = tuple(state.value for state in SlotState)
"""free, held, waiting, kept, retired: the words of a slot's state, as URLs have them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRow:
    """One series, and how many of its numbers are in each state."""

    id: int
    region_id: int
    letter: str
    region: str
    business: Business
    counts: dict[str, int]
    next_number: str  # empty: there is none

    @property
    def prefix(self) -> str:
        """`BM`."""
        return f"{self.letter}{self.business.value}"

    @property
    def last_number(self) -> str:
        """Where it ends."""
        return str(VehicleNumber(self.letter, self.business, LAST_NUMBER))

    @property
    def free(self) -> int:
        """Numbers that an order could get."""
        return self.counts["free"]

    @property
    def taken(self) -> int:
        """All others: a retired number is no use to anybody either."""
        return LAST_NUMBER - self.free

    @property
    def taken_percent(self) -> int:
        """Rounded down: a series is at 100 only when nothing is left."""
        return 100 * self.taken // LAST_NUMBER

    @property
    def is_full(self) -> bool:
        """Whether the next reservation is refused. NUM-7."""
        return self.free == 0

    @property
    def is_nearly_full(self) -> bool:
        """Whether it is time to think of another. Decision 10."""
        return self.free <= FREE_WHEN_WARNED


def series_rows(session: Session, actor: Actor, region_id: int | None) -> list[SeriesRow]:
    """The series of the regions that the actor may see, or of one of them, by region and business."""
    return _rows(session, actor, region_id=region_id)


def running_out(session: Session, regions: list[int] | None) -> dict[int, int]:
    """How many series of each region (None: of all) warn. Reads no more of a series than the numbers it warns at."""
    too_many_free = (
        select(NumberSlot.n)
        .where(NumberSlot.series_id == NumberSeries.id, NumberSlot.state == FREE)
        .order_by(NumberSlot.n)
        .offset(FREE_WHEN_WARNED)
        .limit(1)
        .scalar_subquery()
    )
    wanted = select(NumberSeries.region_id, func.count()).where(too_many_free.is_(None))
    if regions is not None:
        wanted = wanted.where(NumberSeries.region_id.in_(regions))
    return dict(session.execute(wanted.group_by(NumberSeries.region_id)).all())


def series_of(session: Session, actor: Actor, series_id: int) -> SeriesRow:
    """One series. Raises NotFound."""
    found = _rows(session, actor, NumberSeries.id == series_id)
    if not found:
        raise NotFound
    return found[0]


def _rows(
    session: Session, actor: Actor, *conditions: ColumnElement[bool], region_id: int | None = None
) -> list[SeriesRow]:
    """Each number that is not free has a holding that goes on: counting those does not read the thousands free."""
    regions = actor.scope(Permission.NUMBERS_VIEW).within(region_id)
    next_free = (
        select(NumberSlot.n)
        .where(NumberSlot.series_id == NumberSeries.id, NumberSlot.state == FREE)
        .order_by(NumberSlot.n)
        .limit(1)
        .scalar_subquery()
    )
    wanted = (
        select(NumberSeries.id, NumberSeries.region_id, NumberSeries.business, Region.letter, Region.name)
        .add_columns(next_free.label("next_free"))
        .join(Region, Region.id == NumberSeries.region_id)
        .where(*conditions, *([NumberSeries.region_id.in_(regions)] if regions is not None else []))
    )
    found = session.execute(wanted).all()
    ids = [row.id for row in found]
    counts: dict[int, dict[str, int]] = {series_id: dict.fromkeys(STATES, 0) for series_id in ids}
    for series_id, state, n in session.execute(
        select(NumberSlot.series_id, NumberSlot.state, func.count())
        .join(NumberHolding, NumberHolding.slot_id == NumberSlot.id)
        .where(NumberHolding.to_seq.is_(None), NumberSlot.series_id.in_(ids))
        .group_by(NumberSlot.series_id, NumberSlot.state)
    ):
        counts[series_id][state.value] = n
    for of_series in counts.values():
        of_series["free"] = LAST_NUMBER - sum(of_series.values())
    order = list(Business)
    return sorted(
        (
            SeriesRow(
                id=row.id,
                region_id=row.region_id,
                letter=row.letter,
                region=row.name,
                business=row.business,
                counts=counts[row.id],
                next_number=str(VehicleNumber(row.letter, row.business, row.next_free)) if row.next_free else "",
            )
            for row in found
        ),
        key=lambda row: (row.letter, order.index(row.business)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotRow:
    """One number of a series, and the order that has it."""

    id: int
    n: int
    number: str
    state: str
    order_id: int | None
    name: str
    since: datetime | None
    printed_at: datetime | None


def slot_page_of(
    session: Session, series: SeriesRow, state: str | None, *, after: int | None, before: int | None, size: int
) -> NumberPage[SlotRow]:
    """The numbers of a series, all or in one state, after or before one."""
    here = NumberSlot.series_id == series.id
    return page_by_number(
        session,
        NumberSlot.id,
        NumberSlot.n,
        [here] if state is None else [here, NumberSlot.state == SlotState(state)],
        after=after,
        before=before,
        size=size,
        load=lambda ids: _slot_rows(session, series, ids),
    )


def _slot_rows(session: Session, series: SeriesRow, ids: Sequence[int]) -> dict[int, SlotRow]:
    live = (NumberHolding.slot_id == NumberSlot.id) & NumberHolding.to_seq.is_(None)
    rows = session.execute(
        select(NumberSlot, NumberHolding.from_at, Identity.name)
        .outerjoin(NumberHolding, live)
        .outerjoin(Order, Order.id == NumberSlot.order_id)
        .outerjoin(Identity, Identity.customer_id == Order.customer_id)
        .where(NumberSlot.id.in_(ids))
    )
    return {
        row.NumberSlot.id: SlotRow(
            id=row.NumberSlot.id,
            n=row.NumberSlot.n,
            number=str(VehicleNumber(series.letter, series.business, row.NumberSlot.n)),
            state=row.NumberSlot.state.value,
            order_id=row.NumberSlot.order_id,
            name=masked_name(row.name) if row.name else "",
            since=row.from_at,
            printed_at=row.NumberSlot.printed_at,
        )
        for row in rows
    }


def find_slot(session: Session, series: SeriesRow, typed: str) -> int | None:
    """The id of a number of the series: written whole, or its digits alone."""
    digits = fold(typed).removeprefix(series.prefix)
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= len(str(LAST_NUMBER))):
        return None
    wanted = select(NumberSlot.id).where(NumberSlot.series_id == series.id, NumberSlot.n == int(digits))
    return session.scalars(wanted).one_or_none()


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """One stretch of a number: with an order, or (without one) retired. `to_at` None: still. The person is masked."""

    order_id: int | None
    order_no: str
    name: str
    status: OrderStatus | None
    from_at: datetime
    to_at: datetime | None
    revived: bool  # the same order got it a second time

    @property
    def who(self) -> str:
        """The person, or that it was out of use."""
        if self.order_id is None:
            return "停用"
        return self.name or ERASED


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotPage:
    """The page of one number. What may be done is decided here."""

    slot: SlotRow
    series: SeriesRow
    holders: tuple[Holder, ...]
    entries: tuple[Entry, ...]
    may_see_orders: bool
    may_retire: bool
    may_put_back: bool
    may_print: bool


def slot_page(session: Session, actor: Actor, slot_id: int) -> SlotPage:
    """The page of a number that the actor may see, with its history. Raises NotFound. Decision 10."""
    slot = session.get(NumberSlot, slot_id)
    if slot is None:
        raise NotFound
    series = series_of(session, actor, slot.series_id)
    retires = actor.may(Permission.NUMBERS_RETIRE, series.region_id)
    return SlotPage(
        slot=_slot_rows(session, series, [slot_id])[slot_id],
        series=series,
        holders=_holders(session, slot_id),
        entries=entries_about(session, "number", slot_id),
        may_see_orders=actor.may(Permission.ORDERS_VIEW, series.region_id),
        may_retire=retires and slot.state is SlotState.FREE,
        may_put_back=retires and slot.state is SlotState.RETIRED,
        may_print=actor.may(Permission.PLATES_PRINT, series.region_id),
    )


def _holders(session: Session, slot_id: int) -> tuple[Holder, ...]:
    rows = session.execute(
        select(
            NumberHolding.order_id,
            NumberHolding.from_at,
            NumberHolding.to_at,
            NumberHolding.revived,
            Order.order_no,
            Order.status,
            Identity.name,
        )
        .outerjoin(Order, Order.id == NumberHolding.order_id)
        .outerjoin(Identity, Identity.customer_id == Order.customer_id)
        .where(NumberHolding.slot_id == slot_id)
        .order_by(NumberHolding.from_seq.desc())
        .limit(MOST_HOLDERS)
    )
    return tuple(
        Holder(
            order_id=row.order_id,
            order_no=row.order_no or "",
            name=masked_name(row.name) if row.name else "",
            status=row.status,
            from_at=row.from_at,
            to_at=row.to_at,
            revived=row.revived,
        )
        for row in rows
    )
