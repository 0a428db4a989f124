"""Exporting in a real browser: the button counts what is filtered, and a file arrives, also without script."""

from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from app.documents.sheets import Format
from app.domain.permissions import Actor
from tests.factories.orders import an_order, cancel
from tests.factories.people import a_customer, a_member_of_staff
from tests.factories.sheets import records
from tests.fixtures.actors import log_in_browser
from tests.fixtures.browser import DESK, PHONE, OpenContext, assert_accessible

pytestmark = pytest.mark.browser


@pytest.fixture
def finance(app: Flask) -> Actor:
    return a_member_of_staff(app, role="finance", region=None, name="林会计")


@pytest.fixture
def three(app: Flask) -> None:
    for name in ("王思涵", "陈悦悦"):
        an_order(app, customer=a_customer(app, name=name))
    cancel(app, an_order(app, customer=a_customer(app, name="周雨")))


def fetched(page: Page, words: str) -> list[dict[str, str]]:
    """Opens the menu and takes the file."""
    page.locator("details.menu summary").click()
    with page.expect_download() as arriving:
        page.get_by_role("button", name=words).click()
    name = arriving.value.suggested_filename
    assert name.startswith("买车订单 ")
    return records(Path(arriving.value.path()).read_bytes(), Format(name.rpartition(".")[2]))


def test_what_is_filtered_is_counted_and_arrives(
    app: Flask, live_app: str, open_context: OpenContext, finance: Actor, three: None
) -> None:
    context = open_context(DESK)
    log_in_browser(app, context, finance, live_app)
    page = context.new_page()
    page.goto("/orders/sales")
    button = page.locator("details.menu summary")
    expect(button).to_have_text("导出 3 单")
    assert len(fetched(page, "Excel 表格")) == 3
    page.get_by_role("link", name="已取消").click()
    expect(button).to_have_text("导出 1 单")
    (row,) = fetched(page, "CSV 文件")
    assert (row["姓名"], row["状态"]) == ("周*", "已取消")
    page.get_by_label("查找", exact=True).fill("csr")  # nobody
    expect(button).to_have_count(0)
    page.get_by_label("查找", exact=True).fill("")
    expect(button).to_have_text("导出 1 单")


def test_the_menu_closes_by_key_by_a_click_elsewhere_and_when_something_was_chosen(
    app: Flask, live_app: str, open_context: OpenContext, finance: Actor, three: None
) -> None:
    context = open_context(DESK)
    log_in_browser(app, context, finance, live_app)
    page = context.new_page()
    page.goto("/orders/sales")
    button, inside = page.locator("details.menu summary"), page.get_by_role("button", name="CSV 文件")
    button.focus()
    page.keyboard.press("Enter")
    expect(inside).to_be_visible()
    page.keyboard.press("Escape")
    expect(inside).to_be_hidden()
    expect(button).to_be_focused()
    button.click()
    page.locator("h1").click()
    expect(inside).to_be_hidden()
    fetched(page, "CSV 文件")
    expect(inside).to_be_hidden()


def test_without_script_it_works_all_the_same(
    app: Flask, live_app: str, open_context: OpenContext, finance: Actor, three: None
) -> None:
    context = open_context(DESK, java_script_enabled=False)
    log_in_browser(app, context, finance, live_app)
    page = context.new_page()
    page.goto("/orders/sales?state=reserved")
    assert len(fetched(page, "Excel 表格")) == 2


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["1440", "390"])
def test_the_open_menu_fits_and_hides_nothing_from_anybody(
    app: Flask, live_app: str, open_context: OpenContext, finance: Actor, three: None, size: dict[str, int]
) -> None:
    context = open_context(size)
    log_in_browser(app, context, finance, live_app)
    page = context.new_page()
    page.goto("/orders/sales")
    page.locator("details.menu summary").click()
    box = page.locator(".menu-in").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= page.viewport_size["width"]  # type: ignore[index]  # it has one
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert_accessible(page)
