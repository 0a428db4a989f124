"""One vehicle sold, end to end, at both widths: phone, simulator, counter, back office, all in a real browser."""

import re

import pytest
from flask import Flask
from playwright.sync_api import Page, ViewportSize, expect

from app.domain.orders import OrderStatus
from tests.factories.counting_house import a_payer, assert_books_agree, statuses
from tests.factories.orders import an_order, charge_of, order_of
from tests.factories.people import a_member_of_staff, an_id_number
from tests.fixtures.actors import log_in_browser
from tests.fixtures.browser import DESK, PHONE, OpenContext, assert_accessible, be_person
from tests.fixtures.simulators import Simulator

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

COUNTER: ViewportSize = {"width": 1280, "height": 800}


def register(page: Page) -> None:
    """Real-name registration, with a slip on the way."""
    expect(page.get_by_role("heading", name="实名注册")).to_be_visible()
    id_number = an_id_number()
    page.get_by_label("姓名").fill("李思源")
    page.get_by_label("身份证号", exact=True).fill(id_number[:17] + ("1" if id_number[17] != "1" else "2"))
    page.get_by_label("手机号").fill("13812342047")
    page.get_by_label("学校").select_option("浙江大学")
    page.get_by_label(re.compile("我同意收集")).check(force=True)  # the tick is drawn over its box
    page.get_by_role("button", name="提交").click()
    expect(page.get_by_text("身份证号最后一位对不上")).to_be_visible()
    expect(page.get_by_label("姓名")).to_have_value("李思源")
    assert_accessible(page)
    page.get_by_label("身份证号", exact=True).fill(id_number)
    page.get_by_role("button", name="提交").click()


def enter_number(page: Page, text: str) -> None:
    page.get_by_label("车辆编号").fill(text)
    page.get_by_role("button", name="下一步").click()


@pytest.mark.req("FLOW-BUY-1", "FLOW-BUY-2", "FLOW-BUY-3", "ORD-2", "NUM-4", "NUM-8", "CARD-1", "CARD-6")
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["390", "1440"])
def test_a_vehicle_is_sold(  # noqa: PLR0915  # the whole way in one piece is the point
    app: Flask,
    live_app: str,
    open_context: OpenContext,
    simulator: Simulator,
    size: dict[str, object],
) -> None:
    person = open_context(size)
    be_person(person, simulator.url, simulator.person("小李"))
    phone = person.new_page()

    phone.goto("/m/")  # a visitor: nobody is asked who they are
    phone.get_by_role("link", name=re.compile("猎吧 S1")).first.click()
    expect(phone.get_by_text("现车")).to_be_visible()
    phone.get_by_text("立即预约", exact=True).last.click()
    register(phone)
    phone.get_by_role("button", name="立即预约").click()
    expect(phone.get_by_text("已预约").first).to_be_visible()
    expect(phone.get_by_text("AM0001").first).to_be_visible()
    assert_accessible(phone)
    found = re.search(r"/m/orders/(\d+)", phone.url)
    assert found
    order_id = int(found[1])

    phone.get_by_role("link", name="输入车辆编号").click()
    enter_number(phone, "AM0002")
    expect(phone.get_by_text("这不是你订单的编号")).to_be_visible()
    enter_number(phone, "0001")
    expect(phone.get_by_role("heading", name="确认并付款")).to_be_visible()
    assert_accessible(phone)
    phone.get_by_role("button", name="微信支付").click()
    sheet = phone.get_by_role("dialog")
    expect(sheet).to_contain_text("¥2,399.00")
    sheet.get_by_role("button", name="支付", exact=True).click()
    expect(phone.get_by_role("heading", name=re.compile("已支付"))).to_be_visible()
    assert_accessible(phone)

    clerk = a_member_of_staff(app, role="clerk", region="A", name="陈店员")
    store = open_context({"viewport": COUNTER})
    log_in_browser(app, store, clerk, live_app)
    counter = store.new_page()
    counter.goto("/pickup")
    counter.keyboard.type("AM0001")
    counter.keyboard.press("Enter")
    expect(counter.locator("#answer h1")).to_have_text("可以提车")
    counter.keyboard.type("LBYD26B006021")
    counter.keyboard.press("Enter")
    expect(counter.get_by_label("车架号")).to_have_value("LBYD26B006021")
    counter.get_by_role("button", name=re.compile("确认提车")).click()
    expect(counter.locator("#answer h1")).to_contain_text("已提车")
    assert order_of(app, order_id).status is OrderStatus.COMPLETED

    phone.goto(f"/m/orders/{order_id}")
    expect(phone.get_by_text("已完成").first).to_be_visible()

    manager = a_member_of_staff(app, role="manager", region=None, name="周雅")
    office = open_context(size)
    log_in_browser(app, office, manager, live_app)
    desk = office.new_page()
    desk.goto("/orders/sales?q=am0001")
    row = desk.get_by_role("row", name=re.compile("AM.?0001"))
    expect(row).to_contain_text("已完成")
    row.get_by_role("link").first.click()
    expect(desk.get_by_role("heading", name="经过")).to_be_visible()
    expect(desk.get_by_text("已提车").first).to_be_visible()
    assert_accessible(desk)
    assert_books_agree(app, simulator)


@pytest.mark.parametrize(("press", "says"), [("取消", "支付已取消"), ("失败", "这次没有付成")])
def test_a_payment_that_does_not_happen_says_so(
    app: Flask, live_app: str, open_context: OpenContext, simulator: Simulator, press: str, says: str
) -> None:
    payer = a_payer(app, simulator)
    order_id = an_order(app, customer=payer, matched=True)
    person = open_context(PHONE)
    log_in_browser(app, person, payer, live_app)
    phone = person.new_page()
    phone.goto(f"/m/pay/{charge_of(app, order_id)}")
    phone.get_by_role("button", name="微信支付").click()
    phone.get_by_role("dialog").get_by_role("button", name=press, exact=True).click()
    expect(phone.get_by_role("heading", level=1)).to_contain_text(says)
    assert_accessible(phone)


def test_a_payment_that_is_not_known_yet_asks_and_never_charges_twice(
    app: Flask, live_app: str, open_context: OpenContext, simulator: Simulator
) -> None:
    payer = a_payer(app, simulator)
    order_id = an_order(app, customer=payer, matched=True)
    person = open_context(PHONE)
    log_in_browser(app, person, payer, live_app)
    phone = person.new_page()
    simulator.misbehave("never")
    simulator.misbehave("status_5xx", times=2, on="query")
    phone.goto(f"/m/pay/{charge_of(app, order_id)}")
    phone.get_by_role("button", name="微信支付").click()
    phone.get_by_role("dialog").get_by_role("button", name="支付", exact=True).click()
    expect(phone.get_by_role("heading", level=1)).to_contain_text("正在确认")
    expect(phone.get_by_role("button", name="微信支付")).to_have_count(0)
    assert_accessible(phone)
    expect(phone.get_by_role("heading", name=re.compile("已支付"))).to_be_visible(timeout=30_000)
    assert len(statuses(app, order_id)) == 1
    assert_books_agree(app, simulator)
