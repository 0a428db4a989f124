"""Holding WeChat's daily bills against our books, both ways; and what somebody does about a difference (decision 33).

Each line of a bill is an item beside what our books have; what the bill lacks is an item without a line. An item that
waits or is open becomes matched by itself as soon as bill or books say so; else somebody resolves it with a reason.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, insert, or_, select, update
from sqlalchemy.orm import Session, aliased

from app.domain.bills import (
    POOL_DAYS,
    BillChanged,
    BillKind,
    BookPayment,
    BookRefund,
    Cause,
    Difference,
    FundLine,
    ItemState,
    Line,
    NoneYet,
    Remedy,
    TradeBillFirst,
    TradeLine,
    Trouble,
    judge_movements,
    judge_payment,
    judge_refund,
    none_is_believed,
    read_fund_bill,
    read_trade_bill,
    ready_until,
    refuse_other_day,
    retold,
)
from app.domain.errors import NotFound
from app.domain.permissions import Actor, Permission
from app.domain.reasons import MOST_REASON
from app.domain.refunds import RefundStatus
from app.models.closing import BillDay, BillItem, BillTry
from app.models.money import Payment, Refund
from app.ports import TradeState
from app.queries import bill_matching as books
from app.queries.bills import AskedAbout, asked_about, visible
from app.usecases import audit, checkout, job_runs, refund_notices
from app.usecases.checkout import Till
from app.usecases.compare_and_set import changed_one, insert_into
from app.usecases.payments import Merchant
from app.usecases.transaction import reading, transactional

LONGEST_DETAIL = 300
UNSETTLED = (ItemState.WAITING, ItemState.OPEN)
JUDGED_AGAIN = (
    Difference.PAYMENT_ONLY_BILL,
    Difference.PAYMENT_UNPAID,
    Difference.REFUND_ONLY_BILL,
    Difference.REFUND_STATUS,
)
"""Lines of trades that our books may catch up with."""


def import_bill(kind: BillKind, day: date, content: bytes | None, *, merchant: Merchant, now: datetime) -> bool:
    """Takes in a day's bill (None: WeChat has none); False if it was taken in before. Decision 33.

    Raises BillUnreadable; BillChanged, NoneYet, TradeBillFirst. Then nothing was written.
    """
    if day > ready_until(now):
        raise ValueError(f"{day} is not over")
    if content is None:
        return _take_in(kind, day, None, [], merchant=merchant, now=now)
    lines: Sequence[Line] = read_trade_bill(content) if kind is BillKind.TRADE else read_fund_bill(content)
    refuse_other_day(lines, day)
    sha1 = hashlib.sha1(content).hexdigest()  # noqa: S324  # WeChat's choice
    return _take_in(kind, day, sha1, lines, merchant=merchant, now=now)


@transactional
def _take_in(
    session: Session,
    kind: BillKind,
    day: date,
    sha1: str | None,
    lines: Sequence[Line],
    *,
    merchant: Merchant,
    now: datetime,
) -> bool:
    known = session.scalars(select(BillDay).where(BillDay.kind == kind, BillDay.on_day == day)).one_or_none()
    if known is not None:
        if known.sha1 != sha1:
            raise BillChanged
        return False
    bill = BillDay(kind=kind, on_day=day, sha1=sha1, lines=len(lines), fetched_at=now)
    session.add(bill)
    session.flush()
    if kind is BillKind.TRADE:
        trades = [line for line in lines if isinstance(line, TradeLine)]
        _put(session, bill, _trades(session, day, trades, merchant))
        missing = [*map(_payment_only_here, books.payments_without_line(session, day))]
        missing += map(_refund_only_here, books.refunds_without_line(session, day))
    else:
        if not session.scalar(select(exists().where(BillDay.kind == BillKind.TRADE, BillDay.on_day == day))):
            raise TradeBillFirst
        _put(session, bill, _movements(session, [line for line in lines if isinstance(line, FundLine)]))
        missing = [*map(_did_not_move, books.trades_without_movement(session, day))]
    if sha1 is None and missing and not none_is_believed(day, now):
        raise NoneYet
    chance = exists().where(BillDay.kind == kind, BillDay.on_day >= day + timedelta(days=POOL_DAYS))
    state = ItemState.OPEN if session.scalar(select(chance)) else ItemState.WAITING
    _put(session, bill, [{**item, "state": state} for item in missing])
    session.execute(delete(BillTry).where(BillTry.kind == kind, BillTry.on_day == day))
    _settle(session, merchant)
    _end_waiting(session, kind, day)
    return True


# ---- the items of a bill ---------------------------------------------------------------------------------------------

Item = dict[str, Any]


def _put(session: Session, bill: BillDay, items: Sequence[Item]) -> None:
    """Many rows at once: all have the same columns, or they would go a few at a time."""
    if items:
        rows = [{**_EMPTY, "bill_day_id": bill.id, **item} for item in items]
        session.execute(insert(BillItem).execution_options(render_nulls=True), rows)


_EMPTY: Item = {
    column.key: None for column in BillItem.__table__.columns if column.key not in ("id", "bill_day_id", "state")
}


def _trades(session: Session, day: date, lines: Sequence[TradeLine], merchant: Merchant) -> list[Item]:
    payments, refunds = books.payments_for(session, lines), books.refunds_for(session, lines)
    seen = books.seen_before(session, BillKind.TRADE, (line.wechat_id for line in lines))
    items = []
    for line in lines:
        ours, difference = _judged(line, payments.get(line.no), refunds.get(line.no), day, merchant)
        if line.wechat_id in seen and difference is not Difference.OTHER_MERCHANT:
            difference = Difference.TWICE
        seen.add(line.wechat_id)
        items.append({**_told(line, difference), "fee_fen": line.fee_fen, **ours})
    return items


def _judged(
    line: TradeLine, payment: BookPayment | None, refund: BookRefund | None, day: date, merchant: Merchant
) -> tuple[Item, Difference | None]:
    """What our books have beside a line of trades, and how it differs. What is another merchant's is beside nothing."""
    if line.is_refund:
        difference = judge_refund(line, refund, day, mch_id=merchant.mch_id)
        ours = {"refund_id": refund.id, "book_fen": -refund.amount_fen, "region_id": refund.region_id} if refund else {}
    else:
        difference = judge_payment(line, payment, mch_id=merchant.mch_id, app_id=merchant.app_id)
        ours = (
            {"payment_id": payment.id, "book_fen": payment.received_fen, "region_id": payment.region_id}
            if payment
            else {}
        )
    return ({} if difference is Difference.OTHER_MERCHANT else ours), difference


def _told(line: Line, difference: Difference | None) -> Item:
    """What a line says; all of it is kept of a difference alone."""
    return {
        "line_no": line.no,
        "at": line.at,
        "wechat_id": line.wechat_id,
        "our_no": line.our_no,
        "bill_fen": line.fen,
        "state": ItemState.OPEN if difference else ItemState.MATCHED,
        "difference": difference,
        "told": dict(line.text) if difference else None,
    }


def _payment_only_here(row: Any) -> Item:
    return {
        "difference": Difference.PAYMENT_ONLY_BOOKS,
        "at": row.at,
        "wechat_id": row.transaction_id,
        "our_no": row.out_trade_no,
        "book_fen": row.received_fen,
        "payment_id": row.id,
        "region_id": row.region_id,
    }


def _refund_only_here(row: Any) -> Item:
    return {
        "difference": Difference.REFUND_ONLY_BOOKS,
        "at": row.at,
        "our_no": row.out_refund_no,
        "book_fen": -row.amount_fen,
        "refund_id": row.id,
        "region_id": row.region_id,
    }


def _movements(session: Session, lines: Sequence[FundLine]) -> list[Item]:
    of = books.counterparts(session, lines)
    judged = judge_movements(lines, {wechat_id: one.expected for wechat_id, one in of.items()})
    items = []
    for line in lines:
        movement, ours = judged[line.no], of.get(line.wechat_id)
        item = {
            **_told(line, movement.difference),
            "book_fen": movement.book_fen,
            "fee_fen": line.fen if line.is_fee else None,
        }
        if ours is not None:
            item |= {"payment_id": ours.payment_id, "refund_id": ours.refund_id, "region_id": ours.region_id}
        items.append(item)
    return items


def _did_not_move(row: Any) -> Item:
    return {
        "difference": Difference.FUND_MISSING,
        "at": row.at,
        "wechat_id": row.wechat_id,
        "our_no": row.our_no,
        "book_fen": row.bill_fen,
        "payment_id": row.payment_id,
        "refund_id": row.refund_id,
        "region_id": row.region_id,
    }


# ---- what settles itself ---------------------------------------------------------------------------------------------


@transactional
def settle_what_agrees(session: Session, *, merchant: Merchant) -> None:
    """Items whose bill and books have come to agree since are matched."""
    _settle(session, merchant)


def _settle(session: Session, merchant: Merchant) -> None:
    line, trade, movement = aliased(BillItem), aliased(BillItem), aliased(BillItem)
    same = or_(line.payment_id == BillItem.payment_id, line.refund_id == BillItem.refund_id)
    only_books = (Difference.PAYMENT_ONLY_BOOKS, Difference.REFUND_ONLY_BOOKS)
    _match(session, only_books, books.has_line(BillKind.TRADE, line, same))
    moved = books.has_line(BillKind.FUND, movement, movement.wechat_id == BillItem.wechat_id)
    _match(session, (Difference.FUND_MISSING,), moved)
    traded = books.has_line(
        BillKind.TRADE, trade, (trade.wechat_id == BillItem.wechat_id) & (trade.bill_fen == BillItem.bill_fen)
    )
    booked = exists().where(Payment.transaction_id == BillItem.wechat_id, Payment.received_fen == BillItem.bill_fen)
    given_back = exists().where(
        Refund.id == BillItem.refund_id,
        Refund.status == RefundStatus.REFUSED,
        Refund.amount_fen == BillItem.bill_fen,
    )
    _match(session, (Difference.FUND_ONLY,), or_(traded, booked, given_back))
    _judge_again(session, merchant)


def _match(session: Session, differences: Iterable[Difference], agrees: ColumnElement[bool]) -> None:
    session.execute(
        update(BillItem)
        .where(BillItem.state.in_(UNSETTLED), BillItem.difference.in_(differences), agrees)
        .values(state=ItemState.MATCHED)
        .execution_options(synchronize_session=False)
    )


def _judge_again(session: Session, merchant: Merchant) -> None:
    """Lines that our books lacked or had otherwise: they may have caught up."""
    rows = session.execute(
        select(BillItem.id, BillItem.told, BillItem.difference, BillDay.on_day)
        .join(BillDay, BillDay.id == BillItem.bill_day_id)
        .where(BillItem.state.in_(UNSETTLED), BillItem.difference.in_(JUDGED_AGAIN), BillItem.told.is_not(None))
    ).all()
    lines = [retold(row.id, row.told) for row in rows]
    payments, refunds = books.payments_for(session, lines), books.refunds_for(session, lines)
    for row, line in zip(rows, lines, strict=True):
        ours, difference = _judged(line, payments.get(row.id), refunds.get(row.id), row.on_day, merchant)
        if difference is not row.difference:
            values = {**ours, "difference": difference or row.difference}
            if difference is None:
                values["state"] = ItemState.MATCHED
            changed_one(
                session,
                update(BillItem).where(BillItem.id == row.id, BillItem.state.in_(UNSETTLED)).values(**values),
            )


def _end_waiting(session: Session, kind: BillKind, day: date) -> None:
    """What the bills of two more days lack is a difference."""
    over = select(BillDay.id).where(BillDay.kind == kind, BillDay.on_day <= day - timedelta(days=POOL_DAYS))
    session.execute(
        update(BillItem)
        .where(BillItem.state == ItemState.WAITING, BillItem.bill_day_id.in_(over))
        .values(state=ItemState.OPEN)
        .execution_options(synchronize_session=False)
    )


# ---- bills that are not here -----------------------------------------------------------------------------------------


@transactional
def note_trouble(
    session: Session, kind: BillKind, day: date, trouble: Trouble, *, detail: str = "", now: datetime
) -> None:
    """A day's bill could not be had, and why: shown until it can."""
    told = {"trouble": trouble, "detail": detail[:LONGEST_DETAIL] or None, "tried_at": now}
    row = insert_into(session, BillTry).values(kind=kind, on_day=day, **told)
    session.execute(row.on_conflict_do_update(index_elements=["kind", "on_day"], set_=told))


# ---- what somebody does ----------------------------------------------------------------------------------------------

FETCHING = "fetch_bills"


@transactional
def want_bills(session: Session, *, actor: Actor, now: datetime) -> None:
    """Somebody wants the missing bills fetched now. Raises Forbidden."""
    actor.require(Permission.BILLS_RECONCILE)
    job_runs.put_wanted(session, FETCHING, actor, now)


@transactional
def resolve_items(
    session: Session,
    item_ids: Sequence[int],
    *,
    cause: Cause,
    remedy: Remedy,
    note: str = "",
    actor: Actor,
    now: datetime,
) -> int:
    """Somebody has looked at these differences and says what was done; how many were still unsettled.

    What is resolved or has settled itself meanwhile stays as it is: pressing twice is pressing once.
    Raises NotFound (one that the actor may not see; then none is resolved), Forbidden.
    """
    actor.require(Permission.BILLS_RECONCILE)
    wanted = set(item_ids)
    seen = select(BillItem.id).where(BillItem.id.in_(wanted), BillItem.difference.is_not(None), visible(actor))
    if set(session.scalars(seen)) != wanted:
        raise NotFound
    reason = note.strip()[:MOST_REASON] or None
    resolved = session.scalars(
        update(BillItem)
        .where(BillItem.id.in_(wanted), BillItem.state.in_(UNSETTLED))
        .values(
            state=ItemState.RESOLVED,
            cause=cause,
            remedy=remedy,
            reason=reason,
            resolved_by=actor.id,
            resolved_at=now,
        )
        .returning(BillItem.id)
        .execution_options(synchronize_session=False)
    ).all()
    if resolved:
        audit.put(
            session,
            actor,
            "bill_items_resolved",
            now,
            subject=("bill_item", min(resolved)),
            reason=reason,
            items=sorted(resolved),
            cause=cause,
            remedy=remedy,
        )
    return len(resolved)


def ask_wechat(till: Till, item_id: int, *, actor: Actor, now: datetime) -> TradeState | RefundStatus:
    """Asks WeChat about the payment or refund of a difference, and does what follows: money that is there is taken.

    Raises NotFound, Forbidden, GatewayRefused, OutcomeUnknown.
    """
    actor.require(Permission.BILLS_RECONCILE)
    item = _asked_about(item_id, actor)
    said: TradeState | RefundStatus
    if item.is_refund:
        notice = till.gateway.query_refund(item.our_no)
        if notice is None:
            return TradeState.UNKNOWN_THERE
        refund_notices.take_refund_notice(
            notice, our_mch_id=till.merchant.mch_id, vault=till.vault, actor=actor, now=now
        )
        said = notice.status
    else:
        said = checkout.settle_attempt(till, item.our_no, close=False, actor=actor, now=now)
    settle_what_agrees(merchant=till.merchant)
    return said


@reading
def _asked_about(session: Session, item_id: int, actor: Actor) -> AskedAbout:
    return asked_about(session, actor, item_id)
