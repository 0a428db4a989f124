"""Days of the business: calendar days in Asia/Shanghai, over times that are UTC everywhere else (decision 20)."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")


def business_day(moment: datetime) -> date:
    """The Shanghai day that a UTC moment falls on."""
    return moment.astimezone(SHANGHAI).date()


def day_start(day: date) -> datetime:
    """The first moment of a Shanghai day, in UTC."""
    return datetime.combine(day, time(), SHANGHAI).astimezone(UTC)


def day_end(day: date) -> datetime:
    """The first moment after a Shanghai day, in UTC."""
    return day_start(day + timedelta(days=1))
