"""The fake bridge on a page with the application's strict policy, and the control page, in a real Chromium."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from simulator import credentials, signing
from tests.fixtures.browser import DESK, PHONE, REPORT_VIOLATIONS, assert_accessible
from tests.simulator.ground import Merchant

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = pytest.mark.browser
POLICY = (
    "default-src 'none'; script-src 'nonce-N1'; connect-src 'self' {origin}; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'; img-src 'self'; style-src 'self'; require-trusted-types-for 'script'"
)
PAGE = """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>订单</title>
<script nonce="N1" src="{origin}/_sim/bridge.js"></script></head>
<body><main><h1>订单</h1><button type="button" id="pay">去付款</button><p id="result"></p></main></body></html>"""
INVOKE = """([name, asked]) => {
    window.answering = new Promise((answered) => { WeixinJSBridge.invoke(name, asked, answered); });
}"""


@pytest.fixture
def context(chromium_browser: "Browser") -> "Iterator[BrowserContext]":
    context = chromium_browser.new_context(locale="zh-CN", **PHONE)
    context.set_default_timeout(10_000)
    yield context
    context.close()


@pytest.fixture
def faults(context: "BrowserContext") -> Iterator[list[str]]:
    """What pages complained of; nothing, at the end."""
    heard: list[str] = []
    context.on("console", lambda message: heard.append(message.text) if message.type == "error" else None)
    context.on("weberror", lambda error: heard.append(str(error.error)))
    context.expose_binding("reportPolicyViolation", lambda _source, words: heard.append(words))
    context.add_init_script(REPORT_VIOLATIONS)
    yield heard
    assert heard == []


@pytest.fixture
def page(context: "BrowserContext", faults: list[str], merchant: Merchant) -> "Page":
    """A page of the application, inside WeChat."""
    origin = merchant.simulator.url
    headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": POLICY.format(origin=origin)}
    merchant.listener.pages["/m/order"] = (PAGE.format(origin=origin).encode(), headers)
    merchant.listener.pages["/favicon.ico"] = (b"<svg/>", {"Content-Type": "image/svg+xml"})
    page = context.new_page()
    page.goto(f"{merchant.listener.url}/m/order")
    return page


def invoke(page: "Page", name: str, asked: dict[str, object]) -> None:
    page.evaluate(INVOKE, [name, asked])


def answer(page: "Page") -> dict[str, object]:
    return dict(page.evaluate("() => window.answering"))


def sheet_of(merchant: Merchant, prepay_id: str) -> dict[str, object]:
    signed = [merchant.env["WECHAT_APP_ID"], "1700000000", "N1", f"prepay_id={prepay_id}"]
    names = ("appId", "timeStamp", "nonceStr", "package")
    return {**dict(zip(names, signed, strict=True)), "signType": "RSA", "paySign": merchant.pay.sign(signed)}


def test_the_page_is_in_wechat_but_on_no_known_phone(page: "Page") -> None:
    agent = page.evaluate("navigator.userAgent").lower()
    assert "micromessenger/8.0.50" in agent
    assert not any(word in agent for word in ("android", "iphone", "ipad"))


@pytest.mark.parametrize(
    ("button", "outcome", "state"),
    [("支付", "ok", "SUCCESS"), ("取消", "cancel", "NOTPAY"), ("失败", "fail", "NOTPAY")],
)
def test_the_payment_sheet(page: "Page", merchant: Merchant, button: str, outcome: str, state: str) -> None:
    number, prepay_id = merchant.order()
    page.locator("#pay").focus()
    invoke(page, "getBrandWCPayRequest", sheet_of(merchant, prepay_id))
    sheet = page.get_by_role("dialog", name="微信支付")
    sheet.get_by_text("¥2,599.00").wait_for()
    assert sheet.get_by_text("林小满").is_visible()
    assert sheet.get_by_role("button", name="支付", exact=True).evaluate("b => b.matches(':focus')")
    assert_accessible(page)
    sheet.get_by_role("button", name=button, exact=True).click()
    assert answer(page) == {"err_msg": f"get_brand_wcpay_request:{outcome}"}
    assert sheet.count() == 0
    assert page.locator("#pay").evaluate("b => b === document.activeElement")
    assert merchant.query(number)["trade_state"] == state


def test_escape_cancels_the_sheet(page: "Page", merchant: Merchant) -> None:
    invoke(page, "getBrandWCPayRequest", sheet_of(merchant, merchant.order()[1]))
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    assert answer(page) == {"err_msg": "get_brand_wcpay_request:cancel"}


def test_a_sheet_with_a_wrong_signature_is_not_shown(page: "Page", merchant: Merchant) -> None:
    asked = sheet_of(merchant, merchant.order()[1]) | {"nonceStr": "N2"}
    invoke(page, "getBrandWCPayRequest", asked)
    assert answer(page)["err_msg"] == "get_brand_wcpay_request:fail"
    assert page.get_by_role("alert").inner_text() == "支付验证签名失败"
    assert page.get_by_role("dialog").count() == 0


def test_the_camera_answers_only_a_page_that_was_verified(page: "Page", merchant: Merchant) -> None:
    invoke(page, "scanQRCode", {"needResult": 1})
    assert answer(page) == {"err_msg": "system:access_denied"}
    invoke(page, "preVerifyJSAPI", {"verifyAppId": "wx0", "verifyJsApiList": ["scanQRCode"]})
    assert answer(page) == {"err_msg": "config:invalid appid"}


def let_scan(page: "Page", merchant: Merchant) -> None:
    """The page is signed as wx.config asks for it."""
    nonce, timestamp = "N1", "1700000000"
    ticket, _ = credentials.ticket(merchant.world)
    asked: dict[str, object] = {
        "verifyAppId": merchant.env["WECHAT_APP_ID"],
        "verifyNonceStr": nonce,
        "verifyTimestamp": timestamp,
        "verifySignature": signing.page_signature(ticket, nonce, timestamp, page.url),
        "verifyJsApiList": ["scanQRCode"],
    }
    invoke(page, "preVerifyJSAPI", asked)
    assert answer(page) == {"err_msg": "system:ok"}


def test_the_scanner_answers_with_what_it_is_told(page: "Page", merchant: Merchant) -> None:
    let_scan(page, merchant)
    page.locator("#pay").focus()
    invoke(page, "scanQRCode", {"needResult": 1, "scanType": ["qrCode"]})
    scanner = page.get_by_role("dialog", name="扫一扫")
    assert scanner.get_by_label("扫到的内容").evaluate("field => field.matches(':focus')")
    assert_accessible(page)
    page.keyboard.press("Enter")  # a scanner that read nothing goes on
    scanner.get_by_role("button", name="扫到了").click()
    assert scanner.is_visible()
    page.keyboard.type(f"{merchant.listener.url}/q/A00042")
    page.keyboard.press("Enter")
    assert answer(page) == {"err_msg": "scanQRCode:ok", "resultStr": f"{merchant.listener.url}/q/A00042"}
    assert page.url.endswith("/m/order")
    assert page.locator("#pay").evaluate("b => b === document.activeElement")


def test_a_scan_without_need_of_the_result_opens_the_address(page: "Page", merchant: Merchant) -> None:
    let_scan(page, merchant)
    merchant.listener.pages["/q/A00042"] = merchant.listener.pages["/m/order"]
    invoke(page, "scanQRCode", {})
    page.get_by_label("扫到的内容").fill(f"{merchant.listener.url}/q/A00042")
    page.get_by_role("button", name="扫到了").click()
    page.wait_for_url("**/q/A00042")


@pytest.mark.parametrize("way", ["取消", "Escape"])
def test_a_scan_can_be_left(page: "Page", merchant: Merchant, way: str) -> None:
    let_scan(page, merchant)
    invoke(page, "scanQRCode", {"needResult": 1})
    scanner = page.get_by_role("dialog", name="扫一扫")
    scanner.wait_for()
    if way == "Escape":
        page.keyboard.press(way)
    else:
        scanner.get_by_role("button", name=way).click()
    assert answer(page) == {"err_msg": "scanQRCode:cancel"}
    assert scanner.count() == 0


def test_the_control_page_is_for_everybody(context: "BrowserContext", faults: list[str], merchant: Merchant) -> None:
    number = merchant.paid()
    merchant.order()
    merchant.refund(number, "R-1", 100)
    merchant.fault("late", seconds=5, times=None)
    merchant.until(lambda: merchant.get("/_sim/books")["refunds"][0]["status"] == "SUCCESS")
    page = context.new_page()
    for size in (PHONE, DESK):
        page.set_viewport_size(size["viewport"])
        page.goto(merchant.simulator.url)
        assert page.locator("h1").count() == 1
        assert_accessible(page)
    page.get_by_label("新的人的昵称").fill("周子衡")
    page.get_by_role("button", name="加人").click()
    page.get_by_role("status").get_by_text("现在你是周子衡").wait_for()
    page.locator("#payments").get_by_role("button").filter(has_text="支付").click()
    page.get_by_role("status").get_by_text("支付成功").wait_for()
    page.get_by_role("button", name="全部清除").click()
    page.get_by_text("没有故障，一切照常。").wait_for()
    page.get_by_role("button", name="+15 天").click()
    page.get_by_text("时钟拨了 +15.0 天").wait_for()
    page.get_by_role("button", name="回到真的时间").click()
    page.get_by_role("status").wait_for()
    assert merchant.world.clock.offset() == 0
    assert len(merchant.get("/_sim/books")["payments"]) == 2
