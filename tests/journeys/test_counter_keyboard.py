"""The counter with a keyboard and a scanner gun: no mouse, nothing lost, nothing doubled (decision 17)."""

import re

import pytest
from flask import Flask
from playwright.sync_api import Page, Route, expect
from sqlalchemy import select

from app.domain.orders import OrderStatus
from app.domain.permissions import Actor
from app.domain.pickup import Answer
from app.models.money import Charge, Payment
from app.models.orders import PickupAttempt
from app.web.current import RUNTIME
from tests.factories.ground import COLOURS
from tests.factories.orders import an_order, order_of, pay
from tests.factories.people import a_customer, a_member_of_staff
from tests.factories.reading import read
from tests.fixtures.actors import log_in_browser
from tests.fixtures.browser import PHONE, Guard, OpenContext, assert_accessible
from tests.fixtures.databases import Database

COUNTER = {"viewport": {"width": 1024, "height": 768}}
FRAME_NO = "LBYD26B006021"
FASTER_THAN_ANY_SCANNER = """texts => {
    const began = performance.now();
    const box = document.querySelector('#scan-entry');
    for (const text of texts) {
        box.value = text;
        box.dispatchEvent(new Event('input', { bubbles: true }));
        box.form.requestSubmit();
    }
    return performance.now() - began;
}"""
"""What the keys of a scanner do to the box, without waiting for any answer; milliseconds."""

pytestmark = pytest.mark.browser


@pytest.fixture
def boss(app: Flask) -> Actor:
    return a_member_of_staff(app, role="manager", region="B", name="周雅")


@pytest.fixture
def counter(app: Flask, live_app: str, open_context: OpenContext, boss: Actor) -> Page:
    """The counter of store B, open, on the smallest screen that it must fit."""
    context = open_context(COUNTER)
    log_in_browser(app, context, boss, live_app)
    page = context.new_page()
    page.clock.install()
    page.goto("/pickup?region=B")
    expect(page.locator("#scan-entry")).to_be_focused()
    return page


def scan(page: Page, text: str) -> None:
    """As a scanner gun does it: the characters, then Enter, wherever the focus is."""
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def pause(page: Page) -> None:
    """As a person does between two keys: a second Enter right behind the first is the scanner's own."""
    page.clock.fast_forward(500)


def says(page: Page, words: str) -> None:
    expect(page.locator("#answer h1")).to_have_text(words)


def the_box_waits(page: Page) -> None:
    expect(page.locator("#scan-entry")).to_be_focused()


def in_one_screen(page: Page) -> None:
    sizes = "[document.documentElement.scrollHeight - innerHeight, document.documentElement.scrollWidth - innerWidth]"
    assert page.evaluate(sizes) == [0, 0]


def paid(app: Flask, *, name: str = "赵思琪", phone: str = "13812347731") -> int:
    return an_order(app, region="B", paid=True, customer=a_customer(app, region="B", name=name, phone=phone))


@pytest.mark.req("NUM-8", "CARD-6")
def test_a_whole_pickup_with_three_presses_of_enter(app: Flask, counter: Page, database: Database) -> None:
    order_id = paid(app)
    scan(counter, "bm0001")
    says(counter, "可以提车")
    the_box_waits(counter)
    in_one_screen(counter)
    assert_accessible(counter)
    scan(counter, FRAME_NO.lower())
    expect(counter.get_by_label("车架号")).to_have_value(FRAME_NO)
    the_box_waits(counter)
    pause(counter)
    counter.keyboard.press("Enter")
    says(counter, "BM0001 已提车")
    expect(counter.locator("#figures")).to_contain_text("今天已提车 1")
    expect(counter.locator("#scans")).to_contain_text("已提车")
    the_box_waits(counter)
    order = order_of(app, order_id)
    assert (order.status, order.frame_no) == (OrderStatus.COMPLETED, FRAME_NO)
    scan(counter, "BM0001")
    says(counter, "不能提车：已经提过车了")


def test_digits_then_a_digit_key_then_arrows(app: Flask, counter: Page) -> None:
    paid(app)
    paid(app, name="许诺", phone="13812340001")
    paid(app, name="秦朗", phone="13912340001")
    scan(counter, "0001")
    says(counter, "选一个")
    in_one_screen(counter)
    assert_accessible(counter)
    counter.keyboard.type("2")
    says(counter, "可以提车")
    expect(counter.locator(".answer-name")).to_have_text("秦*")
    counter.keyboard.press("Escape")
    says(counter, "等着扫码")
    the_box_waits(counter)
    scan(counter, "0001")
    says(counter, "选一个")
    pause(counter)
    counter.keyboard.press("ArrowDown")
    counter.keyboard.press("ArrowDown")
    counter.keyboard.press("Enter")
    expect(counter.locator(".answer-name")).to_have_text("许*")


def test_an_unpaid_order_turns_ready_on_the_screen_when_it_is_paid(app: Flask, counter: Page) -> None:
    customer = a_customer(app, region="B")
    order_id = an_order(app, region="B", prepared=True, customer=customer)
    scan(counter, "BM0001")
    says(counter, "不能提车：车款还没付")
    in_one_screen(counter)
    assert_accessible(counter)
    with read(app) as session:
        attempt = select(Payment.out_trade_no).join(Charge, Charge.id == Payment.charge_id)
        out_trade_no = session.scalars(attempt.where(Charge.order_id == order_id)).one()
    pay(app, out_trade_no, customer=customer, now=app.extensions[RUNTIME].clock.now())
    counter.clock.fast_forward(5000)
    says(counter, "可以提车")
    the_box_waits(counter)


def test_on_a_phone_it_scrolls_and_stays_usable(
    app: Flask, live_app: str, open_context: OpenContext, boss: Actor
) -> None:
    context = open_context(PHONE)
    log_in_browser(app, context, boss, live_app)
    page = context.new_page()
    for path in ("/pickup", f"/pickup/orders/{paid(app)}", f"/pickup/orders/{an_order(app, region='B')}"):
        page.goto(path)
        assert_accessible(page)
    page.goto("/pickup/attempts")
    assert_accessible(page)


def test_a_wrong_plate_is_refused_and_both_ways_on_are_keys(app: Flask, counter: Page) -> None:
    paid(app)
    paid(app, name="许诺", phone="13812340067")
    scan(counter, "BM0001")
    says(counter, "可以提车")
    scan(counter, "BM0002")
    says(counter, "不能提车：不是这位用户的编号")
    in_one_screen(counter)
    assert_accessible(counter)
    pause(counter)
    counter.keyboard.press("Enter")
    says(counter, "可以提车")
    expect(counter.locator(".answer-name")).to_have_text("赵*琪")
    scan(counter, "BM0002")
    says(counter, "不能提车：不是这位用户的编号")
    counter.keyboard.type("1")
    says(counter, "可以提车")
    expect(counter.locator(".answer-name")).to_have_text("许*")


def test_a_missing_frame_number_is_asked_for_where_it_goes(app: Flask, counter: Page) -> None:
    order_id = paid(app)
    scan(counter, "BM0001")
    says(counter, "可以提车")
    counter.get_by_label("颜色").select_option(COLOURS[1])
    counter.get_by_role("button", name="确认提车").click()
    field = counter.get_by_label("车架号")
    expect(field).to_be_focused()
    expect(counter.locator(".field-error")).to_contain_text("车架号是 5 到 30 位")
    expect(counter.get_by_label("颜色")).to_have_value(COLOURS[1])
    assert_accessible(counter)
    scan(counter, FRAME_NO)
    says(counter, "BM0001 已提车")
    assert order_of(app, order_id).colour == COLOURS[1]
    the_box_waits(counter)


def test_a_scanner_that_ends_with_two_line_ends_confirms_nothing(app: Flask, counter: Page) -> None:
    order_id = paid(app)
    counter.keyboard.type(" BM0001")
    counter.keyboard.press("Enter")
    counter.keyboard.press("Enter")
    says(counter, "可以提车")
    scan(counter, FRAME_NO)
    counter.keyboard.press("Enter")
    expect(counter.get_by_label("车架号")).to_have_value(FRAME_NO)
    assert order_of(app, order_id).status is OrderStatus.RESERVED


@pytest.mark.req("CARD-6")
def test_fifty_scans_in_two_seconds_are_all_answered_in_order(app: Flask, counter: Page, database: Database) -> None:
    paid(app)
    texts = [f"BM{n:04d}" for n in range(2, 51)] + ["BM0001"]
    assert counter.evaluate(FASTER_THAN_ANY_SCANNER, texts) < 2000
    says(counter, "可以提车")
    expect(counter.locator("[data-waiting]")).to_have_text("")
    staffs = select(PickupAttempt.typed).where(PickupAttempt.staff_id.is_not(None)).order_by(PickupAttempt.id)
    assert list(database.all(staffs)) == texts


def test_without_a_network_scans_wait_and_nothing_is_doubled(
    app: Flask, counter: Page, database: Database, guard: Guard
) -> None:
    guard.expect(r"Failed to load resource|ERR_")
    paid(app)
    lost: list[str] = []

    def lose_the_answer(route: Route) -> None:
        """The first answer is lost on its way back: the server has recorded the scan."""
        if not lost:
            lost.append("once")
            route.fetch()
            route.abort()
        else:
            route.continue_()

    counter.route(re.compile(r"/pickup\?region=B"), lose_the_answer)
    scan(counter, "BM0001")
    expect(counter.locator("[data-net-word]")).to_contain_text("网络断开，1 次扫码留着")
    says(counter, "可以提车")
    expect(counter.locator("[data-net-word]")).to_have_text("网络正常")
    assert database.count(PickupAttempt, PickupAttempt.answer == Answer.READY, PickupAttempt.staff_id.is_not(None)) == 1


def test_a_page_that_stood_open_too_long_answers_all_the_same(app: Flask, counter: Page, guard: Guard) -> None:
    guard.expect(r"status of 400")
    paid(app)
    counter.context.clear_cookies(name="form")  # the token in the page fits no more
    scan(counter, "BM0001")
    says(counter, "可以提车")


def test_a_scan_outlives_logging_in_again(
    app: Flask, live_app: str, counter: Page, boss: Actor, database: Database
) -> None:
    paid(app)
    counter.context.clear_cookies(name="staff")
    scan(counter, "BM0001")
    expect(counter).to_have_url(re.compile("/login"))
    assert database.count(PickupAttempt, PickupAttempt.staff_id.is_not(None)) == 0
    log_in_browser(app, counter.context, boss, live_app)
    counter.goto("/pickup?region=B")
    says(counter, "可以提车")
    assert database.count(PickupAttempt, PickupAttempt.staff_id.is_not(None)) == 1


def test_a_supervisor_takes_back_from_the_foot(app: Flask, counter: Page) -> None:
    order_id = paid(app)
    scan(counter, "BM0001")
    says(counter, "可以提车")
    scan(counter, FRAME_NO)
    expect(counter.get_by_label("车架号")).to_have_value(FRAME_NO)
    counter.get_by_role("button", name="确认提车").click()
    says(counter, "BM0001 已提车")
    counter.get_by_role("link", name="撤销上一次提车").click()
    reason = counter.get_by_label("原因")
    expect(reason).to_be_focused()
    assert_accessible(counter)
    counter.keyboard.press("Escape")
    the_box_waits(counter)
    says(counter, "BM0001 已提车")
    counter.get_by_role("link", name="撤销上一次提车").click()
    reason.fill("拿错车")
    counter.get_by_role("button", name="撤销 BM0001 的提车").click()
    says(counter, "已撤销 BM0001 的提车")
    assert order_of(app, order_id).status is OrderStatus.RESERVED
