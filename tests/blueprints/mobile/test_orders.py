"""我的订单, one order, cancelling it, and 输入车辆编号."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.orders import OrderStatus
from app.domain.permissions import Actor
from app.domain.pickup import Answer
from app.models.money import Refund
from app.models.orders import Order, PickupAttempt
from app.usecases import orders
from tests.factories.ground import MODEL, PRICE_FEN
from tests.factories.orders import an_order, charge_of, order_of
from tests.factories.people import a_customer, a_member_of_staff
from tests.factories.phone import match, press, words
from tests.fixtures.actors import AsCustomer
from tests.fixtures.apps import MovedClock
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient


@pytest.fixture
def xiaohan(app: Flask) -> Actor:
    return a_customer(app)


PAGES = ["", "/cancel", "/number", "/rent"]


@pytest.mark.parametrize("page", PAGES)
def test_somebody_elses_order_is_not_there(as_customer: AsCustomer, app: Flask, page: str) -> None:
    order_id = an_order(app)
    assert as_customer().get(f"/m/orders/{order_id}{page}").status_code == 404


@pytest.mark.parametrize("act", ["/cancel", "/number", "/rent"])
def test_nobody_acts_on_somebody_elses_order(as_customer: AsCustomer, app: Flask, database: Database, act: str) -> None:
    order_id = an_order(app, matched=True)
    assert press(as_customer(), f"/m/orders/{order_id}{act}", number="AM0001").status_code == 404
    assert order_of(app, order_id).status is OrderStatus.RESERVED


@pytest.mark.parametrize("page", ["/m/orders", "/m/me", *(f"/m/orders/1{page}" for page in PAGES)])
def test_a_stranger_is_sent_to_log_in(client: LawfulClient, page: str) -> None:
    answer = client.get(page)
    assert (answer.status_code, answer.location) == (303, f"/m/login?next={page}")


@pytest.mark.parametrize("act", ["/cancel", "/number", "/rent"])
def test_a_stranger_acts_on_nothing(client: LawfulClient, app: Flask, act: str) -> None:
    order_id = an_order(app, matched=True)
    assert press(client, f"/m/orders/{order_id}{act}").location.startswith("/m/login")


def test_nothing_yet_says_how_the_first_one_comes(as_customer: AsCustomer) -> None:
    page = as_customer(registered=False).get("/m/orders").text
    assert "还没有订单" in page
    assert 'href="/m/"' in page


def test_the_list_shows_each_order_with_what_is_next(as_customer: AsCustomer, app: Flask, xiaohan: Actor) -> None:
    an_order(app, customer=xiaohan, picked_up=True)
    an_order(app, customer=xiaohan, paid=True)
    an_order(app, customer=xiaohan, matched=True)
    an_order(app, customer=xiaohan)
    page = words(as_customer(xiaohan).get("/m/orders"))
    for said in ("已完成", "已预约", "前付款", "前到店试骑，输入车辆编号", "已付款，到"):
        assert said in page


@pytest.mark.statements(15)
def test_many_orders_take_no_more_statements(
    as_customer: AsCustomer, app: Flask, xiaohan: Actor, clock: MovedClock
) -> None:
    for _ in range(22):
        order_id = an_order(app, customer=xiaohan)
        with app.app_context():
            orders.cancel_order(order_id, reason="", actor=xiaohan, now=clock.now())
    phone = as_customer(xiaohan)
    first = phone.get("/m/orders")
    assert first.text.count('class="order-card"') == 20
    older = re.search(r'href="(/m/orders\?after=[^"]+)"', first.text)
    assert older
    assert phone.get(older[1]).text.count('class="order-card"') == 2
    assert phone.get("/m/orders?after=rubbish").status_code == 200


@pytest.mark.req("FLOW-BUY-2")
def test_a_reservation_shows_number_store_deadline_and_what_next(
    as_customer: AsCustomer, app: Flask, xiaohan: Actor
) -> None:
    order_id = an_order(app, customer=xiaohan)
    page = as_customer(xiaohan).get(f"/m/orders/{order_id}")
    for said in (MODEL, "AM 0001", "保留到", "还剩 2 天 23 小时", "输入车辆编号", "取消预约"):
        assert said in words(page)
    assert 'alt="编号 AM0001 的二维码"' in page.text
    assert "微信支付 ¥" not in page.text


@pytest.mark.req("ORD-2")
def test_a_collected_order_says_so_and_offers_nothing_to_pay(
    as_customer: AsCustomer, app: Flask, xiaohan: Actor
) -> None:
    page = words(as_customer(xiaohan).get(f"/m/orders/{an_order(app, customer=xiaohan, picked_up=True)}"))
    assert "已完成" in page
    assert "已提车" in page
    for act in ("去付款", "取消预约", "取消订单", "输入车辆编号"):
        assert act not in page


@pytest.mark.parametrize("matched", [False, True])
def test_past_its_deadline_an_unpaid_order_offers_nothing_though_no_sweep_came_by(
    as_customer: AsCustomer, app: Flask, xiaohan: Actor, clock: MovedClock, matched: bool
) -> None:
    order_id, phone = an_order(app, customer=xiaohan, matched=matched), as_customer(xiaohan)
    clock.advance(timedelta(days=4))
    page = phone.get(f"/m/orders/{order_id}")
    assert "保留时间到了，正在取消" in words(page)
    for act in ("输入车辆编号", "去付款", "的二维码"):
        assert act not in page.text
    for listed in ("/m/orders", "/m/me"):
        assert "保留时间到了，正在取消" in words(phone.get(listed))
    assert phone.get(f"/m/orders/{order_id}/number").status_code == 303


def test_an_expired_order_leads_to_a_new_one(
    as_customer: AsCustomer, app: Flask, xiaohan: Actor, clock: MovedClock
) -> None:
    order_id = an_order(app, customer=xiaohan)
    clock.advance(timedelta(hours=73))
    with app.app_context():
        assert orders.expire_order(order_id, actor=Actor.job("tests"), now=clock.now())
    page = as_customer(xiaohan).get(f"/m/orders/{order_id}")
    assert "已过期" in page.text
    assert "重新预约" in page.text


@pytest.mark.req("SET-6", "NUM-5")
def test_cancelling_asks_first_and_says_what_happens(
    as_customer: AsCustomer, app: Flask, xiaohan: Actor, database: Database
) -> None:
    order_id, phone = an_order(app, customer=xiaohan), as_customer(xiaohan)
    asked = words(phone.get(f"/m/orders/{order_id}/cancel"))
    assert "编号 AM0001 空出来" in asked
    assert "还没有付款" in asked
    assert press(phone, f"/m/orders/{order_id}/cancel").location == f"/m/orders/{order_id}"
    assert order_of(app, order_id).status is OrderStatus.CANCELLED
    assert database.count(Refund) == 0
    assert press(phone, f"/m/orders/{order_id}/cancel").status_code == 303  # a second press finds it done
    assert phone.get(f"/m/orders/{order_id}/cancel").location == f"/m/orders/{order_id}"


@pytest.mark.req("SET-6")
def test_a_paid_order_is_cancelled_with_its_refund(
    as_customer: AsCustomer, app: Flask, xiaohan: Actor, database: Database
) -> None:
    order_id, phone = an_order(app, customer=xiaohan, paid=True), as_customer(xiaohan)
    assert "全额退回你的微信" in words(phone.get(f"/m/orders/{order_id}/cancel"))
    press(phone, f"/m/orders/{order_id}/cancel")
    assert database.one(select(Refund.amount_fen)) == PRICE_FEN
    page = words(phone.get(f"/m/orders/{order_id}"))
    assert "退款 ¥2,399.00" in page
    assert "退款中" in page


@pytest.mark.req("SET-6")
def test_after_24_hours_staff_cancel_a_paid_order(
    as_customer: AsCustomer, app: Flask, xiaohan: Actor, clock: MovedClock
) -> None:
    order_id, phone = an_order(app, customer=xiaohan, paid=True), as_customer(xiaohan)
    clock.advance(timedelta(hours=24, minutes=1))
    page = phone.get(f"/m/orders/{order_id}/cancel")
    assert "付款超过 24 小时" in page.text
    assert "取消并退款" not in page.text
    refused = press(phone, f"/m/orders/{order_id}/cancel")
    assert refused.status_code == 422
    assert "联系客服可以帮你取消" in refused.text
    assert order_of(app, order_id).status is OrderStatus.RESERVED


def test_a_collected_order_is_not_cancelled(as_customer: AsCustomer, app: Flask, xiaohan: Actor) -> None:
    order_id, phone = an_order(app, customer=xiaohan, picked_up=True), as_customer(xiaohan)
    assert press(phone, f"/m/orders/{order_id}/cancel").status_code == 422
    assert order_of(app, order_id).status is OrderStatus.COMPLETED


def test_what_staff_wrote_is_not_told(as_customer: AsCustomer, app: Flask, xiaohan: Actor, clock: MovedClock) -> None:
    order_id = an_order(app, customer=xiaohan, paid=True)
    with app.app_context():
        clerk = a_member_of_staff(app)
        orders.cancel_order(order_id, reason="顾客态度很差", actor=clerk, now=clock.now())
    page = as_customer(xiaohan).get(f"/m/orders/{order_id}").text
    assert "店里取消了订单" in page
    assert "顾客态度很差" not in page


@pytest.mark.req("FLOW-BUY-3", "NUM-8")
@pytest.mark.parametrize("typed", ["AM0001", "am0001", "ＡＭ０００１", "0001", " a m 0001 ", "AMAM0001"])
def test_the_right_number_opens_the_payment(as_customer: AsCustomer, app: Flask, xiaohan: Actor, typed: str) -> None:
    order_id = an_order(app, customer=xiaohan)
    answer = press(as_customer(xiaohan), f"/m/orders/{order_id}/number", number=typed)
    assert (answer.status_code, answer.location) == (303, f"/m/pay/{charge_of(app, order_id)}")
    assert order_of(app, order_id).matched_at is not None


@pytest.mark.req("FLOW-BUY-3")
@pytest.mark.parametrize("typed", ["AM0002", "BM0001", "0002", "001", "AZ0001", "不知道"])
def test_a_wrong_number_is_refused_and_recorded(
    as_customer: AsCustomer, app: Flask, xiaohan: Actor, database: Database, typed: str
) -> None:
    order_id = an_order(app, customer=xiaohan)
    refused = press(as_customer(xiaohan), f"/m/orders/{order_id}/number", number=typed)
    assert refused.status_code == 422
    assert "这不是你订单的编号，再看一眼店员给你的编号" in refused.text
    assert f'value="{typed}"' in refused.text
    assert 'aria-invalid="true"' in refused.text
    assert order_of(app, order_id).matched_at is None
    assert database.one(select(PickupAttempt.answer)) is Answer.NOT_THIS_PERSONS


@pytest.mark.req("FLOW-BUY-3")
def test_another_persons_number_opens_nothing(as_customer: AsCustomer, app: Flask, xiaohan: Actor) -> None:
    theirs = an_order(app)
    mine = an_order(app, customer=xiaohan)
    refused = press(as_customer(xiaohan), f"/m/orders/{mine}/number", number=order_of(app, theirs).number)
    assert refused.status_code == 422


def test_an_empty_number_asks_for_one(as_customer: AsCustomer, app: Flask, xiaohan: Actor, database: Database) -> None:
    order_id = an_order(app, customer=xiaohan)
    refused = press(as_customer(xiaohan), f"/m/orders/{order_id}/number", number=" ")
    assert refused.status_code == 422
    assert "写车上的编号" in refused.text
    assert database.count(PickupAttempt) == 0


def test_guessing_numbers_ends(as_customer: AsCustomer, app: Flask, xiaohan: Actor, clock: MovedClock) -> None:
    order_id, phone = an_order(app, customer=xiaohan), as_customer(xiaohan)
    url = f"/m/orders/{order_id}/number"
    answers = [press(phone, url, number=f"{n:04d}").status_code for n in range(2, 23)]
    assert answers == [422] * 20 + [429]
    clock.advance(timedelta(minutes=16))
    assert press(phone, url, number="0001").status_code == 303


def test_an_order_past_its_number_leads_to_where_it_is(
    as_customer: AsCustomer, app: Flask, xiaohan: Actor, database: Database
) -> None:
    matched = an_order(app, customer=xiaohan, matched=True)
    paid = an_order(app, customer=xiaohan, paid=True)
    phone = as_customer(xiaohan)
    assert phone.get(f"/m/orders/{matched}/number").location == f"/m/pay/{charge_of(app, matched)}"
    assert phone.get(f"/m/orders/{paid}/number").location == f"/m/orders/{paid}"
    press(phone, f"/m/orders/{matched}/cancel")
    assert match(phone, app, matched).location == f"/m/orders/{matched}"
    assert database.count(Order, Order.status == OrderStatus.CANCELLED) == 1
