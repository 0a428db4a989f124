"""The words of 对账: how a day's bill stands, what to do about a difference, what became of an act."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.domain import labels
from app.domain.bills import BillKind, Difference, ItemState
from app.domain.money import yuan
from app.domain.refunds import RefundStatus
from app.ports import TradeState
from app.queries.bills import Beside, DayOfBills, Fetched, ItemRow, Missing
from app.web.formats import short_day, when

TABS: Mapping[ItemState, str] = {
    ItemState.OPEN: "待处理",
    ItemState.WAITING: "跨日等待",
    ItemState.RESOLVED: "已处理",
}
NOTHING: Mapping[ItemState, tuple[str, str]] = {
    ItemState.OPEN: ("没有要处理的差异", "账单和账本对不上的，会列在这里。"),
    ItemState.WAITING: ("没有在等的", "账本里有、当天账单里没有的，先在这里等后面两天的账单。"),
    ItemState.RESOLVED: ("还没有处理过的差异", "记为已处理的，会列在这里。"),
}
FOOT: Mapping[ItemState, str] = {
    ItemState.OPEN: "",
    ItemState.WAITING: "后面两天的账单里有了，就自动相符；还没有，就变成待处理。",
    ItemState.RESOLVED: "",
}
EMPTY_BILL: Mapping[BillKind, str] = {BillKind.TRADE: "没有交易", BillKind.FUND: "没有变动"}


@dataclass(frozen=True, slots=True)
class BillCell:
    """How one bill of a day stands; `look` is ok, wait or quiet."""

    words: str
    look: str
    detail: str = ""


def bill_cell(kind: BillKind, day: DayOfBills) -> BillCell:
    """The cell of one bill."""
    if missing := day.missing.get(kind):
        return _missing_cell(missing)
    found = day.bills.get(kind)
    if found is None:
        return BillCell("不用取", "quiet")
    if found.unsettled:
        return BillCell(f"{_matched(found)}，{found.unsettled} 笔差异", "wait")
    return BillCell(_matched(found), "ok") if found.lines else BillCell(EMPTY_BILL[kind], "quiet")


def _matched(found: Fetched) -> str:
    return f"{found.matched} 笔相符"


def _missing_cell(missing: Missing) -> BillCell:
    if missing.trouble is None or missing.tried_at is None:
        return BillCell("还没取", "wait")
    return BillCell(
        f"没取到，{labels.BILL_TROUBLE[missing.trouble]}", "wait", f"{when(missing.tried_at)} 取过。{missing.detail}"
    )


def fetched_at(day: DayOfBills) -> datetime | None:
    """When the later of its bills came."""
    return max((bill.fetched_at for bill in day.bills.values()), default=None)


def missing_words(missing: Sequence[Missing]) -> str:
    """`缺 3 天的账单，最早 11-20`; empty when all are here."""
    days = {one.on_day for one in missing}
    return f"缺 {len(days)} 天的账单，最早 {short_day(min(days))}，每小时再取一次" if days else ""


ADVICE: Mapping[Difference, str] = {
    Difference.PAYMENT_ONLY_BILL: "微信有这笔钱，账本里没有这个单号。问微信，查得到就进「异常支付」，在那里处理。",
    Difference.PAYMENT_UNPAID: "微信已经收到钱，账本里这次支付还没付。问微信，查到就自动补上。",
    Difference.PAYMENT_ONLY_BOOKS: "账本记了收款，这几天的账单里都没有。问微信，再按微信单号到商户平台核对。",
    Difference.PAYMENT_AMOUNT: "两边记的金额不同。按微信单号到商户平台看实收多少。",
    Difference.REFUND_ONLY_BILL: "微信退了这笔钱，账本里没有这个退款单号。多半是在商户平台手工退的，找经手的人。",
    Difference.REFUND_ONLY_BOOKS: "账本里微信受理了退款，这几天的账单里都没有。问微信，看退款还在不在。",
    Difference.REFUND_AMOUNT: "两边记的退款金额不同。按退款单号到商户平台看退了多少。",
    Difference.REFUND_STATUS: "账单里的退款状态和账本不一样。问微信，以查到的为准。",
    Difference.TWICE: "同一笔在账单里出现两次，账本只记了一次。问微信支付。",
    Difference.OTHER_MERCHANT: "商户号或公众号不是我们的。钱没有进我们的账，问微信支付为什么在账单里。",
    Difference.FUND_MISSING: "交易账单有这笔，商户账户的钱没有变动。到商户平台看资金流水。",
    Difference.FUND_ONLY: "商户账户的钱变了，没有对应的交易。多半是提现、充值，或在商户平台手工操作的。",
    Difference.FUND_AMOUNT: "商户账户变动的金额和交易不同。看是不是手续费或优惠。",
}
"""What is so, and what to do; one line."""


def advice(row: ItemRow) -> str:
    """What to do about a difference."""
    return FOOT[ItemState.WAITING] if row.state is ItemState.WAITING else ADVICE[row.difference]


def our_side(row: ItemRow) -> str:
    """How the payment or refund stands in our books, in a word."""
    if row.refund_status is not None:
        return labels.REFUND_STATUS[row.refund_status].word
    return labels.PAYMENT_STATUS[row.payment_status].word if row.payment_status is not None else "没有"


SAYS_NOTHING = ("", "0", "0.00", "0.00000", "0.00%", "CNY", "JSAPI")


def facts(row: ItemRow, others: Sequence[Beside]) -> list[tuple[str, str]]:
    """Everything known of a difference: its numbers, our side, the line of the bill, the other bills."""
    said = (row.wechat_id, row.our_no)
    known = [
        ("时间", when(row.at) if row.at else ""),
        ("微信单号", row.wechat_id),
        ("商户单号", row.our_no),
        ("账本里", our_side(row)),
        ("用户", f"{row.name} {row.phone}".strip()),
    ]
    known += [(f"账单：{header}", value) for header, value in row.told.items() if value not in (*SAYS_NOTHING, *said)]
    known += [(f"{short_day(one.on_day)} {labels.BILL_KIND[one.kind]}", _beside(one)) for one in others]
    return [(word, value) for word, value in known if value]


def _beside(one: Beside) -> str:
    if one.fen is None:
        return "没有这笔"
    return f"{yuan(one.fen)}{'（手续费）' if one.is_fee else ''}"


SILENT = "silent"
SAID: Mapping[str, str] = {
    "resolved": "已记为已处理。",
    "already": "同事已经处理过了，或者它自己对上了。",
    "fetching": "马上去取，过一会儿刷新看。",
    SILENT: "微信没有回答，过几分钟再问。",
    TradeState.PAID: "微信说这笔已付，账本已经补上；对不上订单的在「异常支付」里。",
    TradeState.UNPAID: "微信说这笔还没付。",
    TradeState.CLOSED: "微信说这笔已关闭，没有收款。",
    TradeState.UNKNOWN_THERE: "微信查不到这笔。",
    RefundStatus.ACCEPTED: "微信说退款还在路上。",
    RefundStatus.DONE: "微信说退款已经到账，账本一致。",
    RefundStatus.ABNORMAL: "微信说退款没能到账，在「异常支付」里处理。",
    RefundStatus.REFUSED: "微信说退款已关闭，钱还在商户账户里。",
}
"""What became of an act, by what the address says."""
