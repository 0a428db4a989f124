"""Bills as WeChat writes them: their form, when they are there, and what faults plant into them (decision 33)."""

import csv
import gzip
import hashlib
import io
from datetime import datetime, time, timedelta
from typing import Any

import pytest
import requests

from simulator.bills import FUND_HEADERS, TRADE_HEADERS
from simulator.clock import SHANGHAI
from tests.simulator.ground import Merchant, answer, code_of

NEXT_MORNING = time(10, 1)
FEN = 259900


@pytest.fixture
def day(merchant: Merchant) -> str:
    """Yesterday's noon is now: nothing of a test falls on two days."""
    moved_to(merchant, -1, time(12))
    return str(today(merchant))


def today(merchant: Merchant) -> Any:
    return datetime.fromtimestamp(merchant.world.clock.now(), SHANGHAI).date()


def moved_to(merchant: Merchant, days: int, at: time) -> None:
    wanted = datetime.combine(today(merchant) + timedelta(days=days), at, SHANGHAI)
    merchant.world.clock.move(wanted.timestamp() - merchant.world.clock.now())


def asked(merchant: Merchant, kind: str, day: str) -> tuple[int, Any]:
    call = merchant.pay.trade_bill if kind == "trade" else merchant.pay.fundflow_bill
    return answer(call(bill_date=day))


def bill(merchant: Merchant, kind: str, day: str) -> bytes:
    """The file, unzipped, its hash checked."""
    status, told = asked(merchant, kind, day)
    assert status == 200, told
    status, body = merchant.pay.download_bill(told["download_url"])
    assert status == 200
    content = gzip.decompress(body)
    assert (told["hash_type"], told["hash_value"]) == ("SHA1", hashlib.sha1(content).hexdigest())  # noqa: S324
    return content


def rows_of(content: bytes) -> tuple[list[dict[str, str]], dict[str, str]]:
    """The rows and the totals, by header."""
    assert content.startswith(b"\xef\xbb\xbf")
    lines = content.decode("utf-8-sig").split("\r\n")
    assert lines.pop() == ""
    headers = lines[0].split(",")
    rows = [dict(zip(headers, line[1:].split(",`"), strict=True)) for line in lines[1:-2]]
    assert all(line.startswith("`") for line in [*lines[1:-2], lines[-1]])
    return rows, dict(zip(lines[-2].split(","), lines[-1][1:].split(",`"), strict=True))


def test_a_payment_and_its_refund_are_two_rows(merchant: Merchant, day: str) -> None:
    number = merchant.paid(description="小牛,电动车 AM0001")
    merchant.refund(number, "R-1", 100_00)
    merchant.until(lambda: merchant.get("/_sim/books")["refunds"][0]["status"] == "SUCCESS")
    moved_to(merchant, 1, NEXT_MORNING)
    content = bill(merchant, "trade", day)
    rows, totals = rows_of(content)
    (paid,) = merchant.get("/_sim/books")["payments"]
    assert len(TRADE_HEADERS) == 27
    assert tuple(rows[0]) == TRADE_HEADERS
    payment, refund = rows
    assert payment["商品名称"] == "小牛,电动车 AM0001"
    assert payment["微信订单号"] == refund["微信订单号"] == paid["transaction_id"]
    assert (payment["交易状态"], payment["应结订单金额"], payment["订单金额"]) == ("SUCCESS", "2599.00", "2599.00")
    assert (payment["商户退款单号"], payment["退款金额"], payment["手续费"]) == ("0", "0.00", "0.00000")
    assert (refund["交易状态"], refund["退款状态"], refund["退款类型"]) == ("REFUND", "SUCCESS", "ORIGINAL")
    assert (refund["订单金额"], refund["退款金额"], refund["申请退款金额"]) == ("0.00", "100.00", "100.00")
    assert refund["商户退款单号"] == "R-1"
    assert totals["总交易单数"] == "2"
    assert (totals["订单总金额"], totals["退款总金额"], totals["申请退款总金额"]) == ("2599.00", "100.00", "100.00")
    assert list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))[1][5] == f"`{paid['transaction_id']}"


def test_movements_run_the_balance_on(merchant: Merchant, day: str) -> None:
    number = merchant.paid()
    merchant.refund(number, "R-1", 100_00)
    moved_to(merchant, 1, NEXT_MORNING)
    rows, totals = rows_of(bill(merchant, "fund", day))
    assert tuple(rows[0]) == FUND_HEADERS
    assert [(row["业务类型"], row["收支类型"], row["收支金额(元)"], row["账户结余(元)"]) for row in rows] == [
        ("交易", "收入", "2599.00", "2599.00"),
        ("退款", "支出", "100.00", "2499.00"),
    ]
    assert [row["业务凭证号"] for row in rows] == [number, "R-1"]
    assert list(totals.values()) == ["2", "1", "2599.00", "1", "100.00"]


def test_fees_are_a_column_and_movements_of_their_own(merchant: Merchant, day: str) -> None:
    merchant.fault("bill_fees")
    number = merchant.paid()
    merchant.refund(number, "R-1", 100_00)
    moved_to(merchant, 1, NEXT_MORNING)
    trades, totals = rows_of(bill(merchant, "trade", day))
    assert [(row["手续费"], row["费率"]) for row in trades] == [("15.59000", "0.60%"), ("-0.60000", "0.60%")]
    assert totals["手续费总金额"] == "14.99000"
    moved, _ = rows_of(bill(merchant, "fund", day))
    assert [(row["业务类型"], row["收支金额(元)"]) for row in moved] == [
        ("交易", "2599.00"),
        ("扣除交易手续费", "15.59"),
        ("退款", "99.40"),
    ]


def test_a_refund_that_was_closed_brings_its_money_back(merchant: Merchant, day: str) -> None:
    merchant.fault("refund_closed")
    merchant.refund(merchant.paid(), "R-1", 100_00)
    merchant.until(lambda: merchant.get("/_sim/books")["refunds"][0]["status"] == "CLOSED")
    moved_to(merchant, 1, NEXT_MORNING)
    assert rows_of(bill(merchant, "trade", day))[0][1]["退款状态"] == "FAIL"
    moved, _ = rows_of(bill(merchant, "fund", day))
    assert [row["业务类型"] for row in moved] == ["交易", "退款", "退款退回"]
    assert moved[-1]["账户结余(元)"] == "2599.00"


def test_a_bill_is_there_at_ten_of_the_next_day(merchant: Merchant, day: str) -> None:
    merchant.paid()
    assert code_of(asked(merchant, "trade", day)) == (400, "NO_STATEMENT_EXIST")  # today
    moved_to(merchant, 1, time(9, 59))
    assert code_of(asked(merchant, "trade", day)) == (400, "STATEMENT_CREATING")
    moved_to(merchant, 0, NEXT_MORNING)
    assert asked(merchant, "trade", day)[0] == 200
    yesterday = str(today(merchant) - timedelta(days=2))
    assert code_of(asked(merchant, "trade", yesterday)) == (400, "NO_STATEMENT_EXIST")  # nothing moved
    long_ago = str(today(merchant) - timedelta(days=91))
    assert code_of(asked(merchant, "fund", long_ago)) == (400, "INVALID_REQUEST")
    assert code_of(asked(merchant, "fund", "gestern")) == (400, "PARAM_ERROR")


def test_a_bill_never_changes(merchant: Merchant, day: str) -> None:
    merchant.paid()
    moved_to(merchant, 1, NEXT_MORNING)
    first = bill(merchant, "trade", day)
    merchant.fault("bill_row_missing")
    assert bill(merchant, "trade", day) == first
    assert requests.delete(merchant.simulator.url + "/_sim/bills", timeout=5).ok
    assert code_of(asked(merchant, "trade", day)) == (400, "NO_STATEMENT_EXIST")


def test_the_link_is_good_for_five_minutes_and_not_signed(merchant: Merchant, day: str) -> None:
    merchant.paid()
    moved_to(merchant, 1, NEXT_MORNING)
    told = asked(merchant, "trade", day)[1]
    merchant.world.clock.move(301)
    assert merchant.pay.download_bill(told["download_url"])[0] == 400
    assert requests.get(told["download_url"], timeout=5).status_code == 401  # the request must be


def test_the_file_can_be_had_unzipped(merchant: Merchant, day: str) -> None:
    merchant.paid()
    moved_to(merchant, 1, NEXT_MORNING)
    status, told = answer(merchant.pay._core.request(f"/v3/bill/tradebill?bill_date={day}"))
    assert status == 200
    assert merchant.pay.download_bill(told["download_url"])[1] == bill(merchant, "trade", day)


@pytest.mark.parametrize("fault, code", [("bill_not_ready", "STATEMENT_CREATING"), ("bill_none", "NO_STATEMENT_EXIST")])
def test_a_bill_may_be_refused(merchant: Merchant, day: str, fault: str, code: str) -> None:
    merchant.paid()
    merchant.fault(fault)
    moved_to(merchant, 1, NEXT_MORNING)
    assert code_of(asked(merchant, "trade", day)) == (400, code)
    assert asked(merchant, "trade", day)[0] == 200


def test_a_hash_or_a_file_may_be_bad(merchant: Merchant, day: str) -> None:
    merchant.paid()
    moved_to(merchant, 1, NEXT_MORNING)
    merchant.fault("bill_bad_hash")
    told = asked(merchant, "trade", day)[1]
    body = merchant.pay.download_bill(told["download_url"])[1]
    assert hashlib.sha1(gzip.decompress(body)).hexdigest() != told["hash_value"]  # noqa: S324
    merchant.fault("bill_cut")
    assert len(merchant.pay.download_bill(told["download_url"])[1]) == len(body) // 2


@pytest.mark.parametrize(
    "fault, of, rows, sum_fen",
    [
        ("bill_row_missing", "payment", 3, 2 * FEN),
        ("bill_row_amount", "payment", 4, 3 * FEN + 1),
        ("bill_row_twice", "payment", 5, 4 * FEN),
        ("bill_other_merchant", "payment", 5, None),
        ("bill_row_extra", "payment", 5, None),
        ("bill_row_extra", "refund", 5, 3 * FEN),
        ("bill_row_missing", "refund", 3, 3 * FEN),
        ("bill_refund_status", "refund", 4, 3 * FEN),
    ],
)
def test_what_is_planted_stands_in_the_bill_of_trades_alone(
    merchant: Merchant, day: str, fault: str, of: str, rows: int, sum_fen: int | None
) -> None:
    for number in [merchant.paid() for _ in range(3)][:1]:
        merchant.refund(number, "R-1", 100_00)
    merchant.fault(fault, **({} if fault in ("bill_refund_status", "bill_other_merchant") else {"of": of}))
    moved_to(merchant, 1, NEXT_MORNING)
    told, totals = rows_of(bill(merchant, "trade", day))
    assert len(told) == int(totals["总交易单数"]) == rows
    if sum_fen is not None:
        assert totals["订单总金额"] == f"{sum_fen / 100:.2f}"
    assert len(rows_of(bill(merchant, "fund", day))[0]) == 4
    trades, funds = merchant.get("/_sim/bills")["bills"]
    assert [planted["fault"] for planted in trades["planted"]] == [fault]
    assert funds["planted"] == []


@pytest.mark.parametrize(
    "fault, rows", [("fund_row_missing", 2), ("fund_amount", 3), ("fund_row_twice", 4), ("fund_row_extra", 4)]
)
def test_what_is_planted_stands_in_the_bill_of_movements_alone(
    merchant: Merchant, day: str, fault: str, rows: int
) -> None:
    for _ in range(3):
        merchant.paid()
    merchant.fault(fault)
    moved_to(merchant, 1, NEXT_MORNING)
    assert len(rows_of(bill(merchant, "fund", day))[0]) == rows
    assert len(rows_of(bill(merchant, "trade", day))[0]) == 3


def test_a_late_row_stands_in_the_next_days_bill(merchant: Merchant, day: str) -> None:
    merchant.paid()
    merchant.paid()
    merchant.fault("bill_row_late", day=day)
    merchant.fault("fund_row_late", of="payment", day=day)
    moved_to(merchant, 1, NEXT_MORNING)
    assert [len(rows_of(bill(merchant, kind, day))[0]) for kind in ("trade", "fund")] == [1, 1]
    next_day = str(today(merchant))
    moved_to(merchant, 1, NEXT_MORNING)
    assert [len(rows_of(bill(merchant, kind, next_day))[0]) for kind in ("trade", "fund")] == [1, 1]


def test_no_payment_is_planted_twice(merchant: Merchant, day: str) -> None:
    for _ in range(6):
        merchant.paid()
    for fault in ("bill_row_missing", "bill_row_amount", "fund_row_missing", "fund_amount"):
        merchant.fault(fault, rows=2)
    moved_to(merchant, 1, NEXT_MORNING)
    bill(merchant, "trade", day)
    planted = [one["number"] for made in merchant.get("/_sim/bills")["bills"] for one in made["planted"]]
    assert len(planted) == len(set(planted)) == 6


def test_older_merchants_have_other_columns(merchant: Merchant, day: str) -> None:
    merchant.refund(merchant.paid(), "R-1", 100_00)
    for fault in ("bill_old_headers", "bill_extra_column"):
        merchant.fault(fault)
    moved_to(merchant, 1, NEXT_MORNING)
    (payment, refund), totals = rows_of(bill(merchant, "trade", day))
    assert "订单金额" not in payment
    assert (payment["总金额"], payment["企业红包金额"], payment["优惠备注"]) == ("2599.00", "0.00", "无")
    assert refund["退款金额"] == "100.00"
    assert totals["总交易额"] == "2599.00"


def test_the_books_may_have_a_past(merchant: Merchant) -> None:
    past = {"out_trade_no": "OLD-1", "transaction_id": "4200000000000000000000000001", "amount": 5, "openid": "o-1"}
    day = str(today(merchant) - timedelta(days=3))
    payment = past | {"success_time": f"{day}T23:59:59+08:00"}
    refund = {
        "out_refund_no": "R-1",
        "refund_id": "50000000000000000000000000001",
        "out_trade_no": "OLD-1",
        "amount": 5,
        "create_time": f"{day}T23:59:59+08:00",
        "end_time": f"{day}T23:59:59+08:00",
    }
    for _ in range(2):
        assert merchant.post("/_sim/books", payments=[payment], refunds=[refund]).status_code == 201
    rows, _ = rows_of(bill(merchant, "trade", day))
    assert [row["交易时间"] for row in rows] == [f"{day} 23:59:59"] * 2
    assert merchant.query("OLD-1")["trade_state"] == "REFUND"
    assert merchant.post("/_sim/books", payments=[past]).status_code == 400
