"""Pay v3 as the real library sees it."""

import json
import time
from typing import Any

import pytest
import requests

from simulator import signing
from simulator.clock import DAY
from tests.simulator.ground import Merchant, answer, code_of, sum_of


def test_an_order_is_made_paid_told_and_found(merchant: Merchant) -> None:
    openid = merchant.person()
    number, prepay_id = merchant.order(openid)
    assert merchant.query(number)["trade_state"] == "NOTPAY"
    paid = merchant.post(f"/_sim/pay/{prepay_id}", outcome="ok").json()
    assert paid["state"] == "SUCCESS"
    told = merchant.read(merchant.listener.wait_for(1)[0])
    assert told["event_type"] == "TRANSACTION.SUCCESS"
    resource = told["resource"]
    assert (resource["out_trade_no"], resource["transaction_id"]) == (number, paid["transaction_id"])
    assert resource["payer"]["openid"] == openid
    assert resource["amount"] == {"total": 259900, "payer_total": 259900, "currency": "CNY", "payer_currency": "CNY"}
    found = answer(merchant.pay.query(transaction_id=paid["transaction_id"]))[1]
    assert (found["trade_state"], found["success_time"]) == ("SUCCESS", resource["success_time"])
    assert merchant.get("/_sim/books")["payments"] == [
        {
            "out_trade_no": number,
            "transaction_id": paid["transaction_id"],
            "mchid": merchant.env["WECHAT_MCH_ID"],
            "appid": merchant.env["WECHAT_APP_ID"],
            "openid": openid,
            "amount": 259900,
            "state": "SUCCESS",
            "success_time": resource["success_time"],
        }
    ]


@pytest.mark.parametrize("outcome", ["cancel", "fail"])
def test_a_person_who_does_not_pay_can_pay_later(merchant: Merchant, outcome: str) -> None:
    number, prepay_id = merchant.order()
    told = merchant.post(f"/_sim/pay/{prepay_id}", outcome=outcome).json()
    assert told == {"state": "NOTPAY", "transaction_id": None, "err_msg": f"get_brand_wcpay_request:{outcome}"}
    assert merchant.post(f"/_sim/pay/{prepay_id}", outcome="ok").json()["state"] == "SUCCESS"
    assert merchant.post(f"/_sim/pay/{prepay_id}", outcome="ok").status_code == 409
    assert len(merchant.get("/_sim/books")["payments"]) == 1
    assert merchant.query(number)["trade_state"] == "SUCCESS"


def test_the_same_order_gets_a_new_prepay_id_and_a_changed_one_is_refused(merchant: Merchant) -> None:
    openid = merchant.person()
    number, first = merchant.order(openid)
    status, told = merchant.create(number, openid)
    assert status == 200
    assert told["prepay_id"] != first
    changed = merchant.create(number, openid, amount={"total": 1, "currency": "CNY"})
    assert code_of(changed) == (400, "INVALID_REQUEST")
    merchant.post(f"/_sim/pay/{first}", outcome="ok")
    assert code_of(merchant.create(number, openid)) == (400, "ORDERPAID")
    assert code_of(merchant.create(number, openid, description="另一件")) == (403, "OUT_TRADE_NO_USED")


@pytest.mark.parametrize(
    ("number", "changes", "status", "code"),
    [
        ("P1234", {}, 400, "PARAM_ERROR"),  # too short
        ("P" * 33, {}, 400, "PARAM_ERROR"),
        ("P12345#", {}, 400, "PARAM_ERROR"),
        ("P-123456", {"description": "车" * 128}, 400, "PARAM_ERROR"),
        ("P-123456", {"amount": {"total": 0.5, "currency": "CNY"}}, 400, "PARAM_ERROR"),
        ("P-123456", {"amount": {"total": -1, "currency": "CNY"}}, 400, "PARAM_ERROR"),
        ("P-123456", {"amount": {"total": 100, "currency": "USD"}}, 400, "PARAM_ERROR"),
        ("P-123456", {"payer": {"openid": "o-stranger"}}, 400, "OPENID_MISMATCH"),
        ("P-123456", {"appid": "wx0000000000000000"}, 400, "APPID_MCHID_NOT_MATCH"),
        ("P-123456", {"mchid": "1900000001"}, 403, "NO_AUTH"),
        ("P-123456", {"time_expire": "2026-11-24 12:00:00"}, 400, "PARAM_ERROR"),
        ("P-123456", {"time_expire": "2020-11-24T12:00:00+08:00"}, 400, "PARAM_ERROR"),
        ("P-123456", {"notify_url": "http://127.0.0.1:1/x?a=1"}, 400, "PARAM_ERROR"),
        ("P-123456", {"notify_url": "https://example.com/x"}, 400, "PARAM_ERROR"),
    ],
)
def test_an_order_that_cannot_be(
    merchant: Merchant, number: str, changes: dict[str, Any], status: int, code: str
) -> None:
    assert code_of(merchant.create(number, merchant.person(), **changes)) == (status, code)


def test_after_time_expire_nobody_can_pay(merchant: Merchant) -> None:
    openid = merchant.person()
    number, prepay_id = merchant.order(openid, time_expire=merchant.in_minutes(15))
    merchant.world.clock.move(15 * 60)
    answered = merchant.post(f"/_sim/pay/{prepay_id}", outcome="ok")
    assert (answered.status_code, answered.json()["error"]) == (409, "expired")
    assert merchant.query(number)["trade_state"] == "NOTPAY"
    assert merchant.get("/_sim/books")["payments"] == []


def test_a_closed_order_stays_closed_and_closing_again_is_fine(merchant: Merchant) -> None:
    openid = merchant.person()
    number, prepay_id = merchant.order(openid)
    assert merchant.pay.close(number) == (204, "")
    assert merchant.pay.close(number) == (204, "")
    assert merchant.post(f"/_sim/pay/{prepay_id}", outcome="ok").json()["state"] == "CLOSED"
    assert merchant.query(number)["trade_state"] == "CLOSED"
    assert code_of(merchant.create(number, openid)) == (400, "ORDER_CLOSED")


def test_a_paid_order_cannot_be_closed(merchant: Merchant) -> None:
    assert code_of(answer(merchant.pay.close(merchant.paid()))) == (400, "ORDERPAID")


def test_what_was_never_ordered_is_not_there(merchant: Merchant) -> None:
    assert code_of(answer(merchant.pay.query(out_trade_no="P-unknown"))) == (404, "ORDER_NOT_EXIST")
    assert code_of(answer(merchant.pay.close("P-unknown"))) == (404, "ORDER_NOT_EXIST")
    assert code_of(answer(merchant.pay.query_refund("R-unknown"))) == (404, "RESOURCE_NOT_EXISTS")
    assert merchant.post("/_sim/pay/wx-unknown", outcome="ok").status_code == 404


@pytest.mark.parametrize(
    ("signed", "sent"),
    [
        ({}, {"mchid": "1900000001"}),
        ({}, {"serial_no": "00"}),
        ({"timestamp": str(int(time.time()) - 301)}, {}),  # too old
        ({}, {"nonce_str": "another"}),
        ({}, {"signature": "bm90IGEgc2lnbmF0dXJl"}),
        ({"method": "POST"}, {}),
        ({"path": "/v3/pay/transactions/out-trade-no/P-2"}, {}),
        ({"body": "{}"}, {}),
    ],
)
def test_a_request_that_was_not_signed_so_is_refused(
    merchant: Merchant, signed: dict[str, str], sent: dict[str, str]
) -> None:
    assert _signed_query(merchant, {}, {}).json()["code"] == "ORDER_NOT_EXIST"
    refused = _signed_query(merchant, signed, sent)
    assert (refused.status_code, refused.json()["code"]) == (401, "SIGN_ERROR")


def _signed_query(merchant: Merchant, signed: dict[str, str], sent: dict[str, str]) -> requests.Response:
    """A query signed over `signed`, with `sent` in its Authorization instead of what is right."""
    path = f"/v3/pay/transactions/out-trade-no/P-1?mchid={merchant.env['WECHAT_MCH_ID']}"
    lines = {"method": "GET", "path": path, "timestamp": str(int(time.time())), "nonce_str": "N1", "body": "", **signed}
    fields = {
        "mchid": merchant.env["WECHAT_MCH_ID"],
        "nonce_str": lines["nonce_str"],
        "signature": merchant.pay.sign(list(lines.values())),
        "timestamp": lines["timestamp"],
        "serial_no": merchant.env["WECHAT_MCH_SERIAL_NO"],
        **sent,
    }
    header = f"{signing.SCHEME} " + ",".join(f'{name}="{value}"' for name, value in fields.items())
    return requests.get(merchant.simulator.url + path, headers={"Authorization": header}, timeout=5)


def test_a_request_without_a_signature_is_refused(merchant: Merchant) -> None:
    refused = requests.post(f"{merchant.simulator.url}/v3/pay/transactions/jsapi", json={}, timeout=5)
    assert (refused.status_code, refused.json()["code"]) == (401, "SIGN_ERROR")


def test_refusals_are_signed_too(merchant: Merchant) -> None:
    reply = requests.get(f"{merchant.simulator.url}/v3/refund/domestic/refunds/R-1", timeout=5)
    assert merchant.pay._core._verify_signature(reply.headers, reply.text)


def test_a_library_that_signs_with_the_machines_clock_is_believed_after_the_demo_clock_jumped(
    merchant: Merchant,
) -> None:
    merchant.world.clock.move(15 * DAY)
    number, _ = merchant.order(time_expire=merchant.in_minutes(15))
    assert merchant.query(number)["trade_state"] == "NOTPAY"


def test_there_are_no_certificates_in_public_key_mode(merchant: Merchant) -> None:
    assert merchant.pay._core.request("/v3/certificates")[0] == 404


def test_a_refund_is_accepted_then_arrives_with_a_notice(merchant: Merchant) -> None:
    number = merchant.paid()
    merchant.listener.wait_for(1)
    status, accepted = merchant.refund(number, "R-1", 100)
    assert (status, accepted["status"]) == (200, "PROCESSING")
    told = merchant.read(merchant.listener.wait_for(2)[1])
    assert told["event_type"] == "REFUND.SUCCESS"
    resource = told["resource"]
    assert (resource["out_refund_no"], resource["refund_id"]) == ("R-1", accepted["refund_id"])
    assert resource["amount"] == {"total": 259900, "refund": 100, "payer_total": 259900, "payer_refund": 100}
    found = answer(merchant.pay.query_refund("R-1"))[1]
    assert (found["status"], found["success_time"]) == ("SUCCESS", resource["success_time"])
    assert merchant.query(number)["trade_state"] == "REFUND"
    (booked,) = merchant.get("/_sim/books")["refunds"]
    assert booked | {"success_time": ""} == {
        "out_refund_no": "R-1",
        "out_trade_no": number,
        "transaction_id": found["transaction_id"],
        "amount": 100,
        "status": "SUCCESS",
        "success_time": "",
    }


def test_the_same_refund_number_is_one_refund(merchant: Merchant) -> None:
    number = merchant.paid()
    first, again = (merchant.refund(number, "R-1", 259900)[1] for _ in range(2))
    assert first["refund_id"] == again["refund_id"]
    assert code_of(merchant.refund(number, "R-1", 100)) == (400, "INVALID_REQUEST")
    assert sum_of(merchant.get("/_sim/books")["refunds"]) == 259900


def test_no_more_goes_back_than_was_paid(merchant: Merchant) -> None:
    number = merchant.paid()
    assert merchant.refund(number, "R-1", 259800)[0] == 200
    assert code_of(merchant.refund(number, "R-2", 101)) == (400, "INVALID_REQUEST")
    assert merchant.refund(number, "R-3", 100)[0] == 200
    assert sum_of(merchant.get("/_sim/books")["refunds"]) == 259900


def test_refunds_that_cannot_be(merchant: Merchant) -> None:
    unpaid, _ = merchant.order()
    assert code_of(merchant.refund(unpaid, "R-1", 100)) == (400, "INVALID_REQUEST")
    assert code_of(merchant.refund("P-unknown", "R-1", 100)) == (404, "RESOURCE_NOT_EXISTS")
    paid = merchant.paid()
    assert code_of(merchant.refund(paid, "R-1", 100, total=100)) == (400, "INVALID_REQUEST")
    assert code_of(merchant.refund(paid, "R#1", 100)) == (400, "PARAM_ERROR")
    for number in range(50):
        assert merchant.refund(paid, f"R-{number}", 1)[0] == 200
    assert code_of(merchant.refund(paid, "R-50", 1)) == (400, "INVALID_REQUEST")


def test_after_a_year_nothing_goes_back(merchant: Merchant) -> None:
    number = merchant.paid()
    merchant.world.clock.move(366 * DAY)
    assert code_of(merchant.refund(number, "R-1", 100)) == (400, "INVALID_REQUEST")


def test_a_body_that_is_no_json_is_refused(merchant: Merchant) -> None:
    status, told = merchant.pay._core.request(
        "/v3/pay/transactions/jsapi", method=_post(), data=["not", "an", "object"]
    )
    assert (status, json.loads(told)["code"]) == (400, "PARAM_ERROR")


def _post() -> Any:
    from wechatpayv3.type import RequestType

    return RequestType.POST
