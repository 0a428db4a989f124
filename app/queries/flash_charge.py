"""The flash-charge section: its figures, who has a battery now, and who had one (FLA-1, FLA-3).

Each list is read by the index that gives its order, once for each region. The figures count distinct people from
`battery_person` and open uses from their own index, so that neither grows with the uses that are over.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVarTuple

from sqlalchemy import ColumnElement, Row, Select, func, literal, literal_column, select, tuple_
from sqlalchemy.orm import Session

from app.domain import labels
from app.domain.batteries import BatteryState, EndedBy
from app.domain.calendar import business_day, day_end, day_start
from app.domain.deposits import DepositKind, DepositStatus
from app.domain.identity import masked_name, masked_phone
from app.domain.labels import Badge
from app.domain.numbering import BatteryNumber
from app.domain.permissions import Actor, Permission
from app.domain.progress import Progress
from app.models.base import Base
from app.models.batteries import Battery, BatteryPerson, BatteryUse
from app.models.deposits import Deposit
from app.models.directory import Region, School
from app.models.people import Customer, Identity
from app.queries.paging import Key, Page, Stream, page_of_streams

Columns = TypeVarTuple("Columns")

HISTORY_DAYS = (7, 30, 90)
"""近7天, 近30天, 近90天, today among them. FLA-3."""


class Span(StrEnum):
    """The list of open uses by days since the scan, by what the person has asked for, or by what staff must settle."""

    ALL = "all"
    LATE = "late"  # past their free days, whatever their terms
    SHORT = "14"  # 0 to 14 days
    LONG = "29"  # 15 to 29
    LONGEST = "30"  # 30 and more
    ASKED = "asked"
    DISPUTED = "disputed"


DAYS_OF: Mapping[Span, tuple[int, int | None]] = {Span.SHORT: (0, 14), Span.LONG: (15, 29), Span.LONGEST: (30, None)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What is counted of one region, or of all that the actor may see. FLA-1."""

    people: int  # whoever ever began a use, each once
    using: int
    members: int
    in_stock: int
    late: int  # of those using: past their free days
    frozen: int  # and past their freeze day

    @property
    def used_percent(self) -> int:
        """Of the batteries that can be used, how many are."""
        usable = self.using + self.in_stock
        return round(100 * self.using / usable) if usable else 0


@dataclass(frozen=True, slots=True)
class Overview:
    """The figures of all regions and of each, and how many uses each tab of the list has in the chosen ones."""

    total: Figures
    by_region: Mapping[int, Figures]
    by_span: Mapping[Span, int]


def overview(session: Session, actor: Actor, region_ids: Sequence[int], chosen: int | None, now: datetime) -> Overview:
    """Counts for the regions (all that the actor may see); the tabs for the one that is chosen, if one is."""
    today = business_day(now)
    uses = uses_out(session, region_ids)
    people = _people(session, region_ids)
    members = _members(session, region_ids)
    in_stock = _in_stock(session, region_ids)

    def figures(regions: Sequence[int], known_people: int) -> Figures:
        out = [use for use in uses if use.region_id in regions]
        return Figures(
            people=known_people,
            using=sum(use.n for use in out),
            members=sum(members.get(region_id, 0) for region_id in regions),
            in_stock=sum(in_stock.get(region_id, 0) for region_id in regions),
            late=sum(use.n for use in out if use.fees_from <= today),
            frozen=sum(use.n for use in out if use.freezes_on <= today),
        )

    listed = [chosen] if chosen is not None else region_ids
    return Overview(
        figures(region_ids, _people_in_all(session, actor, region_ids, people)),
        {region_id: figures([region_id], sum(people.get(region_id, (0, 0)))) for region_id in region_ids},
        _by_span(session, [use for use in uses if use.region_id in listed], listed, today),
    )


def uses_out(session: Session, region_ids: Sequence[int] | Select[int]) -> Sequence[Row[*tuple[Any, ...]]]:
    """Open uses by region, first day and terms, and since when whoever asked to return waits.

    As many rows as there are such days, however many uses.
    """
    by = (
        BatteryUse.region_id,
        BatteryUse.began_on,
        BatteryUse.fees_from,
        BatteryUse.freezes_on,
        BatteryUse.return_asked_at.is_not(None),
    )
    counted = (
        select(
            *by[:-1],
            by[-1].label("asked"),
            func.min(BatteryUse.return_asked_at).label("asked_at"),
            func.count().label("n"),
        )
        .where(BatteryUse.returned_at.is_(None), BatteryUse.region_id.in_(region_ids))
        .group_by(*by)
    )
    return session.execute(_by_index(counted, BatteryUse, "ix_battery_use_open")).all()


def _people(session: Session, region_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """By region: people who began with another one, and people who began there."""
    found: dict[int, tuple[int, int]] = {}
    for region_id, first, n in session.execute(
        select(BatteryPerson.region_id, BatteryPerson.first, func.count())
        .where(BatteryPerson.region_id.in_(region_ids))
        .group_by(BatteryPerson.region_id, BatteryPerson.first)
    ):
        others, firsts = found.get(region_id, (0, 0))
        found[region_id] = (others, firsts + n) if first else (others + n, firsts)
    return found


def _people_in_all(
    session: Session, actor: Actor, region_ids: Sequence[int], people: Mapping[int, tuple[int, int]]
) -> int:
    """Everybody once: by their first region, or, for whoever sees only some regions, counted person by person."""
    if len(region_ids) == 1 or actor.scope(Permission.FLASH_VIEW).everywhere:
        return sum(sum(people[one]) if len(region_ids) == 1 else people[one][1] for one in region_ids if one in people)
    wanted = select(func.count(BatteryPerson.customer_id.distinct()))
    return session.scalars(wanted.where(BatteryPerson.region_id.in_(region_ids))).one()


def _members(session: Session, region_ids: Sequence[int]) -> dict[int, int]:
    counted = (
        select(Deposit.region_id, func.count())
        .where(
            Deposit.region_id.in_(region_ids),
            Deposit.kind == literal(DepositKind.FLASH.value, literal_execute=True),
            Deposit.status == literal(DepositStatus.HELD.value, literal_execute=True),
        )
        .group_by(Deposit.region_id)
    )
    return dict(session.execute(_by_index(counted, Deposit, "ix_deposit_members")).all())


def _in_stock(session: Session, region_ids: Sequence[int]) -> dict[int, int]:
    counted = (
        select(Battery.region_id, func.count())
        .where(Battery.region_id.in_(region_ids), Battery.state == BatteryState.IN_STOCK)
        .group_by(Battery.region_id)
    )
    return dict(session.execute(counted).all())


def _by_index(wanted: Select[*Columns], model: type[Base], index: str) -> Select[*Columns]:
    """Names the partial index for SQLite: left alone, it takes one of all rows that begins with the same columns.

    A condition that does not imply the index's own is then an error, not a slow answer.
    """
    return wanted.with_hint(model, f"INDEXED BY {index}", "sqlite")


def _by_span(
    session: Session, uses: Sequence[Row[*tuple[Any, ...]]], region_ids: Sequence[int], today: date
) -> dict[Span, int]:
    counts = {
        Span.ALL: sum(use.n for use in uses),
        Span.LATE: sum(use.n for use in uses if use.fees_from <= today),
        Span.ASKED: sum(use.n for use in uses if use.asked),
    }
    for span, (least, most) in DAYS_OF.items():
        counts[span] = sum(
            use.n for use in uses if least <= (today - use.began_on).days <= (most if most is not None else 10**6)
        )
    disputed = select(func.count()).select_from(BatteryUse).where(_IS_DISPUTED, BatteryUse.region_id.in_(region_ids))
    counts[Span.DISPUTED] = session.scalars(_by_index(disputed, BatteryUse, "ix_battery_use_disputed")).one()
    return counts


_IS_DISPUTED: ColumnElement[Any] = literal_column("(battery_use.disputed AND battery_use.settled_at IS NULL)")
"""As the index says it, word for word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UseRow:
    """One use; the person is masked. Without a name: erased."""

    id: int
    battery_id: int
    region_id: int
    number: str
    name: str
    phone: str
    school: str
    began_at: datetime
    returned_at: datetime | None
    days: int  # until the return, or until today
    badges: tuple[Badge, ...]
    is_asked_back: bool  # the person wants to give it back, and nobody has taken it yet
    is_disputed: bool  # and not settled yet


@dataclass(frozen=True, slots=True)
class UseList:
    """One page of uses, and the place of its rows in the whole list, from 1."""

    page: Page[UseRow]
    first: int
    total: int

    @property
    def last(self) -> int:
        """The place of the page's last row."""
        return max(self.first + len(self.page.rows) - 1, 0)


@dataclass(frozen=True, slots=True)
class _Which:
    """A list of uses: the index that it is read by, from when on they began, and what else holds."""

    index: str
    since: datetime | None
    conditions: tuple[ColumnElement[bool], ...]


def open_uses(
    session: Session,
    region_ids: Sequence[int],
    span: Span,
    *,
    total: int,
    after: Key | None,
    before: Key | None,
    size: int,
    now: datetime,
) -> UseList:
    """Uses that are open (待核实: also those that have ended and wait for staff), newest first; `total` is known."""
    return _use_list(
        session, region_ids, _which(span, now), total=total, after=after, before=before, size=size, now=now
    )


def _which(span: Span, now: datetime) -> _Which:
    if span is Span.DISPUTED:
        return _Which("ix_battery_use_disputed", None, (_IS_DISPUTED,))
    index, is_open = "ix_battery_use_open", BatteryUse.returned_at.is_(None)
    if span is Span.ASKED:
        return _Which(index, None, (is_open, BatteryUse.return_asked_at.is_not(None)))
    if span is Span.ALL:
        return _Which(index, None, (is_open,))
    today = business_day(now)
    if span is Span.LATE:
        return _Which(index, None, (is_open, BatteryUse.fees_from <= today))
    least, most = DAYS_OF[span]
    since = day_start(today - timedelta(days=most)) if most is not None else None
    return _Which(index, since, (is_open, BatteryUse.began_at < day_end(today - timedelta(days=least))))


def past_uses(
    session: Session,
    region_ids: Sequence[int],
    days: int,
    *,
    after: Key | None,
    before: Key | None,
    size: int,
    now: datetime,
) -> UseList:
    """Uses that began in the last days, today among them, newest first. FLA-3."""
    which = _Which("ix_battery_use_region_id", first_moment(days, now), ())
    total = _how_many(session, region_ids, which, BatteryUse.began_at >= which.since)
    return _use_list(session, region_ids, which, total=total, after=after, before=before, size=size, now=now)


def first_moment(days: int, now: datetime) -> datetime:
    """When the last so many days began, today among them."""
    return day_start(business_day(now) - timedelta(days=days - 1))


def _use_list(
    session: Session,
    region_ids: Sequence[int],
    which: _Which,
    *,
    total: int,
    after: Key | None,
    before: Key | None,
    size: int,
    now: datetime,
) -> UseList:
    wanted = select(BatteryUse.id, BatteryUse.began_at.label("at")).where(*which.conditions)
    # A key says it already, and of two bounds on the same side SQLite takes either: it might walk up to the key.
    if which.since is not None and not (before is not None and before.at >= which.since):
        wanted = wanted.where(BatteryUse.began_at >= which.since)
    wanted = _by_index(wanted, BatteryUse, which.index)
    page = page_of_streams(
        session,
        [Stream(wanted.where(BatteryUse.region_id == one), BatteryUse.began_at, BatteryUse.id) for one in region_ids],
        after=after,
        before=before,
        size=size,
        load=lambda ids: use_rows(session, ids, now),
    )
    first = 1 if page.rows else 0
    if page.newer is not None:
        newer = tuple_(BatteryUse.began_at, BatteryUse.id) > (page.newer.at, page.newer.id)
        first += _how_many(session, region_ids, which, newer)
    return UseList(page, first, total)


def _how_many(session: Session, region_ids: Sequence[int], which: _Which, condition: ColumnElement[bool]) -> int:
    counted = select(func.count(BatteryUse.id)).where(
        BatteryUse.region_id.in_(region_ids), *which.conditions, condition
    )
    return session.scalars(_by_index(counted, BatteryUse, which.index)).one()


def use_rows(session: Session, ids: Sequence[int], now: datetime) -> dict[int, UseRow]:
    """The uses with these ids."""
    rows = session.execute(_uses().where(BatteryUse.id.in_(ids)))
    return {row.BatteryUse.id: _use_row(row, business_day(now)) for row in rows}


def _uses() -> Select[*tuple[Any, ...]]:
    return (
        select(
            BatteryUse,
            Region.letter,
            Battery.n,
            Identity.name,
            Identity.phone,
            School.name.label("school"),
            Deposit.status.label("deposit"),
        )
        .join(Deposit, Deposit.id == BatteryUse.deposit_id)
        .join(Battery, Battery.id == BatteryUse.battery_id)
        .join(Region, Region.id == BatteryUse.region_id)
        .join(Customer, Customer.id == BatteryUse.customer_id)
        .outerjoin(School, School.id == Customer.school_id)
        .outerjoin(Identity, Identity.customer_id == BatteryUse.customer_id)
    )


def _use_row(row: Row[*tuple[Any, ...]], today: date) -> UseRow:
    """One use as lists show it."""
    use: BatteryUse = row.BatteryUse
    is_disputed = use.disputed and use.settled_at is None
    return UseRow(
        id=use.id,
        battery_id=use.battery_id,
        region_id=use.region_id,
        number=str(BatteryNumber(row.letter, row.n)),
        name=masked_name(row.name) if row.name else labels.ERASED,
        phone=masked_phone(row.phone) if row.phone else "",
        school=row.school or "",
        began_at=use.began_at,
        returned_at=use.returned_at,
        days=((use.returned_on or today) - use.began_on).days,
        badges=_badges(use, row.deposit, is_disputed=is_disputed, today=today),
        is_asked_back=use.returned_at is None and use.return_asked_at is not None,
        is_disputed=is_disputed,
    )


def progress_of(use: BatteryUse, today: date) -> Progress:
    """Where today stands in an open use."""
    return Progress(use.began_on, use.began_on + timedelta(days=use.free_days), use.freezes_on, today)


def _badges(use: BatteryUse, deposit: DepositStatus, *, is_disputed: bool, today: date) -> tuple[Badge, ...]:
    """使用中, 逾期 n 天 or 冻结, beside it 未缴押金, 已申请归还, 待核实; once over 已归还 or 丢失, and 欠费."""
    found: list[Badge] = []
    if use.ended_by is EndedBy.LOST:
        found.append(labels.BATTERY_STATE[BatteryState.LOST])
    elif use.returned_at is not None:
        found.append(labels.USE_RETURNED)
    else:
        progress = progress_of(use, today)
        if progress.days_late:
            found.append(labels.late(progress.days_late))
        if progress.is_frozen:
            found.append(labels.FROZEN)
        if use.return_asked_at is not None:
            found.append(labels.RETURN_ASKED)
        if not found:
            found.append(labels.USE_OPEN)
        if deposit is not DepositStatus.HELD:
            found.append(labels.DEPOSIT_LACKING)
    if use.late_owed_fen:
        found.append(labels.IN_DEBT)
    if is_disputed:
        found.append(labels.DISPUTED)
    return tuple(found)
