from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from app.domain.errors import NotFound
from app.domain.numbering import Business
from app.models.vehicles import Listing, Plan, Price
from app.queries import vehicles
from tests.factories.ground import COLOURS, MODEL, PRICE_FEN, STOCK
from tests.factories.orders import a_listing_id
from tests.factories.people import a_region_id
from tests.factories.reading import read
from tests.factories.rentals import MONTH_FEN, a_rental_listing
from tests.factories.vehicles import a_model_for_sale
from tests.fixtures.apps import MovedClock
from tests.fixtures.databases import Database


def a_price(listing_id: int, clock: MovedClock, *, fen: int, after: timedelta, was_fen: int | None = None) -> Price:
    now = clock.now()
    return Price(listing_id=listing_id, days=0, amount_fen=fen, was_fen=was_fen, effective_at=now + after, made_at=now)


@pytest.mark.both_engines
@pytest.mark.req("FLOW-BUY-1", "SET-1")
def test_the_price_that_holds_now_is_shown(app: Flask, database: Database, clock: MovedClock) -> None:
    listing_id = a_listing_id(app)
    database.add(
        a_price(listing_id, clock, fen=199900, was_fen=PRICE_FEN, after=-timedelta(hours=1)),
        a_price(listing_id, clock, fen=99900, after=timedelta(hours=1)),
    )
    with read(app) as session:
        (row,) = vehicles.vehicles_for_sale(session, a_region_id(app, "A"), clock.now())
        assert (row.price_fen, row.was_fen, row.stock) == (199900, PRICE_FEN, STOCK)
        (later,) = vehicles.vehicles_for_sale(session, a_region_id(app, "A"), clock.now() + timedelta(hours=2))
        assert (later.price_fen, later.was_fen) == (99900, None)


@pytest.mark.both_engines
def test_a_vehicle_has_its_store_and_colours(app: Flask, clock: MovedClock) -> None:
    with read(app) as session:
        page = vehicles.vehicle_for_sale(session, a_listing_id(app, "B"), clock.now())
        assert (page.name, page.colours, page.region_letter) == (MODEL, COLOURS, "B")
        assert page.store_name
        there = vehicles.same_model_in(session, page, a_region_id(app, "A"), clock.now())
        assert there == a_listing_id(app, "A")


def test_what_is_hidden_is_not_there(app: Flask, database: Database, clock: MovedClock) -> None:
    listing_id = a_listing_id(app)
    with database.write() as session:
        session.execute(update(Listing).where(Listing.id == listing_id).values(shown=False))
    with read(app) as session:
        assert vehicles.vehicles_for_sale(session, a_region_id(app, "A"), clock.now()) == []
        with pytest.raises(NotFound):
            vehicles.vehicle_for_sale(session, listing_id, clock.now())


def test_what_is_sold_out_stands_last(app: Flask, database: Database, clock: MovedClock) -> None:
    another = a_model_for_sale(database, "猎吧 S2", price_fen=1999_00)["A"]
    with database.write() as session:
        session.execute(update(Listing).where(Listing.id == a_listing_id(app)).values(stock=0))
    with read(app) as session:
        rows = vehicles.vehicles_for_sale(session, a_region_id(app, "A"), clock.now())
    assert [(row.listing_id == another, row.sold_out) for row in rows] == [(True, False), (False, True)]


@pytest.mark.both_engines
@pytest.mark.req("SET-2")
def test_what_is_rented_out_has_its_plans_and_standard_comes_before_mini(
    app: Flask, database: Database, clock: MovedClock
) -> None:
    mini = a_rental_listing(database, business=Business.MINI_RENTAL, price_fen=120_00)
    standard = a_rental_listing(database)
    for days, fen, shown in ((120, 100_00, True), (365, 1_00, False), (7, None, True)):
        database.add(Plan(listing_id=standard, days=days, name=f"{days} 天", shown=shown))
        if fen is not None:
            price = a_price(standard, clock, fen=fen, after=-timedelta(days=1))
            price.days = days
            database.add(price)
    with read(app) as session:
        found = vehicles.vehicles_for_rent(session, a_region_id(app, "A"), clock.now())
        assert vehicles.vehicles_for_rent(session, a_region_id(app, "B"), clock.now()) == []
        page = vehicles.vehicle_for_rent(session, standard, clock.now())
        assert vehicles.same_model_in(session, page, a_region_id(app, "B"), clock.now()) is None
        with pytest.raises(NotFound):
            vehicles.vehicle_for_rent(session, a_listing_id(app), clock.now())
        with pytest.raises(NotFound):
            vehicles.vehicle_for_sale(session, standard, clock.now())
    assert [(offer.listing_id, offer.business_name) for offer in found] == [(standard, "租车"), (mini, "mini租")]
    assert [(plan.days, plan.price_fen) for plan in page.plans] == [(30, MONTH_FEN), (120, 100_00)]
    assert (page.cheapest.days, page.price_fen) == (120, 100_00)
