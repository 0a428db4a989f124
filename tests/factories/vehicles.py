"""Models beside the one of the ground, and where they are sold."""

from flask import Flask
from sqlalchemy import select

from app.domain.numbering import Business
from app.models.directory import Region
from app.models.vehicles import Listing, Price, StockMovement, StockReason, VehicleModel
from tests.factories.ground import COLOURS, LONG_AGO, STOCK
from tests.factories.reading import read
from tests.fixtures.databases import Database


def a_model_for_sale(
    database: Database, name: str, *, price_fen: int, regions: str = "ABC", stock: int = STOCK
) -> dict[str, int]:
    """A new model, listed in the regions, with stock put in by hand; the listing of each by its letter."""
    listings: dict[str, int] = {}
    with database.write() as session:
        model = VehicleModel(name=name, colours=list(COLOURS), facts=["续航 70 公里"], picture="vehicles/f1.svg")
        session.add(model)
        session.flush()
        for letter in regions:
            region_id = session.scalars(select(Region.id).where(Region.letter == letter)).one()
            listing = Listing(region_id=region_id, model_id=model.id, business=Business.SALE, stock=stock, shown=True)
            session.add(listing)
            session.flush()
            price = Price(
                listing_id=listing.id,
                days=0,
                amount_fen=price_fen,
                was_fen=None,
                effective_at=LONG_AGO,
                made_at=LONG_AGO,
            )
            movement = StockMovement(
                listing_id=listing.id, delta=stock, reason=StockReason.BY_HAND, turn=0, at=LONG_AGO
            )
            session.add_all([price, movement])
            listings[letter] = listing.id
    return listings


def model_id_of(app: Flask, listing_id: int) -> int:
    """The model of a listing."""
    with read(app) as session:
        return session.get_one(Listing, listing_id).model_id
