"""What the phone says of late fees: each day, what it comes to, what became of it, and what tomorrow costs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from flask import url_for

from app.domain.labels import DAY_REASON
from app.domain.late_fees import DayReason
from app.queries.my_late_fees import MyLateDay, MyLateFees
from app.web.formats import near_day, yuan


@dataclass(frozen=True, slots=True)
class DayLine:
    """One day of the list."""

    day: str
    note: str
    money: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LateWords:
    """The late fees of one battery or rented vehicle."""

    late: MyLateFees
    what: str  # 电池, 租的车
    state: str  # since when, until when
    latest: Sequence[DayLine]  # newest first
    earlier: Sequence[DayLine]
    capped: str  # since when nothing is added any more; empty below the cap
    tomorrow: str  # what it will cost if it is not back; empty once it is
    became: Sequence[tuple[str, int]]  # what was waived, paid and withheld, fen
    afterwards: str  # what happens if it is not paid
    page_url: str
    pay_url: str

    @property
    def button(self) -> str:
        """Names the amount; the press fixes it for a while."""
        return f"支付逾期费 {yuan(self.late.owed_fen)}"


def late_words(late: MyLateFees, today: date) -> LateWords:
    """The words of one."""
    account = late.account
    became = (("已减免", account.waived_fen), ("已付", account.paid_fen), ("已从押金扣", account.withheld_fen))
    is_battery = late.order_id is None
    return LateWords(
        late=late,
        what="电池" if is_battery else "租的车",
        state=_state(late, today),
        latest=[_line(day, late, today) for day in late.latest],
        earlier=[_line(day, late, today) for day in late.earlier],
        capped=f"{near_day(late.capped_from, today)} 起封顶，不再加" if late.capped_from else "",
        tomorrow=_tomorrow(late),
        became=[(word, fen) for word, fen in became if fen],
        afterwards=_afterwards(late),
        page_url=_page_url(late),
        pay_url=pay_url(late.use_id, late.order_id),
    )


def pay_url(use_id: int | None, order_id: int | None) -> str:
    """Where a press fixes the amount as of today and leads to paying it."""
    if order_id is None:
        return url_for("mobile.quote_battery", use_id=use_id)
    return url_for("mobile.quote_rental", order_id=order_id)


def _page_url(late: MyLateFees) -> str:
    if late.order_id is not None:
        return url_for("mobile.order", order_id=late.order_id)
    return url_for("mobile.flash_uses" if late.is_over else "mobile.flash")


def that_cost(lates: Iterable[MyLateFees]) -> list[MyLateFees]:
    """Without those whose terms ask for nothing."""
    return [late for late in lates if not late.is_free]


def _state(late: MyLateFees, today: date) -> str:
    days = f"逾期 {len(late.days)} 天"
    return f"{near_day(late.returned_on, today)} 结束，{days}" if late.returned_on else f"还没还，{days}"


def _line(day: MyLateDay, late: MyLateFees, today: date) -> DayLine:
    on = near_day(day.on, today)
    if day.reason is not DayReason.FEE:
        return DayLine(on, DAY_REASON[day.reason], "不收")
    if day.waived_fen:
        return DayLine(on, f"已减免 {yuan(day.waived_fen)}", yuan(day.amount_fen))
    to_the_cap = day.amount_fen < late.terms.late_fee_fen
    return DayLine(on, f"加到最多 {yuan(late.terms.cap_fen)}" if to_the_cap else "", yuan(day.amount_fen))


def _tomorrow(late: MyLateFees) -> str:
    if late.tomorrow is None:
        return ""
    return {
        DayReason.FEE: f"明天还没还，再加 {yuan(late.tomorrow.amount_fen)}",
        DayReason.CLOSED: "明天闭店，不加",
        DayReason.CAPPED: "已经封顶，明天不加",
        DayReason.FREE: "",
    }[late.tomorrow.reason]


def _afterwards(late: MyLateFees) -> str:
    if late.suspect_fen:
        return f"你付的 {yuan(late.suspect_fen)} 和逾期费对不上，店里正在核对，先不要再付。"
    if not late.owed_fen:
        return ""
    if late.is_over:
        return "付清才能再租车、扫码。不付的话，退押金时先扣它。"
    return "现在付，或者退押金时从里面扣，都一样多。"
