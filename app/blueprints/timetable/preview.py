"""试算到某一天: what the jobs would post, freeze and remind of if they ran on that day. Nothing is written."""

from typing import Any

from flask import Response, request, url_for

from app.blueprints.timetable.forms import MOST_DAYS, PreviewForm
from app.blueprints.timetable.section import bp
from app.domain.calendar import business_day
from app.domain.labels import Badge
from app.domain.permissions import Permission
from app.domain.reminders import Stage, Thing
from app.queries import late_fee_preview as reads
from app.queries.directory import RegionRow
from app.queries.late_fee_preview import Preview, PreviewRow, Sums
from app.web.current import actor, now
from app.web.guards import requires, row_id
from app.web.htmx import render
from app.web.reading import read_session
from app.web.regions import ALL, chosen_region, switch_entries

SIZE = 50
THING: dict[Thing, tuple[str, str]] = {Thing.BATTERY: ("闪充", "块电池"), Thing.VEHICLE: ("租车", "辆车")}
STAGE: dict[Stage, str] = {
    Stage.SOON: "3 天后到期",
    Stage.LAST: "1 天后到期",
    Stage.LATE: "开始逾期",
    Stage.FREEZES: "快要冻结",
}
SUM_HEADS = (("what", "区域和业务"), ("who", "要记逾期费"), ("money", "金额"), ("state", "新冻结"), ("when", "提醒"))
HEADS = (
    ("plate", "编号"),
    ("who", "用户"),
    ("when", "要记"),
    ("money", "金额"),
    ("paid", "累计"),
    ("id", "冻结日"),
    ("state", "到那天"),
)


@bp.get("/jobs/preview")
@requires(Permission.JOBS_VIEW)
def preview() -> Response:
    """Sums by region and business for a day (today by itself), and one page of what they are made of."""
    chosen, today = chosen_region(Permission.JOBS_VIEW), business_day(now())
    form = PreviewForm(request.args, on=today)
    form.today = today
    asked: dict[str, Any] = {"form": form, "today": today, "most": MOST_DAYS, "regions": switch_entries(chosen)}
    if not form.validate():
        return render("timetable/preview.html", block="preview", status=422, found=None, **asked)
    on = form.on.data or today
    regions = [chosen.region] if chosen.region else list(chosen.offered)
    ids = [region.id for region in regions]
    thing = next((one for one in Thing if one == request.args.get("what")), Thing.BATTERY)
    found = reads.preview(read_session(), ids, on)
    page = reads.preview_rows(read_session(), thing, ids, on, after=_asked("after"), before=_asked("before"), size=SIZE)

    def link(**changed: Any) -> str:
        region = (chosen.region.letter if chosen.region else ALL) if len(chosen.offered) > 1 else None
        return url_for(".preview", **{"on": on.isoformat(), "region": region, "what": thing.value, **changed})

    return render(
        "timetable/preview.html",
        block="preview",
        found=found,
        sum_heads=SUM_HEADS,
        sums=[_all(found), *_lines(found, regions)],
        heads=HEADS,
        page=page,
        total=sum(found.sums[region_id, thing].lents for region_id in ids),
        unit=THING[thing][1],
        tabs=[
            (link(what=one.value), THING[one][0], sum(found.sums[each, one].lents for each in ids), one is thing)
            for one in Thing
        ],
        newer_url=link(before=page.before) if page.before else "",
        older_url=link(after=page.after) if page.after else "",
        url_of=_url_of,
        badges=_badges,
        on=on,
        **asked,
    )


def _lines(found: Preview, regions: list[RegionRow]) -> list[tuple[str, Sums, str, str, str, bool]]:
    return [
        _line(
            f"{region.title}，{THING[thing][0]}",
            found.sums[region.id, thing],
            THING[thing][1],
            f"冻结 {n} 人" if (n := found.sums[region.id, thing].frozen) else "",
            {stage: found.reminders[region.id, thing, stage] for stage in Stage},
        )
        for region in regions
        for thing in Thing
    ]


def _all(found: Preview) -> tuple[str, Sums, str, str, str, bool]:
    reminders = {stage: sum(n for key, n in found.reminders.items() if key[2] is stage) for stage in Stage}
    frozen = f"冻结 {found.frozen_people} 人" if found.frozen_people else ""
    return _line("合计", sum(found.sums.values(), Sums()), "个", frozen, reminders, is_sum=True)


def _line(
    name: str, sums: Sums, unit: str, frozen: str, reminders: dict[Stage, int], *, is_sum: bool = False
) -> tuple[str, Sums, str, str, str, bool]:
    what = f"{sums.lents:,} {unit}，{sums.days:,} 天" if sums.lents else ""
    return name, sums, what, frozen, "，".join(f"{STAGE[one]} {n} 条" for one, n in reminders.items() if n), is_sum


def _badges(row: PreviewRow) -> list[Badge]:
    """What has become of it by that day."""
    capped = [Badge("封顶", "past")] if row.is_capped else []
    return [Badge("冻结", "stop"), *capped] if row.is_frozen else capped


def _url_of(row: PreviewRow) -> str:
    """Its own page, for whoever may see it."""
    if row.order_id is not None:
        return url_for("orders.order", order_id=row.order_id) if actor().may(Permission.ORDERS_VIEW) else ""
    may = actor().may(Permission.FLASH_VIEW)
    return url_for("flash_charge.battery", battery_id=row.battery_id) if may else ""


def _asked(name: str) -> int | None:
    return row_id(request.args.get(name, ""))
