"""The words that people read for states, verdicts and refusals, and the look that a state has on a badge."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from app.domain import bills
from app.domain.batteries import BatteryState, EndedBy
from app.domain.bills import BillKind, Difference, ItemState, Remedy, Trouble
from app.domain.calendar import SHANGHAI
from app.domain.cards import CONSENT_STUDENT_CARD, CardStatus
from app.domain.charges import PaymentStatus, Purpose
from app.domain.deposits import DepositKind, DepositStatus, Tie
from app.domain.directory import ContactKind
from app.domain.errors import Rule, RuleBroken
from app.domain.finding import Shape
from app.domain.identity import CONSENT_ID_NUMBER, BadIdentity
from app.domain.late_fees import DayReason
from app.domain.ledger import Account, AccountKind
from app.domain.money import yuan
from app.domain.numbering import Business
from app.domain.orders import Intent, OrderStatus
from app.domain.permissions import Role
from app.domain.pickup import REFUSALS as REFUSALS_AT_COUNTER
from app.domain.pickup import TO_DO, Answer
from app.domain.pictures import PictureFault
from app.domain.refunds import RefundStatus
from app.domain.rentals import Condition, Place, RentalStatus
from app.domain.restrictions import Cause
from app.domain.settings import SettingGroup
from app.domain.standing import OrderState, PayState, Todo
from app.domain.vehicles import StockCause


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
    PayState.PART_REFUNDED: "部分退款",
    PayState.REFUND_FAILED: "退款异常",
}
TODO: Mapping[Todo, str] = {
    Todo.PICK_UP: "待提车",
    Todo.OVERDUE: "已付未提超期",
    Todo.PAY: "待付款",
    Todo.PAY_SOON: "快到期未付款",
    Todo.BRING_BACK: "待归还",
    Todo.LATE: "逾期未还",
    Todo.DAMAGE: "还车损坏待处理",
}
ORDER_STATE: Mapping[OrderState, str] = {
    OrderState.RESERVED: "已预约",
    OrderState.COMPLETED: "已完成",
    OrderState.OUT: "未归还",
    OrderState.RETURNED: "已归还",
    OrderState.CANCELLED: "已取消",
    OrderState.EXPIRED: "已过期",
}
BUSINESS: Mapping[Business, str] = {
    Business.SALE: "买车",
    Business.RENTAL: "租车",
    Business.MINI_RENTAL: "mini租",
}
ALL_REGIONS = "全部区域"
SEARCHED: Mapping[Shape, str] = {
    Shape.NUMBER: "编号",
    Shape.DIGITS: "尾号",
    Shape.PHONE: "手机号",
    Shape.ORDER_NO: "订单号",
    Shape.TRADE_NO: "商户单号",
    Shape.TRANSACTION: "微信支付单号",
    Shape.NAME: "姓名",
    Shape.LATIN: "拼音",
}
"""What was looked for, by its shape."""
ERASED = "已注销的用户"
CONSENT: Mapping[str, str] = {CONSENT_ID_NUMBER: "收集身份证号", CONSENT_STUDENT_CARD: "收集学生证照片和学号"}
REAL_NAME = Badge("已实名", "done")
FROZEN = Badge("冻结", "stop")
IN_DEBT = Badge("欠费", "wait")
CAUSE: Mapping[Cause, Badge] = {
    Cause.OVERDUE: Badge("逾期冻结", "stop"),
    Cause.DEBT: IN_DEBT,
    Cause.MANUAL: Badge("人工冻结", "stop"),
}
"""What bars somebody; a debt is no freeze."""
DEPOSIT_LACKING = Badge("未缴押金", "wait")
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
SETTING_GROUP: Mapping[SettingGroup, str] = {
    SettingGroup.ORDERS: "订单与取消",
    SettingGroup.RENTALS: "租车",
    SettingGroup.FLASH: "闪充",
    SettingGroup.DEPOSITS: "押金与逾期",
}
PURPOSE: Mapping[Purpose, str] = {
    Purpose.SALE: "车款",
    Purpose.RENTAL_FEE: "租金",
    Purpose.DEPOSIT: "押金",
    Purpose.FLASH_FEE: "闪充使用费",
    Purpose.LATE_FEE: "逾期费",
}
DAY_REASON: Mapping[DayReason, str] = {
    DayReason.FEE: "逾期费",
    DayReason.CLOSED: "闭店",
    DayReason.CAPPED: "封顶",
    DayReason.FREE: "不收费",
}
"""Why a day beyond the free days costs what it costs."""
ACCOUNT: Mapping[Account, str] = {
    Account.WECHAT: "微信商户账户",
    Account.RECEIVABLES: "应收费用",
    Account.DEPOSITS: "押金",
    Account.ADVANCES: "预收车款和租金",
    Account.REFUNDS_PAYABLE: "应退",
    Account.SURPLUS: "多收",
    Account.SUSPENSE: "待核实",
    Account.OUTSIDE: "店主垫付",
    Account.SALES: "卖车收入",
    Account.RENTALS: "租车收入",
    Account.FLASH_FEES: "闪充收入",
    Account.LATE_FEES: "逾期费收入",
    Account.DAMAGES: "损坏赔偿",
}
DAY_OPEN = Badge("未关账", "void")
DAY_CLOSED = Badge("已关账", "done")
ACCOUNT_KIND: Mapping[AccountKind, str] = {
    AccountKind.ASSET: "资产",
    AccountKind.LIABILITY: "负债",
    AccountKind.INCOME: "收入",
}
DEPOSIT_KIND: Mapping[DepositKind, str] = {DepositKind.RENTAL: "租车押金", DepositKind.FLASH: "闪充押金"}
DEPOSIT_STATUS: Mapping[DepositStatus, Badge] = {
    DepositStatus.DUE: Badge("待支付", "void"),
    DepositStatus.VOID: Badge("已取消", "void"),
    DepositStatus.HELD: Badge("已支付", "done"),
    DepositStatus.REFUNDING: Badge("退款中", "open"),
    DepositStatus.REFUNDED: Badge("已退款", "done"),
}
TIE: Mapping[Tie, str] = {
    Tie.ORDER: "租车预约",
    Tie.RENTAL: "没还的车",
    Tie.DAMAGE: "还车时的损坏还没处理",
    Tie.BATTERY: "没还的电池",
    Tie.DISPUTE: "待核实的电池",
    Tie.FREEZE: "账户冻结",
    Tie.FEE: "没付的使用费，比押金剩下的多",
}
RENTAL_STATUS: Mapping[RentalStatus, Badge] = {
    RentalStatus.OUT: Badge("未归还", "open"),
    RentalStatus.RETURNED: Badge("已归还", "past"),
}
CARD_STATUS: Mapping[CardStatus, Badge] = {
    CardStatus.PENDING: Badge("待审核", "wait"),
    CardStatus.APPROVED: Badge("已通过", "done"),
    CardStatus.REJECTED: Badge("未通过", "stop"),
    CardStatus.WITHDRAWN: Badge("已替换", "void"),
}
BATTERY_STATE: Mapping[BatteryState, Badge] = {
    BatteryState.IN_STOCK: Badge("在库", "done"),
    BatteryState.IN_USE: Badge("使用中", "open"),
    BatteryState.REPAIR: Badge("维修", "wait"),
    BatteryState.SCRAPPED: Badge("报废", "void"),
    BatteryState.LOST: Badge("丢失", "stop"),
}
ENDED_BY: Mapping[EndedBy, str] = {EndedBy.CLERK: "归还", EndedBy.EXCHANGE: "换电", EndedBy.LOST: "报失"}
USE_OPEN = Badge("使用中", "open")
USE_RETURNED = Badge("已归还", "past")
RETURN_ASKED = Badge("已申请归还", "wait")
DISPUTED = Badge("待核实", "wait")
MEMBER = Badge("已开通", "done")
NOT_MEMBER = Badge("未开通闪充", "void")
NO_BATTERY = Badge("未使用闪充", "void")
CONDITION: Mapping[Condition, str] = {Condition.GOOD: "完好", Condition.DAMAGED: "损坏"}
STOCK_CAUSE: Mapping[StockCause, str] = {
    StockCause.BOUGHT: "进货",
    StockCause.REPAIRED: "修好入库",
    StockCause.MOVED_IN: "调入",
    StockCause.FOUND: "盘盈",
    StockCause.MOVED_OUT: "调出",
    StockCause.MISSING: "盘亏",
    StockCause.SCRAPPED: "报废",
    StockCause.OTHER_IN: "其他（增加）",
    StockCause.OTHER_OUT: "其他（减少）",
}
STOCK_REASON: Mapping[str, str] = {
    "reserved": "预约占用",
    "closed": "订单取消或过期",
    "returned": "还车入库",
    "by_hand": "手工调整",
}
BILL_KIND: Mapping[BillKind, str] = {BillKind.TRADE: "交易账单", BillKind.FUND: "资金账单"}
ITEM_STATE: Mapping[ItemState, Badge] = {
    ItemState.MATCHED: Badge("相符", "done"),
    ItemState.WAITING: Badge("跨日等待", "open"),
    ItemState.OPEN: Badge("待处理", "wait"),
    ItemState.RESOLVED: Badge("已处理", "past"),
}
DIFFERENCE: Mapping[Difference, str] = {
    Difference.PAYMENT_ONLY_BILL: "支付只在微信",
    Difference.PAYMENT_UNPAID: "账本没收到",
    Difference.PAYMENT_ONLY_BOOKS: "支付只在账本",
    Difference.PAYMENT_AMOUNT: "支付金额不同",
    Difference.REFUND_ONLY_BILL: "退款只在微信",
    Difference.REFUND_ONLY_BOOKS: "退款只在账本",
    Difference.REFUND_AMOUNT: "退款金额不同",
    Difference.REFUND_STATUS: "退款状态不同",
    Difference.TWICE: "账单里重复",
    Difference.OTHER_MERCHANT: "别家的账",
    Difference.FUND_MISSING: "资金没有变动",
    Difference.FUND_ONLY: "资金变动没有交易",
    Difference.FUND_AMOUNT: "资金金额不同",
}
"""How bill and books differ, on a badge that is red."""
BILL_CAUSE: Mapping[bills.Cause, str] = {
    bills.Cause.LATE_NOTICE: "微信的通知晚到或没到",
    bills.Cause.NOT_OURS: "不是这个系统收的款",
    bills.Cause.WECHAT_WRONG: "微信的账单有误",
    bills.Cause.BOOKS_WRONG: "账本记错了",
    bills.Cause.OTHER_DAY: "在别的日子的账单里",
    bills.Cause.BANK: "银行没有受理或退了回来",
    bills.Cause.FEE: "手续费或优惠",
    bills.Cause.WITHDRAWAL: "提现或充值",
    bills.Cause.OTHER: "其他，写在说明里",
}
BILL_REMEDY: Mapping[Remedy, str] = {
    Remedy.NOTHING: "核对过，不用处理",
    Remedy.BOOKED: "已在账本补上",
    Remedy.REFUNDED: "已退款给用户",
    Remedy.ASKED_WECHAT: "已联系微信支付",
    Remedy.PASSED_ON: "已交给技术处理",
    Remedy.OTHER: "其他，写在说明里",
}
BILL_TROUBLE: Mapping[Trouble, str] = {
    Trouble.NOT_READY: "微信还在生成",
    Trouble.NONE_YET: "微信说没有账单，账本里有钱",
    Trouble.DAMAGED: "下载的文件不完整",
    Trouble.UNREADABLE: "账单看不懂",
    Trouble.CHANGED: "和取过的不一样",
    Trouble.NO_ANSWER: "微信没有回答",
    Trouble.REFUSED: "微信拒绝了",
}
SHOWN = Badge("已上架", "done")
HIDDEN = Badge("未上架", "void")
PLACE: Mapping[Place, str] = {Place.STOCK: "入库", Place.REPAIR: "送修"}


def paid_for(purpose: Purpose, kind: DepositKind | None) -> str:
    """What a charge is for, in a word; `kind` is of its deposit."""
    return DEPOSIT_KIND[kind] if kind else PURPOSE[purpose]


def late(days: int) -> Badge:
    """逾期 n 天."""
    return Badge(f"逾期 {days} 天", "stop")


CONTACT: Mapping[ContactKind, str] = {
    ContactKind.CUSTOMER_SERVICE: "客服",
    ContactKind.REPAIR: "维修部",
}
SCAN: Mapping[Answer, str] = {
    Answer.READY: "可以提车",
    Answer.NOT_THIS_PERSONS: "不是这位用户的编号",
    Answer.OTHER_STORE: "别的店的订单",
    Answer.NOT_PAID: "还没付款",
    Answer.DEPOSIT_MISSING: "押金还没缴",
    Answer.CARD_NOT_APPROVED: "学生证还没通过",
    Answer.FROZEN: "账户冻结",
    Answer.EXPIRED: "预约已过期",
    Answer.CANCELLED: "订单已取消",
    Answer.COLLECTED: "已经提过车了",
    Answer.UNKNOWN: "没有这个编号",
    Answer.CHOOSE: "选一个",
    Answer.RENTED_OUT: "可以还车",
    Answer.BATTERY_OUT: "可以还电池",
    Answer.BATTERY_IN: "电池在库",
    Answer.BATTERY_AWAY: "电池不能用",
}
"""The word of an answer in the counter's band and in the list of last scans."""
SCAN_LOOK: Mapping[Answer, str] = (
    dict.fromkeys(TO_DO, "done")
    | {Answer.CHOOSE: "open", Answer.BATTERY_IN: "open"}
    | dict.fromkeys(REFUSALS_AT_COUNTER, "stop")
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


PICTURE_FAULTS: Mapping[PictureFault, str] = {
    PictureFault.TOO_LARGE: "照片最多 10 MB，这张超过了。传它的截屏，或调低相机的分辨率重拍",
    PictureFault.TOO_MANY_PIXELS: "照片的像素太多，一般最多 2400 万，WebP 650 万。传它的截屏，或调低相机的分辨率重拍",
    PictureFault.WRONG_TYPE: "这个文件不是 JPEG、PNG 或 WebP 照片。重新选一张，HEIC 照片可以传它的截屏",
    PictureFault.UNREADABLE: "这张照片打不开，文件可能不完整。重新选一次，或重拍一张",
    PictureFault.ANIMATED: "这是一张动图。换一张不会动的照片",
}
"""The sentence beside the field of a photo."""


def moment(at: object) -> str:
    """`11-22 17:05`, Shanghai."""
    return at.astimezone(SHANGHAI).strftime("%m-%d %H:%M") if isinstance(at, datetime) else ""


REFUSALS: Mapping[Rule, str | Callable[[Mapping[str, object]], str]] = {
    Rule.ALREADY_CLOSED: "这个订单已经取消或过期了，可以重新预约。",
    Rule.ALREADY_COLLECTED: "这辆车已经提走了。",
    Rule.ALREADY_PAID: "这一笔已经付过款了，不用再付。",
    Rule.CANCEL_TIME_OVER: lambda facts: f"付款超过 {facts['hours']} 小时，不能自己取消了，联系客服可以帮你取消。",
    Rule.CLOSED_DAYS_BEGUN: lambda facts: f"最早从 {facts['first']} 开始，在它之前的逾期费可能已经记了，不能再改。",
    Rule.CLOSED_DAYS_KNOWN: "这些天已经是闭店日了。",
    Rule.CLOSED_DAYS_WRONG: lambda facts: f"到哪天不能早于从哪天，一次最多 {facts['most']} 天。",
    Rule.COLOUR_UNKNOWN: "没有这个颜色，重新选一个。",
    Rule.CONSENT_MISSING: "先看一遍说明，再勾选同意。",
    Rule.FRAME_NO_TAKEN: lambda facts: (
        f"车架号 {facts['frame_no']} 已经登记在{facts['number'] or '别的店的订单'}上，核对车架上的号码。"
    ),
    Rule.FRAME_NO_WRONG: "车架号是 5 到 30 位的字母和数字，扫车架上的条码也行。",
    Rule.FROZEN: lambda facts: (
        (
            f"账户从 {moment(facts['since'])} 起冻结：{facts['reason']}。"
            + ("还了就自动解冻。" if facts.get("cause") is Cause.OVERDUE else "先联系客服解冻，再来办理。")
        )
        if facts.get("cause") is not Cause.DEBT
        else f"{facts['reason']}。付清后马上可以办理。"
    ),
    Rule.ID_NUMBER_TAKEN: "这个身份证号已经在另一个微信上注册过了。如果是你本人，联系客服处理。",
    Rule.NOTHING_OWED: "没有欠费，不用付。",
    Rule.NOTHING_TO_REFUND: "这笔钱已经全部退了，没有可退的。",
    Rule.NOTHING_TO_WAIVE: "选的这些天没有可以减免的逾期费，刷新后再看一遍。",
    Rule.WAIVE_TOO_MUCH: lambda facts: (
        f"还欠 ¥{yuan(_fen(facts['left_fen']))}，最多减免这么多；选的这些天一共 ¥{yuan(_fen(facts['wanted_fen']))}。"
    ),
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
    Rule.NOT_RESERVED: "这一笔已经不能付款了，看看现在的状态。",
    Rule.NUMBER_WRONG: "这不是你订单的编号，再看一眼店员给你的编号。",
    Rule.OTHER_REGION: "这辆车在别的区域，只能在你学校所在的区域预约。",
    Rule.PAYMENT_TIME_OVER: lambda facts: (
        f"离 {moment(facts['expires_at'])} 到期不到 5 分钟了，来不及付款。到期后编号会空出来，可以马上重新预约。"
    ),
    Rule.PRICE_MISSING: "这辆车还没有定价，暂时不能预约。",
    Rule.REASON_MISSING: "写一句原因，同事以后看得懂。",
    Rule.SERIES_FULL: lambda facts: f"这一号段用完了（到 {facts['last']} 为止），暂时不能预约，联系客服告诉我们。",
    Rule.SOLD_OUT: "刚刚被订完了，看看别的车型，或过几天再来。",
    Rule.REFUNDED_MEANWHILE: lambda facts: (
        f"刚刚有人退过，现在已退 ¥{yuan(_fen(facts['back_fen']))}。这次没有退，看好再决定。"
    ),
    Rule.STALE_CHOICE: lambda facts: f"价格刚刚变成了 ¥{yuan(_fen(facts['price_fen']))}，看好新的价格再决定。",
    Rule.STILL_OPEN: "这个订单还开着，不用恢复。",
    Rule.TOO_MANY_UNPAID: lambda facts: f"你已经有 {facts['limit']} 个没付款的预约，先付一个或取消一个。",
    Rule.UNDO_TIME_OVER: lambda facts: f"提车超过 {facts['minutes']} 分钟，不能撤销了。",
    Rule.ALREADY_RECORDED: "这一页已经记过一次变动了，看看下面的记录；要再记一次，就再提交一次。",
    Rule.FIRST_PRICE: "这是第一个价格，没有更早的可以回去；要改就再改一次，暂时不卖就先下架。",
    Rule.TOO_MANY: lambda facts: f"最多 {facts['most']} 个。",
    Rule.WAS_PRICE_WRONG: "原价要比价格高；没有原价就留空。",
    Rule.ALREADY_RETURNED: "这辆车已经还了，不能再撤销提车。",
    Rule.AMOUNT_WRONG: "金额要大于 0，写到分为止，比如 12.50。",
    Rule.BATTERIES_EXIST: lambda facts: f"电池 {facts['number']} 已经有了，换一段没有用过的编号。",
    Rule.BATTERY_CHANGED: "这块电池刚刚换了用户，再看一遍。",
    Rule.BATTERY_HELD: lambda facts: f"你手上还有电池 {facts['number']}，先还了再扫新的，或到柜台换电。",
    Rule.BATTERY_MOVE_WRONG: "这块电池现在不能这样改，看看它现在的状态。",
    Rule.BATTERY_NOT_OUT: "这块电池没有人在用，不用归还。",
    Rule.BATTERY_NOT_READY: lambda facts: f"电池 {facts['number']} 现在不能用，换一块再扫。",
    Rule.BATTERY_RANGE_WRONG: lambda facts: f"编号从 00001 到 99999，从小到大，一次最多 {facts['most']} 块。",
    Rule.BATTERY_TAKEN: lambda facts: f"电池 {facts['number']} 有人在用，换一块再扫。",
    Rule.BATTERY_UNKNOWN: lambda facts: f"没有 {facts['number']} 这块电池，再看一遍标签上的编号。",
    Rule.CARD_MISSING: "先交学生证照片，再付押金。",
    Rule.CARD_NOT_APPROVED: "学生证还没通过审核，通过后就可以用；到店里可以当面看。",
    Rule.CARD_STANDS: "这张学生证已经处理过了，看看它现在的状态。",
    Rule.COLOURS_MISSING: "颜色至少写一个，用逗号隔开。",
    Rule.DAMAGE_SETTLED: "这辆车的损坏已经处理过了。",
    Rule.DAYS_WRONG: "租期是 1 到 1500 天。",
    Rule.DAY_BEFORE_OPEN: lambda facts: f"{facts['day']} 还没关账，按顺序先关那一天。",
    Rule.DAY_DIFFERENCES_OPEN: lambda facts: f"还有 {facts['count']} 笔差异，处理完才能关账。",
    Rule.DAY_NOT_OVER: "这一天还没过完，过完再关账。",
    Rule.DAY_WITHOUT_BILLS: "账单还没取到。微信每天 10 点后给前一天的账单，取到后才能关账。",
    Rule.DAY_WITHOUT_MONEY: "这一天还没有账，不用关。",
    Rule.DEPOSIT_HELD: "押金已经付过了，不用再付。",
    Rule.DEPOSIT_MISSING: "押金还没付，先付押金。",
    Rule.DEPOSIT_NOT_HELD: "这笔押金现在不能动，看看它的状态。",
    Rule.DEPOSIT_TIED: lambda facts: f"押金现在不能退，还有：{_ties(facts['ties'])}。处理完就可以退。",
    Rule.DISPUTE_SETTLED: "这次使用已经核实过了。",
    Rule.EXPORT_TOO_LONG: lambda facts: f"一次最多导出 {facts['most']:,} 行，把时间或区域缩小一些再导。",
    Rule.FLASH_FEE_UNPAID: lambda facts: f"上次的使用费 ¥{yuan(_fen(facts['amount_fen']))} 还没付，付了就可以扫新的。",
    Rule.FLASH_NOT_OPENED: "还没开通闪充，先付闪充押金。",
    Rule.ITEM_MISSING: "写清楚扣的是什么，每一项都要有名字。",
    Rule.LISTING_EXISTS: "这个区域已经上架了这个车型，直接改它的价格和库存。",
    Rule.NO_RENTAL: "这个订单没有租出去的车，看看订单现在的状态。",
    Rule.NUMBER_NOT_FREE: "这个编号现在有人占着，空出来以后才能停用。",
    Rule.NUMBER_NOT_RETIRED: "这个编号没有停用，不用恢复。",
    Rule.ONE_RENTAL: lambda facts: f"一个人同时只能租一辆车，你已经有 {facts['number']}，还了再租，或取消那一单。",
    Rule.PICTURE_MISSING: "要有一张照片。",
    Rule.PLAN_EXISTS: lambda facts: f"已经有 {facts['days']} 天的租期了，直接改它。",
    Rule.PLATE_ON: lambda facts: f"先把车牌 {facts['number']} 取下来，再打勾。",
    Rule.PRINTED_BEFORE: lambda facts: f"其中 {facts['again']} 个打印过了，补打要写原因，比如标签破损。",
    Rule.PRINT_RANGE_WRONG: lambda facts: (
        f"写一段编号，比如 1-500，或者几个，比如 3、8、20-25；最大到 {facts['prefix']}{facts['last']}。"
    ),
    Rule.PRINT_TOO_MANY: lambda facts: f"一次最多打印 {facts['most']} 张，分几次打。",
    Rule.QUANTITY_WRONG: "数量是 1 到 9999。",
    Rule.REFUNDED_SINCE: "提车以后退过款，不能再撤销提车。",
    Rule.REFUND_ELSEWHERE: "押金在押金的页面退；还没提车的订单，取消订单就会退款。",
    Rule.REFUND_NOT_STUCK: "这笔退款可能马上到账，或者不知道该付给谁，不能记为线下已退。过几分钟再看。",
    Rule.REFUND_TOO_MUCH: lambda facts: f"这笔最多还能退 ¥{yuan(_fen(facts['left_fen']))}。",
    Rule.REFUND_NOT_OLD: "微信还能退这一笔，用「退回并请用户重新缴纳」。",
    Rule.REFUND_TOO_OLD: "微信只退 365 天内付的款，这一笔过了。由店主线下退给用户，再在「押金到期」里记下来。",
    Rule.DEPOSIT_NOT_OLD: "付款还不到 330 天，不用现在处理。",
    Rule.REFUND_STUCK: "这笔退款没有到账，店里正在「异常支付」里处理，不用再退一次。",
    Rule.SETTINGS_CLASH: lambda facts: (
        f"冻结要比最晚归还时间晚：{facts['where']}从 {moment(facts['at'])} 起会是第 {facts['freeze']} 天冻结，"
        f"{facts['free']} 天内归还都不收费。"
    ),
    Rule.STOCK_TOO_LOW: lambda facts: f"库存只有 {facts['stock']} 辆，减不了这么多。",
    Rule.SUSPECT_SETTLED: "这笔钱已经处理过了，看看它现在在哪里。",
    Rule.SUSPECT_UNLIKE: "金额和这笔应付不一样，或者它已经不用付了，不能记到它上面。",
    Rule.STUDENT_NO_WRONG: "学号是 4 到 20 位的数字和字母，看一下学生证。",
    Rule.WITHHOLD_TOO_MUCH: lambda facts: (
        f"最多扣 ¥{yuan(_fen(facts['left_fen']))}，这里一共 ¥{yuan(_fen(facts['wanted_fen']))}；超出的部分不在这里收。"
    ),
    Rule.VALUE_OUT_OF_RANGE: lambda facts: (
        f"{facts['name']}要在 {facts['least']} 到 {facts['most']} {facts['unit']}之间。"
    ),
}
"""One sentence for each rule: first what is so, then what to do."""


def _ties(ties: object) -> str:
    return "、".join(TIE[tie] for tie in ties) if isinstance(ties, tuple) else ""


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
    "deposit_revived": ("押金已收到", "你的付款晚了一点，押金已经收好", "付款 {amount}，闪充已开通"),
    "payment_returned": ("付款已退回", "这一笔已经关闭或付过款，多付的钱自动退回", "{amount} 正在退回你的微信"),
    "refund_done": ("退款到账", "{what}退款已经到账", "{amount} 已退回你的微信"),
    "refund_outside": ("退款已付", "{what}退款由店里直接付给你", "{amount}，没有收到就联系客服"),
    "deposit_sent_back": ("押金退回", "押金快满一年，过了一年微信不能退，先退给你", "退 {amount}，还要用就重新付一次"),
    "deposit_withheld": ("押金扣款", "{item}", "从押金里扣 {amount}，点开看明细"),
    "restriction_began_overdue": ("账户已冻结", "{item}", "归还后马上解冻，点开看怎么办"),
    "restriction_lifted_overdue": ("已经归还，冻结解除", "逾期没还的冻结已经解除", "点开看账户现在的状态"),
    "restriction_began_debt": ("还有逾期费没付", "{item}", "付清后才能再租车、扫码"),
    "restriction_lifted_debt": ("欠费已结清", "逾期费已经结清", "点开看账户现在的状态"),
    "remind_soon_battery": ("电池快到期了", "电池 {number} 免费用到 {on}", "之后{fee}，记得到店归还"),
    "remind_last_battery": ("电池马上到期", "电池 {number} 免费用到 {on}", "之后{fee}，记得到店归还"),
    "remind_late_battery": ("电池已经超期", "电池 {number} 从 {on}起{fee}", "早还一天少算一天"),
    "remind_freezes_battery": ("账户快要冻结", "电池 {number} 还没有归还", "{on}起冻结账户，归还后马上解冻"),
    "remind_soon_vehicle": ("租期快到了", "租的车 {number} 最晚 {on} 归还", "之后{fee}，记得到店归还"),
    "remind_last_vehicle": ("租期马上到了", "租的车 {number} 最晚 {on} 归还", "之后{fee}，记得到店归还"),
    "remind_late_vehicle": ("租的车已经逾期", "租的车 {number} 从 {on}起{fee}", "早还一天少算一天"),
    "remind_freezes_vehicle": ("账户快要冻结", "租的车 {number} 还没有归还", "{on}起冻结账户，归还后马上解冻"),
    "card_approved": ("学生证已通过", "学生证照片审核通过", "可以提车和使用闪充了"),
    "card_rejected": ("学生证未通过", "学生证照片没有通过审核", "点开看原因，重新拍一张"),
}
"""What a person is told through the official account: title, detail, remark."""


def _spoken(day: str) -> str:
    on = date.fromisoformat(day)
    return f"{on.month} 月 {on.day} 日"


def _what_of(number: object, facts: Mapping[str, object]) -> str:
    """What money was for, before the word 退款."""
    if facts.get("purpose") == Purpose.LATE_FEE:
        return f"{PURPOSE[Purpose.LATE_FEE]}的"
    return f"编号 {number} 的" if number else "闪充使用费的" if facts.get("kind") == "battery_use" else "押金"


def message(topic: str, facts: Mapping[str, object]) -> dict[str, str]:
    """The fields of a message: title, detail, remark. `facts`: what the topic's words need; days are ISO, money fen."""
    number, fee_fen = facts.get("number"), _fen(facts.get("fee_fen", 0))
    known = {
        "number": number,
        "what": _what_of(number, facts),
        "amount": f"¥{yuan(_fen(facts.get('amount_fen', 0)))}",
        "item": facts.get("item", ""),
        "on": _spoken(str(facts["on"])) if "on" in facts else "",
        "fee": f"每天收逾期费 ¥{yuan(fee_fen)}" if fee_fen else "算逾期",
    }
    return dict(zip(("title", "detail", "remark"), (words.format(**known) for words in MESSAGES[topic]), strict=True))
