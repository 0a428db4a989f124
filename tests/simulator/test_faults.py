"""Each fault does what it says, and no more often."""

import time
from typing import Any

import pytest
import requests

from tests.simulator.ground import Merchant, answer, code_of


def test_a_wrong_amount_is_really_so(merchant: Merchant) -> None:
    merchant.fault("wrong_amount", amount=5)
    number = merchant.paid()
    told = merchant.read(merchant.listener.wait_for(1)[0])["resource"]
    (booked,) = merchant.get("/_sim/books")["payments"]
    assert told["amount"]["total"] == merchant.query(number)["amount"]["total"] == booked["amount"] == 5
    assert merchant.refund(number, "R-1", 5, total=5)[0] == 200


def test_a_wrong_payer_is_really_so(merchant: Merchant) -> None:
    merchant.fault("wrong_payer")
    openid = merchant.person()
    number = merchant.paid(openid=openid)
    told = merchant.read(merchant.listener.wait_for(1)[0])["resource"]
    (booked,) = merchant.get("/_sim/books")["payments"]
    assert told["payer"]["openid"] == merchant.query(number)["payer"]["openid"] == booked["openid"] != openid


def test_a_wrong_app_is_told(merchant: Merchant) -> None:
    merchant.fault("wrong_app")
    merchant.paid()
    told = merchant.read(merchant.listener.wait_for(1)[0])["resource"]
    assert told["appid"] != merchant.env["WECHAT_APP_ID"]


def test_another_merchants_payment_is_in_no_book(merchant: Merchant) -> None:
    merchant.fault("wrong_merchant")
    number = merchant.paid()
    told = merchant.read(merchant.listener.wait_for(1)[0])["resource"]
    assert told["mchid"] != merchant.env["WECHAT_MCH_ID"]
    assert told["out_trade_no"] == number
    assert merchant.get("/_sim/books")["payments"] == []
    assert merchant.query(number)["trade_state"] == "NOTPAY"


@pytest.mark.parametrize("mode", ["serial", "concurrent"])
def test_a_duplicate_is_the_same_notice_again(merchant: Merchant, mode: str) -> None:
    merchant.fault("duplicate", extra=4, mode=mode)
    merchant.paid()
    assert len({post.body for post in merchant.listener.wait_for(5)}) == 1


def test_a_late_notice_waits_for_the_one_clock(merchant: Merchant) -> None:
    merchant.fault("late", seconds=3600)
    merchant.paid()
    assert merchant.get("/_sim/notices")["notices"][0]["state"] == "waiting"
    merchant.paid()
    merchant.listener.wait_for(1)  # the second one's
    merchant.world.clock.move(3600)
    merchant.listener.wait_for(2)


def test_a_notice_that_never_comes_can_only_be_asked_for(merchant: Merchant) -> None:
    merchant.fault("never", kind="payment")
    silent, told = merchant.paid(), merchant.paid()
    (post,) = merchant.listener.wait_for(1)
    assert merchant.read(post)["resource"]["out_trade_no"] == told
    assert merchant.query(silent)["trade_state"] == "SUCCESS"
    assert [notice["state"] for notice in merchant.get("/_sim/notices")["notices"]][-1] == "never"


@pytest.mark.parametrize("name", ["bad_signature", "unknown_serial", "stale_timestamp"])
def test_a_notice_not_to_be_believed_is_followed_by_a_good_one(merchant: Merchant, name: str) -> None:
    merchant.listener.answers = [401]
    merchant.fault(name)
    merchant.paid()
    bad, good = merchant.listener.wait_for(2)
    if name == "bad_signature":
        assert merchant.read(bad) is None
    else:
        header = "Wechatpay-Serial" if name == "unknown_serial" else "Wechatpay-Timestamp"
        assert bad.headers[header] != good.headers[header]
    assert merchant.read(good)


@pytest.mark.parametrize("call", ["create", "query", "close", "refund", "query_refund"])
def test_a_lost_reply_leaves_the_act_done(merchant: Merchant, call: str) -> None:
    openid = merchant.person()
    acts = _acts(merchant, openid)
    merchant.fault("reply_lost", on=call)
    with pytest.raises(requests.ConnectionError):
        acts[call]()
    assert answer(merchant.pay.query(out_trade_no="P-created"))[0] == (200 if call == "create" else 404)
    assert len(merchant.get("/_sim/books")["refunds"]) == (2 if call == "refund" else 1)
    assert acts[call]()[0] in (200, 204)
    assert merchant.get("/_sim/requests")["requests"][-1]["status"] in (200, 204)


@pytest.mark.parametrize("call", ["create", "query", "close", "refund", "query_refund"])
@pytest.mark.parametrize(("name", "status"), [("status_5xx", 503), ("status_429", 429)])
def test_a_failing_call_does_nothing(merchant: Merchant, call: str, name: str, status: int) -> None:
    acts = _acts(merchant, merchant.person())
    merchant.fault(name, on=call, **({"status": 503} if name == "status_5xx" else {}))
    assert acts[call]()[0] == status
    assert answer(merchant.pay.query(out_trade_no="P-created"))[0] == 404
    assert merchant.query("P-open")["trade_state"] == "NOTPAY"
    assert len(merchant.get("/_sim/books")["refunds"]) == 1
    assert acts[call]()[0] in (200, 204)


@pytest.mark.parametrize("call", ["create", "query", "close", "refund", "query_refund"])
def test_a_reply_with_a_bad_signature_is_not_believed(merchant: Merchant, call: str) -> None:
    acts = _acts(merchant, merchant.person())
    merchant.fault("bad_reply_signature", on=call)
    with pytest.raises(Exception, match="verify the signature"):
        acts[call]()
    assert acts[call]()[0] in (200, 204)


def test_a_slow_call_is_done_after_its_wait(merchant: Merchant) -> None:
    number, _ = merchant.order()
    merchant.fault("slow", on="close", seconds=0.2)
    began = time.monotonic()
    assert merchant.query(number)["trade_state"] == "NOTPAY"
    assert merchant.pay.close(number)[0] == 204
    assert time.monotonic() - began >= 0.2


def test_a_payment_lands_while_it_is_closed(merchant: Merchant) -> None:
    number, _ = merchant.order()
    merchant.fault("paid_during_close")
    assert code_of(answer(merchant.pay.close(number))) == (400, "ORDERPAID")
    assert merchant.read(merchant.listener.wait_for(1)[0])["resource"]["out_trade_no"] == number
    assert merchant.query(number)["trade_state"] == "SUCCESS"
    assert len(merchant.get("/_sim/books")["payments"]) == 1


@pytest.mark.parametrize(("name", "status"), [("refund_abnormal", "ABNORMAL"), ("refund_closed", "CLOSED")])
def test_a_refund_that_ends_badly(merchant: Merchant, name: str, status: str) -> None:
    number = merchant.paid()
    merchant.listener.wait_for(1)
    merchant.fault(name)
    assert merchant.refund(number, "R-1", 259900)[1]["status"] == "PROCESSING"
    told = merchant.read(merchant.listener.wait_for(2)[1])
    assert (told["event_type"], told["resource"]["refund_status"]) == (f"REFUND.{status}", status)
    assert answer(merchant.pay.query_refund("R-1"))[1]["status"] == status
    assert merchant.refund(number, "R-2", 259900)[0] == (200 if status == "CLOSED" else 400)


def test_a_refund_that_never_arrives_until_it_is_ended_by_hand(merchant: Merchant) -> None:
    number = merchant.paid()
    merchant.listener.wait_for(1)
    merchant.fault("refund_never")
    merchant.refund(number, "R-1", 100)
    merchant.refund(number, "R-2", 100)
    assert merchant.read(merchant.listener.wait_for(2)[1])["resource"]["out_refund_no"] == "R-2"
    assert answer(merchant.pay.query_refund("R-1"))[1]["status"] == "PROCESSING"
    assert merchant.post("/_sim/refunds/R-1", status="SUCCESS").status_code == 200
    assert merchant.read(merchant.listener.wait_for(3)[2])["resource"]["out_refund_no"] == "R-1"
    assert merchant.post("/_sim/refunds/R-1", status="CLOSED").status_code == 404


def test_a_fault_lasts_as_often_as_it_was_told(merchant: Merchant) -> None:
    number, _ = merchant.order()
    merchant.fault("status_429", times=2)
    assert [merchant.pay.query(out_trade_no=number)[0] for _ in range(3)] == [429, 429, 200]
    merchant.fault("status_429", times=None)
    assert [merchant.pay.query(out_trade_no=number)[0] for _ in range(3)] == [429] * 3
    (fault,) = merchant.get("/_sim/faults")["faults"]
    assert (fault["name"], fault["times"]) == ("status_429", None)
    cleared = requests.delete(f"{merchant.simulator.url}/_sim/faults/{fault['id']}", timeout=5)
    assert cleared.json() == {"faults": []}
    assert merchant.pay.query(out_trade_no=number)[0] == 200


@pytest.mark.parametrize(
    "wish",
    [
        {"name": "no_such"},
        {"name": "late", "seconds": "many"},
        {"name": "late", "hours": 3},
        {"name": "never", "kind": "no"},
        {"name": "never", "times": 0},
        {"name": "duplicate", "mode": "sideways"},
    ],
)
def test_a_senseless_fault_is_refused(merchant: Merchant, wish: dict[str, object]) -> None:
    assert merchant.post("/_sim/faults", **wish).status_code == 400


def _acts(merchant: Merchant, openid: str) -> dict[str, Any]:
    """Each call of Pay v3 ready to be made; P-open, P-paid and R-old are there already."""
    assert merchant.create("P-open", openid)[0] == 200
    status, told = merchant.create("P-paid", openid)
    assert status == 200
    merchant.post(f"/_sim/pay/{told['prepay_id']}", outcome="ok")
    merchant.refund("P-paid", "R-old", 1)
    return {
        "create": lambda: merchant.create("P-created", openid),
        "query": lambda: merchant.pay.query(out_trade_no="P-open"),
        "close": lambda: merchant.pay.close("P-open"),
        "refund": lambda: merchant.refund("P-paid", "R-new", 1),
        "query_refund": lambda: merchant.pay.query_refund("R-old"),
    }
