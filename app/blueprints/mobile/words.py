"""What the pages of one order say: where it stands, with the one act at the bottom, and why something is refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from flask import url_for

from app.blueprints.mobile.late_words import late_words, pay_url
from app.blueprints.mobile.standing import Barred
from app.domain.charges import Purpose
from app.domain.deposits import Amounts, DepositKind
from app.domain.errors import Rule, RuleBroken
from app.domain.labels import DEPOSIT_KIND, refusal
from app.domain.orders import Step
from app.queries.my_charges import MyCharge, Quote
from app.queries.my_deposits import MyDeposit
from app.queries.my_late_fees import MyLateFees
from app.queries.my_orders import MyOrder, MyOrderRow, MyRental
from app.web.formats import day, full_when, left, today_when, when, yuan

RENTAL_STEPS = {Step.CARD: "学生证", Step.DEPOSIT: "押金", Step.NUMBER: "编号", Step.PAY: "租金"}
"""The dots of a rental, after the reservation."""


@dataclass(frozen=True, slots=True)
class NextStep:
    """A sentence, of which `strong` is bold, and perhaps an act. tone is wait (amber), over (grey) or empty."""

    text: str
    strong: str = ""
    tail: str = ""
    tone: str = "wait"
    act: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Brief:
    """Where an order stands in one line of a list; tone as of a next step, or stop (red)."""

    text: str
    tone: str = ""


def brief(order: MyOrderRow, now: datetime) -> Brief | None:
    """The first that fits; None for what is over and gave nothing back."""
    if order.is_suspect:
        return Brief("付的钱和订单对不上，店里正在核对", "wait")
    if order.is_running_out(now):
        return Brief("保留时间到了，正在取消", "wait")
    if order.rental is not None and order.is_out:
        return _brief_of_days(order.rental, now)
    if order.rental is not None and order.rental.late_owed_fen:
        return Brief(f"还欠逾期费 {yuan(order.rental.late_owed_fen)}，点开去付", "stop")
    if order.step is None:
        return _brief_of_refund(order)
    until = today_when(order.expires_at, now)
    if order.is_paid and order.step is Step.CARD:
        return Brief("已付款，重新交学生证照片再提车", "wait")
    at_step = {
        Step.CARD: Brief(f"{until} 前交学生证照片，再付押金", "wait"),
        Step.DEPOSIT: Brief(f"{until} 前付押金，再到店试骑", "wait"),
        Step.NUMBER: Brief(f"{until} 前到店试骑，输入车辆编号", "wait"),
        Step.PAY: Brief(f"编号对上了，{until} 前付款", "wait"),
        Step.PICKUP: Brief(f"已付款，到{order.store_name}柜台提车"),
    }
    return at_step[order.step]


def _brief_of_refund(order: MyOrderRow) -> Brief | None:
    if order.going_back_fen:
        return Brief(f"退款中，{yuan(order.going_back_fen)} 正在退回你的微信", "wait")
    return Brief(f"已退款 {yuan(order.back_fen)}", "over") if order.back_fen else None


def _brief_of_days(rental: MyRental, now: datetime) -> Brief:
    days = rental.progress(now)
    if days.days_late:
        return Brief(f"{day(rental.due_on)} 到期，已经逾期 {days.days_late} 天，尽快还车", "stop")
    return Brief(f"{day(rental.due_on)} 到期，还有 {days.free_left} 天" if days.free_left else "今天到期，今天还车", "")


def next_step(order: MyOrder, charge: MyCharge, now: datetime, *, confirming: bool) -> NextStep:
    """Where the order stands; the first that fits. `charge` is what is to be paid next for it."""
    if order.is_suspect:
        return NextStep(f"你付的 {yuan(order.suspect_fen)} 和订单对不上，店里正在核对。先不要再付，有问题联系客服。")
    if confirming and charge.is_open:
        return NextStep(
            "正在确认支付结果。如果微信已经扣款，请不要再付一次。",
            act="看支付结果",
            url=url_for("mobile.payment_result", charge_id=charge.charge_id),
        )
    if order.is_open:
        return _paid(order) if order.is_paid else _unpaid(order, charge, now)
    if order.rental is not None:
        return _out(order, order.rental, now) if order.is_out else _back(order, order.rental)
    if order.picked_up_at is not None:
        return NextStep(f"{full_when(order.picked_up_at)} 已提车，编号 {order.number} 一直是你的。", tone="")
    return _over(order, charge)


def _unpaid(order: MyOrder, charge: MyCharge, now: datetime) -> NextStep:
    if order.is_running_out(now):
        return NextStep("保留时间到了，正在取消。")
    until, remaining = today_when(order.expires_at, now), left(order.expires_at, now)
    if order.step is Step.CARD:
        refused = order.card.reason if order.card and order.card.is_rejected else ""
        first = f"学生证没有通过（{refused}），重新交一张" if refused else "先交学生证照片，再付押金"
        return NextStep("保留到 ", until, f"，{remaining}。{first}。", act="交学生证照片", url=_card_url(order))
    if order.step is Step.DEPOSIT:
        return NextStep(
            "保留到 ",
            until,
            f"，{remaining}。学生证交了，接下来付押金，再到店试骑。",
            act="付押金",
            url=url_for("mobile.renting", order_id=order.order_id),
        )
    if order.step is Step.NUMBER:
        return NextStep(
            "保留到 ",
            until,
            f"，{remaining}。到店试骑，满意再输入车上的编号付款。",
            act="输入车辆编号",
            url=url_for("mobile.number", order_id=order.order_id),
        )
    if charge.can_pay(now):
        return NextStep(
            "编号对上了，",
            until,
            f" 前付款，{remaining}。",
            act=f"去付款 {yuan(order.amount_fen)}",
            url=url_for("mobile.pay", charge_id=charge.charge_id),
        )
    return NextStep(too_late_to_pay(charge))


def _paid(order: MyOrder) -> NextStep:
    if not order.way.has_card:
        refused = f"（{order.card.reason}）" if order.card and order.card.is_rejected else ""
        return NextStep(
            f"已付款。学生证没有通过{refused}，重新交一张再提车。", act="交学生证照片", url=_card_url(order)
        )
    if order.step is Step.DEPOSIT:
        deposit_url = url_for("mobile.renting", order_id=order.order_id)
        return NextStep("租金已付，还差押金，付了才能提车。", act="付押金", url=deposit_url)
    hand_over = f"已付款。把下面的码给{order.store_name}店员扫，核对好就能骑走。"
    return NextStep(hand_over + card_line(order), tone="")


def card_line(order: MyOrder) -> str:
    """What a card that waits for its review means at the counter; empty where there is nothing to say."""
    waits = order.card is not None and order.card.is_pending
    return "学生证待审核，带上它，店员当面看也行。" if waits else ""


def _card_url(order: MyOrder) -> str:
    return url_for("mobile.card", next=url_for("mobile.renting", order_id=order.order_id))


def _out(order: MyOrder, rental: MyRental, now: datetime) -> NextStep:
    days = rental.progress(now)
    if days.days_late:
        frozen = "账户已冻结，还了车就解冻。" if days.is_frozen else ""
        return NextStep(f"已经逾期 {days.days_late} 天，尽快把车还到{order.store_name}柜台。{frozen}")
    remaining = f"，还有 {days.free_left} 天" if days.free_left else "，就是今天"
    return NextStep(
        "租到 ",
        day(rental.due_on),
        f"{remaining}。到期把车还到{order.store_name}柜台；不能续租，还了可以再租。",
        tone="",
    )


def _back(order: MyOrder, rental: MyRental) -> NextStep:
    came_back = f"{full_when(rental.returned_at)} 已还车。" if rental.returned_at else ""
    if rental.late_owed_fen:
        return NextStep(f"{came_back}还欠逾期费 ", yuan(rental.late_owed_fen), "，付清后才能再租车、扫码。")
    return NextStep(came_back + _after_return(order, rental), tone="over", act="再租一辆", url=_listing_url(order))


def _after_return(order: MyOrder, rental: MyRental) -> str:
    if rental.waits_for_settlement:
        return "车有损坏，店里正在核对；扣款会写明每一项，剩下的自动退。"
    secured_by = next((one for one in order.deposits if one.deposit_id == rental.deposit_id), None)
    if secured_by is None:
        return ""
    if secured_by.is_held:
        return f"{secured_by.name}{why_held(secured_by, rental)}。"
    refund = secured_by.refund
    if refund is None:
        return ""
    what = f"{secured_by.name} {yuan(refund.amount_fen)}"
    if refund.done_at is not None:
        return f"{what} 已到账，{refund.way}。"
    return f"{what} 没有到账，店里正在处理。" if refund.is_stuck else f"{what} 正在退回你的微信。"


def _listing_url(order: MyOrder) -> str:
    return url_for("mobile.rental" if order.is_rental else "mobile.vehicle", listing_id=order.listing_id)


def _over(order: MyOrder, charge: MyCharge) -> NextStep:
    freed = "编号已经空出，可以重新预约。"
    waits = "上一次付款在微信还没关掉，关掉后编号才空出来；要是又付了，订单会恢复，恢复不了钱自动退回。"
    closed = f"{order.badge.word}（{when(order.closed_at)}）" if order.closed_at else order.badge.word
    number_waits = charge.attempt is not None  # WeChat could still take money for it. Decision 8.
    return NextStep(
        f"{closed}。{waits}" if number_waits else f"{closed}，{freed}",
        tone="over",
        act="重新预约",
        url=_listing_url(order),
    )


def too_late_to_pay(charge: MyCharge) -> str:
    """Why no payment is offered any more."""
    if charge.quote:
        return "这个金额过期了，按今天再算一次，马上就能付。"
    return refusal(RuleBroken(Rule.PAYMENT_TIME_OVER, expires_at=charge.ends_at))


def why_no_cancelling(order: MyOrder) -> str:
    """Why the person cannot cancel an order that is not closed."""
    if order.is_collected:
        return refusal(RuleBroken(Rule.ALREADY_COLLECTED))
    return refusal(RuleBroken(Rule.CANCEL_TIME_OVER, hours=order.cancel_paid_hours))


def step_url(order: MyOrderRow) -> str:
    """The page of the step that the order waits for, else its own."""
    if order.step is Step.PAY:
        return url_for("mobile.pay", charge_id=order.charge_id)
    pages = {Step.DEPOSIT: "mobile.renting", Step.NUMBER: "mobile.number"}
    endpoint = pages.get(order.step, "mobile.order") if order.step else "mobile.order"
    return url_for(endpoint, order_id=order.order_id)


def way_on(charge: MyCharge) -> str:
    """Where a charge leads that is paid, over, or not to be paid now."""
    order = charge.order
    if charge.quote:
        if charge.is_settled:
            return url_for("mobile.payment_result", charge_id=charge.charge_id)
        return url_for("mobile.owed")
    if order is None or (charge.deposit_kind is DepositKind.FLASH and not order.is_open):
        return url_for("mobile.flash", kept=1 if charge.is_left_over else None)
    if charge.is_suspect or not order.is_open:
        return url_for("mobile.order", order_id=order.order_id)
    return url_for("mobile.renting", order_id=order.order_id) if charge.is_deposit else step_url(order)


def again_url(charge: MyCharge) -> str:
    """Where the amount is reckoned anew; empty for what has its price."""
    return pay_url(charge.quote.use_id, charge.quote.order_id) if charge.quote else ""


def after_late_fees(quote: Quote, late: MyLateFees | None, today: date, bars: Barred | None) -> NextStep:
    """What is left once late fees are paid; `late` is None when nothing runs or is owed any more."""
    if bars:
        return NextStep(f"这一笔付清了。{bars.text}", act=bars.act, url=url_for("mobile.frozen"))
    if late is None:
        return NextStep("逾期费付清了，可以再租车、扫码。", act="去闪充", url=url_for("mobile.flash"))
    said = late_words(late, today)
    then = f"还没付 {yuan(late.owed_fen)}" if late.owed_fen else said.tomorrow  # midnight has passed since
    paid = f"{day(quote.as_of_on)} 为止的逾期费付清了"
    return NextStep(f"{paid}。{then}。", act=f"看{said.what}", url=said.page_url)


def dots(order: MyOrderRow | None) -> Sequence[tuple[str, str]]:
    """The steps of a reserved rental, each with its state: done | now | later. A sale has none."""
    if order is None or order.step is None or not order.is_rental:
        return ()
    states = {step: "done" if done else "later" for step, done in order.way.done.items()} | {order.step: "now"}
    return (("预约", "done"), *((word, states[step]) for step, word in RENTAL_STEPS.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class PayWords:
    """What the pages of a payment say of a charge."""

    title: str
    note: str
    what: str  # 车款, 租金, 租车押金
    promise: str  # how the money comes back, or what it opens
    content: str  # what WeChat is asked about, while nobody knows
    as_of: str = ""  # of late fees: as of which day
    until_label: str = "保留到"
    place_label: str = ""  # what the store is for
    kept: str = ""  # that the number is not lost meanwhile
    back: str
    back_url: str


def paying(charge: MyCharge) -> PayWords:
    """The words of one charge."""
    order = charge.order
    if order is None:
        to_flash = {"back": "回到闪充", "back_url": url_for("mobile.flash")}
        if charge.deposit_kind is not None:
            return _paying_deposit(charge.deposit_kind, "付完就开通闪充", to_flash)
        if charge.quote:
            return _paying_late_fees(charge.quote, charge.number)
        return PayWords(
            title="付使用费",
            note=f"电池 {charge.number}",
            what="使用费",
            promise="付清就能扫下一块电池。",
            content=f"{charge.number} 使用费",
            **to_flash,
        )
    to_order = {
        "back": "回到订单",
        "back_url": url_for("mobile.order", order_id=order.order_id),
        "kept": f"编号 {order.number} 会为你留着。",
    }
    if charge.deposit_kind is not None:
        return _paying_deposit(charge.deposit_kind, f"租金 {yuan(order.amount_fen)} 到店试骑后再付", to_order)
    what = "租金" if charge.purpose is Purpose.RENTAL_FEE else "车款"
    return PayWords(
        title="确认并付款",
        note="付完到柜台提车",
        what=what,
        promise=f"没提车前，付款 {order.cancel_paid_hours} 小时内可以自己取消，全额退回。",
        content=f"{order.number} {what}",
        place_label="提车",
        **to_order,
    )


def _paying_late_fees(quote: Quote, number: str) -> PayWords:
    return PayWords(
        title="付逾期费",
        note=f"{'租的车' if quote.order_id else '电池'} {number}",
        what="逾期费",
        promise="付了就不再从押金里扣。没还的话，从明天起的逾期费另算。",
        content=f"{number} 逾期费",
        as_of=f"{day(quote.as_of_on)} 为止，含当天",
        until_label="金额保留到",
        back="看欠款",
        back_url=url_for("mobile.owed"),
    )


def _paying_deposit(kind: DepositKind, note: str, back: Mapping[str, str]) -> PayWords:
    what = DEPOSIT_KIND[kind]
    return PayWords(title=f"付{what}", note=note, what=what, promise=HOW_BACK[kind], content=what, **back)


HOW_BACK: Mapping[DepositKind, str] = {
    DepositKind.FLASH: "还了电池和车，在「闪充」里退出闪充，押金原路退回微信。",
    DepositKind.RENTAL: "还车验好后自动退回微信；没提车就取消，也自动退。",
}
"""In one sentence. Decision 25."""


def why_held(deposit: MyDeposit, rental: MyRental | None) -> str:
    """How a held deposit comes back, on the page of a rental; empty for any other. Decision 25."""
    if not deposit.is_held:
        return ""
    if rental is not None and rental.waits_for_settlement and rental.deposit_id == deposit.deposit_id:
        return "损坏核对完就能退" if deposit.is_flash else "损坏核对完，剩下的自动退回微信"
    return "还了电池和车，退出闪充就能退" if deposit.is_flash else "还车验好后自动退回微信"


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositChoice:
    """One answer to 是否开通闪充."""

    kind: DepositKind
    title: str
    note: str
    amounts: Amounts
    chosen: bool
    how_back: tuple[str, ...]

    @property
    def name(self) -> str:
        """闪充押金, 租车押金."""
        return DEPOSIT_KIND[self.kind]

    @property
    def button(self) -> str:
        """What the press does: a deposit of nothing is held at once, without WeChat."""
        return "微信支付" if self.amounts.amount_fen else "确认，不用付款"


def coming_deposit(order: MyOrder) -> str:
    """What is to be paid before the number can be entered; empty once something is held, and for a sale."""
    if not order.waits_for_deposit:
        return ""
    return f"租车押金 {yuan(order.rental_deposit_fen or 0)} 或闪充押金 {yuan(order.flash_deposit_fen or 0)}"


def deposit_choice(order: MyOrder, chosen: str) -> list[DepositChoice]:
    """The two deposits as they were agreed with the reservation; what was chosen before stays chosen. FLOW-RENT-2."""
    chosen = chosen or DepositKind.FLASH
    back, withheld = "原路退回微信：零钱很快到，银行卡 1 到 3 天", "有逾期费或损坏，先从押金里扣，每一笔都看得到"
    flash = DepositChoice(
        kind=DepositKind.FLASH,
        title="开通闪充",
        note="电池随时换，这份押金也管租车",
        amounts=Amounts(order.flash_deposit_fen or 0, 0),
        chosen=chosen == DepositKind.FLASH,
        how_back=("还了车和电池，在「闪充」里退出闪充就能退", back, withheld),
    )
    rental = DepositChoice(
        kind=DepositKind.RENTAL,
        title="不开通闪充",
        note="只租车，还车验好后押金自动退",
        amounts=Amounts(order.rental_deposit_fen or 0, 0),
        chosen=chosen == DepositKind.RENTAL,
        how_back=("还车验好后自动退，不用申请；没提车就取消，也自动退", back, withheld),
    )
    return [flash, rental]


def deposit_button(choices: Sequence[DepositChoice]) -> str:
    """The button below both deposits; empty where it hangs on which is chosen."""
    words = {one.button for one in choices}
    return words.pop() if len(words) == 1 else ""


def deposits_after_cancelling(order: MyOrder) -> list[str]:
    """What becomes of each deposit that is held, when the order is cancelled."""
    return [
        "闪充押金不动，退出闪充时再退"
        if deposit.is_flash
        else f"{deposit.name} {yuan(deposit.amounts.refundable_fen)} 自动退回你的微信"
        for deposit in order.deposits
        if deposit.is_held
    ]


def cancel_button(order: MyOrder) -> str:
    """Names all the money that goes back when a paid order is cancelled."""
    if not order.is_paid:
        return "取消预约"
    deposit_fen = sum(one.amounts.refundable_fen for one in order.deposits if one.is_held and not one.is_flash)
    if deposit_fen:
        return f"取消，退租金 {yuan(order.amount_fen)} 和押金 {yuan(deposit_fen)}"
    return f"取消并退款 {yuan(order.amount_fen)}"
