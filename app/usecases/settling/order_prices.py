"""The price of a vehicle, or the fee of a rental: paid at the store, after its number (FLOW-BUY-3, FLOW-RENT-3)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.charges import ChargeStatus
from app.domain.errors import Rule, RuleBroken
from app.domain.numbering import VehicleNumber
from app.domain.orders import RENTALS, OrderEvent, OrderStatus
from app.domain.permissions import Actor
from app.models.money import Charge, Refund
from app.models.orders import Order
from app.models.vehicles import Listing, VehicleModel
from app.queries import deposits as held_deposits
from app.queries import people
from app.usecases import audit, deposits, numbers, stock
from app.usecases.compare_and_set import must_lock
from app.usecases.orders import free_number_if_over, move_order, occupying_order
from app.usecases.settling.payable import Payable, refuse_unless_open
from app.usecases.standing import lock_customer
from app.usecases.subjects import Subject


def lock(session: Session, charge: Charge) -> Subject:
    """Person, then order."""
    lock_customer(session, charge.customer_id)
    order = must_lock(session, Order, charge.order_id or 0)
    session.refresh(charge)
    return Subject.of_order(order)


def payable(session: Session, charge: Charge, _now: datetime) -> Payable:
    """Open, its number entered, and for a rental its deposit held. Decision 17."""
    order = _order(session, charge)
    if order.status is not OrderStatus.RESERVED:
        raise RuleBroken(Rule.NOT_RESERVED, status=order.status)
    refuse_unless_open(charge)
    if order.matched_at is None:
        raise RuleBroken(Rule.NOT_MATCHED)
    if order.business in RENTALS:
        deposits.securing_deposit(session, order)
    model = session.scalars(
        select(VehicleModel.name)
        .join(Listing, Listing.model_id == VehicleModel.id)
        .where(Listing.id == order.listing_id)
    ).one()
    what = "租车" if order.business in RENTALS else "买车"
    return Payable(f"猎吧租车 {what} {model} {order.number}", order.order_no, order.expires_at)


def settled(session: Session, charge: Charge, actor: Actor, now: datetime, *, told: Mapping[str, Any]) -> None:
    """The vehicle can be handed over."""
    audit.put_for_order(session, actor, "order_paid", _order(session, charge), now, **told)


def revived(session: Session, charge: Charge, actor: Actor, now: datetime) -> bool:
    """Opens a closed order again: same number, stock, a person in good standing; a rental also the one of its person
    and secured by a deposit. Decision 15.
    """
    order = _order(session, charge)
    if order.status not in (OrderStatus.CANCELLED, OrderStatus.EXPIRED):
        return False
    if people.freeze_of(session, order.customer_id, now) is not None:
        return False
    is_rental = order.business in RENTALS
    if is_rental and (
        occupying_order(session, order.customer_id) is not None
        or held_deposits.securing(session, order.customer_id) is None
    ):
        return False
    try:
        stock.take(session, order.listing_id)
    except RuleBroken:
        return False
    if not numbers.hold_again(session, order.region_id, VehicleNumber.parse(order.number), order.id, now):
        stock.put_back(session, order.listing_id)
        return False
    closed_as = order.status
    move_order(
        session,
        order,
        OrderEvent.REVIVE,
        turn=order.turn + 1,
        closed_at=None,
        close_reason=None,
        occupies_rental=is_rental,
    )
    stock.record_taken(session, order, now)
    charge.status = ChargeStatus.OPEN
    session.flush()
    audit.put_for_order(session, actor, "order_revived", order, now, number=order.number, closed_as=closed_as)
    return True


def attempt_over(session: Session, charge: Charge, now: datetime) -> None:
    """A number that waited for this is freed. Decision 8."""
    free_number_if_over(session, _order(session, charge), charge, now)


def refund_arrived(_session: Session, _charge: Charge, _refund: Refund, _actor: Actor, _now: datetime) -> None:
    """Nothing follows: the order is closed."""


def _order(session: Session, charge: Charge) -> Order:
    return session.get_one(Order, charge.order_id)
