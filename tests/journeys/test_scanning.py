"""A number that is scanned: typed without script, by WeChat's scanner, by the camera of another browser."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import segno
from flask import Blueprint, Flask, render_template_string, request
from flask_wtf import FlaskForm
from playwright.sync_api import expect
from wtforms import StringField

from app.web.guards import public
from app.web.wechat_page import wx_config
from tests.fixtures.browser import PHONE, SWITCHES, Guard, OpenContext, assert_accessible, chromium
from tests.fixtures.house_law import LawfulClient
from tests.fixtures.simulators import Simulator

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

PAGE = """{% extends "mobile.html" %}{% block title %}闪充{% endblock %}{% block content %}
{{ ui.phone_title("闪充") }}
{% if request.method == "POST" %}<p id="came">{{ form.code.data }}</p>{% endif %}
{{ ui.scan_form("/m/scans", form.code, "用这块电池", hint="编号在电池的标签上，例如 A00042") }}
{% endblock %}"""
ON_THE_LABEL = "https://lieba.example/q/A00042"
HIDE = """() => {
    Object.defineProperty(document, 'hidden', { get: () => true, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
    delete document.hidden;
}"""
WIDTH, HEIGHT = 640, 480
SIZE = 8  # pixels of a module


class Scan(FlaskForm):  # type: ignore[misc]  # Flask-WTF carries no types
    code = StringField("电池编号")


@pytest.fixture
def scans(app: Flask) -> str:
    """The URL of a page that says what was scanned."""
    bp = Blueprint("scans", __name__)

    @bp.route("/m/scans", methods=["GET", "POST"])
    @public
    def scan() -> str:
        form = Scan()
        if request.method == "POST" and not form.code.data:
            form.code.errors = ["输入电池编号。"]
        return render_template_string(PAGE, form=form, wx_config=wx_config("scanQRCode"))

    app.register_blueprint(bp)
    return "/m/scans"


def a_film_of(text: str, file: Path) -> Path:
    """What a camera sees that is held on a code, or without text on a wall: YUV4MPEG2, one grey picture."""
    code = [list(row) for row in segno.make_qr(text).matrix_iter(scale=SIZE, border=4)] if text else []
    light = bytearray([90]) * (WIDTH * HEIGHT)
    for y, row in enumerate(code, (HEIGHT - len(code)) // 2):
        at = y * WIDTH + (WIDTH - len(row)) // 2
        light[at : at + len(row)] = bytes(20 if dark else 230 for dark in row)
    header = f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A1:1 C420jpeg\nFRAME\n".encode()
    file.write_bytes(header + light + bytes([128]) * (WIDTH * HEIGHT // 2))
    return file


OpenCamera = Callable[..., "Browser"]


@pytest.fixture
def open_camera(chromium_browser: "Browser", tmp_path: Path) -> Iterator[OpenCamera]:
    """`open_camera(text, allowed=False)`: a browser whose camera sees a code that reads as `text`."""
    browsers: list[Browser] = []

    def opened(text: str, *, allowed: bool = True) -> "Browser":
        switches = (
            *SWITCHES,
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-video-capture={a_film_of(text, tmp_path / 'film.y4m')}",
            f"--use-fake-ui-for-media-stream{'' if allowed else '=deny'}",
        )
        browsers.append(chromium_browser.browser_type.launch(executable_path=chromium(), args=switches))
        return browsers[-1]

    yield opened
    for browser in browsers:
        browser.close()


def outside(
    open_context: OpenContext, simulator: Simulator, browser: "Browser | None" = None, **options: object
) -> "Page":
    """A page of an ordinary browser."""
    context = open_context(PHONE, browser=browser, **options)
    context.add_cookies([{"name": "sim_browser", "value": "outside", "url": simulator.url}])
    return context.new_page()


def test_without_script_the_number_is_typed(
    scans: str, live_app: str, open_context: OpenContext, simulator: Simulator
) -> None:
    phone = open_context(PHONE, java_script_enabled=False).new_page()
    phone.goto(scans)
    expect(phone.get_by_role("button", name="扫码")).to_have_count(0)
    phone.get_by_role("button", name="用这块电池").click()
    expect(phone.get_by_text("输入电池编号。")).to_be_visible()
    phone.get_by_label("电池编号").fill("A00042")
    phone.get_by_label("电池编号").press("Enter")
    expect(phone.locator("#came")).to_have_text("A00042")


def test_wechats_scanner_sends_what_it_read(scans: str, live_app: str, phone: "Page", simulator: Simulator) -> None:
    phone.goto(scans)
    phone.get_by_role("button", name="扫码").click()
    scanner = phone.get_by_role("dialog", name="扫一扫")
    scanner.get_by_role("button", name="取消").click()
    expect(phone.get_by_role("button", name="扫码")).to_be_focused()
    phone.get_by_role("button", name="扫码").click()
    scanner.get_by_label("扫到的内容").fill(ON_THE_LABEL)
    scanner.get_by_label("扫到的内容").press("Enter")
    expect(phone.locator("#came")).to_have_text(ON_THE_LABEL)
    assert_accessible(phone)


def test_a_scanner_that_does_not_open_says_so(scans: str, live_app: str, phone: "Page", simulator: Simulator) -> None:
    phone.goto(scans)
    scan = phone.get_by_role("button", name="扫码")
    expect(scan).to_be_visible()
    phone.evaluate("() => { WeixinJSBridge.invoke = (name, asked, answer) => answer({err_msg: 'scanQRCode:fail'}); }")
    scan.click()
    expect(phone.get_by_role("status").filter(has_text="微信没能打开扫一扫")).to_be_visible()
    expect(phone.get_by_label("电池编号")).to_be_focused()


@pytest.mark.parametrize(
    ("detector", "reads"),
    [
        ("undefined", ON_THE_LABEL),
        ("class { async detect() { throw new Error('no such service'); } }", ON_THE_LABEL),
        ("class { async detect({width}) { return width < 9 ? [] : [{rawValue: 'A00007'}]; } }", "A00007"),
    ],
    ids=["a browser that cannot read", "one that only says it can", "one that reads itself"],
)
def test_the_camera_reads_a_label(
    scans: str,
    live_app: str,
    open_context: OpenContext,
    simulator: Simulator,
    open_camera: OpenCamera,
    detector: str,
    reads: str,
) -> None:
    phone = outside(open_context, simulator, open_camera(ON_THE_LABEL))
    phone.add_init_script(f"window.BarcodeDetector = {detector}")
    phone.goto(scans)
    phone.get_by_role("button", name="扫码").click()
    expect(phone.locator("#came")).to_have_text(reads)


def test_the_camera_is_off_when_nobody_looks_through_it(
    scans: str, live_app: str, open_context: OpenContext, simulator: Simulator, open_camera: OpenCamera
) -> None:
    phone = outside(open_context, simulator, open_camera(""), color_scheme="dark")
    phone.clock.install()
    phone.goto(scans)
    scan, video = phone.get_by_role("button", name="扫码"), phone.locator("video")
    for leave in ("Escape", "不扫了", "another page", "a minute"):
        scan.click()
        expect(phone.get_by_role("status").filter(has_text="放进框里")).to_be_visible()
        expect(video).to_have_js_property("videoWidth", WIDTH)
        track = video.evaluate_handle("video => video.srcObject.getTracks()[0]")
        assert track.evaluate("track => track.readyState") == "live"
        assert_accessible(phone)
        if leave == "a minute":
            phone.clock.fast_forward(60_000)
            expect(phone.get_by_text("一分钟没有扫到")).to_be_visible()
        elif leave == "Escape":
            phone.keyboard.press("Escape")
        elif leave == "another page":
            phone.evaluate(HIDE)
        else:
            phone.get_by_role("button", name=leave).click()
        expect(video).to_be_hidden()
        expect(scan).to_be_focused()
        assert track.evaluate("track => track.readyState") == "ended"


def test_a_camera_that_is_refused_or_not_there_says_so(
    scans: str, live_app: str, open_context: OpenContext, simulator: Simulator, open_camera: OpenCamera
) -> None:
    for browser, says in ((open_camera(ON_THE_LABEL, allowed=False), "没有得到摄像头的允许"), (None, "没有摄像头")):
        phone = outside(open_context, simulator, browser)
        phone.goto(scans)
        phone.get_by_role("button", name="扫码").click()
        expect(phone.get_by_role("status").filter(has_text=says)).to_be_visible()
        expect(phone.get_by_label("电池编号")).to_be_focused()
        assert_accessible(phone)


def test_only_a_page_that_scans_may_use_the_camera(scans: str, client: LawfulClient, simulator: Simulator) -> None:
    assert "camera=(self)" in client.get(scans).headers["Permissions-Policy"]
    assert "camera=()" in client.get("/login").headers["Permissions-Policy"]


def test_a_page_that_wechat_does_not_know_scans_with_the_camera(
    scans: str, live_app: str, open_context: OpenContext, simulator: Simulator, guard: Guard
) -> None:
    phone = open_context(PHONE).new_page()
    phone.route(re.compile("preverify"), lambda route: route.fulfill(json={"err_msg": "config:fail,invalid signature"}))
    phone.goto(scans)
    phone.get_by_role("button", name="扫码").click()
    expect(phone.get_by_role("status").filter(has_text="没有摄像头")).to_be_visible()
