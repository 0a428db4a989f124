"""The blueprint of the settings section, and what its pages share: the group menu, and the word after an act."""

from flask import Blueprint, Response, session, url_for

from app.domain import labels
from app.domain.permissions import Permission
from app.domain.settings import SettingGroup
from app.web.current import actor
from app.web.htmx import see_other

bp = Blueprint("settings", __name__)

SAID = "settings_said"


def group_menu(current: str) -> list[tuple[str, str, bool]]:
    """(url, words, current) of what the actor may see: vehicles, the groups of the catalogue, the directory."""
    catalogue = [
        (group.value, url_for("settings.settings", group=group.value), labels.SETTING_GROUP[group])
        for group in SettingGroup
    ]
    entries = [
        (Permission.VEHICLES_VIEW, [("vehicles", url_for("settings.vehicles"), "车型、价格与库存")]),
        (Permission.NUMBERS_VIEW, [("numbers", url_for("settings.numbers"), "编号与车牌")]),
        (
            Permission.SETTINGS_VIEW,
            [
                *catalogue,
                ("closed-days", url_for("settings.closed_days"), "闭店日"),
                ("regions", url_for("settings.directory"), "区域与学校"),
            ],
        ),
    ]
    return [
        (url, words, name == current) for right, group in entries if actor().may(right) for name, url, words in group
    ]


def done(words: str, url: str, undo_url: str = "") -> Response:
    """After an act: to the page, which says it once; `undo_url` takes it back."""
    session[SAID] = [words, undo_url]
    return see_other(url)


def said() -> dict[str, str] | None:
    """What the page's snack says, once."""
    words = session.pop(SAID, None)
    return {"text": words[0], "undo_url": words[1]} if words else None
