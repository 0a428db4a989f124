"""What our books and the bills before have for the lines of a bill, many at a time (decision 33)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Exists, Row, Select, and_, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from app.domain.bills import ALONE_IN_BILL, BillKind, BookPayment, BookRefund, Difference, Expected, FundLine, TradeLine
from app.domain.calendar import day_end, day_start
from app.domain.refunds import RefundChannel, RefundStatus
from app.models.closing import BillDay, BillItem
from app.models.money import Charge, Payment, Refund

EACH = 500
"""Numbers in one question."""
Rows = Sequence[Row[*tuple[Any, ...]]]


def payments_for(session: Session, lines: Iterable[TradeLine]) -> dict[int, BookPayment]:
    """Our attempt for each payment among the lines, by the line's number.

    By WeChat's id; one that we have not seen may still be the money of an attempt of that number that is not paid.
    """
    wanted = [line for line in lines if not line.is_refund]
    by_id = _by(session, _payments(), Payment.transaction_id, (line.transaction_id for line in wanted))
    rest = [line for line in wanted if line.transaction_id not in by_id]
    unpaid = _payments().where(Payment.transaction_id.is_(None))
    by_no = _by(session, unpaid, Payment.out_trade_no, (line.out_trade_no for line in rest))
    found = {line.no: by_id.get(line.transaction_id) or by_no.get(line.out_trade_no) for line in wanted}
    return {no: BookPayment(row.id, row.received_fen, row.region_id) for no, row in found.items() if row}


def refunds_for(session: Session, lines: Iterable[TradeLine]) -> dict[int, BookRefund]:
    """Our refund for each refund among the lines, by the line's number."""
    wanted = [line for line in lines if line.is_refund]
    by_no = _by(session, _refunds(), Refund.out_refund_no, (line.our_no for line in wanted))
    return {line.no: _refund(by_no[line.our_no]) for line in wanted if line.our_no in by_no}


def _payments() -> Select[*tuple[Any, ...]]:
    return select(
        Payment.id,
        Payment.out_trade_no,
        Payment.transaction_id,
        Payment.received_fen,
        Payment.paid_at.label("at"),
        Charge.region_id,
    ).outerjoin(Charge, Charge.id == Payment.charge_id)


def _refunds() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Refund.id,
            Refund.out_refund_no,
            Refund.amount_fen,
            Refund.status,
            Refund.channel,
            Refund.done_at,
            func.coalesce(Refund.accepted_at, Refund.done_at).label("at"),
            Charge.region_id,
        )
        .join(Payment, Payment.id == Refund.payment_id)
        .outerjoin(Charge, Charge.id == Payment.charge_id)
    )


def _refund(row: Row[*tuple[Any, ...]]) -> BookRefund:
    outside = row.channel is RefundChannel.OUTSIDE
    return BookRefund(row.id, row.amount_fen, row.status, row.done_at, row.region_id, outside)


def _by(
    session: Session,
    wanted: Select[*tuple[Any, ...]],
    column: InstrumentedAttribute[Any],
    values: Iterable[str],
) -> dict[str, Row[*tuple[Any, ...]]]:
    """The rows whose column is one of the values, by it."""
    return {
        getattr(row, column.key): row
        for some in _some(values)
        for row in session.execute(wanted.where(column.in_(some)))
    }


def _some(values: Iterable[str]) -> Iterator[Sequence[str]]:
    """Each value once, so many at a time."""
    every = list(dict.fromkeys(filter(None, values)))
    return (every[begin : begin + EACH] for begin in range(0, len(every), EACH))


def has_line(kind: BillKind, line: type[BillItem], same: ColumnElement[bool]) -> Exists:
    """Whether a bill of a kind has a line (an alias of BillItem) like that."""
    day = aliased(BillDay)
    return exists().where(day.id == line.bill_day_id, *_lines_of(kind, line, day), same)


def _lines_of(kind: BillKind, line: type[BillItem], day: type[BillDay]) -> Sequence[ColumnElement[bool]]:
    """The lines of payments and refunds; a fee is none of them."""
    wanted = [day.kind == kind, line.line_no.is_not(None)]
    return [*wanted, line.fee_fen.is_(None)] if kind is BillKind.FUND else wanted


def seen_before(session: Session, kind: BillKind, wechat_ids: Iterable[str]) -> set[str]:
    """Which of these payments and refunds have a line already."""
    wanted = select(BillItem.wechat_id).join(BillDay, BillDay.id == BillItem.bill_day_id)
    wanted = wanted.where(*_lines_of(kind, BillItem, BillDay))
    return {
        str(wechat_id)
        for some in _some(wechat_ids)
        for wechat_id in session.scalars(wanted.where(BillItem.wechat_id.in_(some)))
    }


def payments_without_line(session: Session, day: date) -> Rows:
    """What we received on a day and no bill has."""
    line = aliased(BillItem)
    return session.execute(
        _payments().where(
            *_within(Payment.paid_at, day),
            Payment.received_fen.is_not(None),
            ~has_line(BillKind.TRADE, line, line.payment_id == Payment.id),
        )
    ).all()


def refunds_without_line(session: Session, day: date) -> Rows:
    """What WeChat accepted on a day, as far as we heard, and no bill has.

    What it delivered at once was never heard of as accepted: the day on which it arrived counts.
    """
    line = aliased(BillItem)
    at_once = and_(
        Refund.accepted_at.is_(None),
        Refund.status == RefundStatus.DONE,
        Refund.channel == RefundChannel.WECHAT,
        *_within(Refund.done_at, day),
    )
    return session.execute(
        _refunds().where(
            or_(and_(*_within(Refund.accepted_at, day)), at_once),
            ~has_line(BillKind.TRADE, line, line.refund_id == Refund.id),
        )
    ).all()


def _within(at: InstrumentedAttribute[datetime | None], day: date) -> tuple[ColumnElement[bool], ...]:
    return at >= day_start(day), at < day_end(day)


# ---- movements -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Counterpart:
    """What a movement is of, and what it ought to be."""

    expected: Expected
    payment_id: int | None
    refund_id: int | None
    region_id: int | None


def counterparts(session: Session, lines: Sequence[FundLine]) -> Mapping[str, Counterpart]:
    """What the movements are of, by WeChat's id: a line of trades, or what our books have without one."""
    ids = [line.wechat_id for line in lines]
    moved = seen_before(session, BillKind.FUND, ids)
    trades = {row.wechat_id: row for some in _some(ids) for row in session.execute(_trades(some))}
    rest = [line for line in lines if line.wechat_id not in trades]
    paid = _payments().where(Payment.received_fen.is_not(None))
    payments = _by(session, paid, Payment.transaction_id, (line.wechat_id for line in rest))
    refunds = _by(session, _refunds(), Refund.out_refund_no, (line.our_no for line in rest if not line.is_fee))
    found: dict[str, Counterpart] = {}
    for wechat_id, row in trades.items():
        fens = tuple(dict.fromkeys(fen for fen in (row.bill_fen, row.book_fen) if fen is not None))
        back = row.status is RefundStatus.REFUSED
        expected = Expected(fens, row.fee_fen or 0, given_back=back, moved=wechat_id in moved)
        found[wechat_id] = Counterpart(expected, row.payment_id, row.refund_id, row.region_id)
    for line in rest:
        if payment := payments.get(line.wechat_id):
            expected = Expected((payment.received_fen,), moved=line.wechat_id in moved)
            found[line.wechat_id] = Counterpart(expected, payment.id, None, payment.region_id)
        elif refund := refunds.get(line.our_no):
            back = refund.status is RefundStatus.REFUSED
            expected = Expected((-refund.amount_fen,), given_back=back, moved=line.wechat_id in moved)
            found[line.wechat_id] = Counterpart(expected, None, refund.id, refund.region_id)
    return found


def _trades(wechat_ids: Sequence[str]) -> Select[*tuple[Any, ...]]:
    """Their lines in bills of trades."""
    return (
        select(
            BillItem.wechat_id,
            BillItem.bill_fen,
            BillItem.book_fen,
            BillItem.fee_fen,
            BillItem.payment_id,
            BillItem.refund_id,
            BillItem.region_id,
            Refund.status,
        )
        .join(BillDay, BillDay.id == BillItem.bill_day_id)
        .outerjoin(Refund, Refund.id == BillItem.refund_id)
        .where(
            BillDay.kind == BillKind.TRADE,
            BillItem.line_no.is_not(None),
            BillItem.wechat_id.in_(wechat_ids),
            _other_than(Difference.TWICE, Difference.OTHER_MERCHANT),
        )
    )


def _other_than(*differences: Difference) -> ColumnElement[bool]:
    return or_(BillItem.difference.is_(None), BillItem.difference.not_in(differences))


def trades_without_movement(session: Session, day: date) -> Rows:
    """Lines of a day's trades that no bill of movements has, unless they are a difference by themselves."""
    line = aliased(BillItem)
    return session.execute(
        select(
            BillItem.at,
            BillItem.wechat_id,
            BillItem.our_no,
            BillItem.bill_fen,
            BillItem.payment_id,
            BillItem.refund_id,
            BillItem.region_id,
        )
        .join(BillDay, BillDay.id == BillItem.bill_day_id)
        .where(
            BillDay.kind == BillKind.TRADE,
            BillDay.on_day == day,
            BillItem.line_no.is_not(None),
            _other_than(*ALONE_IN_BILL),
            ~has_line(BillKind.FUND, line, line.wechat_id == BillItem.wechat_id),
        )
    ).all()
