"""Sending money back of a charge that was paid: an order after its pickup, a battery use's price, late fees."""

import secrets

from flask import Response, g, url_for

from app.blueprints.orders.listing import screen_of
from app.blueprints.orders.refund_forms import RefundForm
from app.blueprints.orders.section import bp
from app.domain import labels
from app.domain.errors import Rule, RuleBroken
from app.domain.numbering import VehicleNumber
from app.domain.permissions import Permission
from app.queries import refund_sheet as reads
from app.queries.paid_things import PaidThing
from app.queries.refund_sheet import RefundSheet
from app.usecases import refunding
from app.web.current import actor, now
from app.web.guards import requires
from app.web.htmx import render, see_other
from app.web.reading import forget_reads, read_session

REFUND = "/orders/charges/<int:charge_id>/refund"


def page_of(thing: PaidThing) -> str:
    """The page of what was paid for: of a battery use that of the deposit which secures it."""
    if thing.order_id is not None:
        return url_for("orders.order", order_id=thing.order_id)
    if thing.deposit_id is not None:
        return url_for("orders.deposit", deposit_id=thing.deposit_id)
    return url_for("orders.suspect_payments")


@bp.get(REFUND)
@requires(Permission.ORDERS_REFUND)
def refund_charge_sheet(charge_id: int) -> Response:
    """Who, from what, paid, already back, at most; then how much, and why."""
    found = _found(charge_id)
    if found.is_reserved:
        raise RuleBroken(Rule.REFUND_ELSEWHERE)
    form = RefundForm(formdata=None, amount=found.left_fen, seen=found.back_fen, request_key=secrets.token_hex(16))
    return _sheet(found, form)


@bp.post(REFUND)
@requires(Permission.ORDERS_REFUND)
def refund_charge(charge_id: int) -> Response:
    """Sends it back. The page of what it was for is the receipt. Decision 14."""
    found = _found(charge_id)
    form = RefundForm()
    if not form.validate():
        return _sheet(found, form, status=422)
    forget_reads()
    try:
        refunding.refund_charge(
            charge_id,
            amount_fen=form.amount.data,
            seen_back_fen=form.seen.data,
            reason=form.reason,
            note=form.note.data,
            request_key=form.request_key.data,
            actor=actor(),
            now=now(),
        )
    except RuleBroken as broken:
        found = _found(charge_id)
        form.seen.raw_data = [str(found.back_fen)]  # the sheet shows it now
        return _sheet(found, form, problem=labels.refusal(broken), status=422)
    return see_other(page_of(found.thing))


def _found(charge_id: int) -> RefundSheet:
    found = reads.refund_sheet(read_session(), actor(), charge_id, now())
    actor().require(Permission.ORDERS_REFUND, found.region_id)
    return found


def _sheet(found: RefundSheet, form: RefundForm, *, problem: str = "", status: int = 200) -> Response:
    thing = found.thing
    if thing.order_id is not None:
        screen = screen_of(VehicleNumber.parse(thing.number).business)
        g.menu_entry, crumb = screen.endpoint, (url_for(screen.endpoint), screen.title)
    else:
        g.menu_entry, crumb = "orders.deposits", (url_for(".deposits"), "押金")
    return render(
        "orders/refund_charge.html",
        block="sheet",
        status=status,
        sheet=found,
        crumb=crumb,
        page_url=page_of(thing),
        form=form,
        problem=problem,
        labels=labels,
    )
