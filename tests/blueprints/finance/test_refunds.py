"""The list of refunds that have not arrived, one more try, and what the owner paid another way (decisions 26, 34)."""

import re
from datetime import timedelta
from io import BytesIO

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.refunds import RefundChannel, RefundStatus
from app.models.money import Refund
from app.models.work import Outbox
from app.web.current import RUNTIME
from tests.factories.forms import csrf_token, request_key
from tests.factories.gateway import Gateway, with_gateway
from tests.factories.orders import an_order, cancel
from tests.factories.phone import press, words
from tests.factories.pictures import a_photo
from tests.factories.troubles import a_failed_refund, a_payout, park, refund_of
from tests.fixtures.actors import AsStaff
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient

URL = "/finance/refunds"


@pytest.fixture
def finance(as_staff: AsStaff) -> LawfulClient:
    return as_staff("finance", region=None)


def a_refund_under_way(app: Flask, region: str = "A") -> Refund:
    order_id = an_order(app, region=region, paid=True)
    cancel(app, order_id)
    return refund_of(app, order_id)


def test_each_says_what_it_is_for_whose_it_is_and_what_wechat_said(
    app: Flask, database: Database, finance: LawfulClient
) -> None:
    assert "没有退不出去的钱" in finance.get(URL).text
    a_failed_refund(app, region="B")
    a_failed_refund(app, region="C", status=RefundStatus.REFUSED)
    parked = a_refund_under_way(app)
    park(app, database.one(select(Outbox.id).where(Outbox.key == parked.out_refund_no)), "NOT_ENOUGH: 基本账户余额不足")
    a_refund_under_way(app)
    said = words(finance.get(URL))
    for part in (
        "要处理 3",
        "等到账 1",
        "车款 王*涵",
        "退款异常",
        "微信关闭了",
        "微信没有受理",
        "多半是银行卡销户了",
        "商户账户的余额不够，充值后自动再退",
        "还没有问过微信",
    ):
        assert part in said, part
    assert "王晓涵" not in said
    under_way = words(finance.get(f"{URL}?tab=under_way"))
    assert "正在发给微信" in under_way
    assert "等了不到 1 分钟" in under_way


def test_a_region_sees_its_own(app: Flask, as_staff: AsStaff) -> None:
    a_failed_refund(app, region="A")
    assert "要处理 1" in words(as_staff("manager", region="A").get(URL))
    assert "要处理 0" in words(as_staff("manager", region="B").get(URL))
    assert as_staff("clerk").get(URL).status_code == 403


def test_those_that_were_chosen_are_tried_again_each_with_a_result(
    app: Flask, database: Database, finance: LawfulClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = refund_of(app, a_failed_refund(app, status=RefundStatus.REFUSED))
    stuck = refund_of(app, a_failed_refund(app))
    runtime = with_gateway(app, Gateway())
    monkeypatch.setitem(app.extensions, RUNTIME, runtime)
    data = {"csrf_token": csrf_token(finance), "refund": [str(closed.id), str(stuck.id)]}
    said = words(finance.post(f"{URL}/retry", data=data))
    assert "排着队，马上发给微信" in said
    assert "微信还是退不进去，联系用户，或者线下退" in said
    assert database.count(Refund, Refund.instead_of_id == closed.id) == 1
    assert "先选要再试的退款" in words(press(finance, f"{URL}/retry"))
    one = press(finance, f"{URL}/retry", only=str(stuck.id), refund=str(closed.id))
    assert "排着队" not in words(one)


def test_the_owner_notes_what_was_paid_another_way_and_everybody_else_cannot(
    app: Flask, database: Database, as_staff: AsStaff, finance: LawfulClient
) -> None:
    order_id = a_failed_refund(app)
    refund = refund_of(app, order_id)
    sheet = f"{URL}/{refund.id}/outside"
    assert finance.get(sheet).status_code == 403
    assert "线下已退" not in finance.get(URL).text
    owner = as_staff("owner", region=None)
    assert sheet in owner.get(URL).text
    opened = owner.get(sheet)
    assert "账本记为线下支付" in opened.text
    key = request_key(opened)
    refused = press(owner, f"{sheet}/photo", reason="", request_key=key)
    assert refused.status_code == 422
    assert "拍一张付款凭证" in refused.text
    assert "写一句怎么退的" in refused.text
    answer = press(owner, f"{sheet}/photo", reason="转账给本人", request_key=key, photo=(BytesIO(a_photo()), "p.jpg"))
    assert answer.location == URL
    assert refund_of(app, order_id).channel is RefundChannel.OUTSIDE
    page = finance.get(f"/orders/{order_id}")
    assert "退车款（线下）" in page.text
    assert "转账给本人" in page.text
    assert owner.get(sheet).status_code in (409, 422)


def test_the_proof_is_shown_as_a_picture_to_whoever_sees_the_order(app: Flask, as_staff: AsStaff) -> None:
    refund_id = a_payout(app, region="A")
    assert as_staff("clerk", region="A").get(f"{URL}/{refund_id}/proof").mimetype == "image/jpeg"
    assert as_staff("clerk", region="B").get(f"{URL}/{refund_id}/proof").status_code == 404


def test_what_is_deep_in_the_list_keeps_its_tab(app: Flask, finance: LawfulClient) -> None:
    now = app.extensions[RUNTIME].clock.now()
    for nth in range(21):
        order_id = an_order(app, now=now - timedelta(days=2), paid=True)
        cancel(app, order_id, now=now - timedelta(minutes=nth))
    first = finance.get(f"{URL}?tab=under_way")
    assert "第 1–20 笔，共 21 笔" in first.text
    found = re.search(r'href="([^"]*)"\s+rel="next"', first.text)
    assert found
    assert "第 21–21 笔，共 21 笔" in finance.get(found[1].replace("&amp;", "&")).text


@pytest.mark.parametrize("query", ["tab=x", "after=1", "before=zz", "region=Q"])
def test_what_does_not_fit_falls_back(finance: LawfulClient, query: str) -> None:
    assert finance.get(f"{URL}?{query}").status_code == 200
