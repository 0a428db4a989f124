"""Every page of the application, in its main states, obeys the house law and stays within its statements."""

from flask import Flask

from tests.fixtures.house_law import HouseLawBroken
from tests.pages import make_world, pages


def test_every_page_obeys_the_house_law(app: Flask) -> None:
    world = make_world(app)
    faults = []
    for page in pages(world):
        try:
            world.client(page.who).get(page.path)
        except HouseLawBroken as broken:
            faults.append(f"{page}: {broken}")
    assert faults == []


def test_every_page_stands_alone_for_htmx(app: Flask) -> None:
    """With HX-Request the answer is a block of the page, or the page; never an error."""
    world = make_world(app)
    faults = []
    for page in pages(world):
        client = world.client(page.who)
        whole = client.open_lawless(page.path)
        try:
            block = client.open_lawless(page.path, headers={"HX-Request": "true"})
        except Exception as error:  # noqa: BLE001  # each page is told, not only the first
            faults.append(f"{page}: {error!r}")
            continue
        if block.status_code not in (200, 204, whole.status_code):
            faults.append(f"{page}: {block.status}")
    assert faults == []
