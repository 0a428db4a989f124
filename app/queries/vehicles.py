"""Vehicles for sale as people see them: by region, with today's price and what is in stock (FLOW-BUY-1)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.domain.errors import NotFound
from app.domain.numbering import Business
from app.models.directory import Region, Store
from app.models.vehicles import Listing, Price, VehicleModel
from app.queries.prices import sale_price_in_force

FEW = 3
"""From here down the page says how few are left."""


@dataclass(frozen=True, slots=True)
class ForSale:
    """One model in one region's list. Without a price it is not listed at all."""

    listing_id: int
    name: str
    facts: tuple[str, ...]
    picture: str  # a file of static
    price_fen: int
    was_fen: int | None
    stock: int

    @property
    def sold_out(self) -> bool:
        """Whether none is left."""
        return self.stock == 0

    @property
    def few_left(self) -> bool:
        """Whether so few are left that it is worth saying."""
        return 0 < self.stock <= FEW


@dataclass(frozen=True, slots=True)
class VehiclePage(ForSale):
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


def _offered(now: datetime) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Listing.id,
            VehicleModel.name,
            VehicleModel.colours,
            VehicleModel.facts,
            VehicleModel.picture,
            Price.amount_fen,
            Price.was_fen,
            Listing.stock,
            Listing.model_id,
        )
        .join(VehicleModel, VehicleModel.id == Listing.model_id)
        .join(Price, Price.id == sale_price_in_force(Listing.id, now))
        .where(Listing.business == Business.SALE, Listing.shown)
    )


def vehicles_for_sale(session: Session, region_id: int, now: datetime) -> list[ForSale]:
    """What a region sells; what is sold out stands last. Public."""
    rows = session.execute(_offered(now).where(Listing.region_id == region_id).order_by(Listing.stock == 0, Listing.id))
    return [
        ForSale(row.id, row.name, _words(row.facts), row.picture, row.amount_fen, row.was_fen, row.stock)
        for row in rows
    ]


def vehicle_for_sale(session: Session, listing_id: int, now: datetime) -> VehiclePage:
    """One model in one region. Public. Raises NotFound, also for what is hidden or has no price yet."""
    row = session.execute(
        _offered(now)
        .add_columns(
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
    ).one_or_none()
    if row is None:
        raise NotFound
    return VehiclePage(
        listing_id=row.id,
        name=row.name,
        facts=_words(row.facts),
        picture=row.picture,
        price_fen=row.amount_fen,
        was_fen=row.was_fen,
        stock=row.stock,
        model_id=row.model_id,
        colours=tuple(row.colours),
        region_id=row.region_id,
        region_letter=row.letter,
        store_name=row.store or row.region,
        address=row.address or "",
        hours=row.hours or "",
    )


def same_model_in(session: Session, model_id: int, region_id: int, now: datetime) -> int | None:
    """The listing of the same model in another region, or None where it is not sold."""
    return session.execute(
        _offered(now).where(Listing.model_id == model_id, Listing.region_id == region_id).with_only_columns(Listing.id)
    ).scalar_one_or_none()


def _words(facts: list[object]) -> tuple[str, ...]:
    return tuple(str(fact) for fact in facts)
