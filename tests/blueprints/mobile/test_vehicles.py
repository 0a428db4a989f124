"""Seeing what is for sale, and reserving it."""

import html
import re
import secrets
from urllib.parse import urlencode

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.domain.orders import Intent
from app.models.orders import Order
from app.models.people import Restriction
from app.models.vehicles import Listing, Price
from app.usecases import customers
from tests.factories.ground import COLOURS, LONG_AGO, MODEL, PRICE_FEN, SCHOOL_OF, STOCK
from tests.factories.orders import a_listing_id, an_order, person_of
from tests.factories.people import a_customer, a_member_of_staff, an_id_number
from tests.factories.phone import an_order_id, hidden, log_in, press, reserve, words
from tests.factories.vehicles import a_model_for_sale
from tests.fixtures.actors import AsCustomer
from tests.fixtures.apps import MovedClock
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient
from tests.fixtures.simulators import Simulator


def links(text: str) -> list[str]:
    return [html.unescape(found) for found in re.findall(r'href="(/m/[^"]*)"', text)]


@pytest.mark.req("FLOW-BUY-1")
def test_a_visitor_sees_every_region_without_logging_in(client: LawfulClient, app: Flask, database: Database) -> None:
    a_model_for_sale(database, "只在小和山", price_fen=1234_00, regions="B")
    first = client.get("/m/")
    assert {"/m/?region=A", "/m/?region=B", "/m/?region=C"} <= {*links(first.text)}
    assert "只在小和山" not in first.text
    there = client.get("/m/?region=B")
    assert "只在小和山" in there.text
    assert f"现车 {STOCK} 辆" in there.text
    assert "¥ 1,234" in words(there)


def test_an_unknown_region_falls_back(client: LawfulClient) -> None:
    assert client.get("/m/?region=Q").status_code == 200


def test_the_persons_own_region_comes_first(as_customer: AsCustomer) -> None:
    somebody = as_customer(region="B")
    current = re.search(r'href="(/m/\?region=\w)"\s+aria-current="page"', somebody.get("/m/").text)
    assert current
    assert current[1] == "/m/?region=B"
    assert "这里只能看看" in somebody.get("/m/?region=C").text


def test_a_vehicle_shows_its_price_before_and_its_stock(
    client: LawfulClient, app: Flask, database: Database, clock: MovedClock
) -> None:
    listing_id = a_listing_id(app)
    database.add(
        Price(
            listing_id=listing_id,
            days=0,
            amount_fen=1999_50,
            was_fen=PRICE_FEN,
            effective_at=LONG_AGO.replace(month=2),
            made_at=LONG_AGO,
        )
    )
    with database.write() as session:
        session.execute(update(Listing).where(Listing.id == listing_id).values(stock=2))
    page = words(client.get(f"/m/vehicles/{listing_id}"))
    assert "¥ 1,999.50 原价 ¥2,399" in page
    assert "仅剩 2 辆" in page
    assert "保留 72 小时" in page


def test_what_is_sold_out_says_so_and_offers_no_button(client: LawfulClient, app: Flask, database: Database) -> None:
    with database.write() as session:
        session.execute(update(Listing).values(stock=0))
    assert "暂时没有现车" in client.get("/m/").text
    page = client.get(f"/m/vehicles/{a_listing_id(app)}").text
    assert "暂时没有现车" in page
    assert "立即预约" not in page


def test_a_vehicle_that_is_not_there(client: LawfulClient) -> None:
    assert client.get("/m/vehicles/99999").status_code == 404


@pytest.mark.req("FLOW-BUY-1", "FLOW-BUY-2")
def test_a_strangers_choice_survives_log_in_and_registration(
    client: LawfulClient, app: Flask, simulator: Simulator, database: Database
) -> None:
    listing_id = a_listing_id(app, "B")
    choice = {"colour": COLOURS[1], "intent": "buy"}
    page = client.get(f"/m/vehicles/{listing_id}")
    assert f'method="get" action="/m/vehicles/{listing_id}/begin"' in " ".join(page.text.split())
    back = log_in(client, simulator.person(), f"/m/vehicles/{listing_id}/begin?{urlencode(choice)}")
    assert back.status_code == 303, back.text
    sent = client.get(back.location)
    assert sent.status_code == 303, (back.location, sent.text)
    assert sent.location.startswith("/m/register?next=")
    form = client.get(sent.location)
    action = re.search(r'action="(/m/register[^"]*)"', form.text)
    assert action
    schools = dict(re.findall(r'<option value="(\d+)">([^<]+)</option>', form.text))
    school = next(value for value, name in schools.items() if name == SCHOOL_OF["B"])
    done = press(
        client,
        html.unescape(action[1]),
        name="韩博",
        id_number=an_id_number(),
        phone="13300004415",
        school=school,
        consent="y",
        consent_text=hidden(form, "consent_text"),
    )
    assert done.status_code == 303, done.text
    where = client.get(done.location).location
    again = client.get(where)
    assert re.search(rf'value="{COLOURS[1]}"\s+checked', again.text)
    assert "点「立即购买」接着办" in again.text
    assert hidden(again, "seen_fen") == str(PRICE_FEN)
    assert reserve(client, listing_id, colour=COLOURS[1], intent="buy").status_code == 303
    assert "接着办" not in client.get(where).text  # Back does not ask for it a second time


@pytest.mark.req("FLOW-BUY-2", "NUM-4")
@pytest.mark.parametrize(("intent", "leads_to"), [("reserve", ""), ("buy", "/number")])
def test_both_buttons_make_the_same_order(
    as_customer: AsCustomer, app: Flask, database: Database, intent: str, leads_to: str
) -> None:
    answer = reserve(as_customer(), a_listing_id(app), intent=intent, colour=COLOURS[1])
    order = database.one(select(Order))
    assert (answer.status_code, answer.location) == (303, f"/m/orders/{order.id}{leads_to}")
    assert (order.intent, order.colour, order.number) == (Intent(intent), COLOURS[1], "AM0001")
    assert database.one(select(Listing.stock).where(Listing.id == order.listing_id)) == STOCK - 1


def test_pressing_twice_makes_one_order(as_customer: AsCustomer, app: Flask, database: Database) -> None:
    somebody, key = as_customer(), secrets.token_hex(16)
    first, second = (reserve(somebody, a_listing_id(app), request_key=key) for _ in range(2))
    assert first.location == second.location
    assert database.count(Order) == 1


@pytest.mark.req("FLOW-BUY-4")
def test_one_person_may_reserve_several(as_customer: AsCustomer, app: Flask, database: Database) -> None:
    somebody = as_customer()
    for _ in range(3):
        assert reserve(somebody, a_listing_id(app)).status_code == 303
    refused = reserve(somebody, a_listing_id(app), colour=COLOURS[1])
    assert refused.status_code == 422
    assert "你已经有 3 个没付款的预约" in refused.text
    assert re.search(rf'value="{COLOURS[1]}"\s+checked', refused.text)
    assert "/m/orders" in links(refused.text)
    assert database.count(Order) == 3


def test_the_last_one_was_just_taken(as_customer: AsCustomer, app: Flask, database: Database) -> None:
    somebody, listing_id = as_customer(), a_listing_id(app)
    with database.write() as session:
        session.execute(update(Listing).where(Listing.id == listing_id).values(stock=0))
    refused = reserve(somebody, listing_id)
    assert refused.status_code == 422
    assert "刚刚被订完了" in refused.text
    assert database.count(Order) == 0


def test_a_changed_price_is_shown_before_anything_is_reserved(
    as_customer: AsCustomer, app: Flask, database: Database
) -> None:
    somebody = as_customer()
    refused = reserve(somebody, a_listing_id(app), seen_fen=PRICE_FEN - 100, colour=COLOURS[1])
    assert refused.status_code == 422
    assert "价格刚刚变成了 ¥2,399.00" in refused.text
    assert hidden(refused, "seen_fen") == str(PRICE_FEN)
    assert database.count(Order) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"colour": ""},
        {"colour": "透明"},
        {"intent": "steal"},
        {"seen_fen": "much"},
        {"request_key": "x"},
        {"request_key": ""},
    ],
)
def test_what_no_button_sends_is_refused(
    as_customer: AsCustomer, app: Flask, database: Database, wrong: dict[str, str]
) -> None:
    assert reserve(as_customer(), a_listing_id(app), **wrong).status_code == 422
    assert database.count(Order) == 0


def test_another_region_is_for_looking_only(as_customer: AsCustomer, app: Flask, database: Database) -> None:
    """The button says why and leads to the same vehicle at the person's own store."""
    somebody = as_customer(region="B")
    page = somebody.get(f"/m/vehicles/{a_listing_id(app, 'A')}")
    assert "在那里预约" in page.text
    assert "立即预约" not in page.text
    assert f"/m/vehicles/{a_listing_id(app, 'B')}" in links(page.text)
    refused = reserve(somebody, a_listing_id(app, "A"))
    assert refused.status_code == 422
    assert "只能在你学校所在的区域预约" in refused.text
    assert database.count(Order) == 0


def test_a_model_that_the_own_region_does_not_sell_leads_to_its_list(
    as_customer: AsCustomer, app: Flask, database: Database
) -> None:
    there = a_model_for_sale(database, "只在紫金港", price_fen=1000_00, regions="A")
    assert "/m/?region=B" in links(as_customer(region="B").get(f"/m/vehicles/{there['A']}").text)


def test_a_stranger_who_reserves_is_sent_to_log_in(client: LawfulClient, app: Flask, database: Database) -> None:
    answer = reserve(client, a_listing_id(app))
    assert answer.status_code == 303
    assert answer.location.startswith("/m/login")
    assert database.count(Order) == 0


def test_whoever_is_not_registered_is_sent_to_register(as_customer: AsCustomer, app: Flask, database: Database) -> None:
    answer = reserve(as_customer(registered=False), a_listing_id(app))
    assert answer.status_code == 303
    assert answer.location.startswith("/m/register")
    assert database.count(Order) == 0


def test_a_frozen_person_is_told_why_and_what_to_do(
    as_customer: AsCustomer, app: Flask, database: Database, clock: MovedClock
) -> None:
    somebody = a_customer(app)
    order_id = an_order(app, customer=somebody)
    manager = a_member_of_staff(app, role="manager")
    with app.app_context():
        customers.freeze(person_of(app, order_id), reason="证件要核对", actor=manager, now=clock.now())
    phone = as_customer(somebody)
    refused = reserve(phone, a_listing_id(app))
    assert refused.status_code == 422
    for said in ("账户已冻结", "证件要核对", "怎么解冻"):
        assert said in refused.text
    assert phone.get("/m/frozen").status_code == 200
    assert "账户已冻结" in phone.get("/m/me").text
    assert "账户已冻结：证件要核对。现在不能付押金和提车" in words(phone.get(f"/m/orders/{order_id}"))
    with database.write() as session:
        session.execute(update(Restriction).values(lifted_at=clock.now()))
    assert "账户正常 没有冻结，也没有欠费" in words(phone.get("/m/frozen"))
    assert reserve(phone, a_listing_id(app)).status_code == 303


@pytest.mark.req("NUM-5")
def test_a_cancelled_number_goes_to_the_next(as_customer: AsCustomer, app: Flask, database: Database) -> None:
    first, second = as_customer(), as_customer()
    order_id = an_order_id(first, app)
    press(first, f"/m/orders/{order_id}/cancel")
    again = an_order_id(second, app)
    assert [*database.all(select(Order.number).order_by(Order.id))] == ["AM0001", "AM0001"]
    assert again != order_id
    assert MODEL in second.get(f"/m/orders/{again}").text
