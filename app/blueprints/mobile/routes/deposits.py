"""押金: what is held for the person, what was withheld, where each refund is, and asking for it (decisions 21, 25)."""

from flask import Response, url_for

from app.blueprints.mobile.flash_words import what_ties
from app.blueprints.mobile.forms import DepositForm
from app.blueprints.mobile.routes.orders import own_order
from app.blueprints.mobile.section import bars, bp, of_customer
from app.domain import labels
from app.domain.errors import RuleBroken
from app.queries.my_deposits import deposits_now, my_deposits, unsecured
from app.queries.my_orders import my_one_rental
from app.usecases import deposits as deposit_verbs
from app.web.current import actor, now
from app.web.guards import customer
from app.web.htmx import render, see_other
from app.web.limits import limiter
from app.web.reading import forget_reads, read_session


@bp.get("/deposits")
@customer(registered=True)
def deposits() -> Response:
    """All of them, newest first."""
    return _page()


@bp.post("/deposits/rental/back")
@customer(registered=True)
def ask_rental_deposit_back() -> Response:
    """Asks for a rental deposit that secures nothing (one of flash charge goes back by leaving). Twice: one refund."""
    held = [row for row in my_deposits(read_session(), actor(), now()) if row.is_held and not row.is_flash]
    forget_reads()
    try:
        for row in held:  # at most one
            deposit_verbs.ask_back(row.deposit_id, actor=actor(), now=now())
    except RuleBroken as broken:
        return _page(labels.refusal(broken))
    return see_other(url_for(".deposits"))


@bp.post("/orders/<int:order_id>/deposit")
@customer(registered=True)
@limiter.limit("60 per 15 minutes", key_func=of_customer)
def pay_deposit_again(order_id: int) -> Response:
    """The deposit of a vehicle that is out was sent back early: the person pays another. Decision 26."""
    own_order(order_id)
    form = DepositForm()
    if not form.validate():
        return _page("这一页放得太久了，看一遍再付。")
    kind, seen_fen = form.chosen()
    forget_reads()
    try:
        charge_id = deposit_verbs.agree(kind, order_id=order_id, seen_fen=seen_fen, actor=actor(), now=now())
    except RuleBroken as broken:
        return _page(labels.refusal(broken))
    return see_other(url_for(".pay", charge_id=charge_id))


def _page(problem: str = "") -> Response:
    shown = deposits_now(read_session(), actor(), now())
    rental = my_one_rental(read_session(), actor())
    return render(
        "mobile/deposits.html",
        deposits=[(row.deposit, row.can_ask_back, what_ties(row.ties, row.deposit.kind, rental)) for row in shown],
        again=unsecured(read_session(), actor()),
        bars=bars(),
        problem=problem,
        status=422 if problem else 200,
    )
