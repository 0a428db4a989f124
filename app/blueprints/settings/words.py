"""The sentences of a change: what it will do, what it will not, and the button that repeats it."""

from collections.abc import Iterable
from datetime import datetime

from app.domain.calendar import SHANGHAI
from app.domain.labels import ALL_REGIONS
from app.domain.settings import Kept, Setting
from app.queries.directory import RegionRow
from app.queries.settings import Change
from app.web.formats import spoken_day, when

KEPT = {
    Kept.RESERVED_ORDERS: "现在有 {} 单",
    Kept.RESERVED_RENTALS: "现在有 {} 单",
    Kept.RENTALS_OUT: "现在有 {} 辆没还",
    Kept.USES_OPEN: "现在有 {} 块在用",
    Kept.DEPOSITS_HELD: "现在有 {} 笔",
}
"""How many there are of what a change leaves alone."""


def start_words(at: datetime) -> str:
    """`12 月 1 日`, or with the time of day when it is not midnight."""
    local = at.astimezone(SHANGHAI)
    return spoken_day(at) if (local.hour, local.minute) == (0, 0) else f"{spoken_day(at)} {local:%H:%M} "


def button(change: Change) -> str:
    """`12 月 1 日起改为 48 小时`, `B 小和山现在改为 48 小时`."""
    where = change.region.title if change.region else ""
    start = "现在" if change.at_once else f"{' ' if where else ''}{start_words(change.effective_at)}起"
    if change.value is not None:
        return f"{where}{start}改为 {change.setting.words(change.value)}"
    return f"{where}{start}和全部区域一样" if change.region else f"{start}改回默认 {change.setting.words(change.after)}"


def saved(change: Change) -> str:
    """What the snack says."""
    return f"{change.setting.name}：{button(change)}"


def will_change(change: Change) -> str:
    """`12-01 00:00 起，A 紫金港、B 小和山之后新预约的订单：72 小时 → 48 小时。`"""
    start = "从现在起" if change.at_once else f"{when(change.effective_at)} 起"
    where = _names(change.reaches) if change.region or change.apart else ALL_REGIONS
    if not change.reaches:
        return "现在每个区域都单独设置了，以后新加的区域用这个值。"
    before, after = change.setting.words(change.before), change.setting.words(change.after)
    return f"{start}，{where}：{change.setting.changes}，{before} → {after}。"


def will_not_change(setting: Setting, counted: int | None, change: Change | None) -> str:
    """What was agreed before, with its number where it is counted, and the regions with a value of their own."""
    words = setting.keeps
    if setting.kept is not None and counted is not None:
        words = f"{words}（{KEPT[setting.kept].format(counted)}）"
    if change is None or not change.apart:
        return f"{words}。"
    apart = "、".join(f"{row.title}仍是 {change.setting.words(value)}" for row, value in change.apart)
    return f"{words}；{apart}。"


def _names(rows: Iterable[RegionRow]) -> str:
    return "、".join(row.title for row in rows)
