"""New batteries and their labels over HTTP: shown first, made once, printed as a task (NUM-3, NUM-9)."""

import re
from urllib.parse import quote

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.models.batteries import Battery
from app.models.work import Task
from tests.factories.flash import some_batteries
from tests.factories.forms import csrf_token
from tests.fixtures.actors import AsStaff
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient

SERIES, PRINT = "/flash-charge/series", "/flash-charge/print"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def clerk(as_staff: AsStaff) -> LawfulClient:
    return as_staff("clerk", region="A")


def post(client: LawfulClient, url: str, *, htmx: bool = False, **form: str) -> TestResponse:
    data = {"region": "A", **form, "csrf_token": csrf_token(client)}
    return client.post(url, data=data, headers=HTMX if htmx else {})


def field(answer: TestResponse, name: str) -> str:
    """What stands in a field."""
    tag = re.search(rf'<input[^>]* name="{name}"[^>]*>', answer.text)
    assert tag, name
    value = re.search(r'value="([^"]*)"', tag[0])
    return value[1] if value else ""


@pytest.mark.req("NUM-3", "NUM-9")
@pytest.mark.parametrize("htmx", [False, True])
def test_a_series_is_shown_before_it_is_made_and_then_its_labels_are_next(
    database: Database, clerk: LawfulClient, *, htmx: bool
) -> None:
    assert field(clerk.get(SERIES), "first") == "1"
    look = post(clerk, SERIES, htmx=htmx, first="1", last="500", previewed="")
    assert look.status_code == 200
    assert "新增 500 块电池" in look.text
    assert "A00001–A00500" in look.text
    assert database.count(Battery) == 0
    previewed = field(look, "previewed")
    made = post(clerk, SERIES, htmx=htmx, first="1", last="500", previewed=previewed)
    where = made.headers.get("HX-Redirect") or made.location
    assert where == f"/flash-charge/print?region=A&numbers={quote('A00001–A00500')}"
    assert database.count(Battery) == 500
    assert field(clerk.get(where), "numbers") == "A00001–A00500"
    assert field(clerk.get(SERIES), "first") == "501"


def test_typed_otherwise_it_is_shown_anew(database: Database, clerk: LawfulClient) -> None:
    previewed = field(post(clerk, SERIES, first="1", last="5"), "previewed")
    other = post(clerk, SERIES, first="1", last="6", previewed=previewed)
    assert (other.status_code, "新增 6 块电池" in other.text) == (200, True)
    assert database.count(Battery) == 0


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        ("", "5", "写一个编号"),
        ("x", "5", "编号从 00001 到 99999"),
        ("5", "1", "编号从 00001 到 99999"),
        ("0", "1", "编号从 00001 到 99999"),
        ("1", "100000", "编号从 00001 到 99999"),
        ("1", "6000", "一次最多 5000 块"),
        ("B00001", "B00002", "编号从 00001 到 99999"),
        ("①", "②", "新增 2 块电池"),
        ("9" * 5000, "9" * 5000, "编号从 00001 到 99999"),
    ],
)
def test_a_series_that_is_none_is_refused(
    database: Database, clerk: LawfulClient, first: str, last: str, said: str
) -> None:
    answer = post(clerk, SERIES, first=first, last=last)
    assert said in answer.text
    assert database.count(Battery) == 0


def test_numbers_that_are_there_already_are_named(database: Database, clerk: LawfulClient) -> None:
    some_batteries(database, "A", last=3)
    previewed = field(post(clerk, SERIES, first="A00003", last="A00009"), "previewed")
    answer = post(clerk, SERIES, first="A00003", last="A00009", previewed=previewed)
    assert (answer.status_code, "电池 A00003 已经有了" in answer.text) == (422, True)
    assert database.count(Battery) == 3


@pytest.mark.req("NUM-9")
@pytest.mark.parametrize("htmx", [False, True])
def test_labels_become_a_print_with_a_page_of_its_own(database: Database, clerk: LawfulClient, *, htmx: bool) -> None:
    some_batteries(database, "A", last=9)
    key = field(clerk.get(PRINT), "request_key")
    answer = post(clerk, PRINT, htmx=htmx, numbers="2-4、9", request_key=key)
    task = database.one(select(Task))
    assert (answer.headers.get("HX-Redirect") or answer.location) == f"/files/{task.id}"
    assert (task.total, task.filters) == (4, {"business": None, "stretches": [[2, 4], [9, 9]]})
    again = post(clerk, PRINT, htmx=htmx, numbers="2-4、9", request_key=key)
    assert (again.headers.get("HX-Redirect") or again.location) == f"/files/{task.id}"


def test_ticked_batteries_fill_the_sheet(clerk: LawfulClient) -> None:
    page = clerk.get(f"{PRINT}?region=A&n=3&n=8&n=4&n=x&n=999999999")
    assert field(page, "numbers") == "3–4、8"


@pytest.mark.req("NUM-9")
def test_a_reprint_asks_for_its_reason_beside_the_field(database: Database, clerk: LawfulClient) -> None:
    some_batteries(database, "A", last=9)
    post(clerk, PRINT, numbers="1-3", request_key="a" * 32)
    refused = post(clerk, PRINT, numbers="2-5", request_key="b" * 32)
    assert refused.status_code == 422
    assert "其中 2 个打印过了，补打要写原因" in refused.text
    assert field(refused, "numbers") == "2-5"
    assert post(clerk, PRINT, numbers="2-5", reason="标签破损", request_key="b" * 32).status_code == 303


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ("", "写一段编号"),
        ("一到五", "写一段编号"),
        ("B00001", "写一段编号"),
        ("1-2000", "一次最多打印 1000 张"),
        ("8-12", "没有 A00010 这块电池"),
        ("1、" * 1500, "太长了"),
    ],
)
def test_what_cannot_be_printed_is_said_beside_the_field(
    database: Database, clerk: LawfulClient, numbers: str, said: str
) -> None:
    some_batteries(database, "A", last=9)
    answer = post(clerk, PRINT, numbers=numbers, request_key="a" * 32)
    assert answer.status_code == 422
    assert said in answer.text
    assert database.count(Task) == 0


def test_another_region_is_no_choice(database: Database, clerk: LawfulClient, as_staff: AsStaff) -> None:
    some_batteries(database, "B", last=3)
    for region in ("B", "", "QQ"):
        assert post(clerk, PRINT, numbers="1-3", request_key="a" * 32, region=region).status_code == 422
        assert post(clerk, SERIES, first="1", last="2", region=region).status_code == 422
    assert database.count(Task) == 0
    finance = as_staff("finance", region=None)
    assert finance.get(PRINT).status_code == finance.get(SERIES).status_code == 403
