"""What the pages of one order say: where it stands, with the one act at the bottom, and why something is refused."""

from dataclasses import dataclass
from datetime import datetime

from flask import url_for

from app.domain.errors import Rule, RuleBroken
from app.domain.labels import refusal
from app.queries.my_orders import MyOrder
from app.web.formats import full_when, left, today_when, when, yuan


@dataclass(frozen=True, slots=True)
class NextStep:
    """A sentence, of which `strong` is bold, and perhaps an act. tone is wait (amber), over (grey) or empty."""

    text: str
    strong: str = ""
    tail: str = ""
    tone: str = "wait"
    act: str = ""
    url: str = ""


def next_step(order: MyOrder, now: datetime, *, confirming: bool) -> NextStep:
    """Where the order stands; the first that fits."""
    if order.is_suspect:
        return NextStep(f"你付的 {yuan(order.suspect_fen)} 和订单对不上，店里正在核对。先不要再付，有问题联系客服。")
    if confirming and order.waits_for_payment:
        return NextStep(
            "正在确认支付结果。如果微信已经扣款，请不要再付一次。",
            act="看支付结果",
            url=url_for("mobile.payment_result", order_id=order.order_id),
        )
    if order.waits_for_number or order.waits_for_payment:
        return _unpaid(order, now)
    if order.waits_for_pickup:
        return NextStep(f"已付款。把下面的码给{order.store_name}店员扫，核对好就能骑走。", tone="")
    if order.picked_up_at is not None and order.is_collected:
        return NextStep(f"{full_when(order.picked_up_at)} 已提车，编号 {order.number} 一直是你的。", tone="")
    return _over(order)


def _unpaid(order: MyOrder, now: datetime) -> NextStep:
    if order.is_running_out(now):
        return NextStep("保留时间到了，正在取消。")
    until, remaining = today_when(order.expires_at, now), left(order.expires_at, now)
    if order.waits_for_number:
        return NextStep(
            "保留到 ",
            until,
            f"，{remaining}。到店试骑，满意再输入车上的编号付款。",
            act="输入车辆编号",
            url=url_for("mobile.number", order_id=order.order_id),
        )
    if order.can_pay:
        return NextStep(
            "编号对上了，",
            until,
            f" 前付款，{remaining}。",
            act=f"去付款 {yuan(order.amount_fen)}",
            url=url_for("mobile.pay", order_id=order.order_id),
        )
    return NextStep(too_late_to_pay(order))


def _over(order: MyOrder) -> NextStep:
    freed = "编号已经空出，可以重新预约。"
    waits = "上一次付款在微信还没关掉，关掉后编号才空出来；要是又付了，订单会恢复，恢复不了钱自动退回。"
    closed = f"{order.badge.word}（{when(order.closed_at)}）" if order.closed_at else order.badge.word
    return NextStep(
        f"{closed}。{waits}" if order.number_waits else f"{closed}，{freed}",
        tone="over",
        act="重新预约",
        url=url_for("mobile.vehicle", listing_id=order.listing_id),
    )


def too_late_to_pay(order: MyOrder) -> str:
    """Why no payment is offered any more."""
    return refusal(RuleBroken(Rule.PAYMENT_TIME_OVER, expires_at=order.expires_at))


def why_no_cancelling(order: MyOrder) -> str:
    """Why the person cannot cancel an order that is not closed."""
    if order.is_collected:
        return refusal(RuleBroken(Rule.ALREADY_COLLECTED))
    return refusal(RuleBroken(Rule.CANCEL_TIME_OVER, hours=order.cancel_paid_hours))
