"""Deposits: the lists of what each waits for, the page of one, and who may send one back."""

import html
import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.domain.deposits import DepositKind, DepositStatus
from app.domain.permissions import Actor
from app.domain.refunds import RefundStatus
from app.domain.rentals import Condition
from app.models.money import Payment, Refund
from app.usecases import deposits, orders
from app.web.current import RUNTIME
from tests.factories.flash import a_member, a_use, some_batteries, take_back
from tests.factories.forms import csrf_token
from tests.factories.orders import order_of, park_everything, tell_of_deposit_refund
from tests.factories.people import a_customer
from tests.factories.rentals import a_card, a_deposit, a_rental_order, deposits_of, give_back
from tests.fixtures.actors import AsStaff
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient

URL = "/orders/deposits"


def words_of(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text))


def tabs(answer: TestResponse) -> dict[str, tuple[int, str]]:
    line = re.search(r'<nav class="state-tabs".*?</nav>', answer.text, re.DOTALL)
    assert line
    found = re.findall(r'<a href="([^"]*)"[^>]*>(\S+) <b>(\d+)</b>', line[0])
    return {word: (int(count), html.unescape(link)) for link, word, count in found}


def rows(answer: TestResponse) -> list[str]:
    body = answer.text.partition("<tbody")[2].partition("</tbody>")[0]
    return [words_of(row).strip() for row in re.findall(r"<tr>.*?</tr>", body, re.DOTALL)]


def ask_back(app: Flask, member: Actor) -> None:
    """The person leaves flash charge."""
    deposit = deposits_of(app, member)[-1]
    with app.app_context():
        deposits.ask_back(deposit.id, actor=member, now=app.extensions[RUNTIME].clock.now())


@pytest.fixture
def finance(as_staff: AsStaff) -> LawfulClient:
    client = as_staff("finance", region=None)
    client.statements_allowed = 22
    return client


@pytest.fixture
def busy(app: Flask, database: Database) -> dict[str, Actor]:
    """A deposit in every list, in A and B."""
    now = app.extensions[RUNTIME].clock.now()
    people = {name: a_customer(app, region=region) for name, region in (("held", "A"), ("damage", "B"), ("back", "A"))}
    a_rental_order(app, database, customer=people["held"], picked_up=True, now=now - timedelta(days=10))
    damaged = a_rental_order(app, database, customer=people["damage"], region="B", picked_up=True)
    give_back(app, damaged, region="B", condition=Condition.DAMAGED)
    for name in ("going", "stuck", "back"):
        people[name] = a_member(app, customer=people.get(name))
        ask_back(app, people[name])
    tell_of_deposit_refund(app, deposits_of(app, people["stuck"])[0].id, RefundStatus.ABNORMAL)
    tell_of_deposit_refund(app, deposits_of(app, people["back"])[0].id, RefundStatus.DONE)
    people["old"] = a_member(app, now=now - timedelta(days=331), region="A")
    return people


def test_each_deposit_stands_in_the_list_of_what_it_waits_for(
    app: Flask, finance: LawfulClient, as_staff: AsStaff, busy: dict[str, Actor]
) -> None:
    answer = finance.get(URL)
    counts = {word: count for word, (count, _) in tabs(answer).items()}
    assert counts == {"持有": 3, "损坏待处理": 1, "退款中": 1, "退款异常": 1, "已退款": 1}
    held = rows(answer)
    assert len(held) == 3
    assert "331 天，微信只退 365 天内的" in held[0]  # what waits longest stands first
    assert "10 天" in held[1]
    assert "押金¥300.00 已扣¥0.00 可退¥300.00" in held[0]
    assert "王*涵 138****2047" in held[0]
    assert "王晓涵" not in answer.text
    for word, said in (
        ("损坏待处理", "B租车押金"),
        ("退款中", "退款中"),
        ("退款异常", "退款异常"),
        ("已退款", "已退款"),
    ):
        (row,) = rows(finance.get(tabs(answer)[word][1]))
        assert said in row
    damage = as_staff("manager", region="B").get(f"{URL}?tab=damage")
    order_id = re.search(r'<a href="/orders/(\d+)">处理损坏</a>', damage.text)
    assert order_id
    assert order_of(app, int(order_id[1])).region_id
    of_b = {word: count for word, (count, _) in tabs(as_staff("clerk", region="B").get(f"{URL}?region=A")).items()}
    assert of_b == {"持有": 1, "损坏待处理": 1, "退款中": 0, "退款异常": 0, "已退款": 0}


@pytest.mark.usefixtures("busy")
def test_a_kind_a_person_or_a_number_narrows_it(app: Flask, database: Database, finance: LawfulClient) -> None:
    a_rental_order(app, database, customer=a_customer(app, name="陈悦悦", phone="15912340001"), picked_up=True)
    assert len(rows(finance.get(f"{URL}?kind=flash"))) == 1
    assert len(rows(finance.get(f"{URL}?kind=rental"))) == 3
    of_deposits = select(Payment.out_trade_no).where(Payment.out_trade_no.like("D%")).order_by(Payment.id)
    typed = {"陈悦悦": 1, "0001": 1, "15912340001": 1, order_of(app, 1).number: 1, "周周": 0, "%%": 0}
    typed[database.all(of_deposits)[-1]] = 1
    for text, found in typed.items():
        assert len(rows(finance.get(URL, query_string={"q": text}))) == found, text
    assert "没有找到这样的押金" in finance.get(f"{URL}?q=AZ9999").text
    assert "可以找：编号" in finance.get(f"{URL}?q=%25%25").text


def test_pages_by_key_walk_there_and_back(app: Flask, finance: LawfulClient) -> None:
    now = app.extensions[RUNTIME].clock.now()
    for nth in range(21):
        a_member(app, region="AB"[nth % 2], now=now - timedelta(days=nth % 4))
    first = finance.get(f"{URL}?size=20")
    assert "第 1–20 笔，共 21 笔" in first.text
    following = re.search(r'href="([^"]*)"\s+rel="next"', first.text)
    assert following
    second = finance.get(html.unescape(following[1]))
    assert "第 21–21 笔，共 21 笔" in second.text
    before = re.search(r'href="([^"]*)"\s+rel="prev"', second.text)
    assert before
    assert rows(finance.get(html.unescape(before[1]))) == rows(first)
    gone = finance.get(f"{URL}?after=99991231T000000000000-1")
    assert (gone.status_code, gone.location) == (303, f"{URL}?region=all")


@pytest.mark.parametrize("query", ["tab=x&kind=y&size=3", "after=1&before=z", "q=%01", "region=Q&tab="])
def test_what_does_not_fit_falls_back(finance: LawfulClient, query: str) -> None:
    answer = finance.get(f"{URL}?{query}")
    assert answer.status_code == 200
    assert "这里没有押金" in answer.text


@pytest.fixture
def member(app: Flask, database: Database) -> Actor:
    """A member who used a battery and gave it back."""
    person = a_member(app)
    some_batteries(database)
    take_back(app, a_use(app, person))
    return person


@pytest.mark.req("PC-2")
def test_the_page_says_where_it_is_and_staff_send_it_back(
    app: Flask, database: Database, finance: LawfulClient, member: Actor
) -> None:
    (deposit,) = deposits_of(app, member)
    url = f"{URL}/{deposit.id}"
    page = words_of(finance.get(url).text)
    for said in (
        "闪充押金",
        "没有占用，用户退出闪充时退。",
        "押金 ¥300.00 已扣 ¥0.00 可退 ¥300.00",
        "支付闪充押金",
        "没有扣过款",
        "没有用它租过车",
        "闪充押金已付 ¥300.00",
        "退押金 ¥300.00",
    ):
        assert said in page, said
    sheet = words_of(finance.get(f"{url}/refund", headers={"HX-Request": "true"}).text)
    assert "用户退出闪充，不能再扫码" in sheet
    assert "最多可退 ¥300.00" in sheet
    answer = finance.post(f"{url}/refund", data={"csrf_token": csrf_token(finance)})
    assert (answer.status_code, answer.location) == (303, url)
    assert database.one(select(Refund.amount_fen)) == 300_00
    assert "¥300.00 正在退回用户的微信" in words_of(finance.get(url).text)
    tell_of_deposit_refund(app, deposit.id, RefundStatus.DONE)
    assert "¥300.00 已经退回用户的微信" in words_of(finance.get(url).text)
    assert finance.get(f"{url}/refund").status_code == 422


def test_what_still_secures_something_is_not_sent_back(app: Flask, database: Database, finance: LawfulClient) -> None:
    renter = a_customer(app)
    a_rental_order(app, database, customer=renter, picked_up=True)
    (deposit,) = deposits_of(app, renter)
    url = f"{URL}/{deposit.id}"
    page = finance.get(url)
    assert "还不能退，还有：没还的车。" in page.text
    assert "/refund" not in page.text
    assert "AZ 0001" in words_of(page.text).replace("AZ0001", "AZ 0001")
    pressed = finance.post(f"{url}/refund", data={"csrf_token": csrf_token(finance)})
    for answer in (finance.get(f"{url}/refund"), pressed):
        assert answer.status_code == 422
        assert "押金现在不能退，还有：没还的车" in answer.text
    assert deposits_of(app, renter)[0].status is DepositStatus.HELD
    assert database.count(Refund) == 0


def test_a_refund_that_waits_for_a_person_is_not_pressed_in_silence(app: Flask, finance: LawfulClient) -> None:
    member = a_member(app)
    (deposit,) = deposits_of(app, member)
    refund = f"{URL}/{deposit.id}/refund"
    assert finance.post(refund, data={"csrf_token": csrf_token(finance)}).status_code == 303
    park_everything(app)
    pressed = finance.post(refund, data={"csrf_token": csrf_token(finance)})
    assert pressed.status_code == 422
    assert "这笔退款没有到账，店里正在「异常支付」里处理" in pressed.text


def test_one_that_was_chosen_and_not_paid_says_so(app: Flask, database: Database, finance: LawfulClient) -> None:
    renter = a_customer(app)
    order_id = a_rental_order(app, database, customer=renter, deposit=None)
    coming = "还没有押金。用户选一种付：租车押金 ¥300.00，或闪充押金 ¥300.00"
    assert coming in finance.get(f"/orders/{order_id}").text
    a_deposit(app, renter, DepositKind.RENTAL, order_id=order_id, paid=False)
    (deposit,) = deposits_of(app, renter)
    assert "选了，还没有付。" in finance.get(f"{URL}/{deposit.id}").text
    assert "还没有付。" in finance.get(f"/orders/{order_id}").text
    assert finance.get(f"{URL}/{deposit.id}/refund").status_code == 422
    with app.app_context():
        orders.cancel_order(order_id, reason="", actor=renter, now=app.extensions[RUNTIME].clock.now())
    closed = finance.get(f"/orders/{order_id}").text
    assert "还没有押金" in closed
    assert coming not in closed


def test_who_may_see_and_who_may_send_back(
    app: Flask, database: Database, client: LawfulClient, as_staff: AsStaff, member: Actor
) -> None:
    (deposit,) = deposits_of(app, member)
    page, refund = f"{URL}/{deposit.id}", f"{URL}/{deposit.id}/refund"
    app.config["WTF_CSRF_ENABLED"] = False
    for url in (URL, page, refund):
        assert client.get(url).location.startswith("/login")
        assert as_staff("technician").get(url).status_code == 403
    clerk, elsewhere, manager = as_staff("clerk"), as_staff("manager", region="B"), as_staff("manager")
    assert clerk.get(page).status_code == 200
    assert "退押金" not in clerk.get(page).text
    assert clerk.get(refund).status_code == 403
    assert clerk.post(refund).status_code == 403
    for url in (page, refund):
        assert elsewhere.get(url).status_code == 404
    assert elsewhere.post(refund).status_code == 404
    assert manager.get(f"{URL}/999").status_code == 404
    assert manager.post(f"{URL}/999/refund").status_code == 404
    assert database.count(Refund) == 0
    assert manager.post(refund).status_code == 303
    assert database.count(Refund) == 1


def test_a_card_of_a_person_is_no_deposit(app: Flask, finance: LawfulClient) -> None:
    a_card(app, a_customer(app))
    assert rows(finance.get(URL)) == []
