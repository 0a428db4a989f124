"""输入车辆编号: the number of the vehicle in front of the person opens the payment (FLOW-BUY-3, NUM-8)."""

from flask import Response, url_for

from app.blueprints.mobile import words
from app.blueprints.mobile.forms import NumberForm
from app.blueprints.mobile.routes.orders import own_order
from app.blueprints.mobile.section import bp, of_customer
from app.domain.errors import Rule, RuleBroken
from app.domain.labels import refusal
from app.queries.my_orders import MyOrder
from app.usecases import orders
from app.web.current import actor, now
from app.web.guards import customer
from app.web.htmx import render, see_other
from app.web.limits import limiter
from app.web.reading import forget_reads


@bp.get("/orders/<int:order_id>/number")
@customer(registered=True)
def number(order_id: int) -> Response:
    """The empty plate. An order that is past this leads to where it is."""
    return _page(own_order(order_id), NumberForm())


@bp.post("/orders/<int:order_id>/number")
@customer(registered=True)
@limiter.limit("20 per 15 minutes", key_func=of_customer)
def enter_number(order_id: int) -> Response:
    """Right: on to the payment. Wrong: the same page says so, and the try is recorded."""
    form = NumberForm()
    if not form.validate():
        return _page(own_order(order_id), form, status=422)
    forget_reads()
    try:
        fits = orders.enter_number(order_id, typed=form.typed(), actor=actor(), now=now())
    except RuleBroken:  # the order is over: its own page says what happened
        return see_other(url_for(".order", order_id=order_id))
    if fits:
        return see_other(words.step_url(own_order(order_id)))
    form.number.errors = [refusal(RuleBroken(Rule.NUMBER_WRONG))]
    return _page(own_order(order_id), form, status=422)


def _page(shown: MyOrder, form: NumberForm, *, status: int = 200) -> Response:
    if shown.is_running_out(now()):
        return see_other(url_for(".order", order_id=shown.order_id))
    if not shown.waits_for_number:
        return see_other(words.step_url(shown))
    prefix = shown.number[:2]
    return render(
        "mobile/number.html",
        order=shown,
        dots=words.dots(shown),
        form=form,
        prefix=prefix,
        business=shown.business,
        status=status,
    )
