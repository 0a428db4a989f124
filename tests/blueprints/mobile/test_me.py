"""我的, customer service, privacy."""

import pytest
from flask import Flask
from sqlalchemy import update

from app.models.directory import Contact
from tests.factories.orders import an_order
from tests.factories.people import a_customer
from tests.factories.phone import words
from tests.fixtures.actors import AsCustomer
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient


def test_me_is_masked_and_says_what_waits(as_customer: AsCustomer, app: Flask) -> None:
    somebody = a_customer(app, name="王晓涵", phone="13812342047")
    an_order(app, customer=somebody, paid=True)
    an_order(app, customer=somebody)
    page = as_customer(somebody).get("/m/me")
    for said in ("王*涵", "浙江大学", "已实名", "已付款，到", "前到店", "AM 0001", "我的订单 2"):
        assert said in words(page)
    for secret in ("王晓涵", "13812342047"):
        assert secret not in page.text


def test_a_visitor_is_led_to_register(as_customer: AsCustomer) -> None:
    page = as_customer(registered=False).get("/m/me").text
    assert "还没有实名" in page
    assert 'href="/m/register?next=/m/me"' in page


def test_only_what_exists_has_a_tab(as_customer: AsCustomer) -> None:
    page = words(as_customer().get("/m/me"))
    assert page.endswith("买车 租车 闪充 我的")


def test_customer_service_is_the_regions(as_customer: AsCustomer, client: LawfulClient, database: Database) -> None:
    with database.write() as session:
        session.execute(update(Contact).values(phone="057188880001", wechat="lieba-a"))
    mine = as_customer(region="B").get("/m/contact")
    assert 'href="tel:057188880001"' in mine.text
    assert "lieba-a" in mine.text
    assert mine.text.count("cells-title") == 1
    assert "region=all" in mine.text
    for url in ("/m/contact", "/m/contact?region=all"):
        assert client.get(url).text.count("cells-title") == 3
    assert client.get("/m/contact?region=C").text.count("cells-title") == 1


@pytest.mark.parametrize("registered", [True, False])
def test_privacy_says_what_was_agreed_when(as_customer: AsCustomer, registered: bool) -> None:
    page = as_customer(registered=registered).get("/m/privacy").text
    assert ("勾选同意" in page) is registered
    assert ("实名注册时才会问你" in page) is not registered


def test_a_stranger_may_read_the_privacy_page(client: LawfulClient) -> None:
    assert "身份证号" in client.get("/m/privacy").text
