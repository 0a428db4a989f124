"""Money that waits for a person: what is shown to whom, with what to do, and its two acts: attached, or sent back."""

import re

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.charges import PaymentStatus
from app.domain.deposits import DepositKind
from app.domain.permissions import Actor
from app.domain.refunds import RefundStatus
from app.domain.settings import FLASH_PRICE
from app.models.money import Charge, Payment
from app.models.people import Customer
from app.models.work import Outbox, OutboxStatus
from app.usecases import payments
from app.web.current import RUNTIME
from tests.factories.flash import a_member, a_use, some_batteries
from tests.factories.forms import request_key
from tests.factories.ground import PRICE_FEN
from tests.factories.orders import an_order, charge_of, pay, tell_of_refund
from tests.factories.people import a_customer
from tests.factories.phone import press
from tests.factories.rentals import a_deposit, a_rental_order, deposits_of
from tests.factories.settings import a_setting
from tests.factories.troubles import (
    a_parked_closing,
    a_wrong_amount,
    money_that_names_no_order,
    paid_twice,
    stray_payment,
    suspect_of,
)
from tests.fixtures.actors import AsCustomer, AsStaff
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient

URL = "/orders/suspects"


def words_of(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text))


@pytest.fixture
def finance(as_staff: AsStaff) -> LawfulClient:
    client = as_staff("finance", region=None)
    client.statements_allowed = 9
    return client


def test_each_thing_says_what_is_wrong_how_much_and_what_to_do(app: Flask, finance: LawfulClient) -> None:
    assert "没有要核对的钱" in finance.get(URL).text
    wrong = a_wrong_amount(app, region="B")
    transaction_id = money_that_names_no_order(app)
    twice = paid_twice(app, region="C")
    page = finance.get(URL)
    said = words_of(page.text)
    for part in (
        "全部 3",
        "核对不上 2",
        "多付待退 1",
        "车款 金额不符 ¥1.00",
        "应收 ¥2,399.00。这笔没有算付款，先别交车。",
        "没有订单 没有这个订单 ¥7.77",
        "车款 退款中 ¥2,399.00",
        "正在自动退回，到账后这里就没有了",
    ):
        assert part in said, part
    assert f'title="{transaction_id}"' in page.text
    assert f"/orders/{wrong}" in page.text
    assert f"/orders/{twice}" in page.text
    tell_of_refund(app, twice, RefundStatus.DONE)
    assert "多付待退 0" in words_of(finance.get(URL).text)


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
    page = finance.get(URL)
    said = words_of(page.text)
    for part in (
        "租车押金 金额不符 ¥1.00",
        "应收 ¥300.00。",
        "闪充使用费 金额不符 ¥1.00",
        "应收 ¥5.00。",
    ):
        assert part in said, part
    (used,) = deposits_of(app, member)
    links = {f"/orders/{order_id}", f"/orders/deposits/{used.id}"}
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


def test_what_could_not_be_sent_is_tried_again(
    app: Flask, database: Database, finance: LawfulClient, as_staff: AsStaff
) -> None:
    errand_id = a_parked_closing(app, region="B")
    page = finance.get(f"{URL}?kind=errands")
    said = words_of(page.text)
    assert "没能在微信关闭支付" in said
    assert "车款" in said
    assert "没送到 1" in words_of(as_staff("manager", region="B").get(URL).text)
    assert "没送到 0" in words_of(as_staff("manager", region="A").get(URL).text)
    retry = f"{URL}/errands/{errand_id}/retry"
    assert retry in page.text
    assert press(finance, retry).location == f"{URL}?kind=errands"
    assert database.one(select(Outbox.status).where(Outbox.id == errand_id)) is OutboxStatus.DUE
    assert "没送到 0" in words_of(finance.get(URL).text)


@pytest.mark.req("CARD-5")
def test_everything_is_known_of_one_and_it_is_attached_to_what_it_was_for(
    app: Flask, database: Database, finance: LawfulClient
) -> None:
    payer = a_customer(app, name="陈小明", region="B")
    order_id = an_order(app, customer=payer, region="B", matched=True)
    openid = database.one(select(Customer.openid).where(Customer.id == payer.id))
    payment_id = stray_payment(app, money_that_names_no_order(app, amount_fen=PRICE_FEN, openid=openid))
    finance.statements_allowed = 12
    page = finance.get(f"{URL}/{payment_id}")
    said = words_of(page.text)
    for part in ("收到 ¥2,399.00", "没有这笔应付", "没有这个订单", "陈*明", "付款人自己的", "币种 人民币"):
        assert part in said, part
    assert "陈小明" not in said
    sheet_url = f"{URL}/{payment_id}/attach?charge={charge_of(app, order_id)}"
    assert sheet_url.replace("&", "&amp;") in page.text
    sheet = finance.get(sheet_url)
    assert "这笔应付变为已付清" in sheet.text
    refused = press(finance, f"{URL}/{payment_id}/attach", charge_id=str(charge_of(app, order_id)), reason="")
    assert "写一句怎么核对的" in refused.text
    done = press(finance, f"{URL}/{payment_id}/attach", charge_id=str(charge_of(app, order_id)), reason="打过电话")
    assert done.location == f"/orders/{order_id}"
    finance.statements_allowed = 25
    assert "下一步：提车" in words_of(finance.get(done.location).text)
    said = words_of(finance.get(f"{URL}/{payment_id}").text)
    assert "已入账。记为" in said
    again = press(finance, f"{URL}/{payment_id}/refund", why="多收了钱", request_key="a" * 32)
    assert "这笔钱已经处理过了" in again.text


def test_it_goes_back_whole_and_its_order_waits_for_a_payment_again(
    app: Flask, finance: LawfulClient, as_customer: AsCustomer
) -> None:
    buyer = a_customer(app)
    order_id = a_wrong_amount(app, customer=buyer)
    payment_id = suspect_of(app, order_id)
    phone = as_customer(buyer)
    assert "先不要再付" in phone.get(f"/m/orders/{order_id}").text
    finance.statements_allowed = 12
    page = finance.get(f"{URL}/{payment_id}")
    assert "没有金额一样、还没付的应付" in page.text
    assert "就是这个单号" not in page.text
    url = f"{URL}/{payment_id}/refund"
    sheet = finance.get(url)
    assert "全额退回付款的微信，不管是不是用户本人" in sheet.text
    answer = press(finance, url, why="多收了钱", request_key=request_key(sheet))
    assert answer.location == f"{URL}/{payment_id}"
    assert "¥1.00 正在退回付款人的微信" in words_of(finance.get(answer.location).text)
    assert "核对不上 0" in words_of(finance.get(URL).text)
    assert "先不要再付" not in phone.get(f"/m/orders/{order_id}").text
    finance.statements_allowed = 25
    assert "先核对这笔钱" not in finance.get(f"/orders/{order_id}").text


def test_an_attaching_that_does_not_fit_is_refused(app: Flask, database: Database, finance: LawfulClient) -> None:
    payment_id = stray_payment(app, money_that_names_no_order(app))
    other = charge_of(app, an_order(app))
    assert press(finance, f"{URL}/{payment_id}/attach", charge_id=str(other), reason="是他").status_code in (409, 422)
    assert database.one(select(Payment.status).where(Payment.id == payment_id)) is PaymentStatus.SUSPECT
    assert finance.get(f"{URL}/{payment_id}/attach?charge=x").status_code in (409, 422)


def test_whoever_may_not_judge_sees_no_act(app: Flask, as_staff: AsStaff) -> None:
    payment_id = suspect_of(app, a_wrong_amount(app, region="A"))
    assert as_staff("manager", region="B").get(f"{URL}/{payment_id}").status_code == 404
    assert f"{URL}/{payment_id}/refund" in as_staff("manager", region="A").get(f"{URL}/{payment_id}").text
    assert as_staff("clerk", region="A").get(f"{URL}/{payment_id}").status_code == 403


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
    paid_twice(app, region="A")
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
