"""对账: the bills of each day, their differences, and what somebody says of them (decision 33)."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import Response, request, url_for

from app.blueprints.finance import bill_words as words
from app.blueprints.finance.bill_forms import SIZES, USUAL_SIZE, BillFilterForm, ResolveForm
from app.blueprints.finance.section import bp, region_kept
from app.domain import labels
from app.domain.bills import LISTED, BillKind, Cause, Difference, ItemState, Remedy, causes_of
from app.domain.money import yuan
from app.domain.permissions import Permission
from app.ports import GatewayRefused, OutcomeUnknown
from app.queries import bills as reads
from app.queries.bills import BillFilters, DayOfBills, ItemRow
from app.queries.paging import Key
from app.usecases import reconciling
from app.web.current import actor, now, runtime
from app.web.exporting import export_offer
from app.web.forms import from_query
from app.web.guards import requires, row_id
from app.web.htmx import render, see_other
from app.web.reading import forget_reads, read_session
from app.web.regions import Chosen, chosen_region, switch_entries

SHOWN_DAYS = 7
MOST_AT_ONCE = 100
ONE, BATCH = "one-", "batch-"
"""What the names of the two forms begin with: both stand on one page."""


@dataclass(frozen=True, slots=True)
class DayRow:
    """A day with its two bills."""

    on_day: date
    url: str
    cells: tuple[words.BillCell, ...]
    fees: str
    fetched_at: datetime | None
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A difference in the list; `open` is what it shows when it is unfolded."""

    row: ItemRow
    url: str  # unfolds it, or folds it again
    is_open: bool

    @property
    def word(self) -> str:
        """How bill and books differ."""
        return labels.DIFFERENCE[self.row.difference]

    @property
    def badge(self) -> labels.Badge:
        """The same, as a badge."""
        return labels.Badge(self.word, "stop" if self.row.can_resolve else "void")

    @property
    def book(self) -> str:
        """What our books have."""
        return yuan(self.row.book_fen or 0)

    @property
    def bill(self) -> str:
        """What the bill has."""
        return yuan(self.row.bill_fen or 0)

    @property
    def more(self) -> str:
        """By how much the bill has more."""
        fen = self.row.difference_fen
        return f"+{yuan(fen)}" if fen > 0 else yuan(fen)


def filters_of(form: BillFilterForm, region_id: int | None) -> BillFilters:
    """What the panel and the region switch ask for."""
    difference = Difference(form.difference.data) if form.difference.data else None
    return BillFilters(region_id, form.day.data, difference)


@dataclass(frozen=True, slots=True)
class Query:
    """What the address says; links of the page keep it."""

    form: BillFilterForm
    chosen: Chosen

    @property
    def tab(self) -> ItemState:
        """The list that is looked at."""
        return ItemState(self.form.tab.data)

    @property
    def filters(self) -> BillFilters:
        """What it is narrowed to."""
        return filters_of(self.form, self.chosen.id)

    @property
    def kept(self) -> dict[str, Any]:
        """The query of the page; None is left out."""
        return {
            "region": region_kept(self.chosen),
            "tab": self.tab if self.tab is not ItemState.OPEN else None,
            "day": self.form.day.data,
            "difference": self.form.difference.data or None,
            "size": self.form.size.data if self.form.size.data != USUAL_SIZE else None,
            "after": request.args.get("after"),
            "before": request.args.get("before"),
        }

    def link(self, endpoint: str = ".bills", **changed: Any) -> str:
        """An address with the same query but for what is changed."""
        return url_for(endpoint, **{**self.kept, **changed})

    def first_page(self, **changed: Any) -> str:
        """The same from the beginning of the list."""
        return self.link(after=None, before=None, **changed)

    def tab_url(self, tab: ItemState) -> str:
        """Another list."""
        return self.first_page(tab=tab if tab is not ItemState.OPEN else None)


def _query() -> Query:
    return Query(from_query(BillFilterForm), chosen_region(Permission.BILLS_RECONCILE))


@bp.get("/finance/bills")
@requires(Permission.BILLS_RECONCILE)
def bills() -> Response:
    """The days' bills, and the differences of a state."""
    return _page(_query())


@bp.post("/finance/bills/fetch")
@requires(Permission.BILLS_RECONCILE)
def fetch_bills() -> Response:
    """The jobs process fetches what is missing, now."""
    reconciling.want_bills(actor=actor(), now=now())
    return see_other(_query().link(said="fetching"))


@bp.post("/finance/bills/items/<int:item_id>/resolve")
@requires(Permission.BILLS_RECONCILE)
def resolve_item(item_id: int) -> Response:
    """Somebody says what a difference was and what was done."""
    query = _query()
    row = reads.item_of(read_session(), actor(), item_id)
    form = ResolveForm(causes_of(row.difference), prefix=ONE)
    if not form.validate():
        return _page(query, opened=item_id, one=form, status=422)
    return _resolve(query, [item_id], form)


@bp.post("/finance/bills/resolve")
@requires(Permission.BILLS_RECONCILE)
def resolve_items() -> Response:
    """The same of several: those that are chosen, or all of the page."""
    query = _query()
    form = ResolveForm(prefix=BATCH)
    sent = request.form.getlist("every" if "all" in request.form else "item")
    item_ids = [item_id for item_id in map(row_id, sent) if item_id][:MOST_AT_ONCE]
    problem = "" if item_ids else "先选中要处理的差异。"
    if not form.validate() or problem:
        return _page(query, batch=form, problem=problem, status=422)
    return _resolve(query, item_ids, form)


def _resolve(query: Query, item_ids: list[int], form: ResolveForm) -> Response:
    forget_reads()
    resolved = reconciling.resolve_items(
        item_ids,
        cause=Cause(form.cause.data),
        remedy=Remedy(form.remedy.data),
        note=form.note.data,
        actor=actor(),
        now=now(),
    )
    return see_other(query.link(said="resolved" if resolved else "already"))


@bp.post("/finance/bills/items/<int:item_id>/ask")
@requires(Permission.BILLS_RECONCILE)
def ask_wechat(item_id: int) -> Response:
    """What WeChat says of it now; money that is there is taken."""
    query = _query()
    forget_reads()
    try:
        said: str = reconciling.ask_wechat(runtime().till, item_id, actor=actor(), now=now())
    except (GatewayRefused, OutcomeUnknown):
        said = words.SILENT
    return see_other(query.link(item=item_id, said=said))


def _page(
    query: Query,
    *,
    opened: int | None = None,
    one: ResolveForm | None = None,
    batch: ResolveForm | None = None,
    problem: str = "",
    status: int = 200,
) -> Response:
    session, tab = read_session(), query.tab
    opened = opened or query.form.item.data
    after, before = Key.parse(request.args.get("after")), Key.parse(request.args.get("before"))
    size = query.form.size.data
    found = reads.item_page(session, actor(), tab, query.filters, after=after, before=before, size=size)
    if not found.page.rows and (after or before) and status == 200:  # noqa: PLR2004  # nothing left on this page
        return see_other(query.first_page(said=request.args.get("said")))
    lines = [_line(query, row, is_open=row.id == opened) for row in found.page.rows]
    shown = next((line.row for line in lines if line.is_open), None)
    missing = reads.missing_bills(session, now())
    last = query.form.day.data or reads.last_day(now())
    days = reads.days_of_bills(session, missing, last=last, many=1 if query.form.day.data else SHOWN_DAYS)
    rows = [_day(query, day) for day in days]
    can_resolve = tab is not ItemState.RESOLVED
    return render(
        "finance/bills.html",
        block="bill_items",
        status=status,
        regions=switch_entries(query.chosen),
        said=words.SAID.get(request.args.get("said", ""), ""),
        fetch_url=query.link(".fetch_bills"),
        missing_words=words.missing_words(missing),
        days=rows,
        newest=next(iter(rows), None),
        all_days_url=query.first_page(day=None) if query.form.day.data else "",
        bill_kinds=[labels.BILL_KIND[kind] for kind in BillKind],
        tabs=[(query.tab_url(one), words.TABS[one], found.counts[one], one is tab) for one in LISTED],
        tab_keep={"tab": tab.value} if tab is not ItemState.OPEN else {},
        panel_keep={"region": region} if (region := region_kept(query.chosen)) else {},
        day=query.form.day.data,
        difference=query.form.difference.data,
        differences=[("", "全部差异"), *((one.value, labels.DIFFERENCE[one]) for one in Difference)],
        reset_url=query.first_page(day=None, difference=None),
        lines=lines,
        nothing=words.NOTHING[tab],
        foot=words.FOOT[tab],
        export=export_offer("differences", found.counts[tab], query.chosen, query.kept),
        found=found,
        total=found.counts[tab],
        sizes=[(each, each == size) for each in SIZES],
        newer_url=query.link(before=str(found.page.newer), after=None) if found.page.newer else "",
        older_url=query.link(after=str(found.page.older), before=None) if found.page.older else "",
        can_resolve=can_resolve and bool(lines),
        batch=batch or ResolveForm(prefix=BATCH, formdata=None),
        batch_url=query.link(".resolve_items"),
        problem=problem,
        facts=words.facts(shown, reads.beside(session, shown)) if shown else [],
        advice=words.advice(shown) if shown else "",
        one=(one or ResolveForm(causes_of(shown.difference), prefix=ONE, formdata=None)) if shown else None,
        resolve_url=query.link(".resolve_item", item_id=shown.id) if shown else "",
        ask_url=query.link(".ask_wechat", item_id=shown.id) if shown and shown.can_ask else "",
        labels=labels,
    )


def _line(query: Query, row: ItemRow, *, is_open: bool) -> Line:
    return Line(row, query.link(item=None if is_open else row.id, _anchor=f"item-{row.id}"), is_open)


def _day(query: Query, day: DayOfBills) -> DayRow:
    fees = sum(bill.fee_fen for kind, bill in day.bills.items() if kind is BillKind.TRADE)
    return DayRow(
        day.on_day,
        query.first_page(day=day.on_day),
        tuple(words.bill_cell(kind, day) for kind in BillKind),
        yuan(fees),
        words.fetched_at(day),
        day.on_day == query.form.day.data,
    )
