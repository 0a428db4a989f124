"""Rentals end to end, at both widths: the phone with the real simulator's sheet, and the counter, in a real browser."""

import re

import pytest
from flask import Flask
from playwright.sync_api import Page, ViewportSize, expect
from sqlalchemy import select

from app.domain.deposits import DepositKind
from app.domain.numbering import Business
from app.domain.orders import OrderStatus
from app.domain.permissions import Actor
from app.models.cards import StudentCard
from app.models.orders import Order
from tests.factories.counter import put_photo_behind
from tests.factories.counting_house import a_payer, assert_books_agree, until_refunds_arrive
from tests.factories.ground import MODEL
from tests.factories.orders import order_of
from tests.factories.people import a_member_of_staff
from tests.factories.pictures import a_photo
from tests.factories.rentals import a_card, a_rental_listing, a_rental_order, deposits_of
from tests.fixtures.actors import log_in_browser
from tests.fixtures.browser import DESK, PHONE, OpenContext, assert_accessible
from tests.fixtures.databases import Database
from tests.fixtures.simulators import Simulator

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

COUNTER: ViewportSize = {"width": 1280, "height": 800}
BOTH_WIDTHS = pytest.mark.parametrize("size", [PHONE, DESK], ids=["390", "1440"])


@pytest.fixture
def payer(app: Flask, simulator: Simulator) -> Actor:
    return a_payer(app, simulator)


def phone_of(app: Flask, open_context: OpenContext, payer: Actor, url: str, size: dict[str, object]) -> Page:
    """A page of a browser that the person is logged in with."""
    context = open_context(size)
    log_in_browser(app, context, payer, url)
    return context.new_page()


def send_card(phone: Page) -> None:
    phone.get_by_label("学号").fill("3240100123")
    phone.get_by_label("学生证照片").first.set_input_files(
        {"name": "card.jpg", "mimeType": "image/jpeg", "buffer": a_photo(size=(1200, 900))}
    )
    phone.get_by_label(re.compile("我同意收集")).check(force=True)  # the tick is drawn over its box
    phone.get_by_role("button", name=re.compile("提交")).click()


def pay_deposit(phone: Page, answer: str, name: str) -> None:
    """Answers 是否开通闪充; the sheet opens with the same press."""
    expect(phone.get_by_role("heading", name=re.compile("是否开通闪充"))).to_be_visible()
    phone.get_by_role("radio", name=re.compile(f"^{answer}")).check(force=True)
    expect(phone.get_by_text(f"{name}怎么退")).to_be_visible()
    expect(phone.locator(".bar-words")).to_contain_text(f"现在付{name} ¥300.00")
    expect(phone.locator(".panel:visible", has_text="怎么退")).to_have_count(1)
    assert_accessible(phone)
    phone.get_by_role("button", name="微信支付").click()
    press_in_sheet(phone, "¥300.00")


def press_in_sheet(phone: Page, amount: str) -> None:
    sheet = phone.get_by_role("dialog")
    expect(sheet).to_contain_text(amount)
    sheet.get_by_role("button", name="支付", exact=True).click()


def pay_fee(phone: Page, number: str) -> None:
    """From the order to the page that says that it is paid."""
    phone.get_by_role("link", name="输入车辆编号").click()
    phone.get_by_label("车辆编号").fill(number)
    phone.get_by_role("button", name="下一步").click()
    expect(phone.get_by_role("heading", name="确认并付款")).to_be_visible()
    assert_accessible(phone)
    phone.get_by_role("button", name="微信支付").click()
    press_in_sheet(phone, "¥180.00")
    expect(phone.get_by_role("heading", name="已支付 ¥180.00")).to_be_visible()
    assert_accessible(phone)


@pytest.mark.req("FLOW-RENT-1", "FLOW-RENT-2", "FLOW-RENT-3", "ORD-2", "NUM-4", "NUM-8", "CARD-6")
@BOTH_WIDTHS
def test_a_vehicle_is_rented_with_its_own_deposit(
    app: Flask,
    live_app: str,
    open_context: OpenContext,
    simulator: Simulator,
    database: Database,
    payer: Actor,
    size: dict[str, object],
) -> None:
    a_rental_listing(database)
    phone = phone_of(app, open_context, payer, live_app, size)
    phone.goto("/m/")
    phone.get_by_role("link", name="租车").click()
    assert_accessible(phone)
    phone.get_by_role("link", name=re.compile(MODEL)).click()
    expect(phone.get_by_text("还车验好自动退回微信")).to_be_visible()
    assert_accessible(phone)
    phone.get_by_role("button", name="立即预约").click()

    expect(phone.locator("[aria-current=step]")).to_have_text("学生证")
    assert_accessible(phone)
    order_id = database.one(select(Order.id))
    phone.get_by_role("link", name="交学生证照片").click()
    send_card(phone)
    pay_deposit(phone, "不开通闪充", "租车押金")
    expect(phone).to_have_url(re.compile(f"/m/orders/{order_id}$"))
    expect(phone.locator("[aria-current=step]")).to_have_text("编号")
    expect(phone.get_by_role("heading", name="租车押金")).to_be_visible()
    assert_accessible(phone)
    pay_fee(phone, "0001")
    expect(phone.get_by_text("学生证待审核，带上它")).to_be_visible()

    counter = counter_of(app, open_context, live_app)
    scan(counter, "AZ0001", "不能提车：学生证还没通过")
    counter.get_by_role("button", name=re.compile("通过")).click()
    says(counter, "可以提车")
    hand_over(counter, "AZ0001")
    assert order_of(app, order_id).status is OrderStatus.COMPLETED
    phone.goto(f"/m/orders/{order_id}")
    expect(phone.get_by_text("未归还").first).to_be_visible()
    expect(phone.get_by_text(re.compile("还有 30 天"))).to_be_visible()
    assert_accessible(phone)
    assert_books_agree(app, simulator)


def counter_of(app: Flask, open_context: OpenContext, url: str) -> Page:
    """The counter of store A, with a clerk."""
    store = open_context({"viewport": COUNTER})
    log_in_browser(app, store, a_member_of_staff(app, role="clerk", region="A", name="陈店员"), url)
    counter = store.new_page()
    counter.goto("/pickup")
    return counter


def scan(counter: Page, number: str, verdict: str) -> None:
    counter.keyboard.type(number)
    counter.keyboard.press("Enter")
    says(counter, verdict)


def says(counter: Page, verdict: str) -> None:
    expect(counter.locator("#answer h1")).to_have_text(verdict)


def hand_over(counter: Page, number: str) -> None:
    """The clerk confirms what the screen calls ready."""
    counter.get_by_label("车架号").fill("LBYD26B006021")
    counter.get_by_role("button", name=re.compile("确认提车")).click()
    says(counter, f"{number} 已提车")


def take_back(counter: Page, number: str) -> None:
    """The clerk scans what comes back, takes the plate off, finds nothing."""
    scan(counter, number, "可以还车")
    counter.get_by_label("车牌已取下").check(force=True)  # the tick is drawn over its box
    counter.get_by_role("button", name=re.compile("完好，入库")).click()
    says(counter, f"{number} 已还车")


@pytest.mark.req("FLOW-RENT-2", "FLOW-RENT-3", "NUM-4", "NUM-8")
@pytest.mark.parametrize(
    ("business", "number", "answer", "kind", "after", "size"),
    [
        pytest.param(Business.MINI_RENTAL, "AP0001", "不开通闪充", DepositKind.RENTAL, "已退款", PHONE, id="mini-390"),
        pytest.param(Business.MINI_RENTAL, "AP0001", "不开通闪充", DepositKind.RENTAL, "已退款", DESK, id="mini-1440"),
        pytest.param(Business.RENTAL, "AZ0001", "开通闪充", DepositKind.FLASH, "已支付", PHONE, id="flash-390"),
    ],
)
def test_a_rental_from_its_deposit_to_the_return(
    app: Flask,
    live_app: str,
    open_context: OpenContext,
    simulator: Simulator,
    database: Database,
    payer: Actor,
    business: Business,
    number: str,
    answer: str,
    kind: DepositKind,
    after: str,
    size: dict[str, object],
) -> None:
    """A deposit of its own goes back by itself; that of flash charge stays, for its person is a member now."""
    order_id = a_rental_order(app, database, customer=payer, business=business, deposit=None)
    put_photo_behind(app, database.one(select(StudentCard.id)))
    phone = phone_of(app, open_context, payer, live_app, size)
    phone.goto(f"/m/orders/{order_id}")
    phone.get_by_role("link", name="付押金").click()
    pay_deposit(phone, answer, "闪充押金" if kind is DepositKind.FLASH else "租车押金")
    expect(phone).to_have_url(re.compile(f"/m/orders/{order_id}$"))
    pay_fee(phone, number)
    assert [deposit.kind for deposit in deposits_of(app, payer)] == [kind]
    phone.get_by_role("link", name="看订单").click()
    expect(phone.get_by_text("把下面的码给紫金港店店员扫")).to_be_visible()

    counter = counter_of(app, open_context, live_app)
    scan(counter, number, "可以提车")
    hand_over(counter, number)
    phone.reload()
    expect(phone.get_by_text("未归还").first).to_be_visible()
    take_back(counter, number)
    phone.reload()
    expect(phone.get_by_text("已归还").first).to_be_visible()
    assert_accessible(phone)
    until_refunds_arrive(app)
    phone.goto("/m/deposits")
    expect(phone.locator(".deposit .state-badge-m")).to_have_text(after)
    assert_accessible(phone)
    assert_books_agree(app, simulator)


@pytest.mark.req("FLOW-RENT-4")
@BOTH_WIDTHS
def test_a_second_rental_in_another_tab_is_refused(
    app: Flask,
    live_app: str,
    open_context: OpenContext,
    database: Database,
    payer: Actor,
    size: dict[str, object],
) -> None:
    standard = a_rental_listing(database)
    mini = a_rental_listing(database, business=Business.MINI_RENTAL)
    a_card(app, payer)
    one = phone_of(app, open_context, payer, live_app, size)
    other = one.context.new_page()
    one.goto(f"/m/rent/{standard}")
    other.goto(f"/m/rent/{mini}")
    one.get_by_role("button", name="立即预约").click()
    expect(one.get_by_role("heading", name=re.compile("是否开通闪充"))).to_be_visible()
    other.get_by_role("button", name="立即预约").click()
    expect(other.get_by_text("一个人同时只能租一辆车，你已经有 AZ0001")).to_be_visible()
    assert_accessible(other)
    other.get_by_role("link", name="看 AZ0001 的订单").click()
    expect(other.locator("[aria-current=step]")).to_have_text("押金")
    assert database.count(Order) == 1
