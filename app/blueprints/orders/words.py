"""The small words of the orders section: badges, what was looked for, what to do about money that waits."""

from datetime import date, datetime

from app.domain import labels
from app.domain.deposits import HORIZON_DAYS
from app.domain.finding import Search, Shape
from app.domain.labels import Badge
from app.domain.orders import OrderStatus
from app.domain.refunds import WECHAT_REFUNDS_FOR
from app.domain.rentals import RentalStatus
from app.queries.deposit_list import DepositTab
from app.queries.order_page import Holder, OrderPage
from app.web.formats import largest, today_when, when, yuan

REFUND_DAYS = WECHAT_REFUNDS_FOR.days


def state_badges(status: OrderStatus, rental_status: RentalStatus | None, days_late: int) -> list[Badge]:
    """The state of an order; of a picked-up rental also whether the vehicle is back, or how late it is. ORD-2."""
    badges = [labels.ORDER_STATUS[status]]
    if rental_status is not None:
        badges.append(labels.late(days_late) if days_late else labels.RENTAL_STATUS[rental_status])
    return badges


def no_deposit(order: OrderPage) -> str:
    """What stands where a rental has no deposit: while it is reserved, which is still to be paid. FLOW-RENT-2."""
    if order.next_step is None:
        return "还没有押金"
    either, other = yuan(order.rental_deposit_fen or 0), yuan(order.flash_deposit_fen or 0)
    return f"还没有押金。用户选一种付：租车押金 {either}，或闪充押金 {other}"


def age_words(days: int | None) -> str:
    """How long we have had a deposit; near the end of what WeChat refunds, until when it still does. Decision 26."""
    if days is None:
        return ""
    words = f"{days} 天" if days else "今天"
    return f"{words}，微信只退 {REFUND_DAYS} 天内的" if is_old(days) else words


def is_old(days: int | None) -> bool:
    """Whether WeChat will soon not refund it any more."""
    return days is not None and days >= HORIZON_DAYS


def holder_badge(holder: Holder) -> Badge:
    """How a stretch of a number goes on or has ended."""
    if holder.to_at is None or holder.status in (OrderStatus.CANCELLED, OrderStatus.EXPIRED):
        return labels.ORDER_STATUS[holder.status]
    return Badge("空出过", "void")


def search_words(search: Search) -> str:
    """What was looked for, as part of a sentence."""
    if search.shape is Shape.UNREADABLE:
        return f"「{search.text}」"
    return f"{labels.SEARCHED[search.shape]} {search.text}"


def span_words(first: date | None, last: date | None, range_label: str) -> str:
    """The days of a filter, as part of a sentence."""
    if range_label:
        return range_label
    if first and last:
        return f"{first:%m-%d} " if first == last else f"{first:%m-%d} 至 {last:%m-%d} "
    if first:
        return f"{first:%m-%d} 以来"
    return f"{last:%m-%d} 以前" if last else ""


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
