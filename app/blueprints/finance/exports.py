"""The lists of this section as sheets: their columns, and cells that say what the list says on the screen."""

from collections.abc import Sequence
from datetime import date, datetime

from app.blueprints.finance import bill_words, ledger
from app.blueprints.finance.bill_forms import BillFilterForm
from app.blueprints.finance.bills import filters_of as bill_filters_of
from app.blueprints.finance.forms import TransferForm
from app.documents.sheets import Cell, Column, Kind
from app.domain import labels
from app.domain.bills import ItemState
from app.domain.bookings import booking_words, reference
from app.domain.permissions import Actor, Permission
from app.queries import bills, transfers
from app.queries.bills import BillFilters, ItemRow
from app.queries.exports import Asked, ExportedList
from app.queries.transfers import TransferFilters, TransferRow
from app.web.exporting import days_words, filter_words, searched_words
from app.web.forms import from_query


def _transfer_cells(row: TransferRow, _actor: Actor, _now: datetime) -> Sequence[Cell]:
    return (
        row.at,
        row.booked_on,
        booking_words(row.entry_key, row.debit, row.credit, row.purpose),
        *reference(row.entry_key),
        row.number or row.battery,
        row.name or (labels.ERASED if row.customer_id else ""),
        row.phone,
        row.letter,
        labels.ACCOUNT[row.debit],
        labels.ACCOUNT[row.credit],
        row.sign * row.amount_fen,
    )


def _transfer_filters(asked: Asked, region_id: int | None, _today: date) -> tuple[str, TransferFilters]:
    form = from_query(TransferForm, asked)
    return form.of.data, ledger.filters_of(form, region_id)


def _transfer_words(_session: object, asked: tuple[str, TransferFilters]) -> str:
    of, filters = asked
    return filter_words(
        days_words(filters.first, filters.last),
        dict(ledger.of_options())[of] if of else "",
        labels.PURPOSE[filters.purpose] if filters.purpose else "",
        "不属于门店" if filters.nowhere else "",
        "一位用户" if filters.customer_id else "",
        "一个订单" if filters.order_id else "",
        "一笔押金" if filters.deposit_id else "",
        searched_words(filters.search),
    )


TRANSFERS = ExportedList(
    name="transfers",
    title="账目明细",
    unit="笔",
    right=Permission.LEDGER_VIEW,
    columns=(
        Column("时间", Kind.MOMENT, 17),
        Column("记账日", Kind.DAY, 12),
        Column("是什么", width=28),
        Column("单号名称", width=14),
        Column("单号", width=30),
        Column("编号", width=9),
        Column("姓名", width=10),
        Column("手机", width=14),
        Column("区域", width=7),
        Column("借", width=14),
        Column("贷", width=14),
        Column("金额", Kind.MONEY),
    ),
    cells=_transfer_cells,
    filters=_transfer_filters,
    words=_transfer_words,
    count=lambda session, actor, asked, _now: transfers.how_many(session, actor, asked[1]),
    rows=lambda session, actor, asked, _now: transfers.every_transfer(session, actor, asked[1]),
)


def _item_cells(row: ItemRow, _actor: Actor, _now: datetime) -> Sequence[Cell]:
    return (
        labels.DIFFERENCE[row.difference],
        labels.BILL_KIND[row.kind],
        row.on_day,
        row.wechat_id,
        row.our_no,
        row.letter,
        row.region,
        row.number,
        row.paid_for,
        row.book_fen or 0,
        row.bill_fen or 0,
        row.difference_fen,
        labels.ITEM_STATE[row.state].word,
        labels.BILL_CAUSE[row.cause] if row.cause else "",
        labels.BILL_REMEDY[row.remedy] if row.remedy else "",
        row.reason,
        row.resolved_by,
        row.resolved_at,
    )


def _item_filters(asked: Asked, region_id: int | None, _today: date) -> tuple[ItemState, BillFilters]:
    form = from_query(BillFilterForm, asked)
    return ItemState(form.tab.data), bill_filters_of(form, region_id)


def _item_words(_session: object, asked: tuple[ItemState, BillFilters]) -> str:
    tab, filters = asked
    difference = labels.DIFFERENCE[filters.difference] if filters.difference else ""
    return filter_words(f"账单日 {filters.day}" if filters.day else "不限时间", bill_words.TABS[tab], difference)


DIFFERENCES = ExportedList(
    name="differences",
    title="对账差异",
    unit="笔",
    right=Permission.BILLS_RECONCILE,
    columns=(
        Column("差异", width=20),
        Column("账单", width=10),
        Column("账单日", Kind.DAY, 12),
        Column("微信单号", width=32),
        Column("商户单号", width=28),
        Column("区域", width=7),
        Column("门店", width=10),
        Column("编号", width=9),
        Column("用途", width=12),
        Column("账本", Kind.MONEY),
        Column("微信账单", Kind.MONEY),
        Column("差额", Kind.MONEY),
        Column("状态", width=10),
        Column("原因", width=20),
        Column("做法", width=20),
        Column("说明", width=24),
        Column("处理人", width=10),
        Column("处理时间", Kind.MOMENT, 17),
    ),
    cells=_item_cells,
    filters=_item_filters,
    words=_item_words,
    count=lambda session, actor, asked, _now: bills.how_many(session, actor, *asked),
    rows=lambda session, actor, asked, _now: bills.every_item(session, actor, *asked),
)
EXPORTS = (TRANSFERS, DIFFERENCES)
