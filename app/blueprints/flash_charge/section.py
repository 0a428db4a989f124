"""The blueprint of the section, and what its pages share."""

from flask import Blueprint, request

from app.domain.numbering import LAST_BATTERY_NUMBER
from app.queries.flash_charge import HISTORY_DAYS
from app.web.regions import ALL, Chosen

bp = Blueprint("flash_charge", __name__)

SIZE = 50
BATTERY = "/flash-charge/batteries/<int:battery_id>"
MOST_DIGITS = len(str(LAST_BATTERY_NUMBER))


def region_kept(chosen: Chosen) -> str | None:
    """The region as links of the page repeat it; None where there is nothing to choose."""
    if len(chosen.offered) < 2:  # noqa: PLR2004  # one is no choice
        return None
    return chosen.region.letter if chosen.region else ALL


def number_asked(name: str) -> int | None:
    """A number that stands in the URL to page from; None for nothing or for anything else."""
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS else None


def history_days() -> int:
    """The days of the history that the URL asks for; the longest by itself. FLA-3."""
    asked = request.args.get("range", "")
    return next((days for days in HISTORY_DAYS if str(days) == asked), HISTORY_DAYS[-1])
