"""Late fees: posted day by day by the nightly job or by the end, quoted, waived (decisions 19 to 21, SET-4).

A row exists from the moment its day has begun, and never changes. Job, end and preview count by one function.
"""

from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Insert, String, literal, null, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import Session

from app.domain import ledger as recipes
from app.domain.calendar import business_day
from app.domain.charges import ChargeStatus, Purpose
from app.domain.errors import Forbidden, NotFound, Rule, RuleBroken
from app.domain.late_fees import QUOTE_LASTS
from app.domain.permissions import Actor
from app.models.base import UtcDateTime
from app.models.batteries import BatteryUse
from app.models.directory import Region
from app.models.late_fees import LateFee
from app.models.money import Charge, LedgerTransfer, LineKind
from app.models.orders import Order
from app.models.rentals import Rental
from app.queries import late_fees
from app.queries.late_fees import Account, Lent, is_over, of_lent
from app.usecases import charges, ledger
from app.usecases.compare_and_set import insert_into, must_lock
from app.usecases.standing import lock_customer
from app.usecases.subjects import Subject
from app.usecases.transaction import reading, transactional


def settle_at_end(session: Session, lent: Lent, now: datetime) -> None:
    """The use or rental is over: fixes what is owed of it. It is locked."""
    lent.late_owed_fen = post_rest(session, lent, now).owed_fen
    session.flush()


def post_rest(session: Session, lent: Lent, now: datetime) -> Account:
    """Posts the days of one that have begun and that no job has posted; what it comes to. It is locked."""
    account = late_fees.account_of(session, lent, business_day(now))
    if account.to_post:
        of = "battery_use_id" if isinstance(lent, BatteryUse) else "rental_id"
        rows = [
            {of: lent.id, "day_on": day.on, "amount_fen": day.amount_fen, "reason": day.reason, "posted_at": now}
            for day in account.to_post
        ]
        session.execute(insert_into(session, LateFee).on_conflict_do_nothing(), rows)
        _book(session, type(lent), lent.region_id, now, type(lent).id == lent.id)
    return account


def post_days(kind: type[Lent], region_id: int, *, now: datetime) -> int:
    """Posts every day that has begun, of all that is out in a region; returns how many rows are new.

    Each day is a transaction of its own, oldest first: whatever ends the run, the days of each thing have no gap. Run
    twice, late, in parallel, or after any downtime, the rows are the same (decision 20).
    """
    return sum(_post_day(kind, region_id, day, now=now) for day in _days_lacking(kind, region_id, now))


@reading
def _days_lacking(session: Session, kind: type[Lent], region_id: int, now: datetime) -> list[date]:
    return late_fees.days_lacking(session, kind, region_id, now)


@transactional
def _post_day(session: Session, kind: type[Lent], region_id: int, day: date, *, now: datetime) -> int:
    must_lock(session, Region, region_id)  # one at a time: two would wait for each other's rows
    columns = ["battery_use_id" if kind is BatteryUse else "rental_id", "day_on", "amount_fen", "reason", "posted_at"]
    # A return that is under way posts its own last days: the job waits for it, and then passes over what is back.
    rows = late_fees.begun(session, kind, region_id, day, now).order_by(kind.id).with_for_update(read=True, of=kind)
    posted = _inserted(session, insert_into(session, LateFee).from_select(columns, rows).on_conflict_do_nothing())
    if posted:
        _book(session, kind, region_id, now, LateFee.day_on == day)
    return posted


def _book(session: Session, kind: type[Lent], region_id: int, now: datetime, these: ColumnElement[bool]) -> None:
    """Books those of `these` late fees that were posted now."""
    of = LateFee.battery_use_id if kind is BatteryUse else LateFee.rental_id
    accounts = ledger.account_ids(session)
    (leg,) = recipes.late_fee_owed(1)
    transfers = (
        select(
            literal("late_fee:") + sql_cast(LateFee.id, String),
            literal(0),
            literal(accounts[leg.debit]),
            literal(accounts[leg.credit]),
            LateFee.amount_fen,
            literal(Purpose.LATE_FEE.value),
            kind.customer_id,
            null() if kind is BatteryUse else Rental.order_id,
            kind.region_id,
            literal(ledger.open_day(session, region_id, now)),
            literal(now, UtcDateTime()),
        )
        .join(kind, of == kind.id)
        .where(kind.region_id == region_id, LateFee.posted_at == now, LateFee.amount_fen > 0, these)
    )
    columns = [
        *("entry_key", "leg", "debit_id", "credit_id", "amount_fen", "purpose"),
        *("customer_id", "order_id", "region_id", "booked_on", "at"),
    ]
    _inserted(session, insert_into(session, LedgerTransfer).from_select(columns, transfers).on_conflict_do_nothing())


def _inserted(session: Session, statement: Insert) -> int:
    result = cast("CursorResult[Any]", session.execute(statement.execution_options(preserve_rowcount=True)))
    return result.rowcount


def subject_of(session: Session, lent: Lent) -> Subject:
    """Whose late fees they are, and in which story they stand."""
    if isinstance(lent, BatteryUse):
        return Subject.of_use(lent)
    return Subject.of_rental(lent, session.get_one(Order, lent.order_id))


def lock_lent(session: Session, kind: type[Lent], lent_id: int) -> Lent:
    """Person, then use or rental. Raises NotFound."""
    found = cast("Lent | None", session.get(kind, lent_id))
    if found is None:
        raise NotFound
    lock_customer(session, found.customer_id)
    return must_lock(session, type(found), lent_id)


@transactional
def quote(session: Session, kind: type[Lent], lent_id: int, *, actor: Actor, now: datetime) -> int:
    """What the person owes as of today, fixed for 15 minutes; returns the charge to pay. Decision 21.

    Asked again it is the same one as long as its amount holds. Raises Forbidden, NotFound, RuleBroken.
    """
    if not actor.is_customer:
        raise Forbidden("the person alone")
    lent = lock_lent(session, kind, lent_id)
    if lent.customer_id != actor.id:
        raise NotFound
    owed_fen = post_rest(session, lent, now).owed_fen
    if owed_fen <= 0:
        raise RuleBroken(Rule.NOTHING_OWED)
    open_quote = _open_quote(session, lent)
    if open_quote is not None:
        if (
            open_quote.amount_fen == owed_fen
            and open_quote.expires_at
            and open_quote.expires_at - now > QUOTE_LASTS / 2
        ):
            return open_quote.id
        charges.make_void(session, open_quote, now)
        session.flush()
    charge = charges.put(
        session,
        Purpose.LATE_FEE,
        LineKind.FEE,
        customer_id=lent.customer_id,
        region_id=lent.region_id,
        amount_fen=owed_fen,
        now=now,
        battery_use_id=lent.id if isinstance(lent, BatteryUse) else None,
        rental_id=lent.id if isinstance(lent, Rental) else None,
        as_of_on=lent.returned_on or business_day(now),
        expires_at=now + QUOTE_LASTS,
    )
    return charge.id


def _open_quote(session: Session, lent: Lent) -> Charge | None:
    return session.scalars(
        select(Charge).where(
            of_lent(Charge, lent), Charge.purpose == Purpose.LATE_FEE, Charge.status == ChargeStatus.OPEN
        )
    ).one_or_none()


def drop_quote(session: Session, lent: Lent, now: datetime) -> None:
    """What is owed has changed: nobody is asked for the old amount any more."""
    if (charge := _open_quote(session, lent)) is not None:
        charges.make_void(session, charge, now)


def reduced(session: Session, lent: Lent, amount_fen: int) -> None:
    """A part of what is owed is paid, withheld or waived. Person and thing are locked."""
    if is_over(lent):
        lent.late_owed_fen -= amount_fen
        session.flush()
