"""Late fees in the back office: each day on the page of a use and of a rental, and letting some of them go."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.domain.permissions import Actor
from app.domain.settings import FLASH_LATE_FEE, RENTAL_LATE_FEE
from app.models.late_fees import LateFeeWaiver
from tests.factories.flash import a_member, a_use, some_batteries, take_back, use_of
from tests.factories.phone import press, words
from tests.factories.rentals import a_rental_order, deposits_of, give_back, rental_of
from tests.factories.settings import a_setting
from tests.fixtures.actors import AsStaff
from tests.fixtures.apps import MovedClock
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient

BEGAN = datetime(2026, 11, 1, 4, tzinfo=UTC)  # noon in Shanghai
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def november(app: Flask, clock: MovedClock, database: Database) -> None:
    clock.move_to(BEGAN)
    a_setting(app, database, FLASH_LATE_FEE, 5_00)
    a_setting(app, database, RENTAL_LATE_FEE, 8_00)
    some_batteries(database)


@pytest.fixture
def member(app: Flask) -> Actor:
    return a_member(app)


@pytest.fixture
def use_id(app: Flask, member: Actor) -> int:
    return a_use(app, member)


def waive(client: LawfulClient, url: str, *days: str, reason: str = "生病住院", key: str = "a" * 32) -> TestResponse:
    return press(client, url, days=list(days), reason=reason, request_key=key)


def test_a_use_shows_each_day_and_what_is_owed(
    as_staff: AsStaff, clock: MovedClock, use_id: int, app: Flask, member: Actor
) -> None:
    assert "还没有逾期" in as_staff().get(f"/flash-charge/uses/{use_id}").text
    clock.move_to(BEGAN + 17 * DAY)
    clerk = as_staff()
    page = words(clerk.get(f"/flash-charge/uses/{use_id}"))
    for seen in ("2026-11-16", "2026-11-18", "到今天 ¥15.00", "已付 ¥0.00", "还欠 ¥15.00", "冻结日 2026-12-01"):
        assert seen in page
    assert "减免" not in page.replace("已减免", "")  # a clerk may not
    assert "已扣 ¥15.00" in page
    (deposit,) = deposits_of(app, member)
    for url in (f"/orders/deposits/{deposit.id}", "/orders/deposits", "/flash-charge/batteries/1"):
        assert "已扣 ¥15.00" in words(clerk.get(url)), url
    assert "已扣 ¥15.00" in words(clerk.get("/pickup/batteries/A00001"))


@pytest.mark.both_engines
def test_a_manager_lets_two_days_of_a_battery_go(
    app: Flask, as_staff: AsStaff, clock: MovedClock, use_id: int, database: Database
) -> None:
    clock.move_to(BEGAN + 18 * DAY)
    take_back(app, use_id)
    manager = as_staff(role="manager")
    url = f"/flash-charge/uses/{use_id}/waive"
    sheet = manager.get(url)
    assert sheet.text.count('type="checkbox"') == 4
    assert manager.get(f"{url}?all=1").text.count(" checked") == 4
    assert "减免 ¥20.00" in manager.get(f"{url}?all=1").text
    nothing = waive(manager, url)
    assert nothing.status_code == 422
    assert "选至少一天" in nothing.text
    no_reason = waive(manager, url, "2026-11-16", reason=" ")
    assert no_reason.status_code == 422
    assert "写一句原因" in no_reason.text
    assert no_reason.text.count(" checked") == 1  # what was chosen stays
    for _ in range(2):  # pressed twice
        done = waive(manager, url, "2026-11-16", "2026-11-17")
        assert done.status_code == 303
    assert use_of(app, use_id).late_owed_fen == 10_00
    assert database.count(LateFeeWaiver) == 2
    page = words(manager.get(f"/flash-charge/uses/{use_id}"))
    for seen in ("已减免 ¥5.00", "生病住院", "已减免 ¥10.00", "还欠 ¥10.00", "欠费"):
        assert seen in page
    gone = waive(manager, url, "2026-11-16", key="b" * 32)
    assert gone.status_code == 422
    assert "没有可以减免的" in gone.text


def test_what_is_let_go_today_does_not_cover_tomorrow(as_staff: AsStaff, clock: MovedClock, use_id: int) -> None:
    clock.move_to(BEGAN + 17 * DAY)
    manager = as_staff(role="manager")
    url = f"/flash-charge/uses/{use_id}/waive"
    assert waive(manager, url, "2026-11-16", "2026-11-17", "2026-11-18").status_code == 303
    assert manager.get(url).status_code == 422  # nothing is owed
    clock.move_to(BEGAN + 18 * DAY)
    assert "¥5.00" in as_staff(role="manager").get(url).text


def test_a_rental_shows_its_late_fees_too(app: Flask, as_staff: AsStaff, clock: MovedClock, database: Database) -> None:
    order_id = a_rental_order(app, database, picked_up=True)
    assert "还没有逾期" in as_staff().get(f"/orders/{order_id}").text
    clock.move_to(BEGAN + 32 * DAY)
    manager = as_staff(role="manager")
    page = words(manager.get(f"/orders/{order_id}"))
    days = (datetime(2026, 12, 3, tzinfo=UTC).date() - rental_of(app, order_id).due_on).days
    for seen in (f"到今天 ¥{8 * days}.00", f"还欠 ¥{8 * days}.00", "每天 ¥8.00"):
        assert seen in page
    url = f"/orders/{order_id}/waive"
    dates = re.findall(r'value="(2026-\d\d-\d\d)"', manager.get(url).text)
    assert len(dates) == days
    assert waive(manager, url, dates[0]).location.endswith(f"/orders/{order_id}#late-fees")
    give_back(app, order_id)
    assert rental_of(app, order_id).late_owed_fen == 0  # the deposit had enough
    page = words(manager.get(f"/orders/{order_id}"))
    assert f"已扣押金 ¥{8 * (days - 1)}.00" in page


def test_what_costs_nothing_says_why(as_staff: AsStaff, clock: MovedClock, use_id: int) -> None:
    clock.move_to(BEGAN + 80 * DAY)
    page = words(as_staff().get(f"/flash-charge/uses/{use_id}"))
    assert "封顶" in page
    assert "到今天 ¥300.00" in page


def test_who_may_not_let_anything_go(as_staff: AsStaff, clock: MovedClock, use_id: int) -> None:
    clock.move_to(BEGAN + 17 * DAY)
    url = f"/flash-charge/uses/{use_id}/waive"
    for role, region, status in (("clerk", "A", 403), ("finance", None, 403), ("manager", "B", 404)):
        client = as_staff(role=role, region=region)
        assert client.open_lawless(url).status_code == status
    assert as_staff(role="manager", region="A").get(url).status_code == 200
    assert as_staff(role="finance", region=None).get(f"/flash-charge/uses/{use_id}").status_code == 200
