"""A day's bill: two calls, a file that is unzipped, and a hash that is checked; what may go wrong with each of them."""

import gzip
import hashlib
import json
import time
from collections.abc import Callable
from datetime import date

import pytest

from app.adapters.wechat import WeChat, pay_channel
from app.adapters.wechat import pay as adapter
from app.domain.bills import BillKind
from app.ports import BillDamaged, BillNotReady, GatewayRefused, NoBill, OutcomeUnknown
from tests.adapters.there import Reply, Seen, There, said, signed

DAY = date(2026, 11, 23)
BILL = "﻿交易时间,公众账号ID\r\n`2026-11-23 10:00:00,`wx\r\n".encode()
Answer = Callable[[Seen], Reply]


def digest(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()  # noqa: S324  # WeChat's choice


def answering(there: There, *, file: Reply | None = None, **told: object) -> Answer:
    """WeChat with a bill; `told` changes what the first call says of it."""
    link = {
        "hash_type": "SHA1",
        "hash_value": digest(BILL),
        "download_url": f"{there.url}/v3/billdownload/file?token=t-1",
        **told,
    }

    def answer(seen: Seen) -> Reply:
        if seen.path == "/v3/billdownload/file":
            return file or Reply(200, gzip.compress(BILL), {"Content-Type": "application/octet-stream"})
        return signed(link)

    return answer


def bill(wechat: WeChat, kind: BillKind = BillKind.TRADE) -> bytes:
    return wechat.payments.bill(kind, DAY)


@pytest.mark.parametrize(
    "kind, path, query",
    [
        (BillKind.TRADE, "/v3/bill/tradebill", {"bill_date": "2026-11-23", "bill_type": "ALL", "tar_type": "GZIP"}),
        (
            BillKind.FUND,
            "/v3/bill/fundflowbill",
            {"bill_date": "2026-11-23", "account_type": "BASIC", "tar_type": "GZIP"},
        ),
    ],
)
def test_a_bill_is_asked_for_and_fetched(
    there: There, wechat: WeChat, kind: BillKind, path: str, query: dict[str, str]
) -> None:
    there.answer = answering(there)
    assert bill(wechat, kind) == BILL
    ask, fetch = there.seen
    assert (ask.path, ask.query) == (path, query)
    assert (fetch.path, fetch.query) == ("/v3/billdownload/file", {"token": "t-1"})
    assert "Authorization" in fetch.headers


def test_a_file_that_is_not_zipped_is_taken_as_it_is(there: There, wechat: WeChat) -> None:
    there.answer = answering(there, file=Reply(200, BILL))
    assert bill(wechat) == BILL


@pytest.mark.parametrize(
    "code, status, error",
    [
        ("NO_STATEMENT_EXIST", 400, NoBill),
        ("STATEMENT_CREATING", 400, BillNotReady),
        ("INVALID_REQUEST", 400, GatewayRefused),
        ("SYSTEM_ERROR", 500, OutcomeUnknown),
        ("FREQUENCY_LIMITED", 429, OutcomeUnknown),
    ],
)
def test_each_refusal_is_an_answer_of_its_own(
    there: There, wechat: WeChat, code: str, status: int, error: type[Exception]
) -> None:
    there.answer = lambda _: said({"code": code, "message": "账单"}, status)
    with pytest.raises(error):
        bill(wechat)


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(gzip.compress(BILL + b" "), id="another bill"),
        pytest.param(gzip.compress(BILL.removeprefix("﻿".encode())), id="without the byte order mark"),
        pytest.param(gzip.compress(BILL)[:-9], id="cut off"),
        pytest.param(b"\x1f\x8b nothing of the kind", id="no gzip"),
        pytest.param(b"", id="empty"),
    ],
)
def test_a_damaged_file_is_refused(there: There, wechat: WeChat, file: bytes) -> None:
    there.answer = answering(there, file=Reply(200, file))
    with pytest.raises(BillDamaged):
        bill(wechat)


def test_only_the_hash_that_is_known_is_believed(there: There, wechat: WeChat) -> None:
    there.answer = answering(there, hash_type="MD5")
    with pytest.raises(BillDamaged):
        bill(wechat)


def test_a_file_elsewhere_is_not_fetched(there: There, wechat: WeChat) -> None:
    there.answer = answering(there, download_url="https://elsewhere.example/v3/billdownload/file?token=t-1")
    with pytest.raises(OutcomeUnknown):
        bill(wechat)
    assert len(there.seen) == 1


@pytest.mark.parametrize("status, code, error", [(400, "INVALID_REQUEST", GatewayRefused), (502, "", OutcomeUnknown)])
def test_a_file_may_be_refused(there: There, wechat: WeChat, status: int, code: str, error: type[Exception]) -> None:
    there.answer = answering(there, file=Reply(status, json.dumps({"code": code}).encode()))
    with pytest.raises(error):
        bill(wechat)


def test_a_link_that_wechat_did_not_sign_is_not_followed(there: There, wechat: WeChat) -> None:
    told = {"hash_type": "SHA1", "hash_value": digest(BILL), "download_url": f"{there.url}/v3/billdownload/file"}
    there.answer = lambda _: said(told)
    with pytest.raises(OutcomeUnknown):
        bill(wechat)
    assert len(there.seen) == 1


def test_a_file_that_hangs_or_drips_is_given_up(there: There, wechat: WeChat) -> None:
    for file in (Reply(hangs=True), Reply(200, b"x" * 1000, drips=0.05)):
        there.answer = answering(there, file=file)
        began = time.monotonic()
        with pytest.raises(OutcomeUnknown):
            bill(wechat)
        assert time.monotonic() - began < 5


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a file of a kilobyte were large."""
    monkeypatch.setattr(pay_channel, "LARGEST_FILE", 1024)
    monkeypatch.setattr(adapter, "LARGEST_BILL", 4096)


@pytest.mark.usefixtures("small")
def test_a_file_that_is_too_large_is_not_read_to_its_end(there: There, wechat: WeChat) -> None:
    there.answer = answering(there, file=Reply(200, b"x" * 1_000_000))
    with pytest.raises(OutcomeUnknown):
        bill(wechat)


@pytest.mark.usefixtures("small")
def test_a_bomb_is_not_unzipped(there: There, wechat: WeChat) -> None:
    there.answer = answering(there, file=Reply(200, gzip.compress(b"0" * 1_000_000)[:1024]))
    with pytest.raises(BillDamaged):
        bill(wechat)


def test_a_large_bill_is_a_reply_that_may_be_longer_than_others(there: There, wechat: WeChat) -> None:
    content = b"".join(hashlib.sha256(str(nth).encode()).digest() for nth in range(60_000))
    there.answer = answering(there, file=Reply(200, gzip.compress(content)), hash_value=digest(content))
    assert bill(wechat) == content
