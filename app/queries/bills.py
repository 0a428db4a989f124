"""Bills and their differences, as finance reads them: the days, the lists, one difference with all that is known."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, SQLColumnExpression, func, select, true, tuple_
from sqlalchemy.orm import Session

from app.domain.bills import (
    ASKED_AS_REFUND,
    LISTED,
    BillKind,
    Cause,
    Difference,
    ItemState,
    Remedy,
    Trouble,
    days_wanted,
    ready_until,
)
from app.domain.calendar import business_day
from app.domain.charges import PaymentStatus
from app.domain.errors import NotFound
from app.domain.identity import masked_name, masked_phone
from app.domain.labels import paid_for
from app.domain.permissions import Actor, Permission
from app.domain.refunds import RefundStatus
from app.models.access import Staff
from app.models.batteries import BatteryUse
from app.models.closing import BillDay, BillItem, BillTry
from app.models.deposits import Deposit
from app.models.directory import Region
from app.models.money import Charge, LedgerTransfer, Payment, Refund
from app.models.orders import Order
from app.models.people import Identity
from app.models.rentals import Rental
from app.queries.paging import Key, Page, Stream, every_row, page_of_streams


def visible(actor: Actor) -> ColumnElement[bool]:
    """The items that the actor may see; what belongs to no region, whoever sees all of them."""
    regions = actor.scope(Permission.BILLS_RECONCILE).within(None)
    return true() if regions is None else BillItem.region_id.in_(regions)


# ---- days ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Missing:
    """A bill that is not here; `trouble` None: nobody has asked for it yet."""

    kind: BillKind
    on_day: date
    trouble: Trouble | None
    detail: str
    tried_at: datetime | None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A bill that is here."""

    lines: int
    fetched_at: datetime
    fee_fen: int
    unsettled: int  # open and waiting, of all regions
    unlike: int  # lines that are not matched

    @property
    def matched(self) -> int:
        """Lines that agree with our books."""
        return self.lines - self.unlike


@dataclass(frozen=True, slots=True)
class DayOfBills:
    """A day and its two bills; one that is not here is in `missing`."""

    on_day: date
    bills: Mapping[BillKind, Fetched] = field(default_factory=dict)
    missing: Mapping[BillKind, Missing] = field(default_factory=dict)


def wanted_days(session: Session, now: datetime) -> list[date]:
    """The days whose bills there ought to be, oldest first: no day with money is closed without them."""
    paid = session.scalar(select(func.min(Payment.paid_at)))
    booked = session.scalar(select(func.min(LedgerTransfer.booked_on)))  # may be earlier: a fee that was owed first
    return days_wanted(min(filter(None, (paid and business_day(paid), booked)), default=None), now)


def last_day(now: datetime) -> date:
    """The last day whose bills may be here."""
    return ready_until(now)


def missing_bills(session: Session, now: datetime) -> list[Missing]:
    """The bills that there ought to be and are not, oldest day first, trades before movements."""
    days = wanted_days(session, now)
    if not days:
        return []
    bills = session.execute(select(BillDay.kind, BillDay.on_day).where(BillDay.on_day >= days[0]))
    here = {(bill.kind, bill.on_day) for bill in bills}
    tries = {(row.kind, row.on_day): row for row in session.scalars(select(BillTry).where(BillTry.on_day >= days[0]))}
    found = []
    for day in days:
        for kind in BillKind:
            if (kind, day) not in here:
                tried = tries.get((kind, day))
                told = (tried.trouble, tried.detail or "", tried.tried_at) if tried else (None, "", None)
                found.append(Missing(kind, day, *told))
    return found


def days_of_bills(session: Session, missing: Sequence[Missing], *, last: date, many: int) -> list[DayOfBills]:
    """So many days up to one, the newest first, with their bills; days on which none is wanted are left out."""
    bills = session.execute(
        select(BillDay)
        .where(BillDay.on_day <= last)
        .order_by(BillDay.on_day.desc(), BillDay.kind)
        .limit(many * len(BillKind))
    ).scalars()
    rows = {row.id: row for row in bills}
    unlike = _unlike(session, list(rows))
    fees = _fees(session, list(rows))
    fetched: dict[date, dict[BillKind, Fetched]] = {}
    for row in rows.values():
        fetched.setdefault(row.on_day, {})[row.kind] = Fetched(
            row.lines, row.fetched_at, fees.get(row.id, 0), *unlike.get(row.id, (0, 0))
        )
    absent: dict[date, dict[BillKind, Missing]] = {}
    for one in missing:
        if one.on_day <= last:
            absent.setdefault(one.on_day, {})[one.kind] = one
    days = sorted(fetched.keys() | absent.keys(), reverse=True)[:many]
    return [DayOfBills(day, fetched.get(day, {}), absent.get(day, {})) for day in days]


def _unlike(session: Session, bill_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Of each bill: how many items are not settled, and how many lines are not matched."""
    others = [state for state in ItemState if state is not ItemState.MATCHED]
    rows = session.execute(
        select(
            BillItem.bill_day_id,
            func.count().filter(BillItem.state != ItemState.RESOLVED).label("unsettled"),
            func.count(BillItem.line_no).label("unlike"),
        )
        .where(BillItem.state.in_(others), BillItem.bill_day_id.in_(bill_ids))
        .group_by(BillItem.bill_day_id)
    )
    return {row.bill_day_id: (row.unsettled, row.unlike) for row in rows}


def _fees(session: Session, bill_ids: Sequence[int]) -> dict[int, int]:
    wanted = select(BillItem.bill_day_id, func.sum(BillItem.fee_fen).label("fen")).where(
        BillItem.bill_day_id.in_(bill_ids), BillItem.fee_fen != 0
    )
    return {row.bill_day_id: int(row.fen) for row in session.execute(wanted.group_by(BillItem.bill_day_id))}


# ---- differences -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BillFilters:
    """What the panel asks for."""

    region_id: int | None = None
    day: date | None = None
    difference: Difference | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRow:
    """One difference as the list shows it; the person is masked."""

    id: int
    kind: BillKind
    on_day: date
    state: ItemState
    difference: Difference
    at: datetime | None
    wechat_id: str
    our_no: str
    bill_fen: int | None
    book_fen: int | None
    letter: str
    region: str
    paid_for: str  # 车款, 租金, 租车押金 …; empty where it is not known
    order_id: int | None
    number: str | None
    deposit_id: int | None
    name: str
    phone: str
    payment_status: PaymentStatus | None
    refund_status: RefundStatus | None
    told: Mapping[str, str] = field(default_factory=dict)
    cause: Cause | None = None
    remedy: Remedy | None = None
    reason: str = ""
    resolved_by: str = ""
    resolved_at: datetime | None = None

    @property
    def difference_fen(self) -> int:
        """By how much the bill has more than our books."""
        return (self.bill_fen or 0) - (self.book_fen or 0)

    @property
    def can_resolve(self) -> bool:
        """Whether somebody has yet to say something."""
        return self.state in (ItemState.OPEN, ItemState.WAITING)

    @property
    def can_ask(self) -> bool:
        """Whether WeChat can be asked about it."""
        return self.can_resolve and self.difference in ASKED_AS_REFUND and bool(self.our_no)

    @property
    def is_suspect(self) -> bool:
        """Whether its money waits under 异常支付."""
        return self.payment_status is PaymentStatus.SUSPECT


@dataclass(frozen=True, slots=True)
class ItemPage:
    """One page, and how many there are in each list."""

    page: Page[ItemRow]
    first: int  # the place of the page's first row, from 1; 0 without rows
    counts: Mapping[ItemState, int]

    @property
    def last(self) -> int:
        """The place of the page's last row."""
        return max(self.first + len(self.page.rows) - 1, 0)


def item_page(
    session: Session,
    actor: Actor,
    tab: ItemState,
    filters: BillFilters,
    *,
    after: Key | None,
    before: Key | None,
    size: int,
) -> ItemPage:
    """Differences of a state: what is to be done by when the money moved, what is done newest first."""
    stream = _stream(tab, _conditions(actor, filters))
    page = _page(session, tab, stream, after=after, before=before, size=size)
    first = 1 if page.rows else 0
    if page.newer is not None:
        edge, key = tuple_(stream.at, stream.id), (page.newer.at, page.newer.id)
        before_it = stream.wanted.where(edge < key if _oldest_first(tab) else edge > key)
        first += session.scalar(select(func.count()).select_from(before_it.subquery())) or 0
    return ItemPage(page, first, _counts(session, _conditions(actor, filters)))


def how_many(session: Session, actor: Actor, tab: ItemState, filters: BillFilters) -> int:
    """The number of differences of a state."""
    return _counts(session, _conditions(actor, filters))[tab]


def every_item(session: Session, actor: Actor, tab: ItemState, filters: BillFilters) -> Iterator[ItemRow]:
    """All differences of a state, as the list shows them and in its order, read page by page."""
    stream = _stream(tab, _conditions(actor, filters))
    return every_row(lambda after, size: _page(session, tab, stream, after=after, before=None, size=size))


def _page(
    session: Session, tab: ItemState, stream: Stream, *, after: Key | None, before: Key | None, size: int
) -> Page[ItemRow]:
    return page_of_streams(
        session,
        [stream],
        after=after,
        before=before,
        size=size,
        load=lambda ids: rows_of(session, ids),
        oldest_first=_oldest_first(tab),
    )


def _oldest_first(tab: ItemState) -> bool:
    return tab is not ItemState.RESOLVED


def _conditions(actor: Actor, filters: BillFilters) -> list[ColumnElement[bool]]:
    conditions = [visible(actor)]
    if filters.region_id is not None:
        conditions.append(BillItem.region_id == filters.region_id)
    if filters.day is not None:
        conditions.append(BillDay.on_day == filters.day)
    if filters.difference is not None:
        conditions.append(BillItem.difference == filters.difference)
    return conditions


def _stream(tab: ItemState, conditions: Sequence[ColumnElement[bool]]) -> Stream:
    at: SQLColumnExpression[Any] = func.coalesce(BillItem.at, BillDay.fetched_at)
    if tab is ItemState.RESOLVED:
        at = BillItem.resolved_at
    wanted: Select[*tuple[Any, ...]] = select(BillItem.id.label("id"), at.label("at"))
    wanted = wanted.join(BillDay, BillDay.id == BillItem.bill_day_id)
    return Stream(wanted.where(BillItem.state == tab, *conditions), at, BillItem.id)


def _counts(session: Session, conditions: Sequence[ColumnElement[bool]]) -> Mapping[ItemState, int]:
    counts: list[ScalarSelect[int]] = [
        select(func.count()).select_from(_stream(tab, conditions).wanted.subquery()).scalar_subquery() for tab in LISTED
    ]
    return dict(zip(LISTED, session.execute(select(*counts)).one(), strict=True))


def rows_of(session: Session, ids: Sequence[int]) -> dict[int, ItemRow]:
    """The rows of some items, with what their payment or refund was for."""
    found = session.execute(
        select(
            BillItem,
            BillDay.kind,
            BillDay.on_day,
            Region.letter,
            Region.name.label("region"),
            Payment.status.label("payment_status"),
            Refund.status.label("refund_status"),
            Charge.purpose,
            Deposit.kind.label("deposit_kind"),
            func.coalesce(Charge.deposit_id, BatteryUse.deposit_id).label("deposit_id"),
            Order.id.label("order_id"),
            Order.number,
            Identity.name,
            Identity.phone,
            Staff.name.label("staff"),
        )
        .join(BillDay, BillDay.id == BillItem.bill_day_id)
        .outerjoin(Region, Region.id == BillItem.region_id)
        .outerjoin(Refund, Refund.id == BillItem.refund_id)
        .outerjoin(Payment, Payment.id == func.coalesce(BillItem.payment_id, Refund.payment_id))
        .outerjoin(Charge, Charge.id == Payment.charge_id)
        .outerjoin(Deposit, Deposit.id == Charge.deposit_id)
        .outerjoin(BatteryUse, BatteryUse.id == Charge.battery_use_id)
        .outerjoin(Rental, Rental.id == Charge.rental_id)
        .outerjoin(Order, Order.id == func.coalesce(Charge.order_id, Rental.order_id, Deposit.order_id))
        .outerjoin(Identity, Identity.customer_id == Charge.customer_id)
        .outerjoin(Staff, Staff.id == BillItem.resolved_by)
        .where(BillItem.id.in_(ids), BillItem.difference.is_not(None))
    )
    return {row.BillItem.id: _row(row) for row in found}


def _row(row: Any) -> ItemRow:
    item: BillItem = row.BillItem
    assert item.difference is not None  # noqa: S101  # asked for
    return ItemRow(
        id=item.id,
        kind=row.kind,
        on_day=row.on_day,
        state=item.state,
        difference=item.difference,
        at=item.at,
        wechat_id=item.wechat_id or "",
        our_no=item.our_no or "",
        bill_fen=item.bill_fen,
        book_fen=item.book_fen,
        letter=row.letter or "",
        region=row.region or "",
        paid_for=paid_for(row.purpose, row.deposit_kind) if row.purpose else "",
        order_id=row.order_id,
        number=row.number,
        deposit_id=row.deposit_id,
        name=masked_name(row.name) if row.name else "",
        phone=masked_phone(row.phone) if row.phone else "",
        payment_status=row.payment_status,
        refund_status=row.refund_status,
        told=item.told or {},
        cause=item.cause,
        remedy=item.remedy,
        reason=item.reason or "",
        resolved_by=row.staff or "",
        resolved_at=item.resolved_at,
    )


@dataclass(frozen=True, slots=True)
class Beside:
    """What another line, or another bill, has of the same payment or refund."""

    kind: BillKind
    on_day: date
    fen: int | None  # None: an item without a line
    is_fee: bool


def item_of(session: Session, actor: Actor, item_id: int) -> ItemRow:
    """One difference. Raises NotFound."""
    seen = select(BillItem.id).where(BillItem.id == item_id, BillItem.difference.is_not(None), visible(actor))
    if session.scalar(seen) is None:
        raise NotFound
    return rows_of(session, [item_id])[item_id]


def beside(session: Session, item: ItemRow) -> list[Beside]:
    """The lines of the same payment or refund in all bills, oldest day first."""
    if not item.wechat_id:
        return []
    rows = session.execute(
        select(BillDay.kind, BillDay.on_day, BillItem.bill_fen, BillItem.line_no, BillItem.fee_fen)
        .join(BillDay, BillDay.id == BillItem.bill_day_id)
        .where(BillItem.wechat_id == item.wechat_id, BillItem.id != item.id)
        .order_by(BillDay.on_day, BillDay.kind.desc(), BillItem.id)
    )
    return [
        Beside(row.kind, row.on_day, row.bill_fen, row.kind is BillKind.FUND and row.fee_fen is not None)
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class AskedAbout:
    """A payment or refund by its number, as WeChat is asked about it."""

    our_no: str
    is_refund: bool


def asked_about(session: Session, actor: Actor, item_id: int) -> AskedAbout:
    """What to ask about a difference. Raises NotFound: not seen, or nothing that WeChat could be asked about."""
    row = session.execute(
        select(BillItem.our_no, BillItem.difference).where(BillItem.id == item_id, visible(actor))
    ).one_or_none()
    if row is None or row.difference not in ASKED_AS_REFUND or not row.our_no:
        raise NotFound
    return AskedAbout(row.our_no, ASKED_AS_REFUND[row.difference])


def open_bills(session: Session, actor: Actor) -> int:
    """How many differences somebody has to look at."""
    wanted = select(func.count()).select_from(BillItem).where(BillItem.state == ItemState.OPEN, visible(actor))
    return session.scalar(wanted) or 0
