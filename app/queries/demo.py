"""What the seeds find, and go on from."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app.domain.charges import ChargeStatus
from app.domain.orders import OrderStatus
from app.models.access import StaffRole
from app.models.money import Charge
from app.models.orders import Order
from app.models.people import Customer, Identity
from app.models.vehicles import Price


def somebody_ordered(session: Session) -> bool:
    """Whether there is any order."""
    return session.scalars(select(exists(select(Order.id)))).one()


def something_is_sold(session: Session) -> bool:
    """Whether anything has a price."""
    return session.scalars(select(exists(select(Price.id)))).one()


def somebody_works(session: Session) -> bool:
    """Whether there is any member of staff."""
    return session.scalars(select(exists(select(StaffRole.id)))).one()


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order that could be paid, with its person."""

    id: int
    number: str
    region_id: int
    customer_id: int
    openid: str
    name: str


def open_orders(session: Session, expires_after: datetime) -> list[OpenOrder]:
    """Unpaid orders that stay open until after a time, oldest first."""
    rows = session.execute(
        select(Order.id, Order.number, Order.region_id, Order.customer_id, Customer.openid, Identity.name)
        .join(Charge, Charge.order_id == Order.id)
        .join(Customer, Customer.id == Order.customer_id)
        .join(Identity, Identity.customer_id == Order.customer_id)
        .where(
            Order.status == OrderStatus.RESERVED,
            Order.expires_at > expires_after,
            Charge.status == ChargeStatus.OPEN,
            Customer.openid.is_not(None),
        )
        .order_by(Order.reserved_at, Order.id)
    )
    return [OpenOrder(row.id, row.number, row.region_id, row.customer_id, row.openid or "", row.name) for row in rows]
