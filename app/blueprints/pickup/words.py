"""What the counter says that depends on facts: time left, deposits after a return, candidates and scans in a line."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count

from app.domain import labels
from app.domain.calendar import business_day
from app.domain.charges import PaymentStatus
from app.domain.numbering import BatteryNumber, VehicleNumber, read_scan
from app.domain.pickup import REFUSALS, Answer
from app.domain.rentals import RentalStatus, days_left
from app.domain.terms import days_out
from app.queries.counter.batteries import CounterBattery, CounterUse
from app.queries.counter.candidates import Candidate, Candidates
from app.queries.counter.day import ScanRow
from app.queries.counter.orders import CounterOrder
from app.web.formats import clock_time, short_left, span, yuan

MOST_SHOWN = 40
"""Characters of a text that is no number of ours."""
DONE = {Answer.READY: "已提车", Answer.RENTED_OUT: "已还车", Answer.BATTERY_OUT: "已归还"}


def fee_word(order: CounterOrder) -> str:
    """What is paid for it."""
    return "租金" if order.is_rental else "车款"


def term_words(order: CounterOrder) -> str:
    """`月租，30 天`; empty for a sale."""
    if not order.is_rental:
        return ""
    return f"{order.plan}，{order.days} 天" if order.plan else f"{order.days} 天"


def days_words(left: int) -> str:
    """`还剩 12 天`, `今天到期`, `逾期 3 天`."""
    if left < 0:
        return labels.late(-left).word
    return f"还剩 {left} 天" if left else "今天到期"


def out_words(use: CounterUse) -> str:
    """`用了 16 天`, `今天借的`."""
    return f"用了 {use.days} 天" if use.days else "今天借的"


def free_words(use: CounterUse) -> str:
    """How long a battery stays free of late fees, or how late it is."""
    if use.days_late:
        return labels.late(use.days_late).word
    left = use.free_days - use.days
    return f"还有 {left} 天不收逾期费" if left else "今天是不收逾期费的最后一天"


def owed_words(use: CounterUse) -> str:
    """What keeps its person from another battery; empty when everything is paid. FLOW-FLASH-1."""
    owed = [f"{word} {yuan(fen)} 未付" for word, fen in (("使用费", use.unpaid_fen), ("逾期费", use.late_fen)) if fen]
    return f"{'，'.join(owed)}，付了才能换电" if owed else ""


def deposit_if_good(order: CounterOrder) -> str:
    """What would become of the deposit, were the vehicle returned in good order now."""
    if order.deposit is None:
        return ""
    if order.deposit.is_of_flash:
        return "闪充押金不动"
    if order.freeze is not None and not order.lifts_by_return and not order.is_in_debt:
        return "账户冻结，押金先不退"
    if order.deposit.amounts.withheld_fen:
        return f"先扣 {yuan(order.deposit.amounts.withheld_fen)}，其余随即退回微信"
    return "押金随即退回微信"


def deposit_after_return(order: CounterOrder) -> str:
    """What becomes of the deposit once the vehicle is back. Decisions 25, 41."""
    deposit, rental = order.deposit, order.rental
    if deposit is None or rental is None:
        return ""
    if rental.is_damaged and not rental.settled:
        return f"{deposit.name}等处理，图片和明细由主管在订单页处理"
    if deposit.is_over:
        return f"{deposit.name}已经退完"
    if deposit.is_refunding:
        return f"{deposit.name}退款中，正在退回用户的微信"
    if deposit.is_of_flash:
        return f"{deposit.name}不退，用户的闪充继续有效"
    ties = "、".join(labels.TIE[tie] for tie in deposit.ties)
    return f"{deposit.name}现在不退，还有：{ties}" if ties else f"{deposit.name}还没有退"


def bringer_words(use: CounterUse) -> str:
    """One who may be the bringer of a battery."""
    facts = (use.name, use.school, f"手机尾号 {use.phone_tail}", f"电池 {use.number}", out_words(use))
    return "，".join(fact for fact in facts if fact)


def taking_in(battery: CounterBattery) -> list[str]:
    """What follows from taking a battery in. Decision 42."""
    repair, stock = "电池放到维修，修好再改为在库", "电池改为在库，别人可以扫码使用；坏了就在「闪充」里改为维修"
    lines = [repair if battery.is_broken else stock]
    if battery.holder:
        lines.append(f"{battery.holder.name} 对这块电池的使用现在结束，记为待核实")
    return [*lines, "填了用户自己的电池，那一次使用不结束，记为待核实", "谁用了哪一块，由主管核实，写明原因"]


@dataclass(frozen=True, slots=True)
class Choice:
    """One candidate in a line, with the digit that chooses it."""

    key: int
    number: str
    name: str
    what: tuple[str, ...]
    badge: labels.Badge
    left: str


def choices(found: Candidates, now: datetime) -> list[tuple[str, list[Choice]]]:
    """The groups that have somebody, as (which, lines); the keys count through."""
    keys = count(1)
    groups = (("waiting", found.waiting), ("out", found.out), ("by_phone", found.by_phone))
    return [(name, [_choice(next(keys), one, now) for one in group]) for name, group in groups if group]


def _choice(key: int, one: Candidate, now: datetime) -> Choice:
    today = business_day(now)
    vehicle = f"{one.model} {one.colour}".strip()
    what = (labels.BUSINESS[one.business] if one.business else "闪充电池", vehicle, one.school)
    if one.began_on is not None:
        days = days_out(one.began_on, today)
        return Choice(key, one.number, one.name, what, labels.USE_OPEN, f"用了 {days} 天" if days else "今天借的")
    if one.due_on is not None:
        badge = labels.RENTAL_STATUS[RentalStatus.OUT]
        return Choice(key, one.number, one.name, what, badge, days_words(days_left(one.due_on, today)))
    badge = labels.PAYMENT_STATUS[PaymentStatus.SETTLES if one.paid else PaymentStatus.CREATED]
    return Choice(key, one.number, one.name, what, badge, _time_left(one, now))


def _time_left(one: Candidate, now: datetime) -> str:
    expires_at = one.expires_at or now
    if one.paid and expires_at <= now:
        return f"已付未提 {span(now - expires_at)}"
    return short_left(expires_at, now)


def overdue_words(overdue: timedelta | None) -> str:
    """Whether a paid order's time is over: it is handed over all the same. Decision 13."""
    return f"已付未提 {span(overdue)}，照常提车" if overdue else "已付款，不会过期"


def scan_line(row: ScanRow) -> tuple[str, str, str, bool]:
    """(time, number, words, refused), as the foot shows a scan."""
    word = DONE.get(row.answer, "") if row.done else labels.SCAN[row.answer]
    number = row.typed if is_whole_number(row.typed) else row.number
    if row.typed and not is_whole_number(row.typed):
        word = f"{row.typed} {word}"
    return clock_time(row.at), number or "", word, row.answer in REFUSALS


def is_whole_number(typed: str | None) -> bool:
    """Whether a plate can be drawn of it: a vehicle's or a battery's number."""
    return isinstance(read_scan(typed or ""), VehicleNumber | BatteryNumber)
