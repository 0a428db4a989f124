"""Sums of the ledger: what was folded into `LedgerDay`, and the transfers since, in one statement.

So no page scans the ledger, and no fold that happens meanwhile is counted twice or left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, select, union_all
from sqlalchemy.orm import Session

from app.domain.closing import Sum
from app.domain.ledger import Account
from app.models.money import LedgerAccount, LedgerDay, LedgerFold, LedgerTransfer

Summed = type[LedgerDay] | type[LedgerTransfer]


@dataclass(frozen=True, slots=True)
class Within:
    """Which regions; None stands for what belongs to none. `regions` of None: all of them, and that too."""

    regions: Sequence[int | None] | None = None

    def condition(self, table: Summed) -> list[ColumnElement[bool]]:
        """What it says of a table."""
        if self.regions is None:
            return []
        named = table.region_id.in_([region_id for region_id in self.regions if region_id is not None])
        return [named | table.region_id.is_(None) if None in self.regions else named]


@dataclass(frozen=True, slots=True)
class DaySum(Sum):
    """Transfers that are alike, of one region and, where it is asked by day, of one day."""

    region_id: int | None
    first_on: date
    last_on: date


def account_ids(session: Session) -> dict[Account, int]:
    """The accounts."""
    return dict(session.execute(select(LedgerAccount.code, LedgerAccount.id)).all())


def sums(
    session: Session, within: Within, *, first: date | None = None, last: date | None = None, by_day: bool = False
) -> list[DaySum]:
    """What the transfers booked from `first` to `last` come to, by region, accounts and purpose."""
    names = {row_id: account for account, row_id in account_ids(session).items()}
    folded_id = session.scalars(select(LedgerFold.folded_id)).one()
    folded = _rows(LedgerDay, LedgerDay.transfers, within, first, last)
    # The id as a value is for the planner; the one that counts is read with the sums.
    since = (LedgerTransfer.id > folded_id, LedgerTransfer.id > select(LedgerFold.folded_id).scalar_subquery())
    rest = _rows(LedgerTransfer, literal(1), within, first, last).where(*since)
    rest = rest.with_hint(LedgerTransfer, "NOT INDEXED", "sqlite")  # but by its id
    money = union_all(folded, rest).subquery("money")
    alike = [money.c.region_id, money.c.debit_id, money.c.credit_id, money.c.purpose]
    if by_day:
        alike.append(money.c.booked_on)
    totals = (
        func.sum(money.c.amount_fen).label("amount_fen"),
        func.sum(money.c.transfers).label("transfers"),
        func.min(money.c.booked_on).label("first_on"),
        func.max(money.c.booked_on).label("last_on"),
    )
    rows = session.execute(select(*alike, *totals).group_by(*alike))
    return [
        DaySum(
            names[row.debit_id],
            names[row.credit_id],
            row.purpose,
            int(row.amount_fen),
            int(row.transfers),
            row.region_id,
            row.first_on,
            row.last_on,
        )
        for row in rows
    ]


def _rows(
    table: Summed, transfers: Any, within: Within, first: date | None, last: date | None
) -> Select[*tuple[Any, ...]]:
    wanted = select(
        table.booked_on,
        table.region_id,
        table.debit_id,
        table.credit_id,
        table.purpose,
        table.amount_fen,
        transfers.label("transfers"),
    )
    return wanted.where(*within.condition(table), *_between(table, first, last))


def _between(table: Summed, first: date | None, last: date | None) -> list[ColumnElement[bool]]:
    after = [] if first is None else [table.booked_on >= first]
    return after if last is None else [*after, table.booked_on <= last]
