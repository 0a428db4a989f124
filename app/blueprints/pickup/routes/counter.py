"""The box: what was scanned or typed, and its one answer."""

from flask import Response, request

from app.blueprints.pickup import screen
from app.blueprints.pickup.forms import ScanForm
from app.blueprints.pickup.section import battery_of, bp, order_of, this_store
from app.domain.errors import NotFound
from app.domain.permissions import Permission
from app.domain.pickup import Answer
from app.queries.counter.orders import CounterOrder
from app.queries.directory import RegionRow
from app.usecases import pickup
from app.usecases.pickup import Reply
from app.web.current import actor, now
from app.web.guards import MOST_ROW_ID, requires
from app.web.reading import forget_reads

BATTERY_RECEIPTS = ("battery_returned", "exchanged", "taken_in")


@bp.get("/pickup")
@requires(Permission.PICKUP)
def counter() -> Response:
    """The counter of one store. `last` is the order something was just done with; `battery` and `done` likewise."""
    region, _ = this_store()
    last = request.args.get("last", type=int)
    if last is not None and 0 < last <= MOST_ROW_ID:
        return screen.after_order(order_of(last))
    battery = battery_of(request.args.get("battery", ""))
    done = request.args.get("done")
    if battery is not None and done in BATTERY_RECEIPTS:
        return screen.after_battery(battery, region, done)
    return screen.idle(region)


@bp.post("/pickup")
@requires(Permission.PICKUP)
def scan() -> Response:
    """Answers what was scanned or typed."""
    region, _ = this_store()
    form = ScanForm()
    if not form.typed:
        return screen.idle(region)
    reply = pickup.answer_scan(
        typed=form.typed,
        region_id=region.id,
        open_order_id=form.open_order_id,
        open_battery=form.open_battery_code,
        scan_key=form.key,
        actor=actor(),
        now=now(),
    )
    forget_reads()
    if reply.order_id is not None:
        return _answer_order(region, form, reply, reply.order_id)
    if reply.battery is not None and (battery := battery_of(str(reply.battery))) is not None:
        instead_of = battery_of(str(reply.instead_of)) if reply.instead_of else None
        return screen.about_battery(battery, region, answer=reply.answer, instead_of=instead_of)
    if reply.answer is Answer.CHOOSE:
        return screen.choose(region, reply.text, reply.found)
    on_screen = _ready_on_screen(form.open_order_id, region)
    if reply.answer is Answer.NOT_THIS_PERSONS and on_screen is not None:
        return screen.not_this_persons(region, reply.text, on_screen)
    back = on_screen.number if on_screen else _battery_on_screen(form.open_battery_code)
    return screen.say(region, reply.answer, reply.text, back=back)


def _answer_order(region: RegionRow, form: ScanForm, reply: Reply, order_id: int) -> Response:
    """The order's answer; what stood in its form stays there."""
    order = order_of(order_id)
    handover = None
    if reply.frame_no is not None or form.open_order_id == order.order_id:
        frame_no = reply.frame_no or form.frame_no.data or ""
        handover = screen.handover_form(order, colour=form.colour.data or order.colour, frame_no=frame_no)
    return screen.about_order(order, region, handover=handover, value=reply.text)


def _ready_on_screen(order_id: int | None, region: RegionRow) -> CounterOrder | None:
    if order_id is None:
        return None
    try:
        order = order_of(order_id)
    except NotFound:
        return None
    return order if order.answer is Answer.READY and order.region_id == region.id else None


def _battery_on_screen(code: str) -> str:
    battery = battery_of(code)
    return str(battery.number) if battery is not None and battery.holder else ""
