"""Flash charge: what it is, opening it, taking a battery by a scan, giving it back, leaving (FLOW-FLASH-1 and 2)."""

from contextlib import suppress
from typing import Any

from flask import Response, request, url_for

from app.blueprints.mobile.flash_words import refused, what_ties
from app.blueprints.mobile.forms import BatteryForm, OpenFlashForm
from app.blueprints.mobile.late_words import late_words, that_cost
from app.blueprints.mobile.section import bp, codes, of_customer, tabs
from app.blueprints.mobile.standing import barred
from app.domain import labels
from app.domain.calendar import business_day
from app.domain.deposits import DepositKind, Tie
from app.domain.errors import Rule, RuleBroken
from app.domain.numbering import BatteryNumber
from app.queries import directory, my_flash
from app.queries.directory import RegionRow
from app.queries.my_flash import OpenUse
from app.queries.my_orders import my_one_rental
from app.queries.paging import Key
from app.usecases import deposits, flash_charge
from app.web.current import actor, now
from app.web.errors import refuse
from app.web.guards import customer, public
from app.web.htmx import render, see_other
from app.web.limits import limiter
from app.web.reading import forget_reads, read_session
from app.web.wechat_page import wx_config


@bp.get("/flash")
@public
def flash() -> Response:
    """By the facts: what it is and the way into it, or 未使用闪充 and the scanner, or the battery in use."""
    return _page()


def _page(*, form: BatteryForm | None = None, problem: str = "") -> Response:
    who, reads = actor(), read_session()
    mine = my_flash.my_flash(reads, who, now()) if who.registered else None
    use = mine.use if mine else None
    stores = _stores(use)
    if stores is None:
        return refuse(404, title="还没有开业的门店", text="过几天再来看看。")
    store, back_to = stores
    today = business_day(now())
    shared: dict[str, Any] = {
        "mine": mine,
        "bars": barred(mine.freezes) if mine else None,
        "debts": [late_words(late, today) for late in mine.debts] if mine else [],
        "card_url": url_for("mobile.card", next=url_for("mobile.flash")),
        "store": store,
        "in_stock": my_flash.in_stock(reads, back_to.id),
        "tabs": tabs(),
        "status": 422 if request.method == "POST" else 200,
    }
    if use is not None:
        late = [late_words(one, today) for one in that_cost([mine.late] if mine and mine.late else [])]
        again = None if mine and mine.is_member else my_flash.offer(reads, store.id, now())  # its deposit was sent back
        return render(
            "mobile/flash_using.html", use=use, late=late, back_to=back_to, offer=again, problem=problem, **shared
        )
    offer = my_flash.offer(reads, store.id, now())
    if mine is None or not mine.is_member:
        register_url = url_for(".register", next=url_for(".flash"))
        return render("mobile/flash_offer.html", offer=offer, register_url=register_url, problem=problem, **shared)
    barrier = mine.barrier()
    form = form or BatteryForm(formdata=None)
    if problem and barrier is None:
        form.code.errors = [problem]
    return render(
        "mobile/flash_idle.html",
        conditions=offer.conditions,
        kept="kept" in request.args,
        form=form,
        barrier=refused(barrier) if barrier else None,
        wx_config=None if barrier else wx_config("scanQRCode"),
        **shared,
    )


def _stores(use: OpenUse | None) -> tuple[RegionRow, RegionRow] | None:
    """The person's own store, else the first: its settings are shown; and the one that the battery in use belongs to.

    That one's counter sees 归还 at once, and another battery is taken there. None before there is any.
    """
    regions = directory.regions(read_session())
    if not regions:
        return None
    own, held = actor().region_id, use.region_id if use else None
    store = next((row for row in regions if row.id == own), regions[0])
    return store, next((row for row in regions if row.id == held), store)


@bp.post("/flash/open")
@customer(registered=True)
@limiter.limit("60 per 15 minutes", key_func=of_customer)
def open_flash() -> Response:
    """The person decides for the deposit that was on the screen; on to paying it. FLOW-FLASH-1."""
    form = OpenFlashForm()
    if not form.validate():
        return _page(problem="这一页放得太久了，看一遍再付。")
    forget_reads()
    try:
        charge_id = deposits.agree(
            DepositKind.FLASH, order_id=None, seen_fen=form.seen_fen.data, actor=actor(), now=now()
        )
    except RuleBroken as broken:
        if broken.rule is Rule.DEPOSIT_HELD:
            return see_other(url_for(".flash"))
        return _page(problem=labels.refusal(broken))
    return see_other(url_for(".pay", charge_id=charge_id))


@bp.post("/flash")
@customer(registered=True)
@limiter.limit("60 per 15 minutes", key_func=of_customer)
def flash_scan() -> Response:
    """Takes the battery that was scanned or typed. What is refused is said beside the field."""
    form = BatteryForm()
    if not form.validate():
        return _page(form=form)
    forget_reads()
    try:
        flash_charge.scan(form.number, actor=actor(), now=now())
    except RuleBroken as broken:
        return _page(form=form, problem=labels.refusal(broken))
    return see_other(url_for(".flash"))


@bp.post("/flash/return")
@customer(registered=True)
def ask_return() -> Response:
    """归还: the counter sees it; the clerk's scan ends the use. Decision 24."""
    forget_reads()
    with suppress(RuleBroken):  # it has come back meanwhile: the page says so
        flash_charge.ask_return(actor=actor(), now=now())
    return see_other(url_for(".flash"))


@bp.get("/flash/exchange")
@customer(registered=True)
def flash_exchange() -> Response:
    """How a battery is changed for another: at the counter, in one step. Whoever is barred gives theirs back."""
    mine = my_flash.my_flash(read_session(), actor(), now())
    stores = _stores(mine.use)
    if mine.use is None or stores is None or mine.freezes:
        return see_other(url_for(".flash"))
    store, back_to = stores
    price_fen = my_flash.offer(read_session(), back_to.id, now()).conditions.price_fen
    return render("mobile/flash_exchange.html", use=mine.use, back_to=back_to, store=store, price_fen=price_fen)


@bp.get("/flash/uses")
@customer(registered=True)
def flash_uses() -> Response:
    """The person's own uses, newest first; older ones behind a link."""
    page = my_flash.my_uses(read_session(), actor(), now(), after=Key.parse(request.args.get("after")))
    older_url = url_for(".flash_uses", after=str(page.older)) if page.older else ""
    return render("mobile/flash_uses.html", uses=page.rows, older_url=older_url, first_page="after" not in request.args)


@bp.get("/flash/leave")
@customer(registered=True)
def flash_leave() -> Response:
    """What leaving means, before it is done: what is withheld, what comes back, or what still stands in the way."""
    return _leave_page()


@bp.post("/flash/leave")
@customer(registered=True)
def leave_flash() -> Response:
    """退出闪充: the deposit goes back, less what is owed. A second press finds it done. Decision 25."""
    leaving = my_flash.leaving(read_session(), actor(), now())
    forget_reads()
    if leaving is not None:
        try:
            deposits.ask_back(leaving.deposit_id, actor=actor(), now=now())
        except RuleBroken as broken:
            return _leave_page(problem=labels.refusal(broken))
    return see_other(url_for(".deposits"))


def _leave_page(*, problem: str = "") -> Response:
    leaving = my_flash.leaving(read_session(), actor(), now())
    if leaving is None:
        return see_other(url_for(".deposits"))
    rental = my_one_rental(read_session(), actor()) if Tie.ORDER in leaving.ties else None
    return render(
        "mobile/flash_leave.html",
        leaving=leaving,
        late_fees=[late_words(late, business_day(now())) for late in leaving.late_fees],
        ties=what_ties(leaving.ties, DepositKind.FLASH, rental),
        problem=problem,
        status=422 if problem else 200,
    )


@codes.get("/q/<code>")
@customer(registered=False)
def battery(code: str) -> Response:
    """What a battery's QR opens: its number and one button. Opening it takes nothing. Decisions 23, 44, NUM-9."""
    return _battery_page(code)


@codes.post("/q/<code>")
@customer(registered=True)
@limiter.limit("60 per 15 minutes", key_func=of_customer)
def take_battery(code: str) -> Response:
    """用这块电池. Pressed again it is theirs already; of two people one wins, and the other reads that it is taken."""
    number = _number(code)
    if number is None:
        return _battery_page(code)
    try:
        flash_charge.scan(number, actor=actor(), now=now())
    except RuleBroken as broken:
        return _battery_page(code, broken)
    return see_other(url_for("mobile.flash"))


def _number(code: str) -> BatteryNumber | None:
    try:
        return BatteryNumber.parse(code)
    except ValueError:
        return None


def _battery_page(code: str, broken: RuleBroken | None = None) -> Response:
    reads, number = read_session(), _number(code)
    found = my_flash.battery(reads, number) if number else None
    if found is None:
        return render("mobile/flash_unknown.html", number=number, status=404)
    mine = my_flash.my_flash(reads, actor(), now()) if actor().registered else None
    if mine is not None and mine.use is not None and mine.use.number == found.number:
        return see_other(url_for("mobile.flash"))
    barrier = broken or (mine.barrier() if mine else RuleBroken(Rule.FLASH_NOT_OPENED)) or found.barrier()
    return render(
        "mobile/flash_battery.html",
        number=found.number,
        conditions=my_flash.offer(reads, found.region_id, now()).conditions,
        barrier=refused(barrier) if barrier else None,
        action=url_for("codes.take_battery", code=found.number),
        status=422 if broken else 200,
    )
