"""The sentences of the orders section that need a time or an amount: next steps, empty lists, what to do."""

from dataclasses import dataclass
from datetime import date, datetime

from app.domain import labels
from app.domain.finding import Search, Shape
from app.domain.labels import Badge
from app.domain.orders import OrderStatus
from app.domain.outbox import Errand
from app.domain.refunds import RefundStatus
from app.domain.standing import NextStep, PayState, Todo
from app.queries.order_page import Holder, MoneyRow, OrderPage
from app.queries.suspects import Trouble, TroubleRow
from app.web.formats import left, short_left, span, today_when, when, yuan


@dataclass(frozen=True, slots=True)
class Cell:
    """The next step in a table: an act that is a link, then words; `tone` is late (amber), over (red) or empty."""

    act: str
    text: str
    tone: str = ""


def next_cell(step: NextStep | None, now: datetime) -> Cell:
    """What the column 下一步 says."""
    if step is None:
        return Cell("", "")
    if step.frozen:
        return Cell("", "账户冻结", "over")
    if step.suspect_fen:
        return Cell("", "付款对不上", "over")
    if step.todo is Todo.PICK_UP:
        return Cell("提车", short_left(step.expires_at, now))
    if step.todo is Todo.OVERDUE:
        return Cell("提车", f"已付未提 {_largest(step.paid_at or step.expires_at, now)}", "late")
    if step.expires_at <= now:
        return Cell("", "没付款，正在关闭", "late")
    return Cell("", f"待付款，{short_left(step.expires_at, now)}", "late" if step.todo is Todo.PAY_SOON else "")


def _largest(since: datetime, now: datetime) -> str:
    whole = span(now - since)
    return whole if whole.startswith("不到") else " ".join(whole.split()[:2])


@dataclass(frozen=True, slots=True)
class Strip:
    """The next step of an order's page. kind: act | wait | stop | over."""

    lead: str
    text: str
    strong: str = ""
    tail: str = ""
    kind: str = "act"
    icon: str = "flag"


def strip_of(order: OrderPage, now: datetime) -> Strip:
    """The one sentence that says what to do now."""
    step = order.next_step
    if step is None:
        return _after(order, now)
    if step.frozen and order.person and order.person.freeze:
        freeze = order.person.freeze
        return Strip(
            "账户冻结：",
            f"{freeze.reason}。{today_when(freeze.since, now)} 起，",
            "解冻以后才能提车" if step.todo in (Todo.PICK_UP, Todo.OVERDUE) else "解冻以后才能继续办理",
            kind="stop",
            icon="lock",
        )
    if step.suspect_fen:
        return Strip(
            "先核对这笔钱。",
            f"收到 {yuan(step.suspect_fen)}，和订单对不上，先别让用户再付，",
            "在「异常支付」里看",
            kind="stop",
            icon="alert-triangle",
        )
    if step.todo is Todo.PICK_UP:
        return Strip(
            "下一步：提车。", f"已付清，在 {when(step.expires_at)} 前到{order.store}提车，", left(step.expires_at, now)
        )
    if step.todo is Todo.OVERDUE:
        return Strip(
            "下一步：提车。",
            f"已付清，过了 {when(step.expires_at)} 还没来，",
            f"已付未提 {_largest(step.paid_at or step.expires_at, now)}",
            "。打电话问一下，不要了就取消并退款。",
            "wait",
            "clock",
        )
    if step.expires_at <= now:
        return Strip(
            "没有付款，", f"{when(step.expires_at)} 已到期，向微信确认没有收款后自动关闭。", kind="wait", icon="clock"
        )
    what = "付款。" if order.matched_at else "到店试车、输入编号、付款。"
    until = f"编号 {order.number} 保留到 {when(step.expires_at)}，"
    soon = step.todo is Todo.PAY_SOON
    return Strip(f"下一步：{what}", until, left(step.expires_at, now), kind="wait" if soon else "act")


def _after(order: OrderPage, now: datetime) -> Strip:
    if order.status is OrderStatus.COMPLETED:
        handed = f"{order.picked_up_by}在{order.store}交车" if order.picked_up_by else f"在{order.store}交车"
        at = today_when(order.picked_up_at, now) if order.picked_up_at else ""
        return Strip("已提车。", f"{at} {handed}，没有要做的了。", kind="over", icon="check")
    number = (
        f"编号 {order.number} 等微信确认没有收款后空出。" if order.number_waits else f"编号 {order.number} 已经空出。"
    )
    why = f"原因：{order.close_reason}。" if order.close_reason else ""
    closed = "已过期。" if order.status is OrderStatus.EXPIRED else "已取消。"
    at = f"{today_when(order.closed_at, now)}，" if order.closed_at else ""
    if order.pay_state is PayState.REFUNDING:
        return Strip(
            closed,
            f"{why}{number}",
            f"退款中：{yuan(order.refunded_fen)} 正在退回用户的微信",
            "，到账后这里变为已退款。",
            "wait",
            "clock",
        )
    if order.pay_state is PayState.REFUND_FAILED:
        return Strip(
            closed, f"{why}", "退款异常，钱没有到用户账上", "，到「异常支付」看怎么处理。", "stop", "alert-triangle"
        )
    if order.pay_state is PayState.REFUNDED:
        return Strip(
            closed, f"{at}{why}{number}{yuan(order.refunded_fen)} 已经退回用户的微信。", kind="over", icon="check"
        )
    unpaid = "没有付款，" if order.status is OrderStatus.EXPIRED else ""
    return Strip(closed, f"{at}{unpaid}{why}{number}", kind="over", icon="circle-x")


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
    "amount": "订单没有算付款，先别交车。打电话和用户核对付了多少。",
    "payer": "付款的微信不是下单的人。打电话问是不是请人代付。",
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
        return "打电话告诉用户。"
    return "到商户平台按单号核对，再告诉技术同事。"


def moment(at: datetime | None, now: datetime) -> str:
    """A moment in the facts of a page; empty when there is none."""
    return today_when(at, now) if at else ""


def stretch(from_at: datetime, to_at: datetime | None, now: datetime) -> str:
    """How long somebody had a number: `11-24 13:52 起`, `11-19，2 小时`, `11-20 至 11-23`."""
    if to_at is None:
        return f"{today_when(from_at, now)} 起"
    if (to_at - from_at).days < 1:
        return f"{when(from_at)}，{_largest(from_at, to_at)}"
    return f"{when(from_at)[:5]} 至 {when(to_at)[:5]}"
