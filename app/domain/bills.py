"""WeChat Pay's daily bills: how they are read, and how they may differ from our books (decision 33).

A bill is text: a line of headers, lines of values each behind a back-tick, then a line of headers and one of values
that sum it all up. Money is yuan there. Values are found by their header, never by their place: older merchants have
other columns. What cannot be read is refused as a whole, so that no line is ever passed over.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from enum import StrEnum

from app.domain.calendar import SHANGHAI, business_day, day_end
from app.domain.money import LARGEST_FEN
from app.domain.refunds import RefundStatus

READY_AT = time(10)
"""From this time of the next day, Shanghai, a day's bills may be asked for (WeChat's own advice)."""
DAYS_BACK = 85
"""WeChat keeps bills for three months; what lies farther back is not asked for any more."""
POOL_DAYS = 2
"""What a bill lacks may stand in the bill of one of so many next days; until then it waits."""


class BillKind(StrEnum):
    """Trades line by line, or the movements of our account at WeChat."""

    TRADE = "trade"
    FUND = "fund"


class ItemState(StrEnum):
    """Matched; waiting for the next day's bill; open until somebody resolves it."""

    MATCHED = "matched"
    WAITING = "waiting"
    OPEN = "open"
    RESOLVED = "resolved"


LISTED = (ItemState.OPEN, ItemState.WAITING, ItemState.RESOLVED)
"""The states of differences, in the order of their lists."""


class Difference(StrEnum):
    """What does not agree."""

    PAYMENT_ONLY_BILL = "payment_only_bill"  # WeChat has a payment that no attempt of ours knows
    PAYMENT_UNPAID = "payment_unpaid"  # WeChat has it paid, our attempt does not
    PAYMENT_ONLY_BOOKS = "payment_only_books"  # we have it paid, the bill does not
    PAYMENT_AMOUNT = "payment_amount"
    REFUND_ONLY_BILL = "refund_only_bill"
    REFUND_ONLY_BOOKS = "refund_only_books"
    REFUND_AMOUNT = "refund_amount"
    REFUND_STATUS = "refund_status"  # the bill says failed or on its way where we say arrived, or the reverse
    TWICE = "twice"  # the same line again
    OTHER_MERCHANT = "other_merchant"  # a line of another merchant or app
    FUND_MISSING = "fund_missing"  # a trade that did not move our account
    FUND_ONLY = "fund_only"  # a movement without a trade
    FUND_AMOUNT = "fund_amount"  # a movement of another amount than its trade


class Cause(StrEnum):
    """Why it came to a difference, as the person sees it who resolves it."""

    LATE_NOTICE = "late_notice"
    NOT_OURS = "not_ours"
    WECHAT_WRONG = "wechat_wrong"
    BOOKS_WRONG = "books_wrong"
    OTHER_DAY = "other_day"
    BANK = "bank"
    FEE = "fee"
    WITHDRAWAL = "withdrawal"
    OTHER = "other"


_OF_PAYMENTS = (Cause.LATE_NOTICE, Cause.NOT_OURS, Cause.WECHAT_WRONG, Cause.BOOKS_WRONG, Cause.OTHER_DAY, Cause.OTHER)
_OF_REFUNDS = (Cause.LATE_NOTICE, Cause.BANK, Cause.NOT_OURS, Cause.WECHAT_WRONG, Cause.OTHER_DAY, Cause.OTHER)
_OF_MOVEMENTS = (Cause.WITHDRAWAL, Cause.FEE, Cause.OTHER_DAY, Cause.WECHAT_WRONG, Cause.OTHER)
_OF_FOREIGN = (Cause.NOT_OURS, Cause.WECHAT_WRONG, Cause.OTHER)


def causes_of(difference: Difference) -> tuple[Cause, ...]:
    """The causes that a difference can have."""
    if difference in (Difference.TWICE, Difference.OTHER_MERCHANT):
        return _OF_FOREIGN
    if difference.startswith("fund"):
        return _OF_MOVEMENTS
    return _OF_REFUNDS if difference.startswith("refund") else _OF_PAYMENTS


class Remedy(StrEnum):
    """What was done about it."""

    NOTHING = "nothing"
    BOOKED = "booked"
    REFUNDED = "refunded"
    ASKED_WECHAT = "asked_wechat"
    PASSED_ON = "passed_on"
    OTHER = "other"


class Trouble(StrEnum):
    """Why a day's bill is not here yet."""

    NOT_READY = "not_ready"  # WeChat is still at it
    NONE_YET = "none_yet"  # WeChat says that nothing moved, and our books say otherwise
    DAMAGED = "damaged"  # what came is not what was announced
    UNREADABLE = "unreadable"
    CHANGED = "changed"  # another bill than the one that was taken in
    NO_ANSWER = "no_answer"
    REFUSED = "refused"


class BillUnreadable(ValueError):
    """A bill that is not as documented; the message says where, for people."""


class BillChanged(Exception):
    """WeChat gives another bill for a day whose bill was taken in: a person must look, nothing is written."""


class NoneYet(Exception):
    """WeChat says that it has no bill for a day on which we had money; believed only after two days."""


class TradeBillFirst(Exception):
    """Movements are held against the trades of the day, so the bill of trades comes first."""


def ready_until(now: datetime) -> date:
    """The last day whose bills may be asked for."""
    today = business_day(now)
    return today - timedelta(days=1 if now.astimezone(SHANGHAI).time() >= READY_AT else 2)


def days_wanted(first: date | None, now: datetime) -> list[date]:
    """The days whose bills there ought to be, oldest first: since the first money, as far back as WeChat has them."""
    if first is None:
        return []
    last = ready_until(now)
    begin = max(first, business_day(now) - timedelta(days=DAYS_BACK))
    return [begin + timedelta(days=nth) for nth in range((last - begin).days + 1)]


def none_is_believed(day: date, now: datetime) -> bool:
    """Whether "no bill" is taken for an empty one although our books have money on that day."""
    return now >= day_end(day) + timedelta(days=POOL_DAYS)


# ---- reading ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What a line of either bill has. `fen` is signed: what went out is negative."""

    no: int  # from 1
    at: datetime
    wechat_id: str  # WeChat's id of the payment or the refund
    our_no: str
    fen: int
    text: Mapping[str, str]  # by header, without who paid


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeLine(Line):
    """A payment, or a refund that WeChat accepted on the day."""

    is_refund: bool
    mch_id: str
    app_id: str
    transaction_id: str
    out_trade_no: str
    fee_fen: int  # what WeChat keeps of it; negative where a refund gives some back
    refund_status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FundLine(Line):
    """A movement of our account. `our_no` is the voucher: the number of payment or refund that we gave."""

    flow_no: str
    is_fee: bool


class _Columns:
    """Where a value stands, by the names that its header has had."""

    def __init__(self, headers: Sequence[str]) -> None:
        self._places = {header: place for place, header in enumerate(headers)}

    def find(self, *names: str) -> int:
        """The place of the first of these headers that is there. Raises BillUnreadable."""
        for name in names:
            if name in self._places:
                return self._places[name]
        raise BillUnreadable(f"账单里没有「{names[0]}」这一列")


PAYER = "用户标识"
PAID, REFUNDED = "SUCCESS", frozenset({"REFUND", "REVOKED"})
TRADE_SUMS = (
    ("应结订单总金额", "应结订单金额"),
    ("总交易额", "总金额"),
    ("退款总金额", "退款金额"),
    ("总退款金额", "退款金额"),
    ("订单总金额", "订单金额"),
    ("申请退款总金额", "申请退款金额"),
    ("手续费总金额", "手续费"),
)
"""Totals of the last line, and the columns that they are of; a total whose column is not there is not looked at."""


class _TradeReader:
    """Reads the lines of one bill of trades. Raises BillUnreadable when a column is missing."""

    def __init__(self, headers: Sequence[str]) -> None:
        columns = _Columns(headers)
        self._headers = headers
        self._at, self._state, self._currency = map(columns.find, ("交易时间", "交易状态", "货币种类"))
        self._mch_id, self._app_id = map(columns.find, ("商户号", "公众账号ID"))
        self._transaction_id, self._out_trade_no = map(columns.find, ("微信订单号", "商户订单号"))
        self._refund_id, self._out_refund_no = map(columns.find, ("微信退款单号", "商户退款单号"))
        self._paid = columns.find("订单金额", "应结订单金额", "总金额")
        self._refunded = columns.find("申请退款金额", "退款金额")
        self._refund_status, self._fee = map(columns.find, ("退款状态", "手续费"))

    def line(self, no: int, values: Sequence[str]) -> TradeLine:
        """One line. Raises BillUnreadable."""
        state, currency = values[self._state], values[self._currency]
        is_refund = state in REFUNDED
        if state != PAID and not is_refund:
            raise BillUnreadable(f"第 {no} 行：不认识的交易状态「{state}」")
        if currency != "CNY":
            raise BillUnreadable(f"第 {no} 行：币种是「{currency}」，不是人民币")
        amount = _fen(no, values[self._refunded if is_refund else self._paid])
        return TradeLine(
            no=no,
            at=_moment(no, values[self._at]),
            wechat_id=values[self._refund_id if is_refund else self._transaction_id],
            our_no=values[self._out_refund_no if is_refund else self._out_trade_no],
            fen=-amount if is_refund else amount,
            text=_text(self._headers, values),
            is_refund=is_refund,
            mch_id=values[self._mch_id],
            app_id=values[self._app_id],
            transaction_id=values[self._transaction_id],
            out_trade_no=values[self._out_trade_no],
            fee_fen=_nearest_fen(no, values[self._fee]),
            refund_status=values[self._refund_status],
        )


def read_trade_bill(content: bytes) -> list[TradeLine]:
    """The lines of a bill of trades (`ALL`). Raises BillUnreadable."""
    headers, rows, totals = _read(content, "交易时间", "总交易单数")
    reader = _TradeReader(headers)
    lines = [reader.line(no, values) for no, values in enumerate(rows, 1)]
    _check("总交易单数", totals, Decimal(len(rows)))
    for total, header in TRADE_SUMS:
        if total in totals and header in headers:
            place = headers.index(header)
            _check(total, totals, sum((_decimal(no, row[place]) for no, row in enumerate(rows, 1)), Decimal()))
    return lines


def retold(no: int, text: Mapping[str, str]) -> TradeLine:
    """A line of trades as it was kept (`Line.text`)."""
    return _TradeReader(list(text)).line(no, list(text.values()))


def read_fund_bill(content: bytes) -> list[FundLine]:
    """The lines of a bill of movements (`BASIC`). Raises BillUnreadable."""
    headers, rows, totals = _read(content, "记账时间", "资金流水总笔数")
    columns = _Columns(headers)
    at, wechat_id, flow_no, voucher = map(columns.find, ("记账时间", "微信支付业务单号", "资金流水单号", "业务凭证号"))
    name, kind, direction, amount = map(columns.find, ("业务名称", "业务类型", "收支类型", "收支金额(元)"))

    def line(no: int, values: Sequence[str]) -> FundLine:
        if values[direction] not in ("收入", "支出"):
            raise BillUnreadable(f"第 {no} 行：不认识的收支类型「{values[direction]}」")
        fen = _fen(no, values[amount])
        return FundLine(
            no=no,
            at=_moment(no, values[at]),
            wechat_id=values[wechat_id],
            our_no=values[voucher],
            fen=fen if values[direction] == "收入" else -fen,
            text=_text(headers, values),
            flow_no=values[flow_no],
            is_fee="手续费" in values[kind] or "手续费" in values[name],
        )

    lines = [line(no, values) for no, values in enumerate(rows, 1)]
    into, out = [one.fen for one in lines if one.fen > 0], [one.fen for one in lines if one.fen <= 0]
    _check("资金流水总笔数", totals, Decimal(len(lines)))
    for word, fens in (("收入", into), ("支出", out)):
        _check(f"{word}笔数", totals, Decimal(len(fens)))
        _check(f"{word}金额", totals, Decimal(abs(sum(fens))) / 100)
    return lines


def refuse_other_day(lines: Iterable[Line], day: date) -> None:
    """A file of another day is refused; lines that come a day or two late are not. Raises BillUnreadable."""
    days = {business_day(line.at) for line in lines}
    if days and not any(timedelta() <= day - one <= timedelta(days=POOL_DAYS) for one in days):
        raise BillUnreadable(f"这是 {min(days)} 的账单，不是 {day} 的")


def _read(content: bytes, first_header: str, first_total: str) -> tuple[list[str], list[list[str]], dict[str, str]]:
    """Headers, rows of values, totals by header."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BillUnreadable("账单不是 UTF-8 文字") from None
    lines = text.replace("\r\n", "\n").split("\n")  # a name may hold what Unicode calls a line's end
    while lines and not lines[-1].strip():
        lines.pop()
    headers = _headers(lines[0]) if lines else []
    if first_header not in headers:
        raise BillUnreadable(f"账单的第一行里没有「{first_header}」")
    if twice := {header for header in headers if headers.count(header) > 1}:
        raise BillUnreadable(f"账单里有两列「{min(twice)}」")
    if len(lines) < 3 or first_total not in _headers(lines[-2]):  # noqa: PLR2004  # headers and the two of the sum
        raise BillUnreadable(f"账单的末尾没有「{first_total}」的合计，可能不完整")
    rows = [_values(no, line, len(headers)) for no, line in enumerate(lines[1:-2], 1)]
    names = _headers(lines[-2])
    return headers, rows, dict(zip(names, _values(0, lines[-1], len(names)), strict=True))


def _headers(line: str) -> list[str]:
    return [header.strip().replace("（", "(").replace("）", ")") for header in line.split(",")]


def _values(no: int, line: str, columns: int) -> list[str]:
    """A comma can be part of a name: values are told apart by comma and back-tick. `no` 0 is the line of the sum."""
    where = f"第 {no} 行" if no else "合计"
    if not line.startswith("`"):
        raise BillUnreadable(f"{where}：不是数据（应该以 ` 开头）")
    values = [value.strip() for value in line[1:].split(",`")]
    if len(values) != columns:
        raise BillUnreadable(f"{where}：有 {len(values)} 列，表头有 {columns} 列")
    return values


def _text(headers: Sequence[str], values: Sequence[str]) -> dict[str, str]:
    """What the line says, but for who paid."""
    return {header: value for header, value in zip(headers, values, strict=True) if header != PAYER}


def _moment(no: int, text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=SHANGHAI).astimezone(UTC)
    except ValueError:
        raise BillUnreadable(f"第 {no} 行：看不懂的时间「{text}」") from None


def _decimal(no: int, text: str) -> Decimal:
    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or abs(found) * 100 > LARGEST_FEN:
        raise BillUnreadable(f"第 {no} 行：看不懂的金额「{text}」" if no else f"合计：看不懂的数「{text}」")
    return found


def _fen(no: int, text: str) -> int:
    """Yuan as fen, exactly."""
    fen = _decimal(no, text) * 100
    if fen != fen.to_integral_value() or fen < 0:
        raise BillUnreadable(f"第 {no} 行：金额「{text}」不是整分")
    return int(fen)


def _nearest_fen(no: int, text: str) -> int:
    """A fee is written with five places; what is moved is whole fen."""
    return int((_decimal(no, text) * 100).to_integral_value(ROUND_HALF_UP))


def _check(name: str, totals: Mapping[str, str], counted: Decimal) -> None:
    """The sum of the lines is what the last line says: nothing was cut off."""
    if name not in totals:
        raise BillUnreadable(f"账单的合计里没有「{name}」")
    if _decimal(0, totals[name]) != counted:
        raise BillUnreadable(f"「{name}」写的是 {totals[name]}，各行加起来是 {counted}")


# ---- judging ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BookPayment:
    """An attempt as our books have it; `received_fen` None: not paid."""

    id: int
    received_fen: int | None
    region_id: int | None


@dataclass(frozen=True, slots=True)
class BookRefund:
    """A refund as our books have it."""

    id: int
    amount_fen: int
    status: RefundStatus
    done_at: datetime | None
    region_id: int | None
    outside: bool = False  # in the end it was paid outside WeChat


def judge_payment(line: TradeLine, ours: BookPayment | None, *, mch_id: str, app_id: str) -> Difference | None:
    """What does not agree about a payment; None if all does.

    What came through another app than ours and stands in our books all the same (as a suspect) agrees: its money is
    here, and somebody has it on a list already.
    """
    if line.mch_id != mch_id:
        return Difference.OTHER_MERCHANT
    if ours is None:
        return Difference.OTHER_MERCHANT if line.app_id != app_id else Difference.PAYMENT_ONLY_BILL
    if ours.received_fen is None:
        return Difference.PAYMENT_UNPAID
    return Difference.PAYMENT_AMOUNT if ours.received_fen != line.fen else None


def judge_refund(line: TradeLine, ours: BookRefund | None, day: date, *, mch_id: str) -> Difference | None:
    """The same of a refund. `day` is the bill's: the state that it tells is as old as that."""
    if line.mch_id != mch_id:
        return Difference.OTHER_MERCHANT
    if ours is None:
        return Difference.REFUND_ONLY_BILL
    if ours.amount_fen != -line.fen:
        return Difference.REFUND_AMOUNT
    return None if _states_agree(line.refund_status, ours, day) else Difference.REFUND_STATUS


def _states_agree(told: str, ours: BookRefund, day: date) -> bool:
    """WeChat does not write a refund's state anew: what ended after the day may stand there as on its way."""
    if told == "SUCCESS" or ours.outside:
        return (told == "SUCCESS") == (ours.status is RefundStatus.DONE and not ours.outside)
    if told == "FAIL":
        return ours.status is RefundStatus.REFUSED
    arrived_later = ours.status is not RefundStatus.DONE or (ours.done_at is not None and ours.done_at >= day_end(day))
    if told == "CHANGE":  # could not be delivered; may be since
        under_way = ours.status in (RefundStatus.REQUESTED, RefundStatus.ACCEPTED)
        return not under_way and arrived_later
    return arrived_later


ALONE_IN_BILL = frozenset(
    {Difference.PAYMENT_ONLY_BILL, Difference.REFUND_ONLY_BILL, Difference.TWICE, Difference.OTHER_MERCHANT}
)
"""Lines of trades that are a difference by themselves: no movement is looked for beside them."""


ASKED_AS_REFUND: Mapping[Difference, bool] = {
    Difference.PAYMENT_ONLY_BILL: False,
    Difference.PAYMENT_UNPAID: False,
    Difference.PAYMENT_ONLY_BOOKS: False,
    Difference.PAYMENT_AMOUNT: False,
    Difference.REFUND_ONLY_BILL: True,
    Difference.REFUND_ONLY_BOOKS: True,
    Difference.REFUND_AMOUNT: True,
    Difference.REFUND_STATUS: True,
}
"""Differences about which WeChat can be asked, and whether as a refund."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What our account ought to have moved for one payment or refund, fen, signed as a movement is.

    Where bill and books disagree about the amount, that is told already: a movement may agree with either.
    """

    fens: tuple[int, ...]
    fee_fen: int = 0
    given_back: bool = False  # of a refund that WeChat closed: its money comes back
    moved: bool = False  # an earlier bill has it

    def agrees(self, main_fen: int, fees_fen: int) -> bool:
        """Whether the movements are what was expected: the amount and its fee apart, or what is left of it in one."""
        return any(
            main_fen in (fen, fen - self.fee_fen) and main_fen + fees_fen == fen - self.fee_fen for fen in self.fens
        )


@dataclass(frozen=True, slots=True)
class Movement:
    """The judgement on one line of a bill of movements; `book_fen` is what it ought to have been."""

    difference: Difference | None
    book_fen: int | None


def judge_movements(lines: Iterable[FundLine], expected: Mapping[str, Expected]) -> dict[int, Movement]:
    """The judgement on each line, by its number. `expected`: by WeChat's id of payment or refund."""
    judged: dict[int, Movement] = {}
    groups: dict[str, list[FundLine]] = defaultdict(list)
    flows: set[str] = set()
    for line in lines:
        if line.flow_no and line.flow_no in flows:
            judged[line.no] = Movement(Difference.TWICE, None)
        else:
            flows.add(line.flow_no)
            groups[line.wechat_id].append(line)
    for wechat_id, group in groups.items():
        judged |= _judge_group(group, expected.get(wechat_id))
    return judged


def _judge_group(group: Sequence[FundLine], expected: Expected | None) -> dict[int, Movement]:
    """The movements of one payment or refund: its money, perhaps its fee, perhaps the money back."""
    alone = {line.no: Movement(Difference.FUND_ONLY, None) for line in group}
    if expected is None:
        return alone
    fees = [line for line in group if line.is_fee]
    mains = [line for line in group if not line.is_fee and (line.fen > 0) == (expected.fens[0] > 0)]
    backs = [line for line in group if not line.is_fee and line not in mains]
    judged = alone
    for line in backs:
        if expected.given_back and -line.fen in expected.fens:
            judged[line.no] = Movement(None, line.fen)
    for line in mains[0 if expected.moved else 1 :]:
        judged[line.no] = Movement(Difference.TWICE, None)
    fees_fen, wanted_fen = sum(line.fen for line in fees), -expected.fee_fen
    if expected.moved:
        agree = fees_fen == wanted_fen
        return judged | {line.no: Movement(None if agree else Difference.FUND_AMOUNT, wanted_fen) for line in fees}
    if not mains:
        return judged
    main = mains[0]
    judged |= {line.no: Movement(None, line.fen) for line in fees}
    if expected.agrees(main.fen, fees_fen):
        judged[main.no] = Movement(None, main.fen)
    elif fees and main.fen in expected.fens:
        judged[main.no] = Movement(None, main.fen)
        judged[fees[0].no] = Movement(Difference.FUND_AMOUNT, wanted_fen)
    else:
        judged[main.no] = Movement(Difference.FUND_AMOUNT, expected.fens[-1] - (0 if fees else expected.fee_fen))
    return judged
