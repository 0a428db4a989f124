"""Customers: who they are, whether they are barred, and finding them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    Row,
    Select,
    SQLColumnExpression,
    String,
    exists,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from app.domain.calendar import business_day, day_start
from app.domain.identity import CONSENT_ID_NUMBER, masked_name, masked_phone
from app.domain.labels import FROZEN, IN_DEBT, REAL_NAME, Badge
from app.domain.money import yuan
from app.domain.numbering import BatteryNumber
from app.domain.permissions import Actor
from app.domain.restrictions import Cause
from app.domain.terms import days_out
from app.models.base import UtcDateTime
from app.models.batteries import Battery, BatteryUse
from app.models.directory import Region, School
from app.models.orders import Order
from app.models.people import ConsentText, Customer, CustomerStatus, Identity, Restriction
from app.models.rentals import Rental

COLUMNS: Mapping[str, TypeEngine[Any]] = {
    "id": Integer(),
    "letter": String(),
    "n": Integer(),
    "number": String(),
    "counted_from": Date(),
    "freezes_on": Date(),
    "returned_at": UtcDateTime(),
    "late_owed_fen": Integer(),
    "since": UtcDateTime(),
    "by_hand": String(),
}
"""What is read of everything that may bar somebody."""


@dataclass(frozen=True, slots=True)
class Freeze:
    """Why somebody is barred, and since when."""

    cause: Cause
    since: datetime
    reason: str
    subject_kind: str = "none"  # battery_use | rental | none
    subject_id: int | None = None
    owed_fen: int = 0  # of a debt

    @property
    def ends_with_return(self) -> bool:
        """Whether bringing the battery or vehicle back lifts it, without anybody's word."""
        return self.cause is Cause.OVERDUE

    @property
    def holds_deposits(self) -> bool:
        """Whether deposits wait, by the setting: a debt is withheld from them instead, and the rest goes back."""
        return self.cause is not Cause.DEBT


def freeze_of(session: Session, customer_id: int, now: datetime) -> Freeze | None:
    """What bars a person longest, or None; verbs decide on it in their own transaction. Decision 5."""
    return next(iter(freezes_of(session, customer_id, now)), None)


def freezes_of(session: Session, customer_id: int, now: datetime) -> list[Freeze]:
    """Everything that bars a person, oldest first."""
    by_hand = select(*_columns(since=Restriction.since, by_hand=Restriction.reason)).where(
        Restriction.customer_id == customer_id, Restriction.cause == Cause.MANUAL, Restriction.lifted_at.is_(None)
    )
    return _freezes(session, [*_facts(customer_id, business_day(now)), by_hand], business_day(now))


def gravest(freezes: Iterable[Freeze]) -> Freeze | None:
    """What is told first: a freeze before a debt, as paying does not lift it; else what has lasted longest."""
    return min(freezes, key=lambda one: (one.cause is Cause.DEBT, one.since), default=None)


def facts_of(session: Session, customer_id: int, now: datetime) -> list[Freeze]:
    """What bars a person by the facts alone, whether or not any job has run: overdue and debt. Decision 5, SET-4."""
    return _freezes(session, _facts(customer_id, business_day(now)), business_day(now))


def _facts(customer_id: int, today: date) -> list[Select[*tuple[Any, ...]]]:
    """Uses and rentals that are past their freeze day, or over and not settled."""
    uses = (
        select(*_columns(BatteryUse, letter=Region.letter, n=Battery.n, counted_from=BatteryUse.began_on))
        .join(Battery, Battery.id == BatteryUse.battery_id)
        .join(Region, Region.id == Battery.region_id)
        .where(
            BatteryUse.customer_id == customer_id,
            or_(BatteryUse.returned_at.is_(None) & (BatteryUse.freezes_on <= today), BatteryUse.late_owed_fen > 0),
        )
    )
    rentals = (
        select(*_columns(Rental, number=Order.number, counted_from=Rental.due_on))
        .join(Order, Order.id == Rental.order_id)
        .where(
            Rental.customer_id == customer_id,
            or_(Rental.returned_on.is_(None) & (Rental.freezes_on <= today), Rental.late_owed_fen > 0),
        )
    )
    return [uses, rentals]


def _columns(kind: type[BatteryUse | Rental] | None = None, **given: Any) -> list[ColumnElement[Any]]:
    """The columns that all of them have, so that one statement reads them: barred or not is asked on every page."""
    names = ("id", "freezes_on", "returned_at", "late_owed_fen") if kind else ()
    given |= {name: getattr(kind, name) for name in names}
    return [given.get(name, literal(None, of)).label(name) for name, of in COLUMNS.items()]


def _freezes(session: Session, parts: list[Select[*tuple[Any, ...]]], today: date) -> list[Freeze]:
    found = [_freeze(row, today) for row in session.execute(union_all(*parts))]
    return sorted(found, key=lambda freeze: freeze.since)


def _freeze(row: Row[*tuple[Any, ...]], today: date) -> Freeze:
    if row.since is not None:
        return Freeze(Cause.MANUAL, row.since, row.by_hand)
    if row.letter is not None:
        kind, what = "battery_use", f"电池 {BatteryNumber(row.letter, row.n)}"
        overdue = f"用了 {days_out(row.counted_from, today)} 天没还"
    else:
        kind, what = "rental", f"租的车 {row.number}"
        overdue = f"逾期 {days_out(row.counted_from, today)} 天没还"
    if row.returned_at is None:
        return Freeze(Cause.OVERDUE, day_start(row.freezes_on), f"{what} {overdue}", kind, row.id)
    owed = f"{what} 还欠逾期费 ¥{yuan(row.late_owed_fen)}"
    return Freeze(Cause.DEBT, row.returned_at, owed, kind, row.id, row.late_owed_fen)


def is_barred(customer_id: SQLColumnExpression[int], now: datetime) -> ColumnElement[bool]:
    """The same as a column of another read: whether anything bars the person of its row."""
    return or_(is_frozen(customer_id, now), is_in_debt(customer_id))


def is_frozen(customer_id: SQLColumnExpression[int], now: datetime) -> ColumnElement[bool]:
    """Whether it is more than a debt: something is out too long, or staff froze the account."""
    today = business_day(now)
    return or_(
        exists().where(
            Restriction.customer_id == customer_id, Restriction.cause == Cause.MANUAL, Restriction.lifted_at.is_(None)
        ),
        exists().where(
            BatteryUse.customer_id == customer_id, BatteryUse.returned_at.is_(None), BatteryUse.freezes_on <= today
        ),
        exists().where(Rental.customer_id == customer_id, Rental.returned_on.is_(None), Rental.freezes_on <= today),
    )


def is_in_debt(customer_id: SQLColumnExpression[int]) -> ColumnElement[bool]:
    """Whether late fees of what is over are owed: 欠费."""
    return or_(
        exists().where(BatteryUse.customer_id == customer_id, BatteryUse.late_owed_fen > 0),
        exists().where(Rental.customer_id == customer_id, Rental.late_owed_fen > 0),
    )


def standing_badges(causes: Iterable[Cause]) -> tuple[Badge, ...]:
    """冻结, 欠费, both, or 已实名: a debt is no freeze."""
    found = {IN_DEBT if cause is Cause.DEBT else FROZEN: None for cause in causes}
    return tuple(found) or (REAL_NAME,)


@dataclass(frozen=True, slots=True)
class Person:
    """A registered person, masked."""

    customer_id: int
    name: str
    phone: str
    school: str
    region_id: int
    freezes: tuple[Freeze, ...]  # oldest first

    @property
    def freeze(self) -> Freeze | None:
        """What bars them longest."""
        return next(iter(self.freezes), None)

    @property
    def is_frozen(self) -> bool:
        """Whether more than a debt bars them."""
        return any(freeze.cause is not Cause.DEBT for freeze in self.freezes)

    @property
    def is_in_debt(self) -> bool:
        """欠费."""
        return any(freeze.cause is Cause.DEBT for freeze in self.freezes)

    @property
    def by_hand(self) -> Freeze | None:
        """What staff set."""
        return next((freeze for freeze in self.freezes if freeze.cause is Cause.MANUAL), None)

    @property
    def is_frozen_by_hand(self) -> bool:
        """Whether staff can lift it."""
        return self.by_hand is not None

    @property
    def badges(self) -> tuple[Badge, ...]:
        """冻结, 欠费, both, or 已实名."""
        return standing_badges(freeze.cause for freeze in self.freezes)


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
        tuple(freezes_of(session, customer_id, now)),
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
