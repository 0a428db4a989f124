"""The counter: one box that answers, the handing over, its undoing, and the log of what was tried."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

from flask import Blueprint, Response, make_response, request, url_for
from wtforms.fields import SelectChoice

from app.blueprints.pickup.forms import ANSWERS, AttemptFilterForm, HandoverForm, ScanForm, UndoForm
from app.documents.qr import qr_picture
from app.domain import labels
from app.domain.calendar import business_day
from app.domain.charges import PaymentStatus
from app.domain.errors import NotFound, Rule, RuleBroken
from app.domain.numbering import VehicleNumber, read_scan
from app.domain.permissions import Permission
from app.domain.pickup import REFUSALS, Answer
from app.queries import directory
from app.queries import pickup as counter_reads
from app.queries.directory import RegionRow
from app.queries.paging import Key
from app.queries.pickup import AttemptFilters, AttemptRow, Candidate, Candidates, CounterOrder, ScanRow
from app.usecases import pickup
from app.usecases.pickup import Reply
from app.web.current import actor, now, runtime
from app.web.formats import clock_time, short_left, span
from app.web.forms import from_query
from app.web.guards import MOST_ROW_ID, requires, safe_next
from app.web.htmx import is_htmx, render, see_other
from app.web.reading import forget_reads, read_session
from app.web.regions import ALL, one_region

bp = Blueprint("pickup", __name__)

PAYMENT_WATCH = timedelta(minutes=15)
"""How long an unpaid order on the screen is looked at again by itself: as long as one payment may take."""
PAGE_SIZE = 50
ORDER = "/pickup/orders/<int:order_id>"
ERRORS_OF_FRAME_NO = (Rule.FRAME_NO_WRONG, Rule.FRAME_NO_TAKEN)


@bp.get("/pickup")
@requires(Permission.PICKUP)
def counter() -> Response:
    """The counter of one store; `last` is the order that something was just done with."""
    region, _ = _region()
    last = request.args.get("last", type=int)
    if last is None or not 0 < last <= MOST_ROW_ID:
        return _page(region)
    order = _order_of(last)
    return _page(_region_of(order), told=order)


@bp.post("/pickup")
@requires(Permission.PICKUP)
def scan() -> Response:
    """Answers what was scanned or typed."""
    region, _ = _region()
    form = ScanForm()
    if not form.typed:
        return _page(region)
    reply = pickup.answer_scan(
        typed=form.typed,
        region_id=region.id,
        open_order_id=form.open_order_id,
        scan_key=form.key,
        actor=actor(),
        now=now(),
    )
    forget_reads()
    if reply.order_id is None:
        on_screen = _ready_on_screen(form.open_order_id, region)
        return _page(region, reply=reply, order=on_screen, open_order=_id_to_keep(reply, on_screen))
    order = _order_of(reply.order_id)
    handover = None
    if reply.frame_no is not None:
        handover = _handover_form(order, colour=form.colour.data or order.colour, frame_no=reply.frame_no)
    elif form.open_order_id == order.order_id:
        handover = _handover_form(order, colour=form.colour.data or order.colour, frame_no=form.frame_no.data or "")
    return _about(order, region, handover=handover, value=reply.text)


@bp.get(ORDER)
@requires(Permission.PICKUP)
def order_at_counter(order_id: int) -> Response:
    """One order's answer, without a scan: a link to it, and what an unpaid one on the screen asks every few seconds."""
    order = _order_of(order_id)
    until = request.args.get("until", type=int)
    if is_htmx() and until is not None and order.answer is Answer.NOT_PAID and now().timestamp() < until:
        return make_response("", 204)
    return _about(order, _region_of(order), watch=until is None)


@bp.post(ORDER)
@requires(Permission.PICKUP)
def confirm(order_id: int) -> Response:
    """Hands the vehicle over. What is refused shows the order as it stands now, with what was typed."""
    order = _order_of(order_id)
    region = _region_of(order)
    form = HandoverForm()
    form.colour.choices = _colour_choices(order)
    if not form.validate():
        return _about(order, region, handover=form, status=422)
    try:
        pickup.confirm_pickup(
            order_id, colour=form.colour.data or "", frame_no=form.frame_no.data or "", actor=actor(), now=now()
        )
    except RuleBroken as broken:
        forget_reads()
        return _about(_order_of(order_id), region, handover=_with_error(form, broken), status=422)
    forget_reads()
    if not is_htmx():
        return see_other(url_for(".counter", region=region.letter, last=order_id))
    return _page(region, told=_order_of(order_id))


@bp.get(f"{ORDER}/undo")
@requires(Permission.PICKUP_UNDO)
def undo(order_id: int) -> Response:
    """The sheet for taking a pickup back."""
    return _undo_sheet(_order_of(order_id), UndoForm())


@bp.post(f"{ORDER}/undo")
@requires(Permission.PICKUP_UNDO)
def undo_pickup(order_id: int) -> Response:
    """Takes a pickup back."""
    order = _order_of(order_id)
    form = UndoForm()
    if not form.validate():
        return _undo_sheet(order, form, status=422)
    try:
        pickup.undo_pickup(order_id, reason=form.reason.data, actor=actor(), now=now())
    except RuleBroken as broken:
        forget_reads()
        return _undo_sheet(_order_of(order_id), form, problem=labels.refusal(broken), status=422)
    counter_url = url_for(".counter", region=_region_of(order).letter, last=order_id)
    return see_other(safe_next(request.args.get("next"), counter_url))


@bp.get("/pickup/attempts")
@requires(Permission.PICKUP)
def attempts() -> Response:
    """What was tried at one store on one day."""
    region, offered = _region()
    form = from_query(AttemptFilterForm)
    day = form.day.data or business_day(now())
    chosen = form.answer.data or ""
    found = counter_reads.attempts(
        read_session(),
        actor(),
        AttemptFilters(region_id=region.id, day=day, answer=Answer(chosen) if chosen else None),
        after=Key.parse(request.args.get("after")),
        before=Key.parse(request.args.get("before")),
        size=PAGE_SIZE,
    )

    def url(**changed: Any) -> str:
        kept: dict[str, Any] = {"region": region.letter, "day": day.isoformat(), "answer": chosen or None}
        return url_for(".attempts", **{**kept, **changed})

    day_before = url(day=(day - timedelta(days=1)).isoformat())
    return render(
        "pickup/attempts.html",
        block="attempt_rows",
        region=region,
        regions=_switch("attempts", region, offered),
        rows=[_as_line(row) for row in found.page.rows],
        first=found.first,
        last=found.first + len(found.page.rows) - 1,
        total=found.total,
        newer_url=url(before=found.page.newer) if found.page.newer else "",
        older_url=url(after=found.page.older) if found.page.older else "",
        list_url=url_for(".attempts"),
        widen=[*([("看全部结果", url(answer=None))] if chosen else []), ("看前一天", day_before)],
        words_chosen=f"「{labels.SCAN[Answer(chosen)]}」" if chosen else "",
        day=day,
        answers=ANSWERS,
        answer=chosen,
    )


def _as_line(row: AttemptRow) -> dict[str, object]:
    """A row of the log in words."""
    return {
        "at": row.at,
        "plate": row.typed if _is_whole_number(row.typed) else "",
        "typed": row.typed,
        "badge": labels.Badge(labels.SCAN[row.answer], labels.SCAN_LOOK[row.answer]),
        "number": row.number,
        "url": _order_url(row.order_id),
        "who": row.staff or "用户，在手机上",
    }


# ---- What the routes share ----


def _region() -> tuple[RegionRow, tuple[RegionRow, ...]]:
    """The store of this page, and those to switch to. Raises NotFound for a region where the actor does not work."""
    chosen = one_region(Permission.PICKUP)
    asked = request.args.get("region", ALL)
    if chosen.region is None or asked not in (ALL, chosen.region.letter):
        raise NotFound
    return chosen.region, chosen.offered


def _region_of(order: CounterOrder) -> RegionRow:
    offered = directory.regions_of(read_session(), actor(), Permission.PICKUP)
    return next(region for region in offered if region.id == order.region_id)


def _order_of(order_id: int) -> CounterOrder:
    return counter_reads.counter_order(read_session(), actor(), order_id, now())


def _ready_on_screen(order_id: int | None, region: RegionRow) -> CounterOrder | None:
    if order_id is None:
        return None
    try:
        order = _order_of(order_id)
    except NotFound:
        return None
    return order if order.answer is Answer.READY and order.region_id == region.id else None


def _id_to_keep(reply: Reply, on_screen: CounterOrder | None) -> int | None:
    """A wrong plate leaves the order on the screen open: the right one is scanned next."""
    return on_screen.order_id if on_screen and reply.answer is Answer.NOT_THIS_PERSONS else None


def _colour_choices(order: CounterOrder) -> list[SelectChoice]:
    colours = order.colours if order.colour in order.colours else (order.colour, *order.colours)
    return [SelectChoice(colour) for colour in colours]


def _handover_form(order: CounterOrder, *, colour: str, frame_no: str) -> HandoverForm:
    form = HandoverForm(formdata=None, colour=colour, frame_no=frame_no)
    form.colour.choices = _colour_choices(order)
    return form


def _with_error(form: HandoverForm, broken: RuleBroken) -> HandoverForm:
    """The form with the sentence beside the field that it is about; other rules show in the order's own answer."""
    if broken.rule in ERRORS_OF_FRAME_NO:
        form.frame_no.errors = (labels.refusal(broken),)
    elif broken.rule is Rule.COLOUR_UNKNOWN:
        form.colour.errors = (labels.refusal(broken),)
    return form


def _about(
    order: CounterOrder,
    region: RegionRow,
    *,
    handover: HandoverForm | None = None,
    value: str | None = None,
    watch: bool = True,
    status: int = 200,
) -> Response:
    """The page or block that answers with one order."""
    ready = order.answer is Answer.READY
    if ready and handover is None:
        handover = _handover_form(order, colour=order.colour, frame_no="")
    return _page(
        region,
        reply=Reply(order.answer, order.number if value is None else value, order.order_id),
        order=order,
        open_order=order.order_id if ready else None,
        form=handover,
        watch_until=_watch_until(now()) if watch and order.answer is Answer.NOT_PAID else None,
        status=status,
    )


def _watch_until(moment: datetime) -> int:
    return int((moment + PAYMENT_WATCH).timestamp())


def _page(
    region: RegionRow,
    *,
    reply: Reply | None = None,
    order: CounterOrder | None = None,
    told: CounterOrder | None = None,
    open_order: int | None = None,
    form: HandoverForm | None = None,
    watch_until: int | None = None,
    status: int = 200,
) -> Response:
    """The counter with an answer, or with what was just done (`told`), or empty; for HTMX its changing parts alone."""
    reads, who = read_session(), actor()
    day = counter_reads.counter_day(reads, who, region.id, now())
    context: dict[str, Any] = {
        "region": region,
        "region_letter": region.letter,
        "store_name": region.store_name,
        "regions": _switch("counter", region, directory.regions_of(reads, who, Permission.PICKUP)),
        "day": day,
        "waiting_url": url_for("orders.sale_orders", region=region.letter, state="reserved", todo="pick_up"),
        "scan_url": url_for(".scan", region=region.letter),
        "log_url": url_for(".attempts", region=region.letter),
        "undo_url": url_for(".undo", order_id=day.undo_order_id) if day.undo_order_id else "",
        "scans": [_as_scan(row) for row in day.last_scans],
        "scan_key": uuid4().hex,
        "fragment": is_htmx(),
        "now": now(),
        "part": f"pickup/answers/{reply.answer.value}.html" if reply else _part_of(told),
        "words": labels.SCAN,
        "reply": reply,
        "order": order,
        "order_url": _order_url(order.order_id if order else None),
        "told": told,
        "told_url": _order_url(told.order_id if told else None),
        "open_order": open_order,
        "form": form,
        "watch_until": watch_until,
        "pay_qr": _pay_qr(order) if order and order.answer is Answer.NOT_PAID and order.can_still_pay else "",
        "too_late_to_pay": _too_late_to_pay(order) if order else "",
        "other_store": _store_of(reply.text[:1]) if reply and reply.answer is Answer.OTHER_STORE else None,
    }
    if reply is not None and reply.answer is Answer.CHOOSE:
        context.update(_choices(reply.found))
    return render("pickup/counter.html", block="changed", status=status, **context)


def _choices(found: Candidates) -> dict[str, list[tuple[int, Candidate, labels.Badge, str]]]:
    """Both groups with their digit keys, counted through; whether paid, and the time left."""
    keys = count(1)
    return {
        name: [(next(keys), candidate, _paid_badge(candidate), _time_left(candidate)) for candidate in group]
        for name, group in (("by_number", found.by_number), ("by_phone", found.by_phone))
    }


def _paid_badge(candidate: Candidate) -> labels.Badge:
    return labels.PAYMENT_STATUS[PaymentStatus.SETTLES if candidate.paid else PaymentStatus.CREATED]


def _time_left(candidate: Candidate) -> str:
    if candidate.paid and candidate.expires_at <= now():
        return f"已付未提 {span(now() - candidate.expires_at)}"
    return short_left(candidate.expires_at, now())


def _as_scan(row: ScanRow) -> tuple[str, str, str, bool]:
    """(time, number, words, refused), as the foot shows a scan."""
    word = "已提车" if row.collected else labels.SCAN[row.answer]
    number = row.typed if _is_whole_number(row.typed) else row.number
    if row.typed and not _is_whole_number(row.typed):
        word = f"{row.typed} {word}"
    return clock_time(row.at), number or "", word, row.answer in REFUSALS


def _is_whole_number(typed: str | None) -> bool:
    return isinstance(read_scan(typed or ""), VehicleNumber)


def _order_url(order_id: int | None) -> str:
    """The order's own page, for who may see it."""
    if order_id is None or not actor().may(Permission.ORDERS_VIEW):
        return ""
    return url_for("orders.order", order_id=order_id)


def _part_of(told: CounterOrder | None) -> str:
    if told is None:
        return "pickup/answers/idle.html"
    return "pickup/answers/handed_over.html" if told.answer is Answer.COLLECTED else "pickup/answers/taken_back.html"


def _pay_qr(order: CounterOrder) -> str:
    """What the person scans to stand at 输入车辆编号 of this order at once."""
    return qr_picture(f"{runtime().public_url}{url_for('mobile.number', order_id=order.order_id)}")


def _too_late_to_pay(order: CounterOrder) -> str:
    return labels.refusal(RuleBroken(Rule.PAYMENT_TIME_OVER, expires_at=order.expires_at))


def _store_of(letter: str) -> RegionRow | None:
    return next((region for region in directory.regions(read_session()) if region.letter == letter), None)


def _switch(
    endpoint: str, region: RegionRow, offered: tuple[RegionRow, ...] | list[RegionRow]
) -> list[tuple[str, str, str, bool]]:
    """The stores that the actor works in: (url, letter, label, current)."""
    return [(url_for(f".{endpoint}", region=row.letter), row.letter, row.name, row.id == region.id) for row in offered]


def _undo_sheet(order: CounterOrder, form: UndoForm, *, problem: str = "", status: int = 200) -> Response:
    leave_url = url_for(".counter", region=_region_of(order).letter)
    return render(
        "pickup/undo.html",
        block="content",
        order=order,
        form=form,
        problem=problem,
        action=url_for(".undo_pickup", order_id=order.order_id, next=request.args.get("next")),
        leave_url=safe_next(request.args.get("next"), leave_url),
        status=status,
    )
