"""The orders section: the list of sale orders, the page of one, its acts, and the money that waits for a person."""

from flask import Blueprint, Response, request, url_for

from app.blueprints.orders import words
from app.blueprints.orders.forms import (
    SIZES,
    USUAL_SIZE,
    CancelForm,
    NoteForm,
    OrderFilterForm,
    ReasonForm,
    TroubleForm,
)
from app.blueprints.orders.listing import (
    ListLinks,
    empty_of,
    filters_of,
    kept_of,
    owed_words,
    query_url,
    ranges_of,
    scope_words,
    tab_keep,
    tabs_of,
)
from app.domain import labels
from app.domain.calendar import business_day
from app.domain.errors import RuleBroken
from app.domain.orders import OrderEvent, next_status
from app.domain.permissions import Permission
from app.queries import order_page as pages
from app.queries import orders, suspects
from app.queries.paging import Key
from app.queries.suspects import Trouble
from app.usecases import customers, notes
from app.usecases.orders import cancel_order
from app.web.current import actor, now
from app.web.forms import from_query
from app.web.guards import requires
from app.web.htmx import is_htmx, render, see_other
from app.web.reading import forget_reads, read_session
from app.web.regions import ALL, chosen_region, switch_entries
from app.web.timeline import timeline_items

bp = Blueprint("orders", __name__)

HEADS = (
    ("plate", "编号"),
    ("id", "订单号"),
    ("what", "车型"),
    ("who", "用户"),
    ("school", "学校"),
    ("money", "应付"),
    ("paid", "支付"),
    ("when", "预约时间"),
    ("state", "状态"),
    ("next", "下一步"),
)
ORDER = "/orders/<int:order_id>"
FREEZE, UNFREEZE = "orders/freeze.html", "orders/unfreeze.html"


@bp.get("/orders")
@requires(Permission.ORDERS_VIEW)
def section() -> Response:
    """The section begins with its list."""
    return see_other(url_for(".sale_orders"))


@bp.get("/orders/sales")
@requires(Permission.ORDERS_VIEW)
def sale_orders() -> Response:
    """Sale orders by the filter of the URL, newest first. ORD-1, ORD-3."""
    chosen = chosen_region(Permission.ORDERS_VIEW)
    form = from_query(OrderFilterForm)
    today = business_day(now())
    models = orders.sale_models(read_session())
    filters = filters_of(form, chosen, models, today)
    links = ListLinks(kept_of(form, chosen, filters))
    after, before = Key.parse(request.args.get("after")), Key.parse(request.args.get("before"))
    found = orders.order_list(
        read_session(), actor(), filters, after=after, before=before, size=form.size.data, now=now()
    )
    if not found.page.rows and (after or before):
        return see_other(links.to())  # what stood behind the key is gone: begin anew
    return render(
        "orders/sales.html",
        block="order_rows",
        chosen=chosen,
        regions=switch_entries(chosen),
        scope=scope_words(chosen),
        heads=HEADS,
        found=found,
        tabs=tabs_of(found, filters, links),
        owed=owed_words(found, filters),
        empty=None if found.page.rows else empty_of(filters, chosen, models, links, found, now()),
        ranges=ranges_of(filters, today),
        filters=filters,
        models=[("", "全部车型"), *((row.id, row.name) for row in models)],
        todos=[("", "全部进度"), *((todo.value, word) for todo, word in labels.TODO.items())],
        q=form.q.data,
        shown=found.tallies[filters.status].orders if filters.status else found.total,
        panel_keep={name: links.kept[name] for name in ("region",) if name in links.kept},
        tab_keep=tab_keep(links),
        sizes=[(size, size == form.size.data) for size in SIZES],
        newer_url=links.to(before=str(found.page.newer)) if found.page.newer else "",
        older_url=links.to(after=str(found.page.older)) if found.page.older else "",
        reset_url=url_for(".sale_orders", region=links.kept.get("region")),
        next_cell=lambda row: words.next_cell(row.next_step, now()),
        labels=labels,
        may_pick_up=actor().may(Permission.PICKUP),
    )


@bp.get(ORDER)
@requires(Permission.ORDERS_VIEW)
def order(order_id: int) -> Response:
    """The page of one order."""
    return _order_page(order_id, NoteForm(formdata=None))


def _order_page(order_id: int, form: NoteForm, *, block: str | None = None, status: int = 200) -> Response:
    found = pages.order_page(read_session(), actor(), order_id, now())
    return render(
        "orders/order.html",
        block=block,
        status=status,
        order=found,
        regions=switch_entries(chosen_region(Permission.ORDERS_VIEW)),
        strip=words.strip_of(found, now()),
        form=form,
        labels=labels,
        words=words,
        story=timeline_items(found.entries, now()),
    )


@bp.get(f"{ORDER}/cancel")
@requires(Permission.ORDERS_CANCEL)
def cancel_sheet(order_id: int) -> Response:
    """Who, from what, paid, already back, at most; and why. The amount is fixed."""
    found = pages.order_page(read_session(), actor(), order_id, now())
    next_status(found.status, OrderEvent.CANCEL)
    return _cancel_sheet(found, CancelForm(formdata=None))


@bp.post(f"{ORDER}/cancel")
@requires(Permission.ORDERS_CANCEL)
def cancel(order_id: int) -> Response:
    """Cancels, and sends back what was paid. The order's page is the receipt. SET-6."""
    form = CancelForm()
    found = pages.order_page(read_session(), actor(), order_id, now())
    if not form.validate():
        return _cancel_sheet(found, form, status=422)
    forget_reads()
    try:
        cancel_order(order_id, reason=form.reason, actor=actor(), now=now())
    except RuleBroken as broken:
        return _cancel_sheet(found, form, problem=labels.refusal(broken), status=422)
    return see_other(url_for(".order", order_id=order_id))


def _cancel_sheet(found: pages.OrderPage, form: CancelForm, *, problem: str = "", status: int = 200) -> Response:
    return render(
        "orders/cancel.html", block="sheet", status=status, order=found, form=form, problem=problem, labels=labels
    )


@bp.get(f"{ORDER}/freeze")
@requires(Permission.PEOPLE_FREEZE)
def freeze_sheet(order_id: int) -> Response:
    """Why the person of the order is barred from anything new."""
    return _freeze_sheet(FREEZE, order_id, ReasonForm(formdata=None))


@bp.post(f"{ORDER}/freeze")
@requires(Permission.PEOPLE_FREEZE)
def freeze(order_id: int) -> Response:
    """Freezes the person of the order. Decision 5."""
    form = ReasonForm()
    if not form.validate():
        return _freeze_sheet(FREEZE, order_id, form, status=422)
    forget_reads()
    try:
        customers.freeze(order_id, reason=form.reason.data, actor=actor(), now=now())
    except RuleBroken as broken:
        return _freeze_sheet(FREEZE, order_id, form, problem=labels.refusal(broken), status=422)
    return see_other(url_for(".order", order_id=order_id))


@bp.get(f"{ORDER}/unfreeze")
@requires(Permission.PEOPLE_FREEZE)
def unfreeze_sheet(order_id: int) -> Response:
    """Why the person may go on."""
    return _freeze_sheet(UNFREEZE, order_id, ReasonForm(formdata=None))


@bp.post(f"{ORDER}/unfreeze")
@requires(Permission.PEOPLE_FREEZE)
def unfreeze(order_id: int) -> Response:
    """Lifts the freeze that staff set."""
    form = ReasonForm()
    if not form.validate():
        return _freeze_sheet(UNFREEZE, order_id, form, status=422)
    forget_reads()
    try:
        customers.unfreeze(order_id, reason=form.reason.data, actor=actor(), now=now())
    except RuleBroken as broken:
        return _freeze_sheet(UNFREEZE, order_id, form, problem=labels.refusal(broken), status=422)
    return see_other(url_for(".order", order_id=order_id))


def _freeze_sheet(template: str, order_id: int, form: ReasonForm, *, problem: str = "", status: int = 200) -> Response:
    found = pages.order_page(read_session(), actor(), order_id, now())
    return render(
        template,
        block="sheet",
        status=status,
        order=found,
        form=form,
        problem=problem,
        labels=labels,
    )


@bp.post(f"{ORDER}/notes")
@requires(Permission.ORDERS_NOTE)
def add_note(order_id: int) -> Response:
    """Adds a note to the order."""
    form = NoteForm()
    if not form.validate():
        return _order_page(order_id, form, block="order_notes", status=422)
    forget_reads()
    notes.add_note(order_id, body=form.body.data, actor=actor(), now=now())
    if is_htmx():
        return _order_page(order_id, NoteForm(formdata=None), block="order_notes")
    return see_other(url_for(".order", order_id=order_id, _anchor="notes"))


@bp.get("/orders/suspects")
@requires(Permission.PAYMENTS_VIEW)
def suspect_payments() -> Response:
    """Money that waits for a person: read and compared here, not moved."""
    chosen = chosen_region(Permission.PAYMENTS_VIEW)
    form = from_query(TroubleForm)
    trouble = next((one for one in Trouble if one == form.kind.data), None)
    counts = suspects.trouble_counts(read_session(), actor(), region_id=chosen.id)
    found = suspects.trouble_page(
        read_session(),
        actor(),
        region_id=chosen.id,
        trouble=trouble,
        after=Key.parse(request.args.get("after")),
        before=Key.parse(request.args.get("before")),
        size=form.size.data,
    )

    def link(**changed: str | None) -> str:
        region = (chosen.region.letter if chosen.region else ALL) if len(chosen.offered) > 1 else None
        size = str(form.size.data) if form.size.data != USUAL_SIZE else None
        return query_url(".suspect_payments", {"region": region, "kind": trouble, "size": size, **changed})

    tabs = [(link(kind=None), "全部", sum(counts.values()), trouble is None)]
    names = {Trouble.PAYMENT: "异常支付", Trouble.REFUND: "退款异常", Trouble.ERRAND: "没送到"}
    tabs += [(link(kind=one), names[one], counts[one], trouble is one) for one in Trouble]
    return render(
        "orders/suspects.html",
        block="trouble_rows",
        chosen=chosen,
        regions=switch_entries(chosen),
        scope=f"{chosen.scope_words}，新的在前",
        found=found,
        total=counts[trouble] if trouble else sum(counts.values()),
        tabs=tabs,
        newer_url=link(before=str(found.page.newer)) if found.page.newer else "",
        older_url=link(after=str(found.page.older)) if found.page.older else "",
        words=words,
        here=link(),
    )
