"""Vehicles for sale and for rent as people see them: by region, with today's prices and stock (FLOW-BUY-1)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Row, Select, literal, select
from sqlalchemy.orm import Session

from app.domain import labels
from app.domain.errors import NotFound
from app.domain.numbering import Business
from app.domain.orders import RENTALS
from app.models.directory import Region, Store
from app.models.vehicles import Listing, Plan, Price, VehicleModel
from app.queries.prices import SALE_DAYS, price_in_force

FEW = 3
"""From here down the page says how few are left."""


@dataclass(frozen=True, slots=True)
class PlanOffer:
    """For how long a vehicle can be rented, and what that costs. Decision 18."""

    name: str
    days: int
    price_fen: int
    was_fen: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One model in one region's list. Without a price it is not listed at all."""

    listing_id: int
    business: Business
    name: str
    facts: tuple[str, ...]
    picture: str  # a file of static
    stock: int
    plans: tuple[PlanOffer, ...]  # the shortest first; a sale is the one for no days

    @property
    def cheapest(self) -> PlanOffer:
        """The price that stands in the list."""
        return min(self.plans, key=lambda plan: plan.price_fen)

    @property
    def price_fen(self) -> int:
        """The lowest price."""
        return self.cheapest.price_fen

    @property
    def was_fen(self) -> int | None:
        """What that was before."""
        return self.cheapest.was_fen

    @property
    def business_name(self) -> str:
        """买车, 租车, mini租."""
        return labels.BUSINESS[self.business]

    @property
    def sold_out(self) -> bool:
        """Whether none is left."""
        return self.stock == 0

    @property
    def few_left(self) -> bool:
        """Whether so few are left that it is worth saying."""
        return 0 < self.stock <= FEW


@dataclass(frozen=True, slots=True, kw_only=True)
class VehiclePage(Offer):
    """One model in one region, with what its own page shows besides."""

    model_id: int
    colours: tuple[str, ...]
    region_id: int
    region_letter: str
    store_name: str
    address: str
    hours: str

    @property
    def place(self) -> str:
        """Where and when the store is open, as far as it is known."""
        return "，".join(part for part in (self.address, self.hours) if part)


def _listed() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Listing.id,
            Listing.business,
            VehicleModel.name,
            VehicleModel.facts,
            VehicleModel.picture,
            Listing.stock,
        )
        .join(VehicleModel, VehicleModel.id == Listing.model_id)
        .where(Listing.shown)
    )


def _for_sale(listed: Select[*tuple[Any, ...]], now: datetime) -> Select[*tuple[Any, ...]]:
    return (
        listed.add_columns(Price.days, Price.amount_fen, Price.was_fen, literal("").label("plan"))
        .join(Price, Price.id == price_in_force(Listing.id, SALE_DAYS, now))
        .where(Listing.business == Business.SALE)
    )


def _for_rent(listed: Select[*tuple[Any, ...]], now: datetime) -> Select[*tuple[Any, ...]]:
    """A row for each plan that has a price."""
    return (
        listed.add_columns(Price.days, Price.amount_fen, Price.was_fen, Plan.name.label("plan"))
        .join(Plan, Plan.listing_id == Listing.id)
        .join(Price, Price.id == price_in_force(Listing.id, Plan.days, now))
        .where(Listing.business.in_(RENTALS), Plan.shown)
    )


def vehicles_for_sale(session: Session, region_id: int, now: datetime) -> list[Offer]:
    """What a region sells; what is sold out stands last. Public."""
    return _offers(session, _for_sale(_listed(), now).where(Listing.region_id == region_id))


def vehicles_for_rent(session: Session, region_id: int, now: datetime) -> list[Offer]:
    """What a region rents out, standard before mini; what is gone stands last of its kind. Public."""
    found = _offers(session, _for_rent(_listed(), now).where(Listing.region_id == region_id))
    return sorted(found, key=lambda offer: offer.business is Business.MINI_RENTAL)


def _offers(session: Session, wanted: Select[*tuple[Any, ...]]) -> list[Offer]:
    rows = session.execute(wanted.order_by(Listing.stock == 0, Listing.id, Price.days)).all()
    return [Offer(**_columns(group)) for group in _by_listing(rows)]


def vehicle_for_sale(session: Session, listing_id: int, now: datetime) -> VehiclePage:
    """One model that is sold in one region. Public. Raises NotFound, also for what is hidden or has no price yet."""
    return _page(session, _for_sale(_listed(), now), listing_id)


def vehicle_for_rent(session: Session, listing_id: int, now: datetime) -> VehiclePage:
    """One model that is rented out in one region. Public. Raises NotFound, also for what is hidden or has no price."""
    return _page(session, _for_rent(_listed(), now), listing_id)


def _page(session: Session, offered: Select[*tuple[Any, ...]], listing_id: int) -> VehiclePage:
    rows = session.execute(
        offered.add_columns(
            Listing.model_id,
            VehicleModel.colours,
            Region.id.label("region_id"),
            Region.letter,
            Region.name.label("region"),
            Store.name.label("store"),
            Store.address,
            Store.hours,
        )
        .join(Region, Region.id == Listing.region_id)
        .outerjoin(Store, Store.region_id == Region.id)
        .where(Listing.id == listing_id)
        .order_by(Price.days)
    ).all()
    if not rows:
        raise NotFound
    row = rows[0]
    return VehiclePage(
        **_columns(rows),
        model_id=row.model_id,
        colours=tuple(row.colours),
        region_id=row.region_id,
        region_letter=row.letter,
        store_name=row.store or row.region,
        address=row.address or "",
        hours=row.hours or "",
    )


def same_model_in(session: Session, vehicle: VehiclePage, region_id: int, now: datetime) -> int | None:
    """The listing of the same model for the same business in another region, or None where there is none."""
    offered = _for_sale if vehicle.business is Business.SALE else _for_rent
    wanted = offered(_listed(), now).where(
        Listing.model_id == vehicle.model_id, Listing.region_id == region_id, Listing.business == vehicle.business
    )
    return session.execute(wanted.with_only_columns(Listing.id).distinct()).scalar_one_or_none()


def _by_listing(rows: Iterable[Row[*tuple[Any, ...]]]) -> list[list[Row[*tuple[Any, ...]]]]:
    return [list(group) for _, group in groupby(rows, key=lambda row: row.id)]


def _columns(rows: Sequence[Row[*tuple[Any, ...]]]) -> dict[str, Any]:
    """What all rows of one listing have in common, and its plans."""
    row = rows[0]
    return {
        "listing_id": row.id,
        "business": row.business,
        "name": row.name,
        "facts": tuple(str(fact) for fact in row.facts),
        "picture": row.picture,
        "stock": row.stock,
        "plans": tuple(PlanOffer(one.plan, one.days, one.amount_fen, one.was_fen) for one in rows),
    }
