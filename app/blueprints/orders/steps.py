"""The next step in words: a cell of the list, and the strip on the page of an order or a deposit."""

from dataclasses import dataclass, replace
from datetime import date, datetime

from app.domain import labels
from app.domain.calendar import business_day
from app.domain.deposits import DepositKind, DepositStatus
from app.domain.orders import OrderStatus
from app.domain.permissions import Actor, Permission
from app.domain.refunds import RefundStatus
from app.domain.rentals import days_left
from app.domain.restrictions import Cause
from app.domain.standing import Lack, NextStep, PayState, Todo
from app.queries.deposit_page import DepositView
from app.queries.order_page import OrderPage, RentalView
from app.queries.people import Freeze, gravest
from app.web.formats import day, largest, left, short_left, today_when, when, yuan

DUE_SOON_DAYS = 3
"""A vehicle that is due within so many days is shown in amber."""


@dataclass(frozen=True, slots=True)
class Cell:
    """The next step in a table: an act, a link where it has a `url`, then words.

    `tone` is late (amber), over (red) or empty.
    """

    act: str
    text: str
    tone: str = ""
    url: str = ""


LACKS = {Lack.CARD: "待交学生证", Lack.DEPOSIT: "待付押金"}
DAMAGE, REVIEW, PICK_UP = "处理损坏", "审核学生证", "提车"
WAITS = {DAMAGE: "等主管处理损坏", REVIEW: "待审核学生证", PICK_UP: "待提车"}
"""An act, to whoever may not do it."""
NEEDS = {DAMAGE: Permission.DAMAGE_WITHHOLD, REVIEW: Permission.CARDS_REVIEW, PICK_UP: Permission.PICKUP}
"""The right to an act."""


def cell_for(actor: Actor, step: NextStep | None, now: datetime) -> Cell:
    """What the column 下一步 says to somebody: of an act that is not theirs, what is waited for."""
    cell = next_cell(step, now)
    return cell if not cell.act or actor.may(NEEDS[cell.act]) else replace(cell, act=WAITS[cell.act])


def next_cell(step: NextStep | None, now: datetime) -> Cell:
    """What the column 下一步 says to whoever may do it."""
    if step is None:
        return Cell("", "")
    if step.due_on is not None:
        return _due_cell(step.due_on, business_day(now))
    if step.todo is Todo.DAMAGE:
        return Cell(DAMAGE, "")
    if step.frozen:
        return Cell("", "账户冻结", "over")
    if step.in_debt:
        return Cell("", "用户欠费", "over")
    if step.suspect_fen:
        return Cell("", "付款对不上", "over")
    return _paid_cell(step, now) if step.paid_at else _unpaid_cell(step, now)


def _paid_cell(step: NextStep, now: datetime) -> Cell:
    if step.lack is not None:
        return Cell(REVIEW, "", "late") if step.lack is Lack.REVIEW else Cell("", LACKS[step.lack], "late")
    if step.todo is Todo.OVERDUE:
        return Cell(PICK_UP, f"已付未提 {largest(now - (step.paid_at or step.expires_at))}", "late")
    return Cell(PICK_UP, short_left(step.expires_at, now))


def _unpaid_cell(step: NextStep, now: datetime) -> Cell:
    if step.expires_at <= now:
        return Cell("", "没付款，正在关闭", "late")
    what = LACKS[step.lack] if step.lack else "待付款"
    return Cell("", f"{what}，{short_left(step.expires_at, now)}", "late" if step.todo is Todo.PAY_SOON else "")


def _due_cell(due_on: date, today: date) -> Cell:
    left_days = days_left(due_on, today)
    if left_days < 0:
        return Cell("", f"{due_on:%m-%d} 到期，逾期 {-left_days} 天", "over")
    until = f"剩 {left_days} 天" if left_days else "就是今天"
    return Cell("", f"{due_on:%m-%d} 到期，{until}", "late" if left_days <= DUE_SOON_DAYS else "")


@dataclass(frozen=True, slots=True)
class Strip:
    """The next step of a page. kind: act | wait | stop | over."""

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
    if order.rental is not None:
        return _back(order, order.rental, now)
    if (step.frozen or step.in_debt) and order.person and (freeze := gravest(order.person.freezes)):
        return _barred(freeze, step, now)
    if step.suspect_fen:
        return Strip(
            "先核对这笔钱。",
            f"收到 {yuan(step.suspect_fen)}，和{'应收' if order.is_rental else '订单'}对不上，先别让用户再付，",
            "在「异常支付」里看",
            kind="stop",
            icon="alert-triangle",
        )
    return _paid(order, step, now) if step.paid_at else _unpaid(order, step, now)


def _barred(freeze: Freeze, step: NextStep, now: datetime) -> Strip:
    lead, lifted = {
        Cause.OVERDUE: ("账户冻结：", "归还以后"),
        Cause.MANUAL: ("账户冻结：", "解冻以后"),
        Cause.DEBT: ("用户欠费：", "付清以后"),
    }[freeze.cause]
    after = "才能提车" if step.todo in (Todo.PICK_UP, Todo.OVERDUE) else "才能继续办理"
    text = f"{freeze.reason}。{today_when(freeze.since, now)} 起，"
    return Strip(lead, text, f"{lifted}{after}", kind="stop", icon="lock")


def _paid(order: OrderPage, step: NextStep, now: datetime) -> Strip:
    if step.lack is Lack.REVIEW:
        tail = "。照片在右边，是本人就点「通过」。" if order.may_review else "。找有审核权的同事看一下照片。"
        return Strip("下一步：审核学生证。", "租金已付，", "学生证还没审核，通过后才能提车", tail, "wait", "clock")
    if step.lack is Lack.CARD:
        return Strip(
            "下一步：交学生证。", f"租金已付，{_refused(order)}用户在手机上交，", "通过后才能提车", kind="wait"
        )
    if step.lack is Lack.DEPOSIT:
        return Strip("下一步：付押金。", "租金已付，", "付了押金才能提车", kind="wait")
    if step.todo is Todo.PICK_UP:
        return Strip(
            "下一步：提车。", f"已付清，在 {when(step.expires_at)} 前到{order.store}提车，", left(step.expires_at, now)
        )
    return Strip(
        "下一步：提车。",
        f"已付清，过了 {when(step.expires_at)} 还没来，",
        f"已付未提 {largest(now - (step.paid_at or step.expires_at))}",
        "。打电话问一下，不要了就取消并退款。",
        "wait",
        "clock",
    )


def _unpaid(order: OrderPage, step: NextStep, now: datetime) -> Strip:
    if step.expires_at <= now:
        return Strip(
            "没有付款，", f"{when(step.expires_at)} 已到期，向微信确认没有收款后自动关闭。", kind="wait", icon="clock"
        )
    pay = "付租金。" if order.is_rental else "付款。"
    if step.lack is Lack.CARD:
        what, how = "交学生证。", f"{_refused(order)}用户在手机上交了才能付押金，"
    elif step.lack is Lack.DEPOSIT:
        what, how = "付押金。", "租车押金、闪充押金都行，"
    else:
        what, how = pay if order.matched_at else f"到店试车、输入编号、{pay}", ""
    kept = f"编号 {order.number} 保留到 {when(step.expires_at)}，"
    soon = step.todo is Todo.PAY_SOON
    return Strip(f"下一步：{what}", how + kept, left(step.expires_at, now), kind="wait" if soon else "act")


def _refused(order: OrderPage) -> str:
    """Why the card before did not pass."""
    return f"上次没有通过：{order.card.reason}。" if order.card and order.card.reason else ""


def _back(order: OrderPage, rental: RentalView, now: datetime) -> Strip:
    """From the pickup to the end of any damage."""
    if rental.is_damaged:
        at = today_when(rental.returned_at, now) if rental.returned_at else ""
        if not order.may_settle_damage:
            text = f"{at} 还车，{rental.returned_by or '店员'}验车有损坏，"
            return Strip("等主管处理损坏。", text, "处理完再退押金", kind="wait", icon="clock")
        return Strip(
            "下一步：处理损坏。",
            f"{at} 还车，{rental.returned_by or '店员'}验车有损坏，押金还没退，",
            "写清楚扣什么、扣多少，再退其余的",
            kind="wait",
            icon="tool",
        )
    if rental.days_late:
        frozen = order.person is not None and order.person.is_frozen
        after = "，账户已冻结，先还车。" if frozen else "，打电话请用户到店还车。"
        text, late = f"{day(rental.due_on)} 到期，", f"逾期 {rental.days_late} 天"
        return Strip("下一步：还车。", text, late, after, "stop", "alert-triangle")
    if order.is_unsecured:
        return Strip("未缴押金。", "押金满一年前退了，", "请用户重新缴纳，到期照常还车", kind="wait", icon="cash")
    until = f"还剩 {rental.days_left} 天" if rental.days_left else "就是今天"
    return Strip("下一步：还车。", f"租到 {day(rental.due_on)}，到{order.store}还车，", until)


def _after(order: OrderPage, now: datetime) -> Strip:
    """Nothing is left to do, or only WeChat has something left."""
    if order.rental is not None and order.rental.returned_at is not None:
        back = f"{today_when(order.rental.returned_at, now)} {order.rental.returned_by or '店员'}在{order.store}收车。"
        deposit = order.securing
        if deposit is None:
            return Strip("已归还。", back, kind="over", icon="check")
        after = deposit_strip(deposit)
        gap = " " if after.text.startswith("¥") else ""
        return replace(after, lead="已归还。", text=f"{back}{labels.DEPOSIT_KIND[deposit.kind]}{gap}{after.text}")
    if order.status is OrderStatus.COMPLETED:
        handed = f"{order.picked_up_by}在{order.store}交车" if order.picked_up_by else f"在{order.store}交车"
        at = today_when(order.picked_up_at, now) if order.picked_up_at else ""
        refund = _refund_strip(order, "已提车。", f"{at} {handed}，")
        return refund or Strip("已提车。", f"{at} {handed}，没有要做的了。", kind="over", icon="check")
    return _closed(order, now)


def _closed(order: OrderPage, now: datetime) -> Strip:
    number = (
        f"编号 {order.number} 等微信确认没有收款后空出。" if order.number_waits else f"编号 {order.number} 已经空出。"
    )
    why = f"原因：{order.close_reason}。" if order.close_reason else ""
    closed = "已过期。" if order.status is OrderStatus.EXPIRED else "已取消。"
    at = f"{today_when(order.closed_at, now)}，" if order.closed_at else ""
    if refund := _refund_strip(order, closed, f"{at}{why}{number}"):
        return refund
    unpaid = "没有付款，" if order.status is OrderStatus.EXPIRED else ""
    return Strip(closed, f"{at}{unpaid}{why}{number}", kind="over", icon="circle-x")


def _refund_strip(order: OrderPage, lead: str, text: str) -> Strip | None:
    """Where money of the order is that goes back, or has; None while none does."""
    if order.pay_state is PayState.REFUNDING:
        tail = "，到账后这里变为已退款。"
        return Strip(lead, text, f"退款中：{yuan(order.going_back_fen)} 正在退回用户的微信", tail, "wait", "clock")
    if order.pay_state is PayState.REFUND_FAILED:
        tail = "，到财务的「退款」里处理。"
        return Strip(lead, text, "退款异常，钱没有到用户账上", tail, "stop", "alert-triangle")
    if order.pay_state is PayState.PART_REFUNDED:
        return Strip(
            lead,
            f"{text}退过 {yuan(order.refunded_fen)}，还剩 {yuan(order.refundable_fen)}。",
            icon="check",
            kind="over",
        )
    if order.pay_state is PayState.REFUNDED:
        return Strip(lead, f"{text}{yuan(order.refunded_fen)} 已经退回用户。", kind="over", icon="check")
    return None


def term_facts(order: OrderPage, now: datetime) -> list[tuple[str, str]]:
    """The term of a rental, and how it ended: (label, value)."""
    if not order.is_rental:
        return []
    rental, open_words = order.rental, "提车那天起算" if order.next_step else ""
    facts = [("租期", f"{order.plan}，{order.days} 天" if order.plan else f"{order.days} 天")]
    if rental is None:
        return [*facts, ("到期", open_words)]
    facts.append(
        ("到期", f"{day(rental.due_on)}，逾期 {rental.days_late} 天" if rental.days_late else day(rental.due_on))
    )
    if rental.returned_at is None:
        return [*facts, ("还车", f"还没有还，还剩 {rental.days_left} 天" if rental.days_left > 0 else "还没有还")]
    found = labels.CONDITION[rental.condition] if rental.condition else ""
    where = labels.PLACE[rental.returned_to] if rental.returned_to else ""
    by = f"{today_when(rental.returned_at, now)} {rental.returned_by or ''}"
    return [*facts, ("还车", "，".join(part for part in (by.strip(), found, where) if part))]


def deposit_strip(deposit: DepositView) -> Strip:
    """Where a deposit is, and what to do with it."""
    if deposit.status is DepositStatus.REFUNDING:
        return _refunding(deposit)
    if deposit.status is DepositStatus.REFUNDED:
        back = f"{yuan(deposit.refund_fen)} 已经退回用户的微信。" if deposit.refund else "全部扣完，没有可退的。"
        return Strip("已退款。", back, kind="over", icon="check")
    if not deposit.is_held:
        return Strip("待支付。", "选了，还没有付。", kind="over", icon="clock")
    if deposit.is_too_old:
        return Strip(
            "微信不能再退。",
            "付款超过 365 天，",
            "由店主线下退，在财务的「押金到期」里办",
            kind="stop",
            icon="alert-triangle",
        )
    if deposit.ties:
        ties = "、".join(labels.TIE[tie] for tie in deposit.ties)
        return Strip("持有中。", f"还不能退，还有：{ties}。", kind="over", icon="lock")
    if deposit.kind is DepositKind.FLASH:
        return Strip("持有中。", "没有占用，用户退出闪充时退。", kind="over", icon="check")
    return Strip("下一步：退押金。", "没有占用，", "可以退")


def _refunding(deposit: DepositView) -> Strip:
    money = yuan(deposit.refund_fen)
    if deposit.refund is RefundStatus.REFUSED:
        text = f"微信关闭了 {money} 的退款，钱还在商户账上，"
        return Strip("退款异常。", text, "可以再退一次", kind="stop", icon="alert-triangle")
    if deposit.refund is RefundStatus.ABNORMAL:
        text = f"微信没能把 {money} 退到用户账上，"
        after = "，处理完这里自动变为已退款。"
        return Strip("退款异常。", text, "到商户平台按退款单号处理", after, "stop", "alert-triangle")
    return Strip("退款中。", f"{money} 正在退回用户的微信，", "到账后这里变为已退款", kind="wait", icon="clock")
