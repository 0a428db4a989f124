"""The small words of the orders section: badges, what was looked for, what to do about money that waits."""

from datetime import date, datetime

from app.domain import labels
from app.domain.finding import Search, Shape
from app.domain.labels import Badge
from app.domain.orders import OrderStatus
from app.domain.outbox import Errand
from app.domain.refunds import RefundStatus
from app.domain.rentals import RentalStatus
from app.queries.deposit_list import DepositTab
from app.queries.money_rows import MoneyRow
from app.queries.order_page import Holder
from app.queries.suspects import Trouble, TroubleRow
from app.web.formats import largest, today_when, when, yuan

REFUND_DAYS, REFUND_ENDS_SOON_DAYS = 365, 330
"""WeChat refunds within so many days of the payment; from the second on somebody should look. Decision 26."""


def state_badges(status: OrderStatus, rental_status: RentalStatus | None, days_late: int) -> list[Badge]:
    """The state of an order; of a picked-up rental also whether the vehicle is back, or how late it is. ORD-2."""
    badges = [labels.ORDER_STATUS[status]]
    if rental_status is not None:
        badges.append(labels.late(days_late) if days_late else labels.RENTAL_STATUS[rental_status])
    return badges


def age_words(days: int | None) -> str:
    """How long we have had a deposit; near the end of what WeChat refunds, until when it still does. Decision 26."""
    if days is None:
        return ""
    words = f"{days} 天" if days else "今天"
    return f"{words}，微信只退 {REFUND_DAYS} 天内的" if is_old(days) else words


def is_old(days: int | None) -> bool:
    """Whether WeChat will soon not refund it any more."""
    return days is not None and days >= REFUND_ENDS_SOON_DAYS


def money_badge(row: MoneyRow) -> Badge:
    """The state of an attempt or a refund; of money that does not fit, in which way."""
    if row.refund_status is not None:
        return labels.REFUND_STATUS[row.refund_status]
    if row.misfit is not None and row.misfit in labels.MISFITS:
        return labels.MISFITS[row.misfit]
    assert row.payment_status is not None  # noqa: S101  # a row is of a payment or of a refund
    return labels.PAYMENT_STATUS[row.payment_status]


def holder_badge(holder: Holder) -> Badge:
    """How a stretch of a number goes on or has ended."""
    if holder.to_at is None or holder.status in (OrderStatus.CANCELLED, OrderStatus.EXPIRED):
        return labels.ORDER_STATUS[holder.status]
    return Badge("空出过", "void")


def search_words(search: Search) -> str:
    """What was looked for, as part of a sentence."""
    return {
        Shape.NUMBER: f"编号 {search.text}",
        Shape.DIGITS: f"尾号 {search.text}",
        Shape.PHONE: f"手机号 {search.text}",
        Shape.ORDER_NO: f"订单号 {search.text}",
        Shape.TRADE_NO: f"商户单号 {search.text}",
        Shape.TRANSACTION: f"微信支付单号 {search.text}",
        Shape.NAME: f"姓名 {search.text}",
        Shape.LATIN: f"拼音 {search.text}",
        Shape.UNREADABLE: f"「{search.text}」",
    }[search.shape]


def span_words(first: date | None, last: date | None, range_label: str) -> str:
    """The days of a filter, as part of a sentence."""
    if range_label:
        return range_label
    if first and last:
        return f"{first:%m-%d} " if first == last else f"{first:%m-%d} 至 {last:%m-%d} "
    if first:
        return f"{first:%m-%d} 以来"
    return f"{last:%m-%d} 以前" if last else ""


ERRANDS = {
    Errand.REFUND: "退款没有发到微信",
    Errand.CLOSE_PAYMENT: "没能在微信关闭支付",
    Errand.MESSAGE: "消息没有送到用户",
}


def trouble_badge(row: TroubleRow) -> Badge:
    """What is wrong, in a word."""
    if row.trouble is Trouble.PAYMENT:
        return labels.MISFITS.get(row.misfit or "", Badge("核对不上", "stop"))
    if row.refund_status is not None:
        return Badge("退款失败" if row.refund_status is RefundStatus.REFUSED else "退款异常", "stop")
    return Badge(ERRANDS[row.errand] if row.errand else "没有办成", "wait")


ADVICE = {
    "amount": "这笔没有算付款，先别交车。打电话和用户核对付了多少。",
    "payer": "付款的微信不是本人的。打电话问是不是请人代付。",
    "app": "是从别的公众号付的。告诉技术同事。",
    "currency": "付的不是人民币。告诉技术同事。",
    "order": "没有这个商户单号的订单。按微信支付单号在商户平台查是谁付的。",
    "transaction": "同一个商户单号又收到一笔钱。打电话和用户核对。",
}


def trouble_advice(row: TroubleRow) -> str:
    """What to do, in a sentence."""
    if row.trouble is Trouble.PAYMENT:
        owed = f"应收 {yuan(row.expected_fen)}。" if row.expected_fen is not None else ""
        return owed + ADVICE.get(row.misfit or "", "按微信支付单号在商户平台核对。")
    if row.refund_status is RefundStatus.REFUSED:
        return "微信关闭了这笔退款，钱还在商户账上。到商户平台看原因。"
    if row.refund_status is not None:
        return "多半是用户的银行卡销户了。到商户平台按退款单号处理，处理完这里自动变为已退款。"
    if row.errand is Errand.MESSAGE:
        topic = labels.MESSAGES.get(row.topic or "", ("",))[0]
        return f"消息是「{topic}」。打电话告诉用户。" if topic else "打电话告诉用户。"
    return "到商户平台按单号核对，再告诉技术同事。"


def moment(at: datetime | None, now: datetime) -> str:
    """A moment in the facts of a page; empty when there is none."""
    return today_when(at, now) if at else ""


def stretch(from_at: datetime, to_at: datetime | None, now: datetime) -> str:
    """How long somebody had a number: `11-24 13:52 起`, `11-19，2 小时`, `11-20 至 11-23`."""
    if to_at is None:
        return f"{today_when(from_at, now)} 起"
    if (to_at - from_at).days < 1:
        return f"{when(from_at)}，{largest(to_at - from_at)}"
    return f"{when(from_at)[:5]} 至 {when(to_at)[:5]}"


DEPOSIT_TABS = {
    DepositTab.HELD: "持有",
    DepositTab.DAMAGE: "损坏待处理",
    DepositTab.REFUNDING: "退款中",
    DepositTab.STUCK: "退款异常",
    DepositTab.REFUNDED: "已退款",
}
NO_DEPOSITS = "这里没有押金"
