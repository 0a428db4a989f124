"""Batteries at the counter over HTTP: given back, exchanged, taken in from somebody whose they are not (23, 24, 42)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.batteries import BatteryState, EndedBy
from app.domain.deposits import DepositKind
from app.domain.permissions import Actor
from app.domain.rentals import Place
from app.domain.settings import FLASH_PRICE
from app.models.batteries import BatteryUse
from app.models.orders import PickupAttempt
from app.usecases import batteries, customers, flash_charge
from app.web.current import RUNTIME
from tests.factories.counter import BLUE, DONE, GREEN, HTMX, RED, band, scan, send, words
from tests.factories.flash import a_member, a_use, battery_state, some_batteries, take_back, use_of
from tests.factories.orders import an_order, order_of, person_of
from tests.factories.people import a_customer, a_member_of_staff
from tests.factories.rentals import a_card, a_deposit
from tests.factories.settings import a_setting
from tests.fixtures.actors import AsStaff
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient

COLUMNS = "押金¥300.00已扣¥0.00可退¥300.00"


@dataclass
class Store:
    """Store B with ten batteries."""

    app: Flask
    database: Database
    boss: Actor

    def __post_init__(self) -> None:
        self.now = self.app.extensions[RUNTIME].clock.now()
        self.ids = some_batteries(self.database, "B")

    def member(self, *, name: str = "王晓涵", phone: str = "13812342047", region: str = "B") -> Actor:
        customer = a_customer(self.app, region=region, name=name, phone=phone)
        return a_member(self.app, region=region, customer=customer)

    def use(self, number: str = "B00001", *, days_ago: float = 4, member: Actor | None = None) -> int:
        """Somebody has the battery."""
        member = member or self.member()
        return a_use(self.app, member, number, now=self.now - timedelta(days=days_ago))

    def move(self, number: str, state: BatteryState) -> None:
        with self.app.app_context():
            batteries.move(self.id(number), state=state, reason="盘点", actor=self.boss, now=self.now)

    def id(self, number: str) -> int:
        return self.ids[int(number[1:]) - 1]

    def state(self, number: str) -> BatteryState:
        return battery_state(self.app, self.id(number))

    def out(self) -> None:
        self.use()

    def asked(self) -> None:
        member = self.member()
        self.use(member=member)
        with self.app.app_context():
            flash_charge.ask_return(actor=member, now=self.now)

    def late(self) -> None:
        self.use(days_ago=16)

    def lent_today(self) -> None:
        self.use(days_ago=0)

    def in_stock(self) -> None:
        pass

    def in_repair(self) -> None:
        self.move("B00001", BatteryState.REPAIR)

    def scrapped(self) -> None:
        self.move("B00001", BatteryState.SCRAPPED)

    def lost(self) -> None:
        self.move("B00001", BatteryState.LOST)


@pytest.fixture
def store(app: Flask, database: Database) -> Store:
    return Store(app, database, a_member_of_staff(app, role="manager", region="B", name="周雅"))


@pytest.fixture
def clerk(as_staff: AsStaff) -> LawfulClient:
    return as_staff("clerk", "B")


def _act(number: str, act: str, region: str = "B") -> str:
    return f"/pickup/batteries/{number}/{act}?region={region}"


@pytest.mark.req("NUM-9", "FLOW-FLASH-2")
@pytest.mark.parametrize(
    ("make", "colour", "says"),
    [
        (Store.out, GREEN, ["可以还电池", "王*涵", "浙江工业大学", "手机尾号2047", "用了4天", "还有10天不收逾期费"]),
        (Store.out, GREEN, ["还没有在手机上点归还，也可以收", "闪充押金", COLUMNS, "换电：直接扫一块在库的电池"]),
        (Store.asked, GREEN, ["可以还电池", "在手机上点了归还"]),
        (Store.late, GREEN, ["用了16天", "逾期2天"]),
        (Store.lent_today, GREEN, ["今天借的"]),
        (Store.in_stock, BLUE, ["电池在库", "用户在手机「闪充」里扫这块电池上的码"]),
        (Store.in_repair, RED, ["电池不能用：维修", "有人送回来：按1收下，还放在维修"]),
        (Store.scrapped, RED, ["电池不能用：报废", "这块电池已经报废，不要再借出"]),
        (Store.lost, RED, ["电池不能用：丢失", "有人送回来：按1收下，改为在库"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("typed", ["B00001", "https://rent.example/q/B00001", "ｂ００００１"])
def test_each_state_of_a_battery_has_its_own_answer(
    store: Store, clerk: LawfulClient, make: Callable[[Store], None], colour: str, says: list[str], typed: str
) -> None:
    make(store)
    answer = scan(clerk, typed)
    assert (answer.status_code, band(answer)) == (200, colour)
    for sentence in says:
        assert sentence in words(answer)
    assert "13812342047" not in answer.text
    assert "王晓涵" not in answer.text


def test_a_battery_that_was_never_made(store: Store, clerk: LawfulClient) -> None:
    for number in ("B09999", "X00001"):
        answer = scan(clerk, number)
        assert band(answer) == RED
        assert f"没有{number}这块电池，再看一遍标签上的编号" in words(answer)
        assert "plate-battery" in answer.text
        assert "后四位" not in words(answer)
        assert f"没有{number}这块电池" in words(clerk.get(f"/pickup/batteries/{number}?region=B"))
    assert band(clerk.get("/pickup/batteries/nonsense?region=B")) == RED
    for act in ("return", "exchange", "take-in"):
        assert band(send(clerk, _act("B09999", act), fresh="B00001", reason="捡到的")) == RED
    assert band(clerk.get(_act("B09999", "take-in"))) == RED


# ---- Given back ----


@pytest.mark.req("FLOW-FLASH-2")
@pytest.mark.both_engines
def test_a_battery_goes_back_to_stock(store: Store, clerk: LawfulClient) -> None:
    use_id = store.use()
    receipt = send(clerk, _act("B00001", "return"), use_id=use_id, place="stock")
    assert (receipt.status_code, band(receipt)) == (200, DONE)
    for sentence in ("B00001已归还", "王*涵", "在库", "用了4天", COLUMNS, "用户的闪充继续有效", "还电池1"):
        assert sentence in words(receipt)
    assert use_of(store.app, use_id).ended_by is EndedBy.CLERK
    assert store.state("B00001") is BatteryState.IN_STOCK


def test_a_faulty_one_goes_to_repair(store: Store, clerk: LawfulClient) -> None:
    use_id = store.use()
    receipt = send(clerk, _act("B00001", "return"), use_id=use_id, place="repair")
    assert "放到维修" in words(receipt)
    assert store.state("B00001") is BatteryState.REPAIR


def test_without_javascript_it_is_a_page(store: Store, clerk: LawfulClient) -> None:
    use_id = store.use()
    assert band(scan(clerk, "B00001", htmx=False)) == GREEN
    done = send(clerk, _act("B00001", "return"), htmx=False, use_id=use_id, place="stock")
    assert done.status_code == 303
    assert "B00001已归还" in words(clerk.get(done.location))
    assert band(clerk.get("/pickup?region=B&battery=B00001&done=nonsense")) == "answer-idle"


def test_a_battery_may_come_back_at_any_store(store: Store, as_staff: AsStaff) -> None:
    elsewhere = as_staff("clerk", "A")
    use_id = store.use()
    assert band(scan(elsewhere, "B00001", region="A")) == GREEN
    receipt = send(elsewhere, _act("B00001", "return", "A"), use_id=use_id, place="stock")
    assert band(receipt) == DONE
    assert store.state("B00001") is BatteryState.IN_STOCK
    assert as_staff("finance", None).get("/pickup/batteries/B00001").status_code == 403


def test_pressing_twice_shows_the_same_receipt(store: Store, clerk: LawfulClient) -> None:
    use_id = store.use()
    sent = [send(clerk, _act("B00001", "return"), use_id=use_id, place="stock") for _ in range(2)]
    assert [band(answer) for answer in sent] == [DONE, DONE]


def test_the_slower_clerk_is_told_who_was_faster(store: Store, clerk: LawfulClient, as_staff: AsStaff) -> None:
    use_id = store.use()
    send(as_staff("clerk", "B"), _act("B00001", "return"), use_id=use_id, place="stock")
    late = send(clerk, _act("B00001", "return"), use_id=use_id, place="repair")
    assert (late.status_code, band(late)) == (422, BLUE)
    assert "陈店员刚刚收下了这块电池。" in words(late)
    assert store.state("B00001") is BatteryState.IN_STOCK


def _lent_on(store: Store) -> tuple[int, int]:
    """A battery that went to somebody else while a clerk was looking at it: the use on the screen, the use now."""
    seen = store.use()
    take_back(store.app, seen, region="B", now=store.now)
    return seen, store.use(member=store.member(name="许诺", phone="13812340067"), days_ago=0)


def test_a_screen_that_is_over_ends_nobody_elses_use(store: Store, clerk: LawfulClient) -> None:
    seen, now = _lent_on(store)
    for act in ("return", "exchange"):
        late = send(clerk, _act("B00001", act), use_id=seen, place="stock", fresh="B00002")
        assert (late.status_code, band(late)) == (422, GREEN)
        assert "这块电池刚刚换了用户，再看一遍。" in words(late)
        assert "许*" in words(late)
    assert use_of(store.app, now).returned_at is None


def test_without_that_guard_somebody_elses_use_would_end(store: Store) -> None:
    _, now = _lent_on(store)
    with store.app.app_context():
        flash_charge.take_back(store.id("B00001"), place=Place.STOCK, actor=store.boss, now=store.now)
    assert use_of(store.app, now).returned_at is not None


# ---- Exchanged ----


@pytest.mark.req("FLOW-FLASH-2")
@pytest.mark.both_engines
def test_scanning_another_of_the_stock_is_an_exchange(store: Store, clerk: LawfulClient) -> None:
    use_id = store.use()
    first = scan(clerk, "B00001")
    assert 'name="open_battery" value="B00001"' in first.text
    offered = scan(clerk, "B00002", open_battery="B00001")
    assert band(offered) == GREEN
    for sentence in ("换电", "收下", "B00001", "换上", "B00002", "王*涵", COLUMNS):
        assert sentence in words(offered)
    assert use_of(store.app, use_id).returned_at is None  # nothing was confirmed yet
    done = send(clerk, _act("B00001", "exchange"), use_id=use_id, fresh="B00002")
    assert band(done) == DONE
    assert "已换电" in words(done)
    assert "换上B00002" in words(done)
    assert [store.state(number) for number in ("B00001", "B00002")] == [BatteryState.IN_STOCK, BatteryState.IN_USE]


def test_an_exchange_can_be_left_for_a_plain_return(store: Store, clerk: LawfulClient) -> None:
    store.use()
    offered = scan(clerk, "B00002", open_battery="B00001")
    assert re.search(r'name="fresh"\s+value="B00001"\s+data-scan="B00001"', offered.text)
    assert "可以还电池" in words(scan(clerk, "", fresh="B00001", open_battery="B00001"))


def test_what_is_scanned_next_is_an_exchange_only_if_it_can_be(store: Store, clerk: LawfulClient) -> None:
    store.use()
    store.use("B00003", member=store.member(name="许诺", phone="13812340067"))
    store.move("B00004", BatteryState.REPAIR)
    assert "许*" in words(scan(clerk, "B00003", open_battery="B00001"))  # another person's: its own answer
    away = scan(clerk, "B00004", open_battery="B00001")
    assert band(away) == RED
    assert "电池不能用：维修" in words(away)
    unknown = scan(clerk, "B09999", open_battery="B00001")
    assert "回到B00001" in words(unknown)
    for nonsense in ("", "B00005", "B09999", "x" * 300):
        assert band(scan(clerk, "B00002", open_battery=nonsense)) == BLUE


def test_whoever_is_frozen_gets_no_other_battery_and_may_give_this_one_back(store: Store, clerk: LawfulClient) -> None:
    member = store.member()
    order_id = an_order(store.app, region="B", customer=member)
    use_id = store.use(member=member)
    with store.app.app_context():
        customers.freeze(person_of(store.app, order_id), reason="欠了维修费", actor=store.boss, now=store.now)
    refused = send(clerk, _act("B00001", "exchange"), use_id=use_id, fresh="B00002")
    assert (refused.status_code, band(refused)) == (422, GREEN)
    assert "换不了：账户从" in words(refused)
    assert "可以还电池" in words(refused)
    assert "data-problem" in refused.text
    assert use_of(store.app, use_id).returned_at is None
    assert band(send(clerk, _act("B00001", "return"), use_id=use_id, place="stock")) == DONE


@pytest.mark.req("FLOW-FLASH-1")
@pytest.mark.both_engines
def test_whoever_owes_the_price_of_a_use_is_offered_no_exchange(store: Store, clerk: LawfulClient) -> None:
    a_setting(store.app, store.database, FLASH_PRICE, 2_00)
    use_id = store.use()
    owed = "使用费¥2.00未付，付了才能换电"
    out = scan(clerk, "B00001")
    refused = scan(clerk, "B00002", open_battery="B00001")
    assert [band(answer) for answer in (out, refused)] == [GREEN, GREEN]
    assert f"换不了：{owed}" in words(refused)
    assert "data-problem" in refused.text
    assert "确认换电" not in words(refused)
    receipt = send(clerk, _act("B00001", "return"), use_id=use_id, place="stock")
    for answer in (out, refused, receipt):
        assert owed in words(answer)
        assert "可以再扫一块" not in words(answer)


@pytest.mark.req("FLOW-FLASH-1", "SET-4")
def test_whoever_is_late_pays_before_an_exchange_and_can_always_return(store: Store, clerk: LawfulClient) -> None:
    use_id = store.use(days_ago=16)
    owed = "逾期费¥10.00未付，付了才能换电"
    assert owed in words(scan(clerk, "B00001"))
    refused = scan(clerk, "B00002", open_battery="B00001")
    assert f"换不了：{owed}" in words(refused)
    assert "确认换电" not in words(refused)
    assert owed in words(send(clerk, _act("B00001", "return"), use_id=use_id, place="stock"))


@pytest.mark.parametrize(
    ("fresh", "says"),
    [
        ("", "没看清要换上的电池，再扫一次。"),
        ("x", "再扫一次"),
        ("B09999", "换不了：没有B09999这块电池"),
        ("B00001", "换不了"),
    ],
)
def test_an_exchange_for_nothing_is_refused(store: Store, clerk: LawfulClient, fresh: str, says: str) -> None:
    use_id = store.use()
    answer = send(clerk, _act("B00001", "exchange"), use_id=use_id, fresh=fresh)
    assert answer.status_code == 422
    assert says in words(answer)
    assert use_of(store.app, use_id).returned_at is None


def test_pressing_the_exchange_twice_is_one(store: Store, clerk: LawfulClient, database: Database) -> None:
    use_id = store.use()
    sent = [send(clerk, _act("B00001", "exchange"), use_id=use_id, fresh="B00002") for _ in range(2)]
    assert [band(answer) for answer in sent] == [DONE, DONE]
    assert database.count(BatteryUse) == 2


# ---- Not this person's ----


@pytest.mark.req("FLOW-FLASH-2")
@pytest.mark.both_engines
def test_a_battery_of_somebody_else_is_taken_in_and_everything_waits(store: Store, clerk: LawfulClient) -> None:
    mine = store.use("B00002", member=store.member(name="许诺", phone="13812340067"))
    theirs = store.use("B00001")
    path = _act("B00001", "take-in")
    sheet = clerk.get(path, headers=HTMX)
    assert "王*涵" in words(sheet)
    assert "待核实" in words(sheet)
    found = send(clerk, path, whose="B00002", reason="拿错了")
    assert found.status_code == 422
    assert "许*，浙江工业大学，手机尾号0067，电池B00002，用了4天" in words(found)
    assert "核对是不是这位用户" in words(found)
    assert "拿错了" in found.text
    assert use_of(store.app, theirs).returned_at is None
    done = send(clerk, path, htmx=False, whose="B00002", bringer=mine, reason="拿错了")
    assert done.status_code == 303
    receipt = clerk.get(done.location)
    assert band(receipt) == DONE
    assert "B00001已收下" in words(receipt)
    ended, going_on = use_of(store.app, theirs), use_of(store.app, mine)
    assert (ended.returned_at is not None, ended.disputed) == (True, True)
    assert (going_on.returned_at is None, going_on.disputed) == (True, True)


@pytest.mark.both_engines
def test_whose_it_is_may_be_found_by_phone_or_left_open(store: Store, clerk: LawfulClient) -> None:
    mine = store.use("B00002", member=store.member(name="许诺", phone="13812340067"))
    also = store.use("B00003", member=store.member(name="秦朗", phone="13912340067"))
    path = _act("B00001", "take-in")
    found = send(clerk, path, whose="0067", reason="拿错了")
    assert re.findall(r'name="bringer"[^>]*value="(\d+)"', found.text) == [str(mine), str(also)]
    nobody = send(clerk, path, htmx=False, whose="", reason="门口捡的")
    assert nobody.status_code == 303
    assert not use_of(store.app, mine).disputed


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({"whose": "9999", "reason": "拿错了"}, "没有找到正在使用的电池"),
        ({"whose": "B00009", "reason": "拿错了"}, "没有找到正在使用的电池"),
        ({"whose": "王晓涵", "reason": "拿错了"}, "输电池编号（比如A00042），或手机尾号四位"),
        ({"whose": "长" * 300, "reason": "拿错了"}, "手机尾号四位"),
        ({"whose": "", "reason": " "}, "写一句原因"),
        ({"whose": "", "reason": "长" * 201}, "原因最多200个字"),
        ({"whose": "0067", "bringer": "x", "reason": "拿错了"}, "核对是不是这位用户"),
        ({"whose": "0067", "bringer": "999999", "reason": "拿错了"}, "核对是不是这位用户"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_beside_its_field_and_kept(
    store: Store, clerk: LawfulClient, sent: dict[str, Any], says: str
) -> None:
    store.use("B00002", member=store.member(name="许诺", phone="13812340067"))
    store.move("B00001", BatteryState.REPAIR)
    answer = send(clerk, _act("B00001", "take-in"), **sent)
    assert answer.status_code == 422
    assert says in words(answer)
    assert sent["reason"].strip() in answer.text
    assert store.state("B00001") is BatteryState.REPAIR


def test_their_own_battery_is_simply_given_back(store: Store, clerk: LawfulClient) -> None:
    use_id = store.use()
    send(clerk, _act("B00001", "take-in"), whose="B00001", bringer=use_id, reason="是他的")
    use = use_of(store.app, use_id)
    assert (use.returned_at is not None, use.disputed) == (True, False)


@pytest.mark.parametrize(
    ("make", "after"),
    [
        (Store.lost, BatteryState.IN_STOCK),
        (Store.in_stock, BatteryState.IN_STOCK),
        (Store.in_repair, BatteryState.REPAIR),
        (Store.scrapped, BatteryState.REPAIR),
    ],
)
def test_a_battery_that_was_away_is_taken_in(
    store: Store, clerk: LawfulClient, make: Callable[[Store], None], after: BatteryState
) -> None:
    make(store)
    assert _act("B00001", "take-in") in scan(clerk, "B00001").text
    sheet = clerk.get(_act("B00001", "take-in"), headers=HTMX)
    assert ("电池改为在库" in words(sheet)) is (after is BatteryState.IN_STOCK)
    done = send(clerk, _act("B00001", "take-in"), htmx=False, reason="同学送回来的")
    assert "B00001已收下" in words(clerk.get(done.location))
    assert store.state("B00001") is after


# ---- Around it ----


@pytest.mark.both_engines
def test_people_who_tapped_return_wait_on_the_empty_screen(store: Store, clerk: LawfulClient) -> None:
    store.asked()
    idle = clerk.get("/pickup?region=B")
    assert "1位用户在手机上点了归还，等着扫电池" in words(idle)
    assert 'data-scan="B00001"' in idle.text
    assert band(clerk.get("/pickup/batteries/B00001?region=B")) == GREEN
    use = store.database.one(select(BatteryUse.id))
    send(clerk, _act("B00001", "return"), use_id=use, place="stock")
    assert "点了归还，等着" not in words(clerk.get("/pickup?region=B"))


@pytest.mark.both_engines
def test_a_phone_finds_whoever_has_a_battery_of_this_store(
    store: Store, clerk: LawfulClient, as_staff: AsStaff
) -> None:
    store.use()
    answer = scan(clerk, "2047")
    assert band(answer) == BLUE
    assert "手机尾号2047的用户" in words(answer)
    assert "闪充电池" in words(answer)
    assert 'value="B00001"' in answer.text
    assert band(scan(clerk, "", chosen="B00001")) == GREEN
    assert band(scan(as_staff("clerk", "A"), "2047", region="A")) == RED


@pytest.mark.both_engines
def test_the_foot_and_the_log_know_batteries(store: Store, clerk: LawfulClient, database: Database) -> None:
    use_id = store.use()
    scan(clerk, "https://rent.example/q/B00001")
    assert "B00001可以还电池" in words(clerk.get("/pickup?region=B"))
    receipt = send(clerk, _act("B00001", "return"), use_id=use_id, place="stock")
    assert "B00001已归还" in words(receipt).partition("刚才")[2]
    assert database.one(select(PickupAttempt.typed)) == "B00001"
    log = clerk.get("/pickup/attempts?region=B&answer=battery_out")
    assert 'class="plate plate-s plate-battery"' in log.text


def test_whoever_is_frozen_by_a_battery_is_led_to_it(store: Store, clerk: LawfulClient) -> None:
    customer = a_customer(store.app, region="B")
    long_ago = store.now - timedelta(days=31)
    order_id = an_order(store.app, region="B", paid=True, customer=customer)
    a_card(store.app, customer, region="B")
    a_deposit(store.app, customer, DepositKind.FLASH, now=long_ago)
    a_use(store.app, customer, "B00001", now=long_ago)
    answer = scan(clerk, order_of(store.app, order_id).number)
    assert band(answer) == RED
    for sentence in ("账户冻结：电池B00001用了31天没还", "先还电池，再提车", "查B00001"):
        assert sentence in words(answer)
    assert "可以还电池" in words(scan(clerk, "", fresh="B00001"))


@pytest.mark.statements(20)
def test_a_batterys_answer_takes_few_statements(store: Store, clerk: LawfulClient) -> None:
    store.asked()
    for path in ("/pickup/batteries/B00001?region=B", "/pickup/batteries/B00002?region=B", _act("B00001", "take-in")):
        assert clerk.get(path).status_code == 200
