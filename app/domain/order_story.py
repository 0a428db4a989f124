"""An order's story as its person is told it: which recorded acts they hear of, and in which words."""

from collections.abc import Callable, Mapping

from app.domain.rentals import Condition
from app.domain.timeline import Facts, Line, fact_of, money_of

STORY: Mapping[str, Callable[[Facts, bool], Line]] = {
    "order_reserved": lambda facts, _: Line("预约成功", f"，占好编号 {fact_of(facts, 'number')}", mark="began"),
    "number_matched": lambda _facts, _mine: Line("编号对上了", "，可以付款", mark="began"),
    "order_paid": lambda facts, _: Line(f"付款 {money_of(facts)}", "，微信支付", mark="done"),
    "payment_surplus": lambda facts, _: Line(f"多付 {money_of(facts)}", "，自动原路退回", mark="stopped"),
    "payment_suspect": lambda facts, _: Line(f"付款 {money_of(facts)} 对不上", "，店里正在核对", mark="stopped"),
    "order_cancelled": lambda _, mine: Line("你取消了订单" if mine else "店里取消了订单", mark="stopped"),
    "order_expired": lambda facts, _: Line("预约过期", f"，编号 {fact_of(facts, 'number')} 已经空出", mark="stopped"),
    "order_revived": lambda facts, _: Line(
        "订单恢复", f"，付款晚到，编号 {fact_of(facts, 'number')} 还是你的", mark="began"
    ),
    "order_picked_up": lambda facts, _: Line("提车", f"，编号 {fact_of(facts, 'number')}", mark="done"),
    "pickup_undone": lambda _facts, _mine: Line("提车撤销", "，订单回到已付款、待提车"),
    "deposit_held": lambda facts, _: Line(f"付押金 {money_of(facts)}", "，微信支付", mark="done"),
    "deposit_withheld": lambda facts, _: Line(
        f"押金扣 {money_of(facts)}", f"，{fact_of(facts, 'item')}", mark="stopped"
    ),
    "deposit_refund_done": lambda facts, _: Line(f"押金退回 {money_of(facts)} 到账", mark="done"),
    "vehicle_returned": lambda facts, _: Line(
        "已还车",
        "，有损坏，店里核对后处理" if fact_of(facts, "condition") == Condition.DAMAGED else "，店里验好了",
        mark="done",
    ),
    "refund_wanted": lambda facts, _: Line(f"退款 {money_of(facts)}", "，已经向微信申请", mark="began"),
    "refund_done": lambda facts, _: Line(f"退款到账 {money_of(facts)}", "，退回你的微信", mark="done"),
    "refund_outside": lambda facts, _: Line(f"退款 {money_of(facts)}", "，店里直接付给你", mark="done"),
    "refund_abnormal": lambda facts, _: Line(f"退款 {money_of(facts)} 没有到账", "，店里正在处理", mark="stopped"),
    "refund_refused": lambda facts, _: Line(f"退款 {money_of(facts)} 没有成功", "，店里正在处理", mark="stopped"),
}
"""By the action of the audit row; what is not here is the store's own business. The flag says that the person acted."""


def told(action: str, facts: Facts, *, by_its_person: bool, of_deposit: bool = False) -> Line | None:
    """The line for one recorded act, in the words of a deposit where it has some; None: the person is told nothing."""
    words = (STORY.get(f"deposit_{action}") if of_deposit else None) or STORY.get(action)
    return words(facts, by_its_person) if words else None
