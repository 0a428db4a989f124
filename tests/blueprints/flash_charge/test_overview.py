"""The first page of flash charge over HTTP: figures, the one box, lists by days, history, rights (FLA-1 to FLA-3)."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.domain.permissions import Actor
from app.usecases import flash_charge
from app.web.current import RUNTIME
from tests.factories.flash import a_member, a_use, some_batteries, use_of
from tests.factories.people import a_customer, a_member_of_staff
from tests.fixtures.actors import AsStaff
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient

URL = "/flash-charge"
HTMX = {"HX-Request": "true"}
MOST_STATEMENTS = 16  # of a battery that is out, 4 are its late fees
"""Session, staff, roles, regions, figures (five), the page, its rows, its place."""


@pytest.fixture
def manager(as_staff: AsStaff) -> LawfulClient:
    client = as_staff("manager", region=None)
    client.statements_allowed = MOST_STATEMENTS
    return client


@pytest.fixture
def use_ids(app: Flask, database: Database) -> dict[str, int]:
    """A few open uses in A and B, by the number of their battery."""
    some_batteries(database, "A")
    some_batteries(database, "B")
    now = app.extensions[RUNTIME].clock.now()
    days = {"A00001": 0, "A00002": 18, "A00003": 31, "B00001": 2}
    return {
        number: a_use(app, a_member(app, region=number[0]), number, now=now - timedelta(days=ago))
        for number, ago in days.items()
    }


def figures(answer: TestResponse) -> dict[str, list[str]]:
    """The rows of the table of figures."""
    rows = re.findall(r'<th scope="row">(.*?)</th>(.*?)</tr>', answer.text, re.DOTALL)
    return {
        re.sub(r"<[^>]*>", "", name).strip(): re.findall(r"<td data-word=[^>]*>(\S+)</td>", cells)
        for name, cells in rows
    }


def numbers(answer: TestResponse) -> list[str]:
    """The plates of the list, in order."""
    plates = r'<td class="c-plate"><a [^>]*>.*?<span>([A-Z])</span><span>(\d{5})</span>'
    return [letter + digits for letter, digits in re.findall(plates, answer.text, re.DOTALL)]


def tabs(answer: TestResponse) -> dict[str, int]:
    line = re.search(r'<nav class="state-tabs".*?</nav>', answer.text, re.DOTALL)
    assert line
    return {word.strip(): int(n) for word, n in re.findall(r">([^<>]+)<b>(\d+)</b>", line[0])}


@pytest.mark.req("FLA-1")
def test_the_figures_stand_for_all_and_for_each_region_and_say_what_they_mean(
    manager: LawfulClient, use_ids: dict[str, int]
) -> None:
    answer = manager.get(URL)
    # 正在使用, 总人数, 会员, 在库电池, 逾期, 冻结
    assert figures(answer) == {
        "全部": ["4", "4", "4", "16", "2", "1"],
        "A 紫金港": ["3", "3", "3", "7", "2", "1"],
        "B 小和山": ["1", "1", "1", "9", "0", "0"],
        "C 留和路": ["0", "0", "0", "0", "0", "0"],
    }
    assert "用过两个区域电池的人，在各区域各计一次，全部里只计一次" in answer.text


@pytest.mark.req("FLA-1")
def test_somebody_of_one_region_sees_that_one_alone(as_staff: AsStaff, use_ids: dict[str, int]) -> None:
    clerk = as_staff("clerk", region="B")
    for query in ("", "?region=A", "?region=all"):
        answer = clerk.get(URL + query)
        assert figures(answer) == {"B 小和山": ["1", "1", "1", "9", "0", "0"]}
        assert numbers(answer) == ["B00001"]


def test_the_list_is_narrowed_by_days_and_region(manager: LawfulClient, use_ids: dict[str, int]) -> None:
    answer = manager.get(URL)
    counts = {"使用中": 4, "逾期": 2, "14 天内": 2, "15–29 天": 1, "30 天以上": 1, "已申请归还": 0, "待核实": 0}
    assert tabs(answer) == counts
    assert numbers(answer) == ["A00001", "B00001", "A00002", "A00003"]
    assert numbers(manager.get(f"{URL}?span=14")) == ["A00001", "B00001"]
    assert numbers(manager.get(f"{URL}?span=14&region=A")) == ["A00001"]
    assert numbers(manager.get(f"{URL}?span=29&region=all")) == ["A00002"]
    longest = manager.get(f"{URL}?span=30")
    assert numbers(longest) == ["A00003"]
    assert "逾期 17 天" in longest.text
    assert numbers(manager.get(f"{URL}?span=late")) == ["A00002", "A00003"]
    assert "没有逾期的电池" in manager.get(f"{URL}?span=late&region=B").text
    assert "没有待核实的使用记录" in manager.get(f"{URL}?span=disputed").text


def test_htmx_gets_the_list_alone(manager: LawfulClient, use_ids: dict[str, int]) -> None:
    answer = manager.get(f"{URL}?span=14", headers=HTMX)
    assert answer.text.strip().startswith('<div id="uses">')
    assert "<html" not in answer.text


def test_what_waits_says_where_it_is_done(app: Flask, database: Database, as_staff: AsStaff) -> None:
    some_batteries(database, "A")
    now = app.extensions[RUNTIME].clock.now()
    asks, other = a_member(app), a_member(app)
    a_use(app, asks, "A00001", now=now)
    disputed = a_use(app, other, "A00002", now=now)
    clerk = a_member_of_staff(app, region="A")
    with app.app_context():
        flash_charge.ask_return(actor=asks, now=now)
    take_in(app, disputed, clerk)
    manager = as_staff("manager", region="A")
    assert '<a href="/pickup/batteries/A00001">收回</a>' in manager.get(f"{URL}?span=asked").text
    assert f'href="/flash-charge/uses/{disputed}/settle"' in manager.get(f"{URL}?span=disputed").text
    seen_by_clerk = as_staff("clerk", region="A").get(f"{URL}?span=disputed").text
    assert "待核实" in seen_by_clerk
    assert "/settle" not in seen_by_clerk
    assert "收回</a>" not in as_staff("finance", region=None).get(f"{URL}?span=asked").text


def take_in(app: Flask, use_id: int, clerk: Actor) -> None:
    """Somebody else brings the battery of a use."""
    with app.app_context():
        flash_charge.take_in(
            use_of(app, use_id).battery_id,
            bringer_use_id=None,
            reason="别人拿来的",
            actor=clerk,
            now=app.extensions[RUNTIME].clock.now(),
        )


@pytest.mark.req("FLA-2")
@pytest.mark.parametrize("typed", ["A00002", "ａ０００02", " a 00002 ", "http://127.0.0.1:8000/q/A00002"])
def test_a_number_leads_to_its_battery(manager: LawfulClient, use_ids: dict[str, int], typed: str) -> None:
    answer = manager.get(URL, query_string={"number": typed})
    assert answer.status_code == 303
    page = manager.get(answer.location)
    assert "<title>电池 A00002 - 猎吧租车</title>" in page.text
    assert "逾期 4 天" in page.text


@pytest.mark.req("FLA-2")
@pytest.mark.parametrize("typed", ["A00099", "B123", "AM0001", "二号", "<b>", "A" * 300])
def test_a_number_that_there_is_not_is_said_beside_the_box(
    manager: LawfulClient, use_ids: dict[str, int], typed: str
) -> None:
    answer = manager.get(URL, query_string={"number": typed})
    assert answer.status_code == 200
    if len(typed) < 200:
        assert "这块电池，写完整的编号，比如 A00042" in answer.text
        assert 'aria-invalid="true"' in answer.text


def test_another_regions_battery_is_not_found_in_the_box(as_staff: AsStaff, use_ids: dict[str, int]) -> None:
    answer = as_staff("clerk", region="B").get(URL, query_string={"number": "A00001"})
    assert answer.status_code == 200
    assert "没有 A00001 这块电池" in answer.text


@pytest.mark.req("FLA-3")
def test_the_history_goes_back_7_30_or_90_days(manager: LawfulClient, use_ids: dict[str, int]) -> None:
    assert numbers(manager.get("/flash-charge/uses?range=7")) == ["A00001", "B00001"]
    assert numbers(manager.get("/flash-charge/uses?range=30")) == ["A00001", "B00001", "A00002"]
    whole = manager.get("/flash-charge/uses")
    assert numbers(whole) == ["A00001", "B00001", "A00002", "A00003"]
    assert "第 1–4 次，共 4 次" in whole.text
    assert numbers(manager.get("/flash-charge/uses?range=30&region=B")) == ["B00001"]
    block = manager.get("/flash-charge/uses?range=7", headers=HTMX)
    assert "<html" not in block.text


@pytest.mark.parametrize(
    "query",
    [
        "span=x&after=never&before=-1&region=Q",
        "range=8&after=20260101T000000000000-99999999999999999999",
        "after=00010101T000000000000-1&span=30",
        "number=%00",
        "range=&span=&number=",
    ],
)
@pytest.mark.parametrize("page", [URL, "/flash-charge/uses"])
def test_what_does_not_fit_falls_back(manager: LawfulClient, use_ids: dict[str, int], page: str, query: str) -> None:
    manager.statements_allowed = 2 * MOST_STATEMENTS
    answer = manager.get(f"{page}?{query}", follow_redirects=True)
    assert answer.status_code == (400 if "%00" in query else 200)


def test_nobody_is_named_in_full(app: Flask, database: Database, manager: LawfulClient) -> None:
    some_batteries(database, "A")
    person = a_customer(app, name="欧阳菁菁", phone="15912349876")
    a_use(app, a_member(app, customer=person), "A00001")
    for page in (URL, "/flash-charge/uses", "/flash-charge/batteries?region=A", "/flash-charge/batteries/1"):
        answer = manager.get(page)
        assert "欧**菁" in answer.text
        assert "159****9876" in answer.text
        assert "欧阳菁菁" not in answer.text
        assert "15912349876" not in answer.text


def test_who_has_no_right_is_refused(as_staff: AsStaff) -> None:
    for page in (URL, "/flash-charge/uses", "/flash-charge/batteries"):
        assert as_staff("technician").get(page).status_code == 403
