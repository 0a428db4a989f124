"""The sheet 退款: of an order after its pickup, and of the fees of a battery use; and how its order says it then."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.domain.charges import Purpose
from app.domain.refunds import RefundStatus
from app.domain.settings import FLASH_PRICE
from app.models.money import Charge
from app.usecases import payments
from app.web.current import RUNTIME
from tests.factories.flash import a_member, a_use, some_batteries
from tests.factories.forms import hidden, request_key
from tests.factories.orders import an_order, charge_of, pay, tell_of_refund
from tests.factories.people import a_customer
from tests.factories.phone import press, words
from tests.factories.rentals import deposits_of
from tests.factories.settings import a_setting
from tests.factories.troubles import refund_of
from tests.fixtures.actors import AsCustomer, AsStaff
from tests.fixtures.apps import MovedClock
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient


@pytest.fixture
def finance(as_staff: AsStaff) -> LawfulClient:
    return as_staff("finance", region=None)


def url_of(charge_id: int) -> str:
    return f"/orders/charges/{charge_id}/refund"


def typed(sheet: TestResponse, **fields: str) -> dict[str, str]:
    return {"why": "车辆有问题", "request_key": request_key(sheet), "seen": hidden(sheet, "seen"), **fields}


@pytest.mark.req("PC-2")
def test_of_two_windows_the_second_is_told_what_went_back_meanwhile(app: Flask, finance: LawfulClient) -> None:
    url = url_of(charge_of(app, an_order(app, picked_up=True)))
    first, second = finance.get(url), finance.get(url)
    assert press(finance, url, **typed(first, amount="100.50")).status_code == 303
    answer = press(finance, url, **typed(second, amount="100.50"))
    assert answer.status_code == 422
    assert "刚刚有人退过，现在已退 ¥100.50。这次没有退，看好再决定。" in words(answer)
    assert press(finance, url, **typed(answer, amount="100.50")).status_code == 303
    assert "已退 ¥201.00" in words(finance.get(url))


@pytest.mark.req("ORD-2", "PC-2")
def test_a_part_goes_back_and_everybody_sees_how_much(
    app: Flask, finance: LawfulClient, as_customer: AsCustomer
) -> None:
    buyer = a_customer(app)
    order_id = an_order(app, customer=buyer, picked_up=True)
    phone = as_customer(buyer)
    page = finance.get(f"/orders/{order_id}")
    url = url_of(charge_of(app, order_id))
    assert url in page.text
    sheet = finance.get(url)
    for part in ("已付 ¥2,399.00", "已退 ¥0.00", "最多可退 ¥2,399.00", "退款 ¥2,399.00", "订单状态和编号都不变"):
        assert part in words(sheet), part
    answer = press(finance, url, **typed(sheet, amount="100", more="刹车响", note="换过一次刹车片"))
    assert answer.location == f"/orders/{order_id}"
    said = words(finance.get(answer.location))
    assert "退款中：¥100.00 正在退回用户的微信" in said
    assert "备注：换过一次刹车片；原因：车辆有问题：刹车响" in said
    assert "退款中" in words(finance.get("/orders/sales"))
    assert "退款中，¥100.00 正在退回你的微信" in words(phone.get("/m/orders"))
    tell_of_refund(app, order_id, RefundStatus.DONE)
    said = words(finance.get(f"/orders/{order_id}"))
    assert "退过 ¥100.00，还剩 ¥2,299.00" in said
    assert "部分退款" in words(finance.get("/orders/sales"))
    assert "已退款 ¥100.00" in words(phone.get("/m/orders"))
    assert "退款 ¥100.00" in words(phone.get(f"/m/orders/{order_id}"))
    assert "刹车片" not in phone.get(f"/m/orders/{order_id}").text


def test_the_rest_goes_back_and_then_nothing_is_left(app: Flask, finance: LawfulClient) -> None:
    order_id = an_order(app, picked_up=True)
    url = url_of(charge_of(app, order_id))
    press(finance, url, **typed(finance.get(url), amount="100"))
    sheet = finance.get(url)
    assert "最多可退 ¥2,299.00" in words(sheet)
    press(finance, url, **typed(sheet, amount="2,299"))
    for _ in range(2):
        tell_of_refund(app, order_id, RefundStatus.DONE)
    assert refund_of(app, order_id).amount_fen == 229900
    assert url not in finance.get(f"/orders/{order_id}").text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"amount": "2399.01"}, "这笔最多还能退 ¥2,399.00"),
        ({"amount": "0"}, "金额要大于 0"),
        ({"amount": "多少"}, "写金额，最多到分"),
        ({"amount": ""}, "写这次退多少"),
        ({"amount": "1", "why": ""}, "选一个原因"),
        ({"amount": "1", "why": "其他"}, "写一句是什么原因"),
        ({"amount": "1", "more": "退" * 27}, "微信里显示不下，最多 20 个字"),
    ],
)
def test_what_does_not_fit_is_said_beside_it_and_stays(
    app: Flask, finance: LawfulClient, fields: dict[str, str], said: str
) -> None:
    url = url_of(charge_of(app, an_order(app, picked_up=True)))
    answer = press(finance, url, **typed(finance.get(url), **fields))
    assert answer.status_code == 422
    assert said in answer.text
    assert not fields["amount"] or f'value="{fields["amount"]}"' in answer.text


def test_a_second_click_finds_the_first(app: Flask, finance: LawfulClient) -> None:
    order_id = an_order(app, picked_up=True)
    url = url_of(charge_of(app, order_id))
    fields = typed(finance.get(url), amount="1")
    assert {press(finance, url, **fields).status_code for _ in range(2)} == {303}
    assert refund_of(app, order_id).out_refund_no.endswith("-1")


def test_the_price_of_a_battery_use_from_the_page_of_its_deposit(
    app: Flask, database: Database, finance: LawfulClient
) -> None:
    now = app.extensions[RUNTIME].clock.now()
    member = a_member(app)
    some_batteries(database)
    a_setting(app, database, FLASH_PRICE, 3_00)
    a_use(app, member)
    charge_id = database.one(select(Charge.id).where(Charge.purpose == Purpose.FLASH_FEE))
    with app.app_context():
        wanted = payments.begin_attempt(charge_id, actor=member, now=now).wanted
    pay(app, wanted.out_trade_no, customer=member, amount_fen=3_00, now=now)
    page = f"/orders/deposits/{deposits_of(app, member)[0].id}"
    assert url_of(charge_id) in finance.get(page).text
    sheet = finance.get(url_of(charge_id))
    assert "A00001 闪充使用费" in words(sheet)
    assert "闪充使用费还是已付清，不会再向用户收" in words(sheet)
    assert press(finance, url_of(charge_id), **typed(sheet, amount="3")).location == page
    assert url_of(charge_id) not in finance.get(page).text


def test_a_payment_that_wechat_refunds_no_more_says_so(app: Flask, as_staff: AsStaff, clock: MovedClock) -> None:
    url = url_of(charge_of(app, an_order(app, picked_up=True)))
    clock.advance(timedelta(days=366))
    assert "微信不再退：申请以后由店主线下退" in as_staff("finance", region=None).get(url).text


def test_who_sees_no_way_to_refund(app: Flask, as_staff: AsStaff) -> None:
    order_id = an_order(app, region="A", picked_up=True)
    url = url_of(charge_of(app, order_id))
    clerk = as_staff("clerk", region="A")
    assert url not in clerk.get(f"/orders/{order_id}").text
    assert clerk.get(url).status_code == 403
    assert as_staff("manager", region="B").get(url).status_code == 404
    reserved = url_of(charge_of(app, an_order(app, region="A", paid=True)))
    assert "取消订单就会退款" in as_staff("manager", region="A").get(reserved).text
