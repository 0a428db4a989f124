"""Flash charge from the first look to the second battery, at both widths, through the real simulator."""

import re

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.domain.batteries import BatteryState
from app.models.batteries import BatteryUse
from app.models.cards import StudentCard
from app.usecases import cards
from app.web.current import RUNTIME
from tests.factories.counting_house import assert_books_agree
from tests.factories.flash import a_member, battery_state, some_batteries, take_back
from tests.factories.people import a_member_of_staff, an_id_number
from tests.factories.pictures import a_photo, exif
from tests.fixtures.actors import log_in_browser
from tests.fixtures.browser import DESK, PHONE, OpenContext, assert_accessible, be_person
from tests.fixtures.databases import Database
from tests.fixtures.simulators import Simulator

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def register(page: Page) -> None:
    expect(page.get_by_role("heading", name="实名注册")).to_be_visible()
    page.get_by_label("姓名").fill("李思源")
    page.get_by_label("身份证号", exact=True).fill(an_id_number())
    page.get_by_label("手机号").fill("13812342047")
    page.get_by_label("学校").select_option("浙江大学")
    page.get_by_label(re.compile("我同意收集")).check(force=True)  # the tick is drawn over its box
    page.get_by_role("button", name="提交").click()


def send_card(page: Page) -> None:
    expect(page.get_by_role("heading", name="学生证", exact=True)).to_be_visible()
    page.get_by_label("学号").fill("3240100123")
    photo = a_photo(size=(1200, 900), exif=exif(gps=True))
    page.get_by_label("学生证照片").first.set_input_files(
        {"name": "card.jpg", "mimeType": "image/jpeg", "buffer": photo}
    )
    page.get_by_label(re.compile("我同意收集")).check(force=True)
    assert_accessible(page)
    page.get_by_role("button", name=re.compile("提交")).click()


def review(app: Flask, database: Database, *, reason: str = "") -> None:
    """A clerk lets the newest card pass, or refuses it for a reason."""
    clerk, now = a_member_of_staff(app), app.extensions[RUNTIME].clock.now()
    card_id = database.all(select(StudentCard.id).order_by(StudentCard.id.desc()))[0]
    with app.app_context():
        if reason:
            cards.reject(card_id, reason=reason, actor=clerk, now=now)
        else:
            cards.approve(card_id, actor=clerk, now=now)


def holds(page: Page, number: str) -> None:
    expect(page.get_by_role("heading", name="正在使用的电池")).to_be_visible()
    expect(page.locator(".plate-l")).to_have_text(number)


@pytest.mark.req("FLOW-FLASH-1", "FLOW-FLASH-2", "PC-3", "NUM-9", "CARD-6")
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["390", "1440"])
def test_register_card_deposit_scan_return_and_scan_again(
    app: Flask,
    live_app: str,
    open_context: OpenContext,
    simulator: Simulator,
    database: Database,
    size: dict[str, object],
) -> None:
    some_batteries(database)
    person = open_context(size)
    be_person(person, simulator.url, simulator.person("小李"))
    phone = person.new_page()

    phone.goto("/m/flash")  # a stranger reads all terms first
    expect(phone.get_by_text("押金怎么退")).to_be_visible()
    assert_accessible(phone)
    phone.get_by_role("link", name="开通闪充").click()
    register(phone)
    phone.get_by_role("link", name="开通闪充，先交学生证").click()
    send_card(phone)
    expect(phone).to_have_url(re.compile("/m/flash$"))
    expect(phone.get_by_text("待审核")).to_be_visible()

    review(app, database, reason="照片看不清姓名")
    phone.reload()
    phone.get_by_role("link", name=re.compile("学生证.*照片看不清姓名")).click()
    expect(phone.get_by_text("没有通过：照片看不清姓名")).to_be_visible()
    expect(phone.get_by_role("img", name="你交的学生证照片")).to_have_js_property("naturalWidth", 1200)
    send_card(phone)
    review(app, database)

    phone.reload()
    phone.get_by_role("button", name="付押金 ¥300.00，开通闪充").click()
    phone.get_by_role("button", name="微信支付").click()
    sheet = phone.get_by_role("dialog")
    expect(sheet).to_contain_text("¥300.00")
    sheet.get_by_role("button", name="支付", exact=True).click()
    expect(phone).to_have_url(re.compile("/m/flash"))
    expect(phone.get_by_role("heading", name="未使用闪充", exact=True)).to_be_visible()
    assert_accessible(phone)

    phone.get_by_role("button", name="扫码").click()
    scanner = phone.get_by_role("dialog", name="扫一扫")
    scanner.get_by_label("扫到的内容").fill("https://lieba.example/q/A00001")
    scanner.get_by_role("button", name="扫到了").click()
    holds(phone, "A00001")
    assert_accessible(phone)

    phone.get_by_role("button", name="归还").click()
    expect(phone.get_by_text("柜台让店员扫一下")).to_be_visible()
    assert_accessible(phone)
    take_back(app, database.one(select(BatteryUse.id)))
    phone.reload()
    expect(phone.get_by_role("heading", name="未使用闪充", exact=True)).to_be_visible()
    phone.get_by_label("电池编号").fill("A00099")
    phone.get_by_role("button", name="用这块电池").click()
    expect(phone.get_by_text("没有 A00099 这块电池")).to_be_visible()
    phone.goto("/q/A00002")
    phone.get_by_role("button", name="用这块电池").click()
    holds(phone, "A00002")
    phone.get_by_role("link", name=re.compile("使用记录")).click()
    expect(phone.get_by_text("A00001")).to_be_visible()
    assert_books_agree(app, simulator)


@pytest.mark.req("FLOW-FLASH-2")
def test_of_two_people_who_scan_one_battery_at_once_one_wins(
    app: Flask, live_app: str, open_context: OpenContext, simulator: Simulator, database: Database
) -> None:
    battery_id, *_ = some_batteries(database)
    phones = []
    for size in (PHONE, DESK):
        context = open_context(size)
        log_in_browser(app, context, a_member(app), live_app)
        phones.append(context.new_page())
        phones[-1].goto("/q/A00001")
    for phone in phones:
        phone.get_by_role("button", name="用这块电池").evaluate("button => button.click()")
    for phone in phones:
        expect(phone.get_by_role("button", name="用这块电池")).to_have_count(0)
    winners = [phone for phone in phones if phone.url.endswith("/m/flash")]
    assert len(winners) == 1
    holds(winners[0], "A00001")
    (loser,) = [phone for phone in phones if phone not in winners]
    expect(loser.get_by_text("电池 A00001 有人在用，换一块再扫。")).to_be_visible()
    assert_accessible(loser)
    loser.get_by_role("link", name="扫另一块").click()
    expect(loser.get_by_role("heading", name="未使用闪充", exact=True)).to_be_visible()
    assert battery_state(app, battery_id) is BatteryState.IN_USE
    assert database.count(BatteryUse) == 1
