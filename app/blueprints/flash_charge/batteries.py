"""The batteries of a region, the page of one, and what staff do with it by hand (FLA-2, FLA-3, decisions 23, 42)."""

from typing import Any

from flask import Response, request, url_for

from app.blueprints.flash_charge import words
from app.blueprints.flash_charge.forms import LostForm, MoveForm
from app.blueprints.flash_charge.section import BATTERY, SIZE, bp, history_days, number_asked, region_kept
from app.domain import labels
from app.domain.batteries import BatteryState
from app.domain.errors import NotFound, RuleBroken
from app.domain.permissions import Permission
from app.domain.pictures import PhotoKind
from app.queries import battery_page as pages
from app.queries.battery_list import battery_list
from app.queries.battery_page import BatteryPage
from app.queries.flash_charge import HISTORY_DAYS
from app.usecases import batteries as verbs
from app.usecases import flash_charge, photos
from app.web.current import actor, now, runtime
from app.web.guards import requires
from app.web.htmx import render, see_other
from app.web.reading import forget_reads, read_session
from app.web.regions import one_region, switch_entries
from app.web.timeline import timeline_items
from app.web.uploads import takes_photo

HEADS = (("plate", "电池"), ("state", "状态"), ("who", "使用人"), ("when", "扫码"), ("paid", "打印标签"))
USE_HEADS = (
    ("who", "使用人"),
    ("school", "学校"),
    ("when", "扫码"),
    ("paid", "归还"),
    ("money", "天数"),
    ("state", "状态"),
)


@bp.get("/flash-charge/batteries")
@requires(Permission.FLASH_VIEW)
def batteries() -> Response:
    """The batteries of one region, all or in one state, by number."""
    chosen = one_region(Permission.FLASH_VIEW)
    if chosen.id is None:
        raise NotFound
    state = next((one for one in BatteryState if one == request.args.get("state")), None)
    found = battery_list(
        read_session(), chosen.id, state, after=number_asked("after"), before=number_asked("before"), size=SIZE
    )

    def link(**changed: Any) -> str:
        return url_for(".batteries", **{"region": region_kept(chosen), "state": state, **changed})

    tabs = [(link(state=None), "全部", found.total, state is None)]
    tabs += [(link(state=one), labels.BATTERY_STATE[one].word, found.counts[one], one is state) for one in BatteryState]
    return render(
        "flash_charge/batteries.html",
        block="battery_rows",
        regions=[entry for entry in switch_entries(chosen) if entry[1]],
        scope=f"{chosen.scope_words}，按编号",
        heads=HEADS,
        tabs=tabs,
        page=found.page,
        shown=found.counts[state] if state else found.total,
        newer_url=link(before=found.page.before) if found.page.before else "",
        older_url=link(after=found.page.after) if found.page.after else "",
        state_badges=labels.BATTERY_STATE,
        letter=chosen.region.letter if chosen.region else "",
        may_manage=actor().may(Permission.BATTERIES_MANAGE, chosen.id),
    )


@bp.get(BATTERY)
@requires(Permission.FLASH_VIEW)
def battery(battery_id: int) -> Response:
    """The page of one battery: who has it, who had it in the last 7, 30 or 90 days, what became of it."""
    found = pages.battery_page(read_session(), actor(), battery_id, history_days(), now())
    return render(
        "flash_charge/battery.html",
        block="history",
        battery=found,
        badge=labels.BATTERY_STATE[found.state],
        strip=words.strip_of(found, now()),
        words=words,
        moves=[(state, words.MOVE[state]) for state in found.moves],
        ranges=[
            (url_for(".battery", battery_id=battery_id, range=days), words.HISTORY[days], days == found.days)
            for days in HISTORY_DAYS
        ],
        range_words=words.HISTORY[found.days],
        heads=USE_HEADS,
        story=timeline_items(found.entries, now()),
        list_url=url_for(".batteries", region=found.letter),
    )


def _page(battery_id: int) -> BatteryPage:
    return pages.battery_page(read_session(), actor(), battery_id, HISTORY_DAYS[0], now())


@bp.get(f"{BATTERY}/move")
@requires(Permission.BATTERIES_MANAGE)
def move_sheet(battery_id: int) -> Response:
    """Why a battery goes into repair, back into stock, out of use, or is noted lost."""
    to = next((state for state in BatteryState if state == request.args.get("to")), None)
    found = _page(battery_id)
    if to is None:
        return see_other(url_for(".battery", battery_id=battery_id))
    return _move_sheet(found, MoveForm(formdata=None, to=to.value), to)


@bp.post(f"{BATTERY}/move")
@requires(Permission.BATTERIES_MANAGE)
def move(battery_id: int) -> Response:
    """Puts it there. Decision 23."""
    form = MoveForm()
    found = _page(battery_id)
    valid = form.validate()
    if form.to.errors:
        return see_other(url_for(".battery", battery_id=battery_id))
    to = BatteryState(form.to.data)
    if not valid:
        return _move_sheet(found, form, to, status=422)
    forget_reads()
    try:
        verbs.move(battery_id, state=to, reason=form.reason.data, actor=actor(), now=now())
    except RuleBroken as broken:
        return _move_sheet(found, form, to, problem=labels.refusal(broken), status=422)
    return see_other(url_for(".battery", battery_id=battery_id))


def _move_sheet(
    found: BatteryPage, form: MoveForm, to: BatteryState, *, problem: str = "", status: int = 200
) -> Response:
    return render(
        "flash_charge/move.html",
        block="sheet",
        status=status,
        battery=found,
        badge=labels.BATTERY_STATE[found.state],
        form=form,
        word=words.MOVE[to],
        after=words.AFTER_MOVE[to],
        is_grave=to in (BatteryState.SCRAPPED, BatteryState.LOST),
        problem=problem,
    )


@bp.get(f"{BATTERY}/lost")
@requires(Permission.FLASH_SETTLE)
def lost_sheet(battery_id: int) -> Response:
    """What is withheld for a battery that was lost in somebody's hands, with a photo."""
    found = _page(battery_id)
    return _lost_sheet(found, LostForm(formdata=None, use_id=found.holding.use.id if found.holding else 0))


@bp.post(f"{BATTERY}/lost/photo")
@takes_photo
@requires(Permission.FLASH_SETTLE)
def report_lost(battery_id: int) -> Response:
    """The use ends, fees stop, and the money is withheld. Decision 42."""
    form = LostForm()
    found = _page(battery_id)
    if not form.validate():
        return _lost_sheet(found, form, status=422)
    jpeg = form.photo.data if form.damage else None
    photo = photos.store(runtime().photos, jpeg, PhotoKind.DAMAGE) if jpeg is not None else None
    forget_reads()
    try:
        flash_charge.report_lost(
            battery_id,
            use_id=form.seen_use_id,
            items=form.damage,
            photo=photo,
            reason=form.reason.data,
            request_key=form.request_key.data,
            actor=actor(),
            now=now(),
        )
    except RuleBroken as broken:
        return _lost_sheet(_page(battery_id), form, problem=labels.refusal(broken), status=422)
    return see_other(url_for(".battery", battery_id=battery_id))


def _lost_sheet(found: BatteryPage, form: LostForm, *, problem: str = "", status: int = 200) -> Response:
    return render(
        "flash_charge/lost.html",
        block="sheet",
        status=status,
        battery=found,
        form=form,
        problem=problem,
    )
