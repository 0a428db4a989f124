"""Settings with another value than the default."""

from datetime import datetime

from flask import Flask

from app.domain.settings import Setting
from app.models.directory import SettingVersion
from tests.factories.ground import LONG_AGO
from tests.factories.people import a_member_of_staff, a_region_id
from tests.fixtures.databases import Database


def a_setting(
    app: Flask,
    database: Database,
    setting: Setting,
    value: int,
    *,
    region: str | None = None,
    since: datetime = LONG_AGO,
) -> None:
    """The setting has this value in a region (None: in all), from `since` on."""
    database.add(
        SettingVersion(
            key=setting.key,
            region_id=a_region_id(app, region) if region else None,
            value=value,
            effective_at=since,
            made_at=since,
            staff_id=a_member_of_staff(app, role="owner", region=None).id,
            reason="试",
        )
    )
