"""Every outcome of a call to WeChat Pay, against a server that says whatever it is told."""

import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.adapters.wechat import WeChat
from app.adapters.wechat.http import Outgoing
from app.adapters.wechat.pay import PaymentGateway
from app.domain.charges import PaymentNotice
from app.domain.refunds import RefundNotice, RefundStatus
from app.ports import (
    AlreadyPaid,
    GatewayRefused,
    OutcomeUnknown,
    PaymentWanted,
    RefundWanted,
    TradeFound,
    TradeState,
)
from tests.adapters.there import (
    APP_ID,
    KEY_ID,
    MCH_ID,
    NOW,
    FixedClock,
    Reply,
    There,
    an_account,
    forger_key,
    payment_fields,
    refund_reply,
    said,
    signed,
    verify_ours,
)

PAY_NO, REFUND_NO = "P20261124000001", "R20261124000001"
PAYMENT = PaymentWanted(PAY_NO, "猎吧租车 AM0001", 299900, "oAlice_-1", datetime(2026, 11, 24, 8, 15, 0, 5, tzinfo=UTC))
REFUND = RefundWanted(PAY_NO, REFUND_NO, 299900, 299900, "取消订单")
ACCEPTED = RefundNotice(
    out_refund_no=REFUND_NO,
    out_trade_no=PAY_NO,
    refund_id="50300000002026112400000001",
    status=RefundStatus.ACCEPTED,
    amount_fen=299900,
    done_at=None,
    mch_id=MCH_ID,
)

CALLS: dict[str, Callable[[WeChat], object]] = {
    "prepare": lambda wechat: wechat.payments.prepare(PAYMENT),
    "query": lambda wechat: wechat.payments.query(PAY_NO),
    "close": lambda wechat: wechat.payments.close(PAY_NO),
    "refund": lambda wechat: wechat.payments.refund(REFUND),
    "query_refund": lambda wechat: wechat.payments.query_refund(REFUND_NO),
}
GOOD: dict[str, tuple[Any, int]] = {
    "prepare": ({"prepay_id": "wx24160000"}, 200),
    "query": (payment_fields(), 200),
    "close": (None, 204),
    "refund": (refund_reply(), 200),
    "query_refund": (refund_reply(), 200),
}
every_call = pytest.mark.parametrize("name", CALLS)


def refusal(code: str, status: int, message: str = "不行") -> Reply:
    return said({"code": code, "message": message}, status)


@every_call
def test_every_request_is_signed_as_it_stands_on_the_wire(there: There, wechat: WeChat, name: str) -> None:
    there.answer = lambda _: signed(*GOOD[name])
    CALLS[name](wechat)
    (seen,) = there.seen
    scheme, _, rest = seen.headers["Authorization"].partition(" ")
    parts = {key: value.strip('"') for key, _, value in (part.partition("=") for part in rest.split(","))}
    assert scheme == "WECHATPAY2-SHA256-RSA2048"
    assert (parts["mchid"], parts["serial_no"]) == (MCH_ID, an_account("").mch_serial_no)
    assert parts["timestamp"] == str(int(NOW.timestamp()))  # our clock, not the machine's
    text = f"{seen.method}\n{seen.target}\n{parts['timestamp']}\n{parts['nonce_str']}\n{seen.body.decode()}\n"
    verify_ours(parts["signature"], text)
    assert seen.headers["Wechatpay-Serial"] == KEY_ID
    assert seen.headers["Accept"] == "application/json"


def test_a_payment_is_asked_for_with_the_same_fields_each_time(there: There, wechat: WeChat) -> None:
    there.answer = lambda _: signed({"prepay_id": "wx24160000"})
    assert wechat.payments.prepare(PAYMENT) == "wx24160000"
    assert wechat.payments.prepare(PAYMENT) == "wx24160000"
    first, again = there.seen
    assert first.body == again.body
    assert first.path == "/v3/pay/transactions/jsapi"
    assert first.fields == {
        "appid": APP_ID,
        "mchid": MCH_ID,
        "description": "猎吧租车 AM0001",
        "out_trade_no": PAY_NO,
        "time_expire": "2026-11-24T16:15:00+08:00",
        "notify_url": "https://lieba.example/wechat/pay/payments",
        "amount": {"total": 299900, "currency": "CNY"},
        "payer": {"openid": "oAlice_-1"},
    }


def test_the_sheets_arguments_are_signed(wechat: WeChat) -> None:
    sheet = wechat.payments.sheet("wx24160000", NOW)
    assert set(sheet) == {"appId", "timeStamp", "nonceStr", "package", "signType", "paySign"}
    assert (sheet["appId"], sheet["package"], sheet["signType"]) == (APP_ID, "prepay_id=wx24160000", "RSA")
    assert sheet["timeStamp"] == str(int(NOW.timestamp()))
    verify_ours(sheet["paySign"], f"{APP_ID}\n{sheet['timeStamp']}\n{sheet['nonceStr']}\nprepay_id=wx24160000\n")
    assert wechat.payments.sheet("wx24160000", NOW)["nonceStr"] != sheet["nonceStr"]


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ("NOTPAY", TradeState.UNPAID),
        ("USERPAYING", TradeState.UNPAID),
        ("ACCEPT", TradeState.UNPAID),
        ("PAYERROR", TradeState.UNPAID),
        ("CLOSED", TradeState.CLOSED),
        ("REVOKED", TradeState.CLOSED),
    ],
)
def test_an_attempt_that_is_not_paid_has_a_state_and_no_notice(
    there: There, wechat: WeChat, told: str, state: TradeState
) -> None:
    there.answer = lambda _: signed({"out_trade_no": PAY_NO, "mchid": MCH_ID, "appid": APP_ID, "trade_state": told})
    assert wechat.payments.query(PAY_NO) == TradeFound(state)
    assert there.seen[0].target == f"/v3/pay/transactions/out-trade-no/{PAY_NO}?mchid={MCH_ID}"


@pytest.mark.parametrize("told", ["SUCCESS", "REFUND"])
def test_a_paid_attempt_brings_what_a_notice_would(there: There, wechat: WeChat, told: str) -> None:
    there.answer = lambda _: signed(payment_fields(trade_state=told))
    notice = PaymentNotice(
        transaction_id="4200000000202611240000000001",
        out_trade_no=PAY_NO,
        app_id=APP_ID,
        mch_id=MCH_ID,
        openid="oAlice_-1",
        amount_fen=299900,
        currency="CNY",
        paid_at=datetime(2026, 11, 24, 7, 59, 58, tzinfo=UTC),
    )
    assert wechat.payments.query(PAY_NO) == TradeFound(TradeState.PAID, notice)


@pytest.mark.parametrize("code", ["ORDER_NOT_EXIST", "ORDERNOTEXIST"])
def test_an_attempt_that_wechat_has_not_heard_of_is_unknown_there(there: There, wechat: WeChat, code: str) -> None:
    there.answer = lambda _: refusal(code, 404)
    assert wechat.payments.query(PAY_NO) == TradeFound(TradeState.UNKNOWN_THERE)


@pytest.mark.parametrize(
    "reply", [signed(None, 204), refusal("ORDER_CLOSED", 400), refusal("ORDERCLOSED", 400)], ids=["204", "v3", "v2"]
)
def test_closing_is_done_and_so_is_closing_again(there: There, wechat: WeChat, reply: Reply) -> None:
    there.answer = lambda _: reply
    wechat.payments.close(PAY_NO)
    assert there.seen[0].path == f"/v3/pay/transactions/out-trade-no/{PAY_NO}/close"
    assert there.seen[0].fields == {"mchid": MCH_ID}


@pytest.mark.parametrize("name", ["prepare", "close"])
@pytest.mark.parametrize(
    "reply",
    [refusal("ORDERPAID", 400), refusal("ORDER_PAID", 403), refusal("INVALID_REQUEST", 400, "该订单已支付")],
    ids=["v2", "v3", "words"],
)
def test_a_paid_attempt_can_be_neither_closed_nor_asked_for(
    there: There, wechat: WeChat, name: str, reply: Reply
) -> None:
    there.answer = lambda _: reply
    with pytest.raises(AlreadyPaid):
        CALLS[name](wechat)


@pytest.mark.parametrize("name", ["query", "refund", "query_refund"])
def test_only_what_asks_for_money_or_stops_it_can_be_paid_already(there: There, wechat: WeChat, name: str) -> None:
    there.answer = lambda _: refusal("ORDERPAID", 400)
    with pytest.raises(GatewayRefused):
        CALLS[name](wechat)


def test_closing_what_wechat_has_not_heard_of_is_no_success(there: There, wechat: WeChat) -> None:
    there.answer = lambda _: refusal("ORDER_NOT_EXIST", 404)
    with pytest.raises(GatewayRefused, match="ORDER_NOT_EXIST"):
        wechat.payments.close(PAY_NO)


def test_an_accepted_refund_has_not_arrived(there: There, wechat: WeChat) -> None:
    there.answer = lambda _: signed(refund_reply())
    assert wechat.payments.refund(REFUND) == ACCEPTED
    assert wechat.payments.query_refund(REFUND_NO) == ACCEPTED
    asked, questioned = there.seen
    assert asked.path == "/v3/refund/domestic/refunds"
    assert asked.fields == {
        "out_trade_no": PAY_NO,
        "out_refund_no": REFUND_NO,
        "reason": "取消订单",
        "notify_url": "https://lieba.example/wechat/pay/refunds",
        "amount": {"refund": 299900, "total": 299900, "currency": "CNY"},
    }
    assert questioned.target == f"/v3/refund/domestic/refunds/{REFUND_NO}"


@pytest.mark.parametrize(("told", "status"), [("ABNORMAL", RefundStatus.ABNORMAL), ("CLOSED", RefundStatus.REFUSED)])
def test_a_refund_that_failed_says_how(there: There, wechat: WeChat, told: str, status: RefundStatus) -> None:
    there.answer = lambda _: signed(refund_reply(status=told))
    assert wechat.payments.query_refund(REFUND_NO) == replace(ACCEPTED, status=status)


def test_a_refund_that_arrived_says_when(there: There, wechat: WeChat) -> None:
    there.answer = lambda _: signed(refund_reply(status="SUCCESS", success_time="2026-11-24T16:01:00+08:00"))
    arrived = replace(ACCEPTED, status=RefundStatus.DONE, done_at=NOW + timedelta(minutes=1))
    assert wechat.payments.query_refund(REFUND_NO) == arrived


def test_a_refund_that_wechat_has_not_heard_of_is_none(there: There, wechat: WeChat) -> None:
    there.answer = lambda _: refusal("RESOURCE_NOT_EXISTS", 404)
    assert wechat.payments.query_refund(REFUND_NO) is None


@every_call
@pytest.mark.parametrize(
    ("code", "status"),
    [("PARAM_ERROR", 400), ("SIGN_ERROR", 401), ("NO_AUTH", 403), ("OUT_TRADE_NO_USED", 403), ("NOT_ENOUGH", 403)],
)
def test_a_refusal_says_wechats_word(there: There, wechat: WeChat, name: str, code: str, status: int) -> None:
    there.answer = lambda _: refusal(code, status)
    with pytest.raises(GatewayRefused) as caught:
        CALLS[name](wechat)
    assert caught.value.code == code
    assert len(there.seen) == 1


def unsigned(fields: Any, status: int) -> Reply:
    return Reply(status, signed(fields, status).body, {"Content-Type": "application/json"})


def changed(fields: Any, status: int) -> Reply:
    reply = signed(fields, status)
    if not reply.body:
        return with_header("Wechatpay-Nonce", "another")(fields, status)
    return replace(reply, body=reply.body + b" ")


def with_header(name: str, value: str) -> Callable[[Any, int], Reply]:
    def make(fields: Any, status: int) -> Reply:
        reply = signed(fields, status)
        return replace(reply, headers={**reply.headers, name: value})

    return make


DISTRUSTED: dict[str, Callable[[Any, int], Reply]] = {
    "no signature at all": unsigned,
    "changed on its way": changed,
    "signed by somebody else": lambda fields, status: signed(fields, status, key=forger_key()),
    "signed an hour ago": lambda fields, status: signed(fields, status, at=NOW - timedelta(hours=1)),
    "another key's id": with_header("Wechatpay-Serial", "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"),
    "an id that is no number": with_header("Wechatpay-Serial", "PUB_KEY_ID_OTHER"),
    "no signature type": with_header("Wechatpay-Signature-Type", ""),
    "another signature type": with_header("Wechatpay-Signature-Type", "WECHATPAY2-SM2-WITH-SM3"),
    "a signature that is no base64": with_header("Wechatpay-Signature", "!"),
    "a probe": with_header("Wechatpay-Signature", "WECHATPAY/SIGNTEST/" + b64encode(b"x" * 256).decode()),
}


@every_call
@pytest.mark.parametrize("how", DISTRUSTED)
def test_a_reply_that_cannot_be_trusted_is_an_unknown_outcome(
    there: There, wechat: WeChat, name: str, how: str
) -> None:
    there.answer = lambda _: DISTRUSTED[how](*GOOD[name])
    with pytest.raises(OutcomeUnknown):
        CALLS[name](wechat)
    assert len(there.seen) == 1  # nobody is asked for certificates


UNKNOWN: dict[str, Reply] = {
    "system error": refusal("SYSTEM_ERROR", 500),
    "bad gateway": Reply(502, b"<html>"),
    "busy": Reply(503),
    "too fast": refusal("FREQUENCY_LIMITED", 429),
    "too fast, bare": Reply(429),
    "too fast, as 403": refusal("RATELIMIT_EXCEEDED", 403),
    "system error, as 400": refusal("SYSTEM_ERROR", 400),
    "not finished": signed({"code": "PROCESSING", "message": "再来"}, 202),
    "a 403 of some gateway": Reply(403, b"<html>forbidden"),
    "a 404 without a code": said({"message": "no route"}, 404),
    "a refusal that is a list": said(["PARAM_ERROR"], 400),
    "a redirect": Reply(302, headers={"Location": "https://evil.example/"}),
    "not UTF-8": Reply(400, b"\xff\xfe"),
    "cut off": Reply(200, b"{", {"Content-Length": "500"}),
    "silence": Reply(hangs=True),
}


@every_call
@pytest.mark.parametrize("how", UNKNOWN)
def test_everything_else_is_an_unknown_outcome(there: There, wechat: WeChat, name: str, how: str) -> None:
    there.answer = lambda _: UNKNOWN[how]
    began = time.monotonic()
    with pytest.raises(OutcomeUnknown):
        CALLS[name](wechat)
    assert time.monotonic() - began < 1.5
    assert len(there.seen) == 1


@pytest.mark.parametrize("name", ["prepare", "query", "refund", "query_refund"])
@pytest.mark.parametrize("fields", [None, [], "text", 7, {}], ids=repr)
def test_a_signed_reply_without_its_fields_is_an_unknown_outcome(
    there: There, wechat: WeChat, name: str, fields: object
) -> None:
    there.answer = lambda _: signed(fields)
    with pytest.raises(OutcomeUnknown):
        CALLS[name](wechat)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("prepare", {"prepay_id": ""}),
        ("prepare", {"prepay_id": 7}),
        ("query", payment_fields(out_trade_no="P20261124000002")),
        ("query", payment_fields(mchid="1600000002")),
        ("query", payment_fields(trade_state="LOST")),
        ("query", payment_fields(success_time=None)),
        ("query", payment_fields(success_time="2026-11-24T15:59:58")),
        ("query", payment_fields(amount={"total": True, "currency": "CNY"})),
        ("query", payment_fields(amount={"total": 2999.0, "currency": "CNY"})),
        ("query", payment_fields(payer={})),
        ("refund", refund_reply(out_refund_no="R20261124000002")),
        ("refund", refund_reply(out_trade_no="P20261124000002")),
        ("refund", refund_reply(amount={"total": 299900, "refund": 1})),
        ("refund", refund_reply(status="LOST")),
        ("refund", refund_reply(status="SUCCESS")),  # without the time of its arrival
        ("query_refund", refund_reply(out_refund_no="R20261124000002")),
        ("query_refund", refund_reply(refund_id="")),
    ],
)
def test_a_reply_about_something_else_or_in_another_shape_is_an_unknown_outcome(
    there: There, wechat: WeChat, name: str, fields: object
) -> None:
    there.answer = lambda _: signed(fields)
    with pytest.raises(OutcomeUnknown):
        CALLS[name](wechat)


@pytest.mark.parametrize(
    "number", ["", "short", "a" * 65, "../../v3/certificates", "P2026?mchid=1", "P2026112400/1", "号" * 8]
)
def test_a_number_that_would_change_the_url_is_not_sent(there: There, wechat: WeChat, number: str) -> None:
    for call in (
        lambda: wechat.payments.prepare(replace(PAYMENT, out_trade_no=number)),
        lambda: wechat.payments.query(number),
        lambda: wechat.payments.close(number),
        lambda: wechat.payments.refund(replace(REFUND, out_trade_no=number)),
        lambda: wechat.payments.query_refund(f"{number}/"),
    ):
        with pytest.raises(GatewayRefused, match="PARAM_ERROR"):
            call()
    assert there.seen == []


def test_a_payment_without_a_description_is_not_sent(there: There, wechat: WeChat) -> None:
    with pytest.raises(GatewayRefused, match="PARAM_ERROR"):
        wechat.payments.prepare(replace(PAYMENT, description="\x00]]>"))
    assert there.seen == []


def test_a_refund_without_a_reason_sends_none(there: There, wechat: WeChat) -> None:
    there.answer = lambda _: signed(refund_reply())
    wechat.payments.refund(replace(REFUND, reason=" "))
    assert "reason" not in there.seen[0].fields


@pytest.mark.parametrize("field", ["mch_private_key", "pay_public_key"])
def test_a_key_that_cannot_be_read_is_told_at_the_start(there: There, clock: FixedClock, field: str) -> None:
    account = replace(an_account(there.url), **{field: "nonsense"})
    with pytest.raises(ValueError, match="failed to load"):
        PaymentGateway(account, clock, Outgoing(there.url))


def test_no_secret_is_printed_with_the_account() -> None:
    account = an_account("")
    for secret in (account.app_secret, account.api_v3_key, account.mch_private_key):
        assert secret not in repr(account)
