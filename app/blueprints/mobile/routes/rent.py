"""Vehicles for rent by region, one vehicle's page, and the way from there to the deposit (FLOW-RENT-1 to 4)."""

import secrets

from flask import Response, request, session, url_for

from app.blueprints.mobile import words
from app.blueprints.mobile.forms import DepositForm, RentalQuery, ReserveRentalForm
from app.blueprints.mobile.routes.orders import charge_at_turn, is_confirming, own_order
from app.blueprints.mobile.routes.owed import frozen_page
from app.blueprints.mobile.routes.pay import open_sheet
from app.blueprints.mobile.routes.vehicles import (
    BEGUN,
    came_back,
    nothing_open,
    own_store,
    region_choice,
)
from app.blueprints.mobile.section import bars, bp, of_customer, tabs
from app.domain import labels
from app.domain.errors import Rule, RuleBroken
from app.domain.orders import Intent, Step
from app.domain.settings import FLASH_DEPOSIT, RENTAL_DEPOSIT, RESERVATION_HOURS
from app.queries import deposits as held_deposits
from app.queries import my_orders, settings
from app.queries import vehicles as offers
from app.queries.my_orders import MyOrder
from app.usecases import deposits, orders
from app.web.current import actor, now
from app.web.forms import from_query
from app.web.guards import customer, public
from app.web.htmx import render, see_other
from app.web.limits import limiter
from app.web.reading import forget_reads, read_session


@bp.get("/rent")
@public
def rentals() -> Response:
    """What a region rents out, standard and mini apart."""
    choice = region_choice(".rentals")
    if choice is None:
        return nothing_open()
    found = offers.vehicles_for_rent(read_session(), choice.region.id, now())
    kinds = dict.fromkeys(offer.business_name for offer in found)
    return render(
        "mobile/rentals.html",
        choice=choice,
        groups=[(kind, [offer for offer in found if offer.business_name == kind]) for kind in kinds],
        tabs=tabs(),
    )


@bp.get("/rent/<int:listing_id>")
@public
def rental(listing_id: int) -> Response:
    """One vehicle: its plans, what renting it costs and what comes back, and what can be done from here."""
    query = from_query(RentalQuery)
    return _rental_page(listing_id, query.colour.data, query.plan.data, intent=query.intent.data)


def _rental_page(
    listing_id: int,
    colour: str,
    plan: str,
    *,
    intent: str = "",
    broken: RuleBroken | None = None,
    fault: str = "",
) -> Response:
    who, reads = actor(), read_session()
    shown = offers.vehicle_for_rent(reads, listing_id, now())
    hours, rental_fen, flash_fen = settings.values_of(
        reads, (RESERVATION_HOURS, RENTAL_DEPOSIT, FLASH_DEPOSIT), shown.region_id, now()
    )
    mine = my_orders.my_one_rental(reads, who) if who.is_customer else None
    bar = RuleBroken(Rule.ONE_RENTAL, number=mine.number) if mine else None
    refused = broken if broken and not (mine and broken.rule is Rule.ONE_RENTAL) else None  # the bar says it
    days = next((one.days for one in shown.plans if plan.partition(":")[0] == str(one.days)), shown.plans[0].days)
    return render(
        "mobile/rental.html",
        vehicle=shown,
        plans=[(one, f"{one.days}:{one.price_fen}", one.days == days) for one in shown.plans],
        colour=colour if colour in shown.colours else next(iter(shown.colours), ""),
        is_buy=intent == Intent.BUY,
        came_back=came_back(listing_id, intent) and not broken and not fault and not mine,
        registered=who.registered,
        is_member=who.registered and held_deposits.is_member(reads, who.id or 0),
        rental_fen=rental_fen,
        flash_fen=flash_fen,
        own_store=own_store(shown, ".rental", ".rentals", colour=colour, plan=plan.partition(":")[0]),
        bars=bars(),
        mine=mine,
        why_not=labels.refusal(bar) if bar else "",
        list_url=url_for(".rentals", region=shown.region_letter),
        hours=hours,
        request_key=secrets.token_hex(16),
        problem=labels.refusal(refused) if refused else fault,
        status=422 if broken or fault else 200,
    )


@bp.get("/rent/<int:listing_id>/begin")
@customer(registered=True)
def begin_rental(listing_id: int) -> Response:
    """Where the buttons lead whoever is not registered: through log-in and registration, back with what they chose."""
    query = from_query(RentalQuery)
    session[BEGUN] = listing_id
    chosen = {"colour": query.colour.data, "plan": query.plan.data, "intent": query.intent.data}
    return see_other(url_for(".rental", listing_id=listing_id, **{name: text or None for name, text in chosen.items()}))


@bp.post("/rent/<int:listing_id>/reserve")
@customer(registered=True)
def reserve_rental(listing_id: int) -> Response:
    """Both buttons lead into the wizard. Pressing twice makes one order; so do two tabs. FLOW-RENT-4."""
    form = ReserveRentalForm()
    typed = (request.form.get("colour", ""), request.form.get("plan", ""))
    if not form.validate():
        faults = [error for field in (form.plan, form.colour) for error in field.errors]
        fault = f"{'，'.join(faults)}，再预约。" if faults else "这一页放得太久了，看一遍再预约。"
        return _rental_page(listing_id, *typed, fault=fault)
    days, seen_fen = form.chosen()
    try:
        order_id = orders.reserve(
            listing_id=listing_id,
            colour=form.colour.data,
            intent=Intent(form.intent.data),
            days=days,
            seen_fen=seen_fen,
            request_key=form.request_key.data,
            actor=actor(),
            now=now(),
        )
    except RuleBroken as broken:
        forget_reads()
        if broken.rule is Rule.FROZEN:
            return frozen_page(status=422)
        return _rental_page(listing_id, *typed, intent=form.intent.data, broken=broken)
    session.pop(BEGUN, None)
    return see_other(url_for(".renting", order_id=order_id))


@bp.get("/orders/<int:order_id>/rent")
@customer(registered=True)
def renting(order_id: int) -> Response:
    """The wizard: the question of the deposit when it is its turn, else on to the step that is."""
    shown = own_order(order_id)
    if (elsewhere := _not_here(shown)) is not None:
        return elsewhere
    return _deposit_page(shown)


@bp.post("/orders/<int:order_id>/rent")
@customer(registered=True)
@limiter.limit("60 per 15 minutes", key_func=of_customer)
def agree_deposit(order_id: int) -> Response:
    """是否开通闪充: one of two deposits, and on to paying it. Another takes the place of the first. FLOW-RENT-2."""
    shown = own_order(order_id)
    if (elsewhere := _not_here(shown)) is not None:
        return elsewhere
    form = DepositForm()
    if not form.validate():
        return _deposit_page(shown, problem="选一种押金，再付款。")
    kind, seen_fen = form.chosen()
    forget_reads()
    try:
        charge_id = deposits.agree(kind, order_id=order_id, seen_fen=seen_fen, actor=actor(), now=now())
    except RuleBroken as broken:
        if broken.rule is Rule.FROZEN:
            return frozen_page(status=422)
        return _deposit_page(own_order(order_id), problem=labels.refusal(broken), kind=kind)
    return open_sheet(charge_id)


def _not_here(shown: MyOrder) -> Response | None:
    """An order that does not wait for its deposit leads to where it is; whoever is at home goes to the store first."""
    order_url = url_for(".order", order_id=shown.order_id)
    if shown.is_suspect or shown.is_running_out(now()):
        return see_other(order_url)
    if shown.step is Step.NUMBER and shown.intent is Intent.RESERVE:
        return see_other(order_url)
    if shown.step is not Step.DEPOSIT:
        return see_other(words.step_url(shown))
    charge = charge_at_turn(shown)
    if is_confirming(charge):
        return see_other(url_for(".payment_result", charge_id=charge.charge_id))
    return None


def _deposit_page(shown: MyOrder, *, problem: str = "", kind: str = "") -> Response:
    due = charge_at_turn(shown)
    choices = words.deposit_choice(shown, kind or due.deposit_kind or "")
    return render(
        "mobile/renting.html",
        order=shown,
        dots=words.dots(shown),
        deposits=choices,
        button=words.deposit_button(choices),
        bars=bars(),
        problem=problem,
        status=422 if problem else 200,
    )
