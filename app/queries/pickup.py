"""The facts that an answer of the counter, and the handing over, are decided on (NUM-8, decision 17)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, case, or_, select
from sqlalchemy.orm import Session

from app.domain.batteries import BatteryState
from app.domain.charges import ChargeStatus
from app.domain.numbering import BatteryNumber, Business, VehicleNumber
from app.domain.orders import OrderStatus, is_undo_in_time
from app.domain.permissions import Actor, Permission
from app.domain.pickup import OrderFacts
from app.domain.settings import PICKUP_UNDO_MINUTES
from app.models.batteries import Battery
from app.models.directory import Region
from app.models.money import Charge
from app.models.orders import Order, PickupAttempt
from app.models.vehicles import Listing, VehicleModel
from app.queries import people, settings
from app.queries.cards import has_approved
from app.queries.deposits import is_secured

HANDED_OVER = (Order.status == OrderStatus.COMPLETED) & or_(Order.business == Business.SALE, Order.occupies_rental)
FactsSelect = Select[*tuple[Any, ...]]


def letters(session: Session) -> dict[int, str]:
    """The code letter of each region, by its id."""
    return {row.id: row.letter for row in session.execute(select(Region.id, Region.letter))}


def facts_of_number(session: Session, region_id: int, number: VehicleNumber, now: datetime) -> OrderFacts | None:
    """The order that holds the number, else the newest that held it, or None. A revived one is not the newest."""
    wanted = _facts(now).where(Order.number == str(number), Order.region_id == region_id)
    is_live = or_(Order.status == OrderStatus.RESERVED, HANDED_OVER)
    closed_last = case((is_live, 0), (Order.status == OrderStatus.COMPLETED, 1), else_=2)
    return _facts_or_none(session, wanted.order_by(closed_last, Order.id.desc()).limit(1))


def facts_of_order(session: Session, region_id: int, order_id: int, now: datetime) -> OrderFacts | None:
    """The same for one order of the region."""
    return _facts_or_none(session, _facts(now).where(Order.id == order_id, Order.region_id == region_id))


def _facts(now: datetime) -> FactsSelect:
    wanted = select(
        Order.id,
        Order.customer_id,
        Order.status,
        Order.expires_at,
        Charge.status.label("charge"),
        people.is_barred(Order.customer_id, now).label("frozen"),
        or_(Order.business == Business.SALE, is_secured(Order.customer_id)).label("secured"),
        or_(Order.business == Business.SALE, has_approved(Order.customer_id)).label("card_approved"),
        Order.occupies_rental.label("occupies"),
    )
    return wanted.join(Charge, Charge.order_id == Order.id)


def _facts_or_none(session: Session, wanted: FactsSelect) -> OrderFacts | None:
    row = session.execute(wanted).one_or_none()
    if row is None:
        return None
    return OrderFacts(
        row.id,
        row.customer_id,
        row.status,
        paid=row.charge is ChargeStatus.SETTLED,
        frozen=row.frozen,
        expires_at=row.expires_at,
        secured=row.secured,
        card_approved=row.card_approved,
        out=row.occupies and row.status is OrderStatus.COMPLETED,
    )


@dataclass(frozen=True, slots=True)
class BatteryFacts:
    """A battery and where it is."""

    battery_id: int
    number: BatteryNumber
    state: BatteryState


def facts_of_battery(session: Session, number: BatteryNumber) -> BatteryFacts | None:
    """The battery of a number, of any region; None where none was made."""
    row = session.execute(
        select(Battery.id, Battery.state)
        .join(Region, Region.id == Battery.region_id)
        .where(Region.letter == number.letter, Battery.n == number.n)
    ).one_or_none()
    return BatteryFacts(row.id, number, row.state) if row else None


def colours_of(session: Session, listing_id: int) -> list[str]:
    """The colours that a listing's model comes in."""
    return session.scalars(
        select(VehicleModel.colours).join(Listing, Listing.model_id == VehicleModel.id).where(Listing.id == listing_id)
    ).one()


def scan_is_known(session: Session, scan_key: str) -> bool:
    """Whether a scan of this key was recorded before."""
    return session.scalars(select(PickupAttempt.id).where(PickupAttempt.scan_key == scan_key)).one_or_none() is not None


def may_undo(
    session: Session,
    actor: Actor,
    region_id: int,
    picked_up_at: datetime | None,
    now: datetime,
    *,
    returned: bool = False,
) -> bool:
    """Whether the actor may take a pickup back now; not before it, and not after the vehicle was returned."""
    if picked_up_at is None or returned or not actor.may(Permission.PICKUP_UNDO, region_id):
        return False
    if not is_undo_in_time(picked_up_at, now, minutes=PICKUP_UNDO_MINUTES.most):
        return False
    minutes = settings.value_of(session, PICKUP_UNDO_MINUTES, region_id, now)
    return is_undo_in_time(picked_up_at, now, minutes=minutes)
