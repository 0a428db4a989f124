"""The settings in a real browser: rows open in place, the button says what it does, and it can be taken back."""

import re
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from sqlalchemy import select

from app.models.directory import School, SettingVersion
from tests.factories.people import a_member_of_staff
from tests.fixtures.actors import log_in_browser
from tests.fixtures.browser import DESK, OpenContext, assert_accessible
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
