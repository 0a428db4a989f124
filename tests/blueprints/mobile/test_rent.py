"""Renting on the phone: the list, one vehicle, the one rental, and the way through card, deposit, number and fee."""

import html
import re
import secrets
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from app.domain.deposits import DepositKind, DepositStatus
from app.domain.numbering import Business
from app.domain.orders import Intent, OrderStatus
from app.domain.permissions import Actor, Role
from app.domain.refunds import RefundStatus
from app.domain.rentals import Condition
from app.domain.settings import FLASH_DEPOSIT, RENTAL_DEPOSIT
from app.models.deposits import Deposit
from app.models.money import Payment
from app.models.orders import Order
from app.models.people import Customer
from app.models.vehicles import Listing, Plan, Price
from app.usecases import cards, customers, orders, payments, suspects
from app.usecases.settings import change_setting
from app.web.current import RUNTIME
from tests.factories.flash import a_member
from tests.factories.ground import COLOURS, LONG_AGO, MODEL, STOCK
from tests.factories.orders import a_notice, an_order, charge_of, order_of, pay, person_of, tell_of_deposit_refund
from tests.factories.people import a_customer, a_member_of_staff
from tests.factories.phone import hidden, log_in, match, press, words
from tests.factories.rentals import (
    DEPOSIT_FEN,
    MONTH,
    MONTH_FEN,
    a_card,
    a_deposit,
    a_rental_listing,
    a_rental_order,
    deposit_statuses,
    give_back,
)
from tests.factories.settings import a_setting
from tests.factories.troubles import money_that_names_no_order, stray_payment
from tests.fixtures.actors import AsCustomer
from tests.fixtures.apps import MovedClock
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient
from tests.fixtures.simulators import Simulator

TERM, TERM_FEN = 120, 590_00


@pytest.fixture
def xiaohan(app: Flask) -> Actor:
    return a_customer(app)


@pytest.fixture
def listing_id(database: Database) -> int:
    """A standard vehicle at the store of A, by the month and by the term."""
    listing_id = a_rental_listing(database)
    database.add(
        Plan(listing_id=listing_id, days=TERM, name="一学期", shown=True),
        Price(
            listing_id=listing_id,
            days=TERM,
            amount_fen=TERM_FEN,
            was_fen=680_00,
            effective_at=LONG_AGO,
            made_at=LONG_AGO,
        ),
    )
    return listing_id


def rent(client: LawfulClient, listing_id: int, **typed: object) -> TestResponse:
    """Presses 立即预约 on a rental's page; any field can be given otherwise."""
    fields: dict[str, object] = {
        "plan": f"{MONTH}:{MONTH_FEN}",
        "colour": COLOURS[0],
        "intent": "reserve",
        "request_key": secrets.token_hex(16),
        **typed,
    }
    return press(client, f"/m/rent/{listing_id}/reserve", **fields)


def choose(client: LawfulClient, order_id: int, kind: str = "rental", **typed: object) -> TestResponse:
    """Answers 是否开通闪充."""
    fields = {"kind": kind, "rental_fen": DEPOSIT_FEN, "flash_fen": DEPOSIT_FEN, **typed}
    return press(client, f"/m/orders/{order_id}/rent", **fields)


def links(answer: TestResponse) -> list[str]:
    return [html.unescape(found) for found in re.findall(r'href="(/m/[^"]*)"', answer.text)]


def step_now(answer: TestResponse) -> str:
    """The word of the dot that is lit; empty without dots."""
    found = re.search(r'aria-current="step">([^<]+)<', answer.text)
    return found[1] if found else ""


@pytest.mark.req("SET-2")
def test_a_visitor_sees_what_each_region_rents_out(client: LawfulClient, database: Database, listing_id: int) -> None:
    a_rental_listing(database, "A", business=Business.MINI_RENTAL, price_fen=120_00)
    page = words(client.get("/m/rent"))
    assert re.search(rf"租车 {MODEL} .* ¥ 180 起 / 30 天 .* mini租 {MODEL} .* ¥ 120 起 / 30 天", page)
    assert f"现车 {STOCK} 辆" in page
    assert "还没有出租的车" in client.get("/m/rent?region=B").text
    assert client.get("/m/rent?region=Q").status_code == 200


def test_the_persons_own_region_comes_first(as_customer: AsCustomer, database: Database) -> None:
    theirs = a_rental_listing(database, "B")
    somebody = as_customer(region="B")
    assert f"/m/rent/{theirs}" in links(somebody.get("/m/rent"))
    assert "这里只能看看" in somebody.get("/m/rent?region=C").text


@pytest.mark.req("SET-2", "SET-5")
def test_one_vehicle_says_what_it_costs_and_what_comes_back(client: LawfulClient, listing_id: int) -> None:
    page = words(client.get(f"/m/rent/{listing_id}"))
    for said in (
        "租多久，从提车那天算起",
        "月租 30 天 ¥ 180",
        "一学期 120 天 ¥ 590 原价 ¥680",
        "押金 预约后在手机上付，还车验好自动退回微信 ¥300.00",
        "或者闪充押金",
        "保留 72 小时",
        "不能续租，还了可以再租",
    ):
        assert said in page


def test_whoever_opened_flash_charge_pays_no_other_deposit(
    as_customer: AsCustomer, app: Flask, listing_id: int
) -> None:
    page = words(as_customer(a_member(app)).get(f"/m/rent/{listing_id}"))
    assert "押金 你的闪充押金也管租车 不用再付" in page
    assert "或者闪充押金" not in page


@pytest.mark.parametrize("hidden_by", ["listing", "plans"])
def test_what_is_not_offered_is_not_there(
    as_customer: AsCustomer, database: Database, listing_id: int, hidden_by: str
) -> None:
    with database.write() as session:
        if hidden_by == "listing":
            session.execute(update(Listing).where(Listing.id == listing_id).values(shown=False))
        else:
            session.execute(update(Plan).values(shown=False))
    somebody = as_customer()
    assert somebody.get(f"/m/rent/{listing_id}").status_code == 404
    assert rent(somebody, listing_id).status_code == 404
    assert "还没有出租的车" in somebody.get("/m/rent").text


def test_what_is_sold_has_no_page_for_rent(as_customer: AsCustomer, app: Flask, database: Database) -> None:
    with database.write() as session:
        sale = session.scalars(select(Listing.id).where(Listing.business == Business.SALE)).first()
    assert as_customer().get(f"/m/rent/{sale}").status_code == 404


@pytest.mark.req("FLOW-RENT-1")
def test_a_strangers_choice_survives_the_log_in(
    client: LawfulClient, app: Flask, listing_id: int, simulator: Simulator
) -> None:
    openid = simulator.person()
    a_customer(app, openid=openid)
    choice = {"plan": f"{TERM}:{TERM_FEN}", "colour": COLOURS[1], "intent": "buy"}
    page = client.get(f"/m/rent/{listing_id}")
    assert f'method="get" action="/m/rent/{listing_id}/begin"' in " ".join(page.text.split())
    back = log_in(client, openid, f"/m/rent/{listing_id}/begin?{urlencode(choice)}")
    again = client.get(client.get(back.location).location)
    assert re.search(rf'value="{TERM}:{TERM_FEN}"\s+checked', again.text)
    assert re.search(rf'value="{COLOURS[1]}"\s+checked', again.text)
    assert "点「立即购买」接着办" in again.text


@pytest.mark.req("FLOW-RENT-1", "NUM-4")
@pytest.mark.parametrize("business", [Business.RENTAL, Business.MINI_RENTAL])
def test_a_reservation_begins_the_wizard_with_the_card(
    as_customer: AsCustomer, xiaohan: Actor, database: Database, business: Business
) -> None:
    listing_id, phone = a_rental_listing(database, business=business), as_customer(xiaohan)
    sent = rent(phone, listing_id, colour=COLOURS[1])
    order = database.one(select(Order))
    assert (sent.status_code, sent.location) == (303, f"/m/orders/{order.id}/rent")
    assert (order.number, order.days, order.colour, order.intent) == (
        f"A{business}0001",
        MONTH,
        COLOURS[1],
        Intent.RESERVE,
    )
    assert phone.get(sent.location).location == f"/m/orders/{order.id}"
    page = phone.get(f"/m/orders/{order.id}")
    assert step_now(page) == "学生证"
    assert "先交学生证照片，再付押金" in words(page)
    assert f"/m/card?next=/m/orders/{order.id}/rent" in links(page)
    assert "的二维码" not in page.text
    assert "前交学生证照片" in words(phone.get("/m/orders"))
    assert "前交学生证照片" in words(phone.get("/m/me"))


def test_another_plan_is_reserved_at_its_own_price(
    as_customer: AsCustomer, listing_id: int, database: Database
) -> None:
    assert rent(as_customer(), listing_id, plan=f"{TERM}:{TERM_FEN}").status_code == 303
    order = database.one(select(Order))
    assert (order.days, order.amount_fen) == (TERM, TERM_FEN)


def test_pressing_twice_makes_one_order(as_customer: AsCustomer, listing_id: int, database: Database) -> None:
    somebody, key = as_customer(), secrets.token_hex(16)
    first, second = (rent(somebody, listing_id, request_key=key) for _ in range(2))
    assert first.location == second.location
    assert database.count(Order) == 1


@pytest.mark.req("FLOW-RENT-4")
def test_a_second_tab_gets_the_sentence_and_the_way_to_the_first(
    as_customer: AsCustomer, xiaohan: Actor, listing_id: int, database: Database
) -> None:
    """Both tabs showed the button; one reservation is made."""
    one, other = as_customer(xiaohan), as_customer(xiaohan)
    mini = a_rental_listing(database, business=Business.MINI_RENTAL)
    assert "立即预约" in one.get(f"/m/rent/{listing_id}").text
    assert "立即预约" in other.get(f"/m/rent/{mini}").text
    assert rent(one, listing_id).status_code == 303
    refused = rent(other, mini)
    order = database.one(select(Order))
    assert refused.status_code == 422
    assert "一个人同时只能租一辆车，你已经有 AZ0001，还了再租，或取消那一单。" in refused.text
    assert f"/m/orders/{order.id}" in links(refused)
    assert "立即预约" not in refused.text
    assert "你已经有 AZ0001" in other.get(f"/m/rent/{mini}").text


@pytest.mark.req("FLOW-RENT-4")
def test_after_the_return_one_can_rent_again(
    as_customer: AsCustomer, app: Flask, xiaohan: Actor, listing_id: int, database: Database
) -> None:
    a_rental_order(app, database, customer=xiaohan, returned=True)
    phone = as_customer(xiaohan)
    assert "立即预约" in phone.get(f"/m/rent/{listing_id}").text
    assert rent(phone, listing_id).status_code == 303


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"colour": ""}, "选一个颜色，再预约"),
        ({"colour": "透明"}, "没有这个颜色"),
        ({"plan": ""}, "选一个租期，再预约"),
        ({"plan": "30"}, "选一个租期，再预约"),
        ({"plan": "很久:1"}, "选一个租期，再预约"),
        ({"plan": f"{MONTH}:{MONTH_FEN - 1}"}, "价格刚刚变成了 ¥180.00"),
        ({"intent": "steal"}, "这一页放得太久了"),
        ({"request_key": "x"}, "这一页放得太久了"),
    ],
)
def test_what_no_button_sends_is_refused(
    as_customer: AsCustomer, listing_id: int, database: Database, wrong: dict[str, str], says: str
) -> None:
    refused = rent(as_customer(), listing_id, **wrong)
    assert refused.status_code == 422
    assert says in refused.text
    assert database.count(Order) == 0


def test_a_plan_that_is_not_offered_is_not_there(as_customer: AsCustomer, listing_id: int, database: Database) -> None:
    assert rent(as_customer(), listing_id, plan=f"7:{MONTH_FEN}").status_code == 404
    assert database.count(Order) == 0


def test_what_was_chosen_stays_chosen_after_a_refusal(as_customer: AsCustomer, listing_id: int) -> None:
    refused = rent(as_customer(), listing_id, plan=f"{TERM}:1", colour=COLOURS[1])
    assert re.search(rf'value="{TERM}:{TERM_FEN}"\s+checked', refused.text)
    assert re.search(rf'value="{COLOURS[1]}"\s+checked', refused.text)


def test_what_is_gone_says_so(as_customer: AsCustomer, listing_id: int, database: Database) -> None:
    somebody = as_customer()
    with database.write() as session:
        session.execute(update(Listing).where(Listing.id == listing_id).values(stock=0))
    refused = rent(somebody, listing_id)
    assert refused.status_code == 422
    assert "刚刚被订完了" in refused.text
    assert "立即预约" not in refused.text
    assert "暂时没有现车" in somebody.get("/m/rent").text


def test_another_region_is_for_looking_only(as_customer: AsCustomer, listing_id: int, database: Database) -> None:
    somebody = as_customer(region="B")
    page = somebody.get(f"/m/rent/{listing_id}")
    assert "在那里预约" in page.text
    assert "/m/rent?region=B" in links(page)
    theirs = a_rental_listing(database, "B")
    assert f"/m/rent/{theirs}" in links(somebody.get(f"/m/rent/{listing_id}"))
    chosen = {"plan": f"{MONTH}:1", "colour": COLOURS[1], "intent": "reserve"}
    page = somebody.get(somebody.get(f"/m/rent/{listing_id}/begin?{urlencode(chosen)}").location)
    assert "点「立即预约」" not in page.text
    assert "注册好了。这辆车在紫金港店，你的学校在" in words(page)
    assert f"/m/rent/{theirs}?{urlencode({'colour': COLOURS[1], 'plan': MONTH})}" in links(page)
    refused = rent(somebody, listing_id)
    assert refused.status_code == 422
    assert "只能在你学校所在的区域预约" in refused.text


def test_a_frozen_person_is_told_why(
    as_customer: AsCustomer, app: Flask, xiaohan: Actor, listing_id: int, clock: MovedClock
) -> None:
    sale = an_order(app, customer=xiaohan)
    manager = a_member_of_staff(app, role="manager")
    with app.app_context():
        customers.freeze(person_of(app, sale), reason="证件要核对", actor=manager, now=clock.now())
    refused = rent(as_customer(xiaohan), listing_id)
    assert refused.status_code == 422
    assert "账户已冻结" in refused.text


def test_a_stranger_who_reserves_is_sent_to_log_in(client: LawfulClient, listing_id: int, database: Database) -> None:
    assert rent(client, listing_id).location.startswith("/m/login")
    assert database.count(Order) == 0


@pytest.mark.req("FLOW-RENT-2")
def test_a_card_that_waits_is_enough_for_the_deposit(
    as_customer: AsCustomer, app: Flask, xiaohan: Actor, database: Database
) -> None:
    order_id, phone = a_rental_order(app, database, customer=xiaohan, card=False, deposit=None), as_customer(xiaohan)
    a_card(app, xiaohan, approved=False)
    page = phone.get(f"/m/orders/{order_id}/rent")
    assert step_now(page) == "押金"
    for said in (
        "是否开通闪充？",
        "开通闪充 电池随时换，这份押金也管租车 ¥300.00",
        "不开通闪充 只租车，还车验好后押金自动退 ¥300.00",
        "押金 ¥300.00 已扣 ¥0.00 可退 ¥300.00",
        "现在付租车押金 ¥300.00",
        "租金 ¥180.00 到店试骑后再付",
        "每一笔都看得到",
    ):
        assert said in words(page)
    order_page = phone.get(f"/m/orders/{order_id}")
    assert f"/m/orders/{order_id}/rent" in links(order_page)
    assert "押金 租车押金 ¥300.00 或闪充押金 ¥300.00 选一种付，能退" in words(order_page)
    assert "前付押金，再到店试骑" in words(phone.get("/m/me"))


def test_a_refused_card_is_sent_again_with_its_reason(
    as_customer: AsCustomer, app: Flask, xiaohan: Actor, database: Database, clock: MovedClock
) -> None:
    order_id, phone = a_rental_order(app, database, customer=xiaohan, card=False, deposit=None), as_customer(xiaohan)
    card_id = a_card(app, xiaohan, approved=False)
    with app.app_context():
        cards.reject(card_id, reason="照片看不清", actor=a_member_of_staff(app), now=clock.now())
    page = phone.get(f"/m/orders/{order_id}")
    assert step_now(page) == "学生证"
    assert "学生证没有通过（照片看不清），重新交一张" in words(page)
    assert phone.get(f"/m/orders/{order_id}/rent").location == f"/m/orders/{order_id}"
    assert choose(phone, order_id, "rental").location == f"/m/orders/{order_id}"


def test_a_card_that_is_refused_after_the_fee_is_sent_again_before_the_pickup(
    as_customer: AsCustomer, app: Flask, xiaohan: Actor, database: Database, clock: MovedClock
) -> None:
    order_id, phone = a_rental_order(app, database, customer=xiaohan, card=False, deposit=None), as_customer(xiaohan)
    card_id = a_card(app, xiaohan, approved=False)
    a_deposit(app, xiaohan, DepositKind.RENTAL, order_id=order_id)
    pay_fee(app, order_id, xiaohan, clock)
    with app.app_context():
        cards.reject(card_id, reason="不是本人", actor=a_member_of_staff(app), now=clock.now())
    page = phone.get(f"/m/orders/{order_id}")
    assert "已付款。学生证没有通过（不是本人），重新交一张再提车" in words(page)
    assert "的二维码" in page.text
    assert "已付款，重新交学生证照片再提车" in words(phone.get("/m/me"))
    assert phone.get(f"/m/pay/{charge_of(app, order_id)}/result").location == f"/m/orders/{order_id}"
    a_card(app, xiaohan, approved=False)
    assert "学生证待审核，带上它，店员当面看也行" in words(phone.get(f"/m/orders/{order_id}"))


def pay_fee(app: Flask, order_id: int, customer: Actor, clock: MovedClock) -> None:
    """Enters the number and pays, by the verbs."""
    with app.app_context():
        orders.enter_number(order_id, typed=order_of(app, order_id).number, actor=customer, now=clock.now())
        wanted = payments.begin_attempt(charge_of(app, order_id), actor=customer, now=clock.now()).wanted
    pay(app, wanted.out_trade_no, customer=customer, amount_fen=MONTH_FEN, now=clock.now())


@pytest.fixture
def payer(app: Flask, simulator: Simulator) -> Actor:
    """Somebody whom WeChat knows, with a card that waits."""
    payer = a_customer(app, openid=simulator.person())
    a_card(app, payer, approved=False)
    return payer


def pay_in_sheet(phone: LawfulClient, simulator: Simulator, sent: TestResponse) -> TestResponse:
    """Pays what the sheet of an answer asks for; where the outcome leads."""
    assert sent.status_code == 303, sent.text
    page = phone.get(sent.location)
    prepay = re.search(r'"package": "prepay_id=([^"]+)"', page.text)
    assert prepay, page.text
    simulator.pay(prepay[1])
    return phone.get(f"{sent.location.removesuffix('?open=1')}/result?said=ok")


@pytest.mark.req("FLOW-RENT-2", "FLOW-RENT-3")
@pytest.mark.statements(60)
@pytest.mark.parametrize("kind", [*DepositKind])
def test_from_the_deposit_to_the_counter(
    as_customer: AsCustomer, app: Flask, payer: Actor, database: Database, simulator: Simulator, kind: DepositKind
) -> None:
    order_id = a_rental_order(app, database, customer=payer, card=False, deposit=None)
    phone, order_url = as_customer(payer), f"/m/orders/{order_id}"
    assert match(phone, app, order_id).location == order_url  # no number before the deposit
    paid = pay_in_sheet(phone, simulator, choose(phone, order_id, kind))
    assert paid.location == f"{order_url}/rent"
    assert phone.get(paid.location).location == order_url
    assert database.one(select(Deposit.kind)) is kind
    assert deposit_statuses(app, payer) == [DepositStatus.HELD]
    at_store = phone.get(order_url)
    assert step_now(at_store) == "编号"
    for said in ("到店试骑，满意再输入车上的编号付款", "押金 ¥300.00 已扣 ¥0.00 可退 ¥300.00", "学生证 待审核"):
        assert said in words(at_store)
    assert 'alt="编号 AZ0001 的二维码"' in at_store.text
    assert step_now(phone.get(f"{order_url}/number")) == "编号"
    to_pay = match(phone, app, order_id)
    assert to_pay.location == f"/m/pay/{charge_of(app, order_id)}"
    fee = phone.get(to_pay.location)
    assert step_now(fee) == "租金"
    for said in ("租金 ¥180.00", "现在付租金 ¥180.00", "没提车前，付款 24 小时内可以自己取消"):
        assert said in words(fee)
    done = pay_in_sheet(phone, simulator, press(phone, to_pay.location))
    for said in ("已支付 ¥180.00", "AZ 0001", "学生证待审核，带上它，店员当面看也行", "从提车那天算起"):
        assert said in words(done)
    ready = phone.get(order_url)
    assert step_now(ready) == ""
    assert ready.text.count('class="dot-done"') == 5
    assert "学生证待审核，带上它" in words(ready)
    assert phone.get(f"{order_url}/rent").location == order_url


@pytest.mark.req("FLOW-RENT-2")
def test_whoever_holds_a_flash_deposit_skips_the_question(
    as_customer: AsCustomer, app: Flask, listing_id: int, database: Database
) -> None:
    phone = as_customer(a_member(app))
    at_home = rent(phone, listing_id)
    order_id = database.one(select(Order.id))
    assert phone.get(at_home.location).location == f"/m/orders/{order_id}"
    assert step_now(phone.get(f"/m/orders/{order_id}")) == "编号"
    assert choose(phone, order_id, "rental").location == f"/m/orders/{order_id}"
    assert database.count(Deposit) == 1


def test_whoever_buys_at_the_store_comes_to_the_number_at_once(
    as_customer: AsCustomer, app: Flask, listing_id: int, database: Database
) -> None:
    phone = as_customer(a_member(app))
    sent = rent(phone, listing_id, intent="buy")
    assert phone.get(sent.location).location == f"/m/orders/{database.one(select(Order.id))}/number"


@pytest.mark.statements(60)
def test_back_and_another_answer_drops_the_first(
    as_customer: AsCustomer, app: Flask, payer: Actor, database: Database, simulator: Simulator
) -> None:
    order_id, phone = a_rental_order(app, database, customer=payer, card=False, deposit=None), as_customer(payer)
    first = choose(phone, order_id, "rental")
    back = phone.get(f"/m/orders/{order_id}/rent")
    assert re.search(r'value="rental"\s+id="kind-rental"\s+checked', back.text)  # the answer is not lost
    pay_in_sheet(phone, simulator, choose(phone, order_id, "flash"))
    assert deposit_statuses(app, payer) == [DepositStatus.VOID, DepositStatus.HELD]
    assert phone.get(first.location).location == f"/m/orders/{order_id}/rent"


@pytest.mark.statements(60)
def test_the_same_answer_again_asks_for_the_same_payment(
    as_customer: AsCustomer, app: Flask, payer: Actor, database: Database
) -> None:
    order_id, phone = a_rental_order(app, database, customer=payer, card=False, deposit=None), as_customer(payer)
    assert choose(phone, order_id, "flash").location == choose(phone, order_id, "flash").location
    assert (database.count(Deposit), database.count(Payment)) == (1, 1)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"kind": ""}, "选一种押金"),
        ({"kind": "gold"}, "选一种押金"),
        ({"rental_fen": "much"}, "选一种押金"),
        ({"rental_fen": "29999"}, "价格刚刚变成了 ¥300.00"),
    ],
)
def test_an_answer_that_no_button_sends(
    as_customer: AsCustomer, app: Flask, xiaohan: Actor, database: Database, wrong: dict[str, str], says: str
) -> None:
    order_id = a_rental_order(app, database, customer=xiaohan, deposit=None)
    refused = choose(as_customer(xiaohan), order_id, **wrong)
    assert refused.status_code == 422
    assert says in refused.text
    assert database.count(Deposit) == 0


@pytest.mark.req("SET-11")
@pytest.mark.statements(60)
def test_the_deposit_that_was_agreed_with_the_reservation_holds(
    as_customer: AsCustomer, app: Flask, payer: Actor, database: Database, clock: MovedClock
) -> None:
    order_id = a_rental_order(app, database, customer=payer, card=False, deposit=None)
    owner = a_member_of_staff(app, role="owner", region=None)
    with app.app_context():
        change_setting(
            RENTAL_DEPOSIT.key,
            region_id=None,
            value=500_00,
            effective_at=None,
            reason="涨价",
            actor=owner,
            now=clock.now(),
        )
    phone = as_customer(payer)
    assert "¥500.00" not in phone.get(f"/m/orders/{order_id}/rent").text
    assert choose(phone, order_id, "rental").status_code == 303
    assert database.one(select(Deposit.amount_fen)) == DEPOSIT_FEN


@pytest.mark.parametrize(
    ("rental_fen", "flash_fen", "button"),
    [(0, 0, "确认，不用付款"), (0, 300_00, "微信支付确认，不用付款"), (300_00, 300_00, "微信支付")],
)
def test_a_deposit_of_nothing_is_held_without_wechat(
    as_customer: AsCustomer,
    app: Flask,
    xiaohan: Actor,
    database: Database,
    rental_fen: int,
    flash_fen: int,
    button: str,
) -> None:
    """Of two buttons in one the page shows that of the chosen deposit."""
    a_setting(app, database, RENTAL_DEPOSIT, rental_fen)
    a_setting(app, database, FLASH_DEPOSIT, flash_fen)
    order_id, phone = a_rental_order(app, database, customer=xiaohan, deposit=None), as_customer(xiaohan)
    page = phone.get(f"/m/orders/{order_id}/rent")
    assert re.sub(r"<[^>]+>|\s", "", page.text.partition('form="deposit">')[2].partition("</button>")[0]) == button
    if rental_fen == 0:
        done = choose(phone, order_id, "rental", rental_fen=0, flash_fen=flash_fen)
        assert phone.get(done.location).location == f"/m/orders/{order_id}"
        assert deposit_statuses(app, xiaohan) == [DepositStatus.HELD]
        assert database.count(Payment) == 0


@pytest.mark.statements(60)
def test_a_deposit_that_is_not_known_yet_is_not_asked_for_again(
    as_customer: AsCustomer, app: Flask, payer: Actor, database: Database
) -> None:
    order_id, phone = a_rental_order(app, database, customer=payer, card=False, deposit=None), as_customer(payer)
    pay_url = choose(phone, order_id, "rental").location.removesuffix("?open=1")
    unknown = phone.get(f"{pay_url}/result?said=ok")
    assert "正在确认支付结果" in unknown.text
    assert "内容 租车押金" in words(unknown)
    for answer in (phone.get(f"/m/orders/{order_id}/rent"), choose(phone, order_id, "flash")):
        assert answer.location == f"{pay_url}/result"
    assert "看支付结果" in phone.get(f"/m/orders/{order_id}").text
    assert database.count(Deposit) == 1


@pytest.mark.statements(60)
@pytest.mark.parametrize(("said", "title"), [("cancel", "支付已取消"), ("fail", "这次没有付成")])
def test_a_deposit_that_was_not_paid_has_a_way_on(
    as_customer: AsCustomer, app: Flask, payer: Actor, database: Database, said: str, title: str
) -> None:
    order_id, phone = a_rental_order(app, database, customer=payer, card=False, deposit=None), as_customer(payer)
    pay_url = choose(phone, order_id, "rental").location.removesuffix("?open=1")
    page = phone.get(f"{pay_url}/result?said={said}")
    for words_of_page in (title, "没有扣款", "编号 AZ0001 为你保留到", "¥300.00", "回到订单"):
        assert words_of_page in words(page)
    assert press(phone, pay_url).location == f"{pay_url}?open=1"


@pytest.mark.statements(60)
def test_a_deposit_that_does_not_fit_bars_another(
    as_customer: AsCustomer, app: Flask, payer: Actor, database: Database, clock: MovedClock
) -> None:
    order_id, phone = a_rental_order(app, database, customer=payer, card=False, deposit=None), as_customer(payer)
    pay_url = choose(phone, order_id, "rental").location.removesuffix("?open=1")
    give_wrong_money(app, database, payer, clock)
    order_url = f"/m/orders/{order_id}"
    page = phone.get(order_url)
    assert "¥1.00 和订单对不上" in page.text
    assert re.search(r'/m/pay/\d+["?]|/rent"', page.text) is None
    for answer in (phone.get(pay_url), press(phone, pay_url), phone.get(f"{pay_url}/result?said=ok")):
        assert answer.location == order_url
    for answer in (phone.get(f"{order_url}/rent"), choose(phone, order_id, "flash")):
        assert answer.location == order_url
    for listed in ("/m/orders", "/m/me"):
        assert "付的钱和订单对不上" in phone.get(listed).text
    assert database.count(Deposit) == 1


def give_wrong_money(app: Flask, database: Database, payer: Actor, clock: MovedClock) -> None:
    """WeChat says that the one attempt was paid, with another amount."""
    runtime = app.extensions[RUNTIME]
    openid = database.one(select(Customer.openid).where(Customer.id == payer.id))
    notice = a_notice(
        app, database.one(select(Payment.out_trade_no)), openid=openid or "", amount_fen=100, now=clock.now()
    )
    with app.app_context():
        payments.take_payment_notice(
            notice, merchant=runtime.till.merchant, vault=runtime.vault, actor=Actor.wechat(), now=clock.now()
        )


def test_past_its_deadline_a_rental_asks_for_nothing(
    as_customer: AsCustomer, app: Flask, xiaohan: Actor, database: Database, clock: MovedClock
) -> None:
    order_id, phone = a_rental_order(app, database, customer=xiaohan, deposit=None), as_customer(xiaohan)
    clock.advance(timedelta(days=4))
    assert phone.get(f"/m/orders/{order_id}/rent").location == f"/m/orders/{order_id}"
    assert choose(phone, order_id, "rental").location == f"/m/orders/{order_id}"
    assert "保留时间到了，正在取消" in words(phone.get(f"/m/orders/{order_id}"))
    assert database.count(Deposit) == 0


def test_a_sale_has_no_wizard(as_customer: AsCustomer, app: Flask, xiaohan: Actor) -> None:
    order_id, phone = an_order(app, customer=xiaohan, matched=True), as_customer(xiaohan)
    assert step_now(phone.get(f"/m/orders/{order_id}")) == ""
    assert phone.get(f"/m/orders/{order_id}/rent").location == f"/m/pay/{charge_of(app, order_id)}"
    assert choose(phone, order_id, "rental").status_code == 303


def test_cancelling_says_where_the_deposit_goes(
    as_customer: AsCustomer, app: Flask, xiaohan: Actor, database: Database
) -> None:
    order_id, phone = a_rental_order(app, database, customer=xiaohan), as_customer(xiaohan)
    assert "租车押金 ¥300.00 自动退回你的微信" in words(phone.get(f"/m/orders/{order_id}/cancel"))
    press(phone, f"/m/orders/{order_id}/cancel")
    assert order_of(app, order_id).status is OrderStatus.CANCELLED
    page = words(phone.get(f"/m/orders/{order_id}"))
    for said in ("租车押金 退款中", "退款 ¥300.00", "重新预约"):
        assert said in page
    assert f"/m/rent/{order_of(app, order_id).listing_id}" in links(phone.get(f"/m/orders/{order_id}"))


@pytest.mark.req("ORD-2", "FLOW-RENT-3", "SET-4")
def test_a_rental_that_is_out_says_when_it_is_due(
    as_customer: AsCustomer, app: Flask, xiaohan: Actor, database: Database, clock: MovedClock
) -> None:
    order_id, phone = a_rental_order(app, database, customer=xiaohan, picked_up=True), as_customer(xiaohan)
    page = words(phone.get(f"/m/orders/{order_id}"))
    for said in (
        "已完成 未归还",
        "还有 30 天",
        "不能续租，还了可以再租",
        "押金 ¥300.00 已扣 ¥0.00 可退 ¥300.00",
        "提车",
        "冻结账户",
    ):
        assert said in page
    for listed in ("/m/orders", "/m/me"):
        assert "到期，还有 30 天" in words(phone.get(listed))
    clock.advance(timedelta(days=30))
    phone = as_customer(xiaohan)
    assert "，就是今天" in words(phone.get(f"/m/orders/{order_id}"))
    assert "今天到期，今天还车" in words(phone.get("/m/orders"))
    clock.advance(timedelta(days=3))
    late = words(phone.get(f"/m/orders/{order_id}"))
    for said in ("未归还 逾期 3 天", "已经逾期 3 天，尽快把车还到"):
        assert said in late
    assert "逾期 3 天，尽快还车" in words(phone.get("/m/me"))
    clock.advance(timedelta(days=27))
    phone = as_customer(xiaohan)
    assert "逾期 30 天，尽快把车还到紫金港店柜台。账户已冻结，还了车就解冻" in words(phone.get(f"/m/orders/{order_id}"))


@pytest.mark.req("ORD-2", "FLOW-RENT-3")
def test_a_returned_rental_shows_its_deposit_on_its_way(
    as_customer: AsCustomer, app: Flask, xiaohan: Actor, database: Database
) -> None:
    order_id = a_rental_order(app, database, customer=xiaohan, returned=True)
    page = words(as_customer(xiaohan).get(f"/m/orders/{order_id}"))
    for said in ("已完成 已归还", "已还车。租车押金 ¥300.00 正在退回你的微信", "退款中", "再租一辆"):
        assert said in page
    assert "已归还" in words(as_customer(xiaohan).get("/m/orders"))


def test_a_deposit_that_came_back_is_told_with_what_came_back(
    as_customer: AsCustomer, app: Flask, xiaohan: Actor, database: Database, clock: MovedClock
) -> None:
    order_id = a_rental_order(app, database, customer=xiaohan, returned=True)
    deposit, url = database.all(select(Deposit))[0], f"/m/orders/{order_id}"
    tell_of_deposit_refund(app, deposit.id, RefundStatus.ABNORMAL)
    assert "已还车。租车押金 ¥300.00 没有到账，店里正在处理" in words(as_customer(xiaohan).get(url))
    clock.advance(timedelta(minutes=1))
    tell_of_deposit_refund(app, deposit.id, RefundStatus.DONE)
    assert "已还车。租车押金 ¥300.00 已到账，退回你的微信" in words(as_customer(xiaohan).get(url))


def test_a_fee_that_was_paid_before_its_deposit_asks_for_the_deposit(
    as_customer: AsCustomer, app: Flask, xiaohan: Actor, database: Database
) -> None:
    """Money that fitted nothing was attached to the rental's fee. Decision 16."""
    order_id = a_rental_order(app, database, customer=xiaohan, deposit=None)
    payment_id = stray_payment(app, money_that_names_no_order(app, amount_fen=MONTH_FEN))
    finance, now = a_member_of_staff(app, role=Role.FINANCE, region=None), app.extensions[RUNTIME].clock.now()
    with app.app_context():
        suspects.attach(payment_id, charge_of(app, order_id), reason="打过电话", actor=finance, now=now)
    page = as_customer(xiaohan).get(f"/m/orders/{order_id}")
    assert "租金已付，还差押金，付了才能提车" in words(page)
    assert "核对好就能骑走" not in words(page)
    assert f'href="/m/orders/{order_id}/rent"' in page.text


def test_a_damaged_vehicle_waits_for_its_settlement(
    as_customer: AsCustomer, app: Flask, xiaohan: Actor, database: Database
) -> None:
    order_id = a_rental_order(app, database, customer=xiaohan, picked_up=True)
    give_back(app, order_id, condition=Condition.DAMAGED)
    page = words(as_customer(xiaohan).get(f"/m/orders/{order_id}"))
    assert "车有损坏，店里正在核对；扣款会写明每一项" in page
    assert "退款中" not in page


def test_flash_opened_while_riding_takes_over(
    as_customer: AsCustomer, app: Flask, xiaohan: Actor, database: Database
) -> None:
    order_id = a_rental_order(app, database, customer=xiaohan, picked_up=True)
    a_deposit(app, xiaohan, DepositKind.FLASH)
    page = words(as_customer(xiaohan).get(f"/m/orders/{order_id}"))
    for said in ("闪充押金 已支付", "租车押金 退款中"):
        assert said in page


def test_the_form_carries_what_was_seen(
    as_customer: AsCustomer, app: Flask, xiaohan: Actor, database: Database
) -> None:
    order_id = a_rental_order(app, database, customer=xiaohan, deposit=None)
    page = as_customer(xiaohan).get(f"/m/orders/{order_id}/rent")
    assert {hidden(page, "rental_fen"), hidden(page, "flash_fen")} == {str(DEPOSIT_FEN)}
