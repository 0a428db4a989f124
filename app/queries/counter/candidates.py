"""Whom four digits fit: vehicles by their number, and people by the end of their phone (decision 17)."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, or_, select
from sqlalchemy.orm import Session

from app.domain.charges import ChargeStatus
from app.domain.identity import KeyKind, masked_name
from app.domain.numbering import BatteryNumber, Business
from app.domain.orders import OrderStatus
from app.models.batteries import Battery, BatteryUse
from app.models.directory import Region, School
from app.models.money import Charge
from app.models.orders import Order
from app.models.people import Customer, Identity, IdentityKey
from app.models.rentals import Rental
from app.models.vehicles import Listing, VehicleModel

MOST_CANDIDATES = 9  # each has a digit key at the counter


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A vehicle that waits for its pickup or is rented out, or a battery in use; its person masked."""

    number: str
    name: str
    school: str
    business: Business | None = None  # None: a battery
    model: str = ""
    colour: str = ""
    paid: bool = False
    expires_at: datetime | None = None  # of a vehicle that waits
    due_on: date | None = None  # of a rented one
    began_on: date | None = None  # of a battery


@dataclass(frozen=True, slots=True)
class Candidates:
    """What digits fit at a store: by number what waits and what is out, by phone all of a person's; each once."""

    waiting: tuple[Candidate, ...] = ()
    out: tuple[Candidate, ...] = ()
    by_phone: tuple[Candidate, ...] = ()
    more: bool = False  # some are left out: there are digit keys for nine

    def __bool__(self) -> bool:
        return bool(self.waiting or self.out or self.by_phone)


def candidates(session: Session, region_id: int, digits: str) -> Candidates:
    """What the digits are the number of, or the end of whose phone, at one store. Decision 17."""
    letter = session.scalars(select(Region.letter).where(Region.id == region_id)).one()
    by_number = _vehicles(session, region_id, Order.number.in_([f"{letter}{kind.value}{digits}" for kind in Business]))
    tails = select(IdentityKey.customer_id).where(IdentityKey.kind == KeyKind.PHONE_TAIL, IdentityKey.key == digits)
    shown = {one.number for one in by_number}
    by_phone = [one for one in _vehicles(session, region_id, Order.customer_id.in_(tails)) if one.number not in shown]
    by_phone += _batteries(session, BatteryUse.region_id == region_id, BatteryUse.customer_id.in_(tails))
    listed = (by_number + by_phone)[:MOST_CANDIDATES]
    return Candidates(
        tuple(one for one in by_number if one.due_on is None),
        tuple(one for one in by_number if one.due_on is not None),
        tuple(listed[len(by_number) :]),
        more=len(by_number) + len(by_phone) > len(listed),
    )


def _vehicles(session: Session, region_id: int, fits: ColumnElement[bool]) -> list[Candidate]:
    """What waits before what is out, each newest first; one more than can be shown."""
    rows = session.execute(
        select(
            Order.number,
            Order.business,
            Order.colour,
            Order.expires_at,
            Identity.name,
            School.name.label("school"),
            VehicleModel.name.label("model"),
            Charge.status.label("charge"),
            Rental.due_on,
        )
        .join(Identity, Identity.customer_id == Order.customer_id)
        .join(Customer, Customer.id == Order.customer_id)
        .join(School, School.id == Customer.school_id)
        .join(Listing, Listing.id == Order.listing_id)
        .join(VehicleModel, VehicleModel.id == Listing.model_id)
        .join(Charge, Charge.order_id == Order.id)
        .outerjoin(Rental, Rental.order_id == Order.id)
        .where(
            fits,
            Order.region_id == region_id,
            or_(Order.status == OrderStatus.RESERVED, Order.occupies_rental),
        )
        .order_by(Rental.due_on.is_not(None), Order.reserved_at.desc(), Order.id.desc())
        .limit(MOST_CANDIDATES + 1)
    )
    return [_vehicle(row) for row in rows]


def _vehicle(row: Row[*tuple[Any, ...]]) -> Candidate:
    return Candidate(
        number=row.number,
        name=masked_name(row.name),
        school=row.school,
        business=row.business,
        model=row.model,
        colour=row.colour,
        paid=row.charge is ChargeStatus.SETTLED,
        expires_at=row.expires_at,
        due_on=row.due_on,
    )


def _batteries(session: Session, *fits: ColumnElement[bool]) -> list[Candidate]:
    rows = session.execute(
        select(Region.letter, Battery.n, BatteryUse.began_on, Identity.name, School.name.label("school"))
        .select_from(BatteryUse)
        .join(Battery, Battery.id == BatteryUse.battery_id)
        .join(Region, Region.id == Battery.region_id)
        .join(Identity, Identity.customer_id == BatteryUse.customer_id)
        .join(Customer, Customer.id == BatteryUse.customer_id)
        .join(School, School.id == Customer.school_id)
        .where(*fits, BatteryUse.returned_at.is_(None))
        .order_by(BatteryUse.began_at.desc(), BatteryUse.id.desc())
        .limit(MOST_CANDIDATES + 1)
    )
    return [
        Candidate(
            number=str(BatteryNumber(row.letter, row.n)),
            name=masked_name(row.name),
            school=row.school,
            began_on=row.began_on,
        )
        for row in rows
    ]
