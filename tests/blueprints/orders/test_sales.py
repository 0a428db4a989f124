"""The page of sale orders: its URL holds everything, nothing in it breaks the page, nobody sees another region."""

import html
import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.domain.orders import OrderStatus
from app.web.current import RUNTIME
from tests.factories.orders import an_order, cancel, expire, order_of, stock_up
from tests.factories.people import a_customer
from tests.factories.vehicles import a_model_for_sale, model_id_of
from tests.fixtures.actors import AsStaff
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient

URL = "/orders/sales"
MOST_STATEMENTS = 11
"""Session, staff, regions, models, people of a name (twice), the page, its rows, the counts, the other list (twice)."""


def numbers(answer: TestResponse) -> list[str]:
    """The plates of the rows, in order."""
    return [
        a + b for a, b in re.findall(r'<td class="c-plate"><a [^>]*><span>(..)</span><span>(\d{4})</span>', answer.text)
    ]


def tabs(answer: TestResponse) -> dict[str, tuple[int, str]]:
    """Count and link of each state tab by its word."""
    line = re.search(r'<nav class="state-tabs".*?</nav>', answer.text, re.DOTALL)
    assert line
    found = re.findall(r'<a href="([^"]*)"[^>]*>(\S+) <b>(\d+)</b>', line[0])
    return {word: (int(count), html.unescape(link)) for link, word, count in found}


def link(answer: TestResponse, rel: str) -> str | None:
    """The link to the next or previous page."""
    found = re.search(rf'href="([^"]*)"\s+rel="{rel}"', answer.text)
    return html.unescape(found[1]) if found else None


@pytest.fixture
def manager(as_staff: AsStaff) -> LawfulClient:
    client = as_staff("manager", region=None)
    client.statements_allowed = MOST_STATEMENTS
    return client


@pytest.mark.req("ORD-1")
def test_the_section_begins_with_its_list(manager: LawfulClient) -> None:
    answer = manager.get("/orders")
    assert (answer.status_code, answer.location) == (303, URL)


@pytest.mark.req("ORD-2", "ORD-3")
def test_each_state_has_its_tab_its_count_and_its_orders(app: Flask, manager: LawfulClient) -> None:
    an_order(app)
    paid = an_order(app, paid=True)
    an_order(app, picked_up=True, region="B")
    cancel(app, cancelled := an_order(app, region="C"))
    now = app.extensions[RUNTIME].clock.now()
    expire(app, expired := an_order(app, now=now - timedelta(days=4)))
    answer = manager.get(URL)
    counts = {word: count for word, (count, _) in tabs(answer).items()}
    assert counts == {"全部订单": 5, "已预约": 2, "已完成": 1, "已取消": 1, "已过期": 1}
    assert "应收合计 ¥7,197.00" in answer.text  # three that stand; a cancelled or expired order owes nothing
    assert numbers(answer)[-1] == order_of(app, expired).number
    of_cancelled = manager.get(tabs(answer)["已取消"][1])
    assert "应收合计" not in of_cancelled.text
    assert "应收合计 ¥4,798.00" in manager.get(tabs(answer)["已预约"][1]).text
    assert numbers(of_cancelled) == [order_of(app, cancelled).number]
    assert {word: count for word, (count, _) in tabs(of_cancelled).items()} == counts
    assert "提车</a>" in answer.text.replace(" ", "").replace("\n", "")
    assert f"/pickup/orders/{paid}" in answer.text


def test_every_link_keeps_what_the_url_holds(app: Flask, database: Database, manager: LawfulClient) -> None:
    stock_up(database, 50)
    listings = a_model_for_sale(database, "疾风 F1", price_fen=2599_00)
    model = model_id_of(app, listings["B"])
    for _ in range(25):
        an_order(app, region="B", listing_id=listings["B"], price_fen=2599_00, customer=a_customer(app, region="B"))
    held = {"region": "B", "range": "7", "model": str(model), "q": "王晓涵", "size": "20"}
    answer = manager.get(URL, query_string=held)
    for _, url in tabs(answer).values():
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert query.pop("state", None) in (None, *OrderStatus)
        assert query == held
    next_url = link(answer, "next")
    assert next_url is not None
    assert link(answer, "prev") is None
    second = manager.get(next_url)
    assert "第 1–20 单，共 25 单" in answer.text
    assert "第 21–25 单，共 25 单" in second.text
    assert link(second, "next") is None
    previous = link(second, "prev")
    assert previous is not None
    assert numbers(manager.get(previous)) == numbers(answer)
    assert not {*numbers(answer)} & {*numbers(second)}


def test_htmx_gets_the_one_block_that_changes(app: Flask, manager: LawfulClient) -> None:
    an_order(app)
    answer = manager.get(URL, headers={"HX-Request": "true"})
    assert answer.text.strip().startswith('<div id="orders">')
    assert "state-tabs" in answer.text
    assert "<html" not in answer.text
    back = manager.get(URL, headers={"HX-Request": "true", "HX-History-Restore-Request": "true"})
    assert "<html" in back.text


@pytest.mark.parametrize(
    "query",
    [
        "range=5&state=sold&model=abc&todo=x&size=7&after=never&before=-1",
        "from=2026-13-40&to=nonsense",
        "from=0001-01-01&to=9999-12-31",
        "model=99999999999999999999999&size=-20",
        "model=0",
        "q=%01%7F&q=two",
        "q=%25%27%22--%5C_",
        "q=" + "9" * 3000,
        "after=20260101T000000000000-99999999999999999999",
        "after=00010101T000000000000-1",
        "before=99991231T235959999999-999999999999999999",
        "region=QQ&state=",
        "range=&from=&to=&model=&q=&todo=",
        "range=all&range=%F0%9F%9A%B2",
    ],
)
def test_what_does_not_fit_falls_back(app: Flask, manager: LawfulClient, query: str) -> None:
    an_order(app)
    manager.statements_allowed = 2 * MOST_STATEMENTS
    answer = manager.get(f"{URL}?{query}", follow_redirects=True)
    assert answer.status_code == 200


def test_without_script_a_pressed_range_wins_over_the_days(app: Flask, manager: LawfulClient) -> None:
    now = app.extensions[RUNTIME].clock.now()
    an_order(app)
    an_order(app, now=now - timedelta(days=20))
    an_order(app, now=now - timedelta(days=200))
    shown = {
        "": 2,  # the usual range is 30 days
        "range=1": 1,
        "range=365": 3,
        "range=all": 3,
        "range=1&from=2020-01-01&to=2030-01-01": 1,
        "range=all&range=1": 1,  # the hidden field stands before the button
        "range=all&from=2020-01-01&to=2020-01-02": 0,
        "from=2030-01-01&to=2020-01-01": 3,  # the wrong way round
        "from=2020-01-01": 3,
        "q=AM0001": 1,
        "todo=pay": 3,
    }
    assert {query: tabs(manager.get(f"{URL}?region=all&{query}"))["全部订单"][0] for query in shown} == shown


def test_an_empty_list_says_what_is_missing_and_how_to_widen(app: Flask, manager: LawfulClient) -> None:
    now = app.extensions[RUNTIME].clock.now()
    assert "用户在手机上预约以后，订单就列在这里。" in manager.get(URL).text
    an_order(app, region="A")
    an_order(app, region="C", now=now - timedelta(days=10))
    answer = manager.get(f"{URL}?region=C&range=1&q=2047")
    assert "留和路店今天没有尾号 2047 的买车订单" in answer.text
    assert "其他区域有 1 单符合；把时间放宽到近30天有 1 单。" in answer.text
    for label, shown in (("看全部区域", 1), ("改为近30天", 1)):
        found = re.search(rf'href="([^"]*)">{label}<', answer.text)
        assert found
        assert len(numbers(manager.get(html.unescape(found[1])))) == shown
    answer = manager.get(f"{URL}?region=all&range=1&state=expired")
    assert "今天没有已过期的买车订单" in answer.text
    assert "其他状态有 1 单符合" in answer.text
    assert "看不懂「ABC1」" in manager.get(f"{URL}?q=abc1").text


def test_a_page_behind_a_key_that_is_gone_begins_anew(app: Flask, manager: LawfulClient) -> None:
    an_order(app)
    answer = manager.get(f"{URL}?range=7&after=20200101T000000000000-1")
    assert (answer.status_code, answer.location) == (303, f"{URL}?region=all&range=7")


def test_somebody_of_one_region_never_sees_another(app: Flask, as_staff: AsStaff) -> None:
    an_order(app, region="A")
    mine = order_of(app, an_order(app, region="B")).number
    clerk = as_staff("clerk", region="B")
    for query in ("", "?region=A", "?region=all", "?q=0001", "?q=AM0001", "?range=all"):
        answer = clerk.get(URL + query)
        assert set(numbers(answer)) <= {mine}
        assert tabs(answer)["全部订单"][0] == len(numbers(answer))


def test_nobody_is_named_in_full(app: Flask, manager: LawfulClient) -> None:
    an_order(app, customer=a_customer(app, name="欧阳菁菁", phone="15912349876"))
    answer = manager.get(URL)
    assert "欧**菁" in answer.text
    assert "159****9876" in answer.text
    assert "欧阳菁菁" not in answer.text
    assert "15912349876" not in answer.text


def test_who_has_no_right_is_refused_and_a_stranger_is_sent_to_log_in(client: LawfulClient, as_staff: AsStaff) -> None:
    assert as_staff("technician").get(URL).status_code == 403
    answer = client.get(f"{URL}?state=reserved")
    assert (answer.status_code, answer.location) == (303, "/login?next=/orders/sales?state%3Dreserved")


def test_the_frame_searches_everything_from_everywhere(app: Flask, manager: LawfulClient) -> None:
    number = order_of(app, an_order(app, now=app.extensions[RUNTIME].clock.now() - timedelta(days=300))).number
    home = manager.get("/orders/suspects")
    found = re.search(r'<form class="top-search" action="([^"]*)" method="get"', home.text)
    assert found
    assert numbers(manager.get(found[1], query_string={"q": number.lower()}, follow_redirects=True)) == [number]
