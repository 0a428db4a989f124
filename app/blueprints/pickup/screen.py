"""The one page of the counter: an answer, a receipt, or nothing yet; for HTMX its changing parts alone."""

from typing import Any
from uuid import uuid4

from flask import Response, request, url_for
from wtforms.fields import SelectChoice

from app.blueprints.pickup import words
from app.blueprints.pickup.forms import HandoverForm, ReturnForm
from app.blueprints.pickup.section import region_of, switch
from app.documents.qr import qr_picture
from app.domain import labels
from app.domain.errors import Rule, RuleBroken
from app.domain.numbering import BatteryNumber, Business, VehicleNumber, read_scan
from app.domain.orders import RENTALS
from app.domain.permissions import Permission
from app.domain.pickup import Answer
from app.queries import directory
from app.queries.counter.batteries import CounterBattery
from app.queries.counter.candidates import Candidates
from app.queries.counter.cards import ToCompare, to_compare
from app.queries.counter.day import counter_day
from app.queries.counter.orders import CounterOrder
from app.queries.directory import RegionRow
from app.web.current import actor, now, runtime
from app.web.htmx import is_htmx, render
from app.web.reading import read_session

WATCH_SECONDS = 15 * 60
"""How long an order that waits for its person's phone is looked at again by itself: as long as a payment may take."""
PHONE_PAGES = {Answer.NOT_PAID: "mobile.number", Answer.DEPOSIT_MISSING: "mobile.order"}
"""The page on the phone on which the person goes on: a code on the screen leads there."""


OF_A_SALE, OF_A_RENTAL = ("提车", "不能提车"), ("提车、还车", "不能在这里办")
"""What is done at the store that a number belongs to, and what cannot be done at another."""


def show(region: RegionRow, part: str, *, value: str = "", status: int = 200, **facts: Any) -> Response:
    """The counter with one of the templates in `pickup/answers/`. `value` stands in the box."""
    reads, who = read_session(), actor()
    day = counter_day(reads, who, region.id, now())
    context: dict[str, Any] = {
        "region": region,
        "region_letter": region.letter,
        "store_name": region.store_name,
        "regions": switch("counter", region, directory.regions_of(reads, who, Permission.PICKUP)),
        "day": day,
        "waiting": [
            (label, n, url_for(f"orders.{page}", region=region.letter, state="reserved", todo="pick_up"))
            for label, n, page in (
                (labels.BUSINESS[Business.SALE], day.waiting_sales, "sale_orders"),
                (labels.BUSINESS[Business.RENTAL], day.waiting_rentals, "rental_orders"),
            )
        ],
        "scan_url": url_for(".scan", region=region.letter),
        "log_url": url_for(".attempts", region=region.letter),
        "undo_url": url_for(".undo", order_id=day.undo_order_id) if day.undo_order_id else "",
        "leave_url": url_for(".counter", region=region.letter),
        "scans": [words.scan_line(row) for row in day.last_scans],
        "scan_key": uuid4().hex,
        "fragment": is_htmx(),
        "now": now(),
        "part": f"pickup/answers/{part}.html",
        "value": value,
        "problem": "",
        "back": "",
        "order_url": "",
        "open_order": "",
        "open_battery": "",
    }
    return render("pickup/counter.html", block="changed", status=status, **{**context, **facts})


def idle(region: RegionRow) -> Response:
    """Nothing was scanned yet."""
    return show(region, "idle")


def say(region: RegionRow, answer: Answer, text: str, *, back: str = "") -> Response:
    """An answer that names nobody. `back` is the number that was on the screen before."""
    facts: dict[str, Any] = {}
    if answer is Answer.OTHER_STORE:
        number = VehicleNumber.parse(text)
        stores = directory.regions(read_session())
        facts["other_store"] = next(store for store in stores if store.letter == number.letter)
        facts["acts"], facts["verdict"] = OF_A_RENTAL if number.business in RENTALS else OF_A_SALE
    is_battery = answer is Answer.UNKNOWN and isinstance(read_scan(text), BatteryNumber)
    return show(region, "unknown_battery" if is_battery else answer.value, value=text, text=text, back=back, **facts)


def not_this_persons(region: RegionRow, text: str, on_screen: CounterOrder) -> Response:
    """Another one's plate. The order on the screen stays open: its own is scanned next."""
    facts = _order_facts(on_screen)
    answer = Answer.NOT_THIS_PERSONS.value
    return show(region, answer, value=text, text=text, open_order=on_screen.order_id, back=on_screen.number, **facts)


def choose(region: RegionRow, digits: str, found: Candidates) -> Response:
    """Digits that fit some."""
    return show(
        region, Answer.CHOOSE.value, value=digits, digits=digits, groups=words.choices(found, now()), more=found.more
    )


# ---- Vehicles ----


def about_order(
    order: CounterOrder,
    region: RegionRow,
    *,
    handover: HandoverForm | None = None,
    taking_back: ReturnForm | None = None,
    value: str | None = None,
    watch: bool = True,
    problem: str = "",
    status: int = 200,
) -> Response:
    """The answer about one order. `watch`: it looks again by itself while the person is busy on the phone."""
    ready = order.answer is Answer.READY
    if ready and handover is None:
        handover = handover_form(order, colour=order.colour, frame_no="")
    part = "returned_before" if order.answer is Answer.COLLECTED and order.is_back else order.answer.value
    return show(
        region,
        part,
        value=order.number if value is None else value,
        status=status,
        open_order=order.order_id if ready else "",
        problem=problem,
        form=handover if ready else taking_back or ReturnForm(formdata=None),
        watch_url=_watch_url(order) if watch and waits_for_phone(order) else "",
        phone_qr=_phone_qr(order),
        compare=_to_compare(order),
        too_late_to_pay=labels.refusal(RuleBroken(Rule.PAYMENT_TIME_OVER, expires_at=order.expires_at)),
        **_order_facts(order),
    )


def after_order(order: CounterOrder) -> Response:
    """What was just done with an order: handed over, taken back, or returned."""
    if order.is_back:
        part = "returned"
    elif order.answer in (Answer.COLLECTED, Answer.RENTED_OUT):
        part = "handed_over"
    else:
        part = "taken_back"
    return show(region_of(order), part, **_order_facts(order))


def _order_facts(order: CounterOrder) -> dict[str, Any]:
    return {
        "order": order,
        "order_url": _order_url(order.order_id),
        "business": labels.BUSINESS[order.business],
        "fee": words.fee_word(order),
        "term": words.term_words(order),
        "overdue": words.overdue_words(order.overdue),
        "due_left": words.days_words(order.rental.days_left) if order.rental else "",
        "deposit_if_good": words.deposit_if_good(order),
        "deposit_after": words.deposit_after_return(order),
    }


def _order_url(order_id: int) -> str:
    """The order's own page, for who may see it."""
    return url_for("orders.order", order_id=order_id) if actor().may(Permission.ORDERS_VIEW) else ""


def handover_form(order: CounterOrder, *, colour: str, frame_no: str) -> HandoverForm:
    """The form of a ready order, filled."""
    form = HandoverForm(formdata=None, colour=colour, frame_no=frame_no)
    form.colour.choices = colour_choices(order)
    return form


def colour_choices(order: CounterOrder) -> list[SelectChoice]:
    """The colours of its model, and the one that was reserved, should the model have lost it."""
    colours = order.colours if order.colour in order.colours else (order.colour, *order.colours)
    return [SelectChoice(colour) for colour in colours]


def waits_for_phone(order: CounterOrder) -> bool:
    """Whether its person is to do something on the phone before anything can be done here."""
    if order.answer is Answer.CARD_NOT_APPROVED:
        return order.card is None or not order.card.is_pending
    return order.answer in PHONE_PAGES


def seen_as(order: CounterOrder) -> str:
    """What the screen shows of an order that waits, in one word: another word is another screen."""
    return f"{order.answer}-{order.card.status if order.card else ''}"


def _to_compare(order: CounterOrder) -> ToCompare | None:
    """What stands beside the photo of a card that is to be reviewed here."""
    if order.answer is not Answer.CARD_NOT_APPROVED or order.card is None:
        return None
    return to_compare(read_session(), actor(), order.card.card_id, runtime().vault)


def _watch_url(order: CounterOrder) -> str:
    until = int(now().timestamp()) + WATCH_SECONDS
    return url_for(".order_at_counter", order_id=order.order_id, until=until, seen=seen_as(order))


def is_watched() -> int | None:
    """Until when (seconds of the epoch) the screen looks again by itself; None: somebody asks."""
    return request.args.get("until", type=int)


def _phone_qr(order: CounterOrder) -> str:
    """What the person scans to stand at the next step of this order at once; empty where there is none."""
    page = PHONE_PAGES.get(order.answer)
    if page is None or not order.can_still_pay:
        return ""
    return qr_picture(f"{runtime().public_url}{url_for(page, order_id=order.order_id)}")


# ---- Batteries ----


def about_battery(
    battery: CounterBattery,
    region: RegionRow,
    *,
    answer: Answer,
    instead_of: CounterBattery | None = None,
    problem: str = "",
    status: int = 200,
) -> Response:
    """The answer about one battery. `instead_of` is in use, and this one would take its place, unless money is owed."""
    shown = instead_of or battery
    part = "exchange" if instead_of else answer.value
    if instead_of and instead_of.use and (owed := words.owed_words(instead_of.use)):
        part, problem = Answer.BATTERY_OUT.value, f"换不了：{owed}。"
    return show(
        region,
        part,
        value=str(battery.number),
        status=status,
        open_battery=shown.number if shown.holder else "",
        problem=problem,
        battery=shown,
        fresh=battery.number,
        use=shown.use,
        **_use_words(shown),
    )


def after_battery(battery: CounterBattery, region: RegionRow, part: str) -> Response:
    """What was just done with a battery: battery_returned, exchanged or taken_in."""
    return show(region, part, battery=battery, use=battery.use, **_use_words(battery))


def _use_words(battery: CounterBattery) -> dict[str, Any]:
    if battery.use is None:
        return {}
    return {
        "out": words.out_words(battery.use),
        "free": words.free_words(battery.use),
        "owed": words.owed_words(battery.use),
    }
