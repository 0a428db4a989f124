"""The catalogue of settings: what can be set, within which bounds, and what a change does and does not touch."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from app.domain.errors import Rule, RuleBroken
from app.domain.money import yuan
from app.domain.permissions import Permission


class SettingGroup(StrEnum):
    """The groups of the settings page."""

    ORDERS = "orders"
    RENTALS = "rentals"
    FLASH = "flash"
    DEPOSITS = "deposits"


class Kept(StrEnum):
    """What a change leaves alone and the settings page can count."""

    RESERVED_ORDERS = "reserved_orders"
    RESERVED_RENTALS = "reserved_rentals"
    RENTALS_OUT = "rentals_out"
    USES_OPEN = "uses_open"
    DEPOSITS_HELD = "deposits_held"


class ValueKind(StrEnum):
    """How a value is written and typed. Money is fen here and yuan on the screen."""

    NUMBER = "number"
    MONEY = "money"
    CHOICE = "choice"  # the value is the place of its word in `choices`


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
    kind: ValueKind = ValueKind.NUMBER
    choices: tuple[str, ...] = ()

    @property
    def is_money(self) -> bool:
        """Whether the value is money: that belongs to the owner alone (decision 38)."""
        return self.kind is ValueKind.MONEY

    @property
    def right(self) -> Permission:
        """What it takes to change it."""
        return Permission.MONEY_SETTINGS_CHANGE if self.is_money else Permission.SETTINGS_CHANGE

    def checked(self, value: int) -> int:
        """The value, within its bounds. Raises RuleBroken."""
        if not self.least <= value <= self.most:
            raise RuleBroken(
                Rule.VALUE_OUT_OF_RANGE,
                name=self.name,
                least=self.figure(self.least),
                most=self.figure(self.most),
                unit=self.unit,
            )
        return value

    def words(self, value: int) -> str:
        """`48 小时`, `¥300.00`, `暂停退还`."""
        if self.kind is ValueKind.CHOICE:
            return self.choices[value]
        return f"¥{yuan(value)}" if self.is_money else f"{value} {self.unit}"

    def figure(self, value: int) -> str:
        """The value without its unit, as it is typed."""
        return yuan(value) if self.is_money else str(value)


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

    def changed(self, region_id: int | None, value: int | None, at: datetime) -> "Course":
        """As it would be with one more change."""
        newest = max((version.id for version in self.versions), default=0)
        return Course.of(self.setting, (*self.versions, Version(newest + 1, region_id, value, at)))

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

RENTAL_DEPOSIT = Setting(
    "rental_deposit",
    SettingGroup.RENTALS,
    "租车押金",
    "租车前要付的押金；开通闪充的用户用闪充押金代替",
    "元",
    default=30_000,
    least=0,
    most=1_000_000,
    used_in="手机上的租车",
    changes="之后新预约的租车",
    keeps="已经预约的租车和已经付了的押金，金额不变",
    kept=Kept.RESERVED_RENTALS,
    kind=ValueKind.MONEY,
)
RENTAL_LATE_FEE = Setting(
    "rental_late_fee",
    SettingGroup.RENTALS,
    "租车逾期费",
    "租期过后每超过一天收多少，从押金里扣",
    "元",
    default=0,
    least=0,
    most=100_000,
    used_in="租车逾期",
    changes="之后提车的租车",
    keeps="已经提走的车，按提车时的规则",
    kept=Kept.RENTALS_OUT,
    kind=ValueKind.MONEY,
)
RENTAL_FREEZE_DAYS = Setting(
    "rental_freeze_days",
    SettingGroup.RENTALS,
    "租车逾期冻结",
    "租期过后第几天还没还就冻结账户",
    "天",
    default=30,
    least=1,
    most=365,
    used_in="租车逾期、账户冻结",
    changes="之后提车的租车",
    keeps="已经提走的车，按提车时的规则",
    kept=Kept.RENTALS_OUT,
)
RELEASE_RENTAL_NUMBER = Setting(
    "release_rental_number",
    SettingGroup.RENTALS,
    "归还后释放租车编号",
    "还车后编号是不是空出来给下一单；不释放就一直留在原来的订单上",
    "",
    default=0,
    least=0,
    most=1,
    used_in="柜台还车",
    changes="之后还的车",
    keeps="已经还了的车，编号不变",
    kind=ValueKind.CHOICE,
    choices=("不释放", "释放"),
)
FLASH_DEPOSIT = Setting(
    "flash_deposit",
    SettingGroup.FLASH,
    "闪充押金",
    "开通闪充要付的押金，也能代替租车押金",
    "元",
    default=30_000,
    least=0,
    most=1_000_000,
    used_in="手机上的开通闪充",
    changes="之后开通的闪充",
    keeps="已经预约的租车按预约时的金额；已经付了的闪充押金，金额不变",
    kept=Kept.DEPOSITS_HELD,
    kind=ValueKind.MONEY,
)
FLASH_PRICE = Setting(
    "flash_price",
    SettingGroup.FLASH,
    "闪充价格",
    "每次扫码使用的价格，下次扫码前付清",
    "元",
    default=0,
    least=0,
    most=100_000,
    used_in="手机上的扫码使用",
    changes="之后扫码开始的使用",
    keeps="已经开始的使用，按开始时的价格",
    kept=Kept.USES_OPEN,
    kind=ValueKind.MONEY,
)
FLASH_FREE_DAYS = Setting(
    "flash_free_days",
    SettingGroup.FLASH,
    "最晚归还时间",
    "扫码后几天之内归还不收逾期费",
    "天",
    default=14,
    least=1,
    most=364,
    used_in="闪充逾期",
    changes="之后扫码开始的使用",
    keeps="已经开始的使用，按开始时的规则",
    kept=Kept.USES_OPEN,
)
FLASH_LATE_FEE = Setting(
    "flash_late_fee",
    SettingGroup.FLASH,
    "闪充逾期费",
    "超过最晚归还时间后每天收多少，从押金里扣",
    "元",
    default=500,
    least=0,
    most=100_000,
    used_in="闪充逾期",
    changes="之后扫码开始的使用",
    keeps="已经开始的使用，按开始时的规则",
    kept=Kept.USES_OPEN,
    kind=ValueKind.MONEY,
)
FLASH_FREEZE_DAYS = Setting(
    "flash_freeze_days",
    SettingGroup.FLASH,
    "闪充逾期冻结",
    "扫码后第几天还没还就冻结账户，要比最晚归还时间长",
    "天",
    default=30,
    least=2,
    most=365,
    used_in="闪充逾期、账户冻结",
    changes="之后扫码开始的使用",
    keeps="已经开始的使用，按开始时的规则",
    kept=Kept.USES_OPEN,
)
FEE_CAP_PERCENT = Setting(
    "fee_cap_percent",
    SettingGroup.DEPOSITS,
    "逾期费封顶",
    "一次使用的逾期费最多收到押金的百分之几",
    "%",
    default=100,
    least=0,
    most=100,
    used_in="闪充和租车的逾期费",
    changes="之后开始的使用和租车",
    keeps="已经开始的，按开始时的规则",
    kept=Kept.USES_OPEN,
)
FROZEN_DEPOSIT = Setting(
    "frozen_deposit",
    SettingGroup.DEPOSITS,
    "冻结账户押金",
    "账户冻结时，没有占用的押金怎么办",
    "",
    default=0,
    least=0,
    most=1,
    used_in="押金退还",
    changes="之后申请的退还",
    keeps="已经申请退还的押金",
    kind=ValueKind.CHOICE,
    choices=("暂停退还", "抵扣欠费后退还"),
)

CATALOGUE: dict[str, Setting] = {
    setting.key: setting
    for setting in (
        RESERVATION_HOURS,
        COUNTER_HOLD_MINUTES,
        CANCEL_PAID_HOURS,
        UNPAID_SALE_LIMIT,
        PICKUP_UNDO_MINUTES,
        RENTAL_DEPOSIT,
        RENTAL_LATE_FEE,
        RENTAL_FREEZE_DAYS,
        RELEASE_RENTAL_NUMBER,
        FLASH_DEPOSIT,
        FLASH_PRICE,
        FLASH_FREE_DAYS,
        FLASH_LATE_FEE,
        FLASH_FREEZE_DAYS,
        FEE_CAP_PERCENT,
        FROZEN_DEPOSIT,
    )
}


IN_ORDER = (FLASH_FREE_DAYS, FLASH_FREEZE_DAYS)
"""Nobody's account is frozen before a late fee could begin: the second is later than the first, everywhere, always."""


@dataclass(frozen=True, slots=True)
class Clash:
    """Where and from when on the second of two settings would not be later than the first."""

    region_id: int | None
    at: datetime
    first: int
    second: int


def first_clash(first: Course, second: Course, regions: Iterable[int], from_at: datetime) -> Clash | None:
    """The first one from a time on; None for the regions stands for all that may still come. SET-4."""
    later = {version.effective_at for version in (*first.versions, *second.versions) if version.effective_at > from_at}
    places = (None, *regions)
    for at in sorted({from_at, *later}):
        for region_id in places:
            values = first.value(region_id, at), second.value(region_id, at)
            if values[1] <= values[0]:
                return Clash(region_id, at, *values)
    return None
