"""Stock of a listing: taken and given back with its order, never below zero (SET-1, decision 12)."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.domain.errors import Rule, RuleBroken
from app.models.orders import Order
from app.models.vehicles import Listing, StockMovement, StockReason
from app.usecases.compare_and_set import changed_one, must_change_one


def take(session: Session, listing_id: int) -> None:
    """Takes one vehicle out of stock. Raises RuleBroken when there is none. `record_taken` follows with the order."""
    one_less = update(Listing).where(Listing.id == listing_id, Listing.stock > 0).values(stock=Listing.stock - 1)
    if not changed_one(session, one_less):
        raise RuleBroken(Rule.SOLD_OUT)


def put_back(session: Session, listing_id: int) -> None:
    """Takes a `take` back, within the same verb."""
    must_change_one(session, update(Listing).where(Listing.id == listing_id).values(stock=Listing.stock + 1))


def record_taken(session: Session, order: Order, now: datetime) -> None:
    """The movement of `take`, once for each turn of the order."""
    _record(session, order, StockReason.RESERVED, -1, now)


def give_back(session: Session, order: Order, now: datetime) -> None:
    """The order is closed: its vehicle can be sold again."""
    put_back(session, order.listing_id)
    _record(session, order, StockReason.CLOSED, 1, now)


def take_in_returned(session: Session, order: Order, now: datetime) -> None:
    """A rented vehicle is back in good order: it can be rented again. Decision 12."""
    put_back(session, order.listing_id)
    _record(session, order, StockReason.RETURNED, 1, now)


def _record(session: Session, order: Order, reason: StockReason, delta: int, now: datetime) -> None:
    session.add(
        StockMovement(
            listing_id=order.listing_id, delta=delta, reason=reason, order_id=order.id, turn=order.turn, at=now
        )
    )
