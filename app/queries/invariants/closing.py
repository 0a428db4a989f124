"""What must be true of the sums by day, and of closed days."""

from collections import Counter, defaultdict
from datetime import date, datetime

from sqlalchemy import func, literal, select
from sqlalchemy.orm import Session

from app.domain.closing import STANDING, Sum, balances, figures
from app.models.closing import DayClose
from app.models.money import LedgerDay, LedgerFold, LedgerTransfer
from app.queries.closing import Books
from app.queries.invariants._registry import Violations, invariant
from app.queries.ledger import account_ids


@invariant("The sums by day are those of the transfers that were folded, and a fold stands no further than was seen")
def sums_are_the_ledgers(session: Session, _now: datetime) -> Violations:
    """Decision 32."""
    state = session.scalars(select(LedgerFold)).one_or_none()
    if state is None or state.folded_id > state.seen_id:
        yield f"folded={state.folded_id if state else None} seen={state.seen_id if state else None}"
        return
    found: Counter[tuple[object, ...]] = Counter()
    for table, transfers, sign in ((LedgerDay, LedgerDay.transfers, 1), (LedgerTransfer, literal(1), -1)):
        alike = (table.booked_on, table.region_id, table.debit_id, table.credit_id, table.purpose)
        wanted = select(*alike, func.sum(table.amount_fen), func.sum(transfers)).group_by(*alike)
        if table is LedgerTransfer:
            wanted = wanted.where(LedgerTransfer.id <= state.folded_id)
        for *key, amount_fen, count in session.execute(wanted):
            found[(*key, "fen")] += sign * int(amount_fen)
            found[(*key, "transfers")] += sign * int(count)
    yield from (f"{key} off by {amount}" for key, amount in found.items() if amount)


@invariant("The figures of a closed day are those of the transfers booked on it")
def closed_days_keep_their_figures(session: Session, _now: datetime) -> Violations:
    """Decision 33."""
    closes = defaultdict(list)
    for close in session.scalars(select(DayClose).order_by(DayClose.on_day)):
        closes[close.on_day].append(close)
    if not closes:
        return
    moved = _moved(session, max(closes))
    held: defaultdict[int | None, Counter[str]] = defaultdict(Counter)
    for on_day in sorted(moved.keys() | closes.keys()):
        of_day = moved[on_day]
        for region_id, rows in of_day.items():
            held[region_id].update({account: fen for account, fen in balances(rows).items() if account in STANDING})
        for close in closes.get(on_day, ()):
            standing = {account: held[close.region_id][account] for account in STANDING}
            if Books.read(close.figures) != Books(figures(of_day[close.region_id]), standing):
                yield f"day={on_day} region={close.region_id}"


def _moved(session: Session, last: date) -> defaultdict[date, defaultdict[int | None, list[Sum]]]:
    names = {row_id: account for account, row_id in account_ids(session).items()}
    alike = (
        LedgerTransfer.booked_on,
        LedgerTransfer.region_id,
        LedgerTransfer.debit_id,
        LedgerTransfer.credit_id,
        LedgerTransfer.purpose,
    )
    rows = session.execute(
        select(*alike, func.sum(LedgerTransfer.amount_fen)).where(LedgerTransfer.booked_on <= last).group_by(*alike)
    )
    moved: defaultdict[date, defaultdict[int | None, list[Sum]]] = defaultdict(lambda: defaultdict(list))
    for on_day, region_id, debit_id, credit_id, purpose, fen in rows:
        moved[on_day][region_id].append(Sum(names[debit_id], names[credit_id], purpose, int(fen), 1))
    return moved
