"""The sheet 减免: of a battery use, and of an order's rental (decision 20)."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, Response, g, request, url_for

from app.blueprints.late_fees.forms import WaiveForm
from app.domain import labels
from app.domain.errors import Rule, RuleBroken
from app.domain.permissions import Permission
from app.queries import late_fee_page as pages
from app.queries.late_fee_page import Waivable
from app.usecases import waivers
from app.web.current import actor, now
from app.web.guards import requires
from app.web.htmx import render, see_other
from app.web.reading import forget_reads, read_session

bp = Blueprint("late_fees", __name__)


@dataclass(frozen=True, slots=True)
class Sheet:
    """What it reads, and the page that it belongs to."""

    read: Callable[[], Waivable]
    url: str
    back_url: str


def _of_use(use_id: int) -> Sheet:
    g.menu_entry = "flash_charge.flash_charge"
    return Sheet(
        lambda: pages.waivable_use(read_session(), actor(), use_id, now()),
        url_for(".waive_use", use_id=use_id),
        url_for("flash_charge.use", use_id=use_id, _anchor="late-fees"),
    )


def _of_rental(order_id: int) -> Sheet:
    g.menu_entry = "orders.rental_orders"
    return Sheet(
        lambda: pages.waivable_rental(read_session(), actor(), order_id, now()),
        url_for(".waive_rental", order_id=order_id),
        url_for("orders.order", order_id=order_id, _anchor="late-fees"),
    )


@bp.get("/flash-charge/uses/<int:use_id>/waive")
@requires(Permission.FEES_WAIVE)
def waive_use_sheet(use_id: int) -> Response:
    """The days of a battery use."""
    return _open(_of_use(use_id))


@bp.post("/flash-charge/uses/<int:use_id>/waive")
@requires(Permission.FEES_WAIVE)
def waive_use(use_id: int) -> Response:
    """Lets the chosen ones go."""
    return _waive(_of_use(use_id))


@bp.get("/orders/<int:order_id>/waive")
@requires(Permission.FEES_WAIVE)
def waive_rental_sheet(order_id: int) -> Response:
    """The days of a rental."""
    return _open(_of_rental(order_id))


@bp.post("/orders/<int:order_id>/waive")
@requires(Permission.FEES_WAIVE)
def waive_rental(order_id: int) -> Response:
    """Lets the chosen ones go."""
    return _waive(_of_rental(order_id))


def _open(sheet: Sheet) -> Response:
    found = sheet.read()
    if not found.fees.may_waive or not found.fees.to_waive:
        raise RuleBroken(Rule.NOTHING_TO_WAIVE)
    form = WaiveForm(formdata=None)
    if "all" in request.args:
        form.days.data = [day.on.isoformat() for day in found.fees.to_waive]
    return _sheet(sheet, found, form)


def _waive(sheet: Sheet) -> Response:
    form, found = WaiveForm(), sheet.read()
    if not form.validate():
        return _sheet(sheet, found, form, status=422)
    forget_reads()
    try:
        waivers.waive(
            found.kind,
            found.lent_id,
            days=form.chosen,
            reason=form.reason.data,
            request_key=form.request_key.data,
            actor=actor(),
            now=now(),
        )
    except RuleBroken as broken:
        return _sheet(sheet, sheet.read(), form, problem=labels.refusal(broken), status=422)
    return see_other(sheet.back_url)


def _sheet(sheet: Sheet, found: Waivable, form: WaiveForm, *, problem: str = "", status: int = 200) -> Response:
    chosen = form.chosen
    return render(
        "late_fees/waive.html",
        block="sheet",
        status=status,
        found=found,
        form=form,
        days=[(day, day.on in chosen) for day in found.fees.to_waive],
        chosen_fen=sum(day.amount_fen for day in found.fees.to_waive if day.on in chosen),
        act_url=sheet.url,
        all_url=f"{sheet.url}?all=1",
        back_url=sheet.back_url,
        problem=problem,
        labels=labels,
    )
