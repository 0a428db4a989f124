"""Money that waits for a person: what is shown to whom, with what to do, and nothing that could be pressed."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.deposits import DepositKind
from app.domain.permissions import Actor
from app.domain.refunds import RefundStatus
from app.domain.settings import FLASH_PRICE
from app.models.money import Charge
from app.usecases import deposits, outbox, payments
from app.web.current import RUNTIME
from tests.factories.flash import a_member, a_use, some_batteries
from tests.factories.orders import (
    a_notice,
    an_order,
    cancel,
    charge_of,
    order_of,
    pay,
    tell_of_deposit_refund,
    tell_of_refund,
)
from tests.factories.people import a_customer
from tests.factories.rentals import a_deposit, a_rental_order, deposits_of
from tests.factories.settings import a_setting
from tests.fixtures.actors import AsStaff
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient

URL = "/orders/suspects"


def words_of(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text))


def a_wrong_amount(app: Flask, *, region: str, amount_fen: int = 100) -> int:
    """An order whose attempt was paid with another amount."""
    now = app.extensions[RUNTIME].clock.now()
    somebody = a_customer(app, region=region)
    order_id = an_order(app, customer=somebody, region=region, matched=True)
    with app.app_context():
        wanted = payments.begin_attempt(charge_of(app, order_id), actor=somebody, now=now).wanted
    pay(app, wanted.out_trade_no, customer=somebody, amount_fen=amount_fen, now=now)
    return order_id


def money_that_names_no_order(app: Flask) -> str:
    """A signed payment under a number that is not ours; WeChat's id of it."""
    runtime = app.extensions[RUNTIME]
    notice = a_notice(app, "S999999A9999-1-000000", openid="o-nobody", amount_fen=777, now=runtime.clock.now())
    with app.app_context():
        payments.take_payment_notice(
            notice, merchant=runtime.till.merchant, vault=runtime.vault, actor=Actor.wechat(), now=runtime.clock.now()
        )
    return notice.transaction_id


def a_failed_refund(app: Flask, *, region: str) -> int:
    """A cancelled order whose refund WeChat could not deliver."""
    order_id = an_order(app, region=region, paid=True)
    cancel(app, order_id)
    tell_of_refund(app, order_id, RefundStatus.ABNORMAL)
    return order_id


def park_everything(app: Flask) -> None:
    """What is due to be told or asked has been tried enough."""
    later = app.extensions[RUNTIME].clock.now() + timedelta(days=1)
    with app.app_context():
        while due := outbox.claim_next(now=later):
            outbox.put_off(due.id, error="refused", hopeless=True, now=later)


@pytest.fixture
def finance(as_staff: AsStaff) -> LawfulClient:
    client = as_staff("finance", region=None)
    client.statements_allowed = 9
    return client


def test_each_thing_says_what_is_wrong_how_much_and_what_to_do(app: Flask, finance: LawfulClient) -> None:
    assert "没有要核对的钱" in finance.get(URL).text
    wrong = a_wrong_amount(app, region="B")
    transaction_id = money_that_names_no_order(app)
    failed = a_failed_refund(app, region="C")
    page = finance.get(URL)
    said = words_of(page.text)
    for part in (
        "全部 3",
        "异常支付 2",
        "退款异常 1",
        "车款 金额不符 ¥1.00",
        "应收 ¥2,399.00。这笔没有算付款，先别交车。",
        "没有订单 没有这个订单 ¥7.77",
        "退款异常 ¥2,399.00",
        "到商户平台按退款单号处理",
    ):
        assert part in said, part
    assert f'title="{transaction_id}"' in page.text
    assert f"/orders/{wrong}" in page.text
    assert f"/orders/{failed}" in page.text
    assert 'method="post"' not in page.text.partition("<main")[2]


@pytest.mark.req("FLOW-RENT-2", "FLOW-FLASH-1")
def test_deposits_and_flash_fees_are_there_with_what_they_are_for_and_a_page_to_go_to(
    app: Flask, database: Database, finance: LawfulClient
) -> None:
    now = app.extensions[RUNTIME].clock.now()
    renter, member = a_customer(app), a_customer(app)
    order_id = a_rental_order(app, database, customer=renter, deposit=None)
    pays_wrongly(app, renter, a_deposit(app, renter, DepositKind.RENTAL, order_id=order_id, paid=False))
    a_member(app, customer=member, now=now)
    some_batteries(database)
    a_setting(app, database, FLASH_PRICE, 500)
    use_id = a_use(app, member)
    pays_wrongly(app, member, database.one(select(Charge.id).where(Charge.battery_use_id == use_id)))
    stuck = a_member(app)
    (deposit,) = deposits_of(app, stuck)
    with app.app_context():
        deposits.ask_back(deposit.id, actor=stuck, now=now)
    tell_of_deposit_refund(app, deposit.id, RefundStatus.REFUSED)
    page = finance.get(URL)
    said = words_of(page.text)
    for part in (
        "租车押金 金额不符 ¥1.00",
        "应收 ¥300.00。",
        "闪充使用费 金额不符 ¥1.00",
        "应收 ¥5.00。",
        "闪充押金 退款失败 ¥300.00",
    ):
        assert part in said, part
    (used,) = deposits_of(app, member)
    links = {f"/orders/{order_id}", f"/orders/deposits/{used.id}", f"/orders/deposits/{deposit.id}"}
    finance.statements_allowed = 25
    for link in links:
        assert f'href="{link}"' in page.text
        assert finance.get(link).status_code == 200
    assert "支付闪充使用费（核对不上）" in finance.get(f"/orders/deposits/{used.id}").text


def pays_wrongly(app: Flask, customer: Actor, charge_id: int) -> None:
    """The attempt is paid with one yuan."""
    now = app.extensions[RUNTIME].clock.now()
    with app.app_context():
        wanted = payments.begin_attempt(charge_id, actor=customer, now=now).wanted
    pay(app, wanted.out_trade_no, customer=customer, amount_fen=100, now=now)


def test_what_could_not_be_sent_is_there_too(app: Flask, finance: LawfulClient, as_staff: AsStaff) -> None:
    cancel(app, refunding := an_order(app, region="B", paid=True))
    park_everything(app)
    said = words_of(finance.get(f"{URL}?kind=errands").text)
    assert "退款没有发到微信" in said
    assert "车款" in said
    assert order_of(app, refunding).number[:2] in said
    assert "没送到 1" in words_of(as_staff("manager", region="B").get(URL).text)
    assert "没送到 0" in words_of(as_staff("manager", region="A").get(URL).text)


def test_a_region_sees_its_own_and_only_who_sees_all_sees_what_names_no_order(app: Flask, as_staff: AsStaff) -> None:
    a_wrong_amount(app, region="A")
    a_wrong_amount(app, region="B", amount_fen=300)
    money_that_names_no_order(app)
    said = words_of(as_staff("manager", region="B").get(f"{URL}?region=A").text)
    assert "¥3.00" in said
    assert "¥1.00" not in said
    assert "¥7.77" not in said
    owner = as_staff("owner", region=None)
    assert "全部 3" in words_of(owner.get(URL).text)
    assert "全部 1" in words_of(owner.get(f"{URL}?region=A").text)


def test_pages_by_key_keep_the_kind_and_count_on(app: Flask, finance: LawfulClient) -> None:
    for _ in range(21):
        money_that_names_no_order(app)
    a_failed_refund(app, region="A")
    first = finance.get(f"{URL}?kind=payments&size=20")
    assert "第 1–20 件，共 21 件" in first.text
    found = re.search(r'href="([^"]*)"\s+rel="next"', first.text)
    assert found
    second = finance.get(found[1].replace("&amp;", "&"))
    assert "第 21–21 件，共 21 件" in second.text
    assert "size=20" in found[1]
    assert "kind=payments" in found[1]


@pytest.mark.parametrize("query", ["kind=x", "after=1", "before=zz&size=0", "region=Q", "kind="])
def test_what_does_not_fit_falls_back(finance: LawfulClient, query: str) -> None:
    assert finance.get(f"{URL}?{query}").status_code == 200


def test_htmx_gets_the_block(finance: LawfulClient) -> None:
    answer = finance.get(URL, headers={"HX-Request": "true"})
    assert answer.text.strip().startswith('<div id="troubles">')


def test_who_has_no_right_is_refused(client: LawfulClient, as_staff: AsStaff) -> None:
    assert as_staff("clerk").get(URL).status_code == 403
    assert client.get(URL).location == "/login?next=/orders/suspects"
