"""The timetable: which jobs there are, what each does, and when. The jobs process, the command line and staff read it.

Times are those of our clock; jobs look for what is due themselves, so that a missed, doubled or late run is harmless.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Protocol

from app.domain.calendar import SHANGHAI

LEASE = "timetable"
"""The lease of the process that keeps it."""
GRACE = timedelta(minutes=2)
"""How long a run may take, or the next process to take over, before anybody is alarmed."""


class Schedule(Protocol):
    """When a job is due again, in the machine's time; `offset` is how far our clock is from it."""

    @property
    def period(self) -> timedelta:
        """The time from one run to the next."""
        ...

    @property
    def words(self) -> str:
        """As staff read it."""
        ...

    def next_after(self, last: datetime, now: datetime, offset: timedelta = ...) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Every:
    """Again and again, a pause after the last time."""

    pause: timedelta

    def next_after(self, last: datetime, now: datetime, offset: timedelta = timedelta()) -> datetime:  # noqa: ARG002  # the protocol's
        """Pauses that were missed are not made up for."""
        return max(last + self.pause, now)

    @property
    def period(self) -> timedelta:
        """The pause."""
        return self.pause

    @property
    def words(self) -> str:
        """`每 20 秒`, `每 5 分钟`."""
        seconds = round(self.pause.total_seconds())
        return f"每 {seconds} 秒" if seconds % 60 else f"每 {seconds // 60} 分钟"

    def __str__(self) -> str:
        seconds = round(self.pause.total_seconds())
        return f"every {seconds} s" if seconds % 60 else f"every {seconds // 60} min"


@dataclass(frozen=True, slots=True)
class Daily:
    """Once a day, at a time of our clock in Shanghai."""

    at: time

    def next_after(self, last: datetime, now: datetime, offset: timedelta = timedelta()) -> datetime:
        """The next such time after both the last run and now."""
        after = (max(last, now) + offset).astimezone(SHANGHAI)
        day = after.date() if after.timetz().replace(tzinfo=None) < self.at else after.date() + timedelta(days=1)
        return datetime.combine(day, self.at, SHANGHAI) - offset

    @property
    def period(self) -> timedelta:
        """A day."""
        return timedelta(days=1)

    @property
    def words(self) -> str:
        """`每天 00:10`."""
        return f"每天 {self.at:%H:%M}"

    def __str__(self) -> str:
        return f"daily {self.at:%H:%M}"


@dataclass(frozen=True, slots=True)
class Hourly:
    """Once an hour, so many minutes past by our clock."""

    minute: int

    def next_after(self, last: datetime, now: datetime, offset: timedelta = timedelta()) -> datetime:
        """The next such time after both the last run and now."""
        after = max(last, now) + offset
        found = after.replace(minute=self.minute, second=0, microsecond=0)
        return (found if after < found else found + self.period) - offset

    @property
    def period(self) -> timedelta:
        """An hour."""
        return timedelta(hours=1)

    @property
    def words(self) -> str:
        """`每小时 05 分`."""
        return f"每小时 {self.minute:02d} 分"

    def __str__(self) -> str:
        return f"hourly at {self.minute:02d}"


@dataclass(frozen=True, slots=True)
class Job:
    """One job as staff read of it. Every job also runs when the process starts and when the clock was moved."""

    name: str
    title: str
    does: str
    schedule: Schedule

    def is_overdue(self, since: datetime, now: datetime) -> bool:
        """Whether it has not succeeded within twice its period; `since` is its last success, or its first try."""
        return now - since > 2 * self.schedule.period + GRACE


JOBS: Mapping[str, Job] = {
    job.name: job
    for job in (
        Job("send_outbox", "发消息和退款", "把退款、消息和要关闭的支付告诉微信", Every(timedelta(seconds=2))),
        Job("run_tasks", "生成文件", "画电池标签和车牌，写导出的表格", Every(timedelta(seconds=2))),
        Job("query_payments", "查支付结果", "问微信还没有通知的支付，关闭过期的", Every(timedelta(seconds=15))),
        Job("expire_orders", "过期预约", "关闭过期没付款的预约，编号和库存空出来", Every(timedelta(seconds=20))),
        Job("query_refunds", "查退款结果", "问微信还没有到账的退款", Every(timedelta(seconds=30))),
        Job("fold_ledger", "汇总账本", "把新记的账加进每天的合计", Every(timedelta(minutes=10))),
        Job("fetch_bills", "取微信账单", "10:05 取前一天的账单和账本核对，缺的每小时再取", Hourly(5)),
        Job("charge_late_fees", "记逾期费", "记下每天的逾期费，冻结超期没还的账户", Daily(time(0, 10))),
        Job("forget", "清理旧记录", "删掉用不着的登录、记录和文件", Daily(time(4, 10))),
        Job("remind", "提醒归还", "到期和冻结以前发消息提醒用户", Daily(time(9, 0))),
    )
}
"""By name, in the order of the screen. What each runs stands in `jobs/timetable`."""
