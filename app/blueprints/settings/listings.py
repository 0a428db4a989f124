"""One listing: shown or hidden, its plans, its stock with everything that moved it, and its prices."""

import secrets
from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import Response, request, url_for

from app.blueprints.settings import vehicle_words
from app.blueprints.settings.forms import in_row
from app.blueprints.settings.looking import looked_at
from app.blueprints.settings.parts import OpenPart, save, show_open
from app.blueprints.settings.section import bp, done, group_menu, said
from app.blueprints.settings.vehicle_forms import NewPlanForm, PlanForm, PriceForm, StockForm
from app.domain import labels
from app.domain.permissions import Permission
from app.domain.vehicles import StockCause
from app.queries import vehicle_settings as reads
from app.queries.paging import Key
from app.usecases import vehicles as verbs
from app.web.current import actor, now
from app.web.guards import requires
from app.web.htmx import is_htmx, render
from app.web.reading import forget_reads, read_session


@dataclass(frozen=True, slots=True)
class OpenPrice:
    """The price that is being changed: its form, and what the button would do."""

    row: str
    title: str
    now_words: str
    form: PriceForm
    action: str
    close_url: str
    will_change: str
    will_not_change: str
    button: str  # empty: nothing to save yet
    history: list[reads.PriceRow]
    template: str = "settings/open_price.html"


Opened = OpenPart | OpenPrice


@bp.get("/settings/vehicles/listings/<int:listing_id>")
@requires(Permission.VEHICLES_VIEW)
def listing(listing_id: int) -> Response:
    """One listing."""
    return _page(_listing(listing_id), None)


@bp.post("/settings/vehicles/listings/<int:listing_id>/show")
@requires(Permission.VEHICLES_CHANGE)
def show_listing(listing_id: int) -> Response:
    """People see it from now on."""
    row = _listing(listing_id)
    verbs.show(row.id, actor=actor(), now=now())
    undo = url_for(".hide_listing", listing_id=row.id)
    return done(f"{vehicle_words.title(row)}：已上架", url_for(".listing", listing_id=row.id), undo)


@bp.post("/settings/vehicles/listings/<int:listing_id>/hide")
@requires(Permission.VEHICLES_CHANGE)
def hide_listing(listing_id: int) -> Response:
    """Nobody sees it any more; what is reserved stays."""
    row = _listing(listing_id)
    verbs.hide(row.id, actor=actor(), now=now())
    undo = url_for(".show_listing", listing_id=row.id)
    return done(f"{vehicle_words.title(row)}：已下架", url_for(".listing", listing_id=row.id), undo)


@bp.get("/settings/vehicles/listings/<int:listing_id>/stock")
@requires(Permission.VEHICLES_CHANGE)
def stock(listing_id: int) -> Response:
    """The form of a movement by hand."""
    row = _listing(listing_id)
    actor().require(Permission.VEHICLES_CHANGE, row.region.id)
    return show_open(_stock(row, StockForm(formdata=None)), partial(_page, row))


@bp.post("/settings/vehicles/listings/<int:listing_id>/stock")
@requires(Permission.VEHICLES_CHANGE)
def move_stock(listing_id: int) -> Response:
    """Vehicles come in or go out by hand."""
    row, form = _listing(listing_id), StockForm()
    request_key = form.request_key.data or secrets.token_hex(16)
    form.request_key.raw_data, form.request_key.data = None, secrets.token_hex(16)  # for the form shown again

    def move() -> None:
        verbs.move_stock(
            row.id,
            cause=StockCause(form.cause.data),
            quantity=form.quantity.data or 0,
            note=form.note.data,
            request_key=request_key,
            actor=actor(),
            now=now(),
        )

    words = f"{vehicle_words.title(row)}：库存改好了"
    return save(_stock(row, form), move, words, partial(_page, row))


@bp.get("/settings/vehicles/listings/<int:listing_id>/plans")
@requires(Permission.VEHICLES_CHANGE)
def new_plan(listing_id: int) -> Response:
    """The form of another term."""
    row = _listing(listing_id)
    actor().require(Permission.VEHICLES_CHANGE, row.region.id)
    return show_open(_new_plan(row, NewPlanForm(formdata=None)), partial(_page, row))


@bp.post("/settings/vehicles/listings/<int:listing_id>/plans")
@requires(Permission.VEHICLES_CHANGE)
def add_plan(listing_id: int) -> Response:
    """Another term that a rental is offered for."""
    row, form = _listing(listing_id), NewPlanForm()

    def add() -> None:
        verbs.add_plan(row.id, days=form.days.data or 0, name=form.name.data, actor=actor(), now=now())

    words = f"加好了{form.name.data}，定价以后就能租"
    return save(_new_plan(row, form), add, words, partial(_page, row))


@bp.get("/settings/vehicles/plans/<int:plan_id>")
@requires(Permission.VEHICLES_CHANGE)
def plan(plan_id: int) -> Response:
    """One term, open."""
    row, term = reads.listing_of_plan(read_session(), actor(), plan_id, now())
    actor().require(Permission.VEHICLES_CHANGE, row.region.id)
    return show_open(_plan(row, term, PlanForm(formdata=None, name=term.name, shown=term.shown)), partial(_page, row))


@bp.post("/settings/vehicles/plans/<int:plan_id>")
@requires(Permission.VEHICLES_CHANGE)
def change_plan(plan_id: int) -> Response:
    """Renames a term, or stops offering it."""
    row, term = reads.listing_of_plan(read_session(), actor(), plan_id, now())
    form = PlanForm()

    def change() -> None:
        verbs.change_plan(plan_id, name=form.name.data, shown=form.shown.data, actor=actor(), now=now())

    return save(_plan(row, term, form), change, f"{form.name.data}：改好了", partial(_page, row))


@bp.get("/settings/vehicles/listings/<int:listing_id>/price")
@requires(Permission.MONEY_SETTINGS_CHANGE)
def sale_price(listing_id: int) -> Response:
    """The price of a sale, open."""
    return _price(*_sale(listing_id))


@bp.post("/settings/vehicles/listings/<int:listing_id>/price")
@requires(Permission.MONEY_SETTINGS_CHANGE)
def change_sale_price(listing_id: int) -> Response:
    """A look at what a new price would do, then the change."""
    return _change_price(*_sale(listing_id))


@bp.get("/settings/vehicles/plans/<int:plan_id>/price")
@requires(Permission.MONEY_SETTINGS_CHANGE)
def plan_price(plan_id: int) -> Response:
    """The price of a plan, open."""
    return _price(*reads.listing_of_plan(read_session(), actor(), plan_id, now()))


@bp.post("/settings/vehicles/plans/<int:plan_id>/price")
@requires(Permission.MONEY_SETTINGS_CHANGE)
def change_plan_price(plan_id: int) -> Response:
    """The same for a plan."""
    return _change_price(*reads.listing_of_plan(read_session(), actor(), plan_id, now()))


@bp.post("/settings/vehicles/prices/<int:price_id>/withdraw")
@requires(Permission.MONEY_SETTINGS_CHANGE)
def withdraw_price(price_id: int) -> Response:
    """Takes back a price that does not hold yet."""
    listing_id = verbs.withdraw_price(price_id, actor=actor(), now=now())
    return done("价格：已撤回", url_for(".listing", listing_id=listing_id))


def _sale(listing_id: int) -> tuple[reads.ListingRow, reads.Term]:
    row = _listing(listing_id)
    return row, reads.sale_of(row)


def _price(row: reads.ListingRow, term: reads.Term) -> Response:
    actor().require(Permission.MONEY_SETTINGS_CHANGE, row.region.id)
    return _show_price(row, _open_price(row, term, PriceForm(formdata=None), None))


def _change_price(row: reads.ListingRow, term: reads.Term) -> Response:
    form = PriceForm()

    def plan_it() -> reads.PriceChange | None:
        if form.tag is None or form.was.errors or form.effective_at.errors:
            return None
        asked: dict[str, Any] = {"tag": form.tag, "effective_at": form.effective_at.data, "now": now()}
        return reads.planned_price(read_session(), actor(), row.id, term.days, **asked)

    planned, pressed = looked_at(form, plan_it, lambda broken: str(broken.facts.get("field", "value")))
    if not (planned and pressed):
        return _show_price(row, _open_price(row, term, form, planned), 422 if form.errors else 200)
    price_id = verbs.change_price(
        row.id, term.days, tag=planned.after, effective_at=form.effective_at.data, actor=actor(), now=now()
    )
    forget_reads()
    undo = "" if planned.at_once or planned.before is None else url_for(".withdraw_price", price_id=price_id)
    words = f"{vehicle_words.title(row)} {vehicle_words.term_name(term)}：{vehicle_words.button(planned)}"
    return done(words, url_for(".listing", listing_id=row.id), undo)


def _show_price(row: reads.ListingRow, opened: OpenPrice, status: int = 200) -> Response:
    if is_htmx():
        return render(opened.template, opened=opened, pending_badge=labels.PENDING, status=status)
    return _page(row, opened, status)


def _open_price(
    row: reads.ListingRow, term: reads.Term, form: PriceForm, planned: reads.PriceChange | None
) -> OpenPrice:
    session = read_session()
    action = (
        url_for(".change_sale_price", listing_id=row.id)
        if term.plan_id is None
        else url_for(".change_plan_price", plan_id=term.plan_id)
    )
    row_id = f"price-{term.days}"
    return OpenPrice(
        row_id,
        vehicle_words.term_name(term),
        vehicle_words.price(term),
        in_row(row_id, form),
        action,
        url_for(".listing", listing_id=row.id),
        vehicle_words.will_change(row, term, planned),
        vehicle_words.will_not_change(reads.reserved_orders(session, row.id, term.days)),
        vehicle_words.button(planned) if planned else "",
        reads.price_history(session, row, term, now()),
    )


def _listing(listing_id: int) -> reads.ListingRow:
    return reads.listing_of(read_session(), actor(), listing_id, now())


def _stock(row: reads.ListingRow, form: StockForm) -> OpenPart:
    action, close = url_for(".move_stock", listing_id=row.id), url_for(".listing", listing_id=row.id)
    note = f"现在 {row.stock} 辆。预约、取消和还车会自己加减，这里只记店里的变动"
    return OpenPart("stock", "库存", note, form, action, "记下这次变动", close)


def _new_plan(row: reads.ListingRow, form: NewPlanForm) -> OpenPart:
    action, close = url_for(".add_plan", listing_id=row.id), url_for(".listing", listing_id=row.id)
    note = "从提车那天算起；天数定下就不能改，要换天数就另加一个"
    return OpenPart("plan-new", "新租期", note, form, action, "加这个租期", close)


def _plan(row: reads.ListingRow, term: reads.Term, form: PlanForm) -> OpenPart:
    action, close = url_for(".change_plan", plan_id=term.plan_id), url_for(".listing", listing_id=row.id)
    reserved = reads.reserved_orders(read_session(), row.id, term.days)
    note = f"{term.days} 天。停了以后手机上不能再选，已经预约的订单不变（现在有 {reserved} 单）"
    return OpenPart(f"price-{term.days}", term.name, note, form, action, "保存租期", close)


def _page(row: reads.ListingRow, opened: Opened | None, status: int = 200) -> Response:
    session = read_session()
    after, before = (Key.parse(request.args.get(name)) for name in ("after", "before"))
    moved = reads.movements(session, row, after=after, before=before)
    url = partial(url_for, ".listing", listing_id=row.id, _anchor="movements")
    return render(
        "settings/listing.html",
        block="cards",
        status=status,
        menu_of_groups=group_menu("vehicles"),
        listing=row,
        title=vehicle_words.title(row),
        next_step=vehicle_words.next_step(row),
        shown_badge=labels.SHOWN if row.shown else labels.HIDDEN,
        reserved=reads.reserved_orders(session, row.id),
        out=0 if row.is_sale else reads.vehicles_out(session, row),
        moved=moved,
        last=moved.first + len(moved.page.rows) - 1,
        newer_url=url(before=moved.page.newer) if moved.page.newer else "",
        older_url=url(after=moved.page.older) if moved.page.older else "",
        reasons=labels.STOCK_REASON,
        may_see_orders=actor().may(Permission.ORDERS_VIEW, row.region.id),
        opened=opened,
        pending_badge=labels.PENDING,
        words=vehicle_words,
        snack=said(),
    )
