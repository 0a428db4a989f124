"""The catalogue of settings: what can be set, within which bounds, and what a change does and does not touch."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from app.domain.errors import Rule, RuleBroken


class SettingGroup(StrEnum):
    """The groups of the settings page."""

    ORDERS = "orders"


class Kept(StrEnum):
    """What a change leaves alone and the settings page can count."""

    RESERVED_ORDERS = "reserved_orders"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: a whole number in a unit, with the bounds that make sense. Words are for the settings page."""

    key: str
    group: SettingGroup
    name: str
    meaning: str
    unit: str
    default: int
    least: int
    most: int
    used_in: str
    changes: str  # what a change will touch
    keeps: str  # what it will not: what was agreed before (SET-11)
    kept: Kept | None = None  # the same, to be counted

    def checked(self, value: int) -> int:
        """The value, within its bounds. Raises RuleBroken."""
        if not self.least <= value <= self.most:
            raise RuleBroken(Rule.VALUE_OUT_OF_RANGE, name=self.name, least=self.least, most=self.most, unit=self.unit)
        return value

    def words(self, value: int) -> str:
        """`48 小时`."""
        return f"{value} {self.unit}"


@dataclass(frozen=True, slots=True)
class Version:
    """One value of a setting from a time on. `region_id` None: all regions.

    `value` None: nothing of its own any more, so as all regions, and for all regions the default.
    """

    id: int
    region_id: int | None
    value: int | None
    effective_at: datetime


@dataclass(frozen=True, slots=True)
class Course:
    """A setting and all its versions, in the order in which they hold: of equal times the last one made."""

    setting: Setting
    versions: tuple[Version, ...]

    @classmethod
    def of(cls, setting: Setting, versions: Iterable[Version]) -> Self:
        """Puts the versions in order."""
        return cls(setting, tuple(sorted(versions, key=lambda version: (version.effective_at, version.id))))

    def latest(self, region_id: int | None, at: datetime) -> Version | None:
        """The version of just this region (None: of all) that holds at a time."""
        own = (version for version in self.versions if version.region_id == region_id and version.effective_at <= at)
        return max(own, key=lambda version: (version.effective_at, version.id), default=None)

    def own(self, region_id: int | None, at: datetime) -> int | None:
        """The value that is set for just this region (None: for all) at a time; None if nothing is."""
        version = self.latest(region_id, at)
        return version.value if version else None

    def value(self, region_id: int | None, at: datetime) -> int:
        """The value in force: the region's own, else that of all regions, else the default."""
        own = self.own(region_id, at)
        shared = self.own(None, at) if own is None else own
        return self.setting.default if shared is None else shared

    def apart(self, at: datetime) -> frozenset[int]:
        """The regions that have a value of their own at a time: a change for all regions leaves them alone."""
        regions = {version.region_id for version in self.versions if version.region_id is not None}
        return frozenset(region_id for region_id in regions if self.own(region_id, at) is not None)

    def holds(self, version: Version) -> bool:
        """Whether a version counts at its time, that is: no later one was made for the same region and time."""
        return self.latest(version.region_id, version.effective_at) == version

    def before(self, region_id: int | None, at: datetime) -> int | None:
        """The own value just before a time: what comes back when what was planned for that time is withdrawn."""
        earlier = tuple(version for version in self.versions if version.effective_at < at)
        return Course(self.setting, earlier).own(region_id, at)

    def refuse_unless_changing(self, region_id: int | None, value: int | None, at: datetime) -> None:
        """Raises RuleBroken when the value would be what it is at that time anyway, or is out of bounds."""
        if value is not None:
            self.setting.checked(value)
        own = self.own(region_id, at)
        if region_id is None:  # for all regions, the default and nothing are the same
            own, value = self.value(None, at), self.setting.default if value is None else value
        if own == value:
            raise RuleBroken(Rule.NO_CHANGE, value=self.setting.words(self.value(region_id, at)))


RESERVATION_HOURS = Setting(
    "reservation_hours",
    SettingGroup.ORDERS,
    "预约保留时间",
    "预约后多久没有付款就过期，编号和库存空出来",
    "小时",
    default=72,
    least=1,
    most=720,
    used_in="手机上的预约、订单到期",
    changes="之后新预约的订单",
    keeps="已经预约的订单，到期时间不变",
    kept=Kept.RESERVED_ORDERS,
)
COUNTER_HOLD_MINUTES = Setting(
    "counter_hold_minutes",
    SettingGroup.ORDERS,
    "到店后至少保留",
    "在店里输对编号后，订单至少再保留这么久，只延长一次",
    "分钟",
    default=20,
    least=10,
    most=240,
    used_in="手机上的输入车辆编号",
    changes="之后在店里输对编号的订单",
    keeps="已经输过编号的订单",
)
CANCEL_PAID_HOURS = Setting(
    "cancel_paid_hours",
    SettingGroup.ORDERS,
    "付款后可自己取消",
    "付款后多久之内，用户还没提车可以自己取消并全额退款；之后由员工取消",
    "小时",
    default=24,
    least=0,
    most=720,
    used_in="手机上的取消订单",
    changes="之后预约的订单",
    keeps="已经预约的订单，按预约时的规则",
    kept=Kept.RESERVED_ORDERS,
)
UNPAID_SALE_LIMIT = Setting(
    "unpaid_sale_limit",
    SettingGroup.ORDERS,
    "未付款预约上限",
    "一个用户同时最多有几个没付款的买车预约",
    "单",
    default=3,
    least=1,
    most=50,
    used_in="手机上的立即预约、立即购买",
    changes="之后的新预约",
    keeps="已经预约的订单",
    kept=Kept.RESERVED_ORDERS,
)
PICKUP_UNDO_MINUTES = Setting(
    "pickup_undo_minutes",
    SettingGroup.ORDERS,
    "提车可撤销时间",
    "确认提车后多久之内，主管可以撤销；撤销后订单回到已付款、未提车",
    "分钟",
    default=30,
    least=0,
    most=1440,
    used_in="柜台提车",
    changes="之后撤销提车时的判断",
    keeps="已经撤销的提车",
)

CATALOGUE: dict[str, Setting] = {
    setting.key: setting
    for setting in (
        RESERVATION_HOURS,
        COUNTER_HOLD_MINUTES,
        CANCEL_PAID_HOURS,
        UNPAID_SALE_LIMIT,
        PICKUP_UNDO_MINUTES,
    )
}
