"""Exports over HTTP: exactly what the list shows, to whom it may be shown, each in the log (ORD-3)."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.blueprints.orders import words
from app.documents.sheets import Format
from app.domain.bills import BillKind
from app.domain.calendar import business_day
from app.domain.deposits import DepositKind
from app.domain.numbering import Business
from app.domain.permissions import Role
from app.domain.rentals import Condition
from app.domain.terms import Terms
from app.jobs import run_tasks
from app.models.access import StaffRole
from app.models.journal import Audit
from app.models.work import Task, TaskStatus
from app.queries import exports, paging, transfers
from app.web.current import RUNTIME
from tests.factories.bills import Paid, take_in, trade_bill
from tests.factories.bulk import many_orders
from tests.factories.forms import csrf_token
from tests.factories.ledger import MoneyHistory
from tests.factories.lent_bulk import Lending, many_rentals_out, many_uses_out
from tests.factories.orders import an_order
from tests.factories.people import a_customer, a_member_of_staff, a_region_id
from tests.factories.rentals import a_rental_order, give_back
from tests.factories.sheets import hidden_fields, next_page, records, table_of
from tests.fixtures.actors import AsStaff, client_of
from tests.fixtures.apps import MovedClock
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient

HTMX = {"HX-Request": "true"}
SALES, RENTALS, DEPOSITS = "/orders/sales", "/orders/rentals", "/orders/deposits"
TRANSFERS, BILLS = "/finance/ledger/transfers", "/finance/bills"


@pytest.fixture
def finance(as_staff: AsStaff) -> LawfulClient:
    client = as_staff("finance", region=None)
    client.statements_allowed = 200  # pages are tiny here
    return client


def now(app: Flask) -> datetime:
    moment: datetime = app.extensions[RUNTIME].clock.now()
    return moment


def export(
    client: LawfulClient, path: str, format_: Format = Format.XLSX, *, changed: dict[str, str] | None = None
) -> TestResponse:
    """Presses the button of a page."""
    sent = hidden_fields(client.get(path).text) | {"format": format_.value} | (changed or {})
    return client.post(sent.pop("action"), data=sent)


def whole_table(client: LawfulClient, path: str) -> list[dict[str, str]]:
    """The rows of all pages of a list."""
    rows: list[dict[str, str]] = []
    url: str | None = path
    while url is not None:
        page = client.get(url).text
        rows += table_of(page)
        url = next_page(page)
    return rows


def joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def yuan(text: str) -> str:
    """`¥2,399.00` or `−¥2,399.00` as a number."""
    return text.replace("¥", "").replace(",", "").replace("−", "-")


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exports are read in many pages, so that whatever is lost between two of them shows."""
    monkeypatch.setattr(paging, "READ_AT_ONCE", 30)
    monkeypatch.setattr(transfers, "READ_AT_ONCE", 30)


# ---- every cell as on the screen -------------------------------------------------------------------------------------


def as_an_order(row: dict[str, str]) -> dict[str, str]:
    """A row of a sheet of orders as the screen would have it."""
    money = "应付" if "应付" in row else "租金"
    return {
        "plate": row["编号"],
        "id": row["订单号"],
        "what": row["车型"] + row.get("方案", ""),
        "who": joined(row["姓名"], row["手机"]),
        "school": row["学校"],
        "money": row[money],
        "paid": row["支付"],
        "when": row["预约时间"][5:],
        "state": joined(row["状态"], row.get("还车", "")),
        "next": row["下一步"],
    }


@pytest.mark.req("ORD-3")
@pytest.mark.timeout(240)
@pytest.mark.parametrize("format_", Format)
def test_every_cell_of_sale_orders_is_as_on_the_screen(app: Flask, finance: LawfulClient, format_: Format) -> None:
    many_orders(app, 300)
    screen = [row | {"money": yuan(row["money"])} for row in whole_table(finance, f"{SALES}?range=all&size=100")]
    sheet = records(export(finance, f"{SALES}?range=all", format_).data, format_)
    assert len(screen) == 300
    assert [as_an_order(row) for row in sheet] == screen


@pytest.fixture
def some_rentals(app: Flask, database: Database) -> None:
    """Three at every step of a rental, in two regions."""
    steps: list[dict[str, Any]] = [
        {"card": False, "deposit": None},
        {"deposit": None},
        {"business": Business.MINI_RENTAL, "matched": True},
        {"paid": True},
        {"deposit": DepositKind.FLASH, "paid": True},
        {"picked_up": True, "now": now(app) - timedelta(days=29)},
        {"picked_up": True, "now": now(app) - timedelta(days=37)},
        {"returned": True, "now": now(app) - timedelta(days=9)},
    ]
    for region in "AAB":
        for one in steps:
            a_rental_order(app, database, region=region, customer=a_customer(app, name="周雨", region=region), **one)
    broken = a_rental_order(app, database, picked_up=True, now=now(app) - timedelta(days=5))
    give_back(app, broken, condition=Condition.DAMAGED)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("role", ["finance", "manager"])
def test_every_cell_of_rentals_is_as_on_the_screen(as_staff: AsStaff, some_rentals: None, role: str) -> None:
    """To a manager, who may act, 下一步 says other words than to finance."""
    client = as_staff(role, region=None)
    screen = [row | {"money": yuan(row["money"])} for row in whole_table(client, f"{RENTALS}?range=all")]
    sheet = records(export(client, f"{RENTALS}?range=all").data, Format.XLSX)
    assert len(screen) == 25
    assert [as_an_order(row) for row in sheet] == screen
    assert {row["还车"] for row in sheet} >= {"", "未归还", "已归还", "逾期 7 天"}


def as_a_deposit(row: dict[str, str]) -> dict[str, str]:
    days = row["天数"].removesuffix(".00")
    return {
        "who": joined(row["姓名"], row["手机"]),
        "plate": row["租车编号"],
        "what": row["区域"] + row["种类"],
        "amount": row["押金"],
        "withheld": row["已扣"],
        "money": row["可退"],
        "when": row["付款时间"],
        "age": words.age_words(int(days) if days else None),
        "state": row["状态"],
    }


@pytest.mark.timeout(240)
@pytest.mark.parametrize("tab", ["", "?tab=damage", "?tab=refunding", "?kind=flash"])
def test_every_cell_of_deposits_is_as_on_the_screen(
    app: Flask, database: Database, finance: LawfulClient, some_rentals: None, tab: str
) -> None:
    lendings = [
        Lending(
            business_day(now(app)) - timedelta(days=nth % 40),
            Terms(14, 5_00, 30, 300_00),
            a_region_id(app, "ABC"[nth % 3]),
        )
        for nth in range(100)
    ]
    many_uses_out(database, lendings)
    many_rentals_out(database, lendings)
    path = f"{DEPOSITS}{tab}"
    screen = whole_table(finance, f"{path}{'&' if tab else '?'}size=100")
    for row in screen:
        del row["next"]
        row |= {name: yuan(row[name]) for name in ("amount", "withheld", "money")}
    sheet = records(export(finance, path).data, Format.XLSX)
    assert len(screen) >= (100 if tab in ("", "?kind=flash") else 1)
    assert [as_a_deposit(row) for row in sheet] == screen


def as_a_transfer(row: dict[str, str]) -> dict[str, str]:
    moved = f"记在 {row['记账日'][5:]}" if row["时间"][:10] != row["记账日"] else ""
    return {
        "when": joined(row["时间"][5:], moved),
        "what": joined(row["是什么"], row["单号名称"], row["单号"]),
        "plate": row["编号"],
        "who": joined(row["姓名"], row["手机"]),
        "accounts": f"{row['区域']}借 {row['借']}贷 {row['贷']}",
        "money": row["金额"],
    }


@pytest.mark.timeout(240)
@pytest.mark.parametrize("query", ["", "?of=wechat", "?of=net"])
def test_every_cell_of_transfers_is_as_on_the_screen(app: Flask, finance: LawfulClient, query: str) -> None:
    days = min(20, business_day(now(app)).timetuple().tm_yday - 1)  # in this year: the screen leaves the year out
    history = MoneyHistory(app, 7, business_day(now(app)) - timedelta(days=days), max(days, 1))
    history.go_on(250)
    an_order(app, picked_up=True)
    path = f"{TRANSFERS}{query}"
    screen = [
        row | {"money": yuan(row["money"])} for row in whole_table(finance, f"{path}{'&' if query else '?'}size=100")
    ]
    sheet = records(export(finance, path).data, Format.XLSX)
    assert len(screen) > 50
    assert [as_a_transfer(row) for row in sheet] == screen


@pytest.mark.timeout(240)
def test_every_cell_of_differences_is_as_on_the_screen(app: Flask, finance: LawfulClient) -> None:
    day = business_day(now(app)) - timedelta(days=2)
    at = now(app) - timedelta(days=2)
    strange = [Paid(at, f"42000024112026112{nth:011}", f"STRANGE-{nth}", 5_00 + nth) for nth in range(210)]
    take_in(app, BillKind.TRADE, day, trade_bill(app, strange))
    screen = whole_table(finance, f"{BILLS}?size=100")
    sheet = records(export(finance, BILLS).data, Format.XLSX)
    assert len(screen) == 210
    for row, shown in zip(sheet, screen, strict=True):
        assert row["差异"] == shown["what"]
        assert row["账单日"][5:] == shown["when"]
        assert row["微信单号"] == shown["id"]
        assert joined(row["编号"], row["用途"]) == shown["plate"]
        assert row["区域"] + row["门店"] == shown["who"]
        amounts = [yuan(shown[name]).removeprefix("+") for name in ("book", "bill", "money")]
        assert [row[name] for name in ("账本", "微信账单", "差额")] == amounts
        assert row["状态"] == shown["state"]


# ---- the button ------------------------------------------------------------------------------------------------------


def test_the_button_counts_what_is_filtered_and_so_does_the_file(app: Flask, finance: LawfulClient) -> None:
    many_orders(app, 60)
    for query in (
        "?range=all",
        "?range=all&state=cancelled",
        "?range=all&region=B",
        "?range=all&todo=pay",
        "?range=365",
    ):
        page = finance.get(SALES + query).text
        said = re.search(r"导出 (\d+) 单", page)
        shown = re.search(r"共 (\d+) 单", page)
        if said is None:
            assert shown is None, query
            continue
        assert shown is not None
        assert said[1] == shown[1]
        assert len(records(export(finance, SALES + query).data, Format.XLSX)) == int(said[1])


def test_the_days_that_were_seen_are_exported_also_after_midnight(
    app: Flask, finance: LawfulClient, clock: MovedClock
) -> None:
    an_order(app)
    sent = hidden_fields(finance.get(f"{SALES}?range=1").text) | {"format": "csv"}
    today = business_day(now(app)).isoformat()
    assert (sent["from"], sent["to"]) == (today, today)
    clock.advance(timedelta(days=1) - timedelta(minutes=1))
    finance = client_of(app, finance.actor)
    sent["csrf_token"] = csrf_token(finance)
    assert len(records(finance.post(sent.pop("action"), data=sent).data, Format.CSV)) == 1


@pytest.mark.parametrize("path", [SALES, RENTALS, DEPOSITS, TRANSFERS, BILLS])
def test_without_rows_there_is_no_button(finance: LawfulClient, path: str) -> None:
    page = finance.get(path).text
    assert 'id="export"' in page
    assert "导出" not in re.sub(r"<title>.*?</title>", "", page)


def test_a_new_filter_brings_the_button_anew(app: Flask, finance: LawfulClient) -> None:
    an_order(app)
    whole = finance.get(SALES).text
    assert whole.count('id="export"') == 1
    assert "hx-swap-oob" not in whole
    fragment = finance.get(f"{SALES}?state=reserved", headers=HTMX).text
    assert '<div id="export" hx-swap-oob="true">' in fragment
    assert hidden_fields(fragment)["state"] == "reserved"
    assert "导出 1 单" in fragment
    gone = finance.get(f"{SALES}?state=cancelled", headers=HTMX).text
    assert '<div id="export" hx-swap-oob="true">' in gone
    assert "导出" not in gone


# ---- the answer ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format_", Format)
def test_a_file_has_a_name_a_type_and_is_not_kept(app: Flask, finance: LawfulClient, format_: Format) -> None:
    an_order(app)
    answer = export(finance, SALES, format_)
    assert (answer.status_code, answer.mimetype) == (200, format_.mimetype)
    assert answer.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''%E4%B9%B0%E8%BD%A6")
    assert answer.headers["Content-Disposition"].endswith(f".{format_}")
    assert "no-store" in answer.headers["Cache-Control"]
    assert "Content-Length" not in answer.headers  # it comes while it is made


def test_people_are_masked_as_on_the_screen(app: Flask, finance: LawfulClient) -> None:
    an_order(app, customer=a_customer(app, name="欧阳晓涵", phone="13812342047"))
    content = export(finance, SALES, Format.CSV).data.decode()
    assert "13812342047" not in content
    assert "欧阳晓涵" not in content
    assert "138****2047" in content


@pytest.mark.req("ORD-3")
def test_each_export_is_in_the_log_without_whom_it_looked_for(
    app: Flask, database: Database, finance: LawfulClient
) -> None:
    an_order(app, customer=a_customer(app, name="王晓涵"))
    export(finance, f"{SALES}?q=王晓涵&state=reserved&region=A", Format.CSV)
    told = database.one(select(Audit).where(Audit.action == "list_exported"))
    assert (told.actor_id, told.region_id) == (finance.actor.id, a_region_id(app, "A"))
    assert told.facts == {
        "list": "买车订单",
        "filter": "不限时间，已预约，按姓名查找",
        "regions": [a_region_id(app, "A")],
        "format": "csv",
        "count": 1,
        "unit": "单",
    }


def test_a_form_that_no_button_sends_is_refused(app: Flask, finance: LawfulClient) -> None:
    an_order(app)
    for changed in ({"format": "pdf"}, {"format": ""}, {"request_key": "x"}):
        assert export(finance, SALES, changed=changed).status_code == 400
    assert finance.post("/exports/people", data={"csrf_token": csrf_token(finance)}).status_code == 404


def test_a_filter_that_does_not_fit_falls_back_as_in_the_address(app: Flask, finance: LawfulClient) -> None:
    an_order(app)
    strange = {"from": "yesterday", "to": "0202-01-01", "state": "sold", "todo": "x", "model": "1e9", "extra": "1"}
    assert len(records(export(finance, SALES, changed=strange).data, Format.XLSX)) == 1


def test_exports_are_counted_for_each_member_of_staff(app: Flask, finance: LawfulClient, as_staff: AsStaff) -> None:
    an_order(app)
    answers = [export(finance, SALES, Format.CSV).status_code for _ in range(21)]
    assert answers == [200] * 20 + [429]
    assert export(as_staff("finance", region=None), SALES, Format.CSV).status_code == 200


# ---- who may ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "region", "sees"),
    [("owner", None, True), ("manager", "A", True), ("finance", None, True), ("clerk", "A", False)],
)
def test_whoever_may_export_has_the_button(
    app: Flask, as_staff: AsStaff, role: str, region: str | None, sees: bool
) -> None:
    an_order(app)
    client = as_staff(role, region=region)
    assert ("导出 1 单" in client.get(SALES).text) is sees
    sent = {"csrf_token": csrf_token(client), "format": "csv", "request_key": "a" * 32}
    assert client.post("/exports/sale_orders", data=sent).status_code == (200 if sees else 403)


def test_a_region_is_exported_by_whoever_has_the_right_there(app: Flask, database: Database) -> None:
    """A clerk of A who is a manager of B sees both, and exports B."""
    an_order(app, region="A")
    an_order(app, region="B")
    both = a_member_of_staff(app, role=Role.CLERK, region="A")
    database.add(StaffRole(staff_id=both.id, role=Role.MANAGER, region_id=a_region_id(app, "B")))
    client = client_of(app, both)
    assert "共 2 单" in client.get(f"{SALES}?region=all").text
    assert "导出" not in client.get(f"{SALES}?region=all").text
    assert "导出" not in client.get(f"{SALES}?region=A").text
    assert "导出 1 单" in client.get(f"{SALES}?region=B").text
    sent = {"csrf_token": csrf_token(client), "format": "csv", "request_key": "a" * 32}
    assert client.post("/exports/sale_orders?region=all", data=sent).status_code == 403
    assert client.post("/exports/sale_orders?region=A", data=sent).status_code == 403
    assert client.post("/exports/sale_orders?region=B", data=sent).status_code == 200


def test_of_another_region_nothing_comes(app: Flask, as_staff: AsStaff) -> None:
    an_order(app, region="A")
    an_order(app, region="B")
    manager = as_staff("manager", region="B")
    sent = {"csrf_token": csrf_token(manager), "format": "csv", "request_key": "a" * 32}
    for query in ("", "?region=A", "?region=all"):
        (row,) = records(manager.post(f"/exports/sale_orders{query}", data=sent).data, Format.CSV)
        assert row["编号"].startswith("BM")


# ---- long ones -------------------------------------------------------------------------------------------------------


@pytest.fixture
def two_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than one row is a task."""
    for module in ("app.blueprints.files.exporting", "app.web.exporting"):
        monkeypatch.setattr(f"{module}.AT_ONCE", 1)


@pytest.fixture
def work(app: Flask) -> Callable[[], None]:
    """The job runs once."""

    def run() -> None:
        with app.app_context():
            run_tasks.run(app.extensions[RUNTIME], now(app))

    return run


def test_a_long_export_is_a_task_with_a_bar_and_a_file(
    app: Flask, database: Database, finance: LawfulClient, two_are_many: None, work: Callable[[], None]
) -> None:
    many_orders(app, 12)
    page = finance.get(f"{SALES}?range=all").text
    assert "超过 1 单" in page
    answer = export(finance, f"{SALES}?range=all")
    task_id = database.one(select(Task.id))
    assert (answer.status_code, answer.location) == (303, f"/files/{task_id}")
    waits = finance.get(f"/files/{task_id}").text
    assert "导出买车订单" in waits
    assert "0 / 12 单" in waits
    assert "全部区域" in waits
    assert finance.get(f"/files/{task_id}/content").status_code == 404
    work()
    assert "12 单，Excel 表格" in finance.get(f"/files/{task_id}").text
    file = finance.get(f"/files/{task_id}/content")
    assert (file.status_code, file.mimetype) == (200, Format.XLSX.mimetype)
    assert len(records(file.data, Format.XLSX)) == 12
    told = database.one(select(Audit).where(Audit.action == "list_exported"))
    assert (told.subject_id, told.facts["count"]) == (task_id, 12)
    listed = finance.get("/files").text
    assert "导出买车订单" in listed
    assert f'href="/files/{task_id}/content"' in listed


def test_pressed_twice_it_is_one_task_of_each_format(
    app: Flask, database: Database, finance: LawfulClient, two_are_many: None
) -> None:
    many_orders(app, 3)
    sent = hidden_fields(finance.get(f"{SALES}?range=all").text)
    url = sent.pop("action")
    first, again = (finance.post(url, data=sent | {"format": "xlsx"}).location for _ in range(2))
    assert first == again
    assert finance.post(url, data=sent | {"format": "csv"}).location != first
    assert database.count(Task) == database.count(Audit, Audit.action == "list_exported") == 2


def test_the_file_is_of_whoever_asked_and_for_a_day(
    app: Flask,
    finance: LawfulClient,
    as_staff: AsStaff,
    two_are_many: None,
    work: Callable[[], None],
    clock: MovedClock,
) -> None:
    many_orders(app, 3)
    location = export(finance, f"{SALES}?range=all").location
    work()
    for other in (as_staff("finance", region=None), as_staff("owner", region=None), as_staff("clerk", region="A")):
        assert other.get(location).status_code == 404
        assert other.get(f"{location}/content").status_code == 404
    assert finance.get(f"{location}/content").status_code == 200
    clock.advance(timedelta(hours=25))
    finance = client_of(app, finance.actor)
    assert "到「买车订单」重新导出" in finance.get(location).text
    assert finance.get(f"{location}/content").status_code == 404


def test_without_the_right_the_file_is_gone(
    app: Flask, database: Database, finance: LawfulClient, two_are_many: None, work: Callable[[], None]
) -> None:
    many_orders(app, 3)
    location = export(finance, f"{SALES}?range=all").location
    work()
    region_id = a_region_id(app, "A")
    database.execute("UPDATE staff_role SET region_id = :a WHERE staff_id = :id", a=region_id, id=finance.actor.id)
    assert finance.get(f"{location}/content").status_code == 404  # it holds regions that are no longer theirs
    assert "最近没有打印或导出过" in finance.get("/files").text


def test_a_failed_export_offers_to_try_again(
    app: Flask, database: Database, finance: LawfulClient, two_are_many: None, work: Callable[[], None]
) -> None:
    many_orders(app, 3)
    location = export(finance, f"{SALES}?range=all").location

    def fail(*_args: object) -> Iterator[bytes]:
        raise OSError("no space left")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_tasks, "write_sheet", fail)
        work()
    assert "没有导成" in finance.get(location).text
    answer = finance.post(f"{location}/again", data={"csrf_token": csrf_token(finance)})
    assert (answer.status_code, answer.location) == (303, location)
    assert database.one(select(Task.status)) is TaskStatus.DUE
    work()
    assert finance.get(f"{location}/content").status_code == 200


def test_more_than_a_file_holds_is_refused_with_what_to_do(
    app: Flask, database: Database, finance: LawfulClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    many_orders(app, 3)
    monkeypatch.setattr(exports, "MOST_ROWS", 2)
    answer = export(finance, f"{SALES}?range=all")
    assert answer.status_code == 422
    assert "一次最多导出 2 行，把时间或区域缩小一些再导。" in answer.text
    assert database.count(Task) == database.count(Audit, Audit.action == "list_exported") == 0
