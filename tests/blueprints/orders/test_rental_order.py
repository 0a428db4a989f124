"""The page of a rental order: what it waits for, its deposit, its student card, and the damage of its vehicle."""

import re
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.domain import labels
from app.domain.deposits import DepositKind, DepositStatus
from app.domain.orders import OrderStatus
from app.domain.pictures import PhotoKind, PictureFault
from app.domain.refunds import RefundStatus
from app.domain.rentals import Condition
from app.models.cards import Photo
from app.models.deposits import DepositWithholding
from app.models.money import Refund
from app.usecases import cards
from app.web.current import RUNTIME
from tests.factories.forms import csrf_token
from tests.factories.orders import cancel, order_of, tell_of_deposit_refund
from tests.factories.people import a_customer, a_member_of_staff
from tests.factories.pictures import a_photo
from tests.factories.rentals import a_card, a_deposit, a_rental_order, deposits_of, give_back, rental_of
from tests.fixtures.actors import AsStaff
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient


def words_of(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text))


def strip_of(client: LawfulClient, order_id: int) -> str:
    found = re.search(r'<p class="next-step.*?</p>', client.get(f"/orders/{order_id}").text, re.DOTALL)
    assert found
    return words_of(found[0]).strip()


@pytest.fixture
def manager(as_staff: AsStaff) -> LawfulClient:
    return as_staff("manager", region=None)


@pytest.fixture
def damaged(app: Flask, database: Database) -> int:
    """A rental whose vehicle came back damaged today; its deposit is of its own kind."""
    now = app.extensions[RUNTIME].clock.now()
    order_id = a_rental_order(app, database, picked_up=True, now=now - timedelta(days=5))
    give_back(app, order_id, condition=Condition.DAMAGED)
    return order_id


@pytest.mark.req("FLOW-RENT-1", "FLOW-RENT-2", "FLOW-RENT-3", "ORD-2")
def test_the_page_says_what_a_rental_waits_for_at_every_step(
    app: Flask, database: Database, manager: LawfulClient
) -> None:
    now = app.extensions[RUNTIME].clock.now()
    person = a_customer(app)
    order_id = a_rental_order(app, database, customer=person, card=False, deposit=None)
    assert "下一步：交学生证。用户在手机上交了才能付押金，编号 AZ0001 保留到" in strip_of(manager, order_id)
    card_id = a_card(app, person, approved=False)
    assert "下一步：付押金。租车押金、闪充押金都行" in strip_of(manager, order_id)
    with app.app_context():
        cards.reject(card_id, reason="照片不清楚", actor=a_member_of_staff(app), now=now)
    assert "下一步：交学生证。上次没有通过：照片不清楚。" in strip_of(manager, order_id)
    a_card(app, person, approved=False)
    a_deposit(app, person, DepositKind.RENTAL, order_id=order_id)
    assert "下一步：到店试车、输入编号、付租金。" in strip_of(manager, order_id)
    assert "下一步：付租金。" in strip_of(manager, a_rental_order(app, database, matched=True))
    assert "下一步：提车。已付清" in strip_of(manager, a_rental_order(app, database, paid=True))
    out = a_rental_order(app, database, picked_up=True)
    assert "下一步：还车。租到" in strip_of(manager, out)
    assert re.search(rf'href="/pickup/orders/{out}"[^>]*>.*?去还车', manager.get(f"/orders/{out}").text, re.DOTALL)
    assert "还剩 30 天" in strip_of(manager, out)
    last = a_rental_order(app, database, picked_up=True, now=now - timedelta(days=30))
    assert strip_of(manager, last).endswith("就是今天")
    late = a_rental_order(app, database, picked_up=True, now=now - timedelta(days=33))
    assert "逾期 3 天，打电话请用户到店还车。" in strip_of(manager, late)
    frozen = a_rental_order(app, database, picked_up=True, now=now - timedelta(days=61))
    assert "逾期 31 天，账户已冻结，先还车。" in strip_of(manager, frozen)
    back = a_rental_order(app, database, returned=True, now=now - timedelta(days=3))
    assert "已归还。" in strip_of(manager, back)
    assert "租车押金 ¥300.00 正在退回用户的微信，到账后这里变为已退款" in strip_of(manager, back)


def test_a_paid_rental_whose_card_waits_is_reviewed_first(
    app: Flask, database: Database, manager: LawfulClient, as_staff: AsStaff
) -> None:
    person = a_customer(app)
    card_id = a_card(app, person, approved=False)
    order_id = a_rental_order(app, database, customer=person, card=False, paid=True)
    assert "学生证还没审核，通过后才能提车。照片在右边" in strip_of(manager, order_id)
    page = manager.get(f"/orders/{order_id}").text
    assert f'src="/personal-center/cards/{card_id}/photo"' in page
    assert "去提车" in page  # the counter lets the clerk approve it there
    finance = as_staff("finance", region=None).get(f"/orders/{order_id}").text
    assert "找有审核权的同事看一下照片" in finance
    assert "/personal-center/cards" not in finance.partition("<main")[2]


def test_term_deposit_money_and_story_stand_on_the_page(app: Flask, database: Database, manager: LawfulClient) -> None:
    now = app.extensions[RUNTIME].clock.now()
    order_id = a_rental_order(app, database, picked_up=True, now=now - timedelta(days=3))
    page = words_of(manager.get(f"/orders/{order_id}").text)
    for said in (
        "租期 月租，30 天",
        "还车 还没有还，还剩 27 天",
        "押金 ¥300.00 已扣 ¥0.00 可退 ¥300.00",
        "还不能退，还有：没还的车。",
        "支付租金",
        "支付租车押金",
        "租车押金已付 ¥300.00，微信支付",
        "已完成未归还",
        "学生证已通过",
        "应付 ¥180.00",
    ):
        assert said in page, said
    give_back(app, order_id)
    page = words_of(manager.get(f"/orders/{order_id}").text)
    for said in (
        "完好，入库",
        "已完成已归还",
        "退租车押金",
        "−¥300.00 退款中",
        "押金 ¥300.00 已扣 ¥0.00 可退 ¥300.00",
    ):
        assert said in page, said
    assert "撤销提车" not in page
    assert "去还车" not in page


def test_a_rental_that_flash_charge_secures_shows_that_deposit(
    app: Flask, database: Database, manager: LawfulClient
) -> None:
    order_id = a_rental_order(app, database, deposit=DepositKind.FLASH, picked_up=True)
    page = words_of(manager.get(f"/orders/{order_id}").text)
    assert "支付闪充押金" in page
    assert "闪充押金已支付" in page
    give_back(app, order_id)
    assert "闪充押金没有占用，用户退出闪充时退。" in strip_of(manager, order_id)


@pytest.mark.req("ORD-2")
def test_cancelling_gives_rent_and_deposit_back_together(app: Flask, database: Database, manager: LawfulClient) -> None:
    person = a_customer(app)
    order_id = a_rental_order(app, database, customer=person, paid=True)
    sheet = words_of(manager.get(f"/orders/{order_id}/cancel").text)
    for said in ("AZ0001 租金，", "已付 ¥180.00", "租车押金 ¥300.00", "最多可退 ¥480.00", "退款 ¥480.00"):
        assert said in sheet, said
    assert "取消并退款 ¥480.00" in manager.get(f"/orders/{order_id}").text
    app.config["WTF_CSRF_ENABLED"] = False
    manager.post(f"/orders/{order_id}/cancel", data={"why": "用户不想要了"})
    assert order_of(app, order_id).status is OrderStatus.CANCELLED
    assert sorted(row.amount_fen for row in database.all(select(Refund))) == [180_00, 300_00]
    page = words_of(manager.get(f"/orders/{order_id}").text)
    assert "退租金" in page
    assert "退租车押金" in page
    flash = a_rental_order(app, database, deposit=DepositKind.FLASH, paid=True)
    assert "最多可退 ¥180.00" in words_of(manager.get(f"/orders/{flash}/cancel").text)


def test_a_deposit_whose_refund_wechat_closed_can_be_sent_back_again(
    app: Flask, database: Database, as_staff: AsStaff
) -> None:
    person = a_customer(app)
    order_id = a_rental_order(app, database, customer=person)
    cancel(app, order_id)
    (deposit,) = deposits_of(app, person)
    owner, clerk = as_staff("owner", region=None), as_staff("clerk")
    assert "再退一次 ¥" not in owner.get(f"/orders/{order_id}").text
    tell_of_deposit_refund(app, deposit.id, RefundStatus.REFUSED)
    assert "再退一次 ¥300.00" in owner.get(f"/orders/{order_id}").text
    assert "退款异常" in words_of(owner.get(f"/orders/{order_id}").text)
    assert "再退一次 ¥" not in clerk.get(f"/orders/{order_id}").text
    url = f"/orders/deposits/{deposit.id}/refund"
    assert "再退一次" in owner.get(url).text
    answer = owner.post(url, data={"csrf_token": csrf_token(owner)})
    assert (answer.status_code, answer.location) == (303, f"/orders/deposits/{deposit.id}")
    assert database.count(Refund) == 2
    assert "正在退回用户的微信" in owner.get(f"/orders/deposits/{deposit.id}").text
    owner.post(url, data={"csrf_token": csrf_token(owner)})
    assert database.count(Refund) == 2  # it is on its way already


# Damage


def sheet(client: LawfulClient, order_id: int) -> dict[str, Any]:
    """The fields of an untouched sheet."""
    page = client.get(f"/orders/{order_id}/damage", headers={"HX-Request": "true"})
    key = re.search(r'name="request_key" type="hidden" value="([0-9a-f]{32})"', page.text)
    assert key, page.text
    return {"csrf_token": csrf_token(client), "request_key": key[1], "decision": "withhold"}


def settle(client: LawfulClient, order_id: int, *, photo: bytes | None = None, **fields: Any) -> TestResponse:
    typed = {**sheet(client, order_id), **fields}
    if photo is not None:
        typed["photo"] = (BytesIO(photo), "scratch.jpg")
    return client.post(f"/orders/{order_id}/damage/photo", data=typed, content_type="multipart/form-data")


GOOD = {
    "items-0-item": "后视镜",
    "items-0-amount": "45",
    "items-2-item": "坐垫 划破",
    "items-2-amount": "35.5",
    "reason": "回店时发现",
}
EMPTY = dict.fromkeys(("items-0-item", "items-0-amount", "items-2-item", "items-2-amount"), "")


@pytest.mark.req("ORD-2")
def test_damage_is_withheld_item_by_item_with_a_photo_and_the_rest_goes_back(
    app: Flask, database: Database, manager: LawfulClient, as_staff: AsStaff, damaged: int
) -> None:
    assert "下一步：处理损坏。" in strip_of(manager, damaged)
    assert "等主管处理损坏。" in strip_of(as_staff("clerk"), damaged)
    asked = words_of(manager.get(f"/orders/{damaged}/damage").text)
    assert "押金 ¥300.00 已扣 ¥0.00 可退 ¥300.00" in asked
    assert "最多扣 ¥300.00，超出押金的部分不在这里收" in asked
    answer = settle(manager, damaged, photo=a_photo(), **GOOD)
    assert (answer.status_code, answer.location) == (303, f"/orders/{damaged}")
    items = database.all(select(DepositWithholding).order_by(DepositWithholding.id))
    assert [(row.item, row.amount_fen) for row in items] == [("后视镜", 45_00), ("坐垫 划破", 35_50)]
    assert database.one(select(Refund.amount_fen)) == 300_00 - 80_50
    page = manager.get(f"/orders/{damaged}").text
    said = words_of(page)
    for part in ("押金 ¥300.00 已扣 ¥80.50 可退 ¥219.50", "后视镜", "坐垫 划破", "损坏已处理", "原因：回店时发现"):
        assert part in said, part
    assert "处理损坏" not in re.sub(r"<title>.*?</title>", "", page).partition("经过")[0]
    photo_url = re.search(r'<img src="(/orders/deposits/\d+/photos/\d+)"', page)
    assert photo_url
    shown = as_staff("clerk").get(photo_url[1])
    assert (shown.status_code, shown.mimetype, shown.headers["Cache-Control"]) == (200, "image/jpeg", "no-store")
    assert shown.data.startswith(b"\xff\xd8")
    assert as_staff("clerk", region="B").get(photo_url[1]).status_code == 404
    assert as_staff("technician").get(photo_url[1]).status_code == 403
    assert manager.get(re.sub(r"\d+$", "999", photo_url[1])).status_code == 404
    again = manager.get(f"/orders/{damaged}/damage")
    assert (again.status_code, again.location) == (303, f"/orders/{damaged}")
    late = manager.get(f"/orders/{damaged}/damage", headers={"HX-Request": "true"})
    assert late.headers["HX-Redirect"] == f"/orders/{damaged}"  # the page is loaded, not put into the sheet


def test_damage_can_be_let_go(app: Flask, database: Database, manager: LawfulClient, damaged: int) -> None:
    answer = settle(manager, damaged, decision="let_go", reason="正常磨损")
    assert answer.status_code == 303
    assert database.count(DepositWithholding) == 0
    assert database.count(Photo, Photo.kind == PhotoKind.DAMAGE) == 0
    assert rental_of(app, damaged).settled_at is not None
    assert database.one(select(Refund.amount_fen)) == 300_00


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": (EMPTY, "写清楚扣的是什么"),
    "no amount": ({"items-2-amount": ""}, "写金额"),
    "zero": ({"items-2-amount": "0"}, "金额要大于 0"),
    "no number": ({"items-2-amount": "三十五"}, "写金额，最多到分"),
    "minus": ({"items-2-amount": "-5"}, "写金额，最多到分"),
    "no item": ({"items-2-item": "  "}, "写清楚扣的是什么"),
    "long item": ({"items-2-item": "坐" * 41}, "最多 40 个字"),
    "no reason": ({"reason": " "}, "写一句说明"),
    "too much": ({"items-2-amount": "300"}, "最多扣 ¥300.00，这里一共 ¥345.00；超出的部分不在这里收"),
    "both": ({"decision": "let_go"}, "选了「不扣」"),
    "neither": ({"decision": "maybe"}, "选一个"),
    "no photo": ({"photo": None}, "扣押金要有一张照片"),
    "no picture": ({"photo": b"%PDF-1.7"}, labels.PICTURE_FAULTS[PictureFault.WRONG_TYPE]),
}


@pytest.mark.parametrize("fault", BAD)
def test_damage_that_lacks_something_is_told_and_what_was_typed_stays(
    database: Database, manager: LawfulClient, damaged: int, fault: str
) -> None:
    changed, said = BAD[fault]
    typed = {**GOOD, **changed}
    photo = typed.pop("photo", a_photo())
    answer = settle(manager, damaged, photo=photo, **typed)
    assert answer.status_code == 422
    assert said in answer.text
    assert 'value="后视镜"' in answer.text or fault == "nothing"
    if typed.get("items-2-amount"):
        assert f'value="{typed["items-2-amount"]}"' in answer.text
    assert database.count(DepositWithholding) == 0
    assert database.count(Refund) == 0


def test_a_photo_that_was_good_must_be_chosen_again_and_the_page_says_so(manager: LawfulClient, damaged: int) -> None:
    answer = settle(manager, damaged, photo=a_photo(), **{**GOOD, "reason": ""})
    assert "照片是好的，改好别的以后再选一次" in answer.text
    assert 'id="photo-error"' not in answer.text  # it is no error: the focus goes to the reason


def test_the_same_sheet_sent_twice_withholds_once(
    app: Flask, database: Database, manager: LawfulClient, damaged: int
) -> None:
    typed = sheet(manager, damaged)
    for _ in range(2):
        answer = manager.post(
            f"/orders/{damaged}/damage/photo",
            data={**typed, **GOOD, "photo": (BytesIO(a_photo()), "a.jpg")},
            content_type="multipart/form-data",
        )
        assert answer.status_code == 303
    assert database.count(DepositWithholding) == 2
    assert database.count(Refund) == 1


def test_damage_of_a_vehicle_that_flash_charge_secures_leaves_the_rest_held(
    app: Flask, database: Database, manager: LawfulClient
) -> None:
    person = a_customer(app)
    order_id = a_rental_order(app, database, customer=person, deposit=DepositKind.FLASH, picked_up=True)
    give_back(app, order_id, condition=Condition.DAMAGED)
    assert "闪充押金还开着闪充，其余的留着" in manager.get(f"/orders/{order_id}/damage").text
    settle(manager, order_id, photo=a_photo(), **GOOD)
    (deposit,) = deposits_of(app, person)
    assert (deposit.status, deposit.withheld_fen) == (DepositStatus.HELD, 80_50)
    assert database.count(Refund) == 0


def test_who_may_not_settle_damage_is_refused(
    app: Flask, database: Database, as_staff: AsStaff, client: LawfulClient, manager: LawfulClient, damaged: int
) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    sheet_url, url = f"/orders/{damaged}/damage", f"/orders/{damaged}/damage/photo"
    typed = {**sheet(manager, damaged), **GOOD}
    assert client.get(sheet_url).location.startswith("/login")
    assert client.post(url, data=typed).location.startswith("/login")
    refused = {"clerk": ("A", 403), "finance": (None, 403), "manager": ("B", 404)}
    for role, (region, status) in refused.items():
        who = as_staff(role, region=region)
        assert who.get(sheet_url).status_code == status
        data = {**typed, "photo": (BytesIO(a_photo()), "a.jpg")}
        assert who.post(url, data=data, content_type="multipart/form-data").status_code == status
    assert sheet_url not in as_staff("clerk").get(f"/orders/{damaged}").text
    assert manager.get("/orders/999/damage").status_code == 404
    out = a_rental_order(app, database, picked_up=True)
    assert manager.get(f"/orders/{out}/damage").status_code == 422
    assert database.count(DepositWithholding) == 0
