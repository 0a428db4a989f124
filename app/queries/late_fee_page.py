"""The late fees of one battery use or rental as staff see them, day by day (decisions 19 to 21)."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain import labels
from app.domain.calendar import business_day
from app.domain.charges import ChargeStatus, Purpose
from app.domain.deposits import WithholdingKind
from app.domain.errors import NotFound, Rule, RuleBroken
from app.domain.identity import masked_name, masked_phone
from app.domain.late_fees import DayReason
from app.domain.numbering import BatteryNumber
from app.domain.permissions import Actor, Permission
from app.domain.terms import Terms
from app.models.access import Staff
from app.models.batteries import Battery, BatteryUse
from app.models.deposits import DepositWithholding
from app.models.directory import Region
from app.models.late_fees import LateFee, LateFeeWaiver
from app.models.money import Charge
from app.models.orders import Order
from app.models.people import Identity
from app.models.rentals import Rental
from app.queries.late_fees import Account, Lent, days_to_post, is_over, of_lent, terms_of


@dataclass(frozen=True, slots=True)
class LateDayRow:
    """One day beyond the free days, and what was waived of it: by whom, and why."""

    on: date
    amount_fen: int
    reason: DayReason
    waived_fen: int = 0
    waived_by: str = ""
    waived_why: str = ""

    @property
    def why(self) -> str:
        """What stands beside a day that costs nothing; empty for one that does."""
        return "" if self.reason is DayReason.FEE else labels.DAY_REASON[self.reason]

    @property
    def can_waive(self) -> bool:
        """Whether there is anything to let go of."""
        return self.amount_fen > self.waived_fen


@dataclass(frozen=True, slots=True, kw_only=True)
class LateFees:
    """All of it for one use or rental. What may be done is decided here: the template compares nothing."""

    terms: Terms
    fees_from: date
    freezes_on: date
    is_over: bool
    is_frozen: bool  # it is out, and bars its person
    account: Account
    days: tuple[LateDayRow, ...]  # newest first
    may_waive: bool

    @property
    def is_late(self) -> bool:
        """Whether there is any day beyond the free days."""
        return bool(self.days)

    @property
    def is_debt(self) -> bool:
        """欠费: it is over, and not settled."""
        return self.is_over and self.account.owed_fen > 0

    @property
    def to_waive(self) -> tuple[LateDayRow, ...]:
        """The days that could be let go of, oldest first."""
        return tuple(day for day in reversed(self.days) if day.can_waive)


def late_fees_of(session: Session, actor: Actor, lent: Lent, now: datetime) -> LateFees:
    """Of a use or rental that the actor may see; nothing is asked for what is not late."""
    today = business_day(now)
    days, account = list[LateDayRow](), Account()
    if min(lent.returned_on or today, today) >= lent.fees_from:
        days, account = _read(session, lent, today)
    return LateFees(
        terms=terms_of(lent),
        fees_from=lent.fees_from,
        freezes_on=lent.freezes_on,
        is_over=is_over(lent),
        is_frozen=not is_over(lent) and lent.freezes_on <= today,
        account=account,
        days=tuple(reversed(days)),
        may_waive=account.owed_fen > 0 and actor.may(Permission.FEES_WAIVE, lent.region_id),
    )


def _read(session: Session, lent: Lent, today: date) -> tuple[list[LateDayRow], Account]:
    """The days, oldest first, and the account; whatever became of them, their rows are posted before."""
    paid = select(func.sum(Charge.amount_fen)).where(
        of_lent(Charge, lent), Charge.purpose == Purpose.LATE_FEE, Charge.status == ChargeStatus.SETTLED
    )
    withheld = select(func.sum(DepositWithholding.amount_fen)).where(
        of_lent(DepositWithholding, lent), DepositWithholding.kind == WithholdingKind.LATE_FEE
    )
    rows = session.execute(
        select(
            LateFee.day_on,
            LateFee.amount_fen,
            LateFee.reason,
            func.coalesce(LateFeeWaiver.amount_fen, 0),
            func.coalesce(Staff.name, ""),
            func.coalesce(LateFeeWaiver.reason, ""),
            paid.scalar_subquery().label("paid_fen"),
            withheld.scalar_subquery().label("withheld_fen"),
        )
        .outerjoin(LateFeeWaiver, LateFeeWaiver.late_fee_id == LateFee.id)
        .outerjoin(Staff, Staff.id == LateFeeWaiver.staff_id)
        .where(of_lent(LateFee, lent))
        .order_by(LateFee.day_on)
    ).all()
    days = [LateDayRow(*row[:6]) for row in rows]
    to_come = days_to_post(session, lent, today, days[-1].on if days else None)
    days += [LateDayRow(day.on, day.amount_fen, day.reason) for day in to_come]
    return days, Account(
        total_fen=sum(day.amount_fen for day in days),
        waived_fen=sum(day.waived_fen for day in days),
        paid_fen=int(rows[0].paid_fen or 0) if rows else 0,
        withheld_fen=int(rows[0].withheld_fen or 0) if rows else 0,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Waivable:
    """The late fees that somebody is about to let go of, and whose they are."""

    kind: type[Lent]  # with the id: what the verb asks for
    lent_id: int
    number: str
    name: str  # empty: erased
    phone: str
    fees: LateFees


def waivable_use(session: Session, actor: Actor, use_id: int, now: datetime) -> Waivable:
    """Of a battery use. Raises NotFound, Forbidden, RuleBroken."""
    row = session.execute(
        select(BatteryUse, Region.letter, Battery.n, Identity.name, Identity.phone)
        .join(Battery, Battery.id == BatteryUse.battery_id)
        .join(Region, Region.id == Battery.region_id)
        .outerjoin(Identity, Identity.customer_id == BatteryUse.customer_id)
        .where(BatteryUse.id == use_id)
    ).one_or_none()
    if row is None:
        raise NotFound
    number = str(BatteryNumber(row.letter, row.n))
    return _waivable(session, actor, row.BatteryUse, number, (row.name, row.phone), now)


def waivable_rental(session: Session, actor: Actor, order_id: int, now: datetime) -> Waivable:
    """Of the rental of an order. Raises NotFound, Forbidden, RuleBroken."""
    row = session.execute(
        select(Rental, Order.number, Order.region_id, Identity.name, Identity.phone)
        .select_from(Order)
        .outerjoin(Rental, Rental.order_id == Order.id)
        .outerjoin(Identity, Identity.customer_id == Order.customer_id)
        .where(Order.id == order_id)
    ).one_or_none()
    if row is None or not actor.may(Permission.ORDERS_VIEW, row.region_id):
        raise NotFound
    if row.Rental is None:
        raise RuleBroken(Rule.NO_RENTAL)
    return _waivable(session, actor, row.Rental, row.number, (row.name, row.phone), now)


def _waivable(
    session: Session, actor: Actor, lent: Lent, number: str, person: tuple[str | None, str | None], now: datetime
) -> Waivable:
    if not actor.may(Permission.ORDERS_VIEW, lent.region_id):
        raise NotFound
    actor.require(Permission.FEES_WAIVE, lent.region_id)
    name, phone = person
    return Waivable(
        kind=type(lent),
        lent_id=lent.id,
        number=number,
        name=masked_name(name) if name else "",
        phone=masked_phone(phone) if phone else "",
        fees=late_fees_of(session, actor, lent, now),
    )
