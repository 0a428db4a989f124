"""Late fees from the first fee day to the second freeze, at both widths: phone, real simulator, counter."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from playwright.sync_api import Page, ViewportSize, expect
from sqlalchemy import select

from app.domain.charges import ChargeStatus, Purpose
from app.domain.permissions import Actor
from app.models.batteries import BatteryUse
from app.models.money import Charge
from tests.factories.counting_house import a_payer, assert_nothing_violated
from tests.factories.flash import a_member, some_batteries, take_back
from tests.factories.people import a_member_of_staff
from tests.fixtures.actors import log_in_browser
from tests.fixtures.apps import MovedClock
from tests.fixtures.browser import DESK, PHONE, OpenContext, assert_accessible
from tests.fixtures.databases import Database
from tests.fixtures.simulators import Simulator

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

BEGAN = datetime(2026, 11, 1, 4, tzinfo=UTC)  # noon in Shanghai
COUNTER: ViewportSize = {"width": 1280, "height": 800}


def pay(phone: Page, amount: str) -> None:
    """From the page of the fixed amount through WeChat's sheet to what is said afterwards."""
    expect(phone.get_by_role("heading", name="付逾期费")).to_be_visible()
    assert_accessible(phone)
    phone.get_by_role("button", name="微信支付").click()
    sheet = phone.get_by_role("dialog")
    expect(sheet).to_contain_text(amount)
    sheet.get_by_role("button", name="支付", exact=True).click()
    expect(phone.get_by_role("heading", name=f"已支付 {amount}")).to_be_visible()
    assert_accessible(phone)


def scan(phone: Page, number: str) -> None:
    phone.goto("/m/flash")
    phone.get_by_label("电池编号").fill(number)
    phone.get_by_role("button", name="用这块电池").click()
    expect(phone.locator(".plate-l")).to_have_text(number)


def take_back_at_counter(app: Flask, open_context: OpenContext, url: str, number: str) -> None:
    """The clerk scans the battery, and confirms what the screen calls ready."""
    store = open_context({"viewport": COUNTER})
    log_in_browser(app, store, a_member_of_staff(app, role="clerk", region="A", name="陈店员"), url)
    counter = store.new_page()
    counter.goto("/pickup")
    counter.keyboard.type(number)
    counter.keyboard.press("Enter")
    expect(counter.locator("#answer h1")).to_have_text("可以还电池")
    counter.get_by_role("button", name="归还入库").click()
    expect(counter.locator("#answer h1")).to_contain_text(number)


@pytest.mark.req("SET-4", "CARD-5", "FLOW-FLASH-2")
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["390", "1440"])
def test_late_paid_returned_and_again_frozen_returned_owed_paid_free(
    app: Flask,
    live_app: str,
    open_context: OpenContext,
    simulator: Simulator,
    database: Database,
    clock: MovedClock,
    size: dict[str, object],
) -> None:
    clock.move_to(BEGAN)
    some_batteries(database)
    member: Actor = a_member(app, customer=a_payer(app, simulator))
    person = open_context(size)
    log_in_browser(app, person, member, live_app)
    phone = person.new_page()
    scan(phone, "A00001")

    clock.move_to(BEGAN + timedelta(days=16))
    phone.reload()
    expect(phone.get_by_text("明天还没还，再加 ¥5.00")).to_be_visible()
    assert_accessible(phone)
    phone.get_by_role("button", name="支付逾期费 ¥10.00").click()
    expect(phone.get_by_text("2026-11-17 为止，含当天")).to_be_visible()
    pay(phone, "¥10.00")
    phone.get_by_role("link", name="看电池").click()
    expect(phone.get_by_text("−¥10.00")).to_be_visible()
    take_back_at_counter(app, open_context, live_app, "A00001")
    scan(phone, "A00002")

    clock.move_to(BEGAN + timedelta(days=46))
    log_in_browser(app, person, member, live_app)  # a session lasts 30 days
    phone.goto("/m/me")
    phone.get_by_role("link", name="账户已冻结").click()
    expect(phone.get_by_role("heading", name="账户已冻结")).to_be_visible()
    expect(phone.get_by_text("用了 30 天没还")).to_be_visible()
    assert_accessible(phone)
    phone.goto("/m/")
    phone.get_by_role("link", name="猎吧 S1").click()
    expect(phone.get_by_role("button", name="立即预约")).to_have_count(0)
    assert_accessible(phone)
    phone.get_by_role("link", name="看怎么解冻").click()
    phone.get_by_role("link", name="去归还电池").click()
    phone.get_by_role("button", name="归还").click()
    expect(phone.get_by_text("已点归还")).to_be_visible()
    take_back(app, database.one(select(BatteryUse.id).where(BatteryUse.returned_at.is_(None))))

    phone.goto("/m/me")
    expect(phone.get_by_text("有欠费未付")).to_be_visible()
    assert_accessible(phone)
    phone.get_by_role("link", name="我欠的").click()
    expect(phone.get_by_role("heading", name="我欠的 ¥80.00")).to_be_visible()
    phone.get_by_text("更早的 9 天").click()
    expect(phone.get_by_text("12-02", exact=True)).to_be_visible()
    assert_accessible(phone)
    phone.get_by_role("button", name="支付逾期费 ¥80.00").click()
    pay(phone, "¥80.00")
    phone.get_by_role("link", name="去闪充").click()
    scan(phone, "A00003")
    paid = select(Charge.amount_fen).where(Charge.purpose == Purpose.LATE_FEE, Charge.status == ChargeStatus.SETTLED)
    assert database.all(paid.order_by(Charge.id)) == [10_00, 80_00]
    assert_nothing_violated(app)
