"""The blueprint of the settings section, and what its pages share: the group menu, and the word after an act."""

from flask import Blueprint, Response, session, url_for

from app.domain import labels
from app.domain.settings import SettingGroup
from app.web.htmx import see_other

bp = Blueprint("settings", __name__)

SAID = "settings_said"


def group_menu(current: SettingGroup | None) -> list[tuple[str, str, bool]]:
    """(url, words, current) of the groups that have something in them, then the directory (`current` None)."""
    groups = [
        (url_for("settings.settings", group=group.value), labels.SETTING_GROUP[group], group == current)
        for group in SettingGroup
    ]
    return [*groups, (url_for("settings.directory"), "区域与学校", current is None)]


def done(words: str, url: str, undo_url: str = "") -> Response:
    """After an act: to the page, which says it once; `undo_url` takes it back."""
    session[SAID] = [words, undo_url]
    return see_other(url)


def said() -> dict[str, str] | None:
    """What the page's snack says, once."""
    words = session.pop(SAID, None)
    return {"text": words[0], "undo_url": words[1]} if words else None
