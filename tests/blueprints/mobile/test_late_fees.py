"""Late fees, debts and freezes on the phone: seen day by day, paid for real, and what is closed meanwhile and open."""

import json
import re
from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.charges import ChargeStatus, PaymentStatus, Purpose
from app.domain.deposits import DepositKind, DepositStatus
from app.domain.permissions import Actor
from app.domain.restrictions import Cause
from app.domain.settings import FEE_CAP_PERCENT, FLASH_LATE_FEE, FLASH_PRICE, FROZEN_DEPOSIT, RENTAL_LATE_FEE
from app.models.batteries import BatteryUse
from app.models.deposits import DepositWithholding
from app.models.late_fees import ClosedDay
from app.models.money import Charge, Payment, Refund
from app.models.people import Restriction
from app.queries.late_fees import KINDS
from app.usecases import payments, waivers
from app.usecases.late_fees import post_days
from app.web.current import RUNTIME
from tests.factories.counting_house import run_job, until_refunds_arrive
from tests.factories.flash import a_member, a_use, some_batteries, take_back
from tests.factories.orders import a_listing_id, a_notice, order_of
from tests.factories.people import a_customer, a_member_of_staff, a_region_id
from tests.factories.phone import press, reserve, words
from tests.factories.rentals import a_card, a_deposit, a_rental_order, deposits_of, give_back
from tests.factories.settings import a_setting
from tests.fixtures.actors import AsCustomer
from tests.fixtures.apps import MovedClock
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient
from tests.fixtures.simulators import Simulator

BEGAN = datetime(2026, 11, 1, 4, tzinfo=UTC)  # noon in Shanghai
A_DAY = timedelta(days=1)
PAY = "/late-fees"
"""In the address of the press that fixes an amount."""


@pytest.fixture(autouse=True)
def november(clock: MovedClock) -> None:
    clock.move_to(BEGAN)


@pytest.fixture
def batteries(database: Database) -> list[int]:
    """A00001 to A00010, in stock."""
    return some_batteries(database)


@pytest.fixture
def member(app: Flask) -> Actor:
    return a_member(app)


@pytest.fixture
def use_id(app: Flask, member: Actor, batteries: list[int]) -> int:
    """A00001, scanned on 1 November."""
    return a_use(app, member)


def seen(as_customer: AsCustomer, clock: MovedClock, member: Actor, day: int) -> LawfulClient:
    """The member's phone `day` days after the scan."""
    clock.move_to(BEGAN + day * A_DAY)
    return as_customer(member)


def quote(phone: LawfulClient, use_id: int) -> str:
    """Presses 支付逾期费; where that leads."""
    return press(phone, f"/m/flash/uses/{use_id}/late-fees").location


def open_sheet(phone: LawfulClient, url: str) -> str:
    """Presses 微信支付; the prepay_id of the sheet."""
    sent = press(phone, url)
    assert sent.location == f"{url}?open=1", words(sent)
    sheet = re.search(r'id="payment-sheet"[^>]*>(.*?)</script>', phone.get(sent.location).text, flags=re.DOTALL)
    assert sheet
    return str(json.loads(sheet[1])["package"]).removeprefix("prepay_id=")


# ---- what is seen ----------------------------------------------------------------------------------------------------


@pytest.mark.req("SET-4", "FLOW-FLASH-2")
def test_from_the_first_fee_day_on_each_day_stands_on_the_page(
    as_customer: AsCustomer, clock: MovedClock, member: Actor, use_id: int
) -> None:
    phone = as_customer(member)
    page = phone.get("/m/flash")
    for day, said, amounts in (
        (14, "", "已扣 ¥0.00 可退 ¥300.00"),
        (15, "逾期费 还没还，逾期 1 天 最多 ¥300.00 ¥5.00 到今天 明天还没还，再加 ¥5.00 11-16 ¥5.00", "已扣 ¥5.00"),
        (16, "逾期 2 天 最多 ¥300.00 ¥10.00 到今天 明天还没还，再加 ¥5.00 11-17 ¥5.00 11-16 ¥5.00", "已扣 ¥10.00"),
    ):
        phone = seen(as_customer, clock, member, day)
        page = phone.get("/m/flash")
        assert said in words(page)
        assert (PAY in page.text) is bool(said)
        for path in ("/m/flash", "/m/deposits", "/m/flash/leave"):
            assert f"押金 ¥300.00 {amounts}" in words(phone.get(path))
    assert "支付逾期费 ¥10.00" in words(page)
    assert "逾期费 还没付，付了就不从这里扣， 看每一天 − ¥10.00" in words(phone.get("/m/deposits"))
    assert "我欠的 ¥10.00" in words(phone.get("/m/me"))
    owed = words(phone.get("/m/owed"))
    assert "我欠的 ¥10.00 欠什么、为什么，一天一行 A 00001 还没还，逾期 2 天 ¥10.00 到今天" in owed
    assert "11-17 ¥5.00 11-16 ¥5.00 支付逾期费 ¥10.00" in owed


def test_midnight_is_shanghais(as_customer: AsCustomer, clock: MovedClock, member: Actor, use_id: int) -> None:
    clock.move_to(datetime(2026, 11, 15, 15, 59, 30, tzinfo=UTC))
    assert PAY not in as_customer(member).get("/m/flash").text
    clock.move_to(datetime(2026, 11, 15, 16, 0, 1, tzinfo=UTC))
    assert "支付逾期费 ¥5.00" in words(as_customer(member).get("/m/flash"))


@pytest.mark.both_engines
@pytest.mark.parametrize("posted", [True, False], ids=["posted", "no job ran"])
def test_closed_days_waived_days_and_the_cap_say_so(
    as_customer: AsCustomer,
    app: Flask,
    database: Database,
    clock: MovedClock,
    member: Actor,
    batteries: list[int],
    posted: bool,
) -> None:
    a_setting(app, database, FEE_CAP_PERCENT, 4)
    use_id = a_use(app, member)
    owner = a_member_of_staff(app, role="owner", region=None)
    for day in (date(2026, 11, 17), date(2026, 11, 20)):
        database.add(ClosedDay(region_id=None, day_on=day, reason="校庆", staff_id=owner.id, made_at=BEGAN))
    assert "明天闭店，不加" in words(seen(as_customer, clock, member, 15).get("/m/flash"))
    phone = seen(as_customer, clock, member, 18)
    if posted:
        with app.app_context():
            post_days(KINDS[0], a_region_id(app, "A"), now=clock.now())
            waivers.waive(
                KINDS[0],
                use_id,
                days=[date(2026, 11, 16)],
                reason="学校封校",
                request_key="w" * 32,
                actor=owner,
                now=clock.now(),
            )
    page = words(phone.get("/m/flash"))
    assert "最多 ¥12.00" in page
    assert "11-19 加到最多 ¥12.00 ¥2.00 11-18 ¥5.00 11-17 闭店 不收" in page
    if posted:
        assert "11-16 已减免 ¥5.00 ¥5.00 已减免 − ¥5.00 还没付 ¥7.00 支付逾期费 ¥7.00" in page
    else:
        assert "11-16 ¥5.00 支付逾期费 ¥12.00" in page
    later = words(seen(as_customer, clock, member, 25).get("/m/flash"))
    for said in ("¥12.00 到今天", "已经封顶，明天不加", "11-21 起封顶，不再加", "11-20 闭店 不收 11-19 加到最多"):
        assert said in later
    assert "11-22" not in later


def test_many_days_are_folded(as_customer: AsCustomer, clock: MovedClock, member: Actor, use_id: int) -> None:
    page = seen(as_customer, clock, member, 29).get("/m/flash")
    assert "<summary>更早的 8 天</summary>" in page.text
    assert page.text.count("<dt>11-") == 15


def test_who_is_late_for_nothing_owes_nothing(
    as_customer: AsCustomer, app: Flask, database: Database, clock: MovedClock, member: Actor, batteries: list[int]
) -> None:
    a_setting(app, database, FLASH_LATE_FEE, 0)
    a_use(app, member)
    phone = seen(as_customer, clock, member, 20)
    assert "算逾期，不收费" in words(phone.get("/m/flash"))
    assert PAY not in phone.get("/m/flash").text
    assert "没有欠款" in words(phone.get("/m/owed"))
    assert "我欠的 没有" in words(phone.get("/m/me"))


def test_unpaid_prices_stand_beside_late_fees(
    as_customer: AsCustomer, app: Flask, database: Database, clock: MovedClock, member: Actor, batteries: list[int]
) -> None:
    a_setting(app, database, FLASH_PRICE, 3_00)
    a_use(app, member)
    page = words(seen(as_customer, clock, member, 16).get("/m/owed"))
    assert "我欠的 ¥13.00" in page
    assert "使用费 ¥3.00" in page


# ---- paying ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def payer(app: Flask, simulator: Simulator, batteries: list[int]) -> Actor:
    """A member whom WeChat knows."""
    return a_member(app, customer=a_customer(app, openid=simulator.person()))


@pytest.mark.req("SET-4")
@pytest.mark.statements(45)
def test_what_has_run_up_is_paid_and_the_rest_comes_later(
    as_customer: AsCustomer, app: Flask, clock: MovedClock, payer: Actor, simulator: Simulator
) -> None:
    use_id = a_use(app, payer)
    phone = seen(as_customer, clock, payer, 16)
    url = quote(phone, use_id)
    assert quote(phone, use_id) == url
    page = words(phone.get(url))
    for said in (
        "付逾期费 电池 A00001",
        "逾期费 ¥10.00",
        "算到 2026-11-17 为止，含当天",
        "金额保留到 今天 12:15",
        "从明天起的逾期费另算",
    ):
        assert said in page
    simulator.pay(open_sheet(phone, url))
    done = words(phone.get(f"{url}/result?said=ok"))
    assert "已支付 ¥10.00 2026-11-17 为止的逾期费付清了。明天还没还，再加 ¥5.00。" in done
    assert phone.get(url).location == f"{url}/result"
    page = words(phone.get("/m/flash"))
    assert "¥10.00 到今天" in page
    assert "已付 − ¥10.00 还没付 ¥0.00" in page
    assert "支付逾期费" not in page
    assert "押金 ¥300.00 已扣 ¥0.00 可退 ¥300.00" in page
    assert quote(phone, use_id) == "/m/owed"
    assert "支付逾期费 ¥5.00" in words(seen(as_customer, clock, payer, 17).get("/m/flash"))


@pytest.mark.req("SET-4")
@pytest.mark.statements(45)
def test_an_amount_that_ran_out_is_reckoned_anew_with_one_press(
    as_customer: AsCustomer, app: Flask, database: Database, clock: MovedClock, payer: Actor, simulator: Simulator
) -> None:
    use_id = a_use(app, payer)
    phone = seen(as_customer, clock, payer, 16)
    old = quote(phone, use_id)
    open_sheet(phone, old)
    clock.advance(A_DAY)
    for answer in (phone.get(old), press(phone, old)):
        assert "这个金额过期了，按今天再算一次" in words(answer)
        assert "微信支付</span>" not in answer.text
    new = press(phone, f"/m/flash/uses/{use_id}/late-fees").location
    assert new != old
    assert phone.get(old).location == "/m/owed"
    assert "逾期费 ¥15.00" in words(phone.get(new))
    simulator.pay(open_sheet(phone, new))
    assert "已支付 ¥15.00" in words(phone.get(f"{new}/result?said=ok"))
    assert database.all(select(Charge.status).where(Charge.purpose == Purpose.LATE_FEE).order_by(Charge.id)) == [
        ChargeStatus.VOID,
        ChargeStatus.SETTLED,
    ]


@pytest.mark.statements(45)
def test_paid_twice_one_counts_and_one_goes_back(
    as_customer: AsCustomer,
    app: Flask,
    live_app: str,
    database: Database,
    clock: MovedClock,
    payer: Actor,
    simulator: Simulator,
) -> None:
    """The first sheet stayed open, and a second amount was asked for meanwhile."""
    use_id = a_use(app, payer)
    phone = seen(as_customer, clock, payer, 16)
    first = quote(phone, use_id)
    sheet = open_sheet(phone, first)
    clock.advance(timedelta(minutes=8))
    second = quote(phone, use_id)
    assert second != first
    simulator.pay(sheet)
    simulator.pay(open_sheet(phone, second))
    assert "已支付 ¥10.00" in words(phone.get(f"{second}/result?said=ok"))
    run_job(app, "query_payments", after=timedelta(minutes=6))
    until_refunds_arrive(app)
    assert database.all(select(Payment.status).where(Payment.amount_fen == 10_00).order_by(Payment.id)) == [
        PaymentStatus.SURPLUS,
        PaymentStatus.SETTLES,
    ]
    assert database.all(select(Refund.amount_fen)) == [10_00]
    assert "已付 − ¥10.00" in words(phone.get("/m/flash"))


@pytest.mark.statements(45)
def test_while_nobody_knows_whether_it_was_paid_no_second_amount_is_asked_for(
    as_customer: AsCustomer, app: Flask, database: Database, clock: MovedClock, payer: Actor, simulator: Simulator
) -> None:
    use_id = a_use(app, payer)
    phone = seen(as_customer, clock, payer, 16)
    url = quote(phone, use_id)
    open_sheet(phone, url)
    assert "正在确认支付结果" in words(phone.get(f"{url}/result?said=ok"))
    clock.advance(timedelta(minutes=8))
    assert quote(phone, use_id) == f"{url}/result"
    assert database.count(Charge, Charge.purpose == Purpose.LATE_FEE) == 1


def test_money_that_does_not_fit_stops_every_offer(
    as_customer: AsCustomer, app: Flask, clock: MovedClock, member: Actor, use_id: int, database: Database
) -> None:
    phone = seen(as_customer, clock, member, 16)
    url = quote(phone, use_id)
    runtime, now = app.extensions[RUNTIME], clock.now()
    with app.app_context():
        wanted = payments.begin_attempt(int(url.rpartition("/")[2]), actor=member, now=now).wanted
        notice = a_notice(app, wanted.out_trade_no, openid=wanted.openid, amount_fen=1_00, now=now)
        payments.take_payment_notice(
            notice, merchant=runtime.till.merchant, vault=runtime.vault, actor=Actor.wechat(), now=now
        )
    for path in ("/m/flash", "/m/owed"):
        page = phone.get(path)
        assert "你付的 ¥1.00 和逾期费对不上，店里正在核对，先不要再付" in words(page)
        assert PAY not in page.text
    assert phone.get(url).location == "/m/owed"
    assert quote(phone, use_id) == "/m/owed"
    assert database.count(Charge, Charge.purpose == Purpose.LATE_FEE) == 1


def test_what_was_let_go_meanwhile_is_not_asked_for(
    as_customer: AsCustomer, app: Flask, clock: MovedClock, member: Actor, use_id: int
) -> None:
    phone = seen(as_customer, clock, member, 16)
    url = quote(phone, use_id)
    take_back(app, use_id)
    owner = a_member_of_staff(app, role="owner", region=None)
    with app.app_context():
        waivers.waive(
            KINDS[0],
            use_id,
            days=[date(2026, 11, 16), date(2026, 11, 17)],
            reason="学校封校",
            request_key="w" * 32,
            actor=owner,
            now=clock.now(),
        )
    assert phone.get(url).location == "/m/owed"
    assert press(phone, url).location == "/m/owed"
    assert "没有欠款" in words(phone.get("/m/owed"))


def test_nobody_asks_for_anothers(
    as_customer: AsCustomer, app: Flask, database: Database, clock: MovedClock, member: Actor, use_id: int
) -> None:
    order_id = a_rental_order(app, database, picked_up=True)
    other = seen(as_customer, clock, a_customer(app), 16)
    assert quote(other, use_id) == "/m/owed"
    assert press(other, f"/m/orders/{order_id}/late-fees").status_code == 404
    assert database.count(Charge, Charge.purpose == Purpose.LATE_FEE) == 0
    url = quote(as_customer(member), use_id)
    assert other.get(url).status_code == 404
    assert other.get(f"{url}/result").status_code == 404


# ---- 欠费 ------------------------------------------------------------------------------------------------------------


@pytest.mark.req("SET-4", "CARD-5")
@pytest.mark.statements(45)
def test_what_is_back_and_unpaid_bars_until_it_is_paid(
    as_customer: AsCustomer, app: Flask, clock: MovedClock, payer: Actor, simulator: Simulator
) -> None:
    use_id = a_use(app, payer)
    phone = seen(as_customer, clock, payer, 16)
    take_back(app, use_id)
    owes = "电池 A00001 还欠逾期费 ¥10.00"
    for path in ("/m/flash", "/m/me"):
        page = phone.get(path)
        assert "有欠费未付" in words(page)
        assert owes in words(page)
        assert "欠费 ¥10.00 电池 A00001 的逾期费，11-17 结束，逾期 2 天 去付" in words(page)
        assert "账户已冻结" not in words(page)
    assert "scan-form" not in phone.get("/m/flash").text
    uses = words(phone.get("/m/flash/uses"))
    assert "逾期费 ¥10.00 欠费 ¥10.00 去付" in uses
    frozen = words(phone.get("/m/frozen"))
    for said in (
        "有欠费未付 归还、付款、找客服照常",
        "从何时起 2026-11-17 12:00",
        "怎么结清",
        "付清逾期费 ¥10.00",
        "押金 ¥300.00 已扣 ¥10.00 可退 ¥290.00",
        "退押金时先扣欠费，剩下的照常退回",
        "支付 ¥10.00 联系客服",
    ):
        assert said in frozen
    listing = f"/m/vehicles/{a_listing_id(app)}"
    closed = phone.get(listing)
    assert f"有欠费未付：{owes}。归还和付款照常。 去付清" in words(closed)
    assert "立即预约" not in closed.text
    refused = press(phone, "/m/flash", code="A00002")
    assert refused.status_code == 422
    url = quote(phone, use_id)
    assert "算到 2026-11-17 为止" in words(phone.get(url))
    simulator.pay(open_sheet(phone, url))
    assert "已支付 ¥10.00 逾期费付清了，可以再租车、扫码。" in words(phone.get(f"{url}/result?said=ok"))
    assert "立即预约" in phone.get(listing).text
    assert "账户正常" in words(phone.get("/m/frozen"))
    assert "逾期费 ¥10.00" in words(phone.get("/m/flash/uses"))
    assert "欠费" not in words(phone.get("/m/flash/uses"))
    assert press(phone, "/m/flash", code="A00002").status_code == 303


@pytest.mark.req("SET-5", "CARD-5")
@pytest.mark.statements(80)
def test_leaving_says_what_is_withheld_before_anything_is_pressed(
    as_customer: AsCustomer, app: Flask, database: Database, clock: MovedClock, batteries: list[int], member: Actor
) -> None:
    a_setting(app, database, FLASH_PRICE, 3_00)
    use_id = a_use(app, member)
    phone = seen(as_customer, clock, member, 16)
    take_back(app, use_id)
    page = phone.get("/m/flash/leave")
    for said in (
        "A00001 的使用费 ¥3.00 还没付，从押金里扣",
        "A00001 的逾期费 ¥10.00 还没付，从押金里扣",
        "¥287.00 退回你的微信",
        "押金 ¥300.00 已扣 ¥13.00 可退 ¥287.00",
        "退出并退款 ¥287.00",
    ):
        assert said in words(page)
    assert press(phone, "/m/flash/leave").location == "/m/deposits"
    assert database.all(select(DepositWithholding.amount_fen).order_by(DepositWithholding.id)) == [3_00, 10_00]
    assert "押金 ¥300.00 已扣 ¥13.00 可退 ¥287.00" in words(phone.get("/m/deposits"))
    assert "没有欠款" in words(phone.get("/m/owed"))
    assert "账户正常" in words(phone.get("/m/frozen"))


@pytest.mark.req("SET-4", "FLOW-RENT-3")
@pytest.mark.both_engines
@pytest.mark.statements(45)
def test_a_rented_vehicle_is_late_and_owed_for_in_the_same_way(
    as_customer: AsCustomer, app: Flask, database: Database, clock: MovedClock, payer: Actor, simulator: Simulator
) -> None:
    """The deposit of flash charge secures it: nothing is withheld at the return."""
    a_setting(app, database, RENTAL_LATE_FEE, 8_00)
    order_id = a_rental_order(app, database, customer=payer, card=False, deposit=None, picked_up=True)
    url = f"/m/orders/{order_id}"
    assert PAY not in seen(as_customer, clock, payer, 30).get(url).text
    phone = seen(as_customer, clock, payer, 32)
    page = words(phone.get(url))
    for said in (
        "逾期费 还没还，逾期 2 天 最多 ¥300.00 ¥16.00 到今天 明天还没还，再加 ¥8.00",
        "12-03 ¥8.00 12-02 ¥8.00 支付逾期费 ¥16.00",
        "押金 ¥300.00 已扣 ¥16.00 可退 ¥284.00",
    ):
        assert said in page
    give_back(app, order_id)
    page = words(phone.get(url))
    assert "还欠逾期费 ¥16.00 ，付清后才能再租车、扫码" in page
    assert "支付逾期费 ¥16.00" in page
    for path in ("/m/orders", "/m/me"):
        assert "还欠逾期费 ¥16.00" in words(phone.get(path))
    assert "scan-form" not in phone.get("/m/flash").text
    pay_url = press(phone, f"{url}/late-fees").location
    assert "付逾期费 租的车 AZ0001" in words(phone.get(pay_url))
    simulator.pay(open_sheet(phone, pay_url))
    assert "逾期费付清了" in words(phone.get(f"{pay_url}/result?said=ok"))
    page = words(phone.get(url))
    assert "已付 − ¥16.00 还没付 ¥0.00" in page
    assert "支付逾期费" not in page
    assert press(phone, f"{url}/late-fees").location == "/m/owed"


def test_a_rental_deposit_pays_for_its_own_rental_at_the_return(
    as_customer: AsCustomer, app: Flask, database: Database, clock: MovedClock
) -> None:
    a_setting(app, database, RENTAL_LATE_FEE, 8_00)
    renter = a_customer(app)
    order_id = a_rental_order(app, database, customer=renter, picked_up=True)
    phone = seen(as_customer, clock, renter, 32)
    give_back(app, order_id)
    page = words(phone.get(f"/m/orders/{order_id}"))
    assert "已从押金扣 − ¥16.00 还没付 ¥0.00" in page
    assert "租车押金 ¥284.00 正在退回你的微信" in page
    assert "没有欠款" in words(phone.get("/m/owed"))


# ---- 冻结 ------------------------------------------------------------------------------------------------------------


@pytest.mark.req("SET-4", "CARD-5")
def test_from_day_thirty_on_nothing_new_begins_and_the_page_says_how_it_ends(
    as_customer: AsCustomer, app: Flask, clock: MovedClock, member: Actor, use_id: int, database: Database
) -> None:
    """No job has run: the freeze holds by the facts."""
    assert "账户正常" in words(seen(as_customer, clock, member, 29).get("/m/frozen"))
    phone = seen(as_customer, clock, member, 30)
    page = phone.get("/m/frozen")
    for said in (
        "账户已冻结",
        "原因 电池 A 00001 用了 30 天没还",
        "从何时起 2026-12-01 00:00",
        "怎么解冻 1 把电池还到紫金港店柜台 归还后马上解冻；别的门店也收",
        "2 付清逾期费 ¥80.00 也可以退押金时扣除，付清后才能再借",
        "押金 ¥300.00 已扣 ¥80.00 可退 ¥220.00",
        "冻结期间押金暂停退还，不会没收。没归还前每天再扣 ¥5.00。",
        "去归还电池 支付 ¥80.00 联系客服",
    ):
        assert said in words(page)
    listing_id = a_listing_id(app)
    closed = phone.get(f"/m/vehicles/{listing_id}")
    assert "账户已冻结：电池 A00001 用了 30 天没还。" in words(closed)
    assert "立即预约" not in closed.text
    refused = reserve(phone, listing_id)
    assert refused.status_code == 422
    assert "账户已冻结" in words(refused)
    assert "账户已冻结 电池 A00001 用了 30 天没还 查看" in words(phone.get("/m/me"))
    using = phone.get("/m/flash")
    assert "还了马上自动解冻" in words(using)
    assert "/m/flash/return" in using.text
    assert "支付逾期费 ¥80.00" in words(using)
    take_back(app, use_id)
    assert database.count(BatteryUse, BatteryUse.late_owed_fen == 80_00) == 1
    page_after = words(phone.get("/m/frozen"))
    assert "有欠费未付" in page_after
    assert "账户已冻结" not in page_after


def test_everything_that_bars_stands_there_with_its_way_out(
    as_customer: AsCustomer, app: Flask, database: Database, clock: MovedClock, member: Actor, use_id: int
) -> None:
    a_setting(app, database, RENTAL_LATE_FEE, 8_00)
    order_id = a_rental_order(app, database, customer=member, card=False, deposit=None, picked_up=True)
    phone = seen(as_customer, clock, member, 60)
    database.add(Restriction(customer_id=member.id, cause=Cause.MANUAL, since=clock.now(), reason="借给别人用"))
    page = phone.get("/m/frozen")
    said = words(page)
    assert said.count("从何时起") == 3
    for part in (
        "电池 A 00001 用了 60 天没还",
        "租的车 AZ 0001 逾期 30 天没还",
        "原因 借给别人用",
        "1 把电池还到紫金港店柜台 归还后马上解冻；别的门店也收",
        "2 把车还到紫金港店柜台 归还后马上解冻",
        "3 付清逾期费 ¥470.00",
        "4 联系客服，说明情况 店里冻结的账户，由店里解冻",
        "没归还前每天再扣 ¥13.00",
        "去归还电池 去还车 支付 ¥470.00 联系客服",
    ):
        assert part in said
    assert f'href="/m/orders/{order_id}"' in page.text
    assert page.text.count('href="/m/owed"') == 2  # two are to be paid: they are chosen from there
    assert "押金 ¥300.00 已扣 ¥300.00 可退 ¥0.00" in said


@pytest.mark.parametrize(
    ("wait", "says"), [(0, "冻结期间押金暂停退还，不会没收。"), (1, "没有占用的押金照常能退，先扣欠费。")]
)
def test_a_freeze_by_hand_says_what_the_setting_makes_of_the_deposit(
    as_customer: AsCustomer, app: Flask, database: Database, clock: MovedClock, member: Actor, wait: int, says: str
) -> None:
    a_setting(app, database, FROZEN_DEPOSIT, wait)
    database.add(Restriction(customer_id=member.id, cause=Cause.MANUAL, since=clock.now(), reason="借给别人用"))
    phone = as_customer(member)
    page = words(phone.get("/m/frozen"))
    assert f"联系客服，说明情况 店里冻结的账户，由店里解冻 押金 ¥300.00 已扣 ¥0.00 可退 ¥300.00 {says}" in page
    assert ("退出并退款 ¥300.00" in words(phone.get("/m/flash/leave"))) is bool(wait)


def test_every_button_that_would_begin_something_is_closed(
    as_customer: AsCustomer, app: Flask, database: Database, clock: MovedClock
) -> None:
    renter = a_customer(app)
    order_id = a_rental_order(app, database, customer=renter, deposit=None)
    some_batteries(database)
    database.add(Restriction(customer_id=renter.id, cause=Cause.MANUAL, since=clock.now(), reason="借给别人用"))
    phone = as_customer(renter)
    for path, button in (
        (f"/m/vehicles/{a_listing_id(app)}", "立即预约"),
        (f"/m/rent/{order_of(app, order_id).listing_id}", "立即预约"),
        (f"/m/orders/{order_id}/rent", 'form="deposit"'),
        ("/m/flash", "/m/flash/open"),
    ):
        page = phone.get(path)
        assert button not in page.text
        assert "账户已冻结：借给别人用。" in words(page)
        assert 'href="/m/frozen"' in page.text
    assert "账户已冻结：借给别人用。现在不能付押金和提车" in words(phone.get(f"/m/orders/{order_id}"))
    agreed = press(phone, f"/m/orders/{order_id}/rent", kind="rental", rental_fen=300_00, flash_fen=300_00)
    assert agreed.status_code == 422
    assert deposits_of(app, renter) == []
    member = a_member(app)
    database.add(Restriction(customer_id=member.id, cause=Cause.MANUAL, since=clock.now(), reason="借给别人用"))
    scanned = as_customer(member).get("/q/A00001")
    assert "用这块电池" not in scanned.text
    assert "起冻结：借给别人用。先联系客服解冻" in words(scanned)


def test_a_deposit_that_is_due_is_not_paid_while_frozen(
    as_customer: AsCustomer, app: Flask, database: Database, clock: MovedClock
) -> None:
    somebody = a_customer(app)
    a_card(app, somebody)
    charge_id = a_deposit(app, somebody, DepositKind.FLASH, paid=False)
    database.add(Restriction(customer_id=somebody.id, cause=Cause.MANUAL, since=clock.now(), reason="借给别人用"))
    phone = as_customer(somebody)
    assert phone.get(f"/m/pay/{charge_id}").location == "/m/frozen"
    page = phone.get("/m/deposits")
    assert "账户已冻结：借给别人用。现在不能付押金， 看怎么解冻" in words(page)
    assert "/m/pay/" not in page.text
    assert deposits_of(app, somebody)[0].status is DepositStatus.DUE
