"""闭店日: what is closed and will be, declared and taken back before it begins (decision 20)."""

from datetime import date

from flask import Response, request, url_for

from app.blueprints.settings.forms import ClosedDaysForm
from app.blueprints.settings.section import bp, done, group_menu, said
from app.domain import labels
from app.domain.errors import NotFound, RuleBroken
from app.domain.permissions import Permission
from app.queries import closed_days as reads
from app.queries.closed_days import ClosedSpan
from app.queries.directory import RegionRow, regions_of
from app.usecases import closed_days as verbs
from app.web.current import actor, now
from app.web.formats import day
from app.web.guards import requires
from app.web.htmx import render, see_other
from app.web.reading import read_session
from app.web.regions import ALL, chosen_region, switch_entries

HEADS = (("what", "日期"), ("who", "区域"), ("text", "原因"), ("when", "谁定的"), ("next", ""))


@bp.get("/settings/closed-days")
@requires(Permission.SETTINGS_VIEW)
def closed_days() -> Response:
    """What is coming and what is over, and the form for whoever may close some."""
    return _page(_form(ClosedDaysForm(formdata=None)))


@bp.post("/settings/closed-days")
@requires(Permission.SETTINGS_CHANGE)
def close_days() -> Response:
    """Closes a region, or all, on a day or on some in a row."""
    form = _form(ClosedDaysForm())
    if not form.validate():
        return _page(form, status=422)
    first, last = form.first.data, form.last.data or form.first.data
    try:
        verbs.declare(
            region_id=_region_id(form.region.data),
            first=first,
            last=last,
            reason=form.reason.data,
            actor=actor(),
            now=now(),
        )
    except RuleBroken as broken:
        field = form[str(broken.facts.get("field", "reason"))]
        field.errors = [labels.refusal(broken).rstrip("。")]
        return _page(form, status=422)
    return done(f"{_spoken(first, last)} 定为闭店日", url_for(".closed_days"))


@bp.post("/settings/closed-days/withdraw")
@requires(Permission.SETTINGS_CHANGE)
def open_days() -> Response:
    """Takes back those of a span that have not begun."""
    try:
        first, last = (date.fromisoformat(request.form.get(name, "")) for name in ("first", "last"))
    except ValueError:  # not from our page
        return see_other(url_for(".closed_days"))
    region_id = _region_id(request.form.get("region", ""))
    verbs.withdraw(region_id=region_id, first=first, last=last, actor=actor(), now=now())
    return done(f"{_spoken(first, last)} 的闭店已撤回", url_for(".closed_days"))


def _form(form: ClosedDaysForm) -> ClosedDaysForm:
    may = regions_of(read_session(), actor(), Permission.SETTINGS_CHANGE)
    everywhere = [(ALL, labels.ALL_REGIONS)] if actor().scope(Permission.SETTINGS_CHANGE).everywhere else []
    form.region.choices = everywhere + [(region.letter, region.title) for region in may]
    return form


def _region_id(letter: str) -> int | None:
    """None for all regions. Raises NotFound."""
    if letter == ALL:
        return None
    for region in regions_of(read_session(), actor(), Permission.SETTINGS_VIEW):
        if region.letter == letter:
            return region.id
    raise NotFound


def _page(form: ClosedDaysForm, status: int = 200) -> Response:
    chosen = chosen_region(Permission.SETTINGS_VIEW)
    regions = [chosen.region] if chosen.region else list(chosen.offered)
    found = reads.spans(read_session(), actor(), [region.id for region in regions], now())
    rows = [_row(span, regions) for span in found]
    return render(
        "settings/closed_days.html",
        status=status,
        menu_of_groups=group_menu("closed-days"),
        form=form,
        may_close=bool(form.region.choices),
        earliest=reads.earliest(read_session(), now()),
        heads=HEADS,
        coming=[row for row in rows if row[0].is_coming],
        past=[row for row in rows if not row[0].is_coming],
        spoken=_spoken,
        regions=switch_entries(chosen),
        scope=chosen.scope_words,
        snack=said(),
    )


def _row(span: ClosedSpan, regions: list[RegionRow]) -> tuple[ClosedSpan, str, str]:
    """The span, the letter that its form sends, and the words for where it is."""
    region = next((one for one in regions if one.id == span.region_id), None)
    return span, region.letter if region else ALL, region.title if region else labels.ALL_REGIONS


def _spoken(first: date, last: date) -> str:
    """`2026-12-01`, `2026-12-01 到 2026-12-05`."""
    return day(first) if first == last else f"{day(first)} 到 {day(last)}"
