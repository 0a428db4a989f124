"""The region switch: what stands in the URL counts, the next page remembers it, and nothing else is ever kept."""

from collections.abc import Callable

import pytest
from flask import Flask, g, session

from app.domain.permissions import Permission, Role
from app.web.regions import Chosen, chosen_region, one_region, switch_entries
from tests.factories.people import a_member_of_staff


def chosen(
    app: Flask,
    *queries: str,
    region: str | None = None,
    choose: Callable[[Permission], Chosen] = chosen_region,
) -> list[str]:
    """The letters chosen page by page ('' for all), and at the end what is remembered."""
    who = a_member_of_staff(app, role=Role.MANAGER, region=region)
    letters = []
    kept: dict[str, str] = {}
    for query in queries:
        with app.test_request_context(f"/orders/sales?{query}"):
            session.update(kept)
            g._login_user = who
            stands = choose(Permission.ORDERS_VIEW)
            letters.append(stands.region.letter if stands.region else "")
            kept = dict(session)
    return [*letters, kept.get("region", "-")]


@pytest.mark.parametrize(
    ("queries", "region", "stands"),
    [
        (["", ""], None, ["", "", "-"]),
        (["region=B", "", "region=all", ""], None, ["B", "B", "", "", "all"]),
        (["region=B", "region=X", ""], None, ["B", "", "B", "B"]),  # no such region: all, and it is not remembered
        (["region=" + "B" * 9000], None, ["", "-"]),
        (["", "region=A", ""], "B", ["B", "B", "B", "-"]),  # one region alone: always that one
    ],
)
def test_the_switch(app: Flask, queries: list[str], region: str | None, stands: list[str]) -> None:
    assert chosen(app, *queries, region=region) == stands


def test_a_page_that_needs_a_region_takes_the_first(app: Flask) -> None:
    assert chosen(app, "", "region=C", "region=all", choose=one_region) == ["A", "C", "A", "all"]


def test_the_links_of_the_switch_keep_the_other_filters(app: Flask) -> None:
    who = a_member_of_staff(app, role=Role.MANAGER, region=None)
    with app.test_request_context("/orders/sales?status=reserved&region=B&after=x&q=a&q=b"):
        g._login_user = who
        entries = switch_entries(chosen_region(Permission.ORDERS_VIEW))
    assert [(letter, here) for _, letter, _, here in entries] == [("", False), ("A", False), ("B", True), ("C", False)]
    assert entries[1][0] == "/orders/sales?status=reserved&q=a&q=b&region=A"
