"""The guard of the browser notices: each misdeed of a page is named."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.fixtures.browser import DESK, Guard, OpenContext, assert_accessible

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = pytest.mark.browser

ICON = '<link rel="icon" href="data:,">'
PAGE = f'<!DOCTYPE html><html lang="zh-CN"><head><title>t</title>{ICON}</head><body>{{}}</body></html>'
POLICY = "default-src 'none'; script-src 'nonce-a'; style-src 'nonce-a'; img-src * data:"

ShowPage = Callable[[str], "Page"]


@pytest.fixture
def show(open_context: OpenContext, app_url: str) -> ShowPage:
    """Opens a page with this body, as if the application had answered it."""

    def shown(body: str) -> "Page":
        def answer(route: "Route") -> None:
            page = PAGE.format(body)
            headers = {"Content-Security-Policy": POLICY}
            route.fulfill(status=200, content_type="text/html; charset=utf-8", headers=headers, body=page)

        context = open_context(DESK)
        context.route("**/*", answer)
        page = context.new_page()
        page.goto(app_url)
        return page

    return shown


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<img alt="" src="http://example.com/x.png">', "left the site: http://example.com/x.png"),
        ('<p style="color:red">x</p>', "policy: style-src-attr"),
        ('<script nonce="a">console.error("wrong")</script>', "console: wrong"),
        ('<script nonce="a">throw new Error("wrong")</script>', "page error: "),
    ],
)
def test_each_misdeed_is_named(body: str, fault: str, show: ShowPage, guard: Guard) -> None:
    show(body).wait_for_load_state("networkidle")
    found, guard.faults = guard.faults, []
    assert any(line.startswith(fault) for line in found), found


def test_an_expected_error_passes(show: ShowPage, guard: Guard) -> None:
    guard.expect("wrong")
    show('<script nonce="a">console.error("wrong")</script>').wait_for_load_state("networkidle")
    guard.check()


def test_axe_finds_what_is_grave(show: ShowPage) -> None:
    with pytest.raises(AssertionError, match="image-alt"):
        assert_accessible(show('<main><h1>t</h1><img src="data:,"></main>'))


def test_a_page_wider_than_its_window_is_found(show: ShowPage) -> None:
    wide = '<style nonce="a">p{width:3000px}</style><main><h1>t</h1><p>x</p></main>'
    with pytest.raises(AssertionError, match="px wider"):
        assert_accessible(show(wide))
