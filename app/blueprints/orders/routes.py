"""The two lists of orders, the page of an order, and its acts (ORD-1 to ORD-3)."""

from dataclasses import replace

from flask import Response, g, request, url_for

from app.blueprints.orders import words
from app.blueprints.orders.forms import (
    SIZES,
    CancelForm,
    NoteForm,
    OrderFilterForm,
    ReasonForm,
    SearchForm,
)
from app.blueprints.orders.listing import (
    RENTALS,
    SALES,
    ListLinks,
    Screen,
    elsewhere_of,
    empty_of,
    filters_of,
    kept_of,
    owed_words,
    query_url,
    ranges_of,
    scope_words,
    screen_of,
    tab_keep,
    tabs_of,
    written_out,
)
from app.blueprints.orders.section import bp
from app.blueprints.orders.steps import DAMAGE, PICK_UP, REVIEW, Cell, cell_for, deposit_strip, strip_of, term_facts
from app.domain import labels
from app.domain.calendar import business_day
from app.domain.errors import NotFound, RuleBroken
from app.domain.finding import Search, Shape, read_search
from app.domain.numbering import VehicleNumber
from app.domain.orders import ORDER_NO_LETTER, OrderEvent, next_status
from app.domain.permissions import Permission
from app.queries import order_page as pages
from app.queries import orders
from app.queries.deposit_page import deposit_paid_by
from app.queries.orders import OrderFilters, OrderRow
from app.queries.paging import Key
from app.usecases import customers, notes
from app.usecases.orders import cancel_order
from app.web.current import actor, now
from app.web.exporting import export_offer
from app.web.forms import from_query
from app.web.guards import requires
from app.web.htmx import is_htmx, render, see_other
from app.web.reading import forget_reads, read_session
from app.web.regions import chosen_region, switch_entries
from app.web.timeline import timeline_items

HEADS = (
    ("plate", "编号"),
    ("id", "订单号"),
    ("what", "车型"),
    ("who", "用户"),
    ("school", "学校"),
    ("money", ""),
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


@bp.get("/orders/find")
@requires(Permission.ORDERS_VIEW)
def find() -> Response:
    """The frame's search box: to the list that has what is looked for, else to the deposit that the money was for."""
    form = from_query(SearchForm)
    search = read_search(form.q.data)
    target = query_url(_screen_with(search).endpoint, {"q": form.q.data})
    if search is not None and search.shape in (Shape.TRANSACTION, Shape.TRADE_NO):
        deposit_id = deposit_paid_by(read_session(), actor(), search)
        if deposit_id is not None:
            target = url_for(".deposit", deposit_id=deposit_id)
    return see_other(target)


def _screen_with(search: Search | None) -> Screen:
    """By the letter of a number; else the first list that has any."""
    if search is None:
        return SALES
    if search.shape is Shape.NUMBER:
        return screen_of(VehicleNumber.parse(search.text).business)
    if search.shape is Shape.ORDER_NO:
        return next(screen_of(one) for one, letter in ORDER_NO_LETTER.items() if letter == search.text[0])
    region_id = chosen_region(Permission.ORDERS_VIEW).id
    for screen in (SALES, RENTALS):
        wanted = OrderFilters(screen.businesses, region_id, search=search)
        if orders.how_many(read_session(), actor(), wanted, now()):
            return screen
    return SALES


@bp.get("/orders/sales")
@requires(Permission.ORDERS_VIEW)
def sale_orders() -> Response:
    """Sale orders by the filter of the URL, newest first. ORD-1, ORD-3."""
    return _list(SALES)


@bp.get("/orders/rentals")
@requires(Permission.ORDERS_VIEW)
def rental_orders() -> Response:
    """Rental orders, standard and mini together or apart. ORD-1, ORD-3."""
    return _list(RENTALS)


def _list(screen: Screen) -> Response:
    chosen = chosen_region(Permission.ORDERS_VIEW)
    form = from_query(OrderFilterForm)
    today = business_day(now())
    models = orders.models_of(read_session(), screen.businesses)
    filters = filters_of(screen, form, chosen.id, today, models=[row.id for row in models])
    links = ListLinks(screen, kept_of(screen, form, chosen, filters))
    after, before = Key.parse(request.args.get("after")), Key.parse(request.args.get("before"))
    found = orders.order_list(
        read_session(), actor(), filters, after=after, before=before, size=form.size.data, now=now()
    )
    if not found.page.rows and (after or before):
        return see_other(links.to())  # what stood behind the key is gone: begin anew
    elsewhere = elsewhere_of(form, filters, screen, now())
    return render(
        "orders/list.html",
        block="order_rows",
        chosen=chosen,
        regions=switch_entries(chosen),
        scope=scope_words(chosen),
        screen=screen,
        here=url_for(screen.endpoint),
        heads=[(kind, screen.money if kind == "money" else word) for kind, word in HEADS],
        found=found,
        tabs=tabs_of(found, form, filters, links, now()),
        owed=owed_words(found, filters),
        empty=None if found.page.rows else empty_of(filters, chosen, models, links, found, elsewhere, now()),
        elsewhere=elsewhere if found.page.rows else None,
        ranges=ranges_of(filters, today),
        filters=filters,
        business=links.kept.get("business", ""),
        businesses=[("", "全部租车"), *((one.value, labels.BUSINESS[one]) for one in screen.businesses)],
        models=[("", "全部车型"), *((row.id, row.name) for row in models)],
        todos=[("", "全部进度"), *((todo.value, labels.TODO[todo]) for todo in screen.todos)],
        q=form.q.data,
        shown=found.tally(filters.state).orders,
        panel_keep={name: links.kept[name] for name in ("region",) if name in links.kept},
        tab_keep=tab_keep(links),
        sizes=[(size, size == form.size.data) for size in SIZES],
        newer_url=links.to(before=str(found.page.newer)) if found.page.newer else "",
        older_url=links.to(after=str(found.page.older)) if found.page.older else "",
        reset_url=url_for(screen.endpoint, region=links.kept.get("region")),
        next_cell=_next_cell,
        export=export_offer(screen.name, found.tally(filters.state).orders, chosen, links.kept | written_out(filters)),
        labels=labels,
        words=words,
    )


def _next_cell(row: OrderRow) -> Cell:
    """The column 下一步: its act is a link for whoever may do it."""
    cell = cell_for(actor(), row.next_step, now())
    if cell.act == DAMAGE:
        return replace(cell, url=url_for(".order", order_id=row.id))
    if cell.act == REVIEW:
        return replace(cell, url=url_for(".order", order_id=row.id, _anchor="card"))
    return replace(cell, url=url_for("pickup.order_at_counter", order_id=row.id)) if cell.act == PICK_UP else cell


@bp.get(ORDER)
@requires(Permission.ORDERS_VIEW)
def order(order_id: int) -> Response:
    """The page of one order."""
    return _order_page(order_id, NoteForm(formdata=None))


def _order_page(order_id: int, form: NoteForm, *, block: str | None = None, status: int = 200) -> Response:
    found = _found(order_id)
    return render(
        "orders/order.html",
        block=block,
        status=status,
        order=found,
        screen=screen_of(found.business),
        regions=switch_entries(chosen_region(Permission.ORDERS_VIEW)),
        strip=strip_of(found, now()),
        badges=words.state_badges(
            found.status,
            found.rental.status if found.rental else None,
            found.rental.days_late if found.rental else 0,
        ),
        term=term_facts(found, now()),
        deposits=[(one, deposit_strip(one)) for one in found.deposits],
        form=form,
        labels=labels,
        words=words,
        story=timeline_items(found.entries, now()),
    )


@bp.get(f"{ORDER}/cancel")
@requires(Permission.ORDERS_CANCEL)
def cancel_sheet(order_id: int) -> Response:
    """Who, from what, paid, already back, at most; and why. The amount is fixed."""
    found = _found(order_id)
    next_status(found.status, OrderEvent.CANCEL)
    return _cancel_sheet(found, CancelForm(formdata=None))


@bp.post(f"{ORDER}/cancel")
@requires(Permission.ORDERS_CANCEL)
def cancel(order_id: int) -> Response:
    """Cancels, and sends back what was paid. The order's page is the receipt. SET-6."""
    form = CancelForm()
    if not form.validate():
        return _cancel_sheet(_found(order_id), form, status=422)
    forget_reads()
    try:
        cancel_order(order_id, reason=form.reason, actor=actor(), now=now())
    except RuleBroken as broken:
        return _cancel_sheet(_found(order_id), form, problem=labels.refusal(broken), status=422)
    return see_other(url_for(".order", order_id=order_id))


def _found(order_id: int) -> pages.OrderPage:
    found = pages.order_page(read_session(), actor(), order_id, now())
    g.menu_entry = screen_of(found.business).endpoint
    return found


def _cancel_sheet(found: pages.OrderPage, form: CancelForm, *, problem: str = "", status: int = 200) -> Response:
    return render(
        "orders/cancel.html",
        block="sheet",
        status=status,
        order=found,
        screen=screen_of(found.business),
        form=form,
        problem=problem,
        labels=labels,
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
    person = _found(order_id).person
    if person is None:
        raise NotFound
    forget_reads()
    try:
        customers.freeze(person.customer_id, reason=form.reason.data, order_id=order_id, actor=actor(), now=now())
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
    person = _found(order_id).person
    if person is None:
        raise NotFound
    forget_reads()
    try:
        customers.unfreeze(person.customer_id, reason=form.reason.data, order_id=order_id, actor=actor(), now=now())
    except RuleBroken as broken:
        return _freeze_sheet(UNFREEZE, order_id, form, problem=labels.refusal(broken), status=422)
    return see_other(url_for(".order", order_id=order_id))


def _freeze_sheet(template: str, order_id: int, form: ReasonForm, *, problem: str = "", status: int = 200) -> Response:
    found = _found(order_id)
    return render(
        template,
        block="sheet",
        status=status,
        order=found,
        screen=screen_of(found.business),
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
