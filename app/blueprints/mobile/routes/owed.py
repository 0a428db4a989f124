"""What a person owes and why, the amount that is fixed for paying it, and what bars them (decisions 5 and 21)."""

from flask import Response, url_for

from app.blueprints.mobile import standing
from app.blueprints.mobile.late_words import late_words, that_cost
from app.blueprints.mobile.routes.orders import is_confirming, own_order
from app.blueprints.mobile.routes.pay import own_charge
from app.blueprints.mobile.section import bp, of_customer
from app.domain.calendar import business_day
from app.domain.errors import RuleBroken
from app.domain.settings import FROZEN_DEPOSIT
from app.queries import directory, people, settings
from app.queries.my_deposits import my_deposits
from app.queries.my_flash import unpaid_prices
from app.queries.my_late_fees import MyLateFees, late_fees_of_order, my_late_fees
from app.usecases import late_fees
from app.web.current import actor, now
from app.web.guards import customer
from app.web.htmx import render, see_other
from app.web.limits import limiter
from app.web.reading import forget_reads, read_session


@bp.get("/owed")
@customer(registered=True)
def owed() -> Response:
    """我欠什么、为什么: late fees day by day, of what is out and of what is back; prices of uses that are not paid."""
    lates = that_cost(my_late_fees(read_session(), actor(), now()))
    prices = unpaid_prices(read_session(), actor())
    return render(
        "mobile/owed.html",
        lates=[late_words(late, business_day(now())) for late in lates],
        prices=prices,
        total_fen=sum(late.owed_fen for late in lates) + sum(price.amount_fen for price in prices),
    )


@bp.post("/flash/uses/<int:use_id>/late-fees")
@customer(registered=True)
@limiter.limit("60 per 15 minutes", key_func=of_customer)
def quote_battery(use_id: int) -> Response:
    """支付逾期费: the amount of a battery's late fees as of today is fixed for a while; on to paying it."""
    lates = my_late_fees(read_session(), actor(), now())
    return _quote(next((late for late in lates if late.use_id == use_id), None))


@bp.post("/orders/<int:order_id>/late-fees")
@customer(registered=True)
@limiter.limit("60 per 15 minutes", key_func=of_customer)
def quote_rental(order_id: int) -> Response:
    """The same of a rented vehicle."""
    own_order(order_id)
    return _quote(late_fees_of_order(read_session(), actor(), order_id, now()))


def _quote(late: MyLateFees | None) -> Response:
    """What is settled meanwhile, or waits for somebody to look at its money, says so on the page of what is owed."""
    if late is None or not late.can_pay:
        return see_other(url_for(".owed"))
    if late.asked_charge_id and is_confirming(own_charge(late.asked_charge_id)):
        return see_other(url_for(".payment_result", charge_id=late.asked_charge_id))
    forget_reads()
    try:
        charge_id = late_fees.quote(late.kind, late.lent_id, actor=actor(), now=now())
    except RuleBroken:  # settled this very moment
        return see_other(url_for(".owed"))
    return see_other(url_for(".pay", charge_id=charge_id))


@bp.get("/frozen")
@customer(registered=True)
def frozen() -> Response:
    """Why nothing new can be begun, since when, and what lifts it."""
    return frozen_page()


def frozen_page(*, status: int = 200) -> Response:
    """The same instead of what was wanted. Decision 5."""
    who, reads = actor(), read_session()
    assert who.id is not None  # noqa: S101  # the guard let a customer in
    assert who.region_id is not None  # noqa: S101  # by real name
    deposits = [deposit for deposit in my_deposits(reads, who, now()) if deposit.is_held]
    page = standing.frozen_page(
        people.freezes_of(reads, who.id, now()),
        my_late_fees(reads, who, now()),
        {row.id: row.store_name or row.name for row in directory.regions(reads)},
        has_deposit=bool(deposits),
        deposits_wait=settings.value_of(reads, FROZEN_DEPOSIT, who.region_id, now()) == 0,
    )
    return render("mobile/frozen.html", page=page, deposits=deposits, status=status if page else 200)
