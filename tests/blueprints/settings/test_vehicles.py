"""Models, listings, plans, prices and stock on the settings page."""

import re
from datetime import timedelta
from html import unescape

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.domain.calendar import SHANGHAI
from app.domain.numbering import Business
from app.models.vehicles import Listing, Plan, Price, StockMovement, VehicleModel
from tests.factories.forms import csrf_token
from tests.factories.ground import MODEL, PRICE_FEN, STOCK
from tests.factories.orders import a_listing_id, an_order, cancel, order_of
from tests.factories.rentals import MONTH, a_rental_listing, a_rental_order
from tests.fixtures.actors import AsStaff
from tests.fixtures.apps import MovedClock
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient

HTMX = {"HX-Request": "true"}
VEHICLES = "/settings/vehicles"


def send(client: LawfulClient, url: str, /, **fields: str) -> TestResponse:
    return client.post(url, data={"csrf_token": csrf_token(client), **fields})


def price(client: LawfulClient, url: str, /, **fields: str) -> TestResponse:
    """Looks first, then presses the button."""
    fields = {"was": "", "effective_at": "", **fields}
    seen = send(client, url, **fields, step="look")
    found = re.search(r'name="previewed" value="([^"]*)"', seen.text)
    assert seen.status_code == 200, seen.text
    assert found
    return send(client, url, **fields, step="save", previewed=unescape(found[1]))


def stocked(client: LawfulClient, listing_id: int, **fields: str) -> TestResponse:
    """Opens the form and sends it."""
    url = f"{VEHICLES}/listings/{listing_id}/stock"
    found = re.search(r'name="request_key"[^>]*value="([0-9a-f]{32})"', client.get(url).text)
    assert found
    return send(client, url, **{"note": "", "request_key": found[1], **fields})


def stock_of(database: Database, listing_id: int) -> int:
    return int(database.one(select(Listing.stock).where(Listing.id == listing_id)))


@pytest.mark.req("SET-1", "SET-2")
def test_a_model_comes_into_a_region_step_by_step(as_staff: AsStaff, database: Database) -> None:
    owner = as_staff("owner", None)
    fields = {
        "name": "疾风 F1",
        "colours": "曜石黑、珍珠白",
        "facts": "续航 70 公里\n前后碟刹",
        "picture": "vehicles/f1.svg",
    }
    assert "加这个车型" in owner.get(f"{VEHICLES}/new").text
    assert send(owner, f"{VEHICLES}/new", **fields).status_code == 303
    model = database.one(select(VehicleModel).where(VehicleModel.name == "疾风 F1"))
    assert (model.colours, model.facts) == (["曜石黑", "珍珠白"], ["续航 70 公里", "前后碟刹"])
    page = owner.get(VEHICLES).text
    assert "加好了 疾风 F1" in page
    url = f"{VEHICLES}/models/{model.id}/listings"
    assert "加到这个区域" in owner.get(url).text
    assert send(owner, url, region="B", business="Z").status_code == 303
    twice = send(owner, url, region="B", business="Z")
    assert twice.status_code == 422
    assert "这个区域已经上架了这个车型" in twice.text
    listing_id = database.one(select(Listing.id).where(Listing.model_id == model.id))
    own = f"{VEHICLES}/listings/{listing_id}"
    assert "加一个租期，比如 30 天" in owner.get(own).text
    assert send(owner, f"{own}/plans", name="月租", days="30").status_code == 303
    assert "没有价格，手机上看不到" in owner.get(own).text
    plan_id = database.one(select(Plan.id))
    assert price(owner, f"{VEHICLES}/plans/{plan_id}/price", value="180").status_code == 303
    assert "都准备好了就上架" in owner.get(own).text
    assert send(owner, f"{own}/show").status_code == 303
    assert "库存是 0" in owner.get(own).text
    assert stocked(owner, listing_id, cause="bought", quantity="6", note="九月第一批").status_code == 303
    page = owner.get(own).text
    assert "next-step" not in page
    assert "进货：九月第一批" in page
    assert "<b>6 辆</b>" in page


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": ""}, "名字要写，最多 40 个字"),
        ({"name": MODEL}, f"已经有「{MODEL}」了"),
        ({"colours": " "}, "颜色至少写一个"),
        ({"colours": "黑" * 21}, "最多 20 个字"),
        ({"facts": "长" * 41}, "最多 40 个字"),
        ({"picture": "vehicles/../x.svg"}, ""),
    ],
)
def test_a_model_that_cannot_be_is_said_beside_the_field(
    as_staff: AsStaff, database: Database, fields: dict[str, str], sentence: str
) -> None:
    owner = as_staff("owner", None)
    usual = {"name": "疾风 F1", "colours": "黑", "facts": "", "picture": "vehicles/f1.svg"}
    (field,) = fields
    for headers in ({}, HTMX):
        answer = owner.post(
            f"{VEHICLES}/new", data={"csrf_token": csrf_token(owner), **usual, **fields}, headers=headers
        )
        assert answer.status_code == 422
        assert f'id="model-new-{field}-error"' in answer.text
        assert sentence in answer.text
        if field != "picture" and fields[field].strip():
            assert fields[field] in answer.text
    assert database.count(VehicleModel) == 1


def test_a_model_is_changed_where_it_stands(app: Flask, as_staff: AsStaff, database: Database) -> None:
    order_id = an_order(app)
    owner = as_staff("owner", None)
    model_id = database.one(select(VehicleModel.id))
    url = f"{VEHICLES}/models/{model_id}"
    opened = owner.get(url, headers=HTMX).text
    assert opened.lstrip().startswith('<div class="setting setting-open"')
    assert "曜石黑、珍珠白" in opened
    assert '<option value="vehicles/e8.svg"' not in opened
    fields = {"name": "猎吧 S1 Pro", "colours": "珍珠白", "facts": "续航 80 公里", "picture": "vehicles/s3.svg"}
    assert send(owner, url, **fields).status_code == 303
    assert "猎吧 S1 Pro" in owner.get(VEHICLES).text
    assert order_of(app, order_id).colour == "曜石黑"


# Prices.


@pytest.mark.req("SET-1", "SET-11")
def test_a_price_is_looked_at_then_saved_and_what_is_reserved_keeps_its_own(
    app: Flask, as_staff: AsStaff, database: Database
) -> None:
    order_id = an_order(app)
    owner, listing_id = as_staff("owner", None), a_listing_id(app)
    url = f"{VEHICLES}/listings/{listing_id}/price"
    look = send(owner, url, value="2,299", was="2399", effective_at="", step="look")
    assert "从现在起，A 紫金港之后新预约的买车：¥2,399.00 → ¥2,299.00，原价 ¥2,399.00。" in look.text
    assert "已经预约的订单，价格不变（现在有 1 单）。" in look.text
    assert "现在改为 ¥2,299.00，原价 ¥2,399.00" in look.text
    assert 'value="2,299"' in look.text
    assert database.count(Price, Price.listing_id == listing_id) == 1
    assert price(owner, url, value="2299", was="2399").status_code == 303
    newest = database.all(select(Price).order_by(Price.id.desc()))[0]
    assert (newest.amount_fen, newest.was_fen, newest.staff_id) == (2299_00, 2399_00, owner.actor.id)
    assert order_of(app, order_id).amount_fen == PRICE_FEN
    assert an_order(app, price_fen=2299_00)
    page = owner.get(f"{VEHICLES}/listings/{listing_id}").text
    assert "现在改为 ¥2,299.00" in page
    history = owner.get(url).text
    assert history.index("¥2,399.00 → ¥2,299.00") < history.index("无 → ¥2,399.00")


def test_a_price_to_come_is_shown_and_taken_back(
    app: Flask, as_staff: AsStaff, database: Database, clock: MovedClock
) -> None:
    owner, listing_id = as_staff("owner", None), a_rental_listing(database)
    plan_id = database.one(select(Plan.id))
    url, own = f"{VEHICLES}/plans/{plan_id}/price", f"{VEHICLES}/listings/{listing_id}"
    midnight = (clock.now().astimezone(SHANGHAI) + timedelta(days=7)).replace(hour=0, minute=0)
    answer = price(owner, url, value="160", effective_at=midnight.strftime("%Y-%m-%dT%H:%M"))
    assert answer.location == own
    page = owner.get(own).text
    planned = database.all(select(Price.id).order_by(Price.id.desc()))[0]
    assert f"月租 30 天：{midnight.month} 月 {midnight.day} 日起改为 ¥160.00" in unescape(page)
    assert f"/prices/{planned}/withdraw" in page  # the snack takes it back
    assert "待生效" in page
    assert f"{midnight:%m-%d %H:%M} 起 ¥160.00" in page
    assert f"{midnight:%m-%d %H:%M} 起 ¥160.00" in owner.get(VEHICLES).text
    assert "撤回" in owner.get(url).text
    assert send(owner, f"{VEHICLES}/prices/{planned}/withdraw").status_code == 303
    assert "待生效" not in owner.get(own).text
    assert "已被替换" in owner.get(url).text
    late = send(owner, f"{VEHICLES}/prices/{planned}/withdraw")
    assert late.status_code == 422
    assert "不能撤回" in late.text


BAD_PRICES = [
    ({"value": ""}, "value", "写一个价格"),
    ({"value": "便宜点"}, "value", "写金额，最多到分"),
    ({"value": "0"}, "value", "价格要在 0.01 到 100,000.00 元之间"),
    ({"value": "100000.01"}, "value", "价格要在 0.01 到 100,000.00 元之间"),
    ({"value": "2399"}, "value", "那时本来就是 ¥2,399.00"),
    ({"was": "x"}, "was", "写金额，最多到分"),
    ({"was": "2000"}, "was", "原价要比价格高"),
    ({"effective_at": "2020-01-01T00:00"}, "effective_at", "生效时间已经过了"),
    ({"effective_at": "soon"}, "effective_at", "写成 2026-12-01 00:00 这样"),
]


@pytest.mark.parametrize("step", ["look", "save"])
def test_a_price_that_cannot_be_is_said_beside_its_field(
    app: Flask, as_staff: AsStaff, database: Database, step: str
) -> None:
    owner = as_staff("owner", None)
    url = f"{VEHICLES}/listings/{a_listing_id(app)}/price"
    for fields, field, sentence in BAD_PRICES:
        for headers in ({}, HTMX):
            typed = {"value": "2299", "was": "", "effective_at": "", "step": step, **fields}
            answer = owner.post(url, data={"csrf_token": csrf_token(owner), **typed}, headers=headers)
            assert (fields, answer.status_code) == (fields, 422)
            assert f'id="price-0-{field}-error"' in answer.text
            assert sentence in answer.text
            assert answer.text.count('aria-invalid="true"') == 1
            for text in fields.values():
                assert not text or f'value="{text}' in answer.text
    assert database.count(Price, Price.staff_id.is_not(None)) == 0


@pytest.mark.parametrize(
    ("page", "typed", "wrong"),
    [
        ("new", {"name": "", "colours": "，", "facts": "长" * 41}, "model-new: name colours facts"),
        (
            "listings/{sale}/price",
            {"value": "0", "effective_at": "2020-01-01T00:00", "step": "save"},
            "price-0: value effective_at",
        ),
        ("listings/{sale}/stock", {"cause": "", "quantity": "0"}, "stock: cause quantity"),
        ("listings/{sale}/stock", {"cause": "other_in", "quantity": "x", "note": " "}, "stock: quantity note"),
        ("listings/{rental}/plans", {"name": "", "days": "0"}, "plan-new: name days"),
    ],
)
def test_all_that_does_not_fit_is_said_at_once(
    app: Flask, database: Database, as_staff: AsStaff, page: str, typed: dict[str, str], wrong: str
) -> None:
    url = f"{VEHICLES}/{page}".format(sale=a_listing_id(app), rental=a_rental_listing(database))
    answer = send(as_staff("owner", None), url, **typed)
    row, _, fields = wrong.partition(": ")
    assert answer.status_code == 422
    for field in fields.split():
        assert f'id="{row}-{field}-error"' in answer.text


def test_a_price_field_that_is_changed_scolds_nobody(app: Flask, as_staff: AsStaff) -> None:
    owner = as_staff("owner", None)
    url = f"{VEHICLES}/listings/{a_listing_id(app)}/price"
    for fields in ({"value": ""}, {"value": "2299", "was": "1"}, {"value": "x"}):
        answer = owner.post(url, data={"csrf_token": csrf_token(owner), **fields}, headers=HTMX)
        assert answer.status_code == 200
        assert "aria-invalid" not in answer.text
        assert "看看会改变什么" in answer.text


def test_what_the_button_did_not_say_is_not_saved(app: Flask, as_staff: AsStaff, database: Database) -> None:
    owner = as_staff("owner", None)
    url = f"{VEHICLES}/listings/{a_listing_id(app)}/price"
    answer = send(owner, url, value="2299", was="", effective_at="", step="save", previewed="229800|None|None")
    assert answer.status_code == 200
    assert "现在改为 ¥2,299.00" in answer.text
    assert database.count(Price, Price.staff_id.is_not(None)) == 0


# Plans.


@pytest.mark.req("SET-2")
def test_a_plan_is_added_renamed_and_stopped(as_staff: AsStaff, database: Database) -> None:
    manager, listing_id = as_staff("manager", "A"), a_rental_listing(database)
    own = f"{VEHICLES}/listings/{listing_id}"
    for fields, field, sentence in (
        ({"name": ""}, "name", "名字要写，最多 20 个字"),
        ({"days": ""}, "days", "写几天，比如 30"),
        ({"days": "x"}, "days", "写一个整数"),
        ({"days": "0"}, "days", "租期是 1 到 1500 天"),
        ({"days": "1501"}, "days", "租期是 1 到 1500 天"),
        ({"days": "9" * 30}, "days", "租期是 1 到 1500 天"),
        ({"days": str(MONTH)}, "days", "已经有 30 天的租期了"),
    ):
        answer = send(manager, f"{own}/plans", **{"name": "学期租", "days": "150", **fields})
        assert (fields, answer.status_code) == (fields, 422)
        assert f'id="plan-new-{field}-error"' in answer.text
        assert sentence in answer.text
    assert send(manager, f"{own}/plans", name="学期租", days="150").status_code == 303
    page = manager.get(own).text
    assert "学期租 150 天" in page
    assert "还没有价格" in page
    assert "价格由店主定" in page
    plan_id = database.one(select(Plan.id).where(Plan.days == 150))
    assert "checked" in manager.get(f"{VEHICLES}/plans/{plan_id}").text
    assert send(manager, f"{VEHICLES}/plans/{plan_id}", name="整学期").status_code == 303  # the box unticked
    assert "已停，手机上不能选" in manager.get(own).text
    plan = database.one(select(Plan).where(Plan.id == plan_id))
    assert (plan.name, plan.shown) == ("整学期", False)


# Stock.


@pytest.mark.req("SET-1", "SET-2")
def test_stock_moves_by_hand_with_a_reason(app: Flask, as_staff: AsStaff, database: Database) -> None:
    manager, listing_id = as_staff("manager", "A"), a_listing_id(app)
    own = f"{VEHICLES}/listings/{listing_id}"
    assert stocked(manager, listing_id, cause="bought", quantity="5").status_code == 303
    assert stocked(manager, listing_id, cause="scrapped", quantity="2", note="撞坏了").status_code == 303
    assert stock_of(database, listing_id) == STOCK + 3
    for fields, field, sentence in (
        ({"cause": ""}, "cause", "选一个原因"),
        ({"cause": "stolen"}, "cause", ""),
        ({"quantity": ""}, "quantity", "写几辆，比如 5"),
        ({"quantity": "多"}, "quantity", "写一个整数"),
        ({"quantity": "0"}, "quantity", "数量是 1 到 9999"),
        ({"quantity": "-3"}, "quantity", "数量是 1 到 9999"),
        ({"quantity": "9" * 40}, "quantity", "数量是 1 到 9999"),
        ({"cause": "missing", "quantity": "54"}, "quantity", "库存只有 53 辆，减不了这么多"),
        ({"cause": "other_in"}, "note", "写一句原因"),
        ({"note": "长" * 101}, "note", "最多 100 个字"),
    ):
        answer = stocked(manager, listing_id, **{"cause": "bought", "quantity": "1", **fields})
        assert (fields, answer.status_code) == (fields, 422)
        assert f'id="stock-{field}-error"' in answer.text
        assert sentence in answer.text
    page = manager.get(own).text
    assert page.index("报废：撞坏了") < page.index(">进货<")
    assert stock_of(database, listing_id) == STOCK + 3


def test_pressing_twice_moves_stock_once(app: Flask, as_staff: AsStaff, database: Database) -> None:
    manager, listing_id = as_staff("manager", "A"), a_listing_id(app)
    url = f"{VEHICLES}/listings/{listing_id}/stock"
    fields = {"cause": "bought", "quantity": "5", "note": "", "request_key": "a" * 32}
    assert [send(manager, url, **fields).status_code for _ in range(2)] == [303, 303]
    assert stock_of(database, listing_id) == STOCK + 5
    again = send(manager, url, **{**fields, "quantity": "6"})  # gone back to the form, and something else typed
    assert again.status_code == 422
    assert "已经记过一次变动了" in again.text
    fresh = re.search(r'name="request_key"[^>]*value="([0-9a-f]{32})"', again.text)
    assert fresh
    assert send(manager, url, **{**fields, "quantity": "6", "request_key": fresh[1]}).status_code == 303
    assert stock_of(database, listing_id) == STOCK + 11


def test_the_history_has_what_orders_moved_too_page_by_page(app: Flask, as_staff: AsStaff, database: Database) -> None:
    listing_id = a_listing_id(app)
    cancel(app, an_order(app))
    manager = as_staff("manager", "A")
    own = f"{VEHICLES}/listings/{listing_id}"
    page = manager.get(own).text
    assert page.index("订单取消或过期") < page.index("预约占用") < page.index("手工调整")
    assert "AM" in page
    for nth in range(25):
        assert stocked(manager, listing_id, cause="bought", quantity=str(nth + 1)).status_code == 303
    first = manager.get(own).text
    assert "第 1–20 条，共 28 条" in first
    older = re.search(r'href="([^"]+)"\s+rel="next"', first)
    assert older
    second = manager.get(unescape(older[1])).text
    assert "第 21–28 条，共 28 条" in second
    assert second.index("订单取消或过期") < second.index("预约占用")
    newer = re.search(r'href="([^"]+)"\s+rel="prev"', second)
    assert newer
    assert "第 1–20 条，共 28 条" in manager.get(unescape(newer[1])).text
    assert manager.get(f"{own}?after=nonsense").status_code == 200
    assert database.count(StockMovement, StockMovement.listing_id == listing_id) == 28


def test_what_is_reserved_and_out_is_said_beside_the_stock(app: Flask, as_staff: AsStaff, database: Database) -> None:
    a_rental_order(app, database)
    a_rental_order(app, database, picked_up=True)
    page = as_staff("clerk", "A").get(f"{VEHICLES}/listings/{a_rental_listing(database)}").text
    assert f"<b>{STOCK - 2} 辆</b>" in page
    assert "另有 1 辆已预约" in page
    assert "另有 1 辆租出没还" in page


# Who sees and who may.


def test_people_of_a_region_see_its_listings_only(app: Flask, as_staff: AsStaff, database: Database) -> None:
    a_rental_listing(database, "B")
    for role in ("owner", "manager", "clerk"):
        client = as_staff(role, "B")
        page = client.get(VEHICLES).text
        assert "B 小和山" in page
        assert "紫金港" not in page
        assert client.get(f"{VEHICLES}/listings/{a_listing_id(app, 'B')}").status_code == 200
        assert client.get(f"{VEHICLES}/listings/{a_listing_id(app, 'A')}").status_code == 404
    owner = as_staff("owner", None)
    assert "紫金港" not in re.sub(r"<header.*?</header>", "", owner.get(f"{VEHICLES}?region=B").text, flags=re.DOTALL)
    assert "A 紫金港" in owner.get(f"{VEHICLES}?region=all").text


def test_a_clerk_sees_and_changes_nothing(app: Flask, as_staff: AsStaff, database: Database) -> None:
    clerk, listing_id = as_staff("clerk", "A"), a_listing_id(app)
    a_rental_listing(database)
    plan_id, model_id = database.one(select(Plan.id)), database.one(select(VehicleModel.id))
    own = f"{VEHICLES}/listings/{listing_id}"
    page, mine = clerk.get(VEHICLES).text, clerk.get(own).text
    assert "车型与库存" in page  # in the menu
    for words in ("修改", "上架到", "加一个车型", "在一个区域上架"):
        assert words not in page
    for words in ("改库存", "改价格", "下架</", "加一个租期"):
        assert words not in mine
    for url in (f"{own}/stock", f"{own}/price", f"{own}/plans", f"{VEHICLES}/plans/{plan_id}", f"{VEHICLES}/new"):
        assert clerk.get(url).status_code == 403
        assert send(clerk, url).status_code == 403
    for url in (f"{own}/show", f"{own}/hide", f"{VEHICLES}/models/{model_id}", f"{VEHICLES}/prices/1/withdraw"):
        assert send(clerk, url).status_code == 403
    for role in ("finance", "technician", "consultant"):
        assert as_staff(role, "A").get(VEHICLES).status_code == 403


def test_a_manager_sets_stock_and_plans_but_no_price(app: Flask, as_staff: AsStaff, database: Database) -> None:
    manager, listing_id = as_staff("manager", "B"), a_listing_id(app, "B")
    own = f"{VEHICLES}/listings/{listing_id}"
    page = manager.get(own).text
    assert "改价格" not in page
    assert "价格由店主定" in page
    assert manager.get(f"{own}/price").status_code == 403
    assert send(manager, f"{own}/price", value="1", step="save").status_code == 403
    assert send(manager, f"{own}/hide").status_code == 303
    assert "手机上看不到。都准备好了就上架" in manager.get(own).text
    assert send(manager, f"{own}/show").status_code == 303
    assert stocked(manager, listing_id, cause="found", quantity="1").status_code == 303
    others = f"{VEHICLES}/listings/{a_listing_id(app, 'A')}"
    for url in (f"{others}/hide", f"{others}/stock", f"{others}/plans"):
        assert send(manager, url, cause="found", quantity="1", name="x", days="1").status_code == 404
    assert manager.get(f"{VEHICLES}/new").status_code == 403
    model_id = database.one(select(VehicleModel.id))
    assert manager.get(f"{VEHICLES}/models/{model_id}").status_code == 403
    listings = f"{VEHICLES}/models/{model_id}/listings"
    assert '<option value="A"' not in manager.get(listings).text
    assert send(manager, listings, region="A", business="Z").status_code == 422
    assert send(manager, listings, region="B", business="P").status_code == 303
    assert database.count(Listing, Listing.business == Business.MINI_RENTAL) == 1


def test_an_owner_of_one_region_sets_its_prices_only(app: Flask, as_staff: AsStaff) -> None:
    owner = as_staff("owner", "B")
    assert price(owner, f"{VEHICLES}/listings/{a_listing_id(app, 'B')}/price", value="2299").status_code == 303
    assert owner.get(f"{VEHICLES}/listings/{a_listing_id(app, 'A')}/price").status_code == 404
    assert owner.get(f"{VEHICLES}/new").status_code == 403


def test_what_is_not_there_is_not_found(app: Flask, as_staff: AsStaff, database: Database) -> None:
    owner, rental = as_staff("owner", None), a_rental_listing(database)
    for url in (
        f"{VEHICLES}/models/999",
        f"{VEHICLES}/listings/999",
        f"{VEHICLES}/plans/999",
        f"{VEHICLES}/plans/999/price",
        f"{VEHICLES}/listings/{rental}/price",  # it is not sold
    ):
        assert owner.get(url).status_code == 404, url
    assert send(owner, f"{VEHICLES}/prices/999/withdraw").status_code == 404
    assert send(owner, f"{VEHICLES}/listings/{a_listing_id(app)}/plans", name="月租", days="30").status_code == 404


def test_an_empty_shop_says_what_comes_first(as_staff: AsStaff, database: Database) -> None:
    for table in ("stock_movement", "price", "listing", "vehicle_model"):
        trigger = f"{table}_no_delete"
        database.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        database.execute(f"DELETE FROM {table}")
    page = as_staff("owner", None).get(VEHICLES).text
    assert "还没有车型" in page
    assert "加一个车型" in page
