"""An order's story as its person is told it: which recorded acts they hear of, and in which words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.domain.money import yuan


@dataclass(frozen=True, slots=True)
class Told:
    """One line of the story. `mark` is began | done | stopped | '' (the dot of the timeline)."""

    mark: str
    lead: str
    text: str = ""


Facts = Mapping[str, object]


def _paid(facts: Facts) -> str:
    amount = facts.get("amount_fen")
    return f"¥{yuan(amount)}" if isinstance(amount, int) else ""


def _number(facts: Facts) -> str:
    return str(facts.get("number") or "")


STORY: Mapping[str, Callable[[Facts, bool], Told]] = {
    "order_reserved": lambda facts, _: Told("began", "预约成功", f"占好编号 {_number(facts)}"),
    "number_matched": lambda _facts, _mine: Told("began", "编号对上了", "可以付款"),
    "order_paid": lambda facts, _: Told("done", f"付款 {_paid(facts)}", "微信支付"),
    "payment_surplus": lambda facts, _: Told("stopped", f"多付 {_paid(facts)}", "自动原路退回"),
    "payment_suspect": lambda facts, _: Told("stopped", f"付款 {_paid(facts)} 对不上", "店里正在核对"),
    "order_cancelled": lambda _, mine: Told("stopped", "你取消了订单" if mine else "店里取消了订单"),
    "order_expired": lambda facts, _: Told("stopped", "预约过期", f"编号 {_number(facts)} 已经空出"),
    "order_revived": lambda facts, _: Told("began", "订单恢复", f"付款晚到，编号 {_number(facts)} 还是你的"),
    "order_picked_up": lambda facts, _: Told("done", "提车", f"编号 {_number(facts)} 归你了"),
    "pickup_undone": lambda _facts, _mine: Told("", "提车撤销", "订单回到已付款、待提车"),
    "refund_wanted": lambda facts, _: Told("began", f"退款 {_paid(facts)}", "已经向微信申请"),
    "refund_done": lambda facts, _: Told("done", f"退款到账 {_paid(facts)}", "退回你的微信"),
    "refund_abnormal": lambda facts, _: Told("stopped", f"退款 {_paid(facts)} 没有到账", "店里正在处理"),
    "refund_refused": lambda facts, _: Told("stopped", f"退款 {_paid(facts)} 没有成功", "店里正在处理"),
}
"""By the action of the audit row; what is not here is the store's own business. The flag says that the person acted."""


def told(action: str, facts: Facts, *, by_its_person: bool) -> Told | None:
    """The line for one recorded act, or None where the person is told nothing."""
    words = STORY.get(action)
    return words(facts, by_its_person) if words else None
