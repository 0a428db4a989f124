"""Which value of a setting holds where and when, its history, and what a change would do (SET-10, SET-11)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, func, or_, select
from sqlalchemy.orm import Session

from app.domain.deposits import DepositKind, DepositStatus
from app.domain.errors import Forbidden, NotFound, Rule, RuleBroken
from app.domain.labels import ALL_REGIONS
from app.domain.orders import RENTALS, OrderStatus
from app.domain.permissions import Actor, Permission
from app.domain.settings import CATALOGUE, IN_ORDER, Course, Kept, Setting, SettingGroup, Version, first_clash
from app.models.access import Staff
from app.models.batteries import BatteryUse
from app.models.deposits import Deposit
from app.models.directory import SettingVersion
from app.models.orders import Order
from app.models.rentals import Rental
from app.queries.directory import RegionRow, regions, regions_of

MOST_HISTORY = 100


def value_of(session: Session, setting: Setting, region_id: int, now: datetime) -> int:
    """The value in force for a region: its own, else that of all regions, else the default."""
    theirs = or_(SettingVersion.region_id.is_(None), SettingVersion.region_id == region_id)
    return _course(session, setting, theirs, SettingVersion.effective_at <= now).value(region_id, now)


def values_of(session: Session, wanted: Sequence[Setting], region_id: int, now: datetime) -> list[int]:
    """The same of several at once, in their order."""
    rows = session.execute(
        select(SettingVersion).where(
            SettingVersion.key.in_([setting.key for setting in wanted]),
            or_(SettingVersion.region_id.is_(None), SettingVersion.region_id == region_id),
            SettingVersion.effective_at <= now,
        )
    ).scalars()
    versions = [(row.key, _as_version(row)) for row in rows]
    return [
        Course.of(setting, (version for key, version in versions if key == setting.key)).value(region_id, now)
        for setting in wanted
    ]


def course_of(session: Session, setting: Setting) -> Course:
    """All versions of a setting."""
    return _course(session, setting)


def _course(session: Session, setting: Setting, *narrowed: ColumnElement[bool]) -> Course:
    rows = session.execute(
        select(SettingVersion.id, SettingVersion.region_id, SettingVersion.value, SettingVersion.effective_at).where(
            SettingVersion.key == setting.key, *narrowed
        )
    )
    return Course.of(setting, (Version(*row) for row in rows))


@dataclass(frozen=True, slots=True)
class Aside:
    """A value beside the main one: another region's, or one to come."""

    where: str  # empty: the region that the line is about
    value: str
    from_at: datetime | None  # None: now


@dataclass(frozen=True, slots=True)
class SettingLine:
    """One setting as the page lists it, for one region or for all."""

    setting: Setting
    value: str
    asides: tuple[Aside, ...]
    default: str
    changed_at: datetime | None  # None: still the default
    changed_by: str
    pending: bool
    may_change: bool


def setting_lines(
    session: Session, actor: Actor, group: SettingGroup, region: RegionRow | None, now: datetime
) -> list[SettingLine]:
    """The settings of a group, in the order of the catalogue, as they stand for a region (None: for all)."""
    settings = [setting for setting in CATALOGUE.values() if setting.group is group]
    seen = regions_of(session, actor, Permission.SETTINGS_VIEW)
    rows = session.execute(
        select(SettingVersion, Staff.name)
        .join(Staff, Staff.id == SettingVersion.staff_id)
        .where(SettingVersion.key.in_([setting.key for setting in settings]))
    ).all()
    lines = []
    for setting in settings:
        mine = [(version, staff) for version, staff in rows if version.key == setting.key]
        course = Course.of(setting, (_as_version(version) for version, _ in mine))
        made = {version.id: (version.made_at, staff) for version, staff in mine}
        lines.append(_line(course, made, region, seen, now, may_change=actor.may(setting.right)))
    return lines


def _as_version(row: SettingVersion) -> Version:
    return Version(row.id, row.region_id, row.value, row.effective_at)


def _line(
    course: Course,
    made: dict[int, tuple[datetime, str]],
    region: RegionRow | None,
    seen: Sequence[RegionRow],
    now: datetime,
    *,
    may_change: bool,
) -> SettingLine:
    setting, region_id = course.setting, region.id if region else None
    others = tuple(_asides(course, region, seen, now))
    holding = course.latest(region_id, now)
    if holding is None or holding.value is None:
        holding = course.latest(None, now)
    changed_at, changed_by = made[holding.id] if holding and holding.value is not None else (None, "")
    return SettingLine(
        setting,
        setting.words(course.value(region_id, now)),
        others,
        setting.words(setting.default),
        changed_at,
        changed_by,
        pending=any(aside.from_at is not None for aside in others),
        may_change=may_change,
    )


def _asides(course: Course, region: RegionRow | None, seen: Sequence[RegionRow], now: datetime) -> Iterable[Aside]:
    words, apart = course.setting.words, course.apart(now)
    if region is None:
        yield from (Aside(row.title, words(course.value(row.id, now)), None) for row in seen if row.id in apart)
    elif region.id in apart:
        yield Aside(ALL_REGIONS, words(course.value(None, now)), None)
    names: dict[int | None, str] = {row.id: row.title for row in seen} | {None: ALL_REGIONS}
    mine = region.id if region else None
    wanted = names if region is None else {None, mine}
    for version in course.versions:
        if version.region_id not in wanted or not _is_pending(course, version, now):
            continue
        where = "" if version.region_id == mine else names[version.region_id]
        yield Aside(where, version_words(course.setting, version.region_id, version.value), version.effective_at)


def _is_pending(course: Course, version: Version, now: datetime) -> bool:
    """Whether a version will change something at a time to come."""
    return (
        version.effective_at > now
        and course.holds(version)
        and version.value != course.before(version.region_id, version.effective_at)
    )


def version_words(setting: Setting, region_id: int | None, value: int | None) -> str:
    """What was set: `48 小时`, or nothing of its own."""
    if value is not None:
        return setting.words(value)
    return f"默认 {setting.words(setting.default)}" if region_id is None else "和全部区域一样"


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One change, as the history shows it."""

    id: int
    made_at: datetime
    staff: str
    where: str
    before: str
    after: str
    effective_at: datetime
    reason: str
    pending: bool  # will change something
    may_withdraw: bool
    replaced: bool  # another one was made for the same time


def history(session: Session, actor: Actor, setting: Setting, now: datetime) -> list[HistoryRow]:
    """The newest changes that the actor may see (100 at most), newest first."""
    scope = actor.scope(Permission.SETTINGS_VIEW)
    rows = session.execute(
        select(SettingVersion, Staff.name)
        .join(Staff, Staff.id == SettingVersion.staff_id)
        .where(SettingVersion.key == setting.key)
        .order_by(SettingVersion.id.desc())
    ).all()
    course = Course.of(setting, (_as_version(version) for version, _ in rows))
    names = {row.id: row.title for row in regions(session)}
    seen = [(row, staff) for row, staff in rows if row.region_id is None or row.region_id in scope]
    found = []
    for row, staff in seen[:MOST_HISTORY]:
        version, region_id = _as_version(row), row.region_id
        found.append(
            HistoryRow(
                row.id,
                row.made_at,
                staff,
                ALL_REGIONS if region_id is None else names[region_id],
                version_words(setting, region_id, course.before(region_id, row.effective_at)),
                version_words(setting, region_id, row.value),
                row.effective_at,
                row.reason,
                pending=_is_pending(course, version, now),
                may_withdraw=_may_change(actor, setting, region_id),
                replaced=not course.holds(version),
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class Change:
    """A change that is allowed, and what it would do."""

    setting: Setting
    region: RegionRow | None
    value: int | None
    effective_at: datetime
    at_once: bool
    before: int  # what holds just before it, where it is made
    after: int
    reaches: tuple[RegionRow, ...]  # the regions in which something changes
    apart: tuple[tuple[RegionRow, int], ...]  # the regions that keep a value of their own


def planned_change(
    session: Session,
    actor: Actor,
    setting: Setting,
    *,
    region_id: int | None,
    value: int | None,
    effective_at: datetime | None,
    now: datetime,
) -> Change:
    """What a change would do. `effective_at` None: at once. The verb asks this too, in its own transaction.

    Raises NotFound (no such region, or not the actor's to see), Forbidden, RuleBroken. SET-10, SET-11.
    """
    known = regions(session)
    region = next((row for row in known if row.id == region_id), None)
    if region_id is not None and (region is None or region_id not in actor.scope(Permission.SETTINGS_VIEW)):
        raise NotFound
    _require(actor, setting, region_id)
    if effective_at is not None and effective_at <= now:
        raise RuleBroken(Rule.TIME_PAST)
    at = effective_at or now
    course = course_of(session, setting)
    course.refuse_unless_changing(region_id, value, at)
    _refuse_clash(session, course.changed(region_id, value, at), at, known)
    apart = course.apart(at)
    after = value if value is not None else setting.default if region_id is None else course.value(None, at)
    return Change(
        setting,
        region,
        value,
        at,
        effective_at is None,
        course.value(region_id, at),
        after,
        reaches=(region,) if region else tuple(row for row in known if row.id not in apart),
        apart=() if region else tuple((row, course.value(row.id, at)) for row in known if row.id in apart),
    )


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What takes a planned change back: the value that was to be changed, at the same time."""

    setting: Setting
    region_id: int | None
    value: int | None
    effective_at: datetime


def withdrawal(session: Session, actor: Actor, key: str, version_id: int, now: datetime) -> Withdrawal:
    """How a planned change is taken back.

    Raises NotFound, Forbidden, RuleBroken (it holds already, changes nothing any more, or would clash).
    """
    row = session.get(SettingVersion, version_id)
    if row is None or row.key != key or key not in CATALOGUE:
        raise NotFound
    if row.region_id is not None and row.region_id not in actor.scope(Permission.SETTINGS_VIEW):
        raise NotFound
    setting = CATALOGUE[row.key]
    _require(actor, setting, row.region_id)
    course = course_of(session, setting)
    if not _is_pending(course, _as_version(row), now):
        raise RuleBroken(Rule.NOT_PENDING)
    back = Withdrawal(setting, row.region_id, course.before(row.region_id, row.effective_at), row.effective_at)
    as_before = course.changed(back.region_id, back.value, back.effective_at)
    _refuse_clash(session, as_before, back.effective_at, regions(session))
    return back


def _refuse_clash(session: Session, course: Course, at: datetime, known: Sequence[RegionRow]) -> None:
    """Raises RuleBroken where a setting of `IN_ORDER` would not stand in order with the other from a time on."""
    if course.setting not in IN_ORDER:
        return
    first, second = (course if one == course.setting else course_of(session, one) for one in IN_ORDER)
    clash = first_clash(first, second, [row.id for row in known], at)
    if clash is not None:
        where = next((row.title for row in known if row.id == clash.region_id), ALL_REGIONS)
        raise RuleBroken(Rule.SETTINGS_CLASH, where=where, at=clash.at, free=clash.first, freeze=clash.second)


def _may_change(actor: Actor, setting: Setting, region_id: int | None) -> bool:
    """Whether the actor may change a setting there; for all regions the right must be held everywhere."""
    scope = actor.scope(setting.right)
    return scope.everywhere if region_id is None else region_id in scope


def _require(actor: Actor, setting: Setting, region_id: int | None) -> None:
    if not _may_change(actor, setting, region_id):
        raise Forbidden(setting.right.value)


def _reserved(*narrowed: ColumnElement[bool]) -> Select[int]:
    return select(func.count()).select_from(Order).where(Order.status == OrderStatus.RESERVED, *narrowed)


KEPT: dict[Kept, tuple[Select[int], SQLColumnExpression[int]]] = {
    Kept.RESERVED_ORDERS: (_reserved(), Order.region_id),
    Kept.RESERVED_RENTALS: (_reserved(Order.business.in_(RENTALS)), Order.region_id),
    Kept.RENTALS_OUT: (
        select(func.count()).select_from(Rental).where(Rental.returned_on.is_(None)),
        Rental.region_id,
    ),
    Kept.USES_OPEN: (
        select(func.count()).select_from(BatteryUse).where(BatteryUse.returned_at.is_(None)),
        BatteryUse.region_id,
    ),
    Kept.DEPOSITS_HELD: (
        select(func.count())
        .select_from(Deposit)
        .where(Deposit.kind == DepositKind.FLASH, Deposit.status == DepositStatus.HELD),
        Deposit.region_id,
    ),
}
"""How what is kept is counted, and the region it belongs to."""


def kept_count(session: Session, actor: Actor, setting: Setting, region_id: int | None) -> int | None:
    """How many of what a change leaves alone there are now; None if it is not counted."""
    if setting.kept is None:
        return None
    wanted, of_region = KEPT[setting.kept]
    within = actor.scope(Permission.SETTINGS_VIEW).within(region_id)
    if within is not None:
        wanted = wanted.where(of_region.in_(within))
    return session.scalar(wanted) or 0
