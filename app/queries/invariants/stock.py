"""What must be true of stock."""

from datetime import datetime

from sqlalchemy import case, exists, func, or_, select
from sqlalchemy.orm import Session

from app.domain.orders import OrderStatus
from app.domain.rentals import Place
from app.models.orders import Order
from app.models.rentals import Rental
from app.models.vehicles import Listing, StockMovement
from app.queries.invariants._registry import Violations, invariant, told

CLOSED = (OrderStatus.CANCELLED, OrderStatus.EXPIRED)


@invariant("The stock of a listing is the sum of its movements, and not below zero")
def stock_is_its_movements(session: Session, _now: datetime) -> Violations:
    """SET-1, decision 12."""
    total = func.coalesce(func.sum(StockMovement.delta), 0)
    return told(
        session,
        select(Listing.id.label("listing"), Listing.stock, total.label("movements"))
        .outerjoin(StockMovement, StockMovement.listing_id == Listing.id)
        .group_by(Listing.id, Listing.stock)
        .having(or_(total != Listing.stock, Listing.stock < 0)),
    )


@invariant("An open or completed order has taken one vehicle out of stock, a closed or returned one none")
def orders_hold_one_vehicle(session: Session, _now: datetime) -> Violations:
    """Decision 12."""
    total = func.coalesce(func.sum(StockMovement.delta), 0)
    returned = exists().where(Rental.order_id == Order.id, Rental.returned_to == Place.STOCK)
    wanted = case((or_(Order.status.in_(CLOSED), returned), 0), else_=-1)
    return told(
        session,
        select(Order.id.label("order"), Order.status, total.label("movements"))
        .outerjoin(StockMovement, StockMovement.order_id == Order.id)
        .group_by(Order.id, Order.status)
        .having(total != wanted),
    )
