"""我的订单: the list, one order, and cancelling it (SET-6, decision 14)."""

from flask import Response, request, session, url_for

from app.blueprints.mobile import words
from app.blueprints.mobile.late_words import late_words
from app.blueprints.mobile.section import bars, bp, customer_service
from app.documents.qr import qr_picture
from app.domain import labels
from app.domain.calendar import business_day
from app.domain.errors import RuleBroken
from app.queries import my_charges, my_orders
from app.queries.my_charges import MyCharge
from app.queries.my_late_fees import late_fees_of_order
from app.queries.my_orders import MyOrder
from app.queries.paging import Key
from app.usecases import orders
from app.web.current import actor, now
from app.web.guards import customer
from app.web.htmx import render, see_other
from app.web.reading import forget_reads, read_session
from app.web.timeline import timeline_items

SAID_PAID = "said_paid"
"""In the browser's session: the attempt of which WeChat's sheet said that it was paid, until it is known."""


def own_order(order_id: int) -> MyOrder:
    """One of the person's own orders as it stands now. Raises NotFound."""
    return my_orders.my_order(read_session(), actor(), order_id, now())


def charge_at_turn(order: MyOrder) -> MyCharge:
    """What is to be paid next for it."""
    return my_charges.charge_at_turn(read_session(), actor(), order)


def is_confirming(charge: MyCharge) -> bool:
    """Whether WeChat's sheet said that the charge's live attempt was paid, and nobody knows yet."""
    return charge.attempt is not None and session.get(SAID_PAID) == charge.attempt.out_trade_no


@bp.get("/orders")
@customer(registered=False)
def orders_list() -> Response:
    """Newest first; older ones behind a link."""
    page = my_orders.my_order_rows(read_session(), actor(), after=Key.parse(request.args.get("after")))
    older_url = url_for(".orders_list", after=str(page.older)) if page.older else ""
    return render(
        "mobile/orders.html",
        orders=[(order, words.brief(order, now())) for order in page.rows],
        older_url=older_url,
        first_page="after" not in request.args,
    )


@bp.get("/orders/<int:order_id>")
@customer(registered=False)
def order(order_id: int) -> Response:
    """One order: number, state, what to do next, money, its story."""
    shown = own_order(order_id)
    charge = charge_at_turn(shown)
    late = late_fees_of_order(read_session(), actor(), order_id, now()) if shown.rental else None
    return render(
        "mobile/order.html",
        order=shown,
        dots=words.dots(shown),
        deposits=[(deposit, words.why_held(deposit, shown.rental)) for deposit in shown.deposits],
        coming_deposit=words.coming_deposit(shown),
        bars=bars() if shown.is_open else None,
        late=late_words(late, business_day(now())) if late and not late.is_free else None,
        step=words.next_step(shown, charge, now(), confirming=is_confirming(charge)),
        code=qr_picture(shown.number),
        contact=customer_service(shown.region_id),
        story=timeline_items(shown.story, now()),
        why_no_cancelling=words.why_no_cancelling(shown),
    )


@bp.get("/orders/<int:order_id>/cancel")
@customer(registered=False)
def cancel(order_id: int) -> Response:
    """What cancelling means for this order, before it is done."""
    shown = own_order(order_id)
    if shown.is_closed:
        return see_other(url_for(".order", order_id=order_id))
    return _cancel_page(shown)


def _cancel_page(shown: MyOrder, broken: RuleBroken | None = None) -> Response:
    return render(
        "mobile/cancel.html",
        order=shown,
        deposits=words.deposits_after_cancelling(shown),
        act=words.cancel_button(shown),
        confirming=is_confirming(charge_at_turn(shown)),
        problem=labels.refusal(broken) if broken else "",
        why_no_cancelling=words.why_no_cancelling(shown),
        status=422 if broken else 200,
    )


@bp.post("/orders/<int:order_id>/cancel")
@customer(registered=False)
def cancel_order(order_id: int) -> Response:
    """Cancels; what was paid goes back in full. A second press finds it done."""
    try:
        orders.cancel_order(order_id, reason="", actor=actor(), now=now())
    except RuleBroken as broken:
        forget_reads()
        return _cancel_page(own_order(order_id), broken)
    return see_other(url_for(".order", order_id=order_id))
