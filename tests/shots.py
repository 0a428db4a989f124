"""A picture of every page in its main states at both widths: `./dev shots [folder]`. No test of the suite."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Flask

from tests.fixtures.browser import DESK, PHONE, Guard, OpenContext
from tests.pages import make_world, opened, pages

if TYPE_CHECKING:
    from playwright.sync_api import Page, ViewportSize

SIZES = {"390": PHONE, "1440": DESK}


def picture(browser: "Page", file: Path, window: "ViewportSize") -> None:
    """The whole page, in a window as high as it is, so that bars stand at its end and not in its middle."""
    height: int = browser.evaluate("document.documentElement.scrollHeight")
    browser.set_viewport_size({"width": window["width"], "height": max(window["height"], height)})
    browser.screenshot(path=file)
    browser.set_viewport_size(window)


@pytest.mark.browser
@pytest.mark.timeout(900)
def test_every_page_is_pictured(
    app: Flask, live_app: str, open_context: OpenContext, guard: Guard, request: pytest.FixtureRequest
) -> None:
    guard.expect("Failed to load resource: the server responded with a status of 4")
    folder = Path(request.config.getoption("--shots-to"))
    world = make_world(app)
    found = list(pages(world))
    for width, size in SIZES.items():
        (folder / width).mkdir(parents=True, exist_ok=True)
        browsers = {who: opened(world, open_context, live_app, who, size) for who in sorted({p.who for p in found})}
        for page in found:
            browsers[page.who].goto(page.path, wait_until="load")
            picture(browsers[page.who], folder / width / f"{page.name}.{page.who}.png", size["viewport"])
    print(f"{len(found)} pages at {len(SIZES)} widths: {folder}")
