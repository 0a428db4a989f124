"""Models, where they are listed, their plans, prices and stock: one mechanism for sale and rental (SET-1, SET-2)."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.domain.directory import checked_name
from app.domain.errors import Forbidden, NotFound, Rule, RuleBroken
from app.domain.labels import STOCK_CAUSE
from app.domain.numbering import Business
from app.domain.permissions import Actor, Permission
from app.domain.vehicles import (
    MOST_PLAN_NAME,
    ModelFacts,
    PriceTag,
    StockCause,
    checked_days,
    checked_stock_note,
    stock_delta,
)
from app.models.directory import Region
from app.models.vehicles import Listing, Plan, Price, StockMovement, StockReason, VehicleModel
from app.queries import vehicle_settings as reads
from app.usecases import audit
from app.usecases.compare_and_set import changed_one, must_lock
from app.usecases.transaction import transactional


@transactional
def add_model(session: Session, *, model: ModelFacts, actor: Actor, now: datetime) -> int:
    """A new model, listed nowhere yet; its id. Needs the right everywhere. Raises Forbidden, RuleBroken."""
    _require_everywhere(actor)
    model = model.checked()
    _refuse_name_taken(session, model.name)
    row = VehicleModel(name=model.name, colours=list(model.colours), facts=list(model.facts), picture=model.picture)
    session.add(row)
    session.flush()
    audit.put(session, actor, "vehicle_model_added", now, subject=("vehicle_model", row.id), after=asdict(model))
    return row.id


@transactional
def change_model(session: Session, model_id: int, *, model: ModelFacts, actor: Actor, now: datetime) -> None:
    """What a model is called and looks like, in all regions; a reserved order keeps the colour it was reserved in.

    Needs the right everywhere. Raises NotFound, Forbidden, RuleBroken.
    """
    _require_everywhere(actor)
    if session.get(VehicleModel, model_id) is None:
        raise NotFound
    row = must_lock(session, VehicleModel, model_id)
    model = model.checked()
    before = ModelFacts(row.name, tuple(row.colours), tuple(row.facts), row.picture)
    if model == before:
        return
    if model.name != row.name:
        _refuse_name_taken(session, model.name)
    row.name, row.colours, row.facts, row.picture = model.name, list(model.colours), list(model.facts), model.picture
    audit.put(
        session,
        actor,
        "vehicle_model_changed",
        now,
        subject=("vehicle_model", row.id),
        before=asdict(before),
        after=asdict(model),
    )


@transactional
def list_model(
    session: Session, model_id: int, *, region_id: int, business: Business, actor: Actor, now: datetime
) -> int:
    """Offers a model in a region for one business: hidden, without price and stock as yet. Its id.

    Raises NotFound, Forbidden, RuleBroken (it is listed there already).
    """
    if session.get(VehicleModel, model_id) is None or not actor.may(Permission.VEHICLES_VIEW, region_id):
        raise NotFound
    if session.get(Region, region_id) is None:
        raise NotFound
    actor.require(Permission.VEHICLES_CHANGE, region_id)
    same = select(Listing.id).filter_by(region_id=region_id, model_id=model_id, business=business)
    if session.scalars(same).one_or_none() is not None:
        raise RuleBroken(Rule.LISTING_EXISTS, field="business")
    listing = Listing(region_id=region_id, model_id=model_id, business=business, stock=0, shown=False)
    session.add(listing)
    session.flush()
    audit.put(
        session,
        actor,
        "listing_added",
        now,
        subject=("listing", listing.id),
        region_id=region_id,
        model_id=model_id,
        business=business,
    )
    return listing.id


@transactional
def show(session: Session, listing_id: int, *, actor: Actor, now: datetime) -> None:
    """People see the listing, once it has a price. Raises NotFound, Forbidden."""
    listing = _lock_listing(session, listing_id, actor)
    if not listing.shown:
        listing.shown = True
        audit.put(session, actor, "listing_shown", now, subject=("listing", listing.id), region_id=listing.region_id)


@transactional
def hide(session: Session, listing_id: int, *, actor: Actor, now: datetime) -> None:
    """Nobody sees or reserves it any more; what is reserved stays. Raises NotFound, Forbidden."""
    listing = _lock_listing(session, listing_id, actor)
    if listing.shown:
        listing.shown = False
        audit.put(session, actor, "listing_hidden", now, subject=("listing", listing.id), region_id=listing.region_id)


@transactional
def add_plan(session: Session, listing_id: int, *, days: int, name: str, actor: Actor, now: datetime) -> int:
    """Another term that a rental listing is offered for; nobody sees it before it has a price. Its id. Decision 18.

    Raises NotFound (also for a sale, which has none), Forbidden, RuleBroken.
    """
    listing = _lock_listing(session, listing_id, actor)
    if listing.business is Business.SALE:
        raise NotFound
    name, days = checked_name(name, MOST_PLAN_NAME), checked_days(days)
    same = select(Plan.id).filter_by(listing_id=listing.id, days=days)
    if session.scalars(same).one_or_none() is not None:
        raise RuleBroken(Rule.PLAN_EXISTS, days=days, field="days")
    plan = Plan(listing_id=listing.id, days=days, name=name, shown=True)
    session.add(plan)
    session.flush()
    audit.put(
        session,
        actor,
        "plan_added",
        now,
        subject=("plan", plan.id),
        region_id=listing.region_id,
        listing_id=listing.id,
        days=days,
        name=name,
    )
    return plan.id


@transactional
def change_plan(session: Session, plan_id: int, *, name: str, shown: bool, actor: Actor, now: datetime) -> None:
    """What a plan is called, and whether it is offered. Its days stay: orders and prices are by them.

    Raises NotFound, Forbidden, RuleBroken.
    """
    plan = session.get(Plan, plan_id)
    if plan is None:
        raise NotFound
    listing = _lock_listing(session, plan.listing_id, actor)
    session.refresh(plan)
    name = checked_name(name, MOST_PLAN_NAME)
    before, after = {"name": plan.name, "shown": plan.shown}, {"name": name, "shown": shown}
    if before == after:
        return
    plan.name, plan.shown = name, shown
    audit.put(
        session,
        actor,
        "plan_changed",
        now,
        subject=("plan", plan.id),
        region_id=listing.region_id,
        before=before,
        after=after,
    )


@transactional
def change_price(
    session: Session,
    listing_id: int,
    days: int,
    *,
    tag: PriceTag,
    effective_at: datetime | None,
    actor: Actor,
    now: datetime,
) -> int:
    """What a sale (0 days) or a plan costs from a time on; returns the price's id. Reserved orders keep theirs.

    `effective_at` None: at once. Raises NotFound, Forbidden, RuleBroken. SET-1, SET-2, SET-11, decision 38.
    """
    _take_turn(session, listing_id)
    change = reads.planned_price(session, actor, listing_id, days, tag=tag, effective_at=effective_at, now=now)
    return _put_price(session, listing_id, days, tag, change.effective_at, actor, now, "price_changed")


@transactional
def withdraw_price(session: Session, price_id: int, *, actor: Actor, now: datetime) -> int:
    """Takes back a price that does not hold yet: a further one for the same time, as before it. Its listing's id.

    Raises NotFound, Forbidden, RuleBroken (it holds already, or there was none before it).
    """
    row = session.get(Price, price_id)
    if row is None:
        raise NotFound
    listing = _lock_listing(session, row.listing_id, actor, Permission.MONEY_SETTINGS_CHANGE)
    course = reads.course_of(session, listing.id, row.days)
    version = next(version for version in course.versions if version.id == row.id)
    if not course.is_pending(version, now):
        raise RuleBroken(Rule.NOT_PENDING)
    before = course.before(row.effective_at)
    if before is None:
        raise RuleBroken(Rule.FIRST_PRICE)
    _put_price(session, listing.id, row.days, before.tag, row.effective_at, actor, now, "price_change_withdrawn")
    return listing.id


def _put_price(
    session: Session,
    listing_id: int,
    days: int,
    tag: PriceTag,
    effective_at: datetime,
    actor: Actor,
    now: datetime,
    action: str,
) -> int:
    before = reads.course_of(session, listing_id, days).at(effective_at)
    price = Price(
        listing_id=listing_id,
        days=days,
        amount_fen=tag.amount_fen,
        was_fen=tag.was_fen,
        effective_at=effective_at,
        made_at=now,
        staff_id=actor.id,
    )
    session.add(price)
    session.flush()
    audit.put(
        session,
        actor,
        action,
        now,
        subject=("price", price.id),
        region_id=session.scalars(select(Listing.region_id).where(Listing.id == listing_id)).one(),
        listing_id=listing_id,
        days=days,
        before=asdict(before.tag) if before else None,
        amount_fen=tag.amount_fen,
        was_fen=tag.was_fen,
        effective_at=effective_at.isoformat(),
    )
    return price.id


@transactional
def move_stock(
    session: Session,
    listing_id: int,
    *,
    cause: StockCause,
    quantity: int,
    note: str,
    request_key: str,
    actor: Actor,
    now: datetime,
) -> int:
    """Vehicles come in or go out by hand, with the reason; returns the stock after it, which is never below zero.

    Sent again with the same `request_key` it changes nothing. Raises NotFound, Forbidden, RuleBroken. SET-1, SET-2.
    """
    listing = session.get(Listing, listing_id)
    if listing is None:
        raise NotFound
    _require(actor, listing, Permission.VEHICLES_CHANGE)
    delta, note = stock_delta(cause, quantity), checked_stock_note(cause, note)
    why = "：".join(part for part in (STOCK_CAUSE[cause], note) if part)
    known = session.scalars(select(StockMovement).where(StockMovement.request_key == request_key)).one_or_none()
    if known is not None:
        if (known.listing_id, known.delta, known.note) != (listing_id, delta, why):
            raise RuleBroken(Rule.ALREADY_RECORDED)
        return listing.stock
    stock = _change_stock(session, listing_id, delta)
    session.add(
        StockMovement(
            listing_id=listing_id,
            delta=delta,
            reason=StockReason.BY_HAND,
            order_id=None,
            turn=0,
            at=now,
            staff_id=actor.id,
            note=why,
            request_key=request_key,
        )
    )
    audit.put(
        session,
        actor,
        "stock_moved",
        now,
        subject=("listing", listing_id),
        region_id=listing.region_id,
        reason=why,
        delta=delta,
        stock=stock,
    )
    return stock


def _change_stock(session: Session, listing_id: int, delta: int) -> int:
    """The stock after the change. Raises RuleBroken rather than letting it fall below zero."""
    changed = (
        update(Listing).where(Listing.id == listing_id, Listing.stock + delta >= 0).values(stock=Listing.stock + delta)
    )
    fits = changed_one(session, changed)
    stock = session.scalars(select(Listing.stock).where(Listing.id == listing_id)).one()
    if not fits:
        raise RuleBroken(Rule.STOCK_TOO_LOW, stock=stock, field="quantity")
    return stock


def _lock_listing(
    session: Session, listing_id: int, actor: Actor, permission: Permission = Permission.VEHICLES_CHANGE
) -> Listing:
    """The listing, locked. Raises NotFound when the actor may not see it, Forbidden."""
    _take_turn(session, listing_id)
    listing = session.get_one(Listing, listing_id)
    _require(actor, listing, permission)
    return listing


def _take_turn(session: Session, listing_id: int) -> None:
    """Locks the listing: what is set on it is set by one at a time. Raises NotFound."""
    if session.get(Listing, listing_id) is None:
        raise NotFound
    must_lock(session, Listing, listing_id)


def _require(actor: Actor, listing: Listing, permission: Permission) -> None:
    if not actor.may(Permission.VEHICLES_VIEW, listing.region_id):
        raise NotFound
    actor.require(permission, listing.region_id)


def _require_everywhere(actor: Actor) -> None:
    """A model is the same in all regions, and in regions still to come."""
    if not reads.may_change_models(actor):
        raise Forbidden(Permission.VEHICLES_CHANGE.value)


def _refuse_name_taken(session: Session, name: str) -> None:
    if session.scalars(select(VehicleModel.id).where(VehicleModel.name == name)).one_or_none() is not None:
        raise RuleBroken(Rule.NAME_TAKEN, name=name, field="name")
