"""Reading WeChat's bills, and judging their lines: examples in WeChat's own form (decision 33)."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest

from app.domain.bills import (
    BillUnreadable,
    BookPayment,
    BookRefund,
    Difference,
    Expected,
    FundLine,
    days_wanted,
    judge_movements,
    judge_payment,
    judge_refund,
    none_is_believed,
    read_fund_bill,
    read_trade_bill,
    ready_until,
    refuse_other_day,
    retold,
)
from app.domain.refunds import RefundStatus

DAY = date(2026, 11, 23)
OURS = {"mch_id": "1600000001", "app_id": "wx0123456789abcdef"}
ALL = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,"
    "应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,"
    "手续费,费率,订单金额,申请退款金额,费率备注"
)
SUM = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
PAYMENT = (
    "`2026-11-23 10:00:01,`wx0123456789abcdef,`1600000001,`0,`,`4200000001202611230000000001,`P1,`o-alice,`JSAPI,"
    "`SUCCESS,`OTHERS,`CNY,`2599.00,`0.00,`0,`0,`0.00,`0.00,`,`,`小牛,电动车 AM0001,`,`15.59000,`0.60%,`2599.00,`0.00,`"
)
REFUND = (
    "`2026-11-23 23:59:59,`wx0123456789abcdef,`1600000001,`0,`,`4200000001202611230000000001,`P1,`o-alice,`JSAPI,"
    "`REFUND,`OTHERS,`CNY,`0.00,`0.00,`50000000002026112300000000001,`RP1-1,`100.01,`0.00,`ORIGINAL,`PROCESSING,"
    "`小牛,电动车 AM0001,`,`-0.60000,`0.60%,`0.00,`100.01,`"
)
TOTALS = "`2,`2599.00,`100.01,`0.00,`14.99000,`2599.00,`100.01"
OLD = (
    "交易时间,公众账号ID,商户号,子商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,"
    "总金额,企业红包金额,微信退款单号,商户退款单号,退款金额,企业红包退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率"
)
OLD_SUM = "总交易单数,总交易额,总退款金额,总企业红包退款金额,手续费总金额"
FUND = (
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额（元）,账户结余（元）,资金变更提交申请人,"
    "备注,业务凭证号"
)
FUND_SUM = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额"
MOVED_IN = "`2026-11-23 10:00:02,`4200000001202611230000000001,`F1,`交易,`交易,`收入,`2599.00,`2599.00,`system,`,`P1"
MOVED_OUT = "`2026-11-23 23:59:59,`50000000002026112300000000001,`F2,`退款,`退款,`支出,`100.01,`2498.99,`API,`,`RP1-1"


def written(*lines: str, end: str = "\r\n", bom: bool = True) -> bytes:
    return (("﻿" if bom else "") + "".join(line + end for line in lines)).encode()


def trades(*rows: str, totals: str = TOTALS) -> bytes:
    return written(ALL, *rows, SUM, totals)


def test_a_payment_and_a_refund_are_read() -> None:
    paid, back = read_trade_bill(trades(PAYMENT, REFUND))
    assert (paid.no, paid.at, paid.fen) == (1, datetime(2026, 11, 23, 2, 0, 1, tzinfo=UTC), 2599_00)
    assert (paid.wechat_id, paid.our_no, paid.is_refund) == ("4200000001202611230000000001", "P1", False)
    assert (paid.mch_id, paid.app_id, paid.fee_fen) == (OURS["mch_id"], OURS["app_id"], 15_59)
    assert paid.text["商品名称"] == "小牛,电动车 AM0001"
    assert (back.wechat_id, back.our_no, back.is_refund) == ("50000000002026112300000000001", "RP1-1", True)
    assert (back.fen, back.fee_fen, back.refund_status) == (-100_01, -60, "PROCESSING")
    assert back.transaction_id == paid.transaction_id


def test_who_paid_is_not_kept_and_the_rest_can_be_read_again() -> None:
    for line in read_trade_bill(trades(PAYMENT, REFUND)):
        assert "o-alice" not in line.text.values()
        assert retold(line.no, line.text) == line


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(written(ALL, PAYMENT, REFUND, SUM, TOTALS, end="\n"), id="line feeds alone"),
        pytest.param(written(ALL, PAYMENT, REFUND, SUM, TOTALS, bom=False), id="no byte order mark"),
        pytest.param(written(ALL, PAYMENT, REFUND, SUM, TOTALS, ""), id="an empty line at the end"),
        pytest.param(
            written(f"{ALL},优惠备注", f"{PAYMENT},`无", f"{REFUND},`无", SUM, TOTALS), id="a column that nobody knows"
        ),
        pytest.param(
            written(
                f"商品名称,{ALL.replace(',商品名称', '')}",
                f"`小牛,电动车 AM0001,{PAYMENT.replace(',`小牛,电动车 AM0001', '')}",
                f"`小牛,电动车 AM0001,{REFUND.replace(',`小牛,电动车 AM0001', '')}",
                SUM,
                TOTALS,
            ),
            id="another order",
        ),
    ],
)
def test_other_forms_of_the_same_bill(content: bytes) -> None:
    assert [(line.our_no, line.fen, line.text["商品名称"]) for line in read_trade_bill(content)] == [
        ("P1", 2599_00, "小牛,电动车 AM0001"),
        ("RP1-1", -100_01, "小牛,电动车 AM0001"),
    ]


def test_older_merchants_have_other_names_and_fewer_columns() -> None:
    rows = [row.rsplit(",`", 3)[0] for row in (PAYMENT, REFUND)]
    content = written(OLD, *rows, OLD_SUM, "`2,`2599.00,`100.01,`0.00,`14.99000")
    assert [line.fen for line in read_trade_bill(content)] == [2599_00, -100_01]


def test_a_discount_that_wechat_pays_is_part_of_what_was_paid() -> None:
    row = PAYMENT.replace("`CNY,`2599.00,`0.00", "`CNY,`2499.00,`100.00")
    (line,) = read_trade_bill(trades(row, totals="`1,`2499.00,`0.00,`0.00,`15.59000,`2599.00,`0.00"))
    assert line.fen == 2599_00


def test_a_bill_without_a_line_is_read() -> None:
    assert read_trade_bill(trades(totals="`0,`0.00,`0.00,`0.00,`0.00000,`0.00,`0.00")) == []


@pytest.mark.parametrize(
    "content, said",
    [
        pytest.param("账单".encode("gbk"), "不是 UTF-8", id="another encoding"),
        pytest.param(b"", "没有「交易时间」", id="nothing"),
        pytest.param(b'{"code":"NO_AUTH"}', "没有「交易时间」", id="no bill"),
        pytest.param(written(ALL, PAYMENT, REFUND), "可能不完整", id="cut off before the sum"),
        pytest.param(written(ALL, PAYMENT, REFUND, SUM), "可能不完整", id="cut off within the sum"),
        pytest.param(trades(PAYMENT), "「总交易单数」写的是 2，各行加起来是 1", id="a line less than counted"),
        pytest.param(
            trades(PAYMENT, REFUND, totals=TOTALS.replace("`100.01", "`100.00", 1)),
            "「退款总金额」写的是 100.00，各行加起来是 100.01",
            id="another sum",
        ),
        pytest.param(trades(PAYMENT, REFUND, totals="`2,`2599.00"), "合计：有 2 列，表头有 7 列", id="half a sum"),
        pytest.param(trades(PAYMENT, REFUND[:-2]), "第 2 行：有 26 列，表头有 27 列", id="a column less"),
        pytest.param(trades(PAYMENT, f"{REFUND},`x"), "第 2 行：有 28 列", id="a column more"),
        pytest.param(trades(PAYMENT, REFUND[1:]), "第 2 行：不是数据", id="a line without its tick"),
        pytest.param(
            written(ALL.replace("退款状态", "退款"), PAYMENT, REFUND, SUM, TOTALS), "退款状态", id="no header"
        ),
        pytest.param(
            written(ALL.replace("设备号", "手续费"), PAYMENT, REFUND, SUM, TOTALS), "两列", id="a header twice"
        ),
        pytest.param(trades(PAYMENT, REFUND.replace("`REFUND", "`USERPAYING")), "交易状态", id="an unknown state"),
        pytest.param(trades(PAYMENT, REFUND.replace("`CNY", "`USD")), "人民币", id="another currency"),
        pytest.param(trades(PAYMENT, REFUND.replace("23:59:59", "24:00")), "看不懂的时间", id="no time"),
        pytest.param(trades(PAYMENT, REFUND.replace("100.01", "1e9")), "看不懂的金额", id="too much"),
        pytest.param(trades(PAYMENT, REFUND.replace("100.01", "100.001")), "不是整分", id="part of a fen"),
        pytest.param(trades(PAYMENT, REFUND.replace("100.01", "NaN")), "看不懂的金额", id="no number"),
        pytest.param(trades(PAYMENT, REFUND.replace("100.01", "-100.01")), "不是整分", id="below nothing"),
    ],
)
def test_what_cannot_be_read_is_refused_as_a_whole(content: bytes, said: str) -> None:
    with pytest.raises(BillUnreadable, match=said):
        read_trade_bill(content)


def test_movements_are_read() -> None:
    into, out = read_fund_bill(written(FUND, MOVED_IN, MOVED_OUT, FUND_SUM, "`2,`1,`2599.00,`1,`100.01"))
    assert (into.wechat_id, into.our_no, into.flow_no, into.fen) == (
        "4200000001202611230000000001",
        "P1",
        "F1",
        2599_00,
    )
    assert (out.our_no, out.fen, out.is_fee) == ("RP1-1", -100_01, False)


def test_a_fee_is_told_by_its_words() -> None:
    fee = "`2026-11-23 10:00:02,`42,`F3,`交易,`扣除交易手续费,`支出,`15.59,`0.00,`system,`,`P1"
    (line,) = read_fund_bill(
        written(FUND.replace("（", "(").replace("）", ")"), fee, FUND_SUM, "`1,`0,`0.00,`1,`15.59")
    )
    assert line.is_fee
    assert line.fen == -15_59


@pytest.mark.parametrize(
    "totals, said",
    [
        ("`1,`1,`2599.00,`1,`100.01", "资金流水总笔数"),
        ("`2,`2,`2599.00,`1,`100.01", "收入笔数"),
        ("`2,`1,`2599.00,`1,`99.01", "支出金额"),
    ],
)
def test_the_sum_of_movements_is_checked(totals: str, said: str) -> None:
    with pytest.raises(BillUnreadable, match=said):
        read_fund_bill(written(FUND, MOVED_IN, MOVED_OUT, FUND_SUM, totals))


def test_a_bill_of_another_day_is_refused() -> None:
    lines = read_trade_bill(trades(PAYMENT, REFUND))
    refuse_other_day(lines, DAY)
    refuse_other_day([], DAY)
    with pytest.raises(BillUnreadable, match="这是 2026-11-23 的账单，不是 2026-11-22 的"):
        refuse_other_day(lines, DAY - timedelta(days=1))


def shanghai(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC) - timedelta(hours=8)


def test_yesterdays_bill_may_be_asked_for_from_ten() -> None:
    assert ready_until(shanghai(24, 9, 59)) == date(2026, 11, 22)
    assert ready_until(shanghai(24, 10)) == DAY


def test_bills_are_wanted_since_the_first_payment_as_far_as_wechat_has_them() -> None:
    now = shanghai(24, 10)
    assert days_wanted(None, now) == []
    assert days_wanted(date(2026, 11, 24), now) == []
    assert days_wanted(date(2026, 11, 22), now) == [date(2026, 11, 22), DAY]
    long = days_wanted(date(2025, 1, 1), now)
    assert (long[0], long[-1], len(long)) == (date(2026, 8, 31), DAY, 85)


def test_no_bill_is_believed_after_two_days() -> None:
    assert not none_is_believed(DAY, shanghai(25, 23, 59))
    assert none_is_believed(DAY, shanghai(26, 0))


# ---- judging ----

PAID_LINE, REFUND_LINE = read_trade_bill(trades(PAYMENT, REFUND))


@pytest.mark.parametrize(
    "ours, changes, difference",
    [
        (BookPayment(1, 2599_00, 1), {}, None),
        (None, {}, Difference.PAYMENT_ONLY_BILL),
        (BookPayment(1, None, 1), {}, Difference.PAYMENT_UNPAID),
        (BookPayment(1, 2599_01, 1), {}, Difference.PAYMENT_AMOUNT),
        (BookPayment(1, 2599_00, 1), {"商户号": "1600000002"}, Difference.OTHER_MERCHANT),
        (None, {"公众账号ID": "wx2"}, Difference.OTHER_MERCHANT),
        (BookPayment(1, 2599_00, None), {"公众账号ID": "wx2"}, None),  # a suspect: its money is here
    ],
)
def test_payments(ours: BookPayment | None, changes: dict[str, str], difference: Difference | None) -> None:
    assert judge_payment(retold(1, {**PAID_LINE.text, **changes}), ours, **OURS) is difference


AT_NOON, NEXT_DAY = datetime(2026, 11, 23, 4, tzinfo=UTC), datetime(2026, 11, 24, 4, tzinfo=UTC)
STATES: Sequence[tuple[str, RefundStatus, datetime | None, bool]] = (
    ("SUCCESS", RefundStatus.DONE, AT_NOON, True),
    ("SUCCESS", RefundStatus.ACCEPTED, None, False),
    ("SUCCESS", RefundStatus.REQUESTED, None, False),
    ("SUCCESS", RefundStatus.ABNORMAL, None, False),
    ("SUCCESS", RefundStatus.REFUSED, None, False),
    ("PROCESSING", RefundStatus.REQUESTED, None, True),  # the answer got lost: the number agrees
    ("PROCESSING", RefundStatus.ACCEPTED, None, True),
    ("PROCESSING", RefundStatus.DONE, NEXT_DAY, True),  # it arrived after the bill was made
    ("PROCESSING", RefundStatus.DONE, AT_NOON, False),
    ("PROCESSING", RefundStatus.ABNORMAL, None, True),
    ("PROCESSING", RefundStatus.REFUSED, None, True),
    ("FAIL", RefundStatus.REFUSED, None, True),
    ("FAIL", RefundStatus.DONE, NEXT_DAY, False),
    ("FAIL", RefundStatus.ACCEPTED, None, False),
    ("CHANGE", RefundStatus.ABNORMAL, None, True),
    ("CHANGE", RefundStatus.REFUSED, None, True),
    ("CHANGE", RefundStatus.DONE, NEXT_DAY, True),  # delivered since, by hand
    ("CHANGE", RefundStatus.DONE, AT_NOON, False),
    ("CHANGE", RefundStatus.ACCEPTED, None, False),
)


@pytest.mark.parametrize("told, status, done_at, agree", STATES)
def test_states_of_refunds(told: str, status: RefundStatus, done_at: datetime | None, agree: bool) -> None:
    line = retold(2, {**REFUND_LINE.text, "退款状态": told})
    ours = BookRefund(1, 100_01, status, done_at, 1)
    wanted = None if agree else Difference.REFUND_STATUS
    assert judge_refund(line, ours, DAY, mch_id=OURS["mch_id"]) is wanted


def test_a_refund_that_was_paid_outside_must_not_have_arrived_as_well() -> None:
    outside = BookRefund(1, 100_01, RefundStatus.DONE, AT_NOON, 1, outside=True)
    for told, wanted in (("FAIL", None), ("CHANGE", None), ("SUCCESS", Difference.REFUND_STATUS)):
        line = retold(2, {**REFUND_LINE.text, "退款状态": told})
        assert judge_refund(line, outside, DAY, mch_id=OURS["mch_id"]) is wanted


def test_other_differences_of_refunds() -> None:
    ours = BookRefund(1, 100_00, RefundStatus.DONE, AT_NOON, 1)
    assert judge_refund(REFUND_LINE, ours, DAY, mch_id=OURS["mch_id"]) is Difference.REFUND_AMOUNT
    assert judge_refund(REFUND_LINE, None, DAY, mch_id=OURS["mch_id"]) is Difference.REFUND_ONLY_BILL
    assert judge_refund(REFUND_LINE, ours, DAY, mch_id="1600000002") is Difference.OTHER_MERCHANT


def flow(no: int, fen: int, *, of: str = "T1", fee: bool = False, flow_no: str = "") -> FundLine:
    return FundLine(
        no=no, at=AT_NOON, wechat_id=of, our_no="", fen=fen, text={}, flow_no=flow_no or f"F{no}", is_fee=fee
    )


T, FEE, OWN = Difference.TWICE, Difference.FUND_AMOUNT, Difference.FUND_ONLY
MOVEMENTS = {
    "the amount": ([flow(1, 100)], Expected((100,)), [None]),
    "another amount": ([flow(1, 101)], Expected((100,)), [Difference.FUND_AMOUNT]),
    "of nothing": ([flow(1, 100)], None, [OWN]),
    "a fee of its own": ([flow(1, 100), flow(2, -1, fee=True)], Expected((100,), 1), [None, None]),
    "less its fee": ([flow(1, 99)], Expected((100,), 1), [None]),
    "without its fee": ([flow(1, 100)], Expected((100,), 1), [Difference.FUND_AMOUNT]),
    "another fee": ([flow(1, 100), flow(2, -2, fee=True)], Expected((100,), 1), [None, FEE]),
    "a fee that nobody told of": ([flow(1, 100), flow(2, -2, fee=True)], Expected((100,)), [None, FEE]),
    "a refund with its fee": ([flow(1, -99)], Expected((-100,), -1), [None]),
    "a refund in full": ([flow(1, -100)], Expected((-100,)), [None]),
    "twice": ([flow(1, 100), flow(2, 100)], Expected((100,)), [None, T]),
    "the same line again": ([flow(1, 100, flow_no="F"), flow(2, 100, flow_no="F")], Expected((100,)), [None, T]),
    "as the books, not as the trade": ([flow(1, 100)], Expected((101, 100)), [None]),
    "moved before": ([flow(1, 100)], Expected((100,), moved=True), [T]),
    "its fee a day later": ([flow(1, -1, fee=True)], Expected((100,), 1, moved=True), [None]),
    "back after it was closed": ([flow(1, -100), flow(2, 100)], Expected((-100,), given_back=True), [None, None]),
    "back a day later": ([flow(1, 100)], Expected((-100,), given_back=True, moved=True), [None]),
    "back for no reason": ([flow(1, -100), flow(2, 100)], Expected((-100,)), [None, OWN]),
    "withdrawals": ([flow(1, -5, of=""), flow(2, -5, of="")], None, [OWN, OWN]),
}


@pytest.mark.parametrize("lines, expected, differences", MOVEMENTS.values(), ids=MOVEMENTS)
def test_movements(
    lines: Sequence[FundLine], expected: Expected | None, differences: Sequence[Difference | None]
) -> None:
    judged = judge_movements(lines, {"T1": expected} if expected else {})
    assert [judged[line.no].difference for line in lines] == differences
