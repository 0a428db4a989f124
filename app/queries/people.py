"""Customers: who they are, whether they are barred, and finding them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Exists, SQLColumnExpression, exists, select
from sqlalchemy.orm import Session

from app.domain.identity import CONSENT_ID_NUMBER, masked_name, masked_phone
from app.domain.permissions import Actor
from app.domain.restrictions import Cause
from app.models.directory import School
from app.models.people import ConsentText, Customer, CustomerStatus, Identity, Restriction


@dataclass(frozen=True, slots=True)
class Freeze:
    """Why somebody is barred, and since when."""

    cause: Cause
    since: datetime
    reason: str


def freeze_of(session: Session, customer_id: int) -> Freeze | None:
    """The oldest standing restriction of a person, or None. Verbs decide on it in their own transaction."""
    row = session.execute(
        select(Restriction.cause, Restriction.since, Restriction.reason)
        .where(Restriction.customer_id == customer_id, Restriction.lifted_at.is_(None))
        .order_by(Restriction.since)
        .limit(1)
    ).one_or_none()
    return Freeze(*row) if row else None


def is_frozen(customer_id: SQLColumnExpression[int]) -> Exists:
    """The same as a column of another read: whether the person of its row has a standing restriction."""
    return exists().where(Restriction.customer_id == customer_id, Restriction.lifted_at.is_(None))


@dataclass(frozen=True, slots=True)
class Person:
    """A registered person, masked."""

    customer_id: int
    name: str
    phone: str
    school: str
    region_id: int
    freeze: Freeze | None


def person_of(session: Session, customer_id: int) -> Person | None:
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
        freeze_of(session, customer_id),
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


def consent_words(session: Session) -> ConsentWords:
    """What registration shows beside its tick."""
    row = session.execute(
        select(ConsentText.id, ConsentText.version, ConsentText.body)
        .where(ConsentText.kind == CONSENT_ID_NUMBER)
        .order_by(ConsentText.version.desc())
        .limit(1)
    ).one()
    return ConsentWords(*row)
