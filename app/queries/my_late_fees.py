"""A person's own late fees, day by day: of what is out too long, and of what is back and not settled (decision 21)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from app.domain.calendar import business_day
from app.domain.charges import ChargeStatus, PaymentStatus, Purpose
from app.domain.late_fees import DayReason, LateDay
from app.domain.numbering import BatteryNumber
from app.domain.permissions import Actor
from app.domain.terms import Terms
from app.models.batteries import Battery, BatteryUse
from app.models.directory import Region
from app.models.late_fees import LateFee, LateFeeWaiver
from app.models.money import Charge, Payment
from app.models.orders import Order
from app.models.rentals import Rental
from app.queries.late_fees import A_DAY, KINDS, Account, Lent, accounts_of, days_to_post, is_over, terms_of

DAYS_AT_ONCE = 7
"""Days of a list that are seen without unfolding it."""


@dataclass(frozen=True, slots=True)
class MyLateDay:
    """One day beyond the free days: what it costs, why, and what was waived of it; fen."""

    on: date
    amount_fen: int
    reason: DayReason
    waived_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MyLateFees:
    """The late fees of one battery or rented vehicle of the person's."""

    kind: type[Lent]  # with the id: what the verbs ask for
    lent_id: int
    use_id: int | None  # of a battery
    order_id: int | None  # of a rental
    number: str
    region_id: int  # whose store expects it back
    terms: Terms
    returned_on: date | None
    is_frozen: bool  # it is out, and bars its person
    account: Account
    days: tuple[MyLateDay, ...]  # oldest first
    tomorrow: LateDay | None  # None once it is back
    suspect_fen: int  # money that arrived for it and does not fit; 0 when there is none
    asked_charge_id: int | None  # an amount that was asked for and is neither paid nor dropped

    @property
    def is_over(self) -> bool:
        """Whether it is back: what is still owed is 欠费."""
        return self.returned_on is not None

    @property
    def is_free(self) -> bool:
        """Whether being late costs nothing."""
        return self.terms.late_fee_fen == 0

    @property
    def owed_fen(self) -> int:
        """What is still to be paid as of today, or of its end."""
        return self.account.owed_fen

    @property
    def can_pay(self) -> bool:
        """Whether a payment may be offered: never beside money that somebody is still looking at."""
        return self.owed_fen > 0 and self.suspect_fen == 0

    @property
    def capped_from(self) -> date | None:
        """The first day that the cap left nothing for."""
        return next((day.on for day in self.days if day.reason is DayReason.CAPPED), None)

    @property
    def listed(self) -> Sequence[MyLateDay]:
        """The days before the cap left nothing, newest first: those after it are all alike."""
        end = self.capped_from
        return [day for day in reversed(self.days) if end is None or day.on < end]

    @property
    def latest(self) -> Sequence[MyLateDay]:
        """The first of them."""
        return self.listed[:DAYS_AT_ONCE]

    @property
    def earlier(self) -> Sequence[MyLateDay]:
        """The rest."""
        return self.listed[DAYS_AT_ONCE:]


def my_late_fees(session: Session, actor: Actor, now: datetime) -> list[MyLateFees]:
    """Everything that is out too long or owes something: what is out first, then the newest return."""
    today = business_day(now)
    named = _uses(
        session,
        BatteryUse.customer_id == actor.id,
        or_(BatteryUse.returned_at.is_(None) & (BatteryUse.fees_from <= today), BatteryUse.late_owed_fen > 0),
    ) | _rentals(
        session,
        Rental.customer_id == actor.id,
        or_(Rental.returned_on.is_(None) & (Rental.fees_from <= today), Rental.late_owed_fen > 0),
    )
    return sorted(_views(session, named, actor, today), key=lambda late: late.returned_on or date.max, reverse=True)


def late_fees_of_order(session: Session, actor: Actor, order_id: int, now: datetime) -> MyLateFees | None:
    """Those of a rental, settled or not; None for an order that never was late."""
    today = business_day(now)
    late = func.coalesce(Rental.returned_on, today) >= Rental.fees_from
    named = _rentals(session, Rental.customer_id == actor.id, Rental.order_id == order_id, late)
    return next(iter(_views(session, named, actor, today)), None)


def _uses(session: Session, *where: ColumnElement[bool]) -> dict[Lent, str]:
    rows = session.execute(
        select(BatteryUse, Region.letter, Battery.n)
        .join(Battery, Battery.id == BatteryUse.battery_id)
        .join(Region, Region.id == Battery.region_id)
        .where(*where)
    )
    return {use: str(BatteryNumber(letter, n)) for use, letter, n in rows}


def _rentals(session: Session, *where: ColumnElement[bool]) -> dict[Lent, str]:
    rows = session.execute(select(Rental, Order.number).join(Order, Order.id == Rental.order_id).where(*where))
    return {row.Rental: row.number for row in rows}


def _views(session: Session, named: Mapping[Lent, str], actor: Actor, today: date) -> list[MyLateFees]:
    if not named:
        return []
    accounts, posted, asked = accounts_of(session, named, today), _posted(session, named), _asked(session, actor)
    found = []
    for lent, number in named.items():
        use_id, order_id = (lent.id, None) if isinstance(lent, BatteryUse) else (None, lent.order_id)
        days, tomorrow = posted[lent], None
        if not is_over(lent):
            to_come = days_to_post(session, lent, today + A_DAY, days[-1].on if days else None)
            tomorrow = to_come.pop() if to_come else None
            days += [MyLateDay(day.on, day.amount_fen, day.reason, 0) for day in to_come]
        suspect_fen, asked_charge_id = asked.get((use_id, None if use_id else lent.id), (0, None))
        late = MyLateFees(
            kind=type(lent),
            lent_id=lent.id,
            use_id=use_id,
            order_id=order_id,
            number=number,
            region_id=lent.region_id,
            terms=terms_of(lent),
            returned_on=lent.returned_on,
            is_frozen=not is_over(lent) and lent.freezes_on <= today,
            account=accounts[lent],
            days=tuple(days),
            tomorrow=tomorrow,
            suspect_fen=suspect_fen,
            asked_charge_id=asked_charge_id,
        )
        found.append(late)
    return found


def _posted(session: Session, lents: Collection[Lent]) -> Mapping[Lent, list[MyLateDay]]:
    """The days that are posted, oldest first."""
    days: dict[Lent, list[MyLateDay]] = {lent: [] for lent in lents}
    for kind in KINDS:
        some = {lent.id: lent for lent in lents if isinstance(lent, kind)}
        of: Any = LateFee.battery_use_id if kind is BatteryUse else LateFee.rental_id
        waived_fen = func.coalesce(LateFeeWaiver.amount_fen, 0)
        rows = (
            select(of, LateFee.day_on, LateFee.amount_fen, LateFee.reason, waived_fen)
            .outerjoin(LateFeeWaiver, LateFeeWaiver.late_fee_id == LateFee.id)
            .where(of.in_(some))
            .order_by(LateFee.day_on)
        )
        for lent_id, on, amount_fen, reason, waived in session.execute(rows) if some else ():
            days[some[lent_id]].append(MyLateDay(on, amount_fen, reason, waived))
    return days


def _asked(session: Session, actor: Actor) -> dict[tuple[int | None, int | None], tuple[int, int | None]]:
    """By use or rental: what arrived for it, does not fit and is not on its way back; and the charge that is open."""
    kept_fen = Payment.received_fen - Payment.refunded_fen
    rows: Sequence[Any] = session.execute(
        select(
            Charge.battery_use_id,
            Charge.rental_id,
            func.coalesce(func.sum(kept_fen).filter(Payment.status == PaymentStatus.SUSPECT), 0),
            func.max(Charge.id).filter(Charge.status == ChargeStatus.OPEN),
        )
        .outerjoin(Payment, Payment.charge_id == Charge.id)
        .where(Charge.customer_id == actor.id, Charge.purpose == Purpose.LATE_FEE)
        .group_by(Charge.battery_use_id, Charge.rental_id)
    ).all()
    return {(use_id, rental_id): (suspect_fen, charge_id) for use_id, rental_id, suspect_fen, charge_id in rows}
