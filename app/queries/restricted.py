"""受限用户: what bars people, by cause, from the facts alone: whether or not any job has recorded it (decision 5).

Each cause has an index that gives its order, what has lasted longest first.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, literal, select, tuple_, union_all
from sqlalchemy.orm import Session

from app.domain.calendar import business_day, day_start
from app.domain.identity import masked_name, masked_phone
from app.domain.numbering import BatteryNumber
from app.domain.permissions import Actor, Permission
from app.domain.restrictions import Cause
from app.domain.terms import days_out
from app.models.batteries import Battery, BatteryUse
from app.models.directory import Region, School
from app.models.orders import Order
from app.models.people import Customer, Identity, Restriction
from app.models.rentals import Rental
from app.queries.late_fees import Lent, accounts_of, is_out
from app.queries.paging import Key, Page

LISTED = (Cause.OVERDUE, Cause.DEBT, Cause.MANUAL)
ZERO: ColumnElement[int] = literal(0, literal_execute=True)  # a partial index is found only by its own words
BY_HAND: ColumnElement[str] = literal(Cause.MANUAL.value, literal_execute=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestrictedRow:
    """One thing that bars somebody, who is masked."""

    customer_id: int
    name: str  # empty: erased
    phone: str
    school: str
    cause: Cause
    number: str  # of the battery or vehicle; empty for a freeze by hand
    is_battery: bool
    use_id: int | None
    order_id: int | None
    since: datetime
    days: int  # since then, or (overdue) that it is out or late
    reason: str  # what staff wrote
    owed_fen: int


@dataclass(frozen=True, slots=True)
class RestrictedList:
    """One page, and how many there are of each cause."""

    page: Page[RestrictedRow]
    first: int  # the place of the page's first row, from 1; 0 without any
    counts: Mapping[Cause, int]

    @property
    def last(self) -> int:
        """The place of the page's last row."""
        return max(self.first + len(self.page.rows) - 1, 0)


@dataclass(frozen=True, slots=True)
class _Source:
    """Rows of one table: what is wanted, in which order, and the index that gives it."""

    table: type[BatteryUse | Rental | Restriction]
    at: Any
    index: str
    conditions: tuple[ColumnElement[bool], ...]

    def select(self, *columns: Any) -> Select[*tuple[Any, ...]]:
        """Some columns of the rows; the index is named for SQLite, which else takes one of all rows."""
        wanted = select(*columns).where(*self.conditions)
        return wanted.with_hint(self.table, f"INDEXED BY {self.index}", "sqlite")


def _sources(cause: Cause, regions: Sequence[int] | None, today: date) -> list[_Source]:
    if cause is Cause.MANUAL:
        by_hand = (Restriction.cause == BY_HAND, Restriction.lifted_at.is_(None))
        here: tuple[ColumnElement[bool], ...] = ()
        if regions is not None:
            people = select(Customer.id).join(School, School.id == Customer.school_id)
            here = (Restriction.customer_id.in_(people.where(School.region_id.in_(regions))),)
        return [_Source(Restriction, Restriction.since, "ix_restriction_by_hand", (*by_hand, *here))]
    found = []
    for kind in (BatteryUse, Rental):
        here = () if regions is None else (kind.region_id.in_(regions),)
        if cause is Cause.OVERDUE:
            late = (is_out(kind), kind.freezes_on <= today)
            found.append(_Source(kind, kind.freezes_on, f"ix_{kind.__tablename__}_freezes_on", (*late, *here)))
        else:
            owes = (kind.late_owed_fen > ZERO,)
            found.append(_Source(kind, kind.returned_at, f"ix_{kind.__tablename__}_debt", (*owes, *here)))
    return found


def restricted_list(
    session: Session,
    actor: Actor,
    cause: Cause,
    *,
    region_id: int | None,
    after: Key | None,
    before: Key | None,
    size: int,
    now: datetime,
) -> RestrictedList:
    """One page of what bars people in the regions that the actor may see, what has lasted longest first."""
    regions, today = actor.scope(Permission.ORDERS_VIEW).within(region_id), business_day(now)
    sources = _sources(cause, regions, today)
    backwards, key = before is not None, before or after
    found = list(session.execute(_merged(sources, key, backwards=backwards, limit=size + 1)))
    more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    rows = _rows(session, cause, [(row.place, row.id) for row in found], now)
    edges = [Key(_moment(row.at), row.id * 2 + row.place) for row in (found[0], found[-1])] if found else []
    page = Page(
        tuple(rows[row.place, row.id] for row in found),
        newer=edges[0] if edges and (more if backwards else after is not None) else None,
        older=edges[1] if edges and (more or backwards) else None,
    )
    first = 1 if page.rows else 0
    if page.newer is not None:
        first += _before(session, sources, page.newer)
    return RestrictedList(page, first, _counts(session, regions, today))


def _moment(at: date | datetime) -> datetime:
    return at if isinstance(at, datetime) else day_start(at)


def _edge(source: _Source, place: int, key: Key, *, rising: bool) -> ColumnElement[bool]:
    """Whether a row of a source stands behind a key. Of the same moment the first source comes first."""
    at: Any = business_day(key.at) if source.at.key == "freezes_on" else key.at
    of_place, row_id = key.id % 2, key.id // 2
    if place == of_place:
        here, there = tuple_(source.at, source.table.id), (at, row_id)
        return here > there if rising else here < there
    if rising:
        return source.at >= at if place > of_place else source.at > at  # type: ignore[no-any-return]
    return source.at <= at if place < of_place else source.at < at  # type: ignore[no-any-return]


def _merged(sources: Sequence[_Source], key: Key | None, *, backwards: bool, limit: int) -> Any:
    pages = []
    for place, source in enumerate(sources):
        wanted = source.select(literal(place).label("place"), source.table.id.label("id"), source.at.label("at"))
        if key is not None:
            wanted = wanted.where(_edge(source, place, key, rising=not backwards))
        order = (source.at, source.table.id)
        pages.append(wanted.order_by(*(one.desc() if backwards else one for one in order)).limit(limit).subquery())
    merged = union_all(*(select(page.c.place, page.c.id, page.c.at) for page in pages)).subquery()
    whole = (merged.c.at, merged.c.place, merged.c.id)
    return select(merged).order_by(*(one.desc() if backwards else one for one in whole)).limit(limit)


def _before(session: Session, sources: Sequence[_Source], key: Key) -> int:
    counts = [
        source.select(func.count(source.table.id)).where(_edge(source, place, key, rising=False)).scalar_subquery()
        for place, source in enumerate(sources)
    ]
    return sum(session.execute(select(*counts)).one())


def _counts(session: Session, regions: Sequence[int] | None, today: date) -> Mapping[Cause, int]:
    sources = [(cause, source) for cause in LISTED for source in _sources(cause, regions, today)]
    counted = [source.select(func.count(source.table.id)).scalar_subquery() for _, source in sources]
    counts = dict.fromkeys(LISTED, 0)
    for (cause, _), n in zip(sources, session.execute(select(*counted)).one(), strict=True):
        counts[cause] += n
    return counts


@dataclass(frozen=True, slots=True)
class Tally:
    """How many there are of a cause in each region, and since when the oldest lasts."""

    by_region: Mapping[int, int]
    since: datetime | None


def tallies(session: Session, regions: Sequence[int] | None, now: datetime) -> Mapping[Cause, Tally]:
    """Those of the facts: 逾期冻结 and 欠费."""
    today, found = business_day(now), {}
    for cause in (Cause.OVERDUE, Cause.DEBT):
        by_region: dict[int, int] = {}
        since: list[datetime] = []
        grouped = [
            source.select(source.table.region_id, func.count(source.table.id), func.min(source.at)).group_by(  # type: ignore[union-attr]  # never of a freeze by hand
                source.table.region_id  # type: ignore[union-attr]
            )
            for source in _sources(cause, regions, today)
        ]
        for region_id, n, at in session.execute(union_all(*grouped)):
            by_region[region_id] = by_region.get(region_id, 0) + n
            since.append(_moment(at))
        found[cause] = Tally(by_region, min(since, default=None))
    return found


def _rows(
    session: Session, cause: Cause, ids: Collection[tuple[int, int]], now: datetime
) -> dict[tuple[int, int], RestrictedRow]:
    if cause is Cause.MANUAL:
        return {(0, row.Restriction.id): _by_hand(row, now) for row in _with_person(session, Restriction, ids, 0)}
    uses = _with_person(session, BatteryUse, ids, 0)
    rentals = _with_person(session, Rental, ids, 1)
    lents: list[Lent] = [*(row.BatteryUse for row in uses), *(row.Rental for row in rentals)]
    today = business_day(now)
    accounts = accounts_of(session, lents, today)
    found = {}
    for place, row in [*((0, row) for row in uses), *((1, row) for row in rentals)]:
        lent: Lent = row[0]
        is_battery = isinstance(lent, BatteryUse)
        counted_from = lent.began_on if isinstance(lent, BatteryUse) else lent.due_on
        since = lent.returned_at or day_start(lent.freezes_on)
        found[place, lent.id] = RestrictedRow(
            **_person(row),
            cause=cause,
            number=str(BatteryNumber(row.letter, row.n)) if is_battery else row.number,
            is_battery=is_battery,
            use_id=lent.id if is_battery else None,
            order_id=None if is_battery else row.order_id,
            since=since,
            days=days_out(counted_from, today) if cause is Cause.OVERDUE else days_out(business_day(since), today),
            reason="",
            owed_fen=accounts[lent].owed_fen,
        )
    return found


def _with_person(session: Session, table: type[Any], ids: Collection[tuple[int, int]], place: int) -> Sequence[Any]:
    wanted = [row_id for at, row_id in ids if at == place]
    if not wanted:
        return ()
    rows = select(table, Identity.name, Identity.phone, School.name.label("school"))
    if table is BatteryUse:
        rows = rows.add_columns(Region.letter, Battery.n).join(Battery, Battery.id == BatteryUse.battery_id)
        rows = rows.join(Region, Region.id == Battery.region_id)
    elif table is Rental:
        rows = rows.add_columns(Order.number, Order.id.label("order_id")).join(Order, Order.id == Rental.order_id)
    rows = (
        rows.join(Customer, Customer.id == table.customer_id)
        .outerjoin(School, School.id == Customer.school_id)
        .outerjoin(Identity, Identity.customer_id == table.customer_id)
        .where(table.id.in_(wanted))
    )
    return session.execute(rows).all()


def _person(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    return {
        "customer_id": row[0].customer_id,
        "name": masked_name(row.name) if row.name else "",
        "phone": masked_phone(row.phone) if row.phone else "",
        "school": row.school or "",
    }


def _by_hand(row: Row[*tuple[Any, ...]], now: datetime) -> RestrictedRow:
    freeze: Restriction = row.Restriction
    return RestrictedRow(
        **_person(row),
        cause=Cause.MANUAL,
        number="",
        is_battery=False,
        use_id=None,
        order_id=None,
        since=freeze.since,
        days=days_out(business_day(freeze.since), business_day(now)),
        reason=freeze.reason,
        owed_fen=0,
    )
