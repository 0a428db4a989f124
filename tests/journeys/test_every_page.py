"""No page escapes: each is opened in a real browser at both widths, and axe, the policy and the site's border hold."""

import pytest
from flask import Flask

from tests.fixtures.browser import DESK, PHONE, Guard, OpenContext, too_wide_or_grave
from tests.pages import make_world, opened, pages

pytestmark = pytest.mark.browser


@pytest.mark.timeout(900)
@pytest.mark.req("CARD-6")
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["390", "1440"])
def test_every_page_is_accessible_and_stays_on_the_site(
    size: dict[str, object], app: Flask, live_app: str, open_context: OpenContext, guard: Guard
) -> None:
    guard.expect("Failed to load resource: the server responded with a status of 4")
    world = make_world(app)
    found = list(pages(world))
    browsers = {who: opened(world, open_context, live_app, who, size) for who in sorted({page.who for page in found})}
    faults: list[str] = []
    for page in found:
        browser = browsers[page.who]
        before = len(guard.faults)
        browser.goto(page.path, wait_until="load")
        faults += [f"{page}: {fault}" for fault in (*too_wide_or_grave(browser), *guard.faults[before:])]
    guard.faults.clear()
    assert faults == []
