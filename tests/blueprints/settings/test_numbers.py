"""Number series over HTTP: how far they are used, the numbers, their plates, out of use and back (NUM-4 to NUM-8)."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.models.directory import Region
from app.models.journal import Audit
from app.models.numbers import NumberSeries, NumberSlot, SlotState
from app.models.work import Task, TaskKind
from tests.factories.forms import csrf_token
from tests.factories.orders import an_order, cancel
from tests.fixtures.actors import AsStaff
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient

URL = "/settings/numbers"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def manager(as_staff: AsStaff) -> LawfulClient:
    return as_staff("manager", region="A")


@pytest.fixture
def series_id(database: Database) -> int:
    """The sale series of A."""
    wanted = select(NumberSeries.id).join(Region, Region.id == NumberSeries.region_id)
    found: int = database.one(wanted.where(Region.letter == "A", NumberSeries.business == "M"))
    return found


@pytest.fixture
def slot_id(database: Database, series_id: int) -> Callable[[int], int]:
    """`slot_id(7)`: AM0007."""

    def find(n: int) -> int:
        found: int = database.one(select(NumberSlot.id).where(NumberSlot.series_id == series_id, NumberSlot.n == n))
        return found

    return find


def state_of(database: Database, slot_id: int) -> SlotState:
    found: SlotState = database.one(select(NumberSlot.state).where(NumberSlot.id == slot_id))
    return found


def post(client: LawfulClient, url: str, *, htmx: bool = False, **form: str) -> TestResponse:
    return client.post(url, data={**form, "csrf_token": csrf_token(client)}, headers=HTMX if htmx else {})


def numbers(answer: TestResponse) -> list[str]:
    plates = r'<td class="c-plate"><a [^>]*>\s*<span>(..)</span><span>(\d{4})</span>'
    return [letters + digits for letters, digits in re.findall(plates, answer.text)]


def text_of(answer: TestResponse) -> str:
    return re.sub(r"<[^>]*>|\s+", "", answer.text)


def test_each_series_says_what_is_used_and_what_comes_next(app: Flask, manager: LawfulClient) -> None:
    an_order(app, picked_up=True)
    an_order(app)
    text = text_of(manager.get(URL))
    assert "买车AM下一个AM00030%空闲9,997占用1已挂车1" in text
    assert "BM" not in text


def test_the_warning_and_the_end_are_said(database: Database, manager: LawfulClient, series_id: int) -> None:
    def take(last: int) -> None:
        database.execute(
            "UPDATE number_slot SET state = 'retired' WHERE series_id = :id AND n <= :n", id=series_id, n=last
        )
        database.execute(
            "INSERT INTO number_holding (slot_id, from_seq, from_at, revived) SELECT id, n, '2026-01-01', false "
            "FROM number_slot WHERE series_id = :id AND n <= :n "
            "AND id NOT IN (SELECT slot_id FROM number_holding)",
            id=series_id,
            n=last,
        )

    take(9400)
    assert "快用完了" not in manager.get(URL).text
    take(9600)
    warned = manager.get(URL)
    assert "快用完了，还剩 399 个" in warned.text
    assert "bar-wait" in warned.text
    home = manager.get("/")
    assert "号段快用完" in home.text
    assert f'href="{URL}?region=A"' in home.text
    take(9999)
    full = manager.get(URL)
    assert "这一号段用完了（AM9999），暂时不能预约" in full.text
    assert "bar-stop" in full.text


def test_a_series_lists_its_numbers_by_state(app: Flask, manager: LawfulClient, series_id: int) -> None:
    cancel(app, an_order(app))
    an_order(app)
    an_order(app, paid=True)
    whole = manager.get(f"{URL}/{series_id}")
    assert numbers(whole)[:3] == ["AM0001", "AM0002", "AM0003"]
    assert "第 1–100 个，共 9999 个" in whole.text
    held = manager.get(f"{URL}/{series_id}?state=held")
    assert numbers(held) == ["AM0001", "AM0002"]
    assert "王*涵" in held.text
    block = manager.get(f"{URL}/{series_id}?state=held", headers=HTMX)
    assert block.text.strip().startswith('<div id="slots">')
    next_url = re.search(r'href="([^"]*)"\s+rel="next"', whole.text)
    assert next_url
    assert numbers(manager.get(next_url[1].replace("&amp;", "&")))[0] == "AM0101"
    assert manager.get(f"{URL}/{series_id}?state=odd&after=x&before=99999").status_code == 200


def test_a_number_that_is_looked_for_leads_to_its_page(
    manager: LawfulClient, series_id: int, slot_id: Callable[[int], int]
) -> None:
    for typed in ("AM0042", "am 0042", "0042", "42"):
        answer = manager.get(f"{URL}/{series_id}", query_string={"q": typed})
        assert (answer.status_code, answer.location) == (303, f"{URL}/slots/{slot_id(42)}")
    for typed in ("BM0042", "00000", "四十二", "<b>"):
        answer = manager.get(f"{URL}/{series_id}", query_string={"q": typed})
        assert answer.status_code == 200
        assert "AM 里没有" in answer.text


def test_the_page_of_a_number_tells_who_had_it_when(
    app: Flask, manager: LawfulClient, slot_id: Callable[[int], int]
) -> None:
    first, second = an_order(app), 0
    cancel(app, first)
    second = an_order(app)
    page = manager.get(f"{URL}/slots/{slot_id(1)}")
    assert page.text.index(f"/orders/{second}") < page.text.index(f"/orders/{first}")
    text = text_of(page)
    assert "已取消" in text
    assert "已预约" in text
    assert "停用</span>" not in page.text  # in somebody's hands it cannot be taken out of use


@pytest.mark.parametrize("htmx", [False, True])
def test_a_lost_plates_number_goes_out_of_use_and_comes_back_with_reasons(
    app: Flask, database: Database, manager: LawfulClient, slot_id: Callable[[int], int], *, htmx: bool
) -> None:
    page = f"{URL}/slots/{slot_id(1)}"
    assert "新的预约不再分到这个编号" in manager.get(f"{page}/retire").text
    assert post(manager, f"{page}/retire", htmx=htmx, reason=" ").status_code == 422
    answer = post(manager, f"{page}/retire", htmx=htmx, reason="车牌丢了")
    assert (answer.headers.get("HX-Redirect") or answer.location) == page
    assert state_of(database, slot_id(1)) is SlotState.RETIRED
    assert post(manager, f"{page}/retire", htmx=htmx, reason="再按一次").status_code in (204, 303)
    shown = manager.get(page)
    assert "原因：车牌丢了" in shown.text
    assert "恢复" in shown.text
    assert post(manager, f"{page}/put-back", htmx=htmx, reason="找到了").status_code in (204, 303)
    assert state_of(database, slot_id(1)) is SlotState.FREE
    an_order(app)
    refused = post(manager, f"{page}/retire", htmx=htmx, reason="车牌丢了")
    assert (refused.status_code, "现在有人占着" in refused.text) == (422, True)
    refused = post(manager, f"{page}/put-back", htmx=htmx, reason="找到了")
    assert (refused.status_code, "没有停用" in refused.text) == (422, True)


@pytest.mark.req("NUM-8")
@pytest.mark.parametrize("htmx", [False, True])
def test_plates_become_a_print(database: Database, as_staff: AsStaff, series_id: int, *, htmx: bool) -> None:
    clerk, url = as_staff("clerk", region="A"), f"{URL}/{series_id}/print"
    assert 'value="AM0007"' in clerk.get(f"{url}?numbers=AM0007").text
    answer = post(clerk, url, htmx=htmx, numbers="AM0001-AM0003、7", request_key="a" * 32)
    task = database.one(select(Task))
    assert (answer.headers.get("HX-Redirect") or answer.location) == f"/files/{task.id}"
    assert (task.kind, task.total) == (TaskKind.PLATES, 4)
    assert "车牌 AM0001–AM0003、AM0007" in clerk.get(f"/files/{task.id}").text
    refused = post(clerk, url, htmx=htmx, numbers="7-8", request_key="b" * 32)
    assert refused.status_code == 422
    assert "其中 1 个打印过了" in refused.text
    assert 'value="7-8"' in refused.text
    assert post(clerk, url, htmx=htmx, numbers="7-8", reason="丢了", request_key="b" * 32).status_code in (204, 303)
    assert database.all(select(Audit.reason).where(Audit.action == "plates_printed")) == [None, "丢了"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [("", "写一段编号"), ("AZ0001", "写一段编号"), ("10000", "写一段编号"), ("1-1001", "一次最多打印 1000 张")],
)
def test_plates_that_there_are_not_are_refused(
    database: Database, manager: LawfulClient, series_id: int, typed: str, said: str
) -> None:
    answer = post(manager, f"{URL}/{series_id}/print", numbers=typed, request_key="a" * 32)
    assert (answer.status_code, said in answer.text) == (422, True)
    assert database.count(Task) == 0


def test_rights_and_regions(as_staff: AsStaff, series_id: int, slot_id: Callable[[int], int]) -> None:
    page = f"{URL}/slots/{slot_id(1)}"
    finance = as_staff("finance", region=None)
    assert finance.get(page).status_code == finance.get(URL).status_code == 200
    assert finance.get(f"{URL}/{series_id}/print").status_code == 403
    clerk = as_staff("clerk", region="A")
    assert clerk.get(f"{page}/retire").status_code == 403
    assert post(clerk, f"{page}/retire", reason="丢了").status_code == 403
    assert "停用</span>" not in clerk.get(page).text
    elsewhere = as_staff("manager", region="B")
    for url in (f"{URL}/{series_id}", page, f"{page}/retire", f"{URL}/{series_id}/print"):
        assert elsewhere.get(url).status_code == 404
    assert post(elsewhere, f"{page}/retire", reason="丢了").status_code == 404
    assert post(elsewhere, f"{URL}/{series_id}/print", numbers="1", request_key="k").status_code == 404
    assert as_staff("technician").get(URL).status_code == 403


def test_the_menu_of_the_section_shows_what_one_may_see(as_staff: AsStaff) -> None:
    clerk = as_staff("clerk", region="A").get(URL)
    assert "编号与车牌" in clerk.text
    assert "订单与取消" not in clerk.text
    assert "订单与取消" in as_staff("manager", region="A").get(URL).text
