"""What the list of refunds says: where each stands, what WeChat answered last, what one more try led to."""

import re
from datetime import datetime

from app.domain import labels
from app.domain.charges import PaymentStatus
from app.domain.labels import Badge
from app.domain.refunds import RefundStatus
from app.queries.refund_list import RefundRow, RefundTab
from app.usecases.refund_errands import Hindrance, Tried
from app.web.formats import today_when

TABS = {RefundTab.STUCK: "要处理", RefundTab.UNDER_WAY: "等到账"}
NOTHING = {
    RefundTab.STUCK: ("没有退不出去的钱", "微信退不到用户账上，或者关闭了一笔退款，就会列在这里。"),
    RefundTab.UNDER_WAY: ("没有正在退的钱", "退款发到微信以后列在这里，到账就不见了。"),
}
ENDED = {PaymentStatus.SURPLUS: "（多付的）", PaymentStatus.SUSPECT: "（对不上的）"}
WECHAT_SAYS = {
    "NOT_ENOUGH": "商户账户的余额不够，充值后自动再退",
    "USER_ACCOUNT_ABNORMAL": "用户的微信账户不能收款",
    "RESOURCE_NOT_EXISTS": "微信找不到这笔付款",
}
"""Answers that say what to do; for the others WeChat's own words are shown."""
_REFUSED = re.compile(r"([A-Z_]+): ?(.*)", re.DOTALL)


def what(row: RefundRow) -> str:
    """What goes back."""
    return f"{row.thing.paid_for or '没有订单的钱'}{ENDED.get(row.payment_status, '')}"


def badge(row: RefundRow) -> Badge:
    """Where it stands."""
    if row.is_parked:
        return Badge("微信没有受理", "stop")
    if row.status is RefundStatus.REFUSED:
        return Badge("微信关闭了", "stop")
    return labels.REFUND_STATUS[row.status]


def said(error: str) -> str:
    """What the last try met, for people."""
    refused = _REFUSED.fullmatch(error)
    if refused is None:
        return "微信没有回答" if error else ""
    return WECHAT_SAYS.get(refused[1], f"微信说：{refused[2] or '不能退'}")


def answer(row: RefundRow, now: datetime) -> str:
    """What is known of it last, and when WeChat was asked."""
    known = {
        RefundStatus.ABNORMAL: "微信退不进用户的账户，多半是银行卡销户了",
        RefundStatus.REFUSED: "钱还在商户账上，再试一次会用新的退款单号",
        RefundStatus.ACCEPTED: "微信在处理：零钱很快到，银行卡 1 到 3 天",
        RefundStatus.REQUESTED: said(row.error) or "正在发给微信",
        RefundStatus.DONE: "已经到账",
    }[row.status]
    asked = f"{today_when(row.asked_at, now)} 问过微信" if row.asked_at else "还没有问过微信"
    return f"{known}。{asked}"


def result(tried: Tried) -> tuple[Badge, str]:
    """What one more try of it led to."""
    hindered = {
        Hindrance.REFUSED: (Badge("微信没有受理", "stop"), said(tried.said)),
        Hindrance.SILENT: (Badge("微信没有回答", "wait"), "过一会儿自动再试，单号不变"),
        Hindrance.NOT_HERE: (Badge("不能再退", "void"), "这笔钱已经另外处理了，看它自己的页面"),
        Hindrance.LEFT: (Badge("没有试", "wait"), "微信连着几次没有回答，过几分钟再试"),
    }
    if tried.hindrance is not None:
        return hindered[tried.hindrance]
    return {
        RefundStatus.DONE: (labels.REFUND_STATUS[RefundStatus.DONE], "已经到账"),
        RefundStatus.ACCEPTED: (labels.REFUND_STATUS[RefundStatus.ACCEPTED], "微信已受理，等到账"),
        RefundStatus.REQUESTED: (labels.REFUND_STATUS[RefundStatus.REQUESTED], "排着队，马上发给微信"),
        RefundStatus.ABNORMAL: (labels.REFUND_STATUS[RefundStatus.ABNORMAL], "微信还是退不进去，联系用户，或者线下退"),
        RefundStatus.REFUSED: (Badge("微信关闭了", "stop"), "微信刚刚关闭了它，再试一次会用新的退款单号"),
    }[tried.status]
