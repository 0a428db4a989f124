"""The day figures of the orders screens, moved by the verb that moves the order, as its last lock (ORD-3)."""

from sqlalchemy.orm import Session

from app.domain.calendar import business_day
from app.domain.orders import OrderStatus
from app.models.orders import Order, OrderDay
from app.usecases.compare_and_set import insert_into


def is_out(order: Order) -> bool:
    """Whether the order's vehicle is rented and not back: a figure of its own."""
    return order.occupies_rental and order.status is OrderStatus.COMPLETED


def added(session: Session, order: Order) -> None:
    """A new order counts on the day it was reserved."""
    _add(session, order, order.status, 1, out=False)


def moved(session: Session, order: Order, before: OrderStatus, *, was_out: bool) -> None:
    """An order that changed its state leaves one figure and joins another, in one order: no two verbs deadlock."""
    for status, out, delta in sorted(((before, was_out, -1), (order.status, is_out(order), 1))):
        _add(session, order, status, delta, out=out)


def _add(session: Session, order: Order, status: OrderStatus, delta: int, *, out: bool) -> None:
    key = {
        "business": order.business,
        "region_id": order.region_id,
        "status": status,
        "out": out,
        "on_day": business_day(order.reserved_at),
    }
    amount_fen = delta * order.amount_fen
    # The check on `orders` looks at the row to be inserted too, so a figure that goes down starts from nought.
    statement = insert_into(session, OrderDay).values(**key, orders=max(delta, 0), amount_fen=max(amount_fen, 0))
    session.execute(
        statement.on_conflict_do_update(
            index_elements=list(key),
            set_={"orders": OrderDay.orders + delta, "amount_fen": OrderDay.amount_fen + amount_fen},
        )
    )
