"""Vehicles for sale by region, one vehicle's page, and the reservation that begins there (FLOW-BUY-1, FLOW-BUY-2)."""

import secrets
from dataclasses import dataclass
from typing import Any

from flask import Response, request, session, url_for

from app.blueprints.mobile.forms import RegionQuery, ReserveForm, VehicleQuery
from app.blueprints.mobile.routes.owed import frozen_page
from app.blueprints.mobile.section import bars, bp, tabs
from app.domain import labels
from app.domain.errors import Rule, RuleBroken
from app.domain.orders import Intent
from app.domain.settings import RESERVATION_HOURS
from app.queries import directory, settings
from app.queries import vehicles as offers
from app.queries.directory import RegionRow
from app.queries.vehicles import VehiclePage
from app.usecases import orders
from app.web.current import actor, now
from app.web.errors import refuse
from app.web.forms import from_query
from app.web.guards import customer, public
from app.web.htmx import render, see_other
from app.web.reading import forget_reads, read_session

BEGUN = "begun"
"""In the browser's session: the listing that somebody had to log in or register for, until it is reserved."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The region whose vehicles are shown, the way to the others, and to the person's own."""

    region: RegionRow
    regions: list[tuple[RegionRow, str, bool]]  # its row, its address, whether it is the one shown
    elsewhere: bool
    own_url: str
    own_store: str


def region_choice(endpoint: str) -> Choice | None:
    """The region in the URL, else the person's own, else the first; None while there is none."""
    regions = directory.regions(read_session())
    letter, own = from_query(RegionQuery).region.data, actor().region_id
    region = next(
        (row for row in regions if row.letter == letter),
        next((row for row in regions if row.id == own), regions[0] if regions else None),
    )
    if region is None:
        return None
    return Choice(
        region,
        [(row, url_for(endpoint, region=row.letter), row == region) for row in regions],
        elsewhere=own is not None and own != region.id,
        own_url=url_for(endpoint),
        own_store=next((row.store_name for row in regions if row.id == own), ""),
    )


def nothing_open() -> Response:
    """No store exists yet."""
    return refuse(404, title="还没有开业的门店", text="过几天再来看看。")


@dataclass(frozen=True, slots=True)
class OwnStore:
    """Where somebody reserves who looks at another region's vehicle."""

    name: str
    url: str  # of the same vehicle there, or of what there is


def own_store(shown: VehiclePage, page: str, listing: str, **chosen: str) -> OwnStore | None:
    """None for whoever may reserve here, or is not known yet. Decision 39.

    `page` and `listing` are endpoints; what was chosen goes along to the same vehicle.
    """
    own = actor().region_id
    if own is None or own == shown.region_id:
        return None
    region = next(row for row in directory.regions(read_session()) if row.id == own)
    same = offers.same_model_in(read_session(), shown, own, now())
    kept: dict[str, Any] = {name: text or None for name, text in chosen.items()}
    url = url_for(page, listing_id=same, **kept) if same else url_for(listing, region=region.letter)
    return OwnStore(region.store_name or region.name, url)


def came_back(listing_id: int, intent: str) -> bool:
    """Whether somebody chose this before they had to log in or register."""
    return bool(intent) and actor().registered and session.get(BEGUN) == listing_id


@bp.get("/")
@public
def vehicles() -> Response:
    """What a region sells."""
    choice = region_choice(".vehicles")
    if choice is None:
        return nothing_open()
    return render(
        "mobile/vehicles.html",
        choice=choice,
        vehicles=offers.vehicles_for_sale(read_session(), choice.region.id, now()),
        tabs=tabs(),
    )


@bp.get("/vehicles/<int:listing_id>")
@public
def vehicle(listing_id: int) -> Response:
    """One vehicle: price, stock, colours, store, and what can be done from here."""
    query = from_query(VehicleQuery)
    return _vehicle_page(listing_id, colour=query.colour.data, intent=query.intent.data)


def _vehicle_page(
    listing_id: int, *, colour: str = "", intent: str = "", broken: RuleBroken | None = None, fault: str = ""
) -> Response:
    shown = offers.vehicle_for_sale(read_session(), listing_id, now())
    return render(
        "mobile/vehicle.html",
        vehicle=shown,
        colour=colour if colour in shown.colours else next(iter(shown.colours), ""),
        is_buy=intent == Intent.BUY,
        came_back=came_back(listing_id, intent) and not broken and not fault,
        registered=actor().registered,
        own_store=own_store(shown, ".vehicle", ".vehicles", colour=colour),
        bars=bars(),
        list_url=url_for(".vehicles", region=shown.region_letter),
        hours=settings.value_of(read_session(), RESERVATION_HOURS, shown.region_id, now()),
        request_key=secrets.token_hex(16),
        problem=labels.refusal(broken) if broken else fault,
        too_many=broken is not None and broken.rule is Rule.TOO_MANY_UNPAID,
        status=422 if broken or fault else 200,
    )


@bp.get("/vehicles/<int:listing_id>/begin")
@customer(registered=True)
def begin(listing_id: int) -> Response:
    """Where the buttons lead whoever is not registered: through log-in and registration, back with what they chose."""
    query = from_query(VehicleQuery)
    session[BEGUN] = listing_id
    kept = {"colour": query.colour.data or None, "intent": query.intent.data or None}
    return see_other(url_for(".vehicle", listing_id=listing_id, **kept))


@bp.post("/vehicles/<int:listing_id>/reserve")
@customer(registered=True)
def reserve(listing_id: int) -> Response:
    """立即预约 leads to the order, 立即购买 to the number entry. Pressing twice makes one order. FLOW-BUY-2."""
    form = ReserveForm()
    if not form.validate():
        fault = "选一个颜色，再预约。" if form.colour.errors else "这一页放得太久了，看一遍再预约。"
        return _vehicle_page(listing_id, colour=request.form.get("colour", ""), fault=fault)
    intent = Intent(form.intent.data)
    try:
        order_id = orders.reserve(
            listing_id=listing_id,
            colour=form.colour.data,
            intent=intent,
            seen_fen=form.seen_fen.data,
            request_key=form.request_key.data,
            actor=actor(),
            now=now(),
        )
    except RuleBroken as broken:
        forget_reads()
        if broken.rule is Rule.FROZEN:
            return frozen_page(status=422)
        return _vehicle_page(listing_id, colour=form.colour.data, intent=intent, broken=broken)
    session.pop(BEGUN, None)
    next_endpoint = ".number" if intent is Intent.BUY else ".order"
    return see_other(url_for(next_endpoint, order_id=order_id))
