"""Booking: the legs of one money event, once for each entry key (decision 32)."""

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Function, func, select
from sqlalchemy.orm import Session

from app.domain.calendar import business_day
from app.domain.charges import Purpose
from app.domain.ledger import Account, Leg
from app.models.closing import DayClose
from app.models.money import LedgerAccount, LedgerTransfer
from app.usecases.subjects import Subject

LEDGER = 32
"""The name of the ledger among PostgreSQL's advisory locks: its decision."""
ACCOUNTS, OPEN_DAYS = "ledger_accounts", "ledger_open_days"
"""What a session remembers until its end, which is the transaction's."""


def book(
    session: Session,
    entry_key: str,
    legs: Iterable[Leg],
    subject: Subject | None,
    now: datetime,
    *,
    purpose: Purpose | None,
) -> None:
    """Writes the transfers of one event; a second booking under the same key is refused by the database.

    `purpose`: what the money is for. It is booked on its day, or when that day is closed on the next one that is not.
    """
    region_id = subject.region_id if subject else None
    booked_on = open_day(session, region_id, now)
    ids = account_ids(session)
    for nth, leg in enumerate(legs):
        session.add(
            LedgerTransfer(
                entry_key=entry_key,
                leg=nth,
                debit_id=ids[leg.debit],
                credit_id=ids[leg.credit],
                amount_fen=leg.amount_fen,
                purpose=purpose,
                customer_id=subject.customer_id if subject else None,
                order_id=subject.order_id if subject else None,
                deposit_id=subject.deposit_id if subject else None,
                region_id=region_id,
                booked_on=booked_on,
                at=now,
            )
        )


def account_ids(session: Session) -> dict[Account, int]:
    """The accounts of the ledger, which never change: asked for once in a transaction."""
    if ACCOUNTS not in session.info:
        session.info[ACCOUNTS] = dict(session.execute(select(LedgerAccount.code, LedgerAccount.id)).all())
    ids: dict[Account, int] = session.info[ACCOUNTS]
    return ids


def open_day(session: Session, region_id: int | None, now: datetime) -> date:
    """The day that money of a region is booked on: today, or the day after the last closed one. Decision 33.

    Until the commit no day is closed: it is looked for once.
    """
    today = business_day(now)
    found: dict[tuple[int | None, date], date] = session.info.setdefault(OPEN_DAYS, {})
    if (region_id, today) not in found:
        hold_open(session)
        closed = session.scalar(
            select(func.max(DayClose.on_day)).where(
                DayClose.on_day >= today, func.coalesce(DayClose.region_id, 0) == (region_id or 0)
            )
        )
        found[region_id, today] = today if closed is None else closed + timedelta(days=1)
    return found[region_id, today]


def hold_open(session: Session) -> None:
    """Until the commit nobody holds the ledger still; any number of verbs book at the same time."""
    _lock(session, func.pg_advisory_xact_lock_shared)


def hold_still(session: Session) -> None:
    """Waits until whoever books has committed; until our own commit nobody books."""
    _lock(session, func.pg_advisory_xact_lock)


def _lock(session: Session, lock: Callable[[int], Function[Any]]) -> None:
    """Of no row: a row that every booking locks would be written by every booking. SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(lock(LEDGER)))
