"""Deposits: their list, the page of one, sending one back, and what damage takes out of one (decisions 21, 25, 41)."""

import secrets

from flask import Response, g, request, url_for

from app.blueprints.orders import words
from app.blueprints.orders.forms import MOST_ITEMS, SIZES, USUAL_SIZE, DamageForm, DepositFilterForm
from app.blueprints.orders.listing import EXAMPLES, query_url, screen_of
from app.blueprints.orders.section import bp
from app.blueprints.orders.steps import deposit_strip
from app.domain import labels
from app.domain.deposits import DepositKind
from app.domain.errors import NotFound, Rule, RuleBroken
from app.domain.finding import Shape, read_search
from app.domain.permissions import Permission
from app.domain.pictures import PhotoKind
from app.ports import FileGone
from app.queries import deposit_list as lists
from app.queries import deposit_page as pages
from app.queries import order_page as orders
from app.queries.deposit_list import DepositFilters, DepositTab
from app.queries.paging import Key
from app.usecases import deposits as verbs
from app.usecases import photos, rentals
from app.web.current import actor, now, runtime
from app.web.exporting import export_offer
from app.web.forms import from_query
from app.web.guards import requires
from app.web.htmx import render, see_other
from app.web.photos import photo_answer
from app.web.reading import forget_reads, read_session
from app.web.regions import ALL, chosen_region, switch_entries
from app.web.timeline import timeline_items
from app.web.uploads import takes_photo

DEPOSIT = "/orders/deposits/<int:deposit_id>"
DAMAGE = "/orders/<int:order_id>/damage"


@bp.get("/orders/deposits")
@requires(Permission.ORDERS_VIEW)
def deposits() -> Response:
    """Deposits by what they wait for."""
    chosen = chosen_region(Permission.ORDERS_VIEW)
    form = from_query(DepositFilterForm)
    tab = next((one for one in DepositTab if one == form.tab.data), DepositTab.HELD)
    search = read_search(form.q.data)
    kind = DepositKind(form.kind.data) if form.kind.data else None
    after, before = Key.parse(request.args.get("after")), Key.parse(request.args.get("before"))
    found = lists.deposit_list(
        read_session(),
        actor(),
        tab,
        DepositFilters(chosen.id, kind, search),
        after=after,
        before=before,
        size=form.size.data,
        now=now(),
    )

    def link(**changed: str | None) -> str:
        region = (chosen.region.letter if chosen.region else ALL) if len(chosen.offered) > 1 else None
        kept = {
            "region": region,
            "tab": tab if tab is not DepositTab.HELD else None,
            "kind": kind,
            "q": form.q.data,
            "size": str(form.size.data) if form.size.data != USUAL_SIZE else None,
        }
        return query_url(".deposits", {**kept, **changed})

    if not found.page.rows and (after or before):
        return see_other(link())
    return render(
        "orders/deposits.html",
        block="deposit_rows",
        chosen=chosen,
        regions=switch_entries(chosen),
        scope=f"{chosen.scope_words}，等得久的在前",
        found=found,
        tabs=[(link(tab=one), words.DEPOSIT_TABS[one], found.counts[one], one is tab) for one in DepositTab],
        total=found.counts[tab],
        kinds=[("", "全部押金"), *((one.value, labels.DEPOSIT_KIND[one]) for one in DepositKind)],
        kind=kind or "",
        q=form.q.data,
        panel_keep={"region": chosen.region.letter} if chosen.region and len(chosen.offered) > 1 else {},
        tab_keep={"tab": tab.value} if tab is not DepositTab.HELD else {},
        sizes=[(size, size == form.size.data) for size in SIZES],
        newer_url=link(before=str(found.page.newer)) if found.page.newer else "",
        older_url=link(after=str(found.page.older)) if found.page.older else "",
        reset_url=link(kind=None, q=None),
        unreadable=f"可以找：{EXAMPLES}。" if search and search.shape is Shape.UNREADABLE else "",
        export=export_offer("deposits", found.counts[tab], chosen, {"tab": tab, "kind": kind, "q": form.q.data}),
        is_damage=tab is DepositTab.DAMAGE,
        is_stuck=tab is DepositTab.STUCK,
        may_settle=actor().may(Permission.DAMAGE_WITHHOLD),
        labels=labels,
        words=words,
    )


@bp.get(DEPOSIT)
@requires(Permission.ORDERS_VIEW)
def deposit(deposit_id: int) -> Response:
    """The page of one deposit: what it secures, its money, what was withheld and why."""
    found = pages.deposit_page(read_session(), actor(), deposit_id, now())
    return render(
        "orders/deposit.html",
        page=found,
        deposit=found.deposit,
        regions=switch_entries(chosen_region(Permission.ORDERS_VIEW)),
        strip=deposit_strip(found.deposit),
        labels=labels,
        words=words,
        story=timeline_items(found.entries, now()),
    )


@bp.get(f"{DEPOSIT}/refund")
@requires(Permission.DEPOSITS_REFUND)
def refund_sheet(deposit_id: int) -> Response:
    """What goes back to whom. A deposit that still secures something says what."""
    found = pages.deposit_page(read_session(), actor(), deposit_id, now())
    actor().require(Permission.DEPOSITS_REFUND, found.deposit.region_id)
    if found.deposit.ties:
        raise RuleBroken(Rule.DEPOSIT_TIED, ties=found.deposit.ties)
    if not (found.deposit.may_refund or found.deposit.may_retry):
        raise RuleBroken(Rule.DEPOSIT_NOT_HELD)
    return _refund_sheet(found)


@bp.post(f"{DEPOSIT}/refund")
@requires(Permission.DEPOSITS_REFUND)
def refund(deposit_id: int) -> Response:
    """Sends it back, or once more where WeChat closed its refund. The deposit's page is the receipt."""
    found = pages.deposit_page(read_session(), actor(), deposit_id, now())
    forget_reads()
    try:
        verbs.ask_back(deposit_id, actor=actor(), now=now())
    except RuleBroken as broken:
        return _refund_sheet(found, problem=labels.refusal(broken), status=422)
    return see_other(url_for(".deposit", deposit_id=deposit_id))


def _refund_sheet(found: pages.DepositPage, *, problem: str = "", status: int = 200) -> Response:
    return render(
        "orders/refund.html",
        block="sheet",
        status=status,
        page=found,
        deposit=found.deposit,
        problem=problem,
        labels=labels,
    )


@bp.get(f"{DEPOSIT}/photos/<int:photo_id>")
@requires(Permission.ORDERS_VIEW)
def withheld_photo(deposit_id: int, photo_id: int) -> Response:
    """Why something was withheld. Decision 25."""
    key = pages.damage_photo(read_session(), actor(), deposit_id, photo_id)
    try:
        return photo_answer(runtime().photos.get(key))
    except FileGone:
        raise NotFound from None


@bp.get(DAMAGE)
@requires(Permission.DAMAGE_WITHHOLD)
def damage_sheet(order_id: int) -> Response:
    """What a returned vehicle's damage costs: items with amounts, a photo, a reason."""
    found = orders.order_page(read_session(), actor(), order_id, now())
    actor().require(Permission.DAMAGE_WITHHOLD, found.region_id)
    if found.rental is None or found.rental.returned_at is None:
        raise RuleBroken(Rule.NO_RENTAL)
    if not found.rental.is_damaged:  # a colleague has settled it: its page says how
        return see_other(url_for(".order", order_id=order_id))
    form = DamageForm(formdata=None, items=[{}] * MOST_ITEMS, request_key=secrets.token_hex(16))
    return _damage_sheet(found, form)


@bp.post(f"{DAMAGE}/photo")
@requires(Permission.DAMAGE_WITHHOLD)
@takes_photo
def settle_damage(order_id: int) -> Response:
    """Takes it out of the deposit, or lets it go; the rest goes back by itself. Decision 41."""
    form = DamageForm()
    jpeg = form.photo.data
    if not form.validate():
        return _refused(order_id, form)
    photo = photos.store(runtime().photos, jpeg, PhotoKind.DAMAGE) if jpeg is not None and form.withholds else None
    forget_reads()
    try:
        rentals.settle_damage(
            order_id,
            items=form.wanted,
            photo=photo,
            reason=form.reason.data,
            request_key=form.request_key.data,
            actor=actor(),
            now=now(),
        )
    except RuleBroken as broken:
        return _refused(order_id, form, labels.refusal(broken))
    return see_other(url_for(".order", order_id=order_id))


def _refused(order_id: int, form: DamageForm, problem: str = "") -> Response:
    found = orders.order_page(read_session(), actor(), order_id, now())
    return _damage_sheet(found, form, problem=problem, status=422)


def _damage_sheet(found: orders.OrderPage, form: DamageForm, *, problem: str = "", status: int = 200) -> Response:
    screen = screen_of(found.business)
    g.menu_entry = screen.endpoint
    return render(
        "orders/damage.html",
        block="sheet",
        status=status,
        order=found,
        screen=screen,
        deposit=found.securing,
        form=form,
        problem=problem,
        labels=labels,
    )
