import re
from datetime import timedelta
from html import unescape

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.domain import settings as catalogue
from app.domain.calendar import SHANGHAI
from app.domain.settings import RESERVATION_HOURS, Setting, SettingGroup
from app.models.directory import Region, SettingVersion
from app.models.journal import Audit
from app.queries import settings as reads
from tests.factories.forms import csrf_token
from tests.factories.orders import an_order, order_of
from tests.factories.people import a_region_id
from tests.factories.reading import read
from tests.fixtures.actors import AsStaff
from tests.fixtures.apps import MovedClock
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient

URL = "/settings/reservation_hours"
HTMX = {"HX-Request": "true"}
KEEP = object()


def typed(client: LawfulClient, **fields: str) -> dict[str, str]:
    usual = {"region": "all", "value": "48", "effective_at": "", "reason": "三店统一"}
    return {"csrf_token": csrf_token(client), **usual, **fields}


def button_of(answer: TestResponse) -> str:
    found = re.search(r'<button[^>]*name="step"[^>]*>\s*<span>([^<]+)</span>', answer.text)
    assert found, answer.text
    return unescape(found[1])


def previewed_in(answer: TestResponse) -> str:
    found = re.search(r'name="previewed" value="([^"]*)"', answer.text)
    assert found
    return unescape(found[1])


def save(client: LawfulClient, url: str = URL, **fields: str) -> TestResponse:
    """Looks first, then presses the button."""
    fields = typed(client, **fields)
    look = client.post(url, data={**fields, "step": "look"})
    assert look.status_code == 200, look.text
    return client.post(url, data={**fields, "step": "save", "previewed": previewed_in(look)})


def value_in(app: Flask, letter: str, clock: MovedClock) -> int:
    with read(app) as session:
        return reads.value_of(session, RESERVATION_HOURS, a_region_id(app, letter), clock.now())


@pytest.mark.req("SET-10", "SET-7")
def test_a_change_is_looked_at_then_saved(app: Flask, as_staff: AsStaff, database: Database, clock: MovedClock) -> None:
    owner = as_staff("owner", None)
    fields = typed(owner)
    look = owner.post(URL, data={**fields, "step": "look"})
    assert button_of(look) == "现在改为 48 小时"
    assert "从现在起，全部区域：之后新预约的订单，72 小时 → 48 小时。" in look.text
    assert "已经预约的订单，到期时间不变（现在有 0 单）。" in look.text
    assert database.count(SettingVersion) == 0
    saved = owner.post(URL, data={**fields, "step": "save", "previewed": previewed_in(look)})
    assert (saved.status_code, saved.location) == (303, "/settings?group=orders")
    assert value_in(app, "B", clock) == 48
    page = owner.get(saved.location)
    assert "预约保留时间：现在改为 48 小时" in page.text
    assert "<b>48 小时</b>" in page.text
    assert "预约保留时间：现在改为 48 小时" not in owner.get(saved.location).text  # said once


@pytest.mark.req("SET-11")
def test_each_change_is_recorded_from_what_to_what(as_staff: AsStaff, database: Database) -> None:
    owner = as_staff("owner", None)
    save(owner)
    save(owner, value="36", reason="活动结束")
    rows = database.all(select(Audit).where(Audit.action == "setting_changed").order_by(Audit.id))
    assert [(row.facts["key"], row.facts["before"], row.facts["after"], row.reason) for row in rows] == [
        ("reservation_hours", None, 48, "三店统一"),
        ("reservation_hours", 48, 36, "活动结束"),
    ]
    assert {row.actor_id for row in rows} == {owner.actor.id}
    history = owner.get(URL).text
    assert history.index("活动结束") < history.index("三店统一")
    assert "默认 72 小时" in history


@pytest.mark.req("SET-11", "SET-7")
def test_what_was_agreed_before_keeps_its_terms(app: Flask, as_staff: AsStaff, clock: MovedClock) -> None:
    order = an_order(app)
    expires_at = order_of(app, order).expires_at
    owner = as_staff("owner", None)
    look = owner.post(URL, data={**typed(owner, value="1"), "step": "look"})
    assert "现在有 1 单" in look.text
    save(owner, value="1")
    assert order_of(app, order).expires_at == expires_at
    later = order_of(app, an_order(app))
    assert later.expires_at - later.reserved_at == timedelta(hours=1)


def test_a_change_can_wait_for_its_time(app: Flask, as_staff: AsStaff, clock: MovedClock) -> None:
    owner = as_staff("owner", None)
    midnight = (clock.now().astimezone(SHANGHAI) + timedelta(days=7)).replace(hour=0, minute=0)
    fields = typed(owner, effective_at=midnight.strftime("%Y-%m-%dT%H:%M"))
    look = owner.post(URL, data={**fields, "step": "look"})
    assert button_of(look) == f"{midnight.month} 月 {midnight.day} 日起改为 48 小时"
    owner.post(URL, data={**fields, "step": "save", "previewed": previewed_in(look)})
    page = owner.get("/settings")
    assert "待生效" in page.text
    assert f"{midnight:%m-%d %H:%M} 起 48 小时" in page.text
    assert value_in(app, "A", clock) == 72
    clock.advance(timedelta(days=7))
    assert value_in(app, "A", clock) == 48


def test_a_plan_can_be_withdrawn_until_it_holds(
    app: Flask, as_staff: AsStaff, database: Database, clock: MovedClock
) -> None:
    owner = as_staff("owner", None)
    save(owner, value="96")
    soon = (clock.now().astimezone(SHANGHAI) + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M")
    save(owner, effective_at=soon)
    planned = database.all(select(SettingVersion.id).order_by(SettingVersion.id.desc()))[0]
    assert "撤回" in owner.get(URL).text
    answer = owner.post(f"{URL}/withdraw/{planned}", data={"csrf_token": csrf_token(owner)})
    assert answer.status_code == 303
    page = owner.get(URL).text
    assert "已被替换" in page
    assert "/withdraw/" not in page
    assert "待生效" not in owner.get("/settings").text
    clock.advance(timedelta(hours=3))
    assert value_in(app, "A", clock) == 96
    owner = as_staff("owner", None)  # the session of two hours ago has ended
    late = owner.post(f"{URL}/withdraw/{planned}", data={"csrf_token": csrf_token(owner)})
    assert late.status_code == 422
    assert "不能撤回" in late.text


def test_one_region_apart(app: Flask, as_staff: AsStaff, clock: MovedClock) -> None:
    owner = as_staff("owner", None)
    save(owner, region="C", value="24")
    assert (value_in(app, "A", clock), value_in(app, "C", clock)) == (72, 24)
    page = owner.get("/settings?region=all").text
    assert "<b>72 小时</b>" in page
    assert re.search(r"C \S+ 24 小时", page)
    of_c = owner.get("/settings?region=C").text
    assert "<b>24 小时</b>" in of_c
    assert "全部区域 72 小时" in of_c
    look = owner.post(URL, data={**typed(owner, region="all", value="96"), "step": "look"})
    assert re.search(r"C \S+仍是 24 小时", look.text)
    save(owner, region="C", value="", follow="y")
    assert value_in(app, "C", clock) == 72


BAD = [
    ({"value": ""}, "写一个新的值"),
    ({"value": "abc"}, "写一个整数"),
    ({"value": "1.5"}, "写一个整数"),
    ({"value": "9" * 5000}, "写一个整数"),
    ({"value": "0"}, "预约保留时间要在 1 到 720 小时之间"),
    ({"value": "-5"}, "预约保留时间要在 1 到 720 小时之间"),
    ({"value": "99999999999999999999"}, "预约保留时间要在 1 到 720 小时之间"),
    ({"value": "72"}, "那时本来就是 72 小时"),
    ({"reason": ""}, "写一句原因"),
    ({"reason": "  "}, "写一句原因"),
    ({"reason": "长" * 201}, "最多 200 个字"),
    ({"effective_at": "2020-01-01T00:00"}, "生效时间已经过了"),
    ({"effective_at": "soon"}, "写成 2026-12-01 00:00 这样"),
    ({"effective_at": "0001-01-01T00:00"}, "这个年份不对"),
    ({"effective_at": "9999-12-31T23:59"}, "这个年份不对"),
    ({"region": "Q"}, ""),
]


@pytest.mark.parametrize("step", ["look", "save"])
def test_what_does_not_fit_is_said_beside_its_field(as_staff: AsStaff, database: Database, step: str) -> None:
    owner = as_staff("owner", None)
    for fields, sentence in BAD:
        for headers in ({}, HTMX):
            answer = owner.post(URL, data={**typed(owner, **fields), "step": step}, headers=headers)
            assert (fields, answer.status_code) == (fields, 422)
            assert sentence in answer.text
            assert 'aria-invalid="true"' in answer.text
            for text in fields.values():
                if text.strip() and fields.keys() != {"region"}:
                    assert f'value="{text.strip()}' in answer.text
    assert database.count(SettingVersion) == 0


def test_all_that_does_not_fit_is_said_at_once(as_staff: AsStaff) -> None:
    owner = as_staff("owner", None)
    wrong = {"value": "0", "effective_at": "2020-01-01T00:00", "reason": " "}
    answer = owner.post(URL, data={**typed(owner, **wrong), "step": "save"})
    for field in wrong:
        assert f'id="setting-reservation_hours-{field}-error"' in answer.text


def test_what_the_button_did_not_say_is_not_saved(as_staff: AsStaff, database: Database) -> None:
    owner = as_staff("owner", None)
    look = owner.post(URL, data={**typed(owner), "step": "look"})
    changed = {**typed(owner, value="36"), "step": "save", "previewed": previewed_in(look)}
    answer = owner.post(URL, data=changed)
    assert answer.status_code == 200
    assert button_of(answer) == "现在改为 36 小时"
    assert database.count(SettingVersion) == 0


def test_the_same_change_twice_is_no_change(as_staff: AsStaff, database: Database) -> None:
    owner = as_staff("owner", None)
    fields = typed(owner)
    look = owner.post(URL, data={**fields, "step": "look"})
    twice = {**fields, "step": "save", "previewed": previewed_in(look)}
    assert [owner.post(URL, data=twice).status_code for _ in range(2)] == [303, 422]
    assert database.count(SettingVersion) == 1


def test_a_field_that_is_changed_scolds_nobody(as_staff: AsStaff) -> None:
    owner = as_staff("owner", None)
    empty = owner.post(URL, data=typed(owner, value="", reason=""), headers=HTMX)
    assert empty.status_code == 200
    assert button_of(empty) == "看看会改变什么"
    assert "aria-invalid" not in empty.text
    filled = owner.post(URL, data=typed(owner, reason=""), headers=HTMX)
    assert button_of(filled) == "现在改为 48 小时"
    assert "<html" not in filled.text


def test_the_row_opens_in_place_or_as_a_page(as_staff: AsStaff) -> None:
    owner = as_staff("owner", None)
    fragment, page = owner.get(URL, headers=HTMX), owner.get(URL)
    assert fragment.text.lstrip().startswith('<div class="setting setting-open" id="setting-reservation_hours"')
    assert "付款后可自己取消" not in fragment.text
    assert "付款后可自己取消" in page.text
    assert 'id="setting-reservation_hours"' in owner.get("/settings", headers=HTMX).text


def test_a_manager_changes_the_own_region_only(app: Flask, as_staff: AsStaff, database: Database) -> None:
    manager = as_staff("manager", "B")
    page = manager.get(URL).text
    assert '<option value="all"' not in page
    assert '<option value="A"' not in page
    save(manager, region="B")
    region_id = database.one(select(Region.id).where(Region.letter == "B"))
    assert database.one(select(SettingVersion.region_id)) == region_id
    for region in ("all", "A"):
        answer = manager.post(URL, data={**typed(manager, region=region), "step": "save", "previewed": "x"})
        assert answer.status_code == 422
    assert database.count(SettingVersion) == 1
    owner = as_staff("owner", None)
    save(owner, region="C", reason="留和路店的事")
    assert "留和路店的事" not in manager.get(URL).text
    others = database.all(select(SettingVersion.id).order_by(SettingVersion.id.desc()))[0]
    assert manager.post(f"{URL}/withdraw/{others}", data={"csrf_token": csrf_token(manager)}).status_code == 404


@pytest.mark.parametrize("role", ["clerk", "finance", "technician", "consultant"])
def test_nobody_else_sees_or_changes_settings(as_staff: AsStaff, role: str) -> None:
    client = as_staff(role, "A")
    assert client.get("/settings").status_code == 403
    assert client.get(URL).status_code == 403
    assert client.post(URL, data=typed(client)).status_code == 403


def test_an_unknown_setting_is_not_found(as_staff: AsStaff) -> None:
    owner = as_staff("owner", None)
    assert owner.get("/settings/colour_of_the_sky").status_code == 404
    assert owner.post("/settings/colour_of_the_sky", data=typed(owner)).status_code == 404
    assert owner.post(f"{URL}/withdraw/999999", data={"csrf_token": csrf_token(owner)}).status_code == 404


def test_a_new_entry_of_the_catalogue_needs_no_other_code(
    as_staff: AsStaff, monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    new = Setting(
        "test_rides",
        SettingGroup.ORDERS,
        "试骑次数",
        "一个用户最多试骑几次",
        "次",
        default=2,
        least=0,
        most=9,
        used_in="柜台",
        changes="之后的试骑",
        keeps="已经试骑的",
    )
    monkeypatch.setitem(catalogue.CATALOGUE, new.key, new)
    owner = as_staff("owner", None)
    assert "试骑次数" in owner.get("/settings").text
    assert save(owner, "/settings/test_rides", value="3").status_code == 303
    assert database.one(select(SettingVersion.value).where(SettingVersion.key == "test_rides")) == 3
