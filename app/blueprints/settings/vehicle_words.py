"""The sentences of vehicles in the settings: what a price change will do, and what a listing still needs."""

from dataclasses import dataclass

from app.blueprints.settings.words import start_words
from app.domain.labels import BUSINESS
from app.queries.vehicle_settings import ListingRow, PriceChange, Term
from app.web.formats import when

NO_PRICE = "还没有价格"


def title(listing: ListingRow) -> str:
    """`疾风 F1 租车`."""
    return f"{listing.model} {BUSINESS[listing.business]}"


def term_name(term: Term) -> str:
    """`售价`, `月租 30 天`."""
    return "售价" if term.plan_id is None else f"{term.name} {term.days} 天"


def price(term: Term) -> str:
    """`¥2,899.00，原价 ¥3,199.00`."""
    return term.price.words if term.price else NO_PRICE


def button(change: PriceChange) -> str:
    """`12 月 1 日起改为 ¥2,799.00`, `现在定为 ¥2,899.00，原价 ¥3,199.00`."""
    start = "现在" if change.at_once else f"{start_words(change.effective_at)}起"
    return f"{start}{'改为' if change.before else '定为'} {change.after.words}"


def will_change(listing: ListingRow, term: Term, change: PriceChange | None) -> str:
    """`12-01 00:00 起，A 紫金港之后新预约的租车（月租 30 天）：¥180.00 → ¥160.00。`"""
    what = f"{BUSINESS[listing.business]}{'' if term.plan_id is None else f'（{term_name(term)}）'}"
    if change is None:
        return f"{listing.region.title}之后新预约的{what}。"
    start = "从现在起" if change.at_once else f"{when(change.effective_at)} 起"
    before = change.before.words if change.before else NO_PRICE
    return f"{start}，{listing.region.title}之后新预约的{what}：{before} → {change.after.words}。"


def will_not_change(reserved: int) -> str:
    """What is reserved keeps the price it was reserved at."""
    return f"已经预约的订单，价格不变（现在有 {reserved} 单）。"


@dataclass(frozen=True, slots=True)
class NextStep:
    """What a listing needs before people can reserve it."""

    lead: str
    text: str
    kind: str  # of `ui.next_step`


def next_step(listing: ListingRow) -> NextStep | None:
    """The first thing that is missing; None when people can reserve."""
    if not listing.terms:
        return NextStep("下一步：", "加一个租期，比如 30 天。", "act")
    offered = [term for term in listing.terms if term.shown]
    if not offered:
        return NextStep("租期都停了，", "手机上看不到。打开一个租期，或加一个新的。", "wait")
    if not any(term.price for term in offered):
        who = "" if listing.may_price else "请店主"
        return NextStep("下一步：", f"{who}定价。没有价格，手机上看不到。", "act")
    if not listing.shown:
        return NextStep("还没上架，", "手机上看不到。都准备好了就上架。", "act")
    if not listing.stock:
        return NextStep("库存是 0，", "手机上写着订完了。到货以后在「库存」里加上。", "wait")
    return None
