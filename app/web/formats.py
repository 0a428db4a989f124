"""How money, moments and days are written on screens, in Shanghai time; most are template filters."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta

from app.domain import money
from app.domain.calendar import SHANGHAI, business_day

WEEKDAYS = "一二三四五六日"
DAYS_NAMED = {0: "今天", 1: "明天", -1: "昨天"}


def yuan(fen: int) -> str:
    """`123400` → `¥1,234.00`; money going out has the true minus sign: `−¥90.00`."""
    sign = "−" if fen < 0 else ""
    return f"{sign}¥{money.yuan(abs(fen))}"


def phone_yuan(fen: int) -> str:
    """A price on the phone: `289900` → `¥2,899`, `289950` → `¥2,899.50`. Payments never drop the `.00`."""
    return yuan(fen).removesuffix(".00")


def thousands(count: int) -> str:
    """`1264` → `1,264`."""
    return f"{count:,}"


def _local(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone")
    return moment.astimezone(SHANGHAI)


def when(moment: datetime) -> str:
    """`11-24 14:05`, for columns of recent things."""
    return _local(moment).strftime("%m-%d %H:%M")


def near_when(moment: datetime, now: datetime) -> str:
    """`11-24 14:05`; in another year than now's `2025-11-24 14:05`."""
    return when(moment) if business_day(moment).year == business_day(now).year else full_when(moment)


def full_when(moment: datetime) -> str:
    """`2026-11-24 14:05`."""
    return _local(moment).strftime("%Y-%m-%d %H:%M")


def clock_time(moment: datetime) -> str:
    """`14:05`."""
    return _local(moment).strftime("%H:%M")


def iso_when(moment: datetime) -> str:
    """`2026-11-24T14:05:00+08:00`, for `<time datetime>`."""
    return _local(moment).isoformat(timespec="seconds")


def today_when(moment: datetime, now: datetime) -> str:
    """`今天 14:05`, `昨天 09:00`, `明天 15:17`; further away `11-24 14:05`, in another year with the year."""
    named = DAYS_NAMED.get((business_day(moment) - business_day(now)).days)
    return f"{named} {clock_time(moment)}" if named else near_when(moment, now)


def day(value: date | datetime) -> str:
    """`2026-11-24`; a moment is taken as its Shanghai day."""
    return _day_of(value).isoformat()


def short_day(value: date | datetime) -> str:
    """`11-24`."""
    return _day_of(value).strftime("%m-%d")


def near_day(value: date | datetime, today: date) -> str:
    """`11-24`; in another year than today's `2027-01-04`."""
    return short_day(value) if _day_of(value).year == today.year else day(value)


def spoken_day(value: date | datetime) -> str:
    """`12 月 1 日`, as a button says it."""
    on = _day_of(value)
    return f"{on.month} 月 {on.day} 日"


def day_and_weekday(value: date | datetime) -> str:
    """`2026-11-24 周二`."""
    on = _day_of(value)
    return f"{on.isoformat()} 周{WEEKDAYS[on.weekday()]}"


def _day_of(value: date | datetime) -> date:
    return business_day(value) if isinstance(value, datetime) else value


def span(length: timedelta) -> str:
    """`2 天 23 小时`, `1 小时 12 分`, `12 分钟`, `不到 1 分钟`: the two largest parts, rounded down."""
    minutes = max(int(length.total_seconds()), 0) // 60
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} 天 {hours} 小时" if hours else f"{days} 天"
    if hours:
        return f"{hours} 小时 {rest} 分" if rest else f"{hours} 小时"
    return f"{rest} 分钟" if rest else "不到 1 分钟"


def largest(length: timedelta) -> str:
    """`2 天`, `23 小时`, `12 分钟`, `不到 1 分钟`: the largest part alone, rounded down."""
    whole = span(length)
    return whole if whole.startswith("不到") else " ".join(whole.split()[:2])


def waited(since: datetime, now: datetime) -> str:
    """`等了 2 天 3 小时`, `等了不到 1 分钟`."""
    whole = span(now - since)
    return f"等了 {whole}" if whole[0].isdigit() else f"等了{whole}"


def left(until: datetime, now: datetime) -> str:
    """`还剩 2 天 23 小时`; once it is over, `已过 3 小时`."""
    return f"还剩 {span(until - now)}" if until > now else f"已过 {span(now - until)}"


def short_left(until: datetime, now: datetime) -> str:
    """`剩 2 天`, `剩 3 小时`, `剩 12 分钟`, `已过期`: the largest part alone, for the cell of a table."""
    if until <= now:
        return "已过期"
    whole = span(until - now)
    parts = whole.split()
    return f"剩 {' '.join(parts[:2])}" if parts[0].isdigit() else f"剩{whole}"


FILTERS: Mapping[str, Callable[..., str]] = {
    "yuan": yuan,
    "phone_yuan": phone_yuan,
    "thousands": thousands,
    "when": when,
    "near_when": near_when,
    "full_when": full_when,
    "clock_time": clock_time,
    "iso_when": iso_when,
    "today_when": today_when,
    "day": day,
    "short_day": short_day,
    "near_day": near_day,
    "spoken_day": spoken_day,
    "day_and_weekday": day_and_weekday,
    "span": span,
    "waited": waited,
    "left": left,
}
"""The name of each filter in templates; the factory does `app.jinja_env.filters.update(FILTERS)`."""
