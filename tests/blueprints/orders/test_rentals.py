"""The page of rental orders: the same panel as for sales, what is out, back and late, and finding them."""

import html
import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.domain.calendar import business_day
from app.domain.deposits import DepositKind
from app.domain.numbering import Business
from app.domain.rentals import Condition
from app.models.money import Charge, Payment
from app.web.current import RUNTIME
from tests.factories.orders import an_order, cancel, charge_of, expire, order_of
from tests.factories.people import a_customer
from tests.factories.rentals import a_card, a_deposit, a_rental_order, deposits_of, give_back
from tests.fixtures.actors import AsStaff
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient

URL = "/orders/rentals"


def words_of(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text))


def numbers(answer: TestResponse) -> list[str]:
    """The plates of the rows, in order."""
    return [
        a + b for a, b in re.findall(r'<td class="c-plate"><a [^>]*><span>(..)</span><span>(\d{4})</span>', answer.text)
    ]


def tabs(answer: TestResponse) -> dict[str, tuple[int, str]]:
    """Count and link of each tab by its word."""
    line = re.search(r'<nav class="state-tabs".*?</nav>', answer.text, re.DOTALL)
    assert line
    found = re.findall(r'<a href="([^"]*)"[^>]*>(\S+) <b>(\d+)</b>', line[0])
    return {word: (int(count), html.unescape(link)) for link, word, count in found}


def counts(answer: TestResponse) -> dict[str, int]:
    return {word: count for word, (count, _) in tabs(answer).items()}


def next_step_of(answer: TestResponse, number: str) -> str:
    """The last cell of the row of a number."""
    rows = re.findall(r"<tr>.*?</tr>", answer.text, re.DOTALL)
    row = next(row for row in rows if f"<span>{number[2:]}</span>" in row)
    cell = re.search(r'<td class="c-next">(.*?)</td>', row, re.DOTALL)
    assert cell
    return words_of(cell[1]).strip()


@pytest.fixture
def manager(as_staff: AsStaff) -> LawfulClient:
    client = as_staff("manager", region=None)
    client.statements_allowed = 14
    return client


@pytest.mark.req("ORD-1", "ORD-2", "ORD-3")
def test_each_state_has_its_tab_its_count_and_its_orders(app: Flask, database: Database, manager: LawfulClient) -> None:
    now = app.extensions[RUNTIME].clock.now()
    an_order(app)  # a sale is on its own page
    reserved = a_rental_order(app, database)
    out = a_rental_order(app, database, business=Business.MINI_RENTAL, picked_up=True, region="B")
    back = a_rental_order(app, database, returned=True, now=now - timedelta(days=2))
    cancel(app, cancelled := a_rental_order(app, database, region="C"))
    expire(app, expired := a_rental_order(app, database, deposit=None, now=now - timedelta(days=4)))
    answer = manager.get(URL)
    assert counts(answer) == {
        "全部订单": 5,
        "已预约": 1,
        "已完成": 2,
        "未归还": 1,
        "已归还": 1,
        "已取消": 1,
        "已过期": 1,
        "逾期": 0,
    }
    assert "应收合计 ¥540.00" in answer.text
    for word, order_id in (
        ("已预约", reserved),
        ("未归还", out),
        ("已归还", back),
        ("已取消", cancelled),
        ("已过期", expired),
    ):
        shown = manager.get(tabs(answer)[word][1])
        assert numbers(shown) == [order_of(app, order_id).number], word
        assert counts(shown) == counts(answer)
    said = words_of(manager.get(tabs(answer)["已完成"][1]).text)
    assert "已完成 未归还" in said
    assert "已完成 已归还" in said
    assert counts(manager.get("/orders/sales"))["全部订单"] == 1


@pytest.mark.req("ORD-1")
def test_standard_and_mini_stand_together_and_apart(app: Flask, database: Database, manager: LawfulClient) -> None:
    standard = order_of(app, a_rental_order(app, database, deposit=None)).number
    mini = order_of(app, a_rental_order(app, database, business=Business.MINI_RENTAL, deposit=None)).number
    assert {standard[1], mini[1]} == {"Z", "P"}
    assert set(numbers(manager.get(URL))) == {standard, mini}
    for business, number in (("Z", standard), ("P", mini)):
        answer = manager.get(f"{URL}?business={business}")
        assert numbers(answer) == [number]
        assert counts(answer)["全部订单"] == 1
        assert f"business={business}" in tabs(answer)["已预约"][1]
    assert len(numbers(manager.get(f"{URL}?business=M"))) == 2  # no rental is a sale: it falls back
    assert "没有已取消、mini租的租车订单" in manager.get(f"{URL}?business=P&state=cancelled").text


@pytest.mark.req("ORD-2")
def test_what_is_late_is_a_list_of_its_own_whenever_it_was_reserved(
    app: Flask, database: Database, manager: LawfulClient
) -> None:
    now = app.extensions[RUNTIME].clock.now()
    late = a_rental_order(app, database, picked_up=True, now=now - timedelta(days=33))
    a_rental_order(app, database, picked_up=True, now=now - timedelta(days=30))  # due today: not late
    answer = manager.get(URL)
    assert counts(answer)["逾期"] == 1
    assert counts(answer)["未归还"] == 0  # both were reserved more than 30 days ago
    shown = manager.get(tabs(answer)["逾期"][1])
    assert numbers(shown) == [order_of(app, late).number]
    assert "已完成 逾期 3 天" in words_of(shown.text)
    assert next_step_of(shown, order_of(app, late).number).endswith("到期，逾期 3 天")
    assert counts(shown) == counts(answer)  # the other tabs count what they will show
    assert counts(manager.get(tabs(shown)["未归还"][1])) == counts(answer)
    assert "todo=" not in tabs(shown)["全部订单"][1]
    give_back(app, late)
    assert counts(manager.get(URL))["逾期"] == 0


@pytest.mark.req("FLOW-RENT-1", "FLOW-RENT-2", "FLOW-RENT-3")
def test_the_list_says_what_each_rental_waits_for(
    app: Flask, database: Database, manager: LawfulClient, as_staff: AsStaff
) -> None:
    now = app.extensions[RUNTIME].clock.now()
    waits = {
        "待交学生证，剩 2 天": a_rental_order(app, database, card=False, deposit=None),
        "待付押金，剩 2 天": a_rental_order(app, database, deposit=None),
        "待付款，剩 2 天": a_rental_order(app, database),
        "待付款，剩 1 天": a_rental_order(app, database, matched=True, now=now - timedelta(hours=25)),
        "提车 剩 2 天": a_rental_order(app, database, paid=True),
        f"{business_day(now) + timedelta(days=30):%m-%d} 到期，剩 30 天": a_rental_order(app, database, picked_up=True),
        "": a_rental_order(app, database, returned=True, now=now - timedelta(days=2)),
    }
    damaged = a_rental_order(app, database, picked_up=True, now=now - timedelta(days=2))
    give_back(app, damaged, condition=Condition.DAMAGED)
    waits["处理损坏"] = damaged
    flash = a_customer(app)
    a_card(app, flash, approved=False)
    a_deposit(app, flash, DepositKind.FLASH)
    waits["审核学生证"] = a_rental_order(app, database, customer=flash, card=False, deposit=None, paid=True)
    ready = order_of(app, waits["提车 剩 2 天"]).number
    answer = manager.get(URL)
    for said, order_id in waits.items():
        assert next_step_of(answer, order_of(app, order_id).number) == said
    plate = order_of(app, damaged).number
    assert next_step_of(as_staff("clerk").get(URL), plate) == "等主管处理损坏"
    assert next_step_of(as_staff("finance", region=None).get(URL), ready) == "待提车 剩 2 天"
    damage = manager.get(f"{URL}?todo=damage")
    assert numbers(damage) == [order_of(app, damaged).number]


def test_rentals_are_found_by_their_order_number_and_by_the_money_of_their_deposit(
    app: Flask, database: Database, manager: LawfulClient
) -> None:
    renter = a_customer(app, name="陈悦悦", phone="15912340001")
    order_id = a_rental_order(app, database, customer=renter, paid=True)
    order = order_of(app, order_id)
    deposit = deposits_of(app, renter)[0]
    charges = (charge_of(app, order_id), database.one(select(Charge.id).where(Charge.deposit_id == deposit.id)))
    payments = database.all(select(Payment).where(Payment.charge_id.in_(charges)))
    assert len(payments) == 2
    typed = [order.number, order.number[2:], order.order_no, order.order_no.lower(), "15912340001", "悦悦", "cyy"]
    for payment in payments:
        typed += [payment.out_trade_no, payment.transaction_id or ""]
    for text in typed:
        assert numbers(manager.get(URL, query_string={"q": text})) == [order.number], text
        answer = manager.get("/orders/find", query_string={"q": text})
        assert answer.status_code == 303
        assert numbers(manager.get(answer.location)) == [order.number], text
    sale = an_order(app, customer=renter)
    manager.statements_allowed = 18  # both answers of the redirect
    assert order.order_no[0] == "R"
    found = manager.get("/orders/find", query_string={"q": "陈悦悦"}, follow_redirects=True)
    assert numbers(found) == [order_of(app, sale).number]
    assert "租车订单里也有 1 单符合" in found.text
    nothing = manager.get("/orders/sales", query_string={"q": order.number})
    assert "租车订单里有 1 单符合" in nothing.text
    assert manager.get("/orders/find?q=").location == "/orders/sales"


def test_money_for_a_deposit_without_a_rental_leads_to_the_deposit(
    app: Flask, database: Database, manager: LawfulClient, as_staff: AsStaff
) -> None:
    member = a_customer(app)
    a_card(app, member)
    a_deposit(app, member, DepositKind.FLASH)
    (deposit,) = deposits_of(app, member)
    trade_no = database.one(select(Payment.out_trade_no))
    assert manager.get(f"/orders/find?q={trade_no}").location == f"/orders/deposits/{deposit.id}"
    assert "/orders/deposits" not in as_staff("clerk", region="B").get(f"/orders/find?q={trade_no}").location


def test_every_link_keeps_what_the_url_holds(app: Flask, database: Database, manager: LawfulClient) -> None:
    for _ in range(21):
        a_rental_order(app, database, deposit=None, card=False)
    held = {"region": "A", "range": "7", "business": "Z", "q": "王晓涵", "size": "20"}
    manager.statements_allowed = 18
    answer = manager.get(URL, query_string=held)
    assert "第 1–20 单，共 21 单" in answer.text
    for word, (_, link) in tabs(answer).items():
        kept = {key: value for key, value in held.items() if word != "逾期" or key != "range"}
        for key, value in kept.items():
            assert f"{key}=" in link
            assert value in html.unescape(link) or key == "q"
    following = re.search(r'href="([^"]*)"\s+rel="next"', answer.text)
    assert following
    assert "第 21–21 单，共 21 单" in manager.get(html.unescape(following[1])).text


@pytest.mark.parametrize(
    ("query", "missing", "there_is", "button"),
    [
        ("todo=late", "没有逾期未还的租车订单", "其他进度有 1 单", "看全部进度"),
        ("todo=damage&business=P", "没有还车损坏待处理、mini租的租车订单", "换一个条件再找", "清空筛选"),
        ("business=P", "近30天没有mini租的租车订单", "租车和mini租一共有 1 单符合", "看全部租车"),
        ("region=C", "留和路店近30天没有租车订单", "其他区域有 1 单符合", "看全部区域"),
        ("state=returned", "近30天没有已归还的租车订单", "其他状态有 1 单符合", "看全部状态"),
    ],
)
def test_an_empty_list_says_what_is_missing_and_how_to_widen(
    app: Flask, database: Database, manager: LawfulClient, query: str, missing: str, there_is: str, button: str
) -> None:
    order_id = a_rental_order(app, database, region="B", deposit=None, card=False)
    empty = manager.get(f"{URL}?{query}")
    assert missing in empty.text
    assert there_is in empty.text
    wider = re.search(rf'href="([^"]*)">{button}<', empty.text)
    assert wider
    assert numbers(manager.get(html.unescape(wider[1]))) == [order_of(app, order_id).number]


@pytest.mark.parametrize(
    "query",
    [
        "business=X&state=sold&todo=pick",
        "business=&state=&todo=",
        "state=completed&todo=late",
        "todo=late&from=2020-01-01",
        "todo=damage&state=out&q=%25",
        "todo=late&q=wxh",
        "state=out&after=never",
        "todo=late&after=20200101T000000000000-1",
    ],
)
def test_what_does_not_fit_falls_back(app: Flask, database: Database, manager: LawfulClient, query: str) -> None:
    a_rental_order(app, database, picked_up=True)
    manager.statements_allowed = 30
    assert manager.get(f"{URL}?{query}", follow_redirects=True).status_code == 200


def test_somebody_of_one_region_never_sees_another(app: Flask, database: Database, as_staff: AsStaff) -> None:
    now = app.extensions[RUNTIME].clock.now()
    a_rental_order(app, database, region="A", picked_up=True, now=now - timedelta(days=40))
    mine = order_of(app, a_rental_order(app, database, region="B", picked_up=True)).number
    clerk = as_staff("clerk", region="B")
    for query in ("", "?region=A", "?region=all", "?q=0001", "?state=out", "?todo=late", "?range=all"):
        answer = clerk.get(URL + query)
        assert set(numbers(answer)) <= {mine}
        assert counts(answer).get("逾期", 0) == 0


def test_who_has_no_right_is_refused(client: LawfulClient, as_staff: AsStaff) -> None:
    for url in (URL, "/orders/find?q=x"):
        assert as_staff("technician").get(url).status_code == 403
        assert client.get(url).location.startswith("/login?next=/orders/")
