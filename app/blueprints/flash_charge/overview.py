"""The section's first page: figures, the one box, who has a battery now; and who had one in the last days."""

from typing import Any

from flask import Response, request, url_for

from app.blueprints.flash_charge import words
from app.blueprints.flash_charge.forms import FindForm
from app.blueprints.flash_charge.section import SIZE, bp, history_days, region_kept
from app.domain.numbering import BatteryNumber
from app.domain.permissions import Permission
from app.queries import battery_page as pages
from app.queries import flash_charge as reads
from app.queries.flash_charge import HISTORY_DAYS, Figures, Overview, Span, UseRow
from app.queries.paging import Key
from app.web.current import actor, now
from app.web.forms import from_query
from app.web.guards import requires
from app.web.htmx import render, see_other
from app.web.reading import read_session
from app.web.regions import ALL, Chosen, chosen_region, switch_entries

HEADS = (
    ("plate", "电池"),
    ("who", "使用人"),
    ("school", "学校"),
    ("when", "扫码"),
    ("money", "天数"),
    ("state", "状态"),
    ("next", "下一步"),
)
PAST_HEADS = (
    ("plate", "电池"),
    ("who", "使用人"),
    ("school", "学校"),
    ("when", "扫码"),
    ("paid", "归还"),
    ("money", "天数"),
    ("state", "状态"),
)


@bp.get("/flash-charge")
@requires(Permission.FLASH_VIEW)
def flash_charge() -> Response:
    """Figures of all regions and of each, and the open uses of the chosen ones; a number leads to its battery."""
    form = from_query(FindForm)
    problem = ""
    if form.number.data:
        battery_id = _found(form.number.data)
        if battery_id is not None:
            return see_other(url_for(".battery", battery_id=battery_id))
        problem = f"没有 {form.number.data} 这块电池，写完整的编号，比如 A00042"
    chosen = chosen_region(Permission.FLASH_VIEW)
    region_ids = _ids(chosen)
    span = next((one for one in Span if one == request.args.get("span")), Span.ALL)
    offered = [region.id for region in chosen.offered]
    overview = reads.overview(read_session(), actor(), offered, chosen.id, now())
    found = reads.open_uses(
        read_session(),
        region_ids,
        span,
        total=overview.by_span[span],
        after=Key.parse(request.args.get("after")),
        before=Key.parse(request.args.get("before")),
        size=SIZE,
        now=now(),
    )

    def link(**changed: Any) -> str:
        kept: dict[str, Any] = {"region": region_kept(chosen), "span": span if span is not Span.ALL else None}
        return url_for(".flash_charge", **kept | changed)

    if not found.page.rows and found.total and (request.args.get("after") or request.args.get("before")):
        return see_other(link())
    return render(
        "flash_charge/flash_charge.html",
        block="open_uses",
        regions=switch_entries(chosen),
        scope=chosen.scope_words,
        form=form,
        problem=problem,
        rows=_figure_rows(overview, chosen),
        tabs=[
            (link(span=one if one is not Span.ALL else None), words.SPAN[one], overview.by_span[one], one is span)
            for one in Span
        ],
        heads=HEADS,
        found=found,
        nothing=words.NOTHING[span],
        newer_url=link(before=str(found.page.newer)) if found.page.newer else "",
        older_url=link(after=str(found.page.older)) if found.page.older else "",
        settle_url=_settle_url,
        take_back_url=_take_back_url,
        may_manage=actor().may(Permission.BATTERIES_MANAGE),
        history_url=url_for(".past_uses", region=region_kept(chosen)),
        batteries_url=url_for(".batteries", region=region_kept(chosen)),
    )


def _figure_rows(overview: Overview, chosen: Chosen) -> list[tuple[str, str, Figures, bool]]:
    """(name, link, figures, current) of all together, then of each region."""
    if len(chosen.offered) == 1:
        return [(chosen.offered[0].title, "", overview.total, False)]
    return [
        ("全部", url_for(".flash_charge", region=ALL), overview.total, chosen.region is None),
        *(
            (
                region.title,
                url_for(".flash_charge", region=region.letter),
                overview.by_region[region.id],
                region == chosen.region,
            )
            for region in chosen.offered
        ),
    ]


def _found(typed: str) -> int | None:
    try:
        return pages.find_battery(read_session(), actor(), BatteryNumber.parse(typed))
    except ValueError:
        return None


def _ids(chosen: Chosen) -> list[int]:
    return [chosen.id] if chosen.id is not None else [region.id for region in chosen.offered]


def _settle_url(row: UseRow) -> str:
    """Where a use is cleared up, for whoever may."""
    may = row.is_disputed and actor().may(Permission.FLASH_SETTLE, row.region_id)
    return url_for(".settle_sheet", use_id=row.id) if may else ""


def _take_back_url(row: UseRow) -> str:
    """The counter, where a battery comes back."""
    may = row.is_asked_back and actor().may(Permission.PICKUP)
    return url_for("pickup.battery_at_counter", code=row.number) if may else ""


@bp.get("/flash-charge/uses")
@requires(Permission.FLASH_VIEW)
def past_uses() -> Response:
    """Uses that began in the last 7, 30 or 90 days. FLA-3."""
    chosen = chosen_region(Permission.FLASH_VIEW)
    days = history_days()
    found = reads.past_uses(
        read_session(),
        _ids(chosen),
        days,
        after=Key.parse(request.args.get("after")),
        before=Key.parse(request.args.get("before")),
        size=SIZE,
        now=now(),
    )

    def link(**changed: Any) -> str:
        return url_for(".past_uses", **{"region": region_kept(chosen), "range": days, **changed})

    if not found.page.rows and found.total and (request.args.get("after") or request.args.get("before")):
        return see_other(link())
    return render(
        "flash_charge/uses.html",
        block="past_uses",
        regions=switch_entries(chosen),
        scope=f"{chosen.scope_words}，按扫码时间，新的在前",
        ranges=[(link(range=one), words.HISTORY[one], one == days) for one in HISTORY_DAYS],
        heads=PAST_HEADS,
        found=found,
        newer_url=link(before=found.page.newer) if found.page.newer else "",
        older_url=link(after=found.page.older) if found.page.older else "",
        nothing=f"{words.HISTORY[days]}没有人扫过电池",
    )
