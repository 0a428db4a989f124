"""The counter over HTTP: every answer that a sale can have, with its own words and its next step (decision 17)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.domain.calendar import business_day
from app.domain.orders import OrderStatus
from app.domain.permissions import Actor
from app.models.money import Charge, Payment
from app.models.orders import PickupAttempt
from app.usecases import customers, orders
from app.web.current import RUNTIME
from tests.factories.counter import BLUE, DONE, FRAME_NO, GREEN, HTMX, RED, band, scan, words
from tests.factories.forms import csrf_token
from tests.factories.ground import COLOURS, PRICE_FEN
from tests.factories.orders import an_order, order_of, pay, person_of
from tests.factories.people import a_customer, a_member_of_staff
from tests.factories.reading import read
from tests.fixtures.actors import AsStaff
from tests.fixtures.apps import MovedClock
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient


@dataclass
class Store:
    """Store B in the middle of a day: one order in each state that the counter knows."""

    app: Flask
    boss: Actor

    def __post_init__(self) -> None:
        self.now = self.app.extensions[RUNTIME].clock.now()

    def order(
        self, *, hours_ago: float = 1, region: str = "B", name: str = "赵思琪", phone: str = "13812347731", **how: Any
    ) -> int:
        customer = a_customer(self.app, region=region, name=name, phone=phone)
        return an_order(self.app, customer=customer, region=region, now=self.now - timedelta(hours=hours_ago), **how)

    def number(self, order_id: int) -> str:
        return order_of(self.app, order_id).number

    def ready(self) -> str:
        return self.number(self.order(paid=True))

    def unpaid(self) -> str:
        return self.number(self.order())

    def too_late_to_pay(self) -> str:
        return self.number(self.order(hours_ago=71.95))

    def overdue(self) -> str:
        return self.number(self.order(hours_ago=120, paid=True))

    def frozen(self) -> str:
        order_id = self.order(paid=True)
        with self.app.app_context():
            customers.freeze(person_of(self.app, order_id), reason="电池 B00317 没还", actor=self.boss, now=self.now)
        return self.number(order_id)

    def expired(self) -> str:
        order_id = self.order(hours_ago=80)
        with self.app.app_context():
            assert orders.expire_order(order_id, actor=Actor.job("tests"), now=self.now)
        return self.number(order_id)

    def expired_but_not_swept(self) -> str:
        return self.number(self.order(hours_ago=80))

    def cancelled(self) -> str:
        order_id = self.order()
        with self.app.app_context():
            orders.cancel_order(order_id, reason="不要了", actor=self.boss, now=self.now)
        return self.number(order_id)

    def cancelled_paid(self) -> str:
        order_id = self.order(paid=True)
        with self.app.app_context():
            orders.cancel_order(order_id, reason="不要了", actor=self.boss, now=self.now)
        return self.number(order_id)

    def collected(self) -> str:
        return self.number(self.order(picked_up=True))


@pytest.fixture
def store(app: Flask) -> Store:
    return Store(app, a_member_of_staff(app, role="manager", region="B", name="周雅"))


@pytest.fixture
def clerk(as_staff: AsStaff) -> LawfulClient:
    return as_staff("clerk", "B")


@pytest.mark.req("NUM-8", "CARD-6")
@pytest.mark.parametrize(
    ("make", "colour", "says"),
    [
        (Store.ready, GREEN, ["可以提车", "赵*琪", "浙江工业大学", "手机尾号7731", "已付¥2,399.00", "装这块车牌"]),
        (Store.overdue, GREEN, ["可以提车", "已付未提2天"]),
        (Store.unpaid, RED, ["车款还没付", "等待付款，自动刷新", "微信支付¥2,399.00，付完这里自动变为可以提车"]),
        (Store.too_late_to_pay, RED, ["车款还没付", "到期不到5分钟了，来不及付款"]),
        (Store.frozen, RED, ["不能提车：账户冻结", "电池B00317没还", "先解冻，再提车"]),
        (Store.expired, RED, ["不能提车：预约已过期", "重新预约；编号已经空出。"]),
        (Store.expired_but_not_swept, RED, ["预约已过期", "几分钟后空出"]),
        (Store.cancelled, RED, ["不能提车：订单已取消", "没有付款", "编号已经空出"]),
        (Store.cancelled_paid, RED, ["订单已取消", "付过的钱原路退回用户的微信"]),
        (Store.collected, RED, ["不能提车：已经提过车了", "小和山店，陈店员"]),
    ],
)  # fmt: skip
def test_each_state_of_an_order_has_its_own_answer(
    store: Store, clerk: LawfulClient, make: Callable[[Store], str], colour: str, says: list[str]
) -> None:
    number = make(store)
    answer = scan(clerk, number)
    assert answer.status_code == 200
    assert band(answer) == colour
    for sentence in says:
        assert sentence in words(answer)
    assert "13812347731" not in answer.text
    assert "赵思琪" not in answer.text


def test_what_was_collected_in_another_year_says_in_which(store: Store, as_staff: AsStaff, clock: MovedClock) -> None:
    number, day = store.collected(), business_day(clock.now())
    assert f"已经提过车了：{day:%m-%d}" in words(scan(as_staff("clerk", "B"), number))
    clock.advance(timedelta(days=400))
    assert f"已经提过车了：{day:%Y-%m-%d}" in words(scan(as_staff("clerk", "B"), number))


@pytest.mark.req("NUM-3", "NUM-8")
@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("AM0001", ["不能提车：这是紫金港店的订单", "这不是小和山店的订单，用户要到紫金港店提车"]),
        ("ｃｍ０００１", ["这是留和路店的订单"]),
        ("BM0913", ["没有BM0913这个编号", "再看一遍，或输后四位"]),
        ("BZ0001", ["没有BZ0001这个编号"]),
        ("XM0001", ["没有XM0001这个编号"]),
        ("9913", ["没有9913这个编号"]),
        ("hello world", ["没有HELLOWORLD这个编号"]),
    ],
)
def test_what_is_no_order_of_this_store(store: Store, clerk: LawfulClient, typed: str, says: list[str]) -> None:
    store.ready()
    answer = scan(clerk, typed)
    assert band(answer) == RED
    for sentence in says:
        assert sentence in words(answer)


def test_another_persons_plate_while_an_order_is_open(store: Store, clerk: LawfulClient) -> None:
    mine, other = store.order(paid=True), store.order(paid=True, name="许诺", phone="13812340067")
    answer = scan(clerk, store.number(other), open_order=mine)
    assert band(answer) == RED
    assert f"编号{store.number(other)}是另一位用户的，核对车牌。" in words(answer)
    assert "许" not in words(answer)  # who it belongs to is not told
    assert f'name="open_order" value="{mine}"' in answer.text
    afresh = scan(clerk, "", fresh=store.number(other), open_order=mine)
    assert band(afresh) == GREEN
    assert "许*" in words(afresh)


def test_digits_let_choose_by_number_and_by_phone(store: Store, clerk: LawfulClient) -> None:
    by_number = store.number(store.order(paid=True))
    by_phone = store.number(store.order(name="许诺", phone="13812340001"))
    answer = scan(clerk, "0001")
    assert band(answer) == BLUE
    assert "小和山店待提车，编号尾数0001" in words(answer)
    assert "手机尾号0001的用户" in words(answer)
    assert re.findall(r'value="(BM\d+)"\s+data-scan', answer.text) == [by_number, by_phone]
    assert re.findall(r'data-key="(\d)"', answer.text) == ["1", "2"]
    assert band(scan(clerk, "", chosen=by_number)) == GREEN


def test_the_log_shows_no_phone_and_no_name(store: Store, clerk: LawfulClient, database: Database) -> None:
    store.ready()
    for typed in ("13812347731", "赵思琪", "330106200405010017"):
        scan(clerk, typed)
    kept = database.all(select(PickupAttempt.typed).where(PickupAttempt.staff_id.is_not(None)))
    assert set(kept) == {None}
    log = clerk.get("/pickup/attempts?region=B")
    assert "不是编号，没有记" in log.text
    for typed in ("13812347731", "赵思琪", "33010620"):
        assert typed not in log.text


# ---- Waiting for a payment ----


def test_an_unpaid_order_turns_ready_by_itself(store: Store, clerk: LawfulClient, database: Database) -> None:
    order_id = store.order(prepared=True)
    answer = scan(clerk, store.number(order_id))
    found = re.search(r'hx-get="([^"]+)"\s+hx-trigger="every 4s"', answer.text)
    assert found
    watch = found[1].replace("&amp;", "&")
    tries = database.count(PickupAttempt)
    assert clerk.get(watch, headers=HTMX).status_code == 204
    _pay(store, order_id)
    paid = clerk.get(watch, headers=HTMX)
    assert band(paid) == GREEN
    assert "hx-trigger" not in paid.text
    assert database.count(PickupAttempt) == tries  # looking again is no try


def test_money_that_does_not_fit_is_not_asked_for_again(store: Store, clerk: LawfulClient) -> None:
    order_id = store.order(prepared=True)
    _pay(store, order_id, amount_fen=100)
    answer = scan(clerk, store.number(order_id))
    assert band(answer) == RED
    assert "付的钱和订单对不上" in words(answer)
    assert "先别让用户再付" in words(answer)
    assert "二维码：这个订单的付款页" not in answer.text


def test_waiting_for_a_payment_ends(store: Store, clerk: LawfulClient, clock: MovedClock) -> None:
    answer = scan(clerk, store.unpaid())
    found = re.search(r'hx-get="([^"]+)"', answer.text)
    assert found
    clock.advance(timedelta(minutes=16))
    ended = clerk.get(found[1].replace("&amp;", "&"), headers=HTMX)
    assert band(ended) == RED
    assert "hx-trigger" not in ended.text
    assert "付完再查一次" in words(ended)


def _pay(store: Store, order_id: int, *, amount_fen: int = PRICE_FEN) -> None:
    """WeChat's notice that the order's attempt was paid."""
    order = order_of(store.app, order_id)
    with read(store.app) as session:
        wanted = select(Payment.out_trade_no).join(Charge, Charge.id == Payment.charge_id)
        out_trade_no = session.scalars(wanted.where(Charge.order_id == order_id)).one()
    customer = Actor.customer(order.customer_id, registered=True, region_id=order.region_id)
    pay(store.app, out_trade_no, customer=customer, now=store.now, amount_fen=amount_fen)


# ---- Handing over ----


def hand_over(client: LawfulClient, order_id: int, *, htmx: bool = True, **fields: str) -> TestResponse:
    sent = {"csrf_token": csrf_token(client), "colour": COLOURS[0], "frame_no": FRAME_NO, **fields}
    return client.post(f"/pickup/orders/{order_id}", data=sent, headers=HTMX if htmx else {})


@pytest.mark.req("ORD-2", "NUM-8")
def test_confirming_ends_in_a_receipt_and_the_figures_move(store: Store, clerk: LawfulClient) -> None:
    order_id = store.order(paid=True)
    scan(clerk, store.number(order_id))
    receipt = hand_over(clerk, order_id, colour=COLOURS[1])
    assert (receipt.status_code, band(receipt)) == (200, DONE)
    assert f"{store.number(order_id)}已提车" in words(receipt)
    assert FRAME_NO in words(receipt)
    assert "今天已提车1" in words(receipt)
    assert "待提车买车0租车0" in words(receipt)
    order = order_of(store.app, order_id)
    assert (order.status, order.colour) == (OrderStatus.COMPLETED, COLOURS[1])


def test_without_javascript_every_step_is_a_page(store: Store, clerk: LawfulClient) -> None:
    order_id = store.order(paid=True)
    page = scan(clerk, store.number(order_id), htmx=False)
    assert band(page) == GREEN
    assert "今天已提车" in words(page)
    done = hand_over(clerk, order_id, htmx=False)
    assert done.status_code == 303
    receipt = clerk.get(done.location)
    assert band(receipt) == DONE
    assert "已提车" in words(receipt)


def test_pressing_twice_shows_the_same_receipt(store: Store, clerk: LawfulClient) -> None:
    order_id = store.order(paid=True)
    assert [band(hand_over(clerk, order_id)) for _ in range(2)] == [DONE] * 2


def test_the_slower_clerk_sees_who_was_faster(store: Store, clerk: LawfulClient, as_staff: AsStaff) -> None:
    order_id = store.order(paid=True)
    hand_over(as_staff("clerk", "B"), order_id)
    late = hand_over(clerk, order_id)
    assert (late.status_code, band(late)) == (422, RED)
    assert "已经提过车了" in words(late)


@pytest.mark.parametrize("typed", ["", "12", "LB-26-6021", "车架12345"])
def test_a_wrong_frame_number_is_told_beside_its_field_and_kept(store: Store, clerk: LawfulClient, typed: str) -> None:
    order_id = store.order(paid=True)
    answer = hand_over(clerk, order_id, frame_no=typed, colour=COLOURS[1])
    assert (answer.status_code, band(answer)) == (422, GREEN)
    assert "车架号是5到30位的字母和数字" in words(answer)
    field = re.search(r'<input[^>]*name="frame_no"[^>]*>', answer.text)
    assert field
    assert f'value="{typed}"' in field[0]
    assert 'aria-invalid="true"' in field[0]
    assert re.search(rf'<option selected value="{COLOURS[1]}"', answer.text)
    assert f'name="open_order" value="{order_id}"' in answer.text


def test_a_frame_number_that_went_out_is_refused_with_its_holder(store: Store, clerk: LawfulClient) -> None:
    first, second = store.order(paid=True), store.order(paid=True)
    hand_over(clerk, first)
    answer = hand_over(clerk, second)
    assert answer.status_code == 422
    assert f"车架号{FRAME_NO}已经登记在{store.number(first)}上" in words(answer)


def test_a_scanned_frame_number_fills_its_field_and_keeps_the_colour(store: Store, clerk: LawfulClient) -> None:
    order_id = store.order(paid=True)
    answer = scan(clerk, "ｌｂｙｄ26b006021", open_order=order_id, colour=COLOURS[1])
    assert band(answer) == GREEN
    field = re.search(r'<input[^>]*name="frame_no"[^>]*>', answer.text)
    assert field
    assert f'value="{FRAME_NO}"' in field[0]
    assert re.search(rf'<option selected value="{COLOURS[1]}"', answer.text)


def test_what_was_cancelled_meanwhile_is_shown_as_it_is_now(store: Store, clerk: LawfulClient) -> None:
    order_id = store.order(paid=True)
    with store.app.app_context():
        orders.cancel_order(order_id, reason="不要了", actor=store.boss, now=store.now)
    answer = hand_over(clerk, order_id)
    assert (answer.status_code, band(answer)) == (422, RED)
    assert "订单已取消" in words(answer)


# ---- Taking back ----


def test_a_supervisor_takes_back_the_last_pickup(store: Store, as_staff: AsStaff, clock: MovedClock) -> None:
    boss = as_staff("manager", "B")
    order_id = store.order(paid=True)
    hand_over(boss, order_id)
    assert f"/pickup/orders/{order_id}/undo" in boss.get("/pickup?region=B").text
    sheet = boss.get(f"/pickup/orders/{order_id}/undo", headers=HTMX)
    assert "赵*琪" in sheet.text
    assert FRAME_NO in sheet.text
    sent = {"csrf_token": csrf_token(boss), "reason": "拿错车"}
    done = boss.post(f"/pickup/orders/{order_id}/undo", data=sent)
    assert done.status_code == 303
    assert f"已撤销{store.number(order_id)}的提车" in words(boss.get(done.location))
    assert order_of(store.app, order_id).status is OrderStatus.RESERVED
    assert band(scan(boss, store.number(order_id))) == GREEN


def test_taking_back_needs_a_reason_and_keeps_what_was_typed(store: Store, as_staff: AsStaff) -> None:
    boss = as_staff("manager", "B")
    order_id = store.order(paid=True)
    hand_over(boss, order_id)
    token = csrf_token(boss)
    empty = boss.post(f"/pickup/orders/{order_id}/undo", data={"csrf_token": token, "reason": " "})
    assert empty.status_code == 422
    assert "写一句原因" in empty.text
    long = boss.post(f"/pickup/orders/{order_id}/undo", data={"csrf_token": token, "reason": "长" * 201}, headers=HTMX)
    assert long.status_code == 422
    assert "长" * 201 in long.text


def test_after_half_an_hour_nothing_is_taken_back(store: Store, as_staff: AsStaff, clock: MovedClock) -> None:
    boss = as_staff("manager", "B")
    order_id = store.order(paid=True)
    hand_over(boss, order_id)
    clock.advance(timedelta(minutes=29))
    assert "撤销上一次提车" in boss.get("/pickup?region=B").text
    clock.advance(timedelta(minutes=2))
    boss = as_staff("manager", "B")
    assert "撤销上一次提车" not in boss.get("/pickup?region=B").text
    late = boss.post(f"/pickup/orders/{order_id}/undo", data={"csrf_token": csrf_token(boss), "reason": "拿错车"})
    assert late.status_code == 422
    assert "提车超过 30 分钟，不能撤销了" in late.text


def test_a_clerk_does_not_see_it_and_may_not(store: Store, clerk: LawfulClient) -> None:
    order_id = store.order(paid=True)
    hand_over(clerk, order_id)
    assert "撤销" not in clerk.get("/pickup?region=B").text
    assert clerk.get(f"/pickup/orders/{order_id}/undo").status_code == 403
    sent = {"csrf_token": csrf_token(clerk), "reason": "拿错车"}
    assert clerk.post(f"/pickup/orders/{order_id}/undo", data=sent).status_code == 403


# ---- Whose counter it is ----


@pytest.mark.parametrize("path", ["/pickup?region=A", "/pickup/attempts?region=A"])
def test_a_clerk_of_one_store_never_sees_another(clerk: LawfulClient, path: str) -> None:
    assert clerk.get(path).status_code == 404


def test_another_stores_order_is_not_found(store: Store, clerk: LawfulClient, as_staff: AsStaff) -> None:
    theirs = store.order(region="A", paid=True)
    assert clerk.get(f"/pickup/orders/{theirs}").status_code == 404
    assert hand_over(clerk, theirs).status_code == 404
    assert as_staff("manager", "B").get(f"/pickup/orders/{theirs}/undo").status_code == 404
    ours = store.number(store.order(paid=True))
    assert band(scan(clerk, ours, open_order=theirs)) == GREEN  # a made-up open order changes nothing


def test_who_works_in_several_stores_switches_between_them(as_staff: AsStaff) -> None:
    boss = as_staff("manager", None)
    page = boss.get("/pickup?region=C")
    for letter in "ABC":
        assert f'href="/pickup?region={letter}"' in page.text
    assert "等着扫码" in page.text
    one = as_staff("clerk", "C").get("/pickup")
    assert "留和路店" in one.text
    assert "/pickup?region=A" not in one.text


def test_finance_has_no_counter(as_staff: AsStaff) -> None:
    assert as_staff("finance", None).get("/pickup").status_code == 403


# ---- The log of what was tried ----


def test_the_log_goes_by_day_result_and_page(store: Store, clerk: LawfulClient, clock: MovedClock) -> None:
    number = store.number(store.order(paid=True, hours_ago=0))  # all of it on one day, also just after midnight
    for _ in range(51):
        scan(clerk, number)
    scan(clerk, "BM0913")
    first = clerk.get("/pickup/attempts?region=B")
    assert "第 1–50 条，共 53 条" in first.text  # the person's own try on the phone is one of them
    older = re.search(r'href="([^"]*after=[^"]*)"', first.text)
    assert older
    second = clerk.get(older[1].replace("&amp;", "&"))
    assert "第 51–53 条，共 53 条" in second.text
    assert "用户，在手机上" in second.text
    newer = re.search(r'href="([^"]*before=[^"]*)"', second.text)
    assert newer
    assert "第 1–50 条" in clerk.get(newer[1].replace("&amp;", "&")).text
    unknown = clerk.get("/pickup/attempts?region=B&answer=unknown")
    assert "共 1 条" in unknown.text
    assert "BM0913" in words(unknown)
    assert "这一天没有" in clerk.get("/pickup/attempts?region=B&day=2020-01-01").text
    assert "共 53 条" in clerk.get("/pickup/attempts?region=B&day=no&answer=no&after=no").text


def test_the_foot_shows_the_last_four_scans_of_today(
    store: Store, clerk: LawfulClient, as_staff: AsStaff, clock: MovedClock
) -> None:
    order_id = store.order(paid=True)
    scan(clerk, "BM0911")
    for typed in ("BM0912", "0913", "AM0001"):
        scan(clerk, typed)
    scan(clerk, store.number(order_id))
    foot = words(hand_over(clerk, order_id)).partition("刚才")[2]
    assert "BM0911" not in foot
    assert [w for w in ("已提车", "别的店的订单", "0913没有这个编号", "BM0912") if w in foot] == [
        "已提车", "别的店的订单", "0913没有这个编号", "BM0912",
    ]  # fmt: skip
    clock.advance(timedelta(days=1))
    assert "今天还没有扫码" in as_staff("clerk", "B").get("/pickup").text


def test_a_link_to_one_order_shows_its_answer_and_records_nothing(
    store: Store, clerk: LawfulClient, database: Database
) -> None:
    order_id = store.order(paid=True)
    tries = database.count(PickupAttempt)
    assert band(clerk.get(f"/pickup/orders/{order_id}")) == GREEN
    assert database.count(PickupAttempt) == tries
    assert clerk.get("/pickup/orders/999999").status_code == 404


@pytest.mark.statements(16)
def test_a_page_of_the_counter_takes_few_statements(store: Store, as_staff: AsStaff) -> None:
    boss = as_staff("manager", None)
    order_id = store.order(paid=True)
    for _ in range(5):
        store.order(paid=True)
    for path in ("/pickup?region=B", f"/pickup/orders/{order_id}", "/pickup/attempts?region=B"):
        assert boss.get(path).status_code == 200
