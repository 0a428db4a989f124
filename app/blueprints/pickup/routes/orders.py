"""Vehicles: handing over, its undoing, and the return of a rented one."""

from flask import Response, make_response, request, url_for

from app.blueprints.pickup import screen
from app.blueprints.pickup.forms import HandoverForm, ReturnForm, UndoForm
from app.blueprints.pickup.section import ORDER, bp, order_of, region_of
from app.domain import labels
from app.domain.errors import Rule, RuleBroken
from app.domain.permissions import Permission
from app.queries.counter.orders import CounterOrder
from app.usecases import pickup, rentals
from app.web.current import actor, now
from app.web.guards import requires, safe_next
from app.web.htmx import is_htmx, render, see_other
from app.web.reading import forget_reads

ERRORS_OF_FRAME_NO = (Rule.FRAME_NO_WRONG, Rule.FRAME_NO_TAKEN)


@bp.get(ORDER)
@requires(Permission.PICKUP)
def order_at_counter(order_id: int) -> Response:
    """One order's answer, without a scan: a link to it, and what the screen asks every few seconds while it waits."""
    order = order_of(order_id)
    until = screen.is_watched()
    unchanged = until is not None and now().timestamp() < until and request.args.get("seen") == screen.seen_as(order)
    if is_htmx() and unchanged and screen.waits_for_phone(order):
        return make_response("", 204)
    return screen.about_order(order, region_of(order), watch=until is None)


@bp.post(ORDER)
@requires(Permission.PICKUP)
def confirm(order_id: int) -> Response:
    """Hands the vehicle over. What is refused shows the order as it stands now, with what was typed."""
    order = order_of(order_id)
    form = HandoverForm()
    form.colour.choices = screen.colour_choices(order)
    if not form.validate():
        return screen.about_order(order, region_of(order), handover=form, status=422)
    try:
        pickup.confirm_pickup(
            order_id, colour=form.colour.data or "", frame_no=form.frame_no.data or "", actor=actor(), now=now()
        )
    except RuleBroken as broken:
        forget_reads()
        return screen.about_order(order_of(order_id), region_of(order), handover=_with_error(form, broken), status=422)
    return _done(order)


def _with_error(form: HandoverForm, broken: RuleBroken) -> HandoverForm:
    """The form with the sentence beside the field that it is about; other rules show in the order's own answer."""
    if broken.rule in ERRORS_OF_FRAME_NO:
        form.frame_no.errors = (labels.refusal(broken),)
    elif broken.rule is Rule.COLOUR_UNKNOWN:
        form.colour.errors = (labels.refusal(broken),)
    return form


@bp.post(f"{ORDER}/return")
@requires(Permission.PICKUP)
def take_vehicle_back(order_id: int) -> Response:
    """A rented vehicle is back. Whoever comes second sees who was first, and how it was found then."""
    order = order_of(order_id)
    form = ReturnForm()
    outcome = form.outcome
    if outcome is None:
        return screen.about_order(order, region_of(order), taking_back=form, status=422)
    condition, place = outcome
    try:
        rentals.return_vehicle(
            order_id, condition=condition, place=place, plate_off=form.plate_off.data, actor=actor(), now=now()
        )
    except RuleBroken as broken:
        forget_reads()
        problem = labels.refusal(broken)
        if broken.rule is Rule.PLATE_ON:
            form.plate_off.errors, problem = (problem,), ""
        return screen.about_order(order_of(order_id), region_of(order), taking_back=form, problem=problem, status=422)
    forget_reads()
    returned = order_of(order_id).rental
    if returned is None or (returned.returned_by_id, returned.condition, returned.place) != (actor().id, *outcome):
        return screen.about_order(order_of(order_id), region_of(order), status=422)
    return _done(order)


def _done(order: CounterOrder) -> Response:
    """The receipt."""
    forget_reads()
    if not is_htmx():
        return see_other(url_for(".counter", region=region_of(order).letter, last=order.order_id))
    return screen.after_order(order_of(order.order_id))


@bp.get(f"{ORDER}/undo")
@requires(Permission.PICKUP_UNDO)
def undo(order_id: int) -> Response:
    """The sheet for taking a pickup back."""
    return _undo_sheet(order_of(order_id), UndoForm())


@bp.post(f"{ORDER}/undo")
@requires(Permission.PICKUP_UNDO)
def undo_pickup(order_id: int) -> Response:
    """Takes a pickup back."""
    order = order_of(order_id)
    form = UndoForm()
    if not form.validate():
        return _undo_sheet(order, form, status=422)
    try:
        pickup.undo_pickup(order_id, reason=form.reason.data, actor=actor(), now=now())
    except RuleBroken as broken:
        forget_reads()
        return _undo_sheet(order_of(order_id), form, problem=labels.refusal(broken), status=422)
    counter_url = url_for(".counter", region=region_of(order).letter, last=order_id)
    return see_other(safe_next(request.args.get("next"), counter_url))


def _undo_sheet(order: CounterOrder, form: UndoForm, *, problem: str = "", status: int = 200) -> Response:
    leave_url = url_for(".counter", region=region_of(order).letter)
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
