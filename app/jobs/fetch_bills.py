"""Fetches WeChat's bills of every day that lacks one, and holds them against our books (decision 33)."""

from collections.abc import Mapping
from datetime import date, datetime

from app.db import read_only_session
from app.domain.bills import BillChanged, BillUnreadable, NoneYet, Trouble
from app.jobs._report import Report, Tally
from app.ports import BillDamaged, BillNotReady, GatewayRefused, NoBill, OutcomeUnknown
from app.queries import bills
from app.queries.bills import Missing
from app.runtime import Runtime
from app.usecases import reconciling


def run(runtime: Runtime, now: datetime) -> Report:
    """Day by day from the oldest, trades before movements; a bill that cannot be had is tried again at the next run."""
    tally = Tally("fetch_bills")
    with read_only_session() as session:
        missing = bills.missing_bills(session, now)
    without_trades: set[date] = set()
    for bill in missing:
        if tally.wechat_is_away:
            break
        if bill.on_day not in without_trades and not _fetch(runtime, bill, tally, now):
            without_trades.add(bill.on_day)
    reconciling.settle_what_agrees(merchant=runtime.till.merchant)
    return tally.report()


def _fetch(runtime: Runtime, bill: Missing, tally: Tally, now: datetime) -> bool:
    """Whether the bill is here now."""
    piece = f"{bill.kind} {bill.on_day}"
    merchant = runtime.till.merchant
    try:
        if reconciling.import_bill(bill.kind, bill.on_day, _content(runtime, bill), merchant=merchant, now=now):
            tally.did()
    except (GatewayRefused, OutcomeUnknown) as error:
        _note(bill, error, now)
        tally.unanswered(piece, error)
        return False
    except (BillNotReady, NoneYet) as error:
        _note(bill, error, now)
        tally.put_offs += 1
        return False
    except Exception as error:  # noqa: BLE001  # one day must not hold up the others
        _note(bill, error, now)
        tally.failed(piece, error)
        return False
    tally.answered()
    return True


TROUBLES: Mapping[type[Exception], Trouble] = {
    BillNotReady: Trouble.NOT_READY,
    NoneYet: Trouble.NONE_YET,
    OutcomeUnknown: Trouble.NO_ANSWER,
    GatewayRefused: Trouble.REFUSED,
    BillDamaged: Trouble.DAMAGED,
    BillUnreadable: Trouble.UNREADABLE,
    BillChanged: Trouble.CHANGED,
}
"""Why a bill is not here, by what was raised; nothing is noted of what nobody foresaw."""


def _content(runtime: Runtime, bill: Missing) -> bytes | None:
    try:
        return runtime.till.gateway.bill(bill.kind, bill.on_day)
    except NoBill:
        return None


def _note(bill: Missing, error: Exception, now: datetime) -> None:
    if trouble := TROUBLES.get(type(error)):
        reconciling.note_trouble(bill.kind, bill.on_day, trouble, detail=str(error), now=now)
