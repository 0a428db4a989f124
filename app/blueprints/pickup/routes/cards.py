"""Student cards at the counter: the photo, and letting it pass or not (decision 17)."""

from flask import Response, abort, url_for

from app.blueprints.pickup import screen
from app.blueprints.pickup.forms import CardForm, RejectForm
from app.blueprints.pickup.section import ORDER, bp, order_of, region_of
from app.domain import labels
from app.domain.errors import RuleBroken
from app.domain.permissions import Permission
from app.ports import FileGone
from app.queries.counter.cards import card_photo_key
from app.queries.counter.orders import CounterOrder
from app.usecases import cards
from app.web.current import actor, now, runtime
from app.web.guards import requires
from app.web.htmx import is_htmx, render, see_other
from app.web.photos import photo_answer
from app.web.reading import forget_reads, read_session


@bp.get("/pickup/cards/<int:card_id>/photo")
@requires(Permission.PICKUP)
def card_photo(card_id: int) -> Response:
    """The face beside a name."""
    key = card_photo_key(read_session(), actor(), card_id)
    if key is None:
        abort(410)
    try:
        return photo_answer(runtime().photos.get(key))
    except FileGone:
        abort(410)


@bp.post(f"{ORDER}/card")
@requires(Permission.CARDS_REVIEW)
def approve_card(order_id: int) -> Response:
    """It is the person's: the order is ready at once, if nothing else is missing."""
    order = order_of(order_id)
    card_id = CardForm().seen_id
    if not _is_of(order, card_id):
        return screen.about_order(order, region_of(order), problem="用户刚刚换了一张学生证，再看一遍。", status=422)
    try:
        cards.approve(card_id or 0, actor=actor(), now=now())
    except RuleBroken as broken:
        forget_reads()
        problem = labels.refusal(broken)
        return screen.about_order(order_of(order_id), region_of(order), problem=problem, status=422)
    return _afterwards(order)


@bp.get(f"{ORDER}/card/reject")
@requires(Permission.CARDS_REVIEW)
def reject_card(order_id: int) -> Response:
    """The sheet for refusing it."""
    return _reject_sheet(order_of(order_id), RejectForm())


@bp.post(f"{ORDER}/card/reject")
@requires(Permission.CARDS_REVIEW)
def card_is_rejected(order_id: int) -> Response:
    """It is not; its person reads why, and sends another."""
    order = order_of(order_id)
    form = RejectForm()
    if not form.validate():
        return _reject_sheet(order, form, status=422)
    card_id = form.seen_id
    if not _is_of(order, card_id):
        return _reject_sheet(order, form, problem="用户刚刚换了一张学生证，再看一遍。", status=422)
    try:
        cards.reject(card_id or 0, reason=form.reason.data, actor=actor(), now=now())
    except RuleBroken as broken:
        forget_reads()
        return _reject_sheet(order_of(order_id), form, problem=labels.refusal(broken), status=422)
    return see_other(url_for(".order_at_counter", order_id=order_id))


def _is_of(order: CounterOrder, card_id: int | None) -> bool:
    """Whether the card that was looked at is still the person's last."""
    return order.card is not None and order.card.card_id == card_id


def _afterwards(order: CounterOrder) -> Response:
    forget_reads()
    if not is_htmx():
        return see_other(url_for(".order_at_counter", order_id=order.order_id))
    return screen.about_order(order_of(order.order_id), region_of(order))


def _reject_sheet(order: CounterOrder, form: RejectForm, *, problem: str = "", status: int = 200) -> Response:
    return render(
        "pickup/reject_card.html",
        block="content",
        order=order,
        form=form,
        problem=problem,
        action=url_for(".card_is_rejected", order_id=order.order_id),
        leave_url=url_for(".order_at_counter", order_id=order.order_id),
        status=status,
    )
