"""账本: the accounts with what each holds, and the transfers that any figure is made of (decision 32)."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Response, request, url_for

from app.blueprints.finance import words
from app.blueprints.finance.forms import NOWHERE, SIZES, USUAL_SIZE, DayForm, TransferForm
from app.blueprints.finance.section import bp, region_kept, transfers_url
from app.domain import labels
from app.domain.bookings import booking_words, reference
from app.domain.calendar import business_day
from app.domain.charges import Purpose
from app.domain.closing import FLOWS, Figure, Flow, balances, through
from app.domain.finding import Shape, read_search
from app.domain.ledger import KINDS, Account, AccountKind
from app.domain.money import yuan
from app.domain.permissions import Permission
from app.queries import ledger as reads
from app.queries import transfers as lists
from app.queries.ledger import Within
from app.queries.transfers import DayKey, TransferFilters, TransferList, TransferRow
from app.web import formats
from app.web.current import actor, now
from app.web.exporting import export_offer
from app.web.forms import from_query
from app.web.guards import requires
from app.web.htmx import render, see_other
from app.web.reading import read_session
from app.web.regions import Chosen, chosen_region, switch_entries

HEADS = (
    ("when", "时间"),
    ("what", "是什么"),
    ("plate", "编号"),
    ("who", "用户"),
    ("accounts", "借，贷"),
    ("money", "金额"),
)


@dataclass(frozen=True, slots=True)
class AccountRow:
    """One account, or what the accounts of a kind hold together."""

    name: str
    meaning: str
    text: str
    url: str
    is_zero: bool


@bp.get("/finance/ledger")
@requires(Permission.LEDGER_VIEW)
def ledger() -> Response:
    """The accounts and their balances, now or at the end of a day."""
    chosen = chosen_region(Permission.LEDGER_VIEW)
    on_day = from_query(DayForm).day.data
    within = Within(actor().scope(Permission.LEDGER_VIEW).within(chosen.id))
    held = balances(reads.sums(read_session(), within, last=on_day))
    kinds = {kind: [account for account in words.ACCOUNT if KINDS[account] is kind] for kind in AccountKind}
    totals = {kind: sum(held[account] for account in accounts) for kind, accounts in kinds.items()}
    return render(
        "finance/ledger.html",
        regions=switch_entries(chosen),
        region=region_kept(chosen),
        on_day=on_day,
        today=business_day(now()),
        now_url=url_for(".ledger", region=region_kept(chosen)),
        all_url=transfers_url(region=region_kept(chosen)),
        groups=[
            (
                labels.ACCOUNT_KIND[kind],
                yuan(totals[kind]),
                [_account(account, held[account], on_day, chosen) for account in accounts],
            )
            for kind, accounts in kinds.items()
        ],
        both_sides=(
            yuan(totals[AccountKind.ASSET]),
            yuan(totals[AccountKind.LIABILITY] + totals[AccountKind.INCOME]),
        ),
    )


def _account(account: Account, fen: int, on_day: date | None, chosen: Chosen) -> AccountRow:
    return AccountRow(
        labels.ACCOUNT[account],
        words.ACCOUNT[account],
        yuan(fen),
        transfers_url(to=on_day, of=account, region=region_kept(chosen)),
        fen == 0,
    )


@dataclass(frozen=True, slots=True)
class Line:
    """One transfer as the list shows it."""

    row: TransferRow
    when: str
    moved: str  # the day it is booked on, if its own was closed
    words: str
    reference: tuple[str, str]
    debit: str
    credit: str
    amount: str
    person_url: str
    order_url: str
    deposit_url: str
    battery_url: str


@bp.get("/finance/ledger/transfers")
@requires(Permission.LEDGER_VIEW)
def transfers() -> Response:
    """Transfers, newest day first, with their number and sum."""
    chosen = chosen_region(Permission.LEDGER_VIEW)
    form = from_query(TransferForm)
    filters = filters_of(form, chosen.id)
    after, before = DayKey.parse(request.args.get("after")), DayKey.parse(request.args.get("before"))
    found = lists.transfers(read_session(), actor(), filters, after=after, before=before, size=form.size.data)
    kept = _kept(form, chosen)

    def link(**changed: Any) -> str:
        return url_for(".transfers", **{**kept, **changed})

    if not found.rows and (after or before):
        return see_other(link())
    narrowed = form.customer.data or form.order.data or form.deposit.data
    return render(
        "finance/transfers.html",
        block="transfer_rows",
        regions=switch_entries(chosen),
        scope="不属于门店" if filters.nowhere else chosen.scope_words,
        form=form,
        of_options=of_options(),
        purposes=[("", "全部用途"), *((purpose.value, labels.PURPOSE[purpose]) for purpose in Purpose)],
        panel_keep={key: kept[key] for key in ("region", "place", "customer", "order", "deposit") if kept.get(key)},
        heads=HEADS,
        found=found,
        lines=[_line(row, link) for row in found.rows],
        sum_words=_sum_words(found, filters),
        only=_only(found, form) if narrowed else "",
        widen_url=link(customer=None, order=None, deposit=None),
        empty_words=_empty_words(form, filters),
        reset_url=url_for(".transfers", region=kept["region"]),
        ledger_url=url_for(".ledger", region=kept["region"]),
        export=export_offer("transfers", found.total, chosen, kept),
        newer_url=link(before=str(found.newer)) if found.newer else "",
        older_url=link(after=str(found.older)) if found.older else "",
        sizes=[(size, size == form.size.data) for size in SIZES],
        labels=labels,
    )


def filters_of(form: TransferForm, region_id: int | None) -> TransferFilters:
    """What the panel and the region switch ask for."""
    first, last = form.from_on.data, form.to_on.data
    if first and last and last < first:
        first, last = last, first
    return TransferFilters(
        region_id=region_id,
        nowhere=form.place.data == NOWHERE,
        first=first,
        last=last,
        flows=_flows(form.of.data),
        purpose=Purpose(form.purpose.data) if form.purpose.data else None,
        customer_id=form.customer.data,
        order_id=form.order.data,
        deposit_id=form.deposit.data,
        search=read_search(form.q.data),
    )


def _flows(of: str) -> tuple[Flow, ...]:
    if not of:
        return ()
    return FLOWS[Figure(of)] if of in set(Figure) else through(Account(of))


def _kept(form: TransferForm, chosen: Chosen) -> dict[str, Any]:
    """What stands in every link of the page; what is not asked for is left out by `url_for`."""
    return {
        "region": region_kept(chosen),
        "place": form.place.data or None,
        "from": form.from_on.data,
        "to": form.to_on.data,
        "of": form.of.data or None,
        "purpose": form.purpose.data or None,
        "q": form.q.data or None,
        "customer": form.customer.data,
        "order": form.order.data,
        "deposit": form.deposit.data,
        "size": form.size.data if form.size.data != USUAL_SIZE else None,
    }


def of_options() -> list[tuple[str, str]]:
    """The accounts and figures that transfers may be asked for by."""
    accounts = [(account.value, f"账户：{labels.ACCOUNT[account]}") for account in words.ACCOUNT]
    figures = [(figure.value, f"日结：{word}") for figure, word in words.FIGURE.items()]
    return [("", "全部账"), *accounts, *figures]


def _line(row: TransferRow, link: Any) -> Line:
    see_orders = actor().may(Permission.ORDERS_VIEW)
    see_batteries = actor().may(Permission.FLASH_VIEW)
    return Line(
        row,
        formats.near_when(row.at, now()),
        formats.short_day(row.booked_on) if row.is_moved else "",
        booking_words(row.entry_key, row.debit, row.credit, row.purpose),
        reference(row.entry_key),
        labels.ACCOUNT[row.debit],
        labels.ACCOUNT[row.credit],
        formats.yuan(row.sign * row.amount_fen),
        link(customer=row.customer_id) if row.customer_id else "",
        url_for("orders.order", order_id=row.order_id) if row.order_id and see_orders else "",
        url_for("orders.deposit", deposit_id=row.deposit_id) if row.deposit_id and see_orders else "",
        url_for("flash_charge.battery", battery_id=row.battery_id) if row.battery_id and see_batteries else "",
    )


def _sum_words(found: TransferList, filters: TransferFilters) -> str:
    """What the transfers come to: with signs for an account or a figure, else what was moved."""
    word = "合计" if filters.flows else "发生额"
    return f"{word} {formats.yuan(found.amount_fen)}"


def _only(found: TransferList, form: TransferForm) -> str:
    """Whose transfers alone are shown."""
    row = next(iter(found.rows), None)
    if row is None:
        return "选定的用户或订单"
    if form.order.data:
        return f"订单 {row.number}"
    return "这笔押金" if form.deposit.data else f"{row.name or labels.ERASED} {row.phone}"


def _empty_words(form: TransferForm, filters: TransferFilters) -> tuple[str, str]:
    if filters.search is not None and filters.search.shape is Shape.UNREADABLE:
        return "没有看懂要找什么", "可以找：编号、四位尾号、手机号、姓名、拼音、订单号、微信支付单号、商户单号。"
    if form.from_on.data or form.to_on.data or form.of.data or form.purpose.data or filters.search:
        return "没有这样的账", "把日子放宽，或换一个条件。"
    return "还没有账", "收到第一笔钱，就记在这里。"
