"""The settings in a real browser: rows open in place, the button says what it does, and it can be taken back."""

import re
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from sqlalchemy import select

from app.models.directory import School, SettingVersion
from app.models.vehicles import Listing, Plan, Price
from tests.factories.people import a_member_of_staff
from tests.factories.rentals import a_rental_listing
from tests.fixtures.actors import log_in_browser
from tests.fixtures.browser import DESK, PHONE, OpenContext, assert_accessible
from tests.fixtures.databases import Database

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


@pytest.fixture
def owners_page(app: Flask, live_app: str, desk: "Page") -> "Page":
    """A desk with the owner at it."""
    log_in_browser(app, desk.context, a_member_of_staff(app, role="owner", region=None, name="周雅"), live_app)
    return desk


def test_a_setting_is_changed_where_it_stands(owners_page: "Page", database: Database) -> None:
    from playwright.sync_api import expect

    page = owners_page
    page.goto("/settings")
    row = page.locator("#setting-reservation_hours")
    row.get_by_role("link", name="修改预约保留时间").click()
    expect(page).to_have_url(re.compile(r"/settings$"))
    row.get_by_label("新的值").fill("48")
    row.get_by_label("生效时间").fill("2099-12-01T00:00")
    button = row.get_by_role("button", name="12 月 1 日起改为 48 小时")
    expect(button).to_be_visible()  # the fields alone brought it
    expect(row.get_by_label("新的值")).to_have_value("48")
    assert_accessible(page)
    row.get_by_label("原因").fill("开学人多")
    button.click()
    expect(page.locator("#snacks")).to_contain_text("预约保留时间：12 月 1 日起改为 48 小时")
    expect(row).to_contain_text("待生效")
    page.locator("#snacks").get_by_role("button", name="撤销").click()
    expect(page.locator("#snacks")).to_contain_text("已撤回")
    expect(row).not_to_contain_text("待生效")
    assert database.count(SettingVersion) == 2


def test_a_fault_is_focused_and_leaving_closes_the_row(owners_page: "Page") -> None:
    from playwright.sync_api import expect

    page = owners_page
    page.goto("/settings")
    row = page.locator("#setting-reservation_hours")
    row.get_by_role("link", name="修改预约保留时间").click()
    row.get_by_label("新的值").fill("9000")
    row.get_by_label("原因").fill("试一试")
    row.get_by_role("button", name="看看会改变什么").click()
    expect(row).to_contain_text("要在 1 到 720 小时之间")
    expect(row.get_by_label("新的值")).to_be_focused()
    expect(row.get_by_label("原因")).to_have_value("试一试")
    row.get_by_role("link", name="不改了").click()
    expect(row.get_by_role("link", name="修改预约保留时间")).to_be_visible()
    expect(row.locator("form")).to_have_count(0)


def test_a_school_is_added_and_removed(owners_page: "Page", database: Database) -> None:
    from playwright.sync_api import expect

    page = owners_page
    page.goto("/settings/regions")
    page.get_by_role("link", name="加一所学校").nth(1).click()
    page.get_by_label("学校名").fill("浙江传媒学院")
    page.get_by_role("button", name="加这所学校").click()
    expect(page.locator("#snacks")).to_contain_text("加好了浙江传媒学院")
    page.get_by_role("link", name="修改浙江传媒学院").click()
    page.get_by_role("button", name="移除学校").click()
    expect(page.locator("#snacks")).to_contain_text("浙江传媒学院：已移除")
    assert "浙江传媒学院" not in database.all(select(School.name))


def test_a_setting_is_changed_without_scripts(app: Flask, live_app: str, open_context: OpenContext) -> None:
    from playwright.sync_api import expect

    context = open_context(DESK, java_script_enabled=False)
    log_in_browser(app, context, a_member_of_staff(app, role="owner", region=None), live_app)
    page = context.new_page()
    page.goto("/settings")
    page.get_by_role("link", name="修改预约保留时间").click()
    page.get_by_label("新的值").fill("48")
    page.get_by_label("原因").fill("开学人多")
    page.get_by_role("button", name="看看会改变什么").click()
    page.get_by_role("button", name="现在改为 48 小时").click()
    expect(page.locator("#setting-reservation_hours")).to_contain_text("48 小时")
    expect(page.locator("#snacks")).to_contain_text("现在改为 48 小时")


def test_a_plan_is_priced_where_it_stands(owners_page: "Page", database: Database) -> None:
    from playwright.sync_api import expect

    page, listing_id = owners_page, a_rental_listing(database)
    page.goto(f"/settings/vehicles/listings/{listing_id}")
    row = page.locator("#price-30")
    row.get_by_role("link", name="改月租 30 天的价格").click()
    row.get_by_label("价格", exact=True).fill("160")
    row.get_by_label("生效时间").fill("2099-12-01T00:00")
    button = row.get_by_role("button", name="12 月 1 日起改为 ¥160.00")
    expect(button).to_be_visible()  # the fields alone brought it
    assert_accessible(page)
    button.click()
    expect(row).to_contain_text("待生效")
    page.locator("#snacks").get_by_role("button", name="撤销").click()
    expect(page.locator("#snacks")).to_contain_text("已撤回")
    expect(row).not_to_contain_text("待生效")
    assert database.count(Price, Price.listing_id == listing_id) == 3


def test_stock_is_moved_and_a_fault_keeps_what_was_typed(owners_page: "Page", database: Database) -> None:
    from playwright.sync_api import expect

    page, listing_id = owners_page, a_rental_listing(database)
    page.goto(f"/settings/vehicles/listings/{listing_id}")
    page.get_by_role("link", name="改库存").click()
    row = page.locator("#stock")
    row.get_by_label("原因").select_option("报废")
    row.get_by_label("数量").fill("51")
    row.get_by_label("说明").fill("泡水")
    row.get_by_role("button", name="记下这次变动").click()
    expect(row).to_contain_text("库存只有 50 辆，减不了这么多")
    expect(row.get_by_label("说明")).to_have_value("泡水")
    row.get_by_label("数量").fill("2")
    row.get_by_role("button", name="记下这次变动").click()
    expect(row).to_contain_text("48 辆")
    expect(page.locator("#movements")).to_contain_text("报废：泡水")
    assert_accessible(page)


def test_vehicles_fit_a_phone_and_need_no_scripts(
    app: Flask, live_app: str, open_context: OpenContext, database: Database
) -> None:
    from playwright.sync_api import expect

    listing_id = a_rental_listing(database)
    context = open_context(PHONE, java_script_enabled=False)
    log_in_browser(app, context, a_member_of_staff(app, role="owner", region=None), live_app)
    page = context.new_page()
    page.goto("/settings/vehicles?region=A")
    page.get_by_role("link", name=re.compile("租车，打开$")).click()
    page.get_by_role("link", name="加一个租期").click()
    page.get_by_label("名字").fill("学期租")
    page.get_by_label("天数").fill("150")
    page.get_by_role("button", name="加这个租期").click()
    page.get_by_role("link", name="改学期租 150 天的价格").click()
    page.get_by_label("价格", exact=True).fill("680")
    page.get_by_role("button", name="看看会改变什么").click()
    page.get_by_role("button", name="现在定为 ¥680.00").click()
    expect(page.locator("#price-150")).to_contain_text("¥680.00")
    page.get_by_role("button", name="下架").click()
    expect(page.locator("#snacks")).to_contain_text("已下架")
    assert database.one(select(Listing.shown).where(Listing.id == listing_id)) is False
    assert database.count(Plan, Plan.listing_id == listing_id) == 2
