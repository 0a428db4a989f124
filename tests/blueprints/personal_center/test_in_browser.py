"""The review of student cards in a real browser: a key for each answer, and the photo beside the data."""

import pytest
from flask import Flask
from playwright.sync_api import expect

from tests.factories.counter import put_photo_behind
from tests.factories.people import a_customer, a_member_of_staff
from tests.factories.rentals import a_card
from tests.fixtures.actors import log_in_browser
from tests.fixtures.browser import DESK, PHONE, OpenContext, assert_accessible

pytestmark = pytest.mark.browser

URL = "/personal-center/cards"


@pytest.fixture
def waiting(app: Flask) -> list[int]:
    """Three cards with their photos."""
    made = []
    for name in ("王思涵", "陈悦悦", "李轩轩"):
        made.append(a_card(app, a_customer(app, name=name), approved=False))
        put_photo_behind(app, made[-1])
    return made


def test_a_queue_is_worked_off_by_keys(
    app: Flask, live_app: str, open_context: OpenContext, waiting: list[int]
) -> None:
    context = open_context(DESK)
    log_in_browser(app, context, a_member_of_staff(app), live_app)
    page = context.new_page()
    page.goto(URL)
    page.get_by_role("link", name="开始审核").click()
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_contain_text("王*涵")
    expect(page.get_by_alt_text("王*涵交的学生证照片")).to_have_js_property("complete", value=True)
    page.keyboard.press("1")
    expect(heading).to_contain_text("陈*悦")
    expect(page.get_by_text("已通过：王*涵")).to_be_visible()
    page.keyboard.press("2")  # asks for the reason first
    expect(page.get_by_label("照片不清楚")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("不是学生证")).to_be_checked()
    page.keyboard.press("2")
    expect(heading).to_contain_text("李*轩")
    page.get_by_label("补充").fill("12")  # digits that are typed are no answers
    expect(heading).to_contain_text("李*轩")
    page.get_by_role("button", name="通过").first.click()
    expect(page.get_by_text("没有要审核的学生证")).to_be_visible()


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["1440", "390"])
def test_nothing_grave_on_its_pages(
    app: Flask, live_app: str, open_context: OpenContext, waiting: list[int], size: dict[str, object]
) -> None:
    context = open_context(size, reduced_motion="reduce")
    log_in_browser(app, context, a_member_of_staff(app), live_app)
    page = context.new_page()
    for url in (URL, f"{URL}?tab=approved", f"{URL}/{waiting[0]}"):
        page.goto(url)
        assert_accessible(page)
