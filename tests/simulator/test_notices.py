"""Notices: when they come again, what they look like, and those made by hand."""

import socket
from typing import Any

import pytest

from simulator import delivery
from simulator.clock import DAY
from simulator.notifier import RETRIES, next_wait
from tests.simulator.ground import Merchant


def test_the_retry_table_is_wechats() -> None:
    assert sum(RETRIES) == 24 * 3600 + 4 * 60
    waits = [next_wait(failures, 1.0) for failures in range(1, 17)]
    assert waits == [15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600, None]
    assert next_wait(1, 60.0) == 0.25


def test_a_refused_notice_comes_again_the_same_until_it_is_taken(merchant: Merchant) -> None:
    merchant.listener.answers = [500, 401, 302]
    number = merchant.paid()
    posts = merchant.listener.wait_for(4)
    assert len({post.body for post in posts}) == 1
    assert len({post.headers["Wechatpay-Nonce"] for post in posts}) == 4
    assert all(merchant.read(post) for post in posts)
    (notice,) = merchant.until(lambda: [told for told in _log(merchant, number) if told["state"] == "sent"])
    assert [attempt["status"] for attempt in notice["attempts"]] == [500, 401, 302, 204]


def test_wechat_gives_up_after_its_whole_table(merchant: Merchant) -> None:
    merchant.listener.answers = [500] * 99
    number = merchant.paid()
    for sent in range(1, 17):  # the first delivery and 15 more
        merchant.listener.wait_for(sent)
        _until_tried(merchant, number, sent)
        merchant.world.clock.move(DAY)
    (notice,) = merchant.until(lambda: [told for told in _log(merchant, number) if told["state"] == "given_up"])
    assert len(notice["attempts"]) == 16


def test_a_clock_set_back_leaves_no_notice_in_the_future(merchant: Merchant) -> None:
    merchant.listener.answers = [500]
    merchant.world.clock.move(15 * DAY)
    merchant.paid()
    merchant.listener.wait_for(1)
    merchant.world.clock.reset()
    merchant.listener.wait_for(2)


def test_a_notice_is_sent_again_by_hand_as_a_burst(merchant: Merchant) -> None:
    number = merchant.paid()
    merchant.listener.wait_for(1)
    (notice,) = _log(merchant, number)
    told = merchant.post(f"/_sim/notices/{notice['id']}/resend", times=15, concurrent=True).json()
    assert told == {"status": 204, "statuses": [204] * 15}
    assert len({post.body for post in merchant.listener.wait_for(16)}) == 1
    assert merchant.post("/_sim/notices/999/resend").status_code == 404


@pytest.mark.parametrize(
    ("kind", "believed"),
    [
        ("genuine", True),
        ("stale", True),  # the library does not look at the time
        ("other_merchant", True),
        ("unknown_order", True),
        ("truncated", False),
        ("forged", False),
        ("signtest", False),
    ],
)
def test_a_notice_made_by_hand_and_what_the_library_makes_of_it(merchant: Merchant, kind: str, believed: bool) -> None:
    merchant.listener.answers = [401]
    told = merchant.post("/_sim/notices", kind=kind).json()
    assert (told["status"], told["error"]) == (401, None)
    (post,) = merchant.listener.wait_for(1)
    assert bool(merchant.read(post)) is believed
    assert post.path == "/wechat/pay/payments"


def test_a_stale_notice_is_old_and_an_unknown_serial_is_not_ours(merchant: Merchant) -> None:
    merchant.post("/_sim/notices", kind="stale", age=3600)
    merchant.post("/_sim/notices", kind="unknown_serial")
    stale, unknown = merchant.listener.wait_for(2)
    assert 3500 < merchant.world.clock.now() - int(stale.headers["Wechatpay-Timestamp"]) < 3700
    assert unknown.headers["Wechatpay-Serial"] != merchant.env["WECHAT_PAY_PUBLIC_KEY_ID"]


def test_only_the_payment_of_an_unknown_order_is_in_the_books(merchant: Merchant) -> None:
    number, _ = merchant.order()
    for kind in ("forged", "stale", "other_merchant", "signtest", "truncated", "genuine"):
        merchant.post("/_sim/notices", kind=kind, out_trade_no=number)
    assert merchant.get("/_sim/books")["payments"] == []
    merchant.post("/_sim/notices", kind="unknown_order", amount=1234)
    (booked,) = merchant.get("/_sim/books")["payments"]
    told = merchant.read(merchant.listener.wait_for(7)[-1])["resource"]
    assert (booked["out_trade_no"], booked["amount"]) == (told["out_trade_no"], 1234)
    assert merchant.refund(booked["out_trade_no"], "R-1", 1234, total=1234)[0] == 200


def test_a_notice_by_hand_tells_what_it_was_told_to(merchant: Merchant) -> None:
    number, _ = merchant.order()
    merchant.post("/_sim/notices", kind="genuine", out_trade_no=number, amount=1, openid="o-x", currency="USD")
    told = merchant.read(merchant.listener.wait_for(1)[0])["resource"]
    assert (told["out_trade_no"], told["amount"]["total"], told["amount"]["currency"]) == (number, 1, "USD")
    assert told["payer"]["openid"] == "o-x"


def test_a_refund_notice_by_hand(merchant: Merchant) -> None:
    told = merchant.post("/_sim/notices", kind="forged", event="refund", out_refund_no="R-9").json()
    assert told["status"] == 204
    (post,) = merchant.listener.wait_for(1)
    assert post.path == "/wechat/pay/refunds"
    assert merchant.read(post) is None


def test_wechat_waits_for_an_answer_only_so_long(merchant: Merchant, monkeypatch: pytest.MonkeyPatch) -> None:
    assert delivery.TIME_LIMIT == 5
    monkeypatch.setattr(delivery, "TIME_LIMIT", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        told = merchant.post("/_sim/notices", kind="genuine", url=url).json()
    assert (told["status"], told["error"]) == (None, "ReadTimeout")
    assert merchant.get("/_sim/notices")["notices"][0]["attempts"][0]["error"] == "ReadTimeout"


@pytest.mark.parametrize(
    "wish",
    [
        {"kind": "no"},
        {"kind": "forged", "event": "no"},
        {"kind": "forged", "amount": "many"},
        {"kind": "forged", "url": "https://example.com/"},
    ],
)
def test_a_senseless_wish_is_refused(merchant: Merchant, wish: dict[str, object]) -> None:
    assert merchant.post("/_sim/notices", **wish).status_code == 400


def _until_tried(merchant: Merchant, number: str, times: int) -> None:
    merchant.until(lambda: len(_log(merchant, number)[0]["attempts"]) == times)


def _log(merchant: Merchant, number: str) -> list[dict[str, Any]]:
    return list(merchant.get(f"/_sim/notices?out_trade_no={number}")["notices"])
