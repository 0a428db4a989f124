"""试算: what one run of the jobs on some day would post, freeze and remind of, read without writing anything.

Uses and rentals of the same terms, first fee day and last posted day cost the same, so that the fees of very many are
counted by `domain/late_fees` itself, once for each such group.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    ScalarSelect,
    Select,
    case,
    func,
    literal,
    or_,
    select,
    text,
    union,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.domain import labels
from app.domain.identity import masked_name, masked_phone
from app.domain.late_fees import LateDay, late_days
from app.domain.numbering import BatteryNumber
from app.domain.reminders import Stage, Thing
from app.domain.restrictions import Cause
from app.domain.terms import Terms
from app.models.batteries import Battery, BatteryUse
from app.models.directory import Region
from app.models.late_fees import LateFee
from app.models.orders import Order
from app.models.people import Identity
from app.models.rentals import Rental
from app.queries.late_fees import Lent, closed_days, is_out
from app.queries.number_paging import NumberPage, page_by_number
from app.queries.reminders import THING, count_to_remind
from app.queries.restrictions import unrecorded

SOME_DAYS = timedelta(days=2)
KIND: Mapping[Thing, type[Lent]] = {thing: kind for kind, thing in THING.items()}


@dataclass(frozen=True, slots=True)
class Sums:
    """What would be posted: uses or rentals, days (also those that cost nothing), fen; and newly frozen people."""

    lents: int = 0
    days: int = 0
    amount_fen: int = 0
    frozen: int = 0

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(
            self.lents + other.lents,
            self.days + other.days,
            self.amount_fen + other.amount_fen,
            self.frozen + other.frozen,
        )


@dataclass(frozen=True, slots=True)
class Preview:
    """One run on a day, by region and thing."""

    sums: Mapping[tuple[int, Thing], Sums]
    frozen_people: int  # each once, whatever they have
    reminders: Counter[tuple[int, Thing, Stage]]


def preview(session: Session, region_ids: Sequence[int], on: date) -> Preview:
    """What would happen in the regions if the jobs ran on that day."""
    closed = _closed(session, region_ids, on)
    sums = {(region_id, thing): Sums() for region_id in region_ids for thing in Thing}
    for thing, kind in KIND.items():
        for row in session.execute(_alike(kind, region_ids, on, session.scalar(newest_posted(kind)))):
            days = list(_to_post(row, on, closed))
            fen = sum(day.amount_fen for day in days)
            sums[row.region_id, thing] += Sums(row.n if days else 0, row.n * len(days), row.n * fen)
    for row in session.execute(union_all(*(_frozen(thing, region_ids, on) for thing in Thing))):
        sums[row.region_id, Thing(row.thing)] += Sums(frozen=row.n)
    people = union(*(select(kind.customer_id).where(*_freezes(kind, region_ids, on)) for kind in KIND.values()))
    frozen_people = session.scalars(select(func.count()).select_from(people.subquery())).one()
    return Preview(sums, frozen_people, count_to_remind(session, region_ids, on))


def newest_posted(kind: type[Lent]) -> Select[date | None]:
    """The last day of which anything is posted."""
    return select(func.max(LateFee.day_on)).where(_of(kind).is_not(None))


def _posted_to(kind: type[Lent]) -> ScalarSelect[date]:
    """The last posted day; the posted days of each thing are its first ones, without a gap."""
    return select(func.max(LateFee.day_on)).where(_of(kind) == kind.id).scalar_subquery()


def _of(kind: type[Lent]) -> InstrumentedAttribute[int | None]:
    return LateFee.battery_use_id if kind is BatteryUse else LateFee.rental_id


def _costs(kind: type[Lent]) -> tuple[Any, ...]:
    """All that the days of a use or rental depend on."""
    return kind.region_id, kind.fees_from, kind.free_days, kind.late_fee_fen, kind.freeze_days, kind.cap_fen


def _alike(kind: type[Lent], region_ids: Sequence[int], on: date, newest: date | None) -> Select[*tuple[Any, ...]]:
    """How many there are of each sort. `newest` is the last day of which any is posted.

    Most are posted up to that day: the rows of the last days are read together, and only of others each one's own.
    """
    since = newest - SOME_DAYS if newest else date.min
    recent = (
        select(_of(kind).label("lent_id"), func.max(LateFee.day_on).label("last_on"))
        .where(LateFee.day_on > since, _of(kind).is_not(None))
        .group_by(_of(kind))
        .with_hint(LateFee, f"INDEXED BY uq_late_fee_{kind.__tablename__}", "sqlite")
        .subquery()
    )
    posted_to = func.coalesce(recent.c.last_on, case((kind.fees_from <= since, _posted_to(kind))))
    counted = select(*_costs(kind), posted_to.label("posted_to"), func.count().label("n"))
    late = (is_out(kind), kind.region_id.in_(region_ids), kind.fees_from <= on)
    return (
        counted.outerjoin(recent, recent.c.lent_id == kind.id).where(*late).group_by(*_costs(kind), text("posted_to"))
    )


def _to_post(row: Row[*tuple[Any, ...]], on: date, closed: Mapping[int, frozenset[date]]) -> Iterator[LateDay]:
    terms = Terms(row.free_days, row.late_fee_fen, row.freeze_days, row.cap_fen)
    counted_from = row.fees_from - timedelta(days=row.free_days + 1)
    for day in late_days(terms, counted_from, on, closed[row.region_id]):
        if row.posted_to is None or day.on > row.posted_to:
            yield day


def _closed(session: Session, region_ids: Sequence[int], on: date) -> Mapping[int, frozenset[date]]:
    return {region_id: closed_days(session, region_id, date.min, on) for region_id in region_ids}


def _freezes(kind: type[Lent], region_ids: Sequence[int], on: date) -> tuple[ColumnElement[bool], ...]:
    return kind.region_id.in_(region_ids), unrecorded(kind, Cause.OVERDUE, on)


def _frozen(thing: Thing, region_ids: Sequence[int], on: date) -> Select[*tuple[Any, ...]]:
    kind = KIND[thing]
    counted = select(
        literal(thing.value).label("thing"), kind.region_id, func.count(kind.customer_id.distinct()).label("n")
    )
    return counted.where(*_freezes(kind, region_ids, on)).group_by(kind.region_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewRow:
    """One use or rental for which something would be posted; the person is masked."""

    number: str
    order_id: int | None  # of a rental
    battery_id: int | None
    name: str
    phone: str
    days: int
    amount_fen: int  # to be posted
    total_fen: int  # with what is posted already
    is_capped: bool  # the cap is reached by then
    freezes_on: date
    is_frozen: bool  # by then


def preview_rows(
    session: Session,
    thing: Thing,
    region_ids: Sequence[int],
    on: date,
    *,
    after: int | None,
    before: int | None,
    size: int,
) -> NumberPage[PreviewRow]:
    """One page of them, the oldest first."""
    kind, closed = KIND[thing], _closed(session, region_ids, on)
    posted_to = _posted_to(kind)
    lacks = [
        is_out(kind),
        kind.region_id.in_(region_ids),
        kind.fees_from <= on,
        or_(posted_to.is_(None), posted_to < on),
    ]

    def load(ids: list[int]) -> dict[int, PreviewRow]:
        rows = session.execute(_named(kind).where(kind.id.in_(ids)))
        return {row.id: _row(row, on, closed) for row in rows}

    return page_by_number(session, kind.id, kind.id, lacks, after=after, before=before, size=size, load=load)


def _named(kind: type[Lent]) -> Select[*tuple[Any, ...]]:
    posted_fen = select(func.coalesce(func.sum(LateFee.amount_fen), 0)).where(_of(kind) == kind.id).scalar_subquery()
    wanted = select(
        kind.id,
        *_costs(kind),
        _posted_to(kind).label("posted_to"),
        kind.freezes_on,
        posted_fen.label("posted_fen"),
        Identity.name,
        Identity.phone,
    ).outerjoin(Identity, Identity.customer_id == kind.customer_id)
    if kind is BatteryUse:
        return (
            wanted.add_columns(BatteryUse.battery_id, Region.letter, Battery.n)
            .join(Battery, Battery.id == BatteryUse.battery_id)
            .join(Region, Region.id == Battery.region_id)
        )
    return wanted.add_columns(Rental.order_id, Order.number).join(Order, Order.id == Rental.order_id)


def _row(row: Row[*tuple[Any, ...]], on: date, closed: Mapping[int, frozenset[date]]) -> PreviewRow:
    days, is_battery = list(_to_post(row, on, closed)), "battery_id" in row._fields
    amount_fen = sum(day.amount_fen for day in days)
    total_fen = row.posted_fen + amount_fen
    return PreviewRow(
        number=str(BatteryNumber(row.letter, row.n)) if is_battery else row.number,
        order_id=None if is_battery else row.order_id,
        battery_id=row.battery_id if is_battery else None,
        name=masked_name(row.name) if row.name else labels.ERASED,
        phone=masked_phone(row.phone) if row.phone else "",
        days=len(days),
        amount_fen=amount_fen,
        total_fen=total_fen,
        is_capped=row.late_fee_fen > 0 and total_fen >= row.cap_fen,
        freezes_on=row.freezes_on,
        is_frozen=row.freezes_on <= on,
    )
