"""The control page without JavaScript: every act is a form, every answer a sentence."""

from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

import html5lib
import pytest
import requests

from simulator.faults import FAULTS, GROUPS
from tests.simulator.ground import Merchant


def said(merchant: Merchant, path: str, **form: str) -> str:
    """What the page says after an act."""
    answered = requests.post(merchant.simulator.url + path, data=form, allow_redirects=False, timeout=10)
    assert answered.status_code == 303
    return parse_qs(urlsplit(answered.headers["Location"]).query)["said"][0]


def home(merchant: Merchant) -> str:
    return requests.get(merchant.simulator.url + "/", timeout=5).text


def test_the_page_is_valid_html_with_a_label_for_every_field(merchant: Merchant) -> None:
    number = merchant.paid()
    merchant.refund(number, "R-1", 100)
    merchant.order()
    for name in FAULTS:
        merchant.fault(name)
    page = home(merchant)
    html5lib.HTMLParser(strict=True).parse(page)
    seen = _Ids()
    seen.feed(page)
    assert len(seen.ids) == len(set(seen.ids))
    assert seen.fields <= seen.labelled
    assert page.count("<h1") == 1


def test_every_fault_can_be_set_from_the_page(merchant: Merchant) -> None:
    assert {name for _, names in GROUPS for name in names} == set(FAULTS)
    for name, kind in FAULTS.items():
        assert said(merchant, "/control/faults", name=name, times="2") == f"已设故障「{kind.word}」"
    assert len(merchant.get("/_sim/faults")["faults"]) == len(FAULTS)
    assert said(merchant, "/control/faults", name="late", times="x").startswith("没有设")
    assert said(merchant, "/control/faults/clear") == "故障已清除"
    assert merchant.get("/_sim/faults") == {"faults": []}


def test_a_payment_is_answered_from_the_page(merchant: Merchant) -> None:
    _, prepay_id = merchant.order()
    path = f"/control/pay/{prepay_id}"
    assert [said(merchant, path, outcome=outcome) for outcome in ("cancel", "fail", "ok", "ok")] == [
        "取消了",
        "支付失败",
        "支付成功",
        "这笔支付已经付过",
    ]
    assert said(merchant, "/control/pay/wx-unknown", outcome="ok") == "没有这笔预支付"


def test_a_notice_is_sent_again_from_the_page(merchant: Merchant) -> None:
    merchant.paid()
    merchant.listener.wait_for(1)
    (notice,) = merchant.get("/_sim/notices")["notices"]
    assert said(merchant, f"/control/notices/{notice['id']}") == "送到了，应用答 204"
    assert said(merchant, "/control/notices", kind="forged", amount="5") == "送到了，应用答 204"
    assert said(merchant, "/control/notices", kind="forged", amount="x").startswith("没有送")


def test_a_refund_is_ended_from_the_page(merchant: Merchant) -> None:
    merchant.fault("refund_never")
    merchant.refund(merchant.paid(), "R-1", 100)
    assert said(merchant, "/control/refunds/R-1", status="ABNORMAL") == "退款异常"
    assert said(merchant, "/control/refunds/R-1", status="SUCCESS") == "退款已到账"
    assert merchant.get("/_sim/books")["refunds"][0]["status"] == "SUCCESS"


def test_somebody_stops_to_follow(merchant: Merchant) -> None:
    openid = merchant.person()
    assert said(merchant, f"/control/people/{openid}", subscribed="0") == "已取消关注"
    assert merchant.get("/_sim/people")["people"][0]["subscribed"] is False


def test_the_clock_is_moved_for_all(merchant: Merchant) -> None:
    said(merchant, "/control/clock", move="15")
    said(merchant, "/control/clock", move="1")
    assert merchant.world.clock.offset() == pytest.approx(16 * 86_400)
    said(merchant, "/control/clock", move="reset")
    assert merchant.world.clock.offset() == 0


def test_it_begins_anew_with_or_without_people(merchant: Merchant) -> None:
    merchant.paid()
    assert said(merchant, "/control/reset", keep_people="on") == "已清空"
    assert merchant.get("/_sim/books") == {"payments": [], "refunds": []}
    assert len(merchant.get("/_sim/people")["people"]) == 1
    assert merchant.post("/_sim/reset").json() == {"status": "ok"}
    assert merchant.get("/_sim/people") == {"people": []}


def test_another_site_may_not_press_the_buttons(merchant: Merchant) -> None:
    url = merchant.simulator.url + "/control/reset"
    assert requests.post(url, headers={"Origin": "https://example.com"}, timeout=5).status_code == 403


class _Ids(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.fields: set[str] = set()
        self.labelled: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = dict(attrs)
        if facts.get("id"):
            self.ids.append(facts["id"] or "")
        if tag == "label" and facts.get("for"):
            self.labelled.add(facts["for"] or "")
        if tag in ("input", "select") and facts.get("type") not in ("hidden", "checkbox"):
            self.fields.add(facts.get("id") or "without id")
