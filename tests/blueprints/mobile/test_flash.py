"""Flash charge on the phone: opening it, scanning, the battery in use, giving back, leaving; each refusal in words."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.domain.batteries import BatteryState
from app.domain.deposits import DepositKind, DepositStatus
from app.domain.permissions import Actor
from app.domain.restrictions import Cause
from app.domain.settings import FLASH_DEPOSIT, FLASH_LATE_FEE, FLASH_PRICE
from app.models.batteries import Battery, BatteryUse
from app.models.deposits import Deposit
from app.models.money import Charge
from app.models.people import Restriction
from app.usecases import cards, flash_charge
from app.web.current import RUNTIME
from tests.factories.flash import a_member, a_use, battery_state, some_batteries, take_back
from tests.factories.people import a_customer, a_member_of_staff
from tests.factories.phone import hidden, press, words
from tests.factories.rentals import a_card, a_rental_order
from tests.factories.settings import a_setting
from tests.fixtures.actors import AsCustomer
from tests.fixtures.apps import MovedClock
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient
from tests.fixtures.simulators import Simulator

HELD_NOW = BatteryUse.returned_at.is_(None)


@pytest.fixture
def batteries(database: Database) -> list[int]:
    """A00001 to A00010, in stock."""
    return some_batteries(database)


@pytest.fixture
def member(app: Flask) -> Actor:
    return a_member(app)


@pytest.fixture
def phone(as_customer: AsCustomer, member: Actor) -> LawfulClient:
    return as_customer(member)


def scan(client: LawfulClient, code: str = "A00001") -> tuple[int, str]:
    """Scans on the flash page; the status, and what is said beside the field or on top of the page."""
    answer = press(client, "/m/flash", code=code)
    said = re.findall(r'class="(?:field|form)-error".*?<span>([^<]+)</span>', answer.text, flags=re.DOTALL)
    return answer.status_code, "".join(said)


def freeze(database: Database, person: Actor, app: Flask) -> None:
    """Staff froze the account."""
    now = app.extensions[RUNTIME].clock.now()
    database.add(Restriction(customer_id=person.id, cause=Cause.MANUAL, since=now, reason="借给别人用"))


def reject(app: Flask, card_id: int, reason: str) -> None:
    with app.app_context():
        now = app.extensions[RUNTIME].clock.now()
        cards.reject(card_id, reason=reason, actor=a_member_of_staff(app), now=now)


# ---- what it is, and the way into it ---------------------------------------------------------------------------------


@pytest.mark.req("FLOW-FLASH-1", "SET-3", "SET-5")
def test_whoever_has_not_opened_it_reads_all_terms_before_paying(
    client: LawfulClient, app: Flask, database: Database
) -> None:
    a_setting(app, database, FLASH_PRICE, 3_00)
    page = client.get("/m/flash")
    for said in ("¥300.00", "每次使用 下次扫码前付清 ¥3.00", "扫码后 14 天", "每天 ¥5.00", "第 30 天还没还"):
        assert said in words(page)
    assert "押金 ¥300.00 已扣 ¥0.00 可退 ¥300.00" in words(page)
    assert "退出闪充就能退" in words(page)
    assert 'href="/m/register?next=/m/flash"' in page.text
    assert "买车 " in words(page)


def test_the_way_in_is_registration_card_deposit(as_customer: AsCustomer, app: Flask) -> None:
    visitor = as_customer(registered=False)
    assert 'href="/m/register?next=/m/flash"' in visitor.get("/m/flash").text
    somebody = a_customer(app)
    phone = as_customer(somebody)
    first = phone.get("/m/flash")
    assert "未使用闪充" in words(first)
    assert "未开通闪充" in words(first)
    assert 'href="/m/card?next=/m/flash"' in first.text
    assert "付押金" not in words(first)
    card_id = a_card(app, somebody, approved=False)
    second = phone.get("/m/flash")
    assert "待审核" in words(second)
    assert "付押金 ¥300.00，开通闪充" in words(second)
    reject(app, card_id, "照片不是学生证")
    third = phone.get("/m/flash")
    assert "照片不是学生证" in words(third)
    assert "付押金" not in words(third)


@pytest.mark.req("FLOW-FLASH-1")
def test_the_deposit_is_agreed_on_and_paid(as_customer: AsCustomer, app: Flask, database: Database) -> None:
    somebody = a_customer(app)
    a_card(app, somebody, approved=False)
    phone = as_customer(somebody)
    sent = press(phone, "/m/flash/open", seen_fen=hidden(phone.get("/m/flash"), "seen_fen"))
    charge_id = database.one(select(Charge.id))
    assert (sent.status_code, sent.location) == (303, f"/m/pay/{charge_id}")
    assert press(phone, "/m/flash/open", seen_fen=300_00).location == sent.location
    assert database.one(select(Deposit.status)) is DepositStatus.DUE


def test_a_deposit_that_changed_meanwhile_is_shown_anew(
    as_customer: AsCustomer, app: Flask, database: Database
) -> None:
    somebody = a_customer(app)
    a_card(app, somebody)
    a_setting(app, database, FLASH_DEPOSIT, 200_00)
    answer = press(as_customer(somebody), "/m/flash/open", seen_fen=300_00)
    assert answer.status_code == 422
    assert "价格刚刚变成了 ¥200.00" in words(answer)
    assert "付押金 ¥200.00" in words(answer)
    assert press(as_customer(somebody), "/m/flash/open").status_code == 422
    assert database.count(Deposit) == 0


def test_without_a_card_and_for_members_nothing_is_agreed_on(
    as_customer: AsCustomer, phone: LawfulClient, database: Database
) -> None:
    assert "先交学生证照片" in words(press(as_customer(), "/m/flash/open", seen_fen=300_00))
    assert press(phone, "/m/flash/open", seen_fen=300_00).location == "/m/flash"
    assert database.count(Deposit) == 1


def test_a_frozen_person_is_told_why_since_when_and_what_is_left(
    as_customer: AsCustomer, app: Flask, database: Database
) -> None:
    somebody = a_customer(app)
    a_card(app, somebody)
    freeze(database, somebody, app)
    page = as_customer(somebody).get("/m/flash")
    for said in ("账户已冻结", "借给别人用", "起", "先联系客服", "付款、找客服照常", "恢复以后再付押金开通"):
        assert said in words(page)
    assert "/m/flash/open" not in page.text


# ---- 未使用闪充 ----------------------------------------------------------------------------------------------------


@pytest.mark.req("PC-3", "FLOW-FLASH-1")
def test_whoever_holds_no_battery_reads_just_that_and_scans(
    phone: LawfulClient, batteries: list[int], simulator: Simulator
) -> None:
    page = phone.get("/m/flash")
    assert re.search(r"<h1[^>]*>\s*未使用闪充\s*</h1>", page.text)
    for said in ("已开通", "扫码", "用这块电池", "押金 ¥300.00 已扣 ¥0.00 可退 ¥300.00", "在库电池 10 块", "退出闪充"):
        assert said in words(page)
    assert 'id="wx-config"' in page.text
    assert "camera=(self)" in page.headers["Permissions-Policy"]


@pytest.mark.req("FLOW-FLASH-2", "NUM-9")
@pytest.mark.parametrize("typed", ["A00007", " ａ００００７ ", "https://lieba.example/q/A00007"])
def test_a_number_that_is_scanned_or_typed_begins_a_use(
    phone: LawfulClient, batteries: list[int], database: Database, typed: str
) -> None:
    done = press(phone, "/m/flash", code=typed)
    assert (done.status_code, done.location) == (303, "/m/flash")
    assert database.count(Battery, Battery.state == BatteryState.IN_USE) == 1
    assert "A 00007" in words(phone.get("/m/flash"))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "扫电池上的码"),
        ("42", "电池编号是 1 个字母加 5 位数字"),
        ("AM0001", "电池编号是 1 个字母加 5 位数字"),
        ("A00099", "没有 A00099 这块电池"),
        ("A00002", "电池 A00002 有人在用，换一块再扫"),
        ("A00003", "电池 A00003 现在不能用，换一块再扫"),
    ],
)
def test_what_cannot_be_taken_is_said_beside_the_field(
    app: Flask, phone: LawfulClient, batteries: list[int], database: Database, typed: str, said: str
) -> None:
    a_use(app, a_member(app), "A00002")
    with database.write() as session:
        session.execute(update(Battery).where(Battery.n == 3).values(state=BatteryState.REPAIR))
    answer = press(phone, "/m/flash", code=typed)
    assert answer.status_code == 422
    found = re.search(r'id="code-error".*?<span>([^<]+)</span>', answer.text, flags=re.DOTALL)
    assert found
    assert said in found[1]
    assert f'value="{typed}"' in answer.text
    assert database.count(BatteryUse) == 1


def test_an_unpaid_fee_stands_where_the_scanner_was(
    app: Flask, phone: LawfulClient, member: Actor, batteries: list[int], database: Database
) -> None:
    a_setting(app, database, FLASH_PRICE, 3_00)
    take_back(app, a_use(app, member))
    charge_id = database.one(select(Charge.id).where(Charge.battery_use_id.is_not(None)))
    page = phone.get("/m/flash")
    assert "上次的使用费 ¥3.00" in words(page)
    assert f'href="/m/pay/{charge_id}"' in page.text
    assert "scan-form" not in page.text
    status, said = scan(phone)
    assert status == 422
    assert "还没付" in said or "上次的使用费" in words(phone.get("/m/flash"))
    assert database.count(BatteryUse, HELD_NOW) == 0


def test_a_member_whose_card_waits_again_cannot_scan_and_reads_why(
    app: Flask, phone: LawfulClient, member: Actor, batteries: list[int], database: Database
) -> None:
    a_card(app, member, approved=False)
    page = phone.get("/m/flash")
    assert "学生证还没通过审核" in words(page)
    assert 'href="/m/card?next=/m/flash"' in page.text
    assert scan(phone)[0] == 422
    assert database.count(BatteryUse) == 0


def test_a_frozen_member_cannot_scan_and_reads_what_still_goes(
    app: Flask, phone: LawfulClient, member: Actor, batteries: list[int], database: Database
) -> None:
    freeze(database, member, app)
    page = words(phone.get("/m/flash"))
    for said in ("未使用闪充", "账户已冻结", "借给别人用", "归还、付款、找客服照常"):
        assert said in page
    assert "用这块电池" not in page
    assert scan(phone)[0] == 422
    assert database.count(BatteryUse) == 0


# ---- the battery in use ----------------------------------------------------------------------------------------------


@pytest.mark.req("FLOW-FLASH-2")
@pytest.mark.parametrize(
    ("days", "says", "badge", "amounts"),
    [
        (0, "今天扫的 还有 14 天免费", "使用中", "已扣 ¥0.00 可退 ¥300.00"),
        (11, "第 11 天 还有 3 天免费", "使用中", "已扣 ¥0.00 可退 ¥300.00"),
        (14, "第 14 天 今天还免费", "使用中", "已扣 ¥0.00 可退 ¥300.00"),
        (16, "第 16 天 逾期 2 天", "逾期 2 天", "已扣 ¥10.00 可退 ¥290.00"),
        (30, "第 30 天 逾期 16 天", "冻结", "已扣 ¥80.00 可退 ¥220.00"),
    ],
)
def test_the_page_shows_the_number_where_today_stands_and_when_it_must_be_back(
    app: Flask,
    phone: LawfulClient,
    member: Actor,
    batteries: list[int],
    clock: MovedClock,
    days: int,
    says: str,
    badge: str,
    amounts: str,
) -> None:
    clock.move_to(clock.now().replace(year=2026, month=11, day=13, hour=4))
    a_use(app, member, "A00001")
    clock.advance(timedelta(days=days))
    page = words(as_seen := phone.get("/m/flash"))
    assert "正在使用的电池 " + badge in page
    for said in (
        "A 00001",
        says,
        "11 月 27 日或之前归还 不收逾期费",
        "11 月 28 日起 每天 ¥5.00，从押金里扣",
        "12 月 13 日仍未归还 冻结账户",
        f"押金 ¥300.00 {amounts}",
        "归还",
        "逾期费最多 按扫码那天的规则，之后改价不影响 ¥300.00",
    ):
        assert said in page
    assert ("账户已冻结" in page) is (days >= 30)
    assert ("到店换电" in page) is (days < 30)
    assert "scan-form" not in as_seen.text
    assert "未使用闪充" not in page


def test_a_change_of_the_settings_leaves_a_use_alone(
    app: Flask, phone: LawfulClient, member: Actor, batteries: list[int], database: Database
) -> None:
    a_use(app, member)
    now = app.extensions[RUNTIME].clock.now()
    a_setting(app, database, FLASH_LATE_FEE, 9_00, since=now)
    assert "每天 ¥5.00" in words(phone.get("/m/flash"))


@pytest.mark.req("FLOW-FLASH-2")
def test_giving_back_is_asked_for_and_ended_by_the_clerk(
    app: Flask, phone: LawfulClient, member: Actor, batteries: list[int], database: Database
) -> None:
    use_id = a_use(app, member)
    for _ in range(2):
        assert press(phone, "/m/flash/return").location == "/m/flash"
    page = phone.get("/m/flash")
    assert "已点归还" in words(page)
    assert "到紫金港店柜台让店员扫一下" in words(page)
    assert "/m/flash/return" not in page.text
    assert database.count(BatteryUse, HELD_NOW) == 1
    take_back(app, use_id)
    assert press(phone, "/m/flash/return").location == "/m/flash"
    assert "未使用闪充" in words(phone.get("/m/flash"))
    assert scan(phone, "A00002")[0] == 303


def test_the_battery_in_hand_stands_on_the_own_page(
    app: Flask, phone: LawfulClient, member: Actor, batteries: list[int], clock: MovedClock
) -> None:
    assert "电池" not in words(phone.get("/m/me"))
    a_use(app, member)
    assert "我手上的电池 A 00001 闪充电池 还有 14 天免费" in words(phone.get("/m/me"))
    clock.advance(timedelta(days=16))
    page = words(phone.get("/m/me"))
    assert "闪充电池 逾期 2 天" in page
    assert "学生证 已通过" in page


def test_exchanging_is_explained_and_done_at_the_counter(
    app: Flask, phone: LawfulClient, member: Actor, batteries: list[int], database: Database
) -> None:
    assert phone.get("/m/flash/exchange").location == "/m/flash"
    a_use(app, member)
    page = words(phone.get("/m/flash/exchange"))
    for said in ("A 00001", "紫金港店", "店员扫旧的，再扫新的", "换电不收费"):
        assert said in page
    a_setting(app, database, FLASH_PRICE, 3_00)
    assert "¥3.00" in words(phone.get("/m/flash/exchange"))


def test_a_battery_of_another_region_goes_back_to_its_own_store(
    app: Flask, phone: LawfulClient, member: Actor, database: Database
) -> None:
    """Its counter sees 归还 and has others like it; for questions the person's own store stays the one to ask."""
    some_batteries(database, "B")
    a_setting(app, database, FLASH_PRICE, 3_00, region="B")
    a_use(app, member, "B00001")
    press(phone, "/m/flash/return")
    using, exchange = words(phone.get("/m/flash")), words(phone.get("/m/flash/exchange"))
    assert "到小和山店柜台让店员扫一下这块电池" in using
    assert "别的门店也收" in using
    assert "小和山店 在库电池 9 块" in using
    assert "带着这块电池到小和山店 别的门店也能办" in exchange
    assert "¥3.00" in exchange
    for page in (using, exchange):
        assert "联系紫金港店客服" in page


def test_the_fee_of_this_use_may_be_paid_at_once(
    app: Flask, phone: LawfulClient, member: Actor, batteries: list[int], database: Database
) -> None:
    a_setting(app, database, FLASH_PRICE, 3_00)
    a_use(app, member)
    assert "使用费 ¥3.00" in words(phone.get("/m/flash"))
    assert "去付" in words(phone.get("/m/flash"))


def test_a_use_that_is_to_be_cleared_up_says_so(
    app: Flask, phone: LawfulClient, member: Actor, batteries: list[int]
) -> None:
    use_id, now = a_use(app, member), app.extensions[RUNTIME].clock.now()
    with app.app_context():
        flash_charge.take_in(
            batteries[4], bringer_use_id=use_id, reason="拿错了", actor=a_member_of_staff(app), now=now
        )
    page = words(phone.get("/m/flash"))
    assert "待核实" in page
    assert "店里正在核实" in page
    assert "待核实" in words(phone.get("/m/flash/uses"))


def test_the_own_uses_are_listed_newest_first_by_pages(
    app: Flask, phone: LawfulClient, member: Actor, batteries: list[int], as_customer: AsCustomer
) -> None:
    now = app.extensions[RUNTIME].clock.now()
    for n in range(22):
        at = now - timedelta(days=60 - n)
        take_back(app, a_use(app, member, f"A{n % 10 + 1:05d}", now=at), now=at + timedelta(hours=3))
    first = phone.get("/m/flash/uses")
    assert first.text.count('class="order-card"') == 20
    assert words(first).index("A 00002") < words(first).index("A 00001")
    older = re.search(r'href="([^"]*after=[^"]*)"', first.text)
    assert older
    assert phone.get(older[1]).text.count('class="order-card"') == 2
    assert "使用记录 22 次" in words(phone.get("/m/flash"))
    assert "还没有用过电池" in words(as_customer().get("/m/flash/uses"))
    assert "没有更早的记录" in words(as_customer().get(older[1]))


# ---- leaving ---------------------------------------------------------------------------------------------------------


def test_leaving_says_what_happens_then_the_deposit_is_on_its_way_back(phone: LawfulClient, database: Database) -> None:
    page = words(phone.get("/m/flash/leave"))
    for said in ("不能再扫电池", "¥300.00 退回你的微信", "押金 ¥300.00 已扣 ¥0.00 可退 ¥300.00", "退出并退款 ¥300.00"):
        assert said in page
    assert press(phone, "/m/flash/leave").location == "/m/deposits"
    assert database.one(select(Deposit.status)) is DepositStatus.REFUNDING
    assert press(phone, "/m/flash/leave").location == "/m/deposits"
    assert phone.get("/m/flash/leave").location == "/m/deposits"
    assert "退款中" in words(phone.get("/m/deposits"))
    page = words(phone.get("/m/flash"))
    assert "未开通闪充" in page
    assert "上一份押金 退款中" in page


def test_unpaid_fees_are_withheld_and_said_before(
    app: Flask, phone: LawfulClient, member: Actor, batteries: list[int], database: Database
) -> None:
    a_setting(app, database, FLASH_PRICE, 3_00)
    take_back(app, a_use(app, member))
    page = words(phone.get("/m/flash/leave"))
    assert "A00001 的使用费 ¥3.00 还没付，从押金里扣" in page
    assert "押金 ¥300.00 已扣 ¥3.00 可退 ¥297.00" in page
    press(phone, "/m/flash/leave")
    deposit = database.one(select(Deposit))
    assert (deposit.status, deposit.withheld_fen) == (DepositStatus.REFUNDING, 3_00)


@pytest.mark.parametrize("tie", ["battery", "rental", "freeze"])
def test_whoever_is_not_free_to_leave_reads_why_and_what_to_do(
    app: Flask, phone: LawfulClient, member: Actor, batteries: list[int], database: Database, tie: str
) -> None:
    if tie == "battery":
        a_use(app, member)
    elif tie == "rental":
        a_rental_order(app, database, customer=member, card=False, deposit=None, picked_up=True)
    else:
        freeze(database, member, app)
    what, to_do = {
        "battery": ("没还的电池", "先到柜台还电池"),
        "rental": ("没还的车", "先到柜台还车"),
        "freeze": ("账户冻结", "押金不会没收"),
    }[tie]
    page = words(phone.get("/m/flash/leave"))
    assert what in page
    assert to_do in page
    assert "退出并退款" not in page
    refused = press(phone, "/m/flash/leave")
    assert refused.status_code == 422
    assert f"押金现在不能退，还有：{what}" in words(refused)
    assert database.one(select(Deposit.status).where(Deposit.kind == DepositKind.FLASH)) is DepositStatus.HELD


# ---- what a battery's QR opens ---------------------------------------------------------------------------------------


@pytest.mark.req("NUM-9", "FLOW-FLASH-2")
def test_the_code_of_a_battery_shows_its_number_and_takes_nothing(
    phone: LawfulClient, batteries: list[int], database: Database
) -> None:
    page = phone.get("/q/A00004")
    for said in ("A 00004", "用这块电池", "每次使用 不收费", "扫码后 14 天"):
        assert said in words(page)
    assert database.count(BatteryUse) == 0
    for _ in range(2):  # pressed twice, it is theirs already
        assert press(phone, "/q/A00004").location == "/m/flash"
    assert database.count(BatteryUse) == 1
    assert phone.get("/q/a00004").location == "/m/flash"


def test_a_stranger_comes_back_to_the_battery_after_the_log_in(client: LawfulClient, as_customer: AsCustomer) -> None:
    assert client.get("/q/A00004").location == "/m/login?next=/q/A00004"
    assert press(client, "/q/A00004").location.startswith("/m/login")
    visitor = as_customer(registered=False)
    assert visitor.get("/m/login?next=/q/A00004").location == "/q/A00004"


@pytest.mark.parametrize("code", ["A00099", "Z00001", "AM0001", "42", "A000001", "%E7%94%B5", "A0004'--"])
def test_a_code_that_is_no_battery_has_a_page_of_ours(
    phone: LawfulClient, batteries: list[int], database: Database, code: str
) -> None:
    for answer in (phone.get(f"/q/{code}"), press(phone, f"/q/{code}")):
        assert answer.status_code == 404
        assert "再扫一次" in words(answer)
        assert "联系客服" in words(answer)
    assert database.count(BatteryUse) == 0


@pytest.mark.parametrize(
    ("who", "says", "way"),
    [
        ("visitor", "还没开通闪充", "/m/flash"),
        ("no member", "还没开通闪充", "/m/flash"),
        ("card waits", "学生证还没通过审核", "/m/card?next=/m/flash"),
        ("frozen", "借给别人用", "/m/frozen"),
        ("owes", "上次的使用费 ¥3.00 还没付", "/m/pay/"),
        ("holds another", "你手上还有电池 A00001，先还了再扫新的", "/m/flash"),
        ("taken", "电池 A00004 有人在用", "/m/flash"),
        ("in repair", "电池 A00004 现在不能用", "/m/flash"),
    ],
)
def test_each_refusal_has_its_words_and_its_way_on_before_and_after_the_press(
    app: Flask,
    as_customer: AsCustomer,
    member: Actor,
    batteries: list[int],
    database: Database,
    who: str,
    says: str,
    way: str,
) -> None:
    person = member
    if who == "visitor":
        person = a_customer(app, registered=False)
    elif who == "no member":
        person = a_customer(app)
    elif who == "card waits":
        a_card(app, member, approved=False)
    elif who == "frozen":
        freeze(database, member, app)
    elif who == "owes":
        a_setting(app, database, FLASH_PRICE, 3_00)
        take_back(app, a_use(app, member))
    elif who == "holds another":
        a_use(app, member)
    elif who == "taken":
        a_use(app, a_member(app), "A00004")
    else:
        with database.write() as session:
            session.execute(update(Battery).where(Battery.n == 4).values(state=BatteryState.REPAIR))
    phone, before = as_customer(person), database.count(BatteryUse)
    page = phone.get("/q/A00004")
    assert page.status_code == 200
    answers = [page]
    if who == "visitor":
        assert press(phone, "/q/A00004").location.startswith("/m/register")
    else:
        answers.append(press(phone, "/q/A00004"))
        assert answers[1].status_code == 422
    for answer in answers:
        assert says in words(answer)
        assert "A 00004" in words(answer)
        assert f'href="{way}' in answer.text
        assert "用这块电池" not in words(answer)
    assert database.count(BatteryUse) == before


@pytest.mark.both_engines
def test_of_two_people_one_wins_and_the_other_reads_that_it_is_taken(
    app: Flask, as_customer: AsCustomer, database: Database
) -> None:
    ids = some_batteries(database)
    first, second = as_customer(a_member(app)), as_customer(a_member(app))
    for phone in (first, second):
        assert "用这块电池" in words(phone.get("/q/A00001"))
    assert press(first, "/q/A00001").location == "/m/flash"
    refused = press(second, "/q/A00001")
    assert refused.status_code == 422
    assert "电池 A00001 有人在用，换一块再扫" in words(refused)
    assert battery_state(app, ids[0]) is BatteryState.IN_USE
    assert database.count(BatteryUse, HELD_NOW) == 1


def test_trying_numbers_ends(phone: LawfulClient, batteries: list[int]) -> None:
    answers = [press(phone, "/m/flash", code="42").status_code for _ in range(61)]
    assert answers == [422] * 60 + [429]
