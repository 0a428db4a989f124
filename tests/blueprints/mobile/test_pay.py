"""Paying on the phone, and every page of its outcome."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.domain.charges import PaymentStatus, Purpose
from app.domain.deposits import DepositKind
from app.domain.orders import OrderStatus
from app.domain.permissions import Actor
from app.domain.settings import FLASH_PRICE
from app.models.money import Charge, Payment
from app.usecases import orders, payments
from app.usecases.settings import change_setting
from app.web.current import RUNTIME
from tests.factories.flash import a_member, a_use, some_batteries
from tests.factories.ground import PRICE_FEN
from tests.factories.orders import a_notice, an_order, charge_of, order_of, pay
from tests.factories.people import a_customer, a_member_of_staff
from tests.factories.phone import press, words
from tests.factories.rentals import a_card, a_deposit
from tests.fixtures.actors import AsCustomer
from tests.fixtures.apps import MovedClock
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient
from tests.fixtures.simulators import Simulator

pytestmark = pytest.mark.statements(45)  # a page that asks WeChat also books what it hears

OFFERS = r'/m/pay/\d+["?]|data-pay'
"""A link or a form that leads to paying; the page of the outcome is none."""


@pytest.fixture
def payer(app: Flask, simulator: Simulator) -> Actor:
    """Somebody whom WeChat knows."""
    return a_customer(app, openid=simulator.person())


@pytest.fixture
def phone(as_customer: AsCustomer, payer: Actor) -> LawfulClient:
    return as_customer(payer)


@pytest.fixture
def order_id(app: Flask, payer: Actor) -> int:
    """An order of theirs whose number was entered."""
    return an_order(app, customer=payer, matched=True)


@pytest.fixture
def order_url(order_id: int) -> str:
    return f"/m/orders/{order_id}"


@pytest.fixture
def url(app: Flask, order_id: int) -> str:
    """Where it is paid."""
    return f"/m/pay/{charge_of(app, order_id)}"


def sheet_in(answer: TestResponse) -> dict[str, str]:
    found = re.search(r'id="payment-sheet"[^>]*>(.*?)</script>', answer.text, flags=re.DOTALL)
    assert found, answer.text
    sheet: dict[str, str] = json.loads(found[1])
    return sheet


def open_sheet(phone: LawfulClient, url: str) -> str:
    """Presses 微信支付; the prepay_id of the sheet that opens."""
    sent = press(phone, url)
    assert (sent.status_code, sent.location) == (303, f"{url}?open=1")
    return sheet_in(phone.get(sent.location))["package"].removeprefix("prepay_id=")


def later(clock: MovedClock) -> None:
    """The next question to WeChat may be asked."""
    clock.advance(timedelta(seconds=5))


def asked(simulator: Simulator) -> int:
    """How often WeChat was asked about a payment."""
    seen: list[dict[str, Any]] = simulator.get("/_sim/requests")["requests"]
    return sum("/out-trade-no/" in str(row) and "GET" in str(row) for row in seen)


def assert_offers_nothing(answer: TestResponse) -> None:
    assert re.findall(OFFERS, answer.text) == []


@pytest.mark.req("FLOW-BUY-3")
def test_the_sheet_is_what_wechat_takes(phone: LawfulClient, url: str, simulator: Simulator) -> None:
    page = phone.get(url)
    for said in ("车款 ¥2,399.00", "微信支付", "付款 24 小时内可以自己取消"):
        assert said in words(page)
    press(phone, url)
    opened = phone.get(f"{url}?open=1")
    assert set(sheet_in(opened)) == {"appId", "timeStamp", "nonceStr", "package", "signType", "paySign"}
    assert "data-at-once" in opened.text
    assert simulator.post("/_sim/bridge/pay", **sheet_in(opened))["amount_fen"] == PRICE_FEN
    config = re.search(r'id="wx-config"[^>]*>(.*?)</script>', opened.text, flags=re.DOTALL)
    assert config
    assert set(json.loads(config[1])) == {"debug", "appId", "timestamp", "nonceStr", "signature", "jsApiList"}


def test_the_page_works_while_wechats_ticket_is_down(phone: LawfulClient, url: str, simulator: Simulator) -> None:
    press(phone, url)
    simulator.misbehave("status_5xx", None, on="ticket")
    simulator.misbehave("status_5xx", None, on="token")
    assert sheet_in(phone.get(f"{url}?open=1"))


@pytest.mark.req("FLOW-BUY-3")
def test_before_the_number_there_is_no_payment(
    phone: LawfulClient, app: Flask, payer: Actor, database: Database
) -> None:
    order_id = an_order(app, customer=payer)
    url = f"/m/pay/{charge_of(app, order_id)}"
    assert phone.get(url).location == f"/m/orders/{order_id}/number"
    assert press(phone, url).location == f"/m/orders/{order_id}/number"
    assert database.count(Payment) == 0


def test_pressing_twice_asks_for_one_payment(
    phone: LawfulClient, url: str, simulator: Simulator, database: Database
) -> None:
    open_sheet(phone, url)
    assert press(phone, url).status_code == 303
    assert database.count(Payment) == 1
    assert len(simulator.books()["payments"]) <= 1


@pytest.mark.req("FLOW-BUY-3")
def test_paid_leads_to_the_counter(
    phone: LawfulClient, app: Flask, url: str, order_url: str, payer: Actor, database: Database
) -> None:
    prepay = open_sheet(phone, url)
    assert prepay
    out_trade_no = database.one(select(Payment.out_trade_no))
    pay(app, out_trade_no, customer=payer, now=app.extensions[RUNTIME].clock.now())
    done = phone.get(f"{url}/result?said=ok")
    for said in ("已支付 ¥2,399.00", "AM 0001", "柜台"):
        assert said in words(done)
    assert 'alt="编号 AM0001 的二维码"' in done.text
    for page in (done, phone.get(order_url)):
        assert_offers_nothing(page)
    assert phone.get(url).location == order_url
    assert press(phone, url).location == order_url


def test_what_the_sheet_says_is_not_believed(
    phone: LawfulClient, url: str, order_id: int, order_url: str, app: Flask, clock: MovedClock
) -> None:
    """`ok` without money: not known yet, and no second payment is offered anywhere."""
    open_sheet(phone, url)
    answer = phone.get(f"{url}/result?said=ok")
    assert "正在确认支付结果" in answer.text
    assert "请不要再付一次" in answer.text
    assert order_of(app, order_id).status is OrderStatus.RESERVED
    for page in (answer, phone.get(order_url)):
        assert_offers_nothing(page)
    later(clock)
    assert phone.get(url).location == f"{url}/result"
    assert press(phone, url).location == f"{url}/result"


def test_a_missing_notice_is_asked_for(phone: LawfulClient, url: str, simulator: Simulator, app: Flask) -> None:
    simulator.misbehave("never", None)
    simulator.pay(open_sheet(phone, url))
    assert "已支付 ¥2,399.00" in words(phone.get(f"{url}/result?said=ok"))


def test_cancelled_but_paid_is_paid(phone: LawfulClient, url: str, simulator: Simulator) -> None:
    """WeChat's sheet can say cancel although the money went: WeChat itself is asked."""
    simulator.misbehave("never", None)
    simulator.pay(open_sheet(phone, url))
    assert "已支付" in phone.get(f"{url}/result?said=cancel").text


@pytest.mark.parametrize(
    ("said", "title", "again"), [("cancel", "支付已取消", "继续付款"), ("fail", "这次没有付成", "再付一次")]
)
def test_not_paid_has_its_own_page_and_a_way_on(
    phone: LawfulClient, url: str, database: Database, said: str, title: str, again: str
) -> None:
    open_sheet(phone, url)
    page = phone.get(f"{url}/result?said={said}")
    assert title in page.text
    assert "没有扣款" in page.text
    assert "编号 AM0001" in page.text
    assert again in page.text
    assert press(phone, url).status_code == 303
    assert database.count(Payment) == 1  # the same attempt again


def test_nobody_knows_while_wechat_is_down(
    phone: LawfulClient, url: str, simulator: Simulator, clock: MovedClock
) -> None:
    prepay = open_sheet(phone, url)
    simulator.misbehave("never", None)
    simulator.misbehave("status_5xx", None, on="query")
    simulator.pay(prepay)
    for said in ("ok", "cancel", "fail"):
        page = phone.get(f"{url}/result?said={said}")
        assert "正在确认支付结果" in page.text
        assert_offers_nothing(page)
        later(clock)
    assert phone.get(url).location == f"{url}/result"


def test_the_page_asks_by_itself_until_it_is_known(
    phone: LawfulClient, url: str, simulator: Simulator, clock: MovedClock
) -> None:
    prepay = open_sheet(phone, url)
    first = phone.get(f"{url}/result?said=ok")
    poll = re.search(r'hx-get="([^"]+)" hx-trigger="every 5s"', first.text)
    assert poll
    asks = poll[1].replace("&amp;", "&")
    again = phone.get(asks, headers={"HX-Request": "true"})
    assert again.text.lstrip().startswith('<div id="result"')
    assert "2 次" in again.text
    simulator.misbehave("never", None)
    simulator.pay(prepay)
    later(clock)
    known = phone.get(asks, headers={"HX-Request": "true"})
    assert (known.status_code, known.headers["HX-Redirect"]) == (204, f"{url}/result?said=ok")


def test_wechat_is_asked_every_few_seconds_at_most(
    phone: LawfulClient, url: str, simulator: Simulator, clock: MovedClock
) -> None:
    open_sheet(phone, url)
    before = asked(simulator)
    for _ in range(6):
        phone.get(f"{url}/result?said=ok")
    assert asked(simulator) - before == 1
    later(clock)
    phone.get(f"{url}/result?said=ok")
    assert asked(simulator) - before == 2


def test_an_attempt_whose_time_is_over_is_closed_and_another_offered(
    phone: LawfulClient, url: str, simulator: Simulator, clock: MovedClock, database: Database
) -> None:
    open_sheet(phone, url)
    phone.get(f"{url}/result?said=ok")
    clock.advance(timedelta(minutes=16))
    over = phone.get(f"{url}/result?said=ok")
    assert "这次没有付成" in over.text
    assert database.one(select(Payment.status)) is PaymentStatus.CLOSED
    open_sheet(phone, url)
    assert database.count(Payment) == 2


def test_wechat_gives_no_payment(phone: LawfulClient, url: str, simulator: Simulator, database: Database) -> None:
    simulator.misbehave("status_5xx", None, on="create")
    refused = press(phone, url)
    assert refused.status_code == 503
    for said in ("微信暂时没有回应", "没有扣款", "再试一次"):
        assert said in refused.text
    phone_page = phone.get(url)
    assert phone_page.status_code == 200
    assert "payment-sheet" not in phone_page.text
    assert database.count(Payment) == 1


def test_a_lost_reply_is_asked_for_again_under_the_same_number(
    phone: LawfulClient, url: str, simulator: Simulator, database: Database
) -> None:
    simulator.misbehave("reply_lost", 1, on="create")
    assert press(phone, url).status_code in (303, 503)
    open_sheet(phone, url)
    assert database.count(Payment) == 1


def test_paid_while_asking_again_is_noticed(
    phone: LawfulClient, url: str, simulator: Simulator, database: Database
) -> None:
    simulator.misbehave("never", None)
    simulator.pay(open_sheet(phone, url))
    assert press(phone, url).location == f"{url}/result"
    assert "已支付" in phone.get(f"{url}/result").text
    assert database.one(select(Payment.status)) is PaymentStatus.SETTLES


def test_in_the_last_minutes_nothing_is_offered(
    phone: LawfulClient, url: str, order_id: int, order_url: str, app: Flask, clock: MovedClock, database: Database
) -> None:
    clock.move_to(order_of(app, order_id).expires_at - timedelta(minutes=4))
    page = phone.get(url)
    assert "来不及付款" in page.text
    assert_offers_nothing(page)
    assert_offers_nothing(phone.get(order_url))
    assert press(phone, url).status_code == 422
    assert database.count(Payment) == 0


def test_money_that_does_not_fit_stops_the_offer(
    phone: LawfulClient, url: str, order_url: str, app: Flask, database: Database, simulator: Simulator
) -> None:
    open_sheet(phone, url)
    runtime = app.extensions[RUNTIME]
    out_trade_no = database.one(select(Payment.out_trade_no))
    openid = simulator.get("/_sim/people")["people"][0]["openid"]
    notice = a_notice(app, out_trade_no, openid=openid, amount_fen=100, now=runtime.clock.now())
    with app.app_context():
        payments.take_payment_notice(
            notice, merchant=runtime.till.merchant, vault=runtime.vault, actor=Actor.wechat(), now=runtime.clock.now()
        )
    page = phone.get(order_url)
    assert "¥1.00 和订单对不上" in page.text
    for path in ("/m/orders", "/m/me"):
        assert "付的钱和订单对不上，店里正在核对" in phone.get(path).text
    assert "还没有付款" not in phone.get(f"{order_url}/cancel").text
    assert_offers_nothing(page)
    assert phone.get(url).location == order_url
    assert press(phone, url).location == order_url
    assert phone.get(f"{url}/result?said=ok").location == order_url


def test_an_order_cancelled_while_the_sheet_was_open(
    phone: LawfulClient, url: str, order_id: int, order_url: str, app: Flask, payer: Actor, clock: MovedClock
) -> None:
    open_sheet(phone, url)
    with app.app_context():
        orders.cancel_order(order_id, reason="", actor=payer, now=clock.now())
    assert phone.get(f"{url}/result?said=ok").location == order_url
    page = phone.get(order_url)
    assert "上一次付款在微信还没关掉" in page.text
    assert "要是又付了，订单会恢复" in page.text
    assert_offers_nothing(page)


def test_a_result_nobody_asked_for(phone: LawfulClient, url: str) -> None:
    assert phone.get(f"{url}/result").location == url
    assert phone.get(f"{url}/result?said=rubbish&asked=x").location == url


def test_somebody_elses_charge_is_not_there(as_customer: AsCustomer, url: str, database: Database) -> None:
    other = as_customer()
    assert {other.get(page).status_code for page in (url, f"{url}/result")} == {404}
    assert press(other, url).status_code == 404
    assert database.count(Payment) == 0


def test_a_stranger_who_pays_is_sent_to_log_in(client: LawfulClient, url: str, database: Database) -> None:
    for page in (url, f"{url}/result"):
        assert client.get(page).location == f"/m/login?next={page}"
    assert press(client, url).location.startswith("/m/login")
    assert database.count(Payment) == 0


def test_a_flash_deposit_is_paid_by_the_same_pages_and_leads_to_flash_charge(
    phone: LawfulClient, app: Flask, payer: Actor, simulator: Simulator
) -> None:
    a_card(app, payer)
    url = f"/m/pay/{a_deposit(app, payer, DepositKind.FLASH, paid=False)}"
    page = words(phone.get(url))
    for said in ("付闪充押金", "闪充押金 ¥300.00", "退出闪充，押金原路退回微信", "现在付闪充押金 ¥300.00"):
        assert said in page
    cancelled = words(phone.get(f"{url}/result?said=cancel"))
    assert "没有扣款" in cancelled
    assert "回到闪充" in cancelled
    simulator.pay(open_sheet(phone, url))
    for answer in (phone.get(f"{url}/result?said=ok"), phone.get(url), press(phone, url)):
        assert answer.location == "/m/flash"


@pytest.mark.req("SET-3")
def test_the_price_of_a_use_is_paid_by_the_same_pages(
    phone: LawfulClient, app: Flask, payer: Actor, simulator: Simulator, database: Database, clock: MovedClock
) -> None:
    owner = a_member_of_staff(app, role="owner", region=None)
    with app.app_context():
        change_setting(
            FLASH_PRICE.key,
            region_id=None,
            value=300,
            effective_at=None,
            reason="开始收费",
            actor=owner,
            now=clock.now(),
        )
    some_batteries(database)
    a_use(app, a_member(app, customer=payer))
    url = f"/m/pay/{database.one(select(Charge.id).where(Charge.purpose == Purpose.FLASH_FEE))}"
    page = words(phone.get(url))
    for said in ("付使用费 电池 A00001", "使用费 ¥3.00", "付清就能扫下一块电池"):
        assert said in page
    simulator.pay(open_sheet(phone, url))
    assert phone.get(f"{url}/result?said=ok").location == "/m/flash"
