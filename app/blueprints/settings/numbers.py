"""Number series: how far each is used, its numbers, the plates, and numbers out of use (NUM-4 to NUM-8, decision 9)."""

from typing import Any

from flask import Response, request, url_for

from app.blueprints.settings.number_forms import PlatesForm, ReasonForm
from app.blueprints.settings.section import bp, group_menu
from app.domain import labels
from app.domain.errors import Rule, RuleBroken
from app.domain.labels import Badge
from app.domain.numbering import LAST_NUMBER
from app.domain.permissions import Permission
from app.domain.printing import read_stretches
from app.queries import number_series as reads
from app.queries.number_series import STATES, Holder, SeriesRow, SlotPage
from app.usecases import numbers as verbs
from app.usecases import tasks
from app.web.current import actor, now
from app.web.formats import short_day, span, today_when, when
from app.web.guards import requires
from app.web.htmx import render, see_other
from app.web.reading import forget_reads, read_session
from app.web.regions import chosen_region, switch_entries
from app.web.timeline import timeline_items

SERIES = "/settings/numbers/<int:series_id>"
SLOT = "/settings/numbers/slots/<int:slot_id>"
SIZE = 100
STATE: dict[str, Badge] = {
    "free": Badge("空闲", "done"),
    "held": Badge("已占用", "open"),
    "waiting": Badge("等微信确认", "wait"),
    "kept": Badge("已挂车", "past"),
    "retired": Badge("停用", "void"),
}
HEADS = (("plate", "编号"), ("state", "状态"), ("who", "用户"), ("when", "从什么时候起"), ("paid", "打印车牌"))


@bp.get("/settings/numbers")
@requires(Permission.NUMBERS_VIEW)
def numbers() -> Response:
    """Each series of the chosen regions: used, free, retired, and the number that the next order gets."""
    chosen = chosen_region(Permission.NUMBERS_VIEW)
    rows = reads.series_rows(read_session(), actor(), chosen.id)
    return render(
        "settings/numbers.html",
        menu_of_groups=group_menu("numbers"),
        regions=switch_entries(chosen),
        scope=chosen.scope_words,
        cards=[
            (region.title, [row for row in rows if row.region_id == region.id])
            for region in chosen.offered
            if chosen.region in (None, region)
        ],
        business_words=labels.BUSINESS,
        state=STATE,
        most=LAST_NUMBER,
    )


@bp.get(SERIES)
@requires(Permission.NUMBERS_VIEW)
def number_series(series_id: int) -> Response:
    """The numbers of one series, all or in one state; a number that is looked for leads to its own page."""
    series = reads.series_of(read_session(), actor(), series_id)
    problem, typed = "", request.args.get("q", "")[:20]
    if typed.strip():
        slot_id = reads.find_slot(read_session(), series, typed)
        if slot_id is not None:
            return see_other(url_for(".number_slot", slot_id=slot_id))
        problem = f"{series.prefix} 里没有 {typed.strip()}，写 0001 到 {LAST_NUMBER}"
    state = next((one for one in STATES if one == request.args.get("state")), None)
    page = reads.slot_page_of(
        read_session(), series, state, after=_number("after"), before=_number("before"), size=SIZE
    )

    def link(**changed: Any) -> str:
        return url_for(".number_series", series_id=series_id, **{"state": state, **changed})

    tabs = [(link(state=None), "全部", LAST_NUMBER, state is None)]
    tabs += [(link(state=one), STATE[one].word, series.counts[one], one == state) for one in STATES]
    return render(
        "settings/numbers_series.html",
        block="slots",
        menu_of_groups=group_menu("numbers"),
        series=series,
        business=labels.BUSINESS[series.business],
        typed=typed,
        problem=problem,
        tabs=tabs,
        heads=HEADS,
        page=page,
        shown=series.counts[state] if state else LAST_NUMBER,
        newer_url=link(before=page.before) if page.before else "",
        older_url=link(after=page.after) if page.after else "",
        state=STATE,
        may_print=actor().may(Permission.PLATES_PRINT, series.region_id),
    )


def _number(name: str) -> int | None:
    """A number that stands in the URL to page from."""
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(LAST_NUMBER)) else None


@bp.get(SLOT)
@requires(Permission.NUMBERS_VIEW)
def number_slot(slot_id: int) -> Response:
    """One number: who had it from when to when, and when it was out of use. Decision 10."""
    found = reads.slot_page(read_session(), actor(), slot_id)
    return render(
        "settings/numbers_slot.html",
        menu_of_groups=group_menu("numbers"),
        found=found,
        business=labels.BUSINESS[found.series.business],
        badge=STATE[found.slot.state],
        stretch=_stretch,
        holder_badge=_holder_badge,
        story=timeline_items(found.entries, now()),
    )


def _stretch(holder: Holder) -> str:
    """`11-24 13:52 起`, `11-19 09:00，2 小时`, `11-20 至 11-23`."""
    if holder.to_at is None:
        return f"{today_when(holder.from_at, now())} 起"
    if (holder.to_at - holder.from_at).days < 1:
        return f"{when(holder.from_at)}，{span(holder.to_at - holder.from_at)}"
    return f"{short_day(holder.from_at)} 至 {short_day(holder.to_at)}"


def _holder_badge(holder: Holder) -> Badge:
    return labels.ORDER_STATUS[holder.status] if holder.status else STATE["retired"]


@bp.get(f"{SLOT}/retire")
@requires(Permission.NUMBERS_RETIRE)
def retire_sheet(slot_id: int) -> Response:
    """Why a number goes out of use."""
    return _act_sheet(reads.slot_page(read_session(), actor(), slot_id), ReasonForm(formdata=None), retires=True)


@bp.post(f"{SLOT}/retire")
@requires(Permission.NUMBERS_RETIRE)
def retire(slot_id: int) -> Response:
    """Takes a free number out of use: its plate is lost, say. Decision 9."""
    return _act(slot_id, retires=True)


@bp.get(f"{SLOT}/put-back")
@requires(Permission.NUMBERS_RETIRE)
def put_back_sheet(slot_id: int) -> Response:
    """Why it comes back."""
    return _act_sheet(reads.slot_page(read_session(), actor(), slot_id), ReasonForm(formdata=None), retires=False)


@bp.post(f"{SLOT}/put-back")
@requires(Permission.NUMBERS_RETIRE)
def put_back(slot_id: int) -> Response:
    """Its plate was found or made anew: the next order may get it."""
    return _act(slot_id, retires=False)


def _act(slot_id: int, *, retires: bool) -> Response:
    form = ReasonForm()
    found = reads.slot_page(read_session(), actor(), slot_id)
    if not form.validate():
        return _act_sheet(found, form, retires=retires, status=422)
    forget_reads()
    verb = verbs.retire if retires else verbs.put_back_in_use
    try:
        verb(slot_id, reason=form.reason.data, actor=actor(), now=now())
    except RuleBroken as broken:
        return _act_sheet(found, form, retires=retires, problem=labels.refusal(broken), status=422)
    return see_other(url_for(".number_slot", slot_id=slot_id))


def _act_sheet(found: SlotPage, form: ReasonForm, *, retires: bool, problem: str = "", status: int = 200) -> Response:
    return render(
        "settings/numbers_act.html",
        block="sheet",
        status=status,
        found=found,
        form=form,
        word="停用" if retires else "恢复",
        action=url_for(".retire" if retires else ".put_back", slot_id=found.slot.id),
        consequences=["新的预约不再分到这个编号", "找回车牌以后可以恢复"]
        if retires
        else ["下一个预约就可能分到这个编号", "先把车牌准备好，丢了就补打"],
        badge=STATE[found.slot.state],
        problem=problem,
    )


@bp.get(f"{SERIES}/print")
@requires(Permission.PLATES_PRINT)
def plates_sheet(series_id: int) -> Response:
    """Which plates."""
    series = reads.series_of(read_session(), actor(), series_id)
    return _plates_sheet(series, PlatesForm(formdata=None, numbers=request.args.get("numbers", "")[:2000]))


@bp.post(f"{SERIES}/print")
@requires(Permission.PLATES_PRINT)
def print_plates(series_id: int) -> Response:
    """Asks for the plates; the page of the print shows how far they are. NUM-8."""
    series = reads.series_of(read_session(), actor(), series_id)
    form = PlatesForm()
    if not form.validate():
        return _plates_sheet(series, form, status=422)
    forget_reads()
    try:
        task_id = tasks.ask_for_plates(
            series.region_id,
            series.business,
            read_stretches(form.numbers.data, series.prefix, last=LAST_NUMBER),
            reason=form.reason.data,
            request_key=form.request_key.data,
            actor=actor(),
            now=now(),
        )
    except RuleBroken as broken:
        field = form.reason if broken.rule is Rule.PRINTED_BEFORE else form.numbers
        field.errors = [labels.refusal(broken).rstrip("。")]
        return _plates_sheet(series, form, status=422)
    return see_other(url_for("files.file_page", task_id=task_id))


def _plates_sheet(series: SeriesRow, form: PlatesForm, *, status: int = 200) -> Response:
    return render("settings/numbers_print.html", block="sheet", status=status, series=series, form=form)
