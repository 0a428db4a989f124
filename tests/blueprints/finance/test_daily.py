"""日结 on the screen: which day, whether it can be closed and why not, closing it, the month."""

import re
from datetime import date, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.bills import BillKind
from app.domain.calendar import business_day
from app.domain.permissions import Role
from app.models.closing import DayClose
from app.web.current import RUNTIME
from tests.factories.forms import csrf_token
from tests.factories.ledger import MoneyHistory, bills_of, settle_differences
from tests.fixtures.actors import AsStaff
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient

CLOSE = 'href="/finance/close?day='
LOCKED = re.compile(r"<button [^>]*disabled>.*?关账", re.DOTALL)


@pytest.fixture
def finance(as_staff: AsStaff) -> LawfulClient:
    return as_staff(role=Role.FINANCE, region=None)


@pytest.fixture
def yesterday(app: Flask) -> date:
    now: datetime = app.extensions[RUNTIME].clock.now()
    return business_day(now) - timedelta(days=1)


@pytest.fixture
def history(app: Flask, yesterday: date) -> MoneyHistory:
    """Money of yesterday, the first there is."""
    history = MoneyHistory(app, 5, yesterday, 1)
    history.go_on(40)
    return history


def test_without_any_money_the_page_says_so(finance: LawfulClient) -> None:
    page = finance.get("/finance").text
    assert "这一天还没有账，不用关。" in page
    assert LOCKED.search(page)
    assert CLOSE not in page


@pytest.mark.usefixtures("history")
def test_it_begins_with_yesterday_and_waits_for_the_bills(finance: LawfulClient, yesterday: date) -> None:
    page = finance.get("/finance").text
    assert f'value="{yesterday}"' in page
    assert "未关账" in page
    assert "账单还没取到" in page
    assert LOCKED.search(page)


@pytest.mark.usefixtures("history")
def test_it_waits_for_open_differences(database: Database, finance: LawfulClient, yesterday: date) -> None:
    bills_of(database, yesterday, differences=2)
    page = finance.get("/finance").text
    assert "还有 2 笔差异，处理完才能关账。" in page
    assert f'href="/finance/bills?day={yesterday}&amp;region=all">看对账</a>' in page
    settle_differences(database)
    assert CLOSE in finance.get("/finance").text


def test_it_leads_to_the_day_that_is_to_be_closed_before(
    database: Database, finance: LawfulClient, history: MoneyHistory, yesterday: date
) -> None:
    before = yesterday - timedelta(days=3)
    history.go_on(3, before)
    bills_of(database, yesterday)
    page = finance.get("/finance").text
    assert f"{before} 还没关账，按顺序先关那一天。" in page
    assert f'href="/finance?day={before}&amp;region=all">看那一天</a>' in page


@pytest.mark.usefixtures("history")
def test_closing_a_day(database: Database, finance: LawfulClient, yesterday: date) -> None:
    bills_of(database, yesterday)
    sheet = finance.get(f"/finance/close?day={yesterday}")
    assert "不再变" in sheet.text
    answer = finance.post("/finance/close", data={"day": str(yesterday), "csrf_token": csrf_token(finance)})
    assert (answer.status_code, answer.location) == (303, f"/finance?day={yesterday}")
    page = finance.get(answer.location).text
    assert "已关账" in page
    assert CLOSE not in page
    assert not LOCKED.search(page)
    again = finance.post("/finance/close", data={"day": str(yesterday), "csrf_token": csrf_token(finance)})
    assert again.status_code == 303
    assert finance.get(f"/finance/close?day={yesterday}").location == f"/finance?day={yesterday}"
    assert database.count(DayClose) == 4  # three regions, and what belongs to none


@pytest.mark.usefixtures("history")
def test_a_closing_that_came_too_late_says_why(database: Database, finance: LawfulClient, yesterday: date) -> None:
    """The sheet was open when a difference turned up."""
    bills_of(database, yesterday)
    assert finance.get(f"/finance/close?day={yesterday}").status_code == 200
    database.execute("DELETE FROM bill_day WHERE kind = :kind", kind=BillKind.FUND.value)
    answer = finance.post("/finance/close", data={"day": str(yesterday), "csrf_token": csrf_token(finance)})
    assert answer.status_code == 422
    assert "账单还没取到" in answer.text
    assert database.count(DayClose) == 0


@pytest.mark.parametrize("typed", ["", "gestern", "0202-01-01", "2026-13-40"])
def test_a_day_that_is_none_closes_nothing(database: Database, finance: LawfulClient, typed: str) -> None:
    token = csrf_token(finance)
    answer = finance.post("/finance/close", data={"day": typed, "csrf_token": token})
    assert (answer.status_code, answer.location) == (303, "/finance")
    assert finance.get(f"/finance/close?day={typed}").status_code == 303
    assert finance.get(f"/finance?day={typed}").status_code == 200
    assert finance.get(f"/finance/days?month={typed}").status_code == 200
    assert database.count(DayClose) == 0


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(("role", "region"), [(Role.FINANCE, "A"), (Role.MANAGER, "A")])
def test_whoever_has_one_region_sees_it_alone_and_closes_nothing(
    database: Database, as_staff: AsStaff, yesterday: date, role: Role, region: str
) -> None:
    bills_of(database, yesterday)
    client = as_staff(role=role, region=region)
    page = client.get("/finance?region=B").text
    assert re.findall(r'<th scope="row" role="rowheader">(.*?)</th>', page) == ["A 紫金港"]
    assert CLOSE not in page
    assert not LOCKED.search(page)
    token = csrf_token(client)
    assert client.get(f"/finance/close?day={yesterday}").status_code == 403
    assert client.post("/finance/close", data={"day": str(yesterday), "csrf_token": token}).status_code == 403
    assert database.count(DayClose) == 0


@pytest.mark.usefixtures("history")
def test_a_month_says_of_each_day_whether_it_is_closed(
    app: Flask, database: Database, finance: LawfulClient, yesterday: date
) -> None:
    bills_of(database, yesterday)
    finance.post("/finance/close", data={"day": str(yesterday), "csrf_token": csrf_token(finance)})
    today = business_day(app.extensions[RUNTIME].clock.now())
    page = finance.get(f"/finance/days?month={yesterday:%Y-%m}").text
    rows = re.findall(r">(\d{4}-\d\d-\d\d) 周.*?state-badge look-(done|void)", page, re.DOTALL)
    assert (str(yesterday), "done") in rows
    assert all(look == "void" for day, look in rows if day != str(yesterday))
    assert max(day for day, _ in rows) <= str(today)
    assert finance.actor.name in page


def test_tomorrow_is_not_there_yet(app: Flask, finance: LawfulClient) -> None:
    today = business_day(app.extensions[RUNTIME].clock.now())
    page = finance.get(f"/finance?day={today + timedelta(days=9)}").text
    assert f'value="{today}"' in page
    assert "后一天" not in page
    assert "这一天还没过完" in page


def test_all_columns_say_what_they_are(database: Database, finance: LawfulClient, history: MoneyHistory) -> None:
    """Money that nobody has judged has a column where there is some."""
    heads = re.findall(r'role="columnheader">([^<]+)</th>', finance.get("/finance").text)
    assert heads == ["门店", "车款", "租金", "闪充使用费", "逾期费", "收入小计", "多收和待核实", "收押金", "退押金",
                     "退款", "净收"]  # fmt: skip
    told = re.findall(r"<dt>([^<]+)</dt>", finance.get("/finance").text)
    assert told == heads[1:]
    history.go_on(3, date(2025, 1, 1))
    empty = finance.get("/finance?day=2024-12-31").text
    assert "多收和待核实" not in empty
    assert database.all(select(DayClose)) == []
