"""闭店日 in the settings."""

from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.calendar import business_day
from app.models.late_fees import ClosedDay
from app.web.current import RUNTIME
from tests.factories.forms import csrf_token
from tests.fixtures.actors import AsStaff
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient

URL = "/settings/closed-days"


@pytest.fixture
def soon(app: Flask) -> date:
    return business_day(app.extensions[RUNTIME].clock.now()) + timedelta(days=3)


def send(client: LawfulClient, url: str = URL, /, **fields: object) -> tuple[int, str]:
    answer = client.post(url, data={"csrf_token": csrf_token(client), **fields})
    return answer.status_code, answer.text


@pytest.mark.req("SET-3")
def test_days_are_closed_shown_and_taken_back(as_staff: AsStaff, database: Database, soon: date) -> None:
    owner = as_staff("owner", None)
    assert "没有定好的闭店日" in owner.get(URL).text
    last = soon + timedelta(days=2)
    assert send(owner, region="all", first=soon, last=last, reason="寒假")[0] == 303
    assert send(owner, region="A", first=last + timedelta(days=1), last="", reason="盘点")[0] == 303
    page = owner.get(URL).text
    assert f"{soon} 到 {last}，3 天" in page
    assert "盘点" in page
    assert "免费天数和冻结的日子不变" in page
    assert database.count(ClosedDay) == 4
    assert send(owner, f"{URL}/withdraw", region="all", first=soon, last=last)[0] == 303
    assert database.count(ClosedDay) == 1
    assert "的闭店已撤回" in owner.get(URL).text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"first": ""}, "选一天"),
        ({"first": "0202-01-01"}, "这一天不在范围内"),
        ({"first": "2020-01-01"}, "最早从"),
        ({"first": "2040-01-01", "last": "2041-01-01"}, "一次最多 100 天"),
        ({"last": "2020-01-01"}, "到哪天不能早于从哪天"),
        ({"reason": " "}, "写一句原因"),
        ({"reason": "长" * 201}, "最多 200 个字"),
        ({"region": "Q"}, "region-error"),
        ({"first": "bald"}, "first-error"),
    ],
)
def test_what_does_not_fit_is_said_beside_its_field_and_what_was_typed_stays(
    as_staff: AsStaff, database: Database, soon: date, fields: dict[str, str], said: str
) -> None:
    asked: dict[str, object] = {"region": "all", "first": soon, "last": "", "reason": "寒假放假", **fields}
    status, page = send(as_staff("owner", None), **asked)
    assert status == 422
    assert said in page
    assert str(asked["reason"]) in page or fields.get("reason") == " "
    assert database.count(ClosedDay) == 0


def test_a_day_that_is_closed_already_is_no_change(as_staff: AsStaff, soon: date) -> None:
    owner = as_staff("owner", None)
    send(owner, region="all", first=soon, last="", reason="寒假")
    status, page = send(owner, region="B", first=soon, last="", reason="寒假")
    assert (status, "这些天已经是闭店日了" in page) == (422, True)


def test_a_manager_closes_the_own_region_alone(as_staff: AsStaff, database: Database, soon: date) -> None:
    owner, manager = as_staff("owner", None), as_staff("manager", "B")
    send(owner, region="all", first=soon, last="", reason="寒假")
    page = manager.get(URL).text
    assert '<option value="B"' in page
    assert '<option value="all"' not in page
    assert ">撤回<" not in page
    assert send(manager, f"{URL}/withdraw", region="all", first=soon, last=soon)[0] == 403
    assert send(manager, f"{URL}/withdraw", region="A", first=soon, last=soon)[0] == 404
    assert send(manager, region="A", first=soon + timedelta(days=9), last="", reason="寒假")[0] == 422
    assert send(manager, region="B", first=soon + timedelta(days=9), last="", reason="寒假")[0] == 303
    assert database.all(select(ClosedDay.region_id).where(ClosedDay.region_id.is_not(None))) != []
    assert ">撤回<" in manager.get(URL).text


def test_what_our_page_never_sends_changes_nothing(as_staff: AsStaff) -> None:
    owner = as_staff("owner", None)
    assert send(owner, f"{URL}/withdraw", region="all", first="x", last="y")[0] == 303
    assert send(owner, f"{URL}/withdraw")[0] == 303
