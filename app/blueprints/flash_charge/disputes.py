"""Clearing up a use that staff could not make sense of at the counter (decisions 23, 42)."""

from flask import Response, url_for

from app.blueprints.flash_charge.forms import SettleForm
from app.blueprints.flash_charge.section import bp
from app.domain import labels
from app.domain.errors import RuleBroken
from app.domain.permissions import Permission
from app.queries.battery_page import DisputedUse, disputed_use
from app.usecases import flash_charge
from app.web.current import actor, now
from app.web.guards import requires
from app.web.htmx import render, see_other
from app.web.reading import forget_reads, read_session

USE = "/flash-charge/uses/<int:use_id>"


@bp.get(f"{USE}/settle")
@requires(Permission.FLASH_SETTLE)
def settle_sheet(use_id: int) -> Response:
    """Where the battery is, and how that is known."""
    return _sheet(disputed_use(read_session(), actor(), use_id, now()), SettleForm(formdata=None))


@bp.post(f"{USE}/settle")
@requires(Permission.FLASH_SETTLE)
def settle(use_id: int) -> Response:
    """The use is cleared up: it ends now, goes on, or had ended already."""
    form = SettleForm()
    found = disputed_use(read_session(), actor(), use_id, now())
    if not found.is_open:
        del form.outcome
    if not form.validate():
        return _sheet(found, form, status=422)
    ends = found.is_open and form.outcome.data == "ends"
    forget_reads()
    try:
        flash_charge.settle_dispute(use_id, ends=ends, reason=form.reason.data, actor=actor(), now=now())
    except RuleBroken as broken:
        return _sheet(found, form, problem=labels.refusal(broken), status=422)
    return see_other(url_for(".battery", battery_id=found.use.battery_id))


def _sheet(found: DisputedUse, form: SettleForm, *, problem: str = "", status: int = 200) -> Response:
    return render("flash_charge/settle.html", block="sheet", status=status, found=found, form=form, problem=problem)
