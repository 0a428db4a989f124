"""Changing a setting: a version from a time on; what was agreed before keeps its terms (SET-10, SET-11)."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.errors import NotFound
from app.domain.permissions import Actor
from app.domain.reasons import checked_reason
from app.domain.settings import CATALOGUE
from app.models.directory import Region, SettingVersion
from app.queries import settings
from app.usecases import audit
from app.usecases.transaction import transactional

WITHDRAWN = "撤回"


@transactional
def change_setting(
    session: Session,
    key: str,
    *,
    region_id: int | None,
    value: int | None,
    effective_at: datetime | None,
    reason: str,
    actor: Actor,
    now: datetime,
) -> int:
    """Sets a value from a time on; returns the version's id.

    `region_id` None: for all regions, which needs the right everywhere. `value` None: nothing of its own any more.
    `effective_at` None: at once. Raises NotFound, Forbidden, RuleBroken; the same change twice is refused as no change.
    """
    if key not in CATALOGUE:
        raise NotFound
    reason = checked_reason(reason)
    _one_at_a_time(session)
    change = settings.planned_change(
        session, actor, CATALOGUE[key], region_id=region_id, value=value, effective_at=effective_at, now=now
    )
    return _put(session, key, region_id, value, change.effective_at, reason, actor, now, "setting_changed")


@transactional
def withdraw_change(session: Session, key: str, version_id: int, *, actor: Actor, now: datetime) -> int:
    """Takes back a change that has not begun to hold: a further version for the same time with the value before it.

    Raises NotFound, Forbidden, RuleBroken (it holds already, or two settings would clash).
    """
    _one_at_a_time(session)
    back = settings.withdrawal(session, actor, key, version_id, now)
    return _put(
        session,
        back.setting.key,
        back.region_id,
        back.value,
        back.effective_at,
        WITHDRAWN,
        actor,
        now,
        "setting_change_withdrawn",
    )


def _one_at_a_time(session: Session) -> None:
    """Locks the regions, which settings are for: what is asked of two settings together is asked by one at a time."""
    session.execute(select(Region.id).order_by(Region.id).with_for_update(key_share=True)).all()


def _put(
    session: Session,
    key: str,
    region_id: int | None,
    value: int | None,
    effective_at: datetime,
    reason: str,
    actor: Actor,
    now: datetime,
    action: str,
) -> int:
    before = settings.course_of(session, CATALOGUE[key]).own(region_id, effective_at)
    version = SettingVersion(
        key=key,
        region_id=region_id,
        value=value,
        effective_at=effective_at,
        made_at=now,
        staff_id=actor.id,
        reason=reason,
    )
    session.add(version)
    session.flush()
    audit.put(
        session,
        actor,
        action,
        now,
        subject=("setting", version.id),
        region_id=region_id,
        reason=reason,
        key=key,
        before=before,
        after=value,
        effective_at=effective_at.isoformat(),
    )
    return version.id
