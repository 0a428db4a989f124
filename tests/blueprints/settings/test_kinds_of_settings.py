"""Money, words and numbers on the settings page: who may change which, how they are typed, and what cannot be."""

import re
from datetime import timedelta
from html import unescape

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.domain.calendar import SHANGHAI
from app.domain.settings import CATALOGUE, FLASH_LATE_FEE, FROZEN_DEPOSIT, Kept, Setting, SettingGroup
from app.models.directory import SettingVersion
from tests.factories.flash import a_member, a_use, some_batteries
from tests.factories.forms import csrf_token
from tests.factories.orders import an_order
from tests.factories.rentals import a_rental_order
from tests.fixtures.actors import AsStaff
from tests.fixtures.apps import MovedClock
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient


def look(client: LawfulClient, key: str, **fields: str) -> TestResponse:
    usual = {"region": "all", "effective_at": "", "reason": "三店统一", "step": "look"}
    return client.post(f"/settings/{key}", data={"csrf_token": csrf_token(client), **usual, **fields})


def save(client: LawfulClient, key: str, **fields: str) -> TestResponse:
    """Looks first, then presses the button."""
    found = re.search(r'name="previewed" value="([^"]*)"', look(client, key, **fields).text)
    assert found
    return look(client, key, **fields, previewed=unescape(found[1]), step="save")


def set_to(database: Database, key: str) -> list[int | None]:
    return list(database.all(select(SettingVersion.value).where(SettingVersion.key == key).order_by(SettingVersion.id)))


@pytest.mark.parametrize("group", SettingGroup)
def test_each_group_stands_in_the_menu_and_has_its_settings(as_staff: AsStaff, group: SettingGroup) -> None:
    page = as_staff("owner", None).get(f"/settings?group={group.value}").text
    assert f'<a href="/settings?group={group.value}" aria-current="page">' in page
    for setting in CATALOGUE.values():
        assert (f"<b>{setting.name}</b>" in page) == (setting.group is group)


@pytest.mark.parametrize(
    ("typed", "fen", "words"),
    [("6", 600, "¥6.00"), ("6.5", 650, "¥6.50"), ("￥１２．３４", 1234, "¥12.34"), ("¥1,000.00", 100000, "¥1,000.00")],
)
@pytest.mark.req("SET-3", "SET-5")
def test_money_is_typed_in_yuan_and_kept_in_fen(
    as_staff: AsStaff, database: Database, typed: str, fen: int, words: str
) -> None:
    owner = as_staff("owner", None)
    seen = look(owner, "flash_late_fee", value=typed)
    assert f"之后扫码开始的使用，¥5.00 → {words}。" in seen.text
    assert f'value="{typed}"' in seen.text
    assert save(owner, "flash_late_fee", value=typed).status_code == 303
    assert set_to(database, "flash_late_fee") == [fen]
    assert f"<b>{words}</b>" in owner.get("/settings?group=flash").text


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "写一个新的值"),
        ("五块", "写金额，最多到分"),
        ("6.005", "写金额，最多到分"),
        ("-6", "写金额，最多到分"),
        ("1000.01", "闪充逾期费要在 0.00 到 1,000.00 元之间"),
        ("5", "那时本来就是 ¥5.00"),
    ],
)
def test_an_amount_that_cannot_be_is_said_beside_it(
    as_staff: AsStaff, database: Database, typed: str, sentence: str
) -> None:
    answer = look(as_staff("owner", None), "flash_late_fee", value=typed)
    assert answer.status_code == 422
    assert f'id="setting-{FLASH_LATE_FEE.key}-value-error"' in answer.text
    assert sentence in answer.text
    assert not typed or f'value="{typed}"' in answer.text
    assert database.count(SettingVersion) == 0


@pytest.mark.req("SET-5")
def test_a_word_is_chosen(as_staff: AsStaff, database: Database) -> None:
    owner = as_staff("owner", None)
    page = owner.get(f"/settings/{FROZEN_DEPOSIT.key}").text
    assert all(f">{words}</option>" in page for words in FROZEN_DEPOSIT.choices)
    assert "暂停退还 → 抵扣欠费后退还" in look(owner, FROZEN_DEPOSIT.key, value="1").text
    assert save(owner, FROZEN_DEPOSIT.key, value="1").status_code == 303
    assert set_to(database, FROZEN_DEPOSIT.key) == [1]
    assert "<b>抵扣欠费后退还</b>" in owner.get("/settings?group=deposits").text
    for value in ("", "2", "-1", "x", "抵扣"):
        answer = look(owner, FROZEN_DEPOSIT.key, value=value)
        assert (value, answer.status_code) == (value, 422)
        assert f'id="setting-{FROZEN_DEPOSIT.key}-value-error"' in answer.text


@pytest.mark.parametrize("setting", CATALOGUE.values(), ids=list(CATALOGUE))
def test_each_setting_opens_and_is_changed(as_staff: AsStaff, database: Database, setting: Setting) -> None:
    owner = as_staff("owner", None)
    value = setting.most if setting.default != setting.most else setting.least
    if setting.key == "flash_free_days":
        value = 20  # 364 would clash
    assert owner.get(f"/settings/{setting.key}").status_code == 200
    typed = str(value) if setting.choices else setting.figure(value)
    assert save(owner, setting.key, value=typed).status_code == 303
    assert set_to(database, setting.key) == [value]


MONEY = [key for key, setting in CATALOGUE.items() if setting.is_money]


@pytest.mark.parametrize("region", [None, "A"])
def test_money_belongs_to_the_owner_alone(as_staff: AsStaff, database: Database, region: str | None) -> None:
    manager = as_staff("manager", region)
    page = manager.get("/settings?group=flash").text
    assert "¥5.00" in page
    assert page.count("由店主改") == sum(CATALOGUE[key].group is SettingGroup.FLASH for key in MONEY)
    assert "修改最晚归还时间" in page
    assert "修改闪充逾期费" not in page
    for key in MONEY:
        assert manager.get(f"/settings/{key}").status_code == 403
        assert look(manager, key, region="A", value="1", step="save").status_code == 403
    owner = as_staff("owner", None)
    later = "2099-12-01T00:00"
    assert save(owner, "flash_late_fee", value="6", effective_at=later).status_code == 303
    (planned,) = database.all(select(SettingVersion.id))
    taken_back = manager.post(f"/settings/flash_late_fee/withdraw/{planned}", data={"csrf_token": csrf_token(manager)})
    assert taken_back.status_code == 403
    assert set_to(database, "flash_late_fee") == [600]


def test_an_owner_of_one_region_changes_money_there(as_staff: AsStaff, database: Database) -> None:
    owner = as_staff("owner", "B")
    assert look(owner, "rental_deposit", region="all", value="200").status_code == 422
    assert save(owner, "rental_deposit", region="B", value="200").status_code == 303
    assert set_to(database, "rental_deposit") == [20000]


# 会改变 / 不会改变


def test_what_is_kept_is_counted(app: Flask, database: Database, as_staff: AsStaff) -> None:
    some_batteries(database)
    a_use(app, a_member(app))
    a_member(app, region="B")
    an_order(app)
    a_rental_order(app, database, picked_up=True)
    a_rental_order(app, database)
    a_rental_order(app, database, region="B")
    owner = as_staff("owner", None)
    said = {
        Kept.RESERVED_ORDERS: ("现在有 3 单", "现在有 2 单", "reservation_hours"),
        Kept.RESERVED_RENTALS: ("现在有 2 单", "现在有 1 单", "rental_deposit"),
        Kept.RENTALS_OUT: ("现在有 1 辆没还", "现在有 1 辆没还", "rental_late_fee"),
        Kept.USES_OPEN: ("现在有 1 块在用", "现在有 1 块在用", "flash_price"),
        Kept.DEPOSITS_HELD: ("现在有 2 笔", "现在有 1 笔", "flash_deposit"),
    }
    assert set(said) == set(Kept)
    for kept, (everywhere, in_a, key) in said.items():
        assert CATALOGUE[key].kept is kept
        value = CATALOGUE[key].figure(CATALOGUE[key].default + 100)
        assert everywhere in look(owner, key, value=value).text, kept
        assert in_a in look(owner, key, value=value, region="A").text, kept


# 冻结要比最晚归还时间晚


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("flash_free_days", "30", "第 30 天冻结，30 天内归还都不收费"),
        ("flash_free_days", "200", "第 30 天冻结，200 天内归还都不收费"),
        ("flash_freeze_days", "14", "第 14 天冻结，14 天内归还都不收费"),
    ],
)
@pytest.mark.req("SET-4")
def test_nobody_is_frozen_before_a_late_fee_begins(
    as_staff: AsStaff, database: Database, key: str, value: str, said: str
) -> None:
    answer = look(as_staff("owner", None), key, value=value)
    assert answer.status_code == 422
    assert "冻结要比最晚归还时间晚：全部区域从" in answer.text
    assert said in answer.text
    assert f'id="setting-{key}-value-error"' in answer.text
    assert database.count(SettingVersion) == 0


@pytest.mark.req("SET-4")
def test_the_two_stay_in_order_at_every_time_and_in_every_region(
    as_staff: AsStaff, database: Database, clock: MovedClock
) -> None:
    owner, manager = as_staff("owner", None), as_staff("manager", "B")
    later = (clock.now().astimezone(SHANGHAI) + timedelta(days=7)).strftime("%Y-%m-%dT%H:%M")
    assert save(owner, "flash_free_days", value="20", effective_at=later).status_code == 303
    refused = look(manager, "flash_freeze_days", region="B", value="18")
    assert refused.status_code == 422  # it fits today, and not in a week
    assert re.search(r"B \S+从 \d\d-\d\d \d\d:\d\d 起会是第 18 天冻结，20 天内", refused.text)
    assert save(manager, "flash_freeze_days", region="B", value="22").status_code == 303
    assert look(owner, "flash_free_days", value="25").status_code == 422  # B keeps its 22
    assert save(owner, "flash_freeze_days", value="60", effective_at=later).status_code == 303
    assert save(manager, "flash_free_days", region="B", value="21").status_code == 303
    follow = look(manager, "flash_freeze_days", region="B", value="", follow="y")
    assert follow.status_code == 200  # 30 now, 60 in a week: later than 21


@pytest.mark.req("SET-4")
def test_a_withdrawal_would_break_it_too(as_staff: AsStaff, database: Database) -> None:
    owner = as_staff("owner", None)
    later = "2099-12-01T00:00"
    assert save(owner, "flash_freeze_days", value="60", effective_at=later).status_code == 303
    freeze = database.one(select(SettingVersion.id))
    assert save(owner, "flash_free_days", value="40", effective_at=later).status_code == 303
    free = database.one(select(SettingVersion.id).where(SettingVersion.key == "flash_free_days"))

    def withdraw(key: str, version_id: int) -> TestResponse:
        return owner.post(f"/settings/{key}/withdraw/{version_id}", data={"csrf_token": csrf_token(owner)})

    refused = withdraw("flash_freeze_days", freeze)
    assert refused.status_code == 422
    assert "冻结要比最晚归还时间晚" in refused.text
    assert withdraw("flash_free_days", free).status_code == 303
    assert withdraw("flash_freeze_days", freeze).status_code == 303
