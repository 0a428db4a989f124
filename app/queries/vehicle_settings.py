"""Models, listings, plans, prices and stock as staff set them, and what a change would do (SET-1, SET-2, SET-11)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.errors import NotFound, Rule, RuleBroken
from app.domain.numbering import Business
from app.domain.orders import OrderStatus
from app.domain.permissions import Actor, Permission
from app.domain.vehicles import PriceCourse, PriceTag, PriceVersion
from app.models.access import Staff
from app.models.orders import Order
from app.models.vehicles import Listing, Plan, Price, StockMovement, VehicleModel
from app.queries.directory import RegionRow, regions_of
from app.queries.paging import Key, Page, page_ids
from app.queries.prices import SALE_DAYS


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model."""

    id: int
    name: str
    colours: tuple[str, ...]
    facts: tuple[str, ...]
    picture: str


@dataclass(frozen=True, slots=True)
class PriceAside:
    """A price to come."""

    words: str
    from_at: datetime


@dataclass(frozen=True, slots=True)
class Term:
    """What has a price: the sale, or one plan of a rental."""

    plan_id: int | None  # None: the sale
    days: int
    name: str
    shown: bool
    price: PriceTag | None  # None: it has none yet
    planned: tuple[PriceAside, ...]
    changed_at: datetime | None
    changed_by: str


@dataclass(frozen=True, slots=True)
class ListingRow:
    """A model in a region for one business, with everything that has a price there."""

    id: int
    region: RegionRow
    model: str
    business: Business
    stock: int
    shown: bool
    terms: tuple[Term, ...]
    may_change: bool
    may_price: bool

    @property
    def is_sale(self) -> bool:
        """Whether it is sold; else it is rented, by plans."""
        return self.business is Business.SALE


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A model with its listings in the regions that are looked at."""

    model: ModelRow
    listings: tuple[ListingRow, ...]
    may_change: bool
    may_list: bool  # there is a place left where the actor may list it


def may_change_models(actor: Actor) -> bool:
    """Models belong to all regions, and so does the right to change them."""
    return actor.scope(Permission.VEHICLES_CHANGE).everywhere


def model_cards(session: Session, actor: Actor, region_id: int | None, now: datetime) -> list[ModelCard]:
    """All models, each with the listings that the actor may see, in one region or in all. SET-1, SET-2."""
    listed: dict[int, list[ListingRow]] = defaultdict(list)
    seen = [row for row in regions_of(session, actor, Permission.VEHICLES_VIEW) if region_id in (None, row.id)]
    for model_id, row in _listings(session, actor, now, seen):
        listed[model_id].append(row)
    places = sum(actor.may(Permission.VEHICLES_CHANGE, region.id) for region in seen) * len(Business)
    models = session.scalars(select(VehicleModel).order_by(VehicleModel.id))
    return [
        ModelCard(
            _model(row),
            tuple(listed[row.id]),
            may_change_models(actor),
            may_list=sum(listing.may_change for listing in listed[row.id]) < places,
        )
        for row in models
    ]


def model_of(session: Session, model_id: int) -> ModelRow:
    """One model; whoever sees vehicles sees all of them. Raises NotFound."""
    row = session.get(VehicleModel, model_id)
    if row is None:
        raise NotFound
    return _model(row)


def _model(row: VehicleModel) -> ModelRow:
    return ModelRow(row.id, row.name, tuple(row.colours), tuple(str(fact) for fact in row.facts), row.picture)


def listing_of(session: Session, actor: Actor, listing_id: int, now: datetime) -> ListingRow:
    """One listing. Raises NotFound."""
    for _, row in _listings(session, actor, now, regions_of(session, actor, Permission.VEHICLES_VIEW), listing_id):
        return row
    raise NotFound


def sale_of(listing: ListingRow) -> Term:
    """The sale of a listing that is one. Raises NotFound."""
    if not listing.is_sale:
        raise NotFound
    return listing.terms[0]


def listing_of_plan(session: Session, actor: Actor, plan_id: int, now: datetime) -> tuple[ListingRow, Term]:
    """One plan and its listing. Raises NotFound."""
    plan = session.get(Plan, plan_id)
    if plan is None:
        raise NotFound
    listing = listing_of(session, actor, plan.listing_id, now)
    return listing, next(term for term in listing.terms if term.plan_id == plan_id)


def _listings(
    session: Session, actor: Actor, now: datetime, seen: Sequence[RegionRow], listing_id: int | None = None
) -> Iterable[tuple[int, ListingRow]]:
    """Each with the id of its model; by region, sales first."""
    of_region = {row.id: row for row in seen}
    wanted = (
        select(Listing, VehicleModel.name)
        .join(VehicleModel, VehicleModel.id == Listing.model_id)
        .where(Listing.region_id.in_(of_region))
    )
    if listing_id is not None:
        wanted = wanted.where(Listing.id == listing_id)
    places = [(region_id, business) for region_id in of_region for business in Business]
    found = sorted(session.execute(wanted), key=lambda row: places.index((row[0].region_id, row[0].business)))
    ids = [row.id for row, _ in found]
    plans: dict[int, list[Plan]] = defaultdict(list)
    for plan in session.scalars(select(Plan).where(Plan.listing_id.in_(ids)).order_by(Plan.days)):
        plans[plan.listing_id].append(plan)
    prices = _prices(session, ids)
    for row, model in found:
        terms: Sequence[Plan | None] = [None] if row.business is Business.SALE else plans[row.id]
        yield (
            row.model_id,
            ListingRow(
                row.id,
                of_region[row.region_id],
                model,
                row.business,
                row.stock,
                row.shown,
                tuple(_term(plan, prices[row.id, plan.days if plan else SALE_DAYS], now) for plan in terms),
                may_change=actor.may(Permission.VEHICLES_CHANGE, row.region_id),
                may_price=actor.may(Permission.MONEY_SETTINGS_CHANGE, row.region_id),
            ),
        )


@dataclass(frozen=True, slots=True)
class _Made:
    """A price with who made it when."""

    version: PriceVersion
    made_at: datetime
    staff: str


def _prices(session: Session, listing_ids: Sequence[int]) -> dict[tuple[int, int], list[_Made]]:
    """The prices of listings by listing and days, newest made first."""
    rows = session.execute(
        select(Price, Staff.name)
        .outerjoin(Staff, Staff.id == Price.staff_id)
        .where(Price.listing_id.in_(listing_ids))
        .order_by(Price.id.desc())
    )
    found: dict[tuple[int, int], list[_Made]] = defaultdict(list)
    for row, staff in rows:
        found[row.listing_id, row.days].append(_Made(_version(row), row.made_at, staff or ""))
    return found


def _version(row: Price) -> PriceVersion:
    return PriceVersion(row.id, PriceTag(row.amount_fen, row.was_fen), row.effective_at)


def _term(plan: Plan | None, prices: list[_Made], now: datetime) -> Term:
    course = PriceCourse.of(made.version for made in prices)
    holding = course.at(now)
    made = next((made for made in prices if made.version == holding), None)
    return Term(
        plan.id if plan else None,
        plan.days if plan else SALE_DAYS,
        plan.name if plan else "",
        plan.shown if plan else True,
        holding.tag if holding else None,
        tuple(
            PriceAside(version.tag.words, version.effective_at)
            for version in course.versions
            if course.is_pending(version, now)
        ),
        made.made_at if made else None,
        made.staff if made else "",
    )


@dataclass(frozen=True, slots=True)
class PriceRow:
    """One price, as the history shows it."""

    id: int
    made_at: datetime
    staff: str
    before: str  # empty: it was the first
    after: str
    effective_at: datetime
    pending: bool
    may_withdraw: bool
    replaced: bool


def price_history(session: Session, listing: ListingRow, term: Term, now: datetime) -> list[PriceRow]:
    """All prices that one thing ever had, newest first."""
    prices = _prices(session, [listing.id])[listing.id, term.days]
    course = PriceCourse.of(made.version for made in prices)
    rows = []
    for made in prices:
        version = made.version
        before = course.before(version.effective_at)
        rows.append(
            PriceRow(
                version.id,
                made.made_at,
                made.staff,
                before.tag.words if before else "",
                version.tag.words,
                version.effective_at,
                pending=course.is_pending(version, now),
                may_withdraw=listing.may_price and before is not None,
                replaced=course.at(version.effective_at) != version,
            )
        )
    return rows


def course_of(session: Session, listing_id: int, days: int) -> PriceCourse:
    """All prices of one thing."""
    wanted = select(Price).where(Price.listing_id == listing_id, Price.days == days)
    return PriceCourse.of(_version(row) for row in session.scalars(wanted))


@dataclass(frozen=True, slots=True)
class PriceChange:
    """A change that is allowed, and what it would do."""

    after: PriceTag
    effective_at: datetime
    at_once: bool
    before: PriceTag | None


def planned_price(
    session: Session,
    actor: Actor,
    listing_id: int,
    days: int,
    *,
    tag: PriceTag,
    effective_at: datetime | None,
    now: datetime,
) -> PriceChange:
    """What a new price would do. `effective_at` None: at once. The verb asks this too, in its own transaction.

    Raises NotFound (no such listing or plan, or not the actor's to see), Forbidden, RuleBroken. SET-1, SET-2, SET-11.
    """
    listing = listing_of(session, actor, listing_id, now)
    if days not in {term.days for term in listing.terms}:
        raise NotFound
    actor.require(Permission.MONEY_SETTINGS_CHANGE, listing.region.id)
    if effective_at is not None and effective_at <= now:
        raise RuleBroken(Rule.TIME_PAST, field="effective_at")
    at = effective_at or now
    course = course_of(session, listing_id, days)
    course.refuse_unless_changing(tag, at)
    holding = course.at(at)
    return PriceChange(tag, at, effective_at is None, holding.tag if holding else None)


def reserved_orders(session: Session, listing_id: int, days: int | None = None) -> int:
    """How many orders of a listing (or of one plan of it) are reserved: they keep what was agreed."""
    wanted = select(func.count(Order.id)).where(Order.status == OrderStatus.RESERVED, Order.listing_id == listing_id)
    if days is not None:
        wanted = wanted.where(Order.days == days)
    return session.scalars(wanted).one()


def vehicles_out(session: Session, listing: ListingRow) -> int:
    """How many vehicles of a rental listing are with somebody."""
    return session.scalars(
        select(func.count(Order.id)).where(
            Order.business == listing.business,
            Order.region_id == listing.region.id,
            Order.listing_id == listing.id,
            Order.occupies_rental,
            Order.status == OrderStatus.COMPLETED,
        )
    ).one()


@dataclass(frozen=True, slots=True)
class MovementRow:
    """One movement of stock: by an order, or by hand with a note."""

    id: int
    at: datetime
    delta: int
    reason: str  # a word of `labels.STOCK_REASON`
    note: str
    staff: str
    order_id: int | None
    number: str

    @property
    def change(self) -> str:
        """`+5`, `−1`."""
        return f"+{self.delta}" if self.delta > 0 else f"−{-self.delta}"


@dataclass(frozen=True, slots=True)
class MovementPage:
    """One page of a listing's movements."""

    page: Page[MovementRow]
    total: int
    first: int  # the place of the first row, from 1; 0 without rows


def movements(
    session: Session, listing: ListingRow, *, after: Key | None = None, before: Key | None = None, size: int = 20
) -> MovementPage:
    """Everything that moved a listing's stock, newest first, by key. SET-1, SET-2, decision 12."""
    page = page_ids(
        session,
        select(StockMovement.id, StockMovement.at).where(StockMovement.listing_id == listing.id),
        StockMovement.at,
        StockMovement.id,
        after=after,
        before=before,
        size=size,
        load=lambda ids: _movement_rows(session, ids),
    )
    counted = select(func.count(StockMovement.id)).where(StockMovement.listing_id == listing.id)
    total = session.scalars(counted).one()
    if not page.rows or page.newer is None:
        return MovementPage(page, total, 1 if page.rows else 0)
    newer = session.scalars(
        counted.where(
            (StockMovement.at > page.newer.at)
            | ((StockMovement.at == page.newer.at) & (StockMovement.id > page.newer.id))
        )
    ).one()
    return MovementPage(page, total, newer + 1)


def _movement_rows(session: Session, ids: list[int]) -> dict[int, MovementRow]:
    rows = session.execute(
        select(StockMovement, Staff.name, Order.number)
        .outerjoin(Staff, Staff.id == StockMovement.staff_id)
        .outerjoin(Order, Order.id == StockMovement.order_id)
        .where(StockMovement.id.in_(ids))
    )
    return {
        row.id: MovementRow(
            row.id, row.at, row.delta, row.reason.value, row.note or "", staff or "", row.order_id, number or ""
        )
        for row, staff, number in rows
    }
