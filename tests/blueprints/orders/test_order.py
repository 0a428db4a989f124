"""The page of one order: its next step, its money, what happened, and the acts that its state and a right allow."""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.domain.orders import OrderStatus
from app.domain.permissions import Actor
from app.domain.refunds import RefundStatus
from app.models.journal import Note
from app.models.money import Payment, Refund
from app.models.orders import Order
from app.models.people import Restriction
from app.usecases import customers
from app.web.current import RUNTIME
from tests.factories.orders import an_order, cancel, expire, order_of, pay, person_of, tell_of_refund
from tests.factories.people import a_customer, a_member_of_staff
from tests.factories.reading import read
from tests.fixtures.actors import AsStaff
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient


def words_of(text: str) -> str:
    """What a person reads: no tags, no runs of spaces."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text))


def strip_of(client: LawfulClient, order_id: int) -> str:
    """The sentence that says what to do now."""
    found = re.search(r'<p class="next-step.*?</p>', client.get(f"/orders/{order_id}").text, re.DOTALL)
    assert found
    return words_of(found[0]).strip()


@pytest.fixture
def manager(as_staff: AsStaff) -> LawfulClient:
    return as_staff("manager", region=None)


@pytest.mark.req("ORD-2")
def test_the_page_says_what_to_do_now_in_every_state(app: Flask, manager: LawfulClient) -> None:
    now = app.extensions[RUNTIME].clock.now()
    assert "下一步：到店试车、输入编号、付款。编号 AM0001 保留到" in strip_of(manager, an_order(app))
    assert "下一步：付款。" in strip_of(manager, an_order(app, matched=True))
    assert "还剩 2 小时" in strip_of(manager, an_order(app, now=now - timedelta(hours=69, minutes=59)))
    assert "没有付款，" in strip_of(manager, an_order(app, now=now - timedelta(hours=73)))
    assert "下一步：提车。已付清，在" in strip_of(manager, an_order(app, paid=True))
    assert "已付未提 5 天" in strip_of(manager, an_order(app, paid=True, now=now - timedelta(days=5, hours=1)))
    assert "已提车。" in strip_of(manager, an_order(app, picked_up=True, now=now - timedelta(minutes=9)))
    expire(app, expired := an_order(app, now=now - timedelta(days=4)))
    assert "已过期。" in strip_of(manager, expired)
    cancel(app, unpaid := an_order(app))
    assert "已取消。" in strip_of(manager, unpaid)
    cancel(app, waits := an_order(app, prepared=True))
    assert "等微信确认没有收款后空出" in strip_of(manager, waits)
    cancel(app, refunding := an_order(app, paid=True))
    assert "退款中：¥2,399.00 正在退回用户的微信" in strip_of(manager, refunding)
    tell_of_refund(app, refunding, RefundStatus.ABNORMAL)
    assert "退款异常，钱没有到用户账上" in strip_of(manager, refunding)
    tell_of_refund(app, refunding, RefundStatus.DONE)
    assert "¥2,399.00 已经退回用户" in strip_of(manager, refunding)


ACTS = ("取消订单", "取消并退款 ¥2,399.00", "去提车", "撤销提车", "冻结账户", "解冻")


@pytest.mark.parametrize(
    ("role", "state", "offered"),
    [
        ("clerk", {}, {"取消订单"}),
        ("clerk", {"paid": True}, {"取消并退款 ¥2,399.00", "去提车"}),
        ("clerk", {"picked_up": True}, set()),
        ("manager", {}, {"取消订单", "冻结账户"}),
        ("manager", {"paid": True}, {"取消并退款 ¥2,399.00", "去提车", "冻结账户"}),
        ("manager", {"picked_up": True}, {"撤销提车", "冻结账户"}),
        ("finance", {"paid": True}, {"取消并退款 ¥2,399.00"}),
    ],
)
def test_the_acts_are_those_of_its_state_and_of_the_role(
    app: Flask, as_staff: AsStaff, role: str, state: dict[str, Any], offered: set[str]
) -> None:
    order_id = an_order(app, now=app.extensions[RUNTIME].clock.now() - timedelta(minutes=5), **state)
    page = as_staff(role, region=None if role == "finance" else "A").get(f"/orders/{order_id}")
    buttons = re.findall(r'<a class="btn[^>]*>(.*?)</a>', page.text, re.DOTALL)
    assert {words_of(button).strip() for button in buttons} & set(ACTS) == offered


def test_a_frozen_person_cannot_pick_up_and_the_page_says_why(app: Flask, manager: LawfulClient) -> None:
    order_id = an_order(app, paid=True)
    now = app.extensions[RUNTIME].clock.now()
    with app.app_context():
        customers.freeze(person_of(app, order_id), reason="电池没还", actor=manager.actor, now=now)
    page = manager.get(f"/orders/{order_id}")
    assert "账户冻结：电池没还" in strip_of(manager, order_id)
    assert "next-stop" in page.text
    assert "去提车" not in page.text
    assert "账户冻结" in words_of(manager.get("/orders/sales").text)


def test_payments_refunds_number_and_story_stand_on_the_page(app: Flask, manager: LawfulClient) -> None:
    first = an_order(app, customer=a_customer(app, name="陈悦悦"))
    cancel(app, first)
    somebody = a_customer(app, name="王思涵")
    order_id = an_order(app, customer=somebody, paid=True)
    assert order_of(app, order_id).number == order_of(app, first).number
    cancel(app, order_id, reason="试骑后觉得座高不合适")
    tell_of_refund(app, order_id, RefundStatus.ACCEPTED)
    page = words_of(manager.get(f"/orders/{order_id}").text)
    for said in (
        "支付车款",
        "¥2,399.00 已支付",
        "−¥2,399.00 退款中",
        "立即预约，王*涵占用编号 AM0001，应付 ¥2,399.00",
        "王*涵在手机上输入编号 AM0001，相符",
        "已支付 ¥2,399.00，微信支付，金额核对一致",
        "订单取消，陈店员",
        "原因：试骑后觉得座高不合适",
        "退款 ¥2,399.00，微信已受理，还没到账",
        "陈*悦",
    ):
        assert said in page, said
    assert "王思涵" not in page
    assert "13812342047" not in page


def test_a_suspect_payment_stands_on_the_page_with_what_does_not_fit(app: Flask, manager: LawfulClient) -> None:
    somebody = a_customer(app)
    order_id = an_order(app, customer=somebody, prepared=True)
    page = manager.get(f"/orders/{order_id}").text
    trade_no = re.search(r'title="(S\d{6}A\d{4}-1-[0-9a-f]{6})"', page)
    assert trade_no
    pay(app, trade_no[1], customer=somebody, amount_fen=100, now=app.extensions[RUNTIME].clock.now())
    page = words_of(manager.get(f"/orders/{order_id}").text)
    assert "¥1.00 金额不符" in page
    assert "收到 ¥1.00，金额不符，没有入账，等人处理" in page
    assert "未支付" in page


def test_an_order_of_another_region_is_not_there(app: Flask, as_staff: AsStaff) -> None:
    order_id = an_order(app, region="A")
    assert as_staff("clerk", region="B").get(f"/orders/{order_id}").status_code == 404


@pytest.mark.parametrize("order_id", ["0", "999", "999999999999999", "99999999999999999999999", "abc", "-1"])
def test_an_id_that_is_none_is_not_found(manager: LawfulClient, order_id: str) -> None:
    assert manager.get(f"/orders/{order_id}").status_code == 404


# Acts: each works, keeps what was typed, is refused without the right, and knows no order of another region.

CANCEL = ("cancel", {"why": "用户不想要了", "more": "座高不合适"}, {"why": "其他", "more": ""}, "manager", "technician")
FREEZE = ("freeze", {"reason": "电池没还"}, {"reason": " "}, "manager", "clerk")
UNFREEZE = ("unfreeze", {"reason": "还了"}, {"reason": ""}, "manager", "clerk")
NOTE = ("notes", {"body": "周三来提"}, {"body": "  "}, "clerk", "technician")
EACH_ACT = pytest.mark.parametrize(
    ("act", "good", "bad", "may", "may_not"), [CANCEL, FREEZE, UNFREEZE, NOTE], ids=lambda value: str(value)[:8]
)
Form = Mapping[str, str]
NO_HEADERS: Form = {}
HTMX: Form = {"HX-Request": "true"}


def happened(database: Database, order_id: int) -> tuple[object, ...]:
    """What an act would have changed."""
    return (
        database.one(select(Order.status).where(Order.id == order_id)),
        database.count(Note),
        database.count(Restriction, Restriction.lifted_at.is_(None)),
    )


@pytest.fixture
def an_order_for(app: Flask, manager: LawfulClient) -> Callable[[str], int]:
    """An order that the act fits."""

    def made(act: str) -> int:
        order_id = an_order(app, paid=True)
        if act == "unfreeze":
            now = app.extensions[RUNTIME].clock.now()
            with app.app_context():
                customers.freeze(person_of(app, order_id), reason="电池没还", actor=manager.actor, now=now)
        return order_id

    return made


def posted(client: LawfulClient, order_id: int | str, act: str, form: Form, headers: Form = NO_HEADERS) -> TestResponse:
    token = "token-of-nobody"
    page = client.get(f"/orders/{order_id}" if act == "notes" else f"/orders/{order_id}/{act}")
    if found := re.search(r'name="csrf_token" value="([^"]+)"', page.text):
        token = found[1]
    return client.post(f"/orders/{order_id}/{act}", data={**form, "csrf_token": token}, headers=dict(headers))


@EACH_ACT
def test_an_act_works_and_ends_on_the_page_of_its_order(
    app: Flask,
    database: Database,
    as_staff: AsStaff,
    an_order_for: Callable[[str], int],
    act: str,
    good: Form,
    bad: Form,
    may: str,
    may_not: str,
) -> None:
    order_id = an_order_for(act)
    before = happened(database, order_id)
    answer = posted(as_staff(may, region="A"), order_id, act, good)
    assert (answer.status_code, answer.location.partition("#")[0]) == (303, f"/orders/{order_id}")
    assert happened(database, order_id) != before


@EACH_ACT
def test_an_act_that_lacks_something_keeps_what_was_typed(
    database: Database,
    as_staff: AsStaff,
    an_order_for: Callable[[str], int],
    act: str,
    good: Form,
    bad: Form,
    may: str,
    may_not: str,
) -> None:
    order_id = an_order_for(act)
    before = happened(database, order_id)
    client = as_staff(may, region="A")
    for headers in (NO_HEADERS, HTMX):
        answer = posted(client, order_id, act, bad, headers)
        assert answer.status_code == 422
        assert 'aria-invalid="true"' in answer.text
        assert ("<html" in answer.text) is not bool(headers)
    assert happened(database, order_id) == before


@EACH_ACT
def test_an_act_is_refused_to_whoever_may_not(
    app: Flask,
    database: Database,
    as_staff: AsStaff,
    client: LawfulClient,
    an_order_for: Callable[[str], int],
    act: str,
    good: Form,
    bad: Form,
    may: str,
    may_not: str,
) -> None:
    order_id = an_order_for(act)
    before = happened(database, order_id)
    app.config["WTF_CSRF_ENABLED"] = False
    url = f"/orders/{order_id}/{act}"
    assert client.post(url, data=good).location.startswith("/login")
    assert as_staff(may_not, region="A").post(url, data=good).status_code == 403
    stranger = as_staff(may, region="B")
    assert stranger.post(url, data=good).status_code == 404
    assert stranger.post(url, data=bad).status_code == 404
    assert as_staff(may, region="A").post(f"/orders/999999/{act}", data=good).status_code == 404
    assert happened(database, order_id) == before


def test_the_sheet_of_cancelling_says_who_how_much_and_what_follows(app: Flask, manager: LawfulClient) -> None:
    order_id = an_order(app, customer=a_customer(app, name="王思涵"), paid=True)
    sheet = manager.get(f"/orders/{order_id}/cancel", headers={"HX-Request": "true"})
    page = manager.get(f"/orders/{order_id}/cancel")
    for answer in (sheet, page):
        said = words_of(answer.text)
        for part in ("王*涵", "AM0001 车款", "已付 ¥2,399.00", "已退 ¥0.00", "最多可退 ¥2,399.00", "不退了"):
            assert part in said.replace(" </dd>", ""), part
        assert "订单变为已取消，编号 AM0001 立即空出" in said
        assert "库存 49 → 50" in said
        assert re.search(r'class="btn btn-danger[^>]*><span>退款 ¥2,399.00<', answer.text)
    assert "<html" not in sheet.text
    assert "<html" in page.text


@pytest.mark.req("NUM-5")
def test_cancelling_a_paid_order_refunds_it_in_full_and_shows_the_receipt(
    app: Flask, database: Database, manager: LawfulClient
) -> None:
    order_id = an_order(app, paid=True)
    answer = posted(manager, order_id, "cancel", CANCEL[1], HTMX)
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, f"/orders/{order_id}")
    refund = database.one(select(Refund))
    assert refund.amount_fen == 2399_00
    order = order_of(app, order_id)
    assert (order.status, order.close_reason) == (OrderStatus.CANCELLED, "用户不想要了：座高不合适")
    assert "退款中" in words_of(manager.get(f"/orders/{order_id}").text)
    app.config["WTF_CSRF_ENABLED"] = False
    again = manager.post(f"/orders/{order_id}/cancel", data=CANCEL[1])
    assert again.status_code == 303  # a second press finds it done
    assert database.count(Refund) == 1


def test_after_the_pickup_there_is_no_cancelling(app: Flask, database: Database, manager: LawfulClient) -> None:
    order_id = an_order(app, picked_up=True)
    assert manager.get(f"/orders/{order_id}/cancel").status_code == 422
    app.config["WTF_CSRF_ENABLED"] = False
    answer = manager.post(f"/orders/{order_id}/cancel", data=CANCEL[1])
    assert answer.status_code == 422
    assert "这辆车已经提走了。" in answer.text
    assert database.count(Refund) == 0


def test_a_note_is_for_colleagues_and_one_press_is_one_note(app: Flask, database: Database, as_staff: AsStaff) -> None:
    order_id = an_order(app)
    clerk = as_staff("clerk", region="A")
    for _ in range(2):
        answer = posted(clerk, order_id, "notes", {"body": "约了周三\n<b>要黑色</b>"}, HTMX)
        assert answer.status_code == 200
        assert answer.text.strip().startswith("<section")
        assert "&lt;b&gt;要黑色&lt;/b&gt;" in answer.text
    assert database.count(Note) == 1
    assert "陈店员写了备注" in words_of(clerk.get(f"/orders/{order_id}").text)
    finance: Actor = a_member_of_staff(app, role="finance", region=None)
    assert finance.name in clerk.get(f"/orders/{order_id}").text


def test_no_order_page_needs_more_than_a_bounded_number_of_statements(app: Flask, manager: LawfulClient) -> None:
    manager.statements_allowed = 16
    somebody = a_customer(app)
    order_id = an_order(app, customer=somebody, paid=True)
    manager.get(f"/orders/{order_id}")
    for _ in range(5):
        an_order(app, paid=True)
    cancel(app, order_id)
    assert manager.get(f"/orders/{order_id}").status_code == 200


def test_money_that_does_not_fit_comes_before_asking_for_money(app: Flask, as_staff: AsStaff) -> None:
    buyer = a_customer(app)
    order_id = an_order(app, customer=buyer, prepared=True)
    with read(app) as session:
        out_trade_no = session.scalars(select(Payment.out_trade_no)).one()
    pay(app, out_trade_no, customer=buyer, now=app.extensions[RUNTIME].clock.now(), amount_fen=100)
    staff = as_staff("manager")
    page = staff.get(f"/orders/{order_id}").text
    assert "先核对这笔钱" in page
    assert "下一步：付款" not in page
    assert "付款对不上" in staff.get("/orders/sales").text
    assert "收到的 ¥1.00 留在异常支付" in staff.get(f"/orders/{order_id}/cancel").text
