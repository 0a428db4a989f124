"""Callbacks with real signatures: which are believed, which are not, and that none of them makes us call anybody."""

import json
import logging
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from wechatpayv3 import WeChatPay, WeChatPayType

from app.adapters.wechat import WeChat
from app.domain.charges import PaymentNotice
from app.domain.refunds import RefundNotice, RefundStatus
from app.ports import Forged
from tests.adapters.there import (
    APP_ID,
    MCH_ID,
    NOW,
    There,
    an_account,
    envelope,
    forger_key,
    payment_fields,
    refund_fields,
    seal_headers,
)

PAID = "TRANSACTION.SUCCESS"


class Callback(NamedTuple):
    headers: dict[str, str]
    body: bytes


def a_callback(body: bytes | None = None, at: datetime = NOW, **changes: str) -> Callback:
    """A good notice of a payment; `changes` replace headers, written with underscores."""
    body = body or envelope(payment_fields(), PAID)
    return Callback(seal_headers(body, at) | {k.replace("_", "-"): v for k, v in changes.items()}, body)


def without(name: str) -> Callback:
    callback = a_callback()
    return Callback({k: v for k, v in callback.headers.items() if k != name}, callback.body)


def tampered() -> Callback:
    callback = a_callback()
    return Callback(callback.headers, callback.body.replace(b"TRANSACTION", b"TRANSACTIOM"))


def forged_by_somebody() -> Callback:
    body = envelope(payment_fields(), PAID)
    return Callback(seal_headers(body, key=forger_key()), body)


def signed_under_other_names() -> Callback:
    """Fit headers around the stale ones of Django's spelling, which the library would prefer."""
    body = envelope(payment_fields(), PAID)
    stale = seal_headers(body, NOW - timedelta(days=1))
    others = {"HTTP_" + name.upper().replace("-", "_"): value for name, value in stale.items()}
    return Callback(seal_headers(body, key=forger_key()) | others, body)


UNSIGNED: dict[str, Callable[[], Callback]] = {
    "stale": lambda: a_callback(at=NOW - timedelta(seconds=301)),
    "ten years old": lambda: a_callback(at=NOW.replace(year=2016)),
    "from the future": lambda: a_callback(at=NOW + timedelta(seconds=301)),
    "without a signature": lambda: without("Wechatpay-Signature"),
    "without a timestamp": lambda: without("Wechatpay-Timestamp"),
    "without a nonce": lambda: without("Wechatpay-Nonce"),
    "without a serial": lambda: without("Wechatpay-Serial"),
    "without a signature type": lambda: without("Wechatpay-Signature-Type"),
    "without any header": lambda: Callback({}, a_callback().body),
    "unknown hex serial": lambda: a_callback(Wechatpay_Serial="5157F09EFDC096DE15EBE81A47057A7232F1B8E1"),
    "unknown key id": lambda: a_callback(Wechatpay_Serial="PUB_KEY_ID_0116000000012027"),
    "serial that is no number": lambda: a_callback(Wechatpay_Serial="xyz"),
    "another signature type": lambda: a_callback(Wechatpay_Signature_Type="WECHATPAY2-SM2-WITH-SM3"),
    "probe": lambda: a_callback(Wechatpay_Signature="WECHATPAY/SIGNTEST/" + b64encode(b"x" * 237).decode()),
    "timestamp in words": lambda: a_callback(Wechatpay_Timestamp="now"),
    "timestamp in other digits": lambda: a_callback(Wechatpay_Timestamp="１７９５５０７２００"),
    "timestamp without end": lambda: a_callback(Wechatpay_Timestamp="9" * 400),
    "negative timestamp": lambda: a_callback(Wechatpay_Timestamp="-1"),
    "signature that is no base64": lambda: a_callback(Wechatpay_Signature="%%%"),
    "signature that is no ASCII": lambda: a_callback(Wechatpay_Signature="签名"),
    "another nonce": lambda: a_callback(Wechatpay_Nonce="0" * 32),
    "tampered body": tampered,
    "signed by somebody else": forged_by_somebody,
    "signed under other names": signed_under_other_names,
    "no body": lambda: Callback(a_callback().headers, b""),
    "not UTF-8": lambda: Callback(a_callback().headers, b"\xff\xfe"),
    "too large": lambda: a_callback(b"{" + b" " * 70_000 + b"}"),
}

SIGNED_BUT_ODD: dict[str, Callable[[], bytes]] = {
    "wrong API v3 key": lambda: envelope(payment_fields(), PAID, key="f" * 32),
    "not JSON": lambda: b"hello",
    "a list": lambda: b"[1]",
    "a number": lambda: b"7",
    "nested without end": lambda: b"[" * 30_000 + b"]" * 30_000,
    "another resource type": lambda: envelope(payment_fields(), PAID, resource_type="plain"),
    "no resource": lambda: envelope(payment_fields(), PAID, resource=None),
    "resource in words": lambda: envelope(payment_fields(), PAID, resource="text"),
    "resource of numbers": lambda: envelope(
        payment_fields(), PAID, resource={"algorithm": "AEAD_AES_256_GCM", "nonce": 1, "ciphertext": 2}
    ),
    "another algorithm": lambda: envelope(
        payment_fields(), PAID, resource={"algorithm": "AEAD_SM4_GCM", "nonce": "x", "ciphertext": "eA=="}
    ),
    "sealed text that is not JSON": lambda: envelope("hello", PAID),
    "sealed list": lambda: envelope("[]", PAID),
    "unknown event": lambda: envelope(payment_fields(), "TRANSACTION.PAYSCORE"),
    "no event": lambda: envelope(payment_fields(), None),
    "a payment told as a refund": lambda: envelope(payment_fields(), "REFUND.SUCCESS"),
    "a refund told as a payment": lambda: envelope(refund_fields(), PAID),
    "not paid": lambda: envelope(payment_fields(trade_state="NOTPAY"), PAID),
    "refund of another state": lambda: envelope(refund_fields(), "REFUND.CLOSED"),
    "refund in no state": lambda: envelope(refund_fields(refund_status="LOST"), "REFUND.LOST"),
    "refund without a merchant": lambda: envelope(refund_fields(mchid=None), "REFUND.SUCCESS"),
    "refund that arrived at no time": lambda: envelope(refund_fields(success_time=""), "REFUND.SUCCESS"),
    "amount in yuan": lambda: envelope(payment_fields(amount={"total": 2999.0, "currency": "CNY"}), PAID),
    "amount in words": lambda: envelope(payment_fields(amount={"total": "299900", "currency": "CNY"}), PAID),
    "amount of true": lambda: envelope(payment_fields(amount={"total": True, "currency": "CNY"}), PAID),
    "amount of nothing": lambda: envelope(payment_fields(amount={"total": 0, "currency": "CNY"}), PAID),
    "amount below nothing": lambda: envelope(payment_fields(amount={"total": -1, "currency": "CNY"}), PAID),
    "amount that no column holds": lambda: envelope(payment_fields(amount={"total": 10**30, "currency": "CNY"}), PAID),
    "no amount": lambda: envelope(payment_fields(amount=None), PAID),
    "no payer": lambda: envelope(payment_fields(payer=None), PAID),
    "payer with a NUL": lambda: envelope(payment_fields(payer={"openid": "o\x00"}), PAID),
    "number with a newline": lambda: envelope(payment_fields(out_trade_no="P20261124000001\n"), PAID),
    "currency in words": lambda: envelope(payment_fields(amount={"total": 1, "currency": "元"}), PAID),
    "no transaction": lambda: envelope(payment_fields(transaction_id=""), PAID),
    "time without a zone": lambda: envelope(payment_fields(success_time="2026-11-24T15:59:58"), PAID),
    "time that is none": lambda: envelope(payment_fields(success_time="just now"), PAID),
    "time at the end of all": lambda: envelope(payment_fields(success_time="0001-01-01T00:00:00+08:00"), PAID),
}


def read(wechat: WeChat, callback: Callback, headers: Mapping[str, str] | None = None) -> PaymentNotice | RefundNotice:
    return wechat.payments.read_notice(headers or callback.headers, callback.body, NOW)


@pytest.mark.parametrize("seconds", [0, -300, 300])
def test_a_fresh_payment_is_believed(there: There, wechat: WeChat, seconds: int) -> None:
    assert read(wechat, a_callback(at=NOW + timedelta(seconds=seconds))) == PaymentNotice(
        transaction_id="4200000000202611240000000001",
        out_trade_no="P20261124000001",
        app_id=APP_ID,
        mch_id=MCH_ID,
        openid="oAlice_-1",
        amount_fen=299900,
        currency="CNY",
        paid_at=datetime(2026, 11, 24, 7, 59, 58, tzinfo=UTC),
    )
    assert there.seen == []


@pytest.mark.parametrize(
    ("told", "status", "done_at"),
    [
        ("SUCCESS", RefundStatus.DONE, datetime(2026, 11, 24, 7, 59, 59, tzinfo=UTC)),
        ("ABNORMAL", RefundStatus.ABNORMAL, None),
        ("CLOSED", RefundStatus.REFUSED, None),
    ],
)
def test_a_refund_is_believed(wechat: WeChat, told: str, status: RefundStatus, done_at: datetime | None) -> None:
    body = envelope(refund_fields(refund_status=told), f"REFUND.{told}")
    assert read(wechat, a_callback(body)) == RefundNotice(
        out_refund_no="R20261124000001",
        out_trade_no="P20261124000001",
        refund_id="50300000002026112400000001",
        status=status,
        amount_fen=299900,
        done_at=done_at,
        mch_id=MCH_ID,
    )


@pytest.mark.parametrize(
    ("changes", "field", "told"),
    [
        ({"mchid": "1600000002"}, "mch_id", "1600000002"),
        ({"appid": "wxother"}, "app_id", "wxother"),
        ({"payer": {"openid": "oMallory"}}, "openid", "oMallory"),
        ({"amount": {"total": 1, "currency": "CNY"}}, "amount_fen", 1),
        ({"amount": {"total": 1, "currency": "USD"}}, "currency", "USD"),
        ({"amount": {"total": 1}}, "currency", "CNY"),
        ({"out_trade_no": "of-nobody"}, "out_trade_no", "of-nobody"),
    ],
)
def test_what_does_not_fit_our_books_is_read_and_left_to_the_judge(
    wechat: WeChat, changes: dict[str, object], field: str, told: object
) -> None:
    notice = read(wechat, a_callback(envelope(payment_fields(**changes), PAID)))
    assert getattr(notice, field) == told


@pytest.mark.parametrize("spelled", [str.lower, str.upper, str.title])
def test_the_case_of_a_headers_name_does_not_matter(wechat: WeChat, spelled: Callable[[str], str]) -> None:
    callback = a_callback()
    read(wechat, callback, {spelled(name): value for name, value in callback.headers.items()})


@pytest.mark.parametrize("how", UNSIGNED)
def test_a_callback_that_wechat_did_not_send_now_is_forged(
    there: There, wechat: WeChat, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(Forged):
        read(wechat, UNSIGNED[how]())
    assert there.seen == []
    assert caplog.records == []  # anybody can send one: nobody is woken


@pytest.mark.parametrize("how", ["unknown hex serial", "unknown key id", "serial that is no number"])
def test_an_unknown_serial_is_refused_before_the_library_sees_it(wechat: WeChat, how: str) -> None:
    with pytest.raises(Forged, match="signed with a key that is not ours"):
        read(wechat, UNSIGNED[how]())


@pytest.mark.parametrize("how", SIGNED_BUT_ODD)
def test_a_signed_callback_that_is_odd_is_refused_and_logged_without_its_content(
    there: There, wechat: WeChat, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Forged):
        read(wechat, a_callback(SIGNED_BUT_ODD[how]()))
    assert there.seen == []
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "oAlice" not in record.getMessage()


def test_each_bit_of_the_body_counts(there: There, wechat: WeChat) -> None:
    callback = a_callback()
    for position in range(0, len(callback.body) * 8, 97):
        body = bytearray(callback.body)
        body[position // 8] ^= 1 << position % 8
        with pytest.raises(Forged):
            read(wechat, Callback(callback.headers, bytes(body)))
    assert there.seen == []


def test_the_same_callback_reads_the_same_each_time(wechat: WeChat) -> None:
    callback = a_callback()
    assert read(wechat, callback) == read(wechat, callback)
    assert json.loads(callback.body)["event_type"] == PAID


def test_the_bare_library_asks_the_world_about_each_serial_that_it_does_not_know(there: There) -> None:
    """The twin of the tests above: without the guard each forged callback makes one call."""
    account = an_account(there.url)
    library = WeChatPay(
        wechatpay_type=WeChatPayType.JSAPI,
        mchid=account.mch_id,
        private_key=account.mch_private_key,
        cert_serial_no=account.mch_serial_no,
        appid=account.app_id,
        apiv3_key=account.api_v3_key,
        public_key=account.pay_public_key,
        public_key_id=account.pay_public_key_id,
    )
    library._core._gate_way = there.url
    assert library.callback(*UNSIGNED["unknown hex serial"]()) is None
    assert there.paths() == ["/v3/certificates"]
