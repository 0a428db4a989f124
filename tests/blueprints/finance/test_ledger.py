"""The ledger on the screen: what each transfer says, what it leads to, and whatever may be asked for in the address."""

import html
import re
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.calendar import business_day
from app.domain.permissions import Role
from app.domain.refunds import RefundStatus
from app.models.batteries import BatteryUse
from app.models.money import LedgerTransfer, Payment
from app.models.orders import Order
from app.usecases import late_fees
from app.usecases.day_closing import close_day
from app.usecases.waivers import waive
from app.web.current import RUNTIME
from tests.factories.flash import a_member, a_use, some_batteries
from tests.factories.ledger import MoneyHistory, bills_of
from tests.factories.orders import an_order, cancel, tell_of_refund
from tests.factories.people import a_customer, a_member_of_staff, a_region_id
from tests.factories.rentals import a_rental_order
from tests.factories.troubles import money_that_names_no_order
from tests.fixtures.actors import AsStaff
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient

TRANSFERS = "/finance/ledger/transfers"


@pytest.fixture
def finance(as_staff: AsStaff) -> LawfulClient:
    return as_staff(role=Role.FINANCE, region=None)


def said(page: str) -> list[str]:
    """What each row says, the newest first."""
    cells = re.findall(r'<td role="cell" class="c-what">\s*(.*?)\s*(?:<small|</td>)', page, re.DOTALL)
    return [html.unescape(cell) for cell in cells]


def references(page: str) -> list[str]:
    return re.findall(r'<small class="reference">([^<]+)</small>', page)


def test_a_sale_from_its_payment_to_its_refund(app: Flask, database: Database, finance: LawfulClient) -> None:
    order_id = an_order(app, paid=True)
    cancel(app, order_id)
    tell_of_refund(app, order_id, RefundStatus.DONE)
    page = finance.get(TRANSFERS).text
    assert said(page) == ["车款退到用户微信", "要退车款，等到账", "收到车款"]
    payment = database.one(select(Payment))
    refund_no = f"R{payment.out_trade_no}-1"
    assert references(page) == [f"退款单号 {refund_no}"] * 2 + [f"微信支付单号 {payment.transaction_id}"]
    order = database.one(select(Order))
    assert f'href="/orders/{order_id}"' in page
    assert "王*涵" in page
    assert "王晓涵" not in page
    for asked in (
        order.number,
        order.order_no,
        "2047",
        "13812342047",
        "王晓涵",
        "wxh",
        payment.transaction_id,
        payment.out_trade_no,
    ):
        assert len(said(finance.get(f"{TRANSFERS}?q={asked}").text)) == 3, asked
    for asked in ("BM0001", "9999", "李雷", "4200000000000000000000000001"):
        assert said(finance.get(f"{TRANSFERS}?q={asked}").text) == [], asked
    assert "没有看懂要找什么" in finance.get(f"{TRANSFERS}?q=%3F%3F").text


def test_a_pickup_and_a_payment_that_names_no_order(app: Flask, finance: LawfulClient) -> None:
    an_order(app, picked_up=True)
    money_that_names_no_order(app)
    assert said(finance.get(TRANSFERS).text) == ["收到一笔对不上的钱", "提车，预收的车款成为收入", "收到车款"]
    assert said(finance.get(f"{TRANSFERS}?place=none").text) == ["收到一笔对不上的钱"]
    assert said(finance.get(f"{TRANSFERS}?of=sales").text) == ["提车，预收的车款成为收入"]
    assert said(finance.get(f"{TRANSFERS}?of=sale").text) == ["收到车款"]
    assert "合计 ¥2,399.00" in finance.get(f"{TRANSFERS}?of=sale").text


def test_late_fees_lead_to_their_battery(app: Flask, database: Database, finance: LawfulClient) -> None:
    now = app.extensions[RUNTIME].clock.now()
    (battery_id,) = some_batteries(database, last=1)
    member = a_member(app, now=now - timedelta(days=20))
    use_id = a_use(app, member, now=now - timedelta(days=16))
    with app.app_context():
        assert late_fees.post_days(BatteryUse, a_region_id(app, "A"), now=now) == 2
        manager = a_member_of_staff(app, role=Role.MANAGER)
        today = [business_day(now)]
        waive(BatteryUse, use_id, days=today, reason="店里没人", request_key="k", actor=manager, now=now)
    page = finance.get(TRANSFERS).text
    assert said(page) == ["减免一天逾期费", "应收一天逾期费", "应收一天逾期费", "收到押金"]
    assert page.count(f'href="/flash-charge/batteries/{battery_id}"') == 3
    assert len(re.findall(r'href="/orders/deposits/\d+"', page)) == 1
    assert len(said(finance.get(f"{TRANSFERS}?customer={member.id}&purpose=late_fee").text)) == 3


def test_a_rental_leads_to_its_order_and_its_deposit(app: Flask, database: Database, finance: LawfulClient) -> None:
    order_id = a_rental_order(app, database, picked_up=True)
    page = finance.get(f"{TRANSFERS}?order={order_id}").text
    assert said(page) == ["提车，预收的租金成为收入", "收到租金", "收到押金"]
    assert f'href="/orders/{order_id}"' in page
    assert "只看 订单" in page
    deposit = database.one(select(LedgerTransfer).where(LedgerTransfer.deposit_id.is_not(None)))
    assert said(finance.get(f"{TRANSFERS}?deposit={deposit.deposit_id}").text) == ["收到押金"]
    assert said(finance.get(f"{TRANSFERS}?deposit={deposit.deposit_id}&of=rentals").text) == []


def test_money_of_a_closed_day_says_on_which_it_is_booked(
    app: Flask, database: Database, finance: LawfulClient
) -> None:
    day = business_day(app.extensions[RUNTIME].clock.now()) - timedelta(days=2)
    history = MoneyHistory(app, 3, day, 1)
    history.go_on(5)
    bills_of(database, day)
    with app.app_context():
        assert close_day(day, actor=finance.actor, now=app.extensions[RUNTIME].clock.now())
    history.go_on(2, day)
    next_day = day + timedelta(days=1)
    page = finance.get(f"{TRANSFERS}?from={next_day}").text
    assert page.count(f"记在 {next_day:%m-%d}") == 2


def test_a_person_is_asked_for_by_a_link_in_the_row(app: Flask, finance: LawfulClient) -> None:
    customers = [a_customer(app, name=name) for name in ("陈一", "陈二")]
    for customer in customers:
        an_order(app, customer=customer, picked_up=True)
    page = finance.get(f"{TRANSFERS}?of=advances").text
    assert f'href="{TRANSFERS}?region=all&amp;of=advances&amp;customer={customers[0].id}"' in page
    alone = finance.get(f"{TRANSFERS}?of=advances&customer={customers[0].id}").text
    assert len(said(alone)) == 2
    assert "只看 陈*" in alone
    assert f'<a href="{TRANSFERS}?region=all&amp;of=advances">看全部</a>' in alone
    assert "合计 ¥0.00" in alone


def test_pages_go_on_where_the_last_one_ended(app: Flask, finance: LawfulClient) -> None:
    MoneyHistory(app, 3, business_day(datetime(2026, 3, 1, tzinfo=UTC)), 3).go_on(50)
    seen: list[str] = []
    url = f"{TRANSFERS}?size=20"
    for place in ("第 1–20 笔，共 50 笔", "第 21–40 笔，共 50 笔", "第 41–50 笔，共 50 笔"):
        page = finance.get(url).text
        assert place in page
        seen += re.findall(r'<td role="cell" class="c-when">\s*(\S+ \S+)', page)
        url = html.unescape((re.findall(r'href="([^"]+)"\s+rel="next"', page) or [""])[0])
    assert len(seen) == 50
    assert url == ""


@pytest.mark.parametrize(
    "asked",
    [
        "of=nobody&purpose=x&place=here&size=7&customer=0&order=-1&deposit=a",
        "from=0001-01-01&to=9999-12-31",
        "from=2026-12-01&to=2026-01-01",
        "after=20260101-99999999999999999999&before=nonsense",
        "after=20261399-1",
        "customer=9223372036854775807&order=9223372036854775807",
        "q=" + "1" * 500,
        "of=net&purpose=deposit&customer=1&q=2047",
    ],
)
def test_whatever_stands_in_the_address_is_answered(app: Flask, finance: LawfulClient, asked: str) -> None:
    an_order(app, paid=True)
    assert finance.get(f"{TRANSFERS}?{asked}").status_code in (200, 303)
    assert finance.get(f"/finance/ledger?day=9999-99-99&{asked}").status_code == 200


def test_whoever_has_one_region_sees_its_ledger_alone(app: Flask, as_staff: AsStaff) -> None:
    for region in "AB":
        an_order(app, region=region, paid=True)
    money_that_names_no_order(app)
    client = as_staff(role=Role.MANAGER, region="B")
    for asked in ("", "?region=A", "?region=all", "?place=none"):
        rows = said(client.get(TRANSFERS + asked).text)
        assert rows == ([] if "none" in asked else ["收到车款"]), asked
    assert "2,399.00" in client.get("/finance/ledger").text
