"""The lists of this section as sheets: their columns, and cells that say what the list says on the screen."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from app.blueprints.orders import words
from app.blueprints.orders.forms import DepositFilterForm, OrderFilterForm
from app.blueprints.orders.listing import RENTALS, SALES, Screen, filters_of
from app.blueprints.orders.steps import cell_for
from app.documents.sheets import Cell, Column, Kind
from app.domain import labels
from app.domain.deposits import DepositKind
from app.domain.finding import read_search
from app.domain.permissions import Actor, Permission
from app.queries import deposit_list, orders
from app.queries.deposit_list import DepositFilters, DepositRow, DepositTab
from app.queries.exports import Asked, ExportedList
from app.queries.orders import OrderFilters, OrderRow
from app.web.exporting import days_words, filter_words, searched_words
from app.web.forms import from_query


def _orders(screen: Screen) -> ExportedList[OrderFilters, OrderRow]:
    """Of rentals with two columns more: the plan, and whether the vehicle is back."""
    rented = screen is RENTALS

    def cells(row: OrderRow, actor: Actor, now: datetime) -> Sequence[Cell]:
        status, *back = words.state_badges(row.status, row.rental_status, row.days_late)
        step = cell_for(actor, row.next_step, now)
        return (
            row.number,
            row.order_no,
            row.model,
            *((row.plan,) if rented else ()),
            row.name,
            row.phone,
            row.school,
            row.amount_fen,
            labels.PAY_STATE[row.pay_state],
            row.reserved_at,
            status.word,
            *(("，".join(badge.word for badge in back),) if rented else ()),
            f"{step.act} {step.text}",
        )

    def filters(asked: Asked, region_id: int | None, today: date) -> OrderFilters:
        return filters_of(screen, from_query(OrderFilterForm, asked), region_id, today)

    def said(session: Any, filters: OrderFilters) -> str:
        models = orders.models_of(session, filters.businesses) if filters.model_id else ()
        return filter_words(
            days_words(filters.first_on, filters.last_on),
            labels.BUSINESS[filters.businesses[0]] if filters.businesses != screen.businesses else "",
            next((row.name for row in models if row.id == filters.model_id), ""),
            labels.ORDER_STATE[filters.state] if filters.state else "",
            labels.TODO[filters.todo] if filters.todo else "",
            searched_words(filters.search),
        )

    return ExportedList(
        name=screen.name,
        title=screen.title,
        unit="单",
        right=Permission.ORDERS_VIEW,
        columns=(
            Column("编号", width=9),
            Column("订单号", width=16),
            Column("车型", width=16),
            *((Column("方案", width=9),) if rented else ()),
            Column("姓名", width=10),
            Column("手机", width=14),
            Column("学校", width=20),
            Column(screen.money, Kind.MONEY),
            Column("支付", width=10),
            Column("预约时间", Kind.MOMENT, 17),
            Column("状态", width=9),
            *((Column("还车", width=12),) if rented else ()),
            Column("下一步", width=24),
        ),
        cells=cells,
        filters=filters,
        words=said,
        count=orders.how_many,
        rows=orders.every_order,
    )


def _deposit_cells(row: DepositRow, _actor: Actor, _now: datetime) -> Sequence[Cell]:
    return (
        row.name or labels.ERASED,
        row.phone,
        row.number,
        row.letter,
        labels.DEPOSIT_KIND[row.kind],
        row.amounts.amount_fen,
        row.amounts.withheld_fen,
        row.amounts.refundable_fen,
        row.paid_at,
        row.days_held,
        row.badge.word,
    )


def _deposit_filters(asked: Asked, region_id: int | None, _today: date) -> tuple[DepositTab, DepositFilters]:
    form = from_query(DepositFilterForm, asked)
    tab = next((one for one in DepositTab if one == form.tab.data), DepositTab.HELD)
    kind = DepositKind(form.kind.data) if form.kind.data else None
    return tab, DepositFilters(region_id, kind, read_search(form.q.data))


def _deposit_words(_session: object, filters: tuple[DepositTab, DepositFilters]) -> str:
    tab, narrowed = filters
    kind = labels.DEPOSIT_KIND[narrowed.kind] if narrowed.kind else ""
    return filter_words(words.DEPOSIT_TABS[tab], kind, searched_words(narrowed.search))


DEPOSITS = ExportedList(
    name="deposits",
    title="押金",
    unit="笔",
    right=Permission.ORDERS_VIEW,
    columns=(
        Column("姓名", width=10),
        Column("手机", width=14),
        Column("租车编号", width=10),
        Column("区域", width=7),
        Column("种类", width=12),
        Column("押金", Kind.MONEY),
        Column("已扣", Kind.MONEY),
        Column("可退", Kind.MONEY),
        Column("付款时间", Kind.MOMENT, 17),
        Column("天数", Kind.COUNT, 8),
        Column("状态", width=10),
    ),
    cells=_deposit_cells,
    filters=_deposit_filters,
    words=_deposit_words,
    count=lambda session, actor, filters, _now: deposit_list.how_many(session, actor, *filters),
    rows=lambda session, actor, filters, now: deposit_list.every_deposit(session, actor, *filters, now),
)
EXPORTS = (_orders(SALES), _orders(RENTALS), DEPOSITS)
