"""The sentences of the section that need a time, a number of days or an amount."""

from dataclasses import dataclass
from datetime import datetime

from app.domain.batteries import BatteryState
from app.domain.progress import Progress
from app.queries.battery_page import BatteryPage, Holding
from app.queries.flash_charge import Span
from app.queries.use_page import UsePage
from app.web.formats import short_day, today_when, yuan

SPAN: dict[Span, str] = {
    Span.ALL: "使用中",
    Span.LATE: "逾期",
    Span.SHORT: "14 天内",
    Span.LONG: "15–29 天",
    Span.LONGEST: "30 天以上",
    Span.ASKED: "已申请归还",
    Span.DISPUTED: "待核实",
}
NOTHING: dict[Span, str] = {
    Span.ALL: "现在没有人在用电池",
    Span.LATE: "没有逾期的电池",
    Span.SHORT: "没有用了 14 天以内的电池",
    Span.LONG: "没有用了 15 到 29 天的电池",
    Span.LONGEST: "没有用了 30 天以上的电池",
    Span.ASKED: "没有人申请归还",
    Span.DISPUTED: "没有待核实的使用记录",
}
HISTORY: dict[int, str] = {7: "近7天", 30: "近30天", 90: "近90天"}
MOVE: dict[BatteryState, str] = {
    BatteryState.IN_STOCK: "入库",
    BatteryState.REPAIR: "送修",
    BatteryState.SCRAPPED: "报废",
    BatteryState.LOST: "标为丢失",
}
AFTER_MOVE: dict[BatteryState, str] = {
    BatteryState.IN_STOCK: "用户可以扫码使用",
    BatteryState.REPAIR: "修好入库以前，用户扫不了",
    BatteryState.SCRAPPED: "不再使用，编号不会给别的电池",
    BatteryState.LOST: "用户扫不了；找到以后再入库",
}


@dataclass(frozen=True, slots=True)
class Strip:
    """The next step of a battery. kind: act | wait | stop | over."""

    lead: str
    text: str
    strong: str = ""
    tail: str = ""
    kind: str = "act"
    icon: str = "flag"


def strip_of(battery: BatteryPage, now: datetime) -> Strip:
    """The one sentence that says what to do now."""
    if battery.holding is not None:
        return _of_use(battery.holding, now)
    if battery.disputed:
        return Strip("待核实。", "有一次使用记录说不清，问过用户以后点「核实」。", kind="wait", icon="alert-triangle")
    if battery.state is BatteryState.IN_STOCK and battery.printed_at is None:
        return Strip("下一步：打印标签。", "标签贴好，电池才能投放。", icon="printer")
    return {
        BatteryState.IN_STOCK: Strip("在库。", "用户可以扫码使用，没有要做的。", kind="over", icon="check"),
        BatteryState.IN_USE: Strip("使用中。", "", kind="over"),
        BatteryState.REPAIR: Strip("维修。", "修好以后点「入库」。", kind="wait", icon="tool"),
        BatteryState.SCRAPPED: Strip("已报废。", "不再使用。", kind="over", icon="circle-x"),
        BatteryState.LOST: Strip("丢失。", "找到以后点「入库」。", kind="stop", icon="alert-triangle"),
    }[battery.state]


def strip_of_use(page: UsePage, now: datetime) -> Strip:
    """The same for one use."""
    fees = page.late_fees
    if page.is_open:
        asked = page.return_asked_at
        return _out(page.progress, fees.terms.late_fee_fen, asked, now, is_disputed=page.use.is_disputed)
    if page.use.is_disputed:
        return Strip("待核实。", "电池已经收下，", "问过用户以后点「核实」", kind="wait", icon="alert-triangle")
    if fees.is_debt:
        owed = f"还欠逾期费 {yuan(fees.account.owed_fen)}，"
        return Strip("欠费：", owed, "付清、减免，或退押金时扣清", kind="wait", icon="alert-triangle")
    return Strip("已归还。", "没有要做的。", kind="over", icon="check")


def _of_use(holding: Holding, now: datetime) -> Strip:
    asked = holding.return_asked_at
    return _out(holding.progress, holding.late_fee_fen, asked, now, is_disputed=holding.use.is_disputed)


def _out(
    progress: Progress, late_fee_fen: int, asked_at: datetime | None, now: datetime, *, is_disputed: bool
) -> Strip:
    days = f"已用 {progress.day} 天，"
    if is_disputed:
        return Strip(
            "待核实。", f"{days}说不清电池在哪里，", "问过用户以后点「核实」", kind="wait", icon="alert-triangle"
        )
    if asked_at is not None:
        asked = today_when(asked_at, now)
        return Strip("下一步：收回电池。", f"用户 {asked} 申请归还，", "在柜台扫一下标签就结束", icon="scan")
    if progress.is_frozen:
        return Strip("账户冻结：", f"{days}没有还，", "还了就自动解冻", kind="stop", icon="lock")
    freezes = f"{short_day(progress.freezes_on)} 起冻结账户"
    if progress.days_late:
        fee = f"逾期费每天 {yuan(late_fee_fen)}，" if late_fee_fen else ""
        return Strip(f"逾期 {progress.days_late} 天。", f"{days}{fee}", freezes, kind="wait", icon="clock")
    free = f"免费到 {short_day(progress.free_until)}"
    return Strip("使用中。", f"{days}{free}，", f"还剩 {progress.free_left} 天", icon="battery-charging")


def used_words(holding: Holding) -> str:
    """`18 天，逾期 4 天`."""
    late = holding.progress.days_late
    return f"{holding.progress.day} 天，逾期 {late} 天" if late else f"{holding.progress.day} 天"


def fee_words(holding: Holding) -> str:
    """What was agreed for the days beyond the free ones."""
    if not holding.late_fee_fen:
        return ""
    return f"每天 {yuan(holding.late_fee_fen)}，最多 {yuan(holding.cap_fen)}"
