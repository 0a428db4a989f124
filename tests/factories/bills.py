"""Bills as WeChat writes them, made by hand: for verbs and screens that need no simulator."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count

from flask import Flask
from sqlalchemy import select

from app.domain.bills import BillKind
from app.domain.calendar import SHANGHAI, business_day
from app.models.closing import BillItem
from app.models.money import Payment, Refund
from app.usecases import reconciling
from app.web.current import RUNTIME
from tests.factories.orders import an_order
from tests.factories.reading import read

_TRADE = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,"
    "应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,"
    "手续费,费率,订单金额,申请退款金额,费率备注"
)
_TRADE_SUM = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
_FUND = (
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,"
    "备注,业务凭证号"
)
_FUND_SUM = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额"
_flows = count(1)


@dataclass(frozen=True)
class Paid:
    """A payment in a bill."""

    at: datetime
    transaction_id: str
    out_trade_no: str
    fen: int
    fee_fen: int = 0
    mch_id: str = ""


@dataclass(frozen=True)
class Back:
    """A refund in a bill."""

    at: datetime
    refund_id: str
    out_refund_no: str
    fen: int
    status: str = "PROCESSING"
    fee_fen: int = 0


@dataclass(frozen=True)
class Moved:
    """A movement in a bill; signed."""

    at: datetime
    wechat_id: str
    fen: int
    voucher: str = ""
    type: str = "交易"


def trade_bill(app: Flask, rows: Iterable[Paid | Back]) -> bytes:
    """The file."""
    merchant = app.extensions[RUNTIME].till.merchant
    lines, paid, back, fees = [], 0, 0, 0
    for row in rows:
        fees += row.fee_fen
        yuan, fee = _yuan(row.fen), f"{Decimal(row.fee_fen) / 100:.5f}"
        if isinstance(row, Back):
            back += row.fen
            ids = ("T-of-it", "P-of-it", "o-payer", "JSAPI", "REFUND", "OTHERS", "CNY", "0.00", "0.00")
            refund = (row.refund_id, row.out_refund_no, yuan, "0.00", "ORIGINAL", row.status)
            amounts, mch_id = ("0.00", yuan), merchant.mch_id
        else:
            paid += row.fen
            ids = (row.transaction_id, row.out_trade_no, "o-payer", "JSAPI", "SUCCESS", "OTHERS", "CNY", yuan, "0.00")
            refund = ("0", "0", "0.00", "0.00", "", "")
            amounts, mch_id = (yuan, "0.00"), row.mch_id or merchant.mch_id
        head = (_when(row.at), merchant.app_id, mch_id, "0", "")
        lines.append(_ticked([*head, *ids, *refund, "猎吧租车,AM0001", "", fee, "0.60%", *amounts, ""]))
    totals = [str(len(lines)), _yuan(paid), _yuan(back), "0.00", f"{Decimal(fees) / 100:.5f}", _yuan(paid), _yuan(back)]
    return _file(_TRADE, lines, _TRADE_SUM, totals)


def fund_bill(rows: Iterable[Moved]) -> bytes:
    """The file."""
    lines: list[str] = []
    into: list[int] = []
    out: list[int] = []
    for row in rows:
        (into if row.fen > 0 else out).append(abs(row.fen))
        head = (_when(row.at), row.wechat_id, f"F{next(_flows)}", row.type, row.type)
        direction = "收入" if row.fen > 0 else "支出"
        lines.append(_ticked([*head, direction, _yuan(abs(row.fen)), "0.00", "system", "", row.voucher]))
    totals = [str(len(lines)), str(len(into)), _yuan(sum(into)), str(len(out)), _yuan(sum(out))]
    return _file(_FUND, lines, _FUND_SUM, totals)


def of_payment(app: Flask, payment: Payment) -> Paid:
    """A payment of ours as the bill has it."""
    assert payment.paid_at is not None
    return Paid(
        payment.paid_at, str(payment.transaction_id), payment.out_trade_no, payment.received_fen or payment.amount_fen
    )


def of_refund(refund: Refund, *, at: datetime | None = None, status: str = "PROCESSING") -> Back:
    """A refund of ours as the bill has it."""
    at = at or refund.accepted_at or refund.done_at
    assert at is not None
    return Back(at, f"50{refund.id:027d}", refund.out_refund_no, refund.amount_fen, status)


def movements(*rows: Paid | Back) -> list[Moved]:
    """The movements of rows of trades."""
    return [_moved(row) for row in rows]


def _moved(row: Paid | Back) -> Moved:
    if isinstance(row, Paid):
        return Moved(row.at, row.transaction_id, row.fen, row.out_trade_no)
    return Moved(row.at, row.refund_id, -row.fen, row.out_refund_no, "退款")


def take_in(app: Flask, kind: BillKind, day: date, content: bytes | None, *, now: datetime | None = None) -> bool:
    """Imports a bill."""
    runtime = app.extensions[RUNTIME]
    with app.app_context():
        return reconciling.import_bill(
            kind, day, content, merchant=runtime.till.merchant, now=now or runtime.clock.now()
        )


def differences(app: Flask) -> Sequence[BillItem]:
    """All that are not plainly matched, oldest first."""
    with read(app) as session:
        return session.scalars(select(BillItem).where(BillItem.difference.is_not(None)).order_by(BillItem.id)).all()


def a_difference(app: Flask, region: str = "A", *, days_ago: int = 4) -> int:
    """A payment of a region that the bill of its day lacks, beside one that only the bill has; the first one's item.

    Several regions need several days.
    """
    now = app.extensions[RUNTIME].clock.now()
    at = now - timedelta(days=days_ago)
    an_order(app, region=region, now=at, paid=True)
    day = business_day(at)
    take_in(app, BillKind.TRADE, day, trade_bill(app, [Paid(at, f"T-{day}", f"STRANGE-{day}", 5_00)]))
    return next(item.id for item in reversed(differences(app)) if item.line_no is None)


def _file(headers: str, lines: Sequence[str], sum_headers: str, totals: Sequence[str]) -> bytes:
    return ("﻿" + "".join(f"{line}\r\n" for line in (headers, *lines, sum_headers, _ticked(totals)))).encode()


def _ticked(values: Iterable[str]) -> str:
    return ",".join(f"`{value}" for value in values)


def _yuan(fen: int) -> str:
    return f"{Decimal(fen) / 100:.2f}"


def _when(at: datetime) -> str:
    return at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
