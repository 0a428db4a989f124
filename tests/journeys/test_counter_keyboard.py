"""The counter with a keyboard and a scanner gun: no mouse, nothing lost, nothing doubled (decision 17)."""

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page, Route, expect
from sqlalchemy import select

from app.domain.batteries import EndedBy
from app.domain.orders import OrderStatus
from app.domain.permissions import Actor
from app.domain.pickup import Answer
from app.domain.rentals import Condition, Place
from app.models.money import Charge, Payment
from app.models.orders import PickupAttempt
from app.web.current import RUNTIME
from tests.factories.counter import FRAME_NO, a_rental_without_approval, put_photo_behind
from tests.factories.flash import a_member, a_use, some_batteries, use_of
from tests.factories.ground import COLOURS
from tests.factories.orders import an_order, order_of, pay
from tests.factories.people import a_customer, a_member_of_staff
from tests.factories.pictures import a_photo
from tests.factories.reading import read
from tests.factories.rentals import a_rental_order, rental_of
from tests.fixtures.actors import log_in_browser
from tests.fixtures.browser import PHONE, Guard, OpenContext, assert_accessible, too_wide_or_grave
from tests.fixtures.databases import Database

COUNTER = {"viewport": {"width": 1024, "height": 768}}
COUNT_KEYS = "addEventListener('keydown', () => { window.keysPressed = (window.keysPressed ?? 0) + 1; }, true)"
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


def gun(page: Page, text: str) -> None:
    """The same without a key of the keyboard: the whole text at once, then the form is sent."""
    page.evaluate(FASTER_THAN_ANY_SCANNER, [text])


def pause(page: Page) -> None:
    """As a person does between two keys: a second Enter right behind the first is the scanner's own."""
    page.clock.fast_forward(500)


def says(page: Page, words: str) -> None:
    expect(page.locator("#answer h1")).to_have_text(words)


def the_box_waits(page: Page) -> None:
    expect(page.locator("#scan-entry")).to_be_focused()


def in_one_screen(page: Page) -> None:
    """Nothing scrolls, and nothing of the answer is cut off."""
    cut = """[document.documentElement, ...document.querySelectorAll('#answer, .answer-body, .answer-choices')].map(
        part => [part.scrollHeight - part.clientHeight, part.scrollWidth - part.clientWidth])"""
    assert [most for most in page.evaluate(cut) if max(most) > 0] == []


def with_faces(page: Page) -> None:
    """Every card has a photo, without a file."""
    page.route("**/photo", lambda route: route.fulfill(body=a_photo(), content_type="image/jpeg"))


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


# ---- Rentals ----


def a_rented_one(app: Flask, database: Database, *, days_ago: float = 3, name: str = "钱多多", **how: Any) -> int:
    now = app.extensions[RUNTIME].clock.now() - timedelta(days=days_ago)
    customer = a_customer(app, region="B", name=name, phone="13812342015")
    return a_rental_order(app, database, region="B", customer=customer, now=now, **how)


@pytest.mark.req("NUM-8", "FLOW-RENT-2", "CARD-6")
def test_a_rentals_pickup_takes_at_most_three_keys_after_the_scan(
    app: Flask, counter: Page, database: Database
) -> None:
    order_id, card_id = a_rental_without_approval(app, database, now=app.extensions[RUNTIME].clock.now())
    put_photo_behind(app, card_id)
    counter.evaluate(COUNT_KEYS)
    gun(counter, "BZ0001")
    says(counter, "不能提车：学生证还没通过")
    expect(counter.get_by_alt_text("学生证照片")).to_have_js_property("complete", value=True)
    in_one_screen(counter)
    assert_accessible(counter)
    pause(counter)
    counter.keyboard.press("Enter")  # 通过
    says(counter, "可以提车")
    the_box_waits(counter)
    in_one_screen(counter)
    assert_accessible(counter)
    gun(counter, FRAME_NO)
    expect(counter.get_by_label("车架号")).to_have_value(FRAME_NO)
    pause(counter)
    counter.keyboard.press("Enter")  # 确认提车
    says(counter, "BZ0001 已提车")
    in_one_screen(counter)
    the_box_waits(counter)
    assert counter.evaluate("keysPressed") == 2
    assert order_of(app, order_id).status is OrderStatus.COMPLETED


@pytest.mark.req("FLOW-RENT-3", "CARD-6")
def test_a_vehicle_comes_back_with_two_keys(app: Flask, counter: Page, database: Database) -> None:
    order_id = a_rented_one(app, database, picked_up=True)
    scan(counter, "BZ0001")
    says(counter, "可以还车")
    the_box_waits(counter)
    in_one_screen(counter)
    assert_accessible(counter)
    pause(counter)
    counter.keyboard.press("Enter")  # without the tick
    expect(counter.locator(".field-error")).to_contain_text("先把车牌 BZ0001 取下来")
    the_box_waits(counter)
    in_one_screen(counter)
    pause(counter)
    counter.keyboard.type("1")
    expect(counter.get_by_label("车牌已取下")).to_be_checked(checked=False)  # a digit waits for others
    counter.clock.fast_forward(400)
    expect(counter.get_by_label("车牌已取下")).to_be_checked()
    expect(counter.locator(".field-error")).to_have_count(0)
    expect(counter.locator("#scan-entry")).to_have_value("BZ0001")
    counter.keyboard.press("Enter")
    says(counter, "BZ0001 已还车")
    expect(counter.locator("#figures")).to_contain_text("还车 1")
    expect(counter.locator("#scans")).to_contain_text("已还车")
    in_one_screen(counter)
    assert_accessible(counter)
    the_box_waits(counter)
    rental = rental_of(app, order_id)
    assert (rental.condition, rental.returned_to) == (Condition.GOOD, Place.STOCK)


def test_the_tick_and_the_return_may_be_typed_at_one_go(app: Flask, counter: Page, database: Database) -> None:
    a_rented_one(app, database, picked_up=True)
    scan(counter, "BZ0001")
    says(counter, "可以还车")
    pause(counter)
    scan(counter, "1")
    says(counter, "BZ0001 已还车")
    counter.keyboard.press("Enter")  # a receipt asks for nothing
    says(counter, "BZ0001 已还车")


def test_damage_is_a_key_of_its_own(app: Flask, counter: Page, database: Database) -> None:
    order_id = a_rented_one(app, database, picked_up=True)
    scan(counter, "BZ0001")
    says(counter, "可以还车")
    pause(counter)
    counter.keyboard.type("1")
    counter.clock.fast_forward(400)
    expect(counter.get_by_label("车牌已取下")).to_be_checked()
    counter.keyboard.type("3")
    counter.clock.fast_forward(400)
    says(counter, "可以还车")  # a digit alone ends nothing
    expect(counter.locator("#answer form kbd").filter(visible=True)).to_have_text(
        ["1", "2", "3 回车"], use_inner_text=True
    )
    in_one_screen(counter)
    assert_accessible(counter)
    counter.keyboard.press("Enter")
    says(counter, "BZ0001 已还车")
    expect(counter.locator("#answer")).to_contain_text("押金等处理")
    assert rental_of(app, order_id).condition is Condition.DAMAGED


def test_a_scan_reaches_the_box_from_the_tick_too(app: Flask, counter: Page, database: Database) -> None:
    a_rented_one(app, database, picked_up=True)
    paid(app)
    scan(counter, "BZ0001")
    says(counter, "可以还车")
    tick = counter.get_by_label("车牌已取下")
    counter.keyboard.press("Tab")
    tick.focus()
    counter.keyboard.press(" ")
    expect(tick).to_be_checked()
    scan(counter, "BM0001")
    says(counter, "可以提车")


def test_every_missing_thing_fits_the_screen(app: Flask, counter: Page, database: Database) -> None:
    with_faces(counter)
    a_rented_one(app, database, days_ago=0.1, deposit=None)
    a_rented_one(app, database, days_ago=0.1, matched=True)
    a_rented_one(app, database, days_ago=2, returned=True)
    for number, verdict in (
        ("BZ0001", "不能提车：押金还没缴"),
        ("BZ0002", "不能提车：租金还没付"),
        ("BZ0003", "这辆车已经还了"),
    ):
        scan(counter, number)
        says(counter, verdict)
        in_one_screen(counter)
        assert_accessible(counter)


def test_a_card_is_refused_from_the_keyboard(app: Flask, counter: Page, database: Database) -> None:
    a_rental_without_approval(app, database, now=app.extensions[RUNTIME].clock.now())
    with_faces(counter)
    scan(counter, "BZ0001")
    says(counter, "不能提车：学生证还没通过")
    pause(counter)
    counter.keyboard.type("1")
    counter.clock.fast_forward(400)
    reason = counter.get_by_label("原因")
    expect(reason).to_be_focused()
    assert_accessible(counter)
    expect(counter.get_by_role("button", name="不通过这张学生证")).to_be_visible()
    reason.fill("照片太模糊")
    reason.press("Enter")
    expect(counter.locator("#answer")).to_contain_text("学生证没有通过：照片太模糊")
    the_box_waits(counter)


# ---- Batteries ----


@pytest.fixture
def with_batteries(app: Flask, database: Database) -> int:
    """Ten batteries, of which somebody has the first; the use."""
    some_batteries(database, "B")
    member = a_member(app, region="B", customer=a_customer(app, region="B", name="王小电", phone="13812342020"))
    return a_use(app, member, "B00001")


@pytest.mark.req("FLOW-FLASH-2", "CARD-6")
@pytest.mark.usefixtures("with_batteries")
def test_a_battery_comes_back_with_one_key(app: Flask, counter: Page, database: Database) -> None:
    scan(counter, "https://rent.example/q/B00001")
    says(counter, "可以还电池")
    in_one_screen(counter)
    assert_accessible(counter)
    pause(counter)
    counter.keyboard.press("Enter")
    says(counter, "B00001 已归还")
    in_one_screen(counter)
    expect(counter.locator("#figures")).to_contain_text("还电池 1")
    expect(counter.locator("#scans")).to_contain_text("已归还")
    the_box_waits(counter)
    scan(counter, "B00001")
    says(counter, "电池在库")
    in_one_screen(counter)
    assert_accessible(counter)


def test_a_digit_and_enter_send_a_battery_to_repair_and_a_slow_number_does_not(
    app: Flask, counter: Page, with_batteries: int
) -> None:
    scan(counter, "B00001")
    says(counter, "可以还电池")
    pause(counter)
    for digit in "1999":
        counter.keyboard.type(digit)
        counter.clock.fast_forward(400)
    counter.keyboard.press("Enter")
    says(counter, "没有 1999 这个编号")
    assert use_of(app, with_batteries).returned_at is None
    scan(counter, "B00001")
    says(counter, "可以还电池")
    pause(counter)
    scan(counter, "1")
    says(counter, "B00001 已归还")
    expect(counter.locator("#answer")).to_contain_text("维修")


@pytest.mark.parametrize(("next_scan", "verdict"), [("B00002", "换电"), ("BM0001", "可以提车"), ("7731", "选一个")])
def test_a_digit_that_marked_a_button_is_no_part_of_the_next_scan(
    app: Flask, counter: Page, with_batteries: int, next_scan: str, verdict: str
) -> None:
    paid(app)
    scan(counter, "B00001")
    says(counter, "可以还电池")
    pause(counter)
    counter.keyboard.type("1")
    counter.clock.fast_forward(400)
    expect(counter.get_by_role("button", name="归还送修")).to_have_class(re.compile("current"))
    scan(counter, next_scan)
    says(counter, verdict)
    assert use_of(app, with_batteries).returned_at is None


@pytest.mark.req("FLOW-FLASH-2")
def test_scan_scan_enter_is_an_exchange_and_one_more_enter_does_nothing(
    app: Flask, counter: Page, with_batteries: int
) -> None:
    scan(counter, "B00001")
    says(counter, "可以还电池")
    scan(counter, "B00002")
    says(counter, "换电")
    in_one_screen(counter)
    assert_accessible(counter)
    pause(counter)
    counter.keyboard.press("Enter")
    says(counter, "已换电")
    in_one_screen(counter)
    pause(counter)
    counter.keyboard.press("Enter")
    says(counter, "已换电")
    assert use_of(app, with_batteries).ended_by is EndedBy.EXCHANGE
    scan(counter, "B00002")
    says(counter, "可以还电池")


def test_escape_leaves_the_battery_on_the_screen_behind(app: Flask, counter: Page, with_batteries: int) -> None:
    scan(counter, "B00001")
    says(counter, "可以还电池")
    counter.keyboard.press("Escape")
    says(counter, "等着扫码")
    scan(counter, "B00002")
    says(counter, "电池在库")
    assert use_of(app, with_batteries).returned_at is None


@pytest.mark.usefixtures("with_batteries")
def test_somebody_elses_battery_is_taken_in_with_the_keyboard(app: Flask, counter: Page) -> None:
    mine = a_use(app, a_member(app, region="B", customer=a_customer(app, region="B", name="卫来还")), "B00002")
    scan(counter, "B00001")
    says(counter, "可以还电池")
    pause(counter)
    counter.keyboard.type("2")
    counter.clock.fast_forward(400)
    expect(counter.get_by_label("用户自己的电池")).to_be_focused()
    assert_accessible(counter)
    counter.keyboard.type("B00002")
    counter.keyboard.press("Tab")
    counter.keyboard.type("拿错了")
    counter.get_by_role("button", name="收下", exact=True).press("Enter")
    expect(counter.get_by_label("卫*还")).to_be_checked()
    assert_accessible(counter)
    counter.get_by_role("button", name="收下", exact=True).press("Enter")
    says(counter, "B00001 已收下")
    in_one_screen(counter)
    the_box_waits(counter)
    assert use_of(app, mine).disputed


@pytest.mark.usefixtures("with_batteries")
def test_on_a_phone_returns_and_batteries_stay_usable(
    app: Flask, live_app: str, open_context: OpenContext, boss: Actor, database: Database
) -> None:
    context = open_context(PHONE)
    log_in_browser(app, context, boss, live_app)
    page = context.new_page()
    out = a_rented_one(app, database, picked_up=True)
    for path in (f"/pickup/orders/{out}", "/pickup/batteries/B00001", "/pickup/batteries/B00002"):
        page.goto(path)
        assert too_wide_or_grave(page) == []


@pytest.mark.req("CARD-6")
@pytest.mark.usefixtures("with_batteries")
def test_fifty_scans_of_every_kind_are_all_answered_in_order(app: Flask, counter: Page, database: Database) -> None:
    paid(app)
    a_rented_one(app, database, picked_up=True)
    kinds = ("BM0001", "BZ0001", "B00001", "B00002", "0001", "AM0001", "BZ0999", "B09999", "AZ0001", "2047")
    texts = [*kinds * 4, *kinds[1:], "BM0001"]
    assert len(texts) == 50
    assert counter.evaluate(FASTER_THAN_ANY_SCANNER, texts) < 2000
    says(counter, "可以提车")
    expect(counter.locator("[data-waiting]")).to_have_text("", timeout=30_000)
    staffs = select(PickupAttempt.typed).where(PickupAttempt.staff_id.is_not(None)).order_by(PickupAttempt.id)
    assert list(database.all(staffs)) == texts


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
