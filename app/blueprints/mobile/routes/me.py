"""我的: who I am here, what I hold, whom to call, and what is kept about me."""

from flask import Response, url_for

from app.blueprints.mobile import words
from app.blueprints.mobile.flash_words import days_left
from app.blueprints.mobile.forms import RegionQuery
from app.blueprints.mobile.late_words import late_words, that_cost
from app.blueprints.mobile.section import bp, tabs
from app.blueprints.mobile.standing import barred
from app.domain.calendar import business_day
from app.domain.directory import ContactKind
from app.queries import directory, my_account, my_flash, my_orders, people
from app.queries.my_card import my_card
from app.queries.my_late_fees import my_late_fees
from app.web.current import actor, now
from app.web.errors import refuse
from app.web.forms import from_query
from app.web.guards import customer, public
from app.web.htmx import render
from app.web.reading import read_session
from app.web.regions import ALL


@bp.get("/me")
@customer(registered=False)
def me() -> Response:
    """Masked; what waits for the person comes first."""
    who, session = actor(), read_session()
    assert who.id is not None  # noqa: S101  # the guard let a customer in
    orders = [(order, words.brief(order, now())) for order in my_orders.my_open_orders(session, who)]
    battery, person = my_flash.open_use(session, who, now()), people.person_of(session, who.id, now())
    lates = that_cost(my_late_fees(session, who, now()))
    prices = my_flash.unpaid_prices(session, who)
    return render(
        "mobile/me.html",
        person=person,
        bars=barred(person.freezes) if person else None,
        debts=[late_words(late, business_day(now())) for late in lates if late.is_over],
        owed_fen=sum(late.owed_fen for late in lates) + sum(price.amount_fen for price in prices),
        holding=[line for line in orders if line[0].is_out],
        waiting=[line for line in orders if not line[0].is_out],
        battery=battery,
        battery_line=days_left(battery.progress) if battery else "",
        card=my_card(session, who),
        order_count=my_orders.my_order_count(session, who),
        register_url=url_for(".register", next=url_for(".me")),
        tabs=tabs(),
    )


@bp.get("/contact")
@public
def contact() -> Response:
    """The customer service of a region: the one in the URL, else the person's own, else all."""
    regions = directory.regions(read_session())
    letter, own = from_query(RegionQuery).region.data, actor().region_id
    chosen = [row for row in regions if row.letter == letter]
    if not chosen and letter != ALL:
        chosen = [row for row in regions if row.id == own]
    chosen = chosen or regions
    if not chosen:
        return refuse(404, title="还没有开业的门店", text="过几天再来看看。")
    helpers = {
        row.region_id: row for row in directory.contacts(read_session()) if row.kind is ContactKind.CUSTOMER_SERVICE
    }
    return render(
        "mobile/contact.html",
        helpers=[(row, helpers.get(row.id)) for row in chosen],
        all_url=url_for(".contact", region=ALL) if len(chosen) < len(regions) else "",
    )


@bp.get("/privacy")
@public
def privacy() -> Response:
    """What is kept, for what, and what the person agreed to when."""
    who, session = actor(), read_session()
    return render(
        "mobile/privacy.html",
        consents=my_account.consents_given(session, who) if who.is_customer else [],
        is_customer=who.is_customer,
    )
