"""Two settings that must stand in order, changed by two people at once (SET-4)."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from app.domain.errors import Rule, RuleBroken
from app.domain.permissions import Role
from app.domain.settings import FLASH_FREE_DAYS, FLASH_FREEZE_DAYS
from app.queries import settings as reads
from app.usecases import settings
from app.web.current import RUNTIME
from tests.factories.people import a_member_of_staff, a_region_id
from tests.factories.reading import read

pytestmark = pytest.mark.postgres  # SQLite lets nobody read for a verb while another one writes


def change_both_at_once(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One sets 25 free days, one freezes from day 20 on; both have looked before either writes, if they can."""
    owner = a_member_of_staff(app, role=Role.OWNER, region=None)
    now = app.extensions[RUNTIME].clock.now()
    both_have_looked = threading.Barrier(2)
    planned_change = reads.planned_change

    def look_then_wait(session: Session, *args: object, **asked: object) -> reads.Change:
        change = planned_change(session, *args, **asked)  # type: ignore[arg-type]  # handed on as they came
        with suppress(threading.BrokenBarrierError):
            both_have_looked.wait(1)
        return change

    monkeypatch.setattr(reads, "planned_change", look_then_wait)

    def change(asked: tuple[str, int]) -> str:
        key, value = asked
        with app.app_context():
            try:
                settings.change_setting(
                    key, region_id=None, value=value, effective_at=None, reason="同时", actor=owner, now=now
                )
            except RuleBroken as broken:
                return broken.rule.value
        return ""

    with ThreadPoolExecutor(2) as pool:
        return sorted(pool.map(change, [(FLASH_FREE_DAYS.key, 25), (FLASH_FREEZE_DAYS.key, 20)]))


def values(app: Flask) -> tuple[int, int]:
    region_id, now = a_region_id(app, "A"), app.extensions[RUNTIME].clock.now()
    with read(app) as session:
        free = reads.value_of(session, FLASH_FREE_DAYS, region_id, now)
        return free, reads.value_of(session, FLASH_FREEZE_DAYS, region_id, now)


@pytest.mark.req("SET-4")
def test_one_of_two_changes_that_clash_is_refused(context: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    assert change_both_at_once(context, monkeypatch) == ["", Rule.SETTINGS_CLASH.value]
    assert values(context) in {(25, 30), (14, 20)}


def test_without_their_turns_both_would_be_made(context: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: each is right beside what it saw of the other."""
    monkeypatch.setattr(settings, "_one_at_a_time", lambda _session: None)
    assert change_both_at_once(context, monkeypatch) == ["", ""]
    assert values(context) == (25, 20)
