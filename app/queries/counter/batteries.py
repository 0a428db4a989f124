"""One battery as the counter shows it: who has it, since when, and what became of it (decisions 23, 24, 42)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, select
from sqlalchemy.orm import Session

from app.domain import labels
from app.domain.batteries import BatteryState, EndedBy
from app.domain.calendar import business_day
from app.domain.charges import ChargeStatus, Purpose
from app.domain.errors import Forbidden
from app.domain.identity import KeyKind, masked_name
from app.domain.numbering import BatteryNumber, Digits, read_scan
from app.domain.permissions import Actor, Permission
from app.domain.terms import days_out
from app.models.access import Staff
from app.models.batteries import Battery, BatteryUse
from app.models.deposits import Deposit
from app.models.directory import Region, School
from app.models.money import Charge
from app.models.people import Customer, Identity, IdentityKey
from app.queries.batteries import number_of, open_use_of_person
from app.queries.counter.orders import CounterDeposit, amounts_of
from app.queries.late_fees import account_of

MOST_BRINGERS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterUse:
    """The last use of a battery; its person masked."""

    use_id: int
    number: str  # the battery's
    name: str
    phone_tail: str
    school: str
    began_at: datetime
    days: int  # out, until the return or today
    days_late: int  # beyond the free ones
    free_days: int
    asked_at: datetime | None  # the person tapped 归还
    deposit: CounterDeposit
    returned_at: datetime | None
    returned_by: str
    returned_by_id: int | None
    ended_by: EndedBy | None
    disputed: bool
    holds_now: str  # after an exchange: the battery that its person has instead
    unpaid_fen: int  # what its person owes for this and earlier uses: until it is paid, no other begins
    late_fen: int  # late fees of this one that are not paid: an exchange would make them a debt

    @property
    def is_open(self) -> bool:
        """Whether the battery is out."""
        return self.returned_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterBattery:
    """One battery, and its last use."""

    battery_id: int
    number: BatteryNumber
    state: BatteryState
    use: CounterUse | None

    @property
    def badge(self) -> labels.Badge:
        """Its state."""
        return labels.BATTERY_STATE[self.state]

    @property
    def holder(self) -> CounterUse | None:
        """Its use, while it is out."""
        return self.use if self.use is not None and self.use.is_open else None

    @property
    def is_broken(self) -> bool:
        """Whether it is taken in for repair, and not lent out for having been brought back."""
        return self.state in (BatteryState.REPAIR, BatteryState.SCRAPPED)

    @property
    def is_scrapped(self) -> bool:
        """Whether it is out of use for good."""
        return self.state is BatteryState.SCRAPPED

    @property
    def is_lost(self) -> bool:
        """Whether it was noted as lost."""
        return self.state is BatteryState.LOST


def counter_battery(session: Session, actor: Actor, number: BatteryNumber, now: datetime) -> CounterBattery | None:
    """A battery of any region: it may come back at every store. None where none was made. Raises Forbidden."""
    _refuse_unless_at_a_counter(actor)
    battery = session.execute(
        select(Battery.id, Battery.state)
        .join(Region, Region.id == Battery.region_id)
        .where(Region.letter == number.letter, Battery.n == number.n)
    ).one_or_none()
    if battery is None:
        return None
    use = session.execute(
        _uses().where(BatteryUse.battery_id == battery.id).order_by(BatteryUse.began_at.desc(), BatteryUse.id.desc())
    ).first()
    return CounterBattery(
        battery_id=battery.id,
        number=number,
        state=battery.state,
        use=_as_use(session, use, now) if use else None,
    )


def open_uses_of(session: Session, actor: Actor, typed: str, now: datetime) -> list[CounterUse] | None:
    """Whose open use a battery's number or the end of a phone names; None: it is neither. Raises Forbidden.

    A number finds its holder wherever it is from; a phone finds the people of the regions in which the actor works.
    """
    _refuse_unless_at_a_counter(actor)
    scan = read_scan(typed)
    fits: tuple[ColumnElement[bool], ...]
    if isinstance(scan, BatteryNumber):
        fits = (Region.letter == scan.letter, Battery.n == scan.n)
    elif isinstance(scan, Digits):
        tails = select(IdentityKey.customer_id).where(
            IdentityKey.kind == KeyKind.PHONE_TAIL, IdentityKey.key == scan.text
        )
        regions = actor.scope(Permission.PICKUP).within(None)
        here = () if regions is None else (BatteryUse.region_id.in_(regions),)
        fits = (BatteryUse.customer_id.in_(tails), *here)
    else:
        return None
    rows = session.execute(
        _uses().where(*fits, BatteryUse.returned_at.is_(None)).order_by(BatteryUse.id).limit(MOST_BRINGERS)
    )
    return [_as_use(session, row, now) for row in rows]


def _refuse_unless_at_a_counter(actor: Actor) -> None:
    if not actor.may(Permission.PICKUP):
        raise Forbidden(Permission.PICKUP.value)


def _uses() -> Select[*tuple[Any, ...]]:
    unpaid = select(func.coalesce(func.sum(Charge.amount_fen), 0)).where(
        Charge.customer_id == BatteryUse.customer_id,
        Charge.purpose == Purpose.FLASH_FEE,
        Charge.status == ChargeStatus.OPEN,
    )
    return (
        select(
            BatteryUse,
            Deposit,
            Region.letter,
            Battery.n,
            Identity.name,
            Identity.phone,
            School.name.label("school"),
            Staff.name.label("returned_by"),
            unpaid.scalar_subquery().label("unpaid_fen"),
        )
        .select_from(BatteryUse)
        .join(Battery, Battery.id == BatteryUse.battery_id)
        .join(Region, Region.id == Battery.region_id)
        .join(Deposit, Deposit.id == BatteryUse.deposit_id)
        .join(Customer, Customer.id == BatteryUse.customer_id)
        .outerjoin(Identity, Identity.customer_id == BatteryUse.customer_id)
        .outerjoin(School, School.id == Customer.school_id)
        .outerjoin(Staff, Staff.id == BatteryUse.returned_by)
    )


def _as_use(session: Session, row: Row[*tuple[Any, ...]], now: datetime) -> CounterUse:
    use: BatteryUse = row.BatteryUse
    deposit: Deposit = row.Deposit
    days = days_out(use.began_on, use.returned_on or business_day(now))
    fresh = open_use_of_person(session, use.customer_id) if use.ended_by is EndedBy.EXCHANGE else None
    return CounterUse(
        use_id=use.id,
        number=str(BatteryNumber(row.letter, row.n)),
        name=masked_name(row.name) if row.name else labels.ERASED,
        phone_tail=(row.phone or "")[-4:],
        school=row.school or "",
        began_at=use.began_at,
        days=days,
        days_late=max(days - use.free_days, 0),
        free_days=use.free_days,
        asked_at=use.return_asked_at,
        deposit=CounterDeposit(deposit.kind, deposit.status, amounts_of(session, deposit, now)),
        returned_at=use.returned_at,
        returned_by=row.returned_by or "",
        returned_by_id=use.returned_by,
        ended_by=use.ended_by,
        disputed=use.disputed and use.settled_at is None,
        holds_now=str(number_of(session, fresh.battery_id)) if fresh else "",
        unpaid_fen=int(row.unpaid_fen),
        late_fen=account_of(session, use, business_day(now)).owed_fen if days > use.free_days else 0,
    )
