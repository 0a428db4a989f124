"""The orders section in a real browser: with script it narrows, without script it works all the same."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from playwright.sync_api import FilePayload, Page, expect
from sqlalchemy import select

from app.domain.orders import OrderStatus
from app.domain.permissions import Actor
from app.domain.rentals import Condition
from app.models.cards import StudentCard
from app.web.current import RUNTIME
from tests.factories.counter import put_photo_behind
from tests.factories.orders import an_order, order_of
from tests.factories.people import a_customer, a_member_of_staff
from tests.factories.pictures import a_photo
from tests.factories.rentals import a_rental_order, give_back
from tests.fixtures.actors import log_in_browser
from tests.fixtures.browser import DESK, PHONE, OpenContext, assert_accessible
from tests.fixtures.databases import Database

pytestmark = pytest.mark.browser


@pytest.fixture
def manager(app: Flask) -> Actor:
    return a_member_of_staff(app, role="manager", region=None, name="周雅")


@pytest.fixture
def paid(app: Flask) -> int:
    """A paid order of today, beside older ones of somebody else."""
    now = app.extensions[RUNTIME].clock.now()
    for days in (3, 20, 60):
        an_order(app, customer=a_customer(app, name="陈悦悦", phone="15912340001"), now=now - timedelta(days=days))
    return an_order(app, customer=a_customer(app, name="王思涵"), paid=True, now=now)


def query_of(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def test_typing_narrows_the_list_and_the_url_holds_it(
    app: Flask, live_app: str, open_context: OpenContext, manager: Actor, paid: int
) -> None:
    context = open_context(DESK)
    log_in_browser(app, context, manager, live_app)
    page = context.new_page()
    page.goto("/orders/sales")
    rows = page.locator("#orders tbody tr")
    expect(rows).to_have_count(3)
    page.evaluate("document.body.dataset.kept = 'yes'")
    page.get_by_label("查找", exact=True).fill("wsh")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("王*涵")
    expect(page.get_by_role("link", name="全部订单 1")).to_be_visible()
    assert query_of(page)["q"] == ["wsh"]
    page.get_by_label("查找", exact=True).fill("")
    expect(rows).to_have_count(3)
    page.get_by_role("button", name="近1年").click()
    expect(rows).to_have_count(4)
    assert set(query_of(page)) >= {"from", "to"}
    page.get_by_role("link", name="已预约").click()
    expect(page.get_by_role("link", name="已预约")).to_have_attribute("aria-current", "page")
    page.get_by_label("进度").select_option(label="待提车")
    expect(rows).to_have_count(1)
    query = query_of(page)
    assert (query["state"], query["todo"]) == (["reserved"], ["pick_up"])
    expect(page.locator("body")).to_have_attribute("data-kept", "yes")  # the page itself was never loaded again
    page.reload()
    expect(rows).to_have_count(1)
    assert query_of(page) == query
    page.go_back()
    expect(rows).to_have_count(4)


def test_without_script_buttons_links_and_sheets_work(
    app: Flask, live_app: str, open_context: OpenContext, manager: Actor, paid: int
) -> None:
    context = open_context(DESK, java_script_enabled=False)
    log_in_browser(app, context, manager, live_app)
    page = context.new_page()
    page.goto("/orders/sales")
    rows = page.locator("#orders tbody tr")
    page.get_by_role("button", name="今天").click()
    expect(rows).to_have_count(1)
    page.get_by_role("button", name="近1年").click()
    expect(rows).to_have_count(4)
    page.get_by_role("link", name="已完成").click()
    expect(page.get_by_text("近1年没有已完成的买车订单")).to_be_visible()
    page.get_by_role("link", name="看全部状态").click()
    expect(rows).to_have_count(4)
    rows.first.get_by_role("link").first.click()
    page.get_by_role("link", name="取消并退款").click()
    page.get_by_label("原因").select_option("用户不想要了")
    page.get_by_role("button", name="退款 ¥2,399.00").click()
    expect(page.get_by_text("退款中：¥2,399.00 正在退回用户的微信")).to_be_visible()
    assert order_of(app, paid).status is OrderStatus.CANCELLED


def test_the_sheet_takes_the_focus_gives_it_back_and_ends_in_the_receipt(
    app: Flask, live_app: str, open_context: OpenContext, manager: Actor, paid: int
) -> None:
    context = open_context(DESK)
    log_in_browser(app, context, manager, live_app)
    page = context.new_page()
    page.goto(f"/orders/{paid}")
    opens = page.get_by_role("link", name="取消并退款")
    opens.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("原因")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#sheet form")).to_have_count(0)
    expect(opens).to_be_focused()
    opens.click()
    page.get_by_label("原因").select_option("其他")
    page.get_by_role("button", name="退款 ¥2,399.00").click()
    expect(page.get_by_text("选了「其他」，写一句是什么原因")).to_be_visible()
    expect(page.get_by_label("原因")).to_have_value("其他")
    page.get_by_label("说明").fill("座高不合适")
    page.get_by_role("button", name="退款 ¥2,399.00").click()
    expect(page.get_by_text("退款中：¥2,399.00 正在退回用户的微信")).to_be_visible()
    page.get_by_label("写一条").fill("打过电话了")
    page.get_by_role("button", name="保存备注").click()
    expect(page.get_by_text("打过电话了")).to_be_visible()
    expect(page.get_by_label("写一条")).to_have_value("")


@pytest.fixture
def damaged(app: Flask, database: Database) -> int:
    """A rental whose vehicle came back damaged."""
    now = app.extensions[RUNTIME].clock.now()
    order_id = a_rental_order(app, database, picked_up=True, now=now - timedelta(days=5))
    give_back(app, order_id, condition=Condition.DAMAGED)
    put_photo_behind(app, database.one(select(StudentCard.id)))
    return order_id


def test_damage_is_settled_in_the_sheet_with_a_photo(
    app: Flask, live_app: str, open_context: OpenContext, manager: Actor, damaged: int
) -> None:
    context = open_context(DESK)
    log_in_browser(app, context, manager, live_app)
    page = context.new_page()
    page.goto("/orders/rentals")
    page.get_by_role("link", name="处理损坏").click()
    page.get_by_role("link", name="处理损坏").click()
    page.get_by_label("项目 1").fill("后视镜")
    page.get_by_label("金额 1").fill("45.5")
    page.get_by_label("说明").fill("回店时发现")
    page.get_by_role("button", name="按上面的处理押金").click()
    expect(page.get_by_text("扣押金要有一张照片")).to_be_visible()
    expect(page.get_by_label("金额 1")).to_have_value("45.5")
    photo = FilePayload(name="scratch.jpg", mimeType="image/jpeg", buffer=a_photo(size=(800, 600)))
    page.get_by_label("损坏照片").set_input_files(photo)
    expect(page.get_by_alt_text("选好的照片")).to_be_visible()
    page.get_by_role("button", name="按上面的处理押金").click()
    expect(page.get_by_text("¥254.50 正在退回用户的微信").first).to_be_visible()
    page.get_by_text("看照片").click()
    shown = page.get_by_alt_text("损坏的照片")
    expect(shown).to_have_js_property("complete", value=True)
    assert shown.evaluate("image => image.naturalWidth") == 800


def test_a_sheet_on_a_page_of_its_own_is_refused_in_its_place(
    app: Flask, live_app: str, open_context: OpenContext, manager: Actor, damaged: int
) -> None:
    context = open_context(DESK)
    log_in_browser(app, context, manager, live_app)
    page = context.new_page()
    page.goto(f"/orders/{damaged}/damage")
    page.get_by_label("项目 1").fill("后视镜")
    page.get_by_label("金额 1").fill("45.5")
    photo = FilePayload(name="scratch.jpg", mimeType="image/jpeg", buffer=a_photo(size=(800, 600)))
    for _ in range(2):  # what came in its place is answered in its place, too
        page.get_by_label("损坏照片").set_input_files(photo)
        page.get_by_role("button", name="按上面的处理押金").click()
        expect(page.get_by_text("照片是好的，改好别的以后再选一次")).to_be_visible()
        expect(page.get_by_label("说明")).to_be_focused()  # the first real error
        expect(page.locator("form.sheet")).to_have_count(1)
        expect(page.locator("#sheet")).not_to_have_attribute("open", "")
    page.get_by_label("说明").fill("回店时发现")
    page.get_by_label("金额 1").fill("3000")
    page.get_by_label("损坏照片").set_input_files(photo)
    page.get_by_role("button", name="按上面的处理押金").click()
    expect(page.get_by_role("alert").filter(has_text="最多扣")).to_be_focused()


def test_the_filters_of_rentals_stand_in_one_line(
    app: Flask, live_app: str, open_context: OpenContext, manager: Actor, damaged: int
) -> None:
    context = open_context(DESK)
    log_in_browser(app, context, manager, live_app)
    page = context.new_page()
    page.goto("/orders/rentals")
    height = page.locator("#filters").evaluate("panel => panel.clientHeight")
    assert height < 80


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["1440", "390"])
def test_nothing_grave_on_any_page_of_rentals_and_deposits(
    app: Flask, live_app: str, open_context: OpenContext, manager: Actor, damaged: int, size: dict[str, object]
) -> None:
    context = open_context(size, reduced_motion="reduce")
    log_in_browser(app, context, manager, live_app)
    page = context.new_page()
    for path in ("rentals", "rentals?todo=late", "deposits", "deposits/1", str(damaged)):
        page.goto(f"/orders/{path}")
        assert_accessible(page)
    page.get_by_role("link", name="处理损坏").click()
    expect(page.get_by_label("项目 1")).to_be_visible()
    assert_accessible(page)


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["1440", "390"])
def test_nothing_grave_on_any_page_of_the_section(
    app: Flask, live_app: str, open_context: OpenContext, manager: Actor, paid: int, size: dict[str, object]
) -> None:
    context = open_context(size, reduced_motion="reduce")  # axe measures what stands, not what is on its way
    log_in_browser(app, context, manager, live_app)
    page = context.new_page()
    for url in ("/", "/orders/sales", "/orders/sales?q=nobody", "/orders/suspects", f"/orders/{paid}"):
        page.goto(url)
        assert_accessible(page)
    page.get_by_role("link", name="取消并退款").click()
    expect(page.get_by_label("原因")).to_be_visible()
    assert_accessible(page)
