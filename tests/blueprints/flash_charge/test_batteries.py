"""Batteries over HTTP: the list, the page of one, moved by hand, lost, cleared up (decisions 23, 42)."""

import re
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.domain.batteries import BatteryState, EndedBy
from app.domain.deposits import DepositStatus
from app.domain.pictures import PhotoKind
from app.models.batteries import BatteryUse
from app.models.cards import Photo
from app.models.deposits import Deposit, DepositWithholding
from app.models.journal import Audit
from app.queries import battery_page
from app.usecases import flash_charge
from app.web.current import RUNTIME
from tests.factories.flash import a_member, a_use, battery_state, some_batteries, take_back, use_of
from tests.factories.forms import csrf_token
from tests.factories.people import a_member_of_staff
from tests.factories.pictures import a_photo
from tests.fixtures.actors import AsStaff
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient

LIST = "/flash-charge/batteries"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def batteries(database: Database) -> list[int]:
    """A00001 to A00060."""
    return some_batteries(database, "A", last=60)


@pytest.fixture
def manager(as_staff: AsStaff) -> LawfulClient:
    return as_staff("manager", region="A")


@pytest.fixture
def use_id(app: Flask, batteries: list[int]) -> int:
    """Somebody has A00001, for 18 days."""
    now = app.extensions[RUNTIME].clock.now()
    return a_use(app, a_member(app), "A00001", now=now - timedelta(days=18))


def post(client: LawfulClient, url: str, *, htmx: bool = False, **form: object) -> TestResponse:
    data = {**form, "csrf_token": csrf_token(client)}
    return client.post(url, data=data, headers=HTMX if htmx else {})


def numbers(answer: TestResponse) -> list[str]:
    plates = r'<td class="c-plate"><a [^>]*>.*?<span>([A-Z])</span><span>(\d{5})</span>'
    return [letter + digits for letter, digits in re.findall(plates, answer.text, re.DOTALL)]


def link(answer: TestResponse, rel: str) -> str | None:
    found = re.search(rf'href="([^"]*)"\s+rel="{rel}"', answer.text)
    return found[1].replace("&amp;", "&") if found else None


@pytest.mark.req("FLA-2")
def test_the_list_pages_by_number_and_by_state(manager: LawfulClient, batteries: list[int], use_id: int) -> None:
    first = manager.get(LIST)
    assert numbers(first) == [f"A{n:05d}" for n in range(1, 51)]
    assert "第 1–50 块，共 60 块" in first.text
    second = manager.get(link(first, "next") or "")
    assert numbers(second) == [f"A{n:05d}" for n in range(51, 61)]
    assert "第 51–60 块，共 60 块" in second.text
    assert numbers(manager.get(link(second, "prev") or "")) == numbers(first)
    out = manager.get(f"{LIST}?state=in_use")
    assert numbers(out) == ["A00001"]
    assert "王*涵" in out.text
    assert "第 1–59" not in out.text
    assert "这里还没有电池" in manager.get(f"{LIST}?state=lost").text
    assert manager.get(f"{LIST}?state=sold&after=x&before=-3").status_code == 200


def test_the_page_of_a_battery_says_who_has_it_and_what_to_do(
    manager: LawfulClient, batteries: list[int], use_id: int
) -> None:
    page = manager.get(f"{LIST}/{batteries[0]}")
    words = re.sub(r"<[^>]*>|\s+", "", page.text)
    assert "逾期4天。已用18天，逾期费每天¥5.00，" in words
    assert "起冻结账户" in words
    assert "押金¥300.00已扣¥20.00可退¥280.00" in words
    assert "近90天1次，1人" in words
    assert "扫码使用，王*涵，电池A00001" in words
    for act in ("报失", "去柜台归还", "打印标签"):
        assert act in words
    assert "标为丢失" not in words  # in somebody's hands nobody moves it
    block = manager.get(f"{LIST}/{batteries[0]}?range=7", headers=HTMX)
    assert "近7天 0 次，0 人" in block.text
    assert "<html" not in block.text


def test_a_battery_of_another_region_is_not_found(as_staff: AsStaff, batteries: list[int], use_id: int) -> None:
    other = as_staff("manager", region="B")
    assert other.get(f"{LIST}/{batteries[0]}").status_code == 404
    for url in (f"{LIST}/{batteries[0]}/move?to=repair", f"{LIST}/{batteries[0]}/lost"):
        assert other.get(url).status_code == 404
    assert other.get(f"/flash-charge/uses/{use_id}/settle").status_code == 404
    assert post(other, f"{LIST}/{batteries[0]}/move", to="repair", reason="坏了").status_code == 404


@pytest.mark.parametrize("htmx", [False, True])
def test_moves_by_hand_need_a_reason_and_end_on_the_page(
    app: Flask, database: Database, as_staff: AsStaff, batteries: list[int], *, htmx: bool
) -> None:
    clerk, battery_id = as_staff("clerk", region="A"), batteries[1]
    sheet = clerk.get(f"{LIST}/{battery_id}/move?to=repair")
    assert "送修电池" in sheet.text
    url = f"{LIST}/{battery_id}/move"
    missing = post(clerk, url, htmx=htmx, to="repair", reason="  ")
    assert missing.status_code == 422
    assert "写一句原因" in missing.text
    long = post(clerk, url, htmx=htmx, to="repair", reason="长" * 201)
    assert (long.status_code, "最多 200 个字" in long.text) == (422, True)
    for to, state in (
        ("repair", BatteryState.REPAIR),
        ("in_stock", BatteryState.IN_STOCK),
        ("lost", BatteryState.LOST),
        ("scrapped", BatteryState.SCRAPPED),
    ):
        answer = post(clerk, url, htmx=htmx, to=to, reason="充不进电")
        assert (answer.headers.get("HX-Redirect") or answer.location) == f"{LIST}/{battery_id}"
        assert battery_state(app, battery_id) is state
    told = database.all(select(Audit.reason).where(Audit.action == "battery_moved"))
    assert told == ["充不进电"] * 4


def test_a_move_that_the_state_forbids_or_that_is_none_changes_nothing(
    app: Flask, manager: LawfulClient, batteries: list[int], use_id: int
) -> None:
    url = f"{LIST}/{batteries[0]}/move"
    refused = post(manager, url, to="repair", reason="坏了")
    assert refused.status_code == 422
    assert "这块电池现在不能这样改" in refused.text
    for to in ("", "in_the_river"):
        answer = post(manager, url, to=to, reason="坏了")
        assert (answer.status_code, answer.location) == (303, f"{LIST}/{batteries[0]}")
    assert manager.get(f"{url}?to=moon").status_code == 303
    assert battery_state(app, batteries[0]) is BatteryState.IN_USE


def test_finance_sees_batteries_and_moves_none(as_staff: AsStaff, batteries: list[int]) -> None:
    finance = as_staff("finance", region=None)
    page = finance.get(f"{LIST}/{batteries[0]}")
    assert page.status_code == 200
    assert "送修" not in page.text
    assert finance.get(f"{LIST}/{batteries[0]}/move?to=repair").status_code == 403


def lost(
    client: LawfulClient, battery_id: int, *, use_id: int, photo: bytes | None = None, **form: str
) -> TestResponse:
    """Sends the form of a loss, as it stood for a use."""
    data: dict[str, object] = {"request_key": "a" * 32, "use_id": use_id, "csrf_token": csrf_token(client), **form}
    if photo is not None:
        data["photo"] = (BytesIO(photo), "photo.jpg", "image/jpeg")
    return client.post(f"{LIST}/{battery_id}/lost/photo", data=data, content_type="multipart/form-data")


ONE_ITEM = {"line1-item": "电池一块", "line1-amount": "120"}


def test_a_loss_ends_the_use_and_is_withheld_with_a_photo(
    app: Flask, database: Database, manager: LawfulClient, batteries: list[int], use_id: int
) -> None:
    assert "从押金里扣" in manager.get(f"{LIST}/{batteries[0]}/lost").text
    form = {**ONE_ITEM, "line3-item": "充电线", "line3-amount": "9.90", "reason": "掉河里了"}
    answer = lost(manager, batteries[0], use_id=use_id, photo=a_photo(), **form)
    assert (answer.status_code, answer.location) == (303, f"{LIST}/{batteries[0]}")
    use = use_of(app, use_id)
    assert (use.ended_by, battery_state(app, batteries[0])) == (EndedBy.LOST, BatteryState.LOST)
    withheld = database.all(select(DepositWithholding.item, DepositWithholding.amount_fen))
    assert sorted(withheld) == [("充电线", 9_90), ("电池一块", 120_00)]
    key = database.one(select(Photo.key).where(Photo.kind == PhotoKind.DAMAGE))
    assert app.extensions[RUNTIME].photos.get(key)[:3] == b"\xff\xd8\xff"
    assert database.one(select(Deposit.withheld_fen)) == 129_90


def test_a_loss_without_money_needs_no_photo(
    app: Flask, database: Database, manager: LawfulClient, batteries: list[int], use_id: int
) -> None:
    assert lost(manager, batteries[0], use_id=use_id, reason="被偷了，报过警").status_code == 303
    assert use_of(app, use_id).ended_by is EndedBy.LOST
    assert database.count(Photo, Photo.kind == PhotoKind.DAMAGE) == 0
    assert database.one(select(Deposit.status)) is DepositStatus.HELD


@pytest.mark.parametrize(
    ("form", "photo", "said"),
    [
        ({**ONE_ITEM, "reason": "丢了"}, None, "扣款要有一张照片"),
        ({**ONE_ITEM, "reason": "丢了"}, b"no picture at all", "不是 JPEG、PNG 或 WebP"),
        ({**ONE_ITEM, "reason": ""}, a_photo(), "写一句原因"),
        ({"line1-item": "电池一块", "reason": "丢了"}, a_photo(), "金额要大于 0"),
        ({"line2-amount": "5", "reason": "丢了"}, a_photo(), "写清楚扣的是什么"),
        ({"line1-item": "电池", "line1-amount": "1.234", "reason": "丢了"}, a_photo(), "写金额，最多到分"),
        ({"line1-item": "电池", "line1-amount": "300.01", "reason": "丢了"}, a_photo(), "最多扣 ¥300.00"),
        ({"line1-item": "长" * 41, "line1-amount": "1", "reason": "丢了"}, a_photo(), "最多 40 个字"),
    ],
)
def test_what_is_wrong_with_a_loss_is_said_and_what_was_typed_stays(
    app: Flask,
    manager: LawfulClient,
    batteries: list[int],
    use_id: int,
    form: dict[str, str],
    photo: bytes | None,
    said: str,
) -> None:
    answer = lost(manager, batteries[0], use_id=use_id, photo=photo, **form)
    assert answer.status_code == 422
    assert said in answer.text
    for typed in filter(None, form.values()):
        assert typed in answer.text
    assert use_of(app, use_id).returned_at is None


def test_a_loss_of_what_somebody_else_has_by_now_is_refused(
    app: Flask, database: Database, manager: LawfulClient, batteries: list[int], use_id: int
) -> None:
    sheet = manager.get(f"{LIST}/{batteries[0]}/lost")
    assert f'name="use_id" value="{use_id}"' in sheet.text
    take_back(app, use_id)
    a_use(app, a_member(app), "A00001")
    answer = lost(manager, batteries[0], use_id=use_id, photo=a_photo(), **ONE_ITEM, reason="丢了")
    assert (answer.status_code, "刚刚换了用户" in answer.text) == (422, True)
    assert database.count(DepositWithholding) == 0
    for crafted in (0, 10**30):
        assert lost(manager, batteries[0], use_id=crafted, reason="丢了").status_code == 422


def test_a_loss_of_a_battery_that_nobody_has_is_refused(
    manager: LawfulClient, batteries: list[int], use_id: int
) -> None:
    assert "没有人在用" in manager.get(f"{LIST}/{batteries[5]}/lost").text
    answer = lost(manager, batteries[5], use_id=use_id, reason="丢了")
    assert answer.status_code == 422
    assert "没有人在用" in answer.text


def test_a_clerk_reports_no_loss_and_settles_nothing(as_staff: AsStaff, batteries: list[int], use_id: int) -> None:
    clerk = as_staff("clerk", region="A")
    assert "报失" not in clerk.get(f"{LIST}/{batteries[0]}").text
    assert clerk.get(f"{LIST}/{batteries[0]}/lost").status_code == 403
    assert lost(clerk, batteries[0], use_id=use_id, reason="丢了").status_code == 403
    assert post(clerk, f"/flash-charge/uses/{use_id}/settle", reason="问过").status_code == 403


@pytest.fixture
def disputed(app: Flask, batteries: list[int]) -> Callable[[], tuple[int, int]]:
    """Somebody brings A00002, which another person has, while holding A00003: the two uses in doubt."""

    def make() -> tuple[int, int]:
        now = app.extensions[RUNTIME].clock.now()
        ended, goes_on = (a_use(app, a_member(app), f"A0000{n}", now=now) for n in (2, 3))
        with app.app_context():
            clerk = a_member_of_staff(app, region="A")
            flash_charge.take_in(batteries[1], bringer_use_id=goes_on, reason="拿错了", actor=clerk, now=now)
        return ended, goes_on

    return make


def test_doubtful_uses_are_cleared_up_with_a_reason(
    app: Flask, database: Database, manager: LawfulClient, disputed: Callable[[], tuple[int, int]], batteries: list[int]
) -> None:
    ended, goes_on = disputed()
    sheet = manager.get(f"/flash-charge/uses/{ended}/settle")
    assert "这次使用已经结束，只是不再待核实" in sheet.text
    assert 'name="outcome"' not in sheet.text
    assert post(manager, f"/flash-charge/uses/{ended}/settle", reason="").status_code == 422
    answer = post(manager, f"/flash-charge/uses/{ended}/settle", reason="两人换错了")
    assert (answer.status_code, answer.location) == (303, f"{LIST}/{batteries[1]}")
    assert use_of(app, ended).settled_at is not None
    url = f"/flash-charge/uses/{goes_on}/settle"
    missing = post(manager, url, reason="问过")
    assert (missing.status_code, "选一个" in missing.text) == (422, True)
    assert post(manager, url, outcome="maybe", reason="问过").status_code == 422
    assert post(manager, url, outcome="goes-on", reason="电池还在他手上").status_code == 303
    use = use_of(app, goes_on)
    assert (use.disputed, use.returned_at) == (False, None)
    again = post(manager, url, outcome="ends", reason="问过")
    assert (again.status_code, "已经核实过了" in again.text) == (422, True)
    assert f"/uses/{goes_on}/settle" not in manager.get(f"{LIST}/{batteries[2]}").text


def test_an_open_doubtful_use_may_end_now(
    app: Flask, database: Database, manager: LawfulClient, disputed: Callable[[], tuple[int, int]], batteries: list[int]
) -> None:
    _, goes_on = disputed()
    assert "核实" in manager.get(f"{LIST}/{batteries[2]}").text
    answer = post(manager, f"/flash-charge/uses/{goes_on}/settle", htmx=True, outcome="ends", reason="店里找到了")
    assert answer.headers["HX-Redirect"] == f"{LIST}/{batteries[2]}"
    assert battery_state(app, batteries[2]) is BatteryState.IN_STOCK
    assert database.count(BatteryUse, BatteryUse.returned_at.is_(None)) == 0


def test_a_long_history_says_that_it_is_cut(app: Flask, manager: LawfulClient, batteries: list[int]) -> None:
    member, now = a_member(app), app.extensions[RUNTIME].clock.now()
    for days in (9, 6, 3):
        take_back(app, a_use(app, member, "A00001", now=now - timedelta(days=days)), now=now - timedelta(days=days - 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(battery_page, "MOST_USES", 2)
        page = manager.get(f"{LIST}/{batteries[0]}")
    assert "近90天 3 次，1 人" in page.text
    assert "只列出最近 2 次" in page.text
