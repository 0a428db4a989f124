"""The words that people read for states, verdicts and refusals, and the look that a state has on a badge."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from app.domain.calendar import SHANGHAI
from app.domain.charges import PaymentStatus
from app.domain.directory import ContactKind
from app.domain.errors import Rule, RuleBroken
from app.domain.identity import BadIdentity
from app.domain.money import yuan
from app.domain.numbering import Business
from app.domain.orders import Intent, OrderStatus
from app.domain.permissions import Role
from app.domain.pickup import REFUSALS as REFUSALS_AT_COUNTER
from app.domain.pickup import Answer
from app.domain.refunds import RefundStatus
from app.domain.settings import SettingGroup
from app.domain.standing import PayState, Todo


@dataclass(frozen=True, slots=True)
class Badge:
    """A word, and one of the six looks, told by its shape too: open | wait | done | past | void | stop."""

    word: str
    look: str


ORDER_STATUS: Mapping[OrderStatus, Badge] = {
    OrderStatus.RESERVED: Badge("已预约", "open"),
    OrderStatus.COMPLETED: Badge("已完成", "done"),
    OrderStatus.CANCELLED: Badge("已取消", "void"),
    OrderStatus.EXPIRED: Badge("已过期", "void"),
}
PAYMENT_STATUS: Mapping[PaymentStatus, Badge] = {
    PaymentStatus.CREATED: Badge("待支付", "void"),
    PaymentStatus.PREPARED: Badge("待支付", "void"),
    PaymentStatus.CLOSED: Badge("已取消", "void"),
    PaymentStatus.SETTLES: Badge("已支付", "done"),
    PaymentStatus.SURPLUS: Badge("多付", "wait"),
    PaymentStatus.SUSPECT: Badge("金额不符", "stop"),
}
MISFITS: Mapping[str, Badge] = {
    "amount": Badge("金额不符", "stop"),
    "payer": Badge("付款人不符", "stop"),
    "app": Badge("公众号不符", "stop"),
    "currency": Badge("币种不符", "stop"),
    "order": Badge("没有这个订单", "stop"),
    "transaction": Badge("重复的支付单号", "stop"),
    "merchant": Badge("别家商户", "stop"),
}
REFUND_STATUS: Mapping[RefundStatus, Badge] = {
    RefundStatus.REQUESTED: Badge("退款中", "open"),
    RefundStatus.ACCEPTED: Badge("退款中", "open"),
    RefundStatus.DONE: Badge("已退款", "done"),
    RefundStatus.ABNORMAL: Badge("退款异常", "stop"),
    RefundStatus.REFUSED: Badge("退款异常", "stop"),
}
PAY_STATE: Mapping[PayState, str] = {
    PayState.UNPAID: "未支付",
    PayState.PAID: "已支付",
    PayState.REFUNDING: "退款中",
    PayState.REFUNDED: "已退款",
    PayState.REFUND_FAILED: "退款异常",
}
TODO: Mapping[Todo, str] = {
    Todo.PICK_UP: "待提车",
    Todo.OVERDUE: "已付未提超期",
    Todo.PAY: "待付款",
    Todo.PAY_SOON: "快到期未付款",
}
BUSINESS: Mapping[Business, str] = {
    Business.SALE: "买车",
    Business.RENTAL: "租车",
    Business.MINI_RENTAL: "mini租",
}
ALL_REGIONS = "全部区域"
ERASED = "已注销的用户"
REAL_NAME = Badge("已实名", "done")
FROZEN = Badge("冻结", "stop")
PENDING = Badge("待生效", "wait")
INTENT: Mapping[Intent, str] = {Intent.RESERVE: "立即预约", Intent.BUY: "立即购买"}
ROLE: Mapping[Role, str] = {
    Role.OWNER: "店主",
    Role.MANAGER: "主管",
    Role.CLERK: "店员",
    Role.FINANCE: "财务",
    Role.TECHNICIAN: "维修",
    Role.CONSULTANT: "客服",
}
SETTING_GROUP: Mapping[SettingGroup, str] = {SettingGroup.ORDERS: "订单与取消"}
CONTACT: Mapping[ContactKind, str] = {
    ContactKind.CUSTOMER_SERVICE: "客服",
    ContactKind.REPAIR: "维修部",
}
SCAN: Mapping[Answer, str] = {
    Answer.READY: "可以提车",
    Answer.NOT_THIS_PERSONS: "不是这位用户的编号",
    Answer.OTHER_STORE: "别的店的订单",
    Answer.NOT_PAID: "还没付款",
    Answer.FROZEN: "账户冻结",
    Answer.EXPIRED: "预约已过期",
    Answer.CANCELLED: "订单已取消",
    Answer.COLLECTED: "已经提过车了",
    Answer.UNKNOWN: "没有这个编号",
    Answer.CHOOSE: "选一个",
}
"""The word of an answer in the counter's band and in the list of last scans."""
SCAN_LOOK: Mapping[Answer, str] = {Answer.READY: "done", Answer.CHOOSE: "open"} | dict.fromkeys(
    REFUSALS_AT_COUNTER, "stop"
)
"""The look of an answer's badge in the log of attempts."""

IDENTITY_FAULTS: Mapping[tuple[str, str], str] = {
    ("name", "name"): "姓名要和证件上的一样，2 到 20 个字",
    ("id_number", "form"): "身份证号是 18 位，最后一位可以是 X",
    ("id_number", "check_digit"): "身份证号最后一位对不上，请再看一遍证件",
    ("id_number", "birth_date"): "身份证号里的出生日期不存在，请再看一遍证件",
    ("id_number", "age"): "未满 14 周岁不能注册，可以请家长来店里办",
    ("phone", "form"): "手机号是 1 开头的 11 位数字",
}


def identity_fault(field: str, fault: BadIdentity) -> str:
    """The sentence beside a field of the registration."""
    return IDENTITY_FAULTS[field, fault.fault]


def moment(at: object) -> str:
    """`11-22 17:05`, Shanghai."""
    return at.astimezone(SHANGHAI).strftime("%m-%d %H:%M") if isinstance(at, datetime) else ""


REFUSALS: Mapping[Rule, str | Callable[[Mapping[str, object]], str]] = {
    Rule.ALREADY_CLOSED: "这个订单已经取消或过期了，可以重新预约。",
    Rule.ALREADY_COLLECTED: "这辆车已经提走了。",
    Rule.ALREADY_PAID: "这个订单已经付过款了，不用再付。",
    Rule.CANCEL_TIME_OVER: lambda facts: f"付款超过 {facts['hours']} 小时，不能自己取消了，联系客服可以帮你取消。",
    Rule.COLOUR_UNKNOWN: "没有这个颜色，重新选一个。",
    Rule.CONSENT_MISSING: "先看一遍说明，再勾选同意。",
    Rule.FRAME_NO_TAKEN: lambda facts: (
        f"车架号 {facts['frame_no']} 已经登记在{facts['number'] or '别的店的订单'}上，核对车架上的号码。"
    ),
    Rule.FRAME_NO_WRONG: "车架号是 5 到 30 位的字母和数字，扫车架上的条码也行。",
    Rule.FROZEN: lambda facts: f"账户从 {moment(facts['since'])} 起冻结：{facts['reason']}。先联系客服解冻，再来办理。",
    Rule.ID_NUMBER_TAKEN: "这个身份证号已经在另一个微信上注册过了。如果是你本人，联系客服处理。",
    Rule.NOTE_EMPTY: "备注还是空的，写一句再保存。",
    Rule.LETTER_TAKEN: lambda facts: f"字母 {facts['letter']} 已经是{facts['name']}的了，换一个。",
    Rule.LETTER_WRONG: "编号字母是 A 到 Z 里的一个。",
    Rule.NAME_TAKEN: lambda facts: f"已经有「{facts['name']}」了，换一个名字。",
    Rule.NAME_WRONG: lambda facts: f"名字要写，最多 {facts['most']} 个字。",
    Rule.NO_CHANGE: lambda facts: f"那时本来就是 {facts['value']}，没有要改的。",
    Rule.NOT_PENDING: "这一条已经生效，或已经被替换，不能撤回；要改就再改一次。",
    Rule.PHONE_WRONG: "电话写手机号，或带区号的座机，比如 0571-88273344。",
    Rule.SCHOOL_HAS_ORDERS: lambda facts: (
        f"{facts['school']}的用户有 {facts['orders']} 个已预约的订单，等这些订单提车、取消或过期以后再移。"
    ),
    Rule.SCHOOL_HAS_PEOPLE: lambda facts: (
        f"{facts['school']}有 {facts['people']} 个已实名的用户，不能移除；名字变了就改名，换店就移到别的区域。"
    ),
    Rule.TEXT_TOO_LONG: lambda facts: f"最多 {facts['most']} 个字。",
    Rule.TIME_PAST: "生效时间已经过了。写一个之后的时间，马上生效就留空。",
    Rule.WECHAT_WRONG: "微信号是 6 到 20 位字母、数字、_ 或 -，字母开头。",
    Rule.NOT_COLLECTED: "这辆车还没有提走，没有可以撤销的。",
    Rule.NOT_FROZEN: "这个账户没有冻结，不用解冻。",
    Rule.NOT_MATCHED: "先在店里输入车辆编号，再付款。",
    Rule.NOT_PAID: lambda facts: f"车款还没付，付清 ¥{yuan(_fen(facts['amount_fen']))} 后才能提车。",
    Rule.NOT_RESERVED: "这个订单已经不能付款了，看看订单现在的状态。",
    Rule.NUMBER_WRONG: "这不是你订单的编号，再看一眼店员给你的编号。",
    Rule.OTHER_REGION: "这辆车在别的区域，只能在你学校所在的区域预约。",
    Rule.PAYMENT_TIME_OVER: lambda facts: (
        f"离 {moment(facts['expires_at'])} 到期不到 5 分钟了，来不及付款。到期后编号会空出来，可以马上重新预约。"
    ),
    Rule.PRICE_MISSING: "这辆车还没有定价，暂时不能预约。",
    Rule.REASON_MISSING: "写一句原因，同事以后看得懂。",
    Rule.SERIES_FULL: lambda facts: f"这一号段用完了（到 {facts['last']} 为止），暂时不能预约，联系客服告诉我们。",
    Rule.SOLD_OUT: "刚刚被订完了，看看别的车型，或过几天再来。",
    Rule.STALE_CHOICE: lambda facts: f"价格刚刚变成了 ¥{yuan(_fen(facts['price_fen']))}，看好新的价格再决定。",
    Rule.STILL_OPEN: "这个订单还开着，不用恢复。",
    Rule.TOO_MANY_UNPAID: lambda facts: f"你已经有 {facts['limit']} 个没付款的预约，先付一个或取消一个。",
    Rule.UNDO_TIME_OVER: lambda facts: f"提车超过 {facts['minutes']} 分钟，不能撤销了。",
    Rule.VALUE_OUT_OF_RANGE: lambda facts: (
        f"{facts['name']}要在 {facts['least']} 到 {facts['most']} {facts['unit']}之间。"
    ),
}
"""One sentence for each rule: first what is so, then what to do."""


def _fen(amount: object) -> int:
    if not isinstance(amount, int):
        raise TypeError(amount)
    return amount


def refusal(broken: RuleBroken) -> str:
    """The sentence of a broken rule."""
    words = REFUSALS[broken.rule]
    return words if isinstance(words, str) else words(broken.facts)


MESSAGES: Mapping[str, tuple[str, str, str]] = {
    "order_revived": ("订单已恢复", "你的付款晚了一点，编号 {number} 还给你留着", "付款 {amount}，可以到店提车"),
    "payment_returned": ("付款已退回", "订单已经关闭或付过款，多付的钱自动退回", "{amount} 正在退回你的微信"),
    "refund_done": ("退款到账", "编号 {number} 的退款已经到账", "{amount} 已退回你的微信"),
}
"""What a person is told through the official account: title, detail, remark."""


def message(topic: str, *, number: str, amount_fen: int) -> dict[str, str]:
    """The fields of a message: title, detail, remark."""
    amount = f"¥{yuan(amount_fen)}"
    return dict(
        zip(
            ("title", "detail", "remark"),
            (words.format(number=number, amount=amount) for words in MESSAGES[topic]),
            strict=True,
        )
    )
