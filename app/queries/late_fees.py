"""Late fees as verbs and pages reckon with them: what the days come to, what was paid, withheld and waived of it.

A day that is posted counts as it was posted; one that is not is counted by `domain/late_fees`, so that it makes no
difference whether a job has run.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Date,
    Select,
    case,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from app.domain.calendar import business_day
from app.domain.charges import ChargeStatus, Purpose
from app.domain.deposits import DepositKind, DepositStatus, WithholdingKind
from app.domain.late_fees import DayReason, LateDay, late_days
from app.domain.terms import Terms
from app.models.base import UtcDateTime
from app.models.batteries import BatteryUse
from app.models.deposits import Deposit, DepositWithholding
from app.models.late_fees import ClosedDay, LateFee, LateFeeWaiver
from app.models.money import Charge
from app.models.rentals import Rental
from app.queries.sql import days_between, least

Lent = BatteryUse | Rental
"""What a person has for some days: a battery, or a vehicle."""
KINDS: tuple[type[Lent], ...] = (BatteryUse, Rental)
A_DAY = timedelta(days=1)


def terms_of(lent: Lent) -> Terms:
    """What was agreed when it began."""
    return Terms(lent.free_days, lent.late_fee_fen, lent.freeze_days, lent.cap_fen)


def counted_from(lent: Lent) -> date:
    """The day that its days are counted from: of a battery the scan, of a rental its last day. Decision 19."""
    return lent.began_on if isinstance(lent, BatteryUse) else lent.due_on


def is_over(lent: Lent) -> bool:
    """Whether it is back, or lost."""
    return lent.returned_on is not None


def is_out(kind: type[Lent]) -> ColumnElement[bool]:
    """The same of many, as their partial indexes say it: still with its person."""
    return kind.returned_at.is_(None) if kind is BatteryUse else kind.returned_on.is_(None)


def of_lent(table: type[LateFee | Charge | DepositWithholding], lent: Lent) -> ColumnElement[bool]:
    """The rows of a table that are about it."""
    return table.battery_use_id == lent.id if isinstance(lent, BatteryUse) else table.rental_id == lent.id


def closed_days(session: Session, region_id: int, since: date, until: date) -> frozenset[date]:
    """The days on which the stores of a region are closed. Decision 20."""
    return _closed(session, since, until)(region_id)


def _closed(session: Session, since: date, until: date) -> Callable[[int], frozenset[date]]:
    """The same of every region, asked for once."""
    rows = session.execute(select(ClosedDay.region_id, ClosedDay.day_on).where(ClosedDay.day_on.between(since, until)))
    days = [(row.region_id, row.day_on) for row in rows]
    return lambda region_id: frozenset(day_on for of, day_on in days if of in (None, region_id))


def days_of(session: Session, lent: Lent, today: date) -> tuple[LateDay, ...]:
    """Its days beyond the free days: those that are posted, and those up to today or its end that are not yet."""
    rows = session.execute(
        select(LateFee.day_on, LateFee.amount_fen, LateFee.reason)
        .where(of_lent(LateFee, lent))
        .order_by(LateFee.day_on)
    )
    posted = [LateDay(*row) for row in rows]
    return (*posted, *days_to_post(session, lent, today, posted[-1].on if posted else None))


def days_to_post(session: Session, lent: Lent, today: date, posted_to: date | None) -> list[LateDay]:
    """The days that have begun and are not posted. What is posted are its first days, without a gap."""
    if not _lacks(lent, today, posted_to):
        return []
    return _rest(lent, today, posted_to, closed_days(session, lent.region_id, lent.fees_from, today))


def _lacks(lent: Lent, today: date, posted_to: date | None) -> bool:
    next_on = posted_to + A_DAY if posted_to else lent.fees_from
    return next_on <= min(lent.returned_on or today, today)


def _rest(lent: Lent, today: date, posted_to: date | None, closed: Collection[date]) -> list[LateDay]:
    days = late_days(terms_of(lent), counted_from(lent), min(lent.returned_on or today, today), closed)
    return [day for day in days if posted_to is None or day.on > posted_to]


@dataclass(frozen=True, slots=True)
class Account:
    """What the late fees of one use or rental come to, in fen, and what became of them."""

    total_fen: int = 0  # with the days that are not posted yet
    waived_fen: int = 0
    paid_fen: int = 0
    withheld_fen: int = 0
    to_post: tuple[LateDay, ...] = ()

    @property
    def owed_fen(self) -> int:
        """What is still to be paid."""
        return self.total_fen - self.waived_fen - self.paid_fen - self.withheld_fen


def account_of(session: Session, lent: Lent, today: date) -> Account:
    """Its account as it stands today."""
    return accounts_of(session, [lent], today)[lent]


def accounts_of(session: Session, lents: Collection[Lent], today: date) -> dict[Lent, Account]:
    """The accounts of several, in a number of statements that does not grow with them."""
    parts: dict[Lent, dict[str, Any]] = {lent: {} for lent in lents}
    posted_to: dict[Lent, date | None] = dict.fromkeys(lents)
    for kind in KINDS:
        some = {lent.id: lent for lent in lents if isinstance(lent, kind)}
        for row in session.execute(_parts(kind, some)) if some else ():
            lent = some[row.lent_id]
            parts[lent][row.part] = int(row.fen)
            posted_to[lent] = row.last_on or posted_to[lent]
    found = {lent: Account(**parts[lent]) for lent in lents}
    if lacking := [lent for lent in lents if _lacks(lent, today, posted_to[lent])]:
        closed = _closed(session, min(lent.fees_from for lent in lacking), today)
        for lent in lacking:
            rest = _rest(lent, today, posted_to[lent], closed(lent.region_id))
            total_fen = found[lent].total_fen + sum(day.amount_fen for day in rest)
            found[lent] = replace(found[lent], total_fen=total_fen, to_post=tuple(rest))
    return found


def _parts(kind: type[Lent], ids: Collection[int]) -> CompoundSelect[*tuple[Any, ...]]:
    """What an account is made of: part, id, sum, and of the posted days the last one."""

    def of(table: type[LateFee | Charge | DepositWithholding]) -> Any:
        return table.battery_use_id if kind is BatteryUse else table.rental_id

    def summed(
        part: str, table: type[LateFee | Charge | DepositWithholding], fen: Any, last_on: Any = None
    ) -> Select[*tuple[Any, ...]]:
        named = (literal(part).label("part"), of(table).label("lent_id"), func.sum(fen).label("fen"))
        last_on = null() if last_on is None else last_on
        return select(*named, last_on.label("last_on")).where(of(table).in_(ids)).group_by(of(table))

    return union_all(
        summed("total_fen", LateFee, LateFee.amount_fen, func.max(LateFee.day_on)),
        summed("waived_fen", LateFee, LateFeeWaiver.amount_fen).join(
            LateFeeWaiver, LateFeeWaiver.late_fee_id == LateFee.id
        ),
        summed("paid_fen", Charge, Charge.amount_fen).where(
            Charge.purpose == Purpose.LATE_FEE, Charge.status == ChargeStatus.SETTLED
        ),
        summed("withheld_fen", DepositWithholding, DepositWithholding.amount_fen).where(
            DepositWithholding.kind == WithholdingKind.LATE_FEE
        ),
    )


def begun(session: Session, kind: type[Lent], region_id: int, day: date, now: datetime) -> Select[*tuple[Any, ...]]:
    """The rows of a day for all that is out in a region, as they are posted: thing, day, fen, reason, time of posting.

    It is `domain/late_fees.late_days` said in SQL, for very many at once.
    """
    oldest = select(func.min(kind.fees_from)).where(kind.region_id == region_id, is_out(kind)).scalar_subquery()
    in_region = or_(ClosedDay.region_id.is_(None), ClosedDay.region_id == region_id)
    closed = set(session.scalars(select(ClosedDay.day_on).where(in_region, ClosedDay.day_on.between(oldest, day))))
    paid_days: ColumnElement[int] = days_between(literal(day), kind.fees_from)
    if before := sorted(closed - {day}, reverse=True):  # how many of them were closed: the newest are looked at first
        paid_days -= case(*((kind.fees_from > on, nth) for nth, on in enumerate(before)), else_=len(before))
    left_fen = kind.cap_fen - kind.late_fee_fen * paid_days
    amount_fen = literal(0) if day in closed else case((left_fen <= 0, 0), else_=least(kind.late_fee_fen, left_fen))
    reason = case(
        (kind.late_fee_fen == 0, DayReason.FREE.value),
        (literal(day in closed), DayReason.CLOSED.value),
        (left_fen <= 0, DayReason.CAPPED.value),
        else_=DayReason.FEE.value,
    )
    return select(
        kind.id.label("lent_id"),
        literal(day, Date()),
        amount_fen.label("amount_fen"),
        reason.label("reason"),
        literal(now, UtcDateTime()),
    ).where(*_late(kind, region_id, day))


def _late(kind: type[Lent], region_id: int, day: date) -> tuple[ColumnElement[bool], ...]:
    """What is out in a region, and costs a late fee on a day."""
    return kind.region_id == region_id, kind.fees_from <= day, is_out(kind)


def last_posted(session: Session) -> date | None:
    """The newest day of which anything is posted."""
    of = (LateFee.battery_use_id, LateFee.rental_id)
    days = [session.scalar(select(func.max(LateFee.day_on)).where(one.is_not(None))) for one in of]
    return max((day for day in days if day), default=None)


def days_lacking(session: Session, kind: type[Lent], region_id: int, now: datetime) -> list[date]:
    """The days up to today of which a row is missing in a region, oldest first.

    Days are posted one after the other, oldest first: a day of which none is missing ends the search.
    """
    of = LateFee.battery_use_id if kind is BatteryUse else LateFee.rental_id
    found, day = list[date](), business_day(now)
    while True:
        # Looked up one by one: of a day just posted no planner knows how many rows it has, and joins by a guess.
        there = select(LateFee.id).where(of == kind.id, LateFee.day_on == day).correlate(kind).scalar_subquery()
        lacking = select(kind.id).where(*_late(kind, region_id, day), there.is_(None)).limit(1)
        if session.scalar(lacking) is None:
            return found[::-1]
        found.append(day)
        day -= A_DAY


def owed_by_deposit(
    session: Session, deposit_ids: Collection[int], today: date, *, known: Mapping[Lent, Account] | None = None
) -> dict[int, int]:
    """What late fees still take from each held deposit, in fen: a part of 已扣. Decision 21.

    Those of what it secures; of a flash deposit also all that its person owes, as its refund withholds it. `known`:
    accounts that a page has reckoned already.
    """
    rows = session.execute(union_all(*(_taken(kind, deposit_ids, today) for kind in KINDS))).all()
    lents: dict[tuple[str, int], Lent] = {}
    for kind in KINDS:
        if ids := {row.lent_id for row in rows if row.kind == kind.__tablename__}:
            some: Iterable[Lent] = session.scalars(select(kind).where(kind.id.in_(ids)))
            lents |= {(kind.__tablename__, lent.id): lent for lent in some}
    accounts = dict(known or {})
    accounts |= accounts_of(session, set(lents.values()) - accounts.keys(), today)
    owed = dict.fromkeys(deposit_ids, 0)
    for row in rows:
        owed[row.deposit_id] += accounts[lents[row.kind, row.lent_id]].owed_fen
    return owed


def _taken(kind: type[Lent], deposit_ids: Collection[int], today: date) -> Select[*tuple[Any, ...]]:
    """Which things take from which of the deposits."""
    owes = kind.late_owed_fen > 0
    is_late = or_(owes, is_out(kind) & (kind.fees_from <= today))
    secured = (kind.deposit_id == Deposit.id) & is_late
    return (
        select(Deposit.id.label("deposit_id"), literal(kind.__tablename__).label("kind"), kind.id.label("lent_id"))
        .join(kind, kind.customer_id == Deposit.customer_id)
        .where(Deposit.id.in_(deposit_ids), Deposit.status == DepositStatus.HELD)
        .where(or_(secured, (Deposit.kind == DepositKind.FLASH) & owes))
    )


def running(session: Session, deposit: Deposit) -> list[Lent]:
    """What is out and secured by a deposit."""
    return [
        *session.scalars(
            select(BatteryUse).where(BatteryUse.customer_id == deposit.customer_id, *_out_by(BatteryUse, deposit))
        ),
        *session.scalars(select(Rental).where(*_out_by(Rental, deposit))),
    ]


def _out_by(kind: type[Lent], deposit: Deposit) -> tuple[ColumnElement[bool], ...]:
    return kind.deposit_id == deposit.id, is_out(kind)


def owing(session: Session, customer_id: int) -> list[Lent]:
    """What is over and still owes late fees, oldest first: 欠费. Decision 5."""
    owes = (
        select(literal(nth), kind.id).where(kind.customer_id == customer_id, kind.late_owed_fen > 0)
        for nth, kind in enumerate(KINDS)
    )
    lents = [cast("Lent", session.get_one(KINDS[nth], lent_id)) for nth, lent_id in session.execute(union_all(*owes))]
    return sorted(lents, key=lambda lent: (lent.returned_on or date.max, lent.id))
