"""The region switch: the region filter of every staff page; it stands in the URL, the next page remembers it."""

from dataclasses import dataclass, replace
from urllib.parse import urlencode

from flask import request, session
from werkzeug.datastructures import MultiDict

from app.domain.labels import ALL_REGIONS
from app.domain.permissions import Permission
from app.queries import directory
from app.web.current import actor
from app.web.reading import read_session

ALL = "all"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the switch stands at, and what it offers."""

    region: directory.RegionRow | None  # None: all that the actor may see
    offered: tuple[directory.RegionRow, ...]

    @property
    def id(self) -> int | None:
        """The chosen region's id."""
        return self.region.id if self.region else None

    @property
    def scope_words(self) -> str:
        """`全部区域`, or the region's name."""
        return self.region.name if self.region else ALL_REGIONS


def chosen_region(permission: Permission) -> Chosen:
    """The region of this page."""
    offered = tuple(directory.regions_of(read_session(), actor(), permission))
    letter = request.args.get("region")
    if letter in {ALL, *(row.letter for row in offered)}:
        session["region"] = letter
    wanted = letter or session.get("region", ALL)
    region = next((row for row in offered if row.letter == wanted), None)
    if region is None and len(offered) == 1:
        region = offered[0]
    return Chosen(region, offered)


def one_region(permission: Permission) -> Chosen:
    """The same for a page that needs a region: where all are chosen, it takes the first one offered."""
    chosen = chosen_region(permission)
    return replace(chosen, region=chosen.region or next(iter(chosen.offered), None))


def switch_entries(chosen: Chosen) -> list[tuple[str, str, str, bool]]:
    """(url, letter, label, current) for the frame's switch; links keep the page's other filters."""
    if not chosen.offered:
        return []
    only = len(chosen.offered) == 1
    entries = [] if only else [(_url(ALL), "", ALL_REGIONS, chosen.region is None)]
    return entries + [(_url(row.letter), row.letter, row.name, row == chosen.region) for row in chosen.offered]


def _url(letter: str) -> str:
    kept = MultiDict(
        (key, value) for key, value in request.args.items(multi=True) if key not in ("region", "after", "before")
    )
    kept["region"] = letter
    return f"{request.path}?{urlencode(list(kept.items(multi=True)))}"
