"""Customers: who they are, whether they are barred, and finding them."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, SQLColumnExpression, exists, or_, select
from sqlalchemy.orm import Session

from app.domain.calendar import business_day, day_start
from app.domain.identity import CONSENT_ID_NUMBER, masked_name, masked_phone
from app.domain.numbering import BatteryNumber
from app.domain.permissions import Actor
from app.domain.restrictions import Cause
from app.domain.terms import days_out
from app.models.batteries import Battery, BatteryUse
from app.models.directory import Region, School
from app.models.orders import Order
from app.models.people import ConsentText, Customer, CustomerStatus, Identity, Restriction
from app.models.rentals import Rental


@dataclass(frozen=True, slots=True)
class Freeze:
    """Why somebody is barred, and since when."""

    cause: Cause
    since: datetime
    reason: str

    @property
    def ends_with_return(self) -> bool:
        """Whether bringing the battery or vehicle back lifts it, without anybody's word."""
        return self.cause is Cause.OVERDUE


def freeze_of(session: Session, customer_id: int, now: datetime) -> Freeze | None:
    """What bars a person longest, or None; verbs decide on it in their own transaction. Decision 5.

    A use or rental past its freeze day bars by that fact alone, whether or not any job has run. SET-4.
    """
    overdue = _overdue(session, customer_id, business_day(now))
    row = session.execute(
        select(Restriction.cause, Restriction.since, Restriction.reason)
        .where(Restriction.customer_id == customer_id, Restriction.lifted_at.is_(None))
        .order_by(Restriction.since)
        .limit(1)
    ).one_or_none()
    by_hand = Freeze(*row) if row else None
    standing = [freeze for freeze in (by_hand, overdue) if freeze is not None]
    return min(standing, key=lambda freeze: freeze.since, default=None)


def _overdue(session: Session, customer_id: int, today: date) -> Freeze | None:
    use = session.execute(
        select(Region.letter, Battery.n, BatteryUse.began_on, BatteryUse.freezes_on)
        .join(Battery, Battery.id == BatteryUse.battery_id)
        .join(Region, Region.id == Battery.region_id)
        .where(BatteryUse.customer_id == customer_id, BatteryUse.returned_at.is_(None), BatteryUse.freezes_on <= today)
    ).one_or_none()
    if use is not None:
        number = BatteryNumber(use.letter, use.n)
        days = days_out(use.began_on, today)
        return Freeze(Cause.OVERDUE, day_start(use.freezes_on), f"电池 {number} 用了 {days} 天没还")
    rental = session.execute(
        select(Order.number, Rental.due_on, Rental.freezes_on)
        .join(Order, Order.id == Rental.order_id)
        .where(Rental.customer_id == customer_id, Rental.returned_on.is_(None), Rental.freezes_on <= today)
    ).one_or_none()
    if rental is None:
        return None
    days = days_out(rental.due_on, today)
    return Freeze(Cause.OVERDUE, day_start(rental.freezes_on), f"租的车 {rental.number} 逾期 {days} 天没还")


def is_frozen(customer_id: SQLColumnExpression[int], now: datetime) -> ColumnElement[bool]:
    """The same as a column of another read: whether anything bars the person of its row."""
    today = business_day(now)
    return or_(
        exists().where(Restriction.customer_id == customer_id, Restriction.lifted_at.is_(None)),
        exists().where(
            BatteryUse.customer_id == customer_id, BatteryUse.returned_at.is_(None), BatteryUse.freezes_on <= today
        ),
        exists().where(Rental.customer_id == customer_id, Rental.returned_on.is_(None), Rental.freezes_on <= today),
    )


@dataclass(frozen=True, slots=True)
class Person:
    """A registered person, masked."""

    customer_id: int
    name: str
    phone: str
    school: str
    region_id: int
    freeze: Freeze | None


def person_of(session: Session, customer_id: int, now: datetime) -> Person | None:
    """The person behind a customer, or None while not registered."""
    row = session.execute(
        select(Identity.name, Identity.phone, School.name.label("school"), School.region_id)
        .join(Customer, Customer.id == Identity.customer_id)
        .join(School, School.id == Customer.school_id)
        .where(Customer.id == customer_id)
    ).one_or_none()
    if row is None:
        return None
    return Person(
        customer_id,
        masked_name(row.name),
        masked_phone(row.phone),
        row.school,
        row.region_id,
        freeze_of(session, customer_id, now),
    )


def actor_of_customer(session: Session, customer_id: int, session_id: int | None = None) -> Actor | None:
    """The actor that a customer is, or None if there is no such (living) customer."""
    row = session.execute(
        select(Customer.status, School.region_id)
        .outerjoin(School, School.id == Customer.school_id)
        .where(Customer.id == customer_id, Customer.status != CustomerStatus.ERASED)
    ).one_or_none()
    if row is None:
        return None
    return Actor.customer(
        customer_id,
        registered=row.status is CustomerStatus.REGISTERED,
        region_id=row.region_id,
        session_id=session_id,
    )


@dataclass(frozen=True, slots=True)
class ConsentWords:
    """The newest version of the text that a person agrees to."""

    id: int
    version: int
    body: str


def consent_words(session: Session, kind: str = CONSENT_ID_NUMBER) -> ConsentWords:
    """What stands beside the tick of a form: the newest text of a kind."""
    row = session.execute(
        select(ConsentText.id, ConsentText.version, ConsentText.body)
        .where(ConsentText.kind == kind)
        .order_by(ConsentText.version.desc())
        .limit(1)
    ).one()
    return ConsentWords(*row)
