"""经过: the sentence of every act in the audit log, and of every try to pick up. First who and what, then ids."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from app.domain import labels
from app.domain.batteries import BatteryState, EndedBy
from app.domain.charges import PaymentStatus
from app.domain.deposits import DepositKind
from app.domain.money import yuan
from app.domain.orders import Intent, OrderStatus
from app.domain.permissions import ActorKind
from app.domain.pickup import Answer
from app.domain.refunds import RefundStatus
from app.domain.rentals import Condition, Place
from app.domain.timetable import JOBS

Facts = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Line:
    """One entry: `lead` is bold, `text` goes on after it, `detail` is the smaller second line.

    `mark` is began | done | stopped, or empty. `ids` are numbers at WeChat: name and number.
    """

    lead: str
    text: str = ""
    detail: str = ""
    mark: str = ""
    ids: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A line and its time."""

    at: datetime
    line: Line


def money_of(facts: Facts) -> str:
    """The amount of an act; empty where its row lacks it."""
    amount = facts.get("amount_fen")
    return f"¥{yuan(amount)}" if isinstance(amount, int) else ""


def _ids(facts: Facts) -> tuple[tuple[str, str], ...]:
    names = (
        ("transaction_id", "微信支付单号"),
        ("refund_id", "微信退款单号"),
        ("out_refund_no", "退款单号"),
        ("out_trade_no", "商户单号"),
    )
    return tuple((name, str(facts[key])) for key, name in names if facts.get(key))


def fact_of(facts: Facts, key: str) -> str:
    """A fact of an act as text; empty where its row lacks it."""
    return str(facts.get(key) or "")


def _reserved(who: str, facts: Facts) -> Line:
    intent = facts.get("intent")
    pressed = labels.INTENT[Intent(str(intent))] if intent else labels.INTENT[Intent.RESERVE]
    return Line(pressed, f"，{who}占用编号 {fact_of(facts, 'number')}，应付 {money_of(facts)}", mark="began")


def _closed(word: str) -> "Sentence":
    def line(who: str, facts: Facts) -> Line:
        number = fact_of(facts, "number")
        after = (
            f"编号 {number} 等微信确认没有收款后空出" if facts.get("number_waits") else f"编号 {number} 空出，库存加 1"
        )
        return Line(word, f"，{who}" if who else "", after, mark="stopped")

    return line


def _picked_up(who: str, facts: Facts) -> Line:
    number, frame_no = fact_of(facts, "number"), fact_of(facts, "frame_no")
    return Line("已提车", f"，{who}交车，编号 {number}", f"车架号 {frame_no}", mark="done")


def _paid(_who: str, facts: Facts) -> Line:
    return Line(f"已支付 {money_of(facts)}", "，微信支付，金额核对一致", mark="done", ids=_ids(facts))


def _surplus(_who: str, facts: Facts) -> Line:
    return Line(f"多收 {money_of(facts)}", "，订单已经关闭或付过款，自动退回", mark="stopped", ids=_ids(facts))


def _suspect(_who: str, facts: Facts) -> Line:
    misfit = labels.MISFITS.get(fact_of(facts, "misfit"))
    word = misfit.word if misfit else "核对不上"
    return Line(f"收到 {money_of(facts)}，{word}", "，没有入账，等人处理", mark="stopped", ids=_ids(facts))


def _revived(_who: str, facts: Facts) -> Line:
    word = labels.ORDER_STATUS[OrderStatus(fact_of(facts, "closed_as"))].word if facts.get("closed_as") else "关闭"
    return Line("订单恢复", f"，{word}后收到付款，编号 {fact_of(facts, 'number')} 还在", mark="began")


def _deposit(word: str, text: str, mark: str = "") -> "Sentence":
    def line(who: str, facts: Facts) -> Line:
        kind = fact_of(facts, "deposit_kind")
        name = labels.DEPOSIT_KIND[DepositKind(kind)] if kind else "押金"
        lead = " ".join(part for part in (f"{name}{word}", money_of(facts)) if part)
        return Line(lead, text.format(who=who), mark=mark, ids=_ids(facts))

    return line


def _withheld(who: str, facts: Facts) -> Line:
    return Line(f"押金扣 {money_of(facts)}", f"，{fact_of(facts, 'item')}，{who}", mark="stopped")


def _returned(who: str, facts: Facts) -> Line:
    condition, place = fact_of(facts, "condition"), fact_of(facts, "place")
    found = labels.CONDITION[Condition(condition)] if condition else ""
    where = labels.PLACE[Place(place)] if place else ""
    number = fact_of(facts, "number")
    after = f"编号 {number} 空出" if facts.get("number_released") else f"车牌 {number} 已取下"
    return Line("已还车", f"，{who}验车，{found}，{where}", after, mark="done")


def _damage_settled(who: str, facts: Facts) -> Line:
    money = money_of(facts) if facts.get("amount_fen") else ""
    return Line("损坏已处理", f"，{who}，" + (f"从押金扣 {money}" if money else "没有扣款"), mark="done")


def _battery(word: str, text: str, mark: str = "") -> "Sentence":
    def line(who: str, facts: Facts) -> Line:
        return Line(word, f"{text.format(who=who)}，电池 {fact_of(facts, 'number')}", mark=mark)

    return line


def _battery_returned(who: str, facts: Facts) -> Line:
    ended_by = fact_of(facts, "ended_by")
    word = {EndedBy.EXCHANGE: "换电", EndedBy.LOST: "报失"}.get(EndedBy(ended_by), "归还") if ended_by else "归还"
    return Line(word, f"，{who}，电池 {fact_of(facts, 'number')}", mark="stopped" if word == "报失" else "done")


def _battery_moved(who: str, facts: Facts) -> Line:
    words = [
        labels.BATTERY_STATE[BatteryState(fact_of(facts, key))].word for key in ("before", "after") if facts.get(key)
    ]
    return Line("改电池状态", f"，{who}，电池 {fact_of(facts, 'number')}", " → ".join(words))


def _batteries_made(who: str, facts: Facts) -> Line:
    return Line("新增电池", f"，{who}，{fact_of(facts, 'first')} 到 {fact_of(facts, 'last')}", mark="began")


def _printed(word: str) -> "Sentence":
    def line(who: str, facts: Facts) -> Line:
        again = facts.get("again")
        detail = f"其中 {again} 张是补打" if again else ""
        return Line(word, f"，{who}，{fact_of(facts, 'numbers')}，{fact_of(facts, 'count')} 张", detail)

    return line


def _money(lead: str, text: str, mark: str = "") -> "Sentence":
    def line(who: str, facts: Facts) -> Line:
        note = fact_of(facts, "note")
        detail = f"备注：{note}" if note else ""
        return Line(f"{lead} {money_of(facts)}", text.format(who=who), detail, mark, _ids(facts))

    return line


def _plain(lead: str, text: str = "", mark: str = "") -> "Sentence":
    def line(who: str, facts: Facts) -> Line:
        return Line(lead, text.format(who=who, number=fact_of(facts, "number")), mark=mark, ids=_ids(facts))

    return line


def _closed_days(word: str) -> "Sentence":
    return lambda who, facts: Line(word, f"，{who}，{fact_of(facts, 'first')} 到 {fact_of(facts, 'last')}")


def _job_wanted(who: str, facts: Facts) -> Line:
    job = JOBS.get(fact_of(facts, "job"))
    return Line("立即运行", f"，{who}，{job.title}" if job else f"，{who}")


Sentence = Callable[[str, Facts], Line]

SENTENCES: Mapping[str, Sentence] = {
    "customer_registered": _plain("实名注册", "，{who}"),
    "customer_frozen": _plain("账户冻结", "，{who}", "stopped"),
    "customer_unfrozen": _plain("账户解冻", "，{who}", "done"),
    "restriction_began": _plain("不能办理新的业务", "，系统", "stopped"),
    "restriction_lifted": _plain("恢复正常", "，系统", "done"),
    "job_wanted": _job_wanted,
    "day_closed": lambda who, facts: Line(f"{fact_of(facts, 'day')} 关账", f"，{who}", mark="done"),
    "closed_days_declared": _closed_days("定为闭店日"),
    "closed_days_withdrawn": _closed_days("撤回闭店日"),
    "late_fee_paid": lambda _who, facts: Line(
        f"支付逾期费 {money_of(facts)}", "，微信支付", mark="done", ids=_ids(facts)
    ),
    "late_fee_waived": lambda who, facts: Line(
        f"减免逾期费 {money_of(facts)}", f"，{who}，{fact_of(facts, 'count')} 天", mark="done"
    ),
    "note_added": _plain("", "{who}写了备注"),
    "number_matched": _plain("", "{who}在手机上输入编号 {number}，相符"),
    "order_reserved": _reserved,
    "order_cancelled": _closed("订单取消"),
    "order_expired": _closed("预约过期"),
    "order_revived": _revived,
    "order_paid": _paid,
    "order_picked_up": _picked_up,
    "payment_begun": _plain("", "{who}打开微信支付"),
    "payment_closed": _plain("", "这次支付已在微信关闭，没有收款"),
    "payment_surplus": _surplus,
    "payment_suspect": _suspect,
    "suspect_attached": _money("入账", "，{who}核对过，对不上的钱是付这一笔的", "began"),
    "pickup_undone": _plain("撤销提车", "，{who}，编号 {number} 回到待提车", "stopped"),
    "refund_wanted": _money("退款", "，{who}发起，原路退回", "began"),
    "refund_outside": _money("线下已退", "，{who}记的，有凭证照片", "done"),
    "refund_accepted": _money("退款", "，微信已受理，还没到账"),
    "refund_done": _money("退款到账", "，微信通知", "done"),
    "refund_abnormal": _money("退款异常", "，微信没能退到用户账上，等人处理", "stopped"),
    "refund_refused": _money("退款失败", "，微信关闭了这笔退款，钱还在商户账上", "stopped"),
    "deposit_agreed": _deposit("选定", "，{who}", "began"),
    "deposit_dropped": _deposit("改选", "，没有付款，不再需要"),
    "deposit_held": _deposit("已付", "，微信支付", "done"),
    "deposit_used_up": _deposit("扣完", "，没有可退的了", "stopped"),
    "deposit_refunded": _deposit("退款到账", "，退回用户的微信", "done"),
    "deposit_sent_back": _deposit("到期退回", "，{who}，请用户重新缴纳", "began"),
    "deposit_withheld": _withheld,
    "vehicle_returned": _returned,
    "damage_settled": _damage_settled,
    "card_sent_in": _plain("提交学生证", "，{who}", "began"),
    "card_approved": _plain("学生证通过", "，{who}审核", "done"),
    "card_rejected": _plain("学生证未通过", "，{who}审核", "stopped"),
    "battery_taken": _battery("扫码使用", "，{who}", "began"),
    "battery_return_asked": _battery("申请归还", "，{who}"),
    "battery_returned": _battery_returned,
    "battery_taken_in": _battery("收下电池", "，{who}，待核实", "stopped"),
    "battery_use_disputed": _battery("使用记录待核实", "，{who}", "stopped"),
    "battery_use_settled": _battery("已核实", "，{who}", "done"),
    "battery_moved": _battery_moved,
    "batteries_made": _batteries_made,
    "flash_fee_paid": lambda _who, facts: Line(
        f"付闪充使用费 {money_of(facts)}", "，微信支付", mark="done", ids=_ids(facts)
    ),
    "labels_printed": _printed("打印电池标签"),
    "plates_printed": _printed("打印车牌"),
    "list_exported": lambda who, facts: Line(
        f"导出{fact_of(facts, 'list')}",
        f"，{who}，{fact_of(facts, 'count')} {fact_of(facts, 'unit')}",
        fact_of(facts, "filter"),
    ),
    "number_retired": _plain("停用编号", "，{who}", "stopped"),
    "number_put_back": _plain("恢复编号", "，{who}"),
    "password_set": _plain("设置密码", "，{who}"),
    "region_added": _plain("新增区域", "，{who}"),
    "region_renamed": _plain("改区域名称", "，{who}"),
    "store_changed": _plain("改门店", "，{who}"),
    "contact_changed": _plain("改联系方式", "，{who}"),
    "school_added": _plain("新增学校", "，{who}"),
    "school_changed": _plain("改学校", "，{who}"),
    "school_removed": _plain("删除学校", "，{who}"),
    "vehicle_model_added": _plain("新增车型", "，{who}"),
    "vehicle_model_changed": _plain("改车型", "，{who}"),
    "listing_added": _plain("车型上架到区域", "，{who}"),
    "listing_shown": _plain("上架", "，{who}"),
    "listing_hidden": _plain("下架", "，{who}"),
    "plan_added": _plain("新增租期", "，{who}"),
    "plan_changed": _plain("改租期", "，{who}"),
    "price_changed": lambda who, facts: Line(f"改价格为 {money_of(facts)}", f"，{who}"),
    "price_change_withdrawn": _plain("撤回还没生效的价格", "，{who}"),
    "stock_moved": lambda who, facts: Line(f"改库存 {facts.get('delta', 0):+}", f"，{who}"),
    "setting_changed": _plain("改设置", "，{who}"),
    "setting_change_withdrawn": _plain("撤回还没生效的设置", "，{who}"),
    "staff_created": _plain("新建员工", "，{who}"),
    "staff_link_renewed": _plain("重新发员工的登录链接", "，{who}"),
    "staff_logged_in": _plain("登录", "，{who}"),
    "bill_items_resolved": _plain("对账差异记为已处理", "，{who}", "done"),
}
"""One sentence for each action that a verb writes into the audit log; a test compares them with the verbs."""

WHO: Mapping[ActorKind, str] = {
    ActorKind.VISITOR: "访客",
    ActorKind.CUSTOMER: "用户",
    ActorKind.STAFF: "员工",
    ActorKind.JOB: "系统",
    ActorKind.WECHAT: "微信支付",
}
"""Who acted, where no name is known."""


def act_line(action: str, who: str, facts: Facts, reason: str | None) -> Line:
    """The line of one row of the audit log."""
    sentence = SENTENCES.get(action, _plain("", "{who}改动了这个订单"))
    line = sentence(who, facts)
    if not reason:
        return line
    detail = "；".join(part for part in (line.detail, f"原因：{reason}") if part)
    return Line(line.lead, line.text, detail, line.mark, line.ids)


def try_line(answer: Answer, who: str, typed: str | None, *, at_counter: bool) -> Line:
    """The line of one try at the counter or on the phone."""
    what = typed or "看不懂的内容"
    if at_counter:
        return Line("", f"{who}在柜台查 {what}：{labels.SCAN[answer]}")
    return Line("", f"{who}在手机上输入 {what}，和订单的编号不符")


def payment_words(status: PaymentStatus, paid_for: str) -> str:
    """What an attempt was for (`labels.paid_for`), in a table of payments."""
    ended = {
        PaymentStatus.SURPLUS: "（多付）",
        PaymentStatus.CLOSED: "（没有付成）",
        PaymentStatus.SUSPECT: "（核对不上）",
    }
    return f"支付{paid_for}{ended.get(status, '')}"


def refund_words(status: RefundStatus, paid_for: str, *, outside: bool = False) -> str:
    """What a refund gives back, in the same table."""
    ended = "（线下）" if outside else "（微信已关闭）" if status is RefundStatus.REFUSED else ""
    return f"退{paid_for}{ended}"
