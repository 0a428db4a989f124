"""One person's standing: what bars them, what lifts it, what they owe, and how it was before (decision 5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.domain.calendar import business_day
from app.domain.deposits import Amounts, DepositKind, DepositStatus
from app.domain.errors import NotFound
from app.domain.numbering import BatteryNumber
from app.domain.permissions import Actor, ActorKind, Permission
from app.domain.restrictions import Cause
from app.models.access import Staff
from app.models.batteries import Battery, BatteryUse
from app.models.deposits import Deposit
from app.models.directory import Region
from app.models.journal import Audit
from app.models.orders import Order
from app.models.people import Restriction
from app.models.rentals import Rental
from app.queries.late_fees import Account, Lent, accounts_of, is_out, is_over, owed_by_deposit
from app.queries.people import Freeze, Person, person_of

MOST_ROWS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class LentRow:
    """A battery or rented vehicle that is out too long, or is back and owes something."""

    number: str
    use_id: int | None
    order_id: int | None
    is_over: bool
    returned_on: date | None
    days_late: int
    account: Account

    @property
    def is_battery(self) -> bool:
        """Whether it is one; else a vehicle."""
        return self.use_id is not None


@dataclass(frozen=True, slots=True)
class Bar:
    """One thing that bars the person, and what it is about."""

    freeze: Freeze
    lent: LentRow | None  # None: a freeze by hand


@dataclass(frozen=True, slots=True)
class HeldDeposit:
    """A deposit that is held, or on its way back."""

    id: int
    kind: DepositKind
    status: DepositStatus
    amounts: Amounts


@dataclass(frozen=True, slots=True)
class PastBar:
    """One row of the record: since when, until when, and (by hand) by whom."""

    cause: Cause
    reason: str
    since: datetime
    lifted_at: datetime | None
    set_by: str  # empty: by itself
    lifted_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingPage:
    """All of it. What may be done is decided here: the template compares nothing."""

    person: Person
    bars: tuple[Bar, ...]  # oldest first
    lents: tuple[LentRow, ...]
    deposits: tuple[HeldDeposit, ...]
    past: tuple[PastBar, ...]  # newest first
    may_freeze: bool
    may_take_back: bool

    @property
    def owed_fen(self) -> int:
        """What is owed altogether, by today."""
        return sum(lent.account.owed_fen for lent in self.lents)


def standing_page(session: Session, actor: Actor, customer_id: int, now: datetime) -> StandingPage:
    """Of a registered person of a region that the actor may see, or who has something of one. Raises NotFound."""
    person = person_of(session, customer_id, now)
    if person is None:
        raise NotFound
    today = business_day(now)
    named = _named(session, customer_id, today)
    seen = actor.scope(Permission.ORDERS_VIEW)
    if not any(region_id in seen for region_id in {person.region_id, *(lent.region_id for lent in named)}):
        raise NotFound
    accounts = accounts_of(session, named, today)
    lents = {lent: _row(lent, named[lent], accounts[lent], today) for lent in named}
    by_subject = {("battery_use" if row.is_battery else "rental", lent.id): row for lent, row in lents.items()}
    return StandingPage(
        person=person,
        bars=tuple(
            Bar(freeze, by_subject.get((freeze.subject_kind, freeze.subject_id or 0))) for freeze in person.freezes
        ),
        lents=tuple(lents.values()),
        deposits=_deposits(session, customer_id, today),
        past=_past(session, customer_id),
        may_freeze=actor.may(Permission.PEOPLE_FREEZE, person.region_id),
        may_take_back=actor.may(Permission.PICKUP),
    )


def _named(session: Session, customer_id: int, today: date) -> Mapping[Lent, str]:
    """What is out past its free days or owes something, with its number."""
    uses = session.execute(
        select(BatteryUse, Region.letter, Battery.n)
        .join(Battery, Battery.id == BatteryUse.battery_id)
        .join(Region, Region.id == Battery.region_id)
        .where(
            BatteryUse.customer_id == customer_id,
            or_(is_out(BatteryUse) & (BatteryUse.fees_from <= today), BatteryUse.late_owed_fen > 0),
        )
    )
    rentals = session.execute(
        select(Rental, Order.number)
        .join(Order, Order.id == Rental.order_id)
        .where(
            Rental.customer_id == customer_id,
            or_(is_out(Rental) & (Rental.fees_from <= today), Rental.late_owed_fen > 0),
        )
    )
    named: dict[Lent, str] = {use: str(BatteryNumber(letter, n)) for use, letter, n in uses}
    return named | {row.Rental: row.number for row in rentals}


def _row(lent: Lent, number: str, account: Account, today: date) -> LentRow:
    is_battery = isinstance(lent, BatteryUse)
    until = lent.returned_on or today
    return LentRow(
        number=number,
        use_id=lent.id if is_battery else None,
        order_id=lent.order_id if isinstance(lent, Rental) else None,
        is_over=is_over(lent),
        returned_on=lent.returned_on,
        days_late=(until - lent.fees_from).days + 1,
        account=account,
    )


def _deposits(session: Session, customer_id: int, today: date) -> tuple[HeldDeposit, ...]:
    found = session.scalars(
        select(Deposit)
        .where(
            Deposit.customer_id == customer_id,
            Deposit.status.in_((DepositStatus.HELD, DepositStatus.REFUNDING)),
        )
        .order_by(Deposit.id.desc())
    ).all()
    owed = owed_by_deposit(session, [one.id for one in found], today) if found else {}
    return tuple(
        HeldDeposit(
            one.id,
            one.kind,
            one.status,
            Amounts.of(one.amount_fen, one.withheld_fen, one.refunded_fen, owed_fen=owed[one.id]),
        )
        for one in found
    )


def _past(session: Session, customer_id: int) -> tuple[PastBar, ...]:
    lifted_by = (
        select(Staff.name)
        .join(Audit, Audit.actor_id == Staff.id)
        .where(
            Audit.actor_kind == ActorKind.STAFF,
            Audit.action == "customer_unfrozen",
            Audit.customer_id == Restriction.customer_id,
            Audit.at == Restriction.lifted_at,
            Restriction.cause == Cause.MANUAL,
        )
        .limit(1)
        .scalar_subquery()
    )
    rows = session.execute(
        select(Restriction, Staff.name.label("set_by"), lifted_by.label("lifted_by"))
        .outerjoin(Staff, Staff.id == Restriction.staff_id)
        .where(Restriction.customer_id == customer_id)
        .order_by(Restriction.id.desc())
        .limit(MOST_ROWS)
    )
    return tuple(
        PastBar(
            row.Restriction.cause,
            row.Restriction.reason,
            row.Restriction.since,
            row.Restriction.lifted_at,
            row.set_by or "",
            row.lifted_by or "",
        )
        for row in rows
    )
