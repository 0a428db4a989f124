"""The settings, generated from the catalogue: one row each, changed in place, with a look before it is saved."""

from dataclasses import dataclass

from flask import Response, request, url_for

from app.blueprints.settings import words
from app.blueprints.settings.forms import ChangeForm, change_form, in_row
from app.blueprints.settings.looking import looked_at
from app.blueprints.settings.section import bp, done, group_menu, said
from app.domain import labels
from app.domain.errors import NotFound, Rule
from app.domain.permissions import Permission
from app.domain.settings import CATALOGUE, Setting, SettingGroup, ValueKind
from app.queries import settings as reads
from app.queries.directory import RegionRow, regions_of
from app.usecases import settings as verbs
from app.web.current import actor, now
from app.web.guards import requires
from app.web.htmx import is_htmx, render
from app.web.reading import forget_reads, read_session
from app.web.regions import ALL, Chosen, chosen_region, switch_entries

FIELD_OF = {
    Rule.VALUE_OUT_OF_RANGE: "value",
    Rule.NO_CHANGE: "value",
    Rule.SETTINGS_CLASH: "value",
    Rule.TIME_PAST: "effective_at",
}
"""Beside which field a broken rule is said; anything else beside the reason."""


@dataclass(frozen=True, slots=True)
class OpenRow:
    """The row that is being changed: its form, and what the button would do."""

    setting: Setting
    row: str  # its id
    form: ChangeForm
    bounds: str
    now_words: str
    follow_words: str
    will_change: str
    will_not_change: str
    button: str  # empty: nothing to save yet
    history: list[reads.HistoryRow]


@bp.get("/settings")
@requires(Permission.SETTINGS_VIEW)
def settings() -> Response:
    """The settings of one group."""
    return _page(_group(request.args.get("group")), chosen_region(Permission.SETTINGS_VIEW))


@bp.get("/settings/<key>")
@requires(Permission.SETTINGS_CHANGE)
def setting(key: str) -> Response:
    """The group with one row open; for HTMX that row."""
    wanted, chosen = _changed_here(key), chosen_region(Permission.SETTINGS_VIEW)
    form = in_row(_row_id(wanted), change_form(wanted, formdata=None))
    _offer_regions(form, wanted, chosen)
    return _row_or_page(wanted, chosen, _open(wanted, form, None))


@bp.post("/settings/<key>")
@requires(Permission.SETTINGS_CHANGE)
def change(key: str) -> Response:
    """First a look at what would change, then (`step=save`, and nothing else typed since) the change itself."""
    wanted, chosen = _changed_here(key), chosen_region(Permission.SETTINGS_VIEW)
    form = in_row(_row_id(wanted), change_form(wanted))
    offered = _offer_regions(form, wanted, chosen)
    planned, pressed = looked_at(
        form, lambda: _planned(wanted, form, offered), lambda broken: FIELD_OF.get(broken.rule, "reason")
    )
    if planned and pressed:
        return _save(wanted, form, planned)
    return _row_or_page(wanted, chosen, _open(wanted, form, planned), status=422 if form.errors else 200)


@bp.post("/settings/<key>/withdraw/<int:version_id>")
@requires(Permission.SETTINGS_CHANGE)
def withdraw(key: str, version_id: int) -> Response:
    """Takes back a change that does not hold yet."""
    wanted = _setting(key)
    verbs.withdraw_change(wanted.key, version_id, actor=actor(), now=now())
    return done(f"{wanted.name}：已撤回", url_for(".settings", group=wanted.group.value))


def _save(wanted: Setting, form: ChangeForm, planned: reads.Change) -> Response:
    version_id = verbs.change_setting(
        wanted.key,
        region_id=planned.region.id if planned.region else None,
        value=planned.value,
        effective_at=form.effective_at.data,
        reason=form.reason.data,
        actor=actor(),
        now=now(),
    )
    forget_reads()
    undo = "" if planned.at_once else url_for(".withdraw", key=wanted.key, version_id=version_id)
    return done(words.saved(planned), url_for(".settings", group=wanted.group.value), undo)


def _planned(wanted: Setting, form: ChangeForm, offered: list[RegionRow]) -> reads.Change | None:
    if form.region.errors or form.effective_at.errors or (form.wanted is None and not form.follow.data):
        return None
    region = next((row for row in offered if row.letter == form.letter), None)
    return reads.planned_change(
        read_session(),
        actor(),
        wanted,
        region_id=region.id if region else None,
        value=form.wanted,
        effective_at=form.effective_at.data,
        now=now(),
    )


def _offer_regions(form: ChangeForm, wanted: Setting, chosen: Chosen) -> list[RegionRow]:
    """The regions that the actor may change the setting for; all at once only with the right everywhere."""
    offered = regions_of(read_session(), actor(), wanted.right)
    everywhere = [(ALL, labels.ALL_REGIONS)] if actor().scope(wanted.right).everywhere else []
    form.region.choices = everywhere + [(row.letter, row.title) for row in offered]
    letters = {letter for letter, _ in form.region.choices}
    if form.region.data is None:
        here = chosen.region.letter if chosen.region else ALL
        form.region.data = here if here in letters else form.region.choices[0][0]
    return offered


def _open(wanted: Setting, form: ChangeForm, planned: reads.Change | None) -> OpenRow:
    session = read_session()
    offered = regions_of(session, actor(), Permission.SETTINGS_VIEW)
    region = next((row for row in offered if row.letter == form.letter), None)
    lines = reads.setting_lines(session, actor(), wanted.group, region, now())
    line = next(line for line in lines if line.setting == wanted)
    counted = reads.kept_count(session, actor(), wanted, region.id if region else None)
    follow = "和全部区域一样，不单独设置" if region else f"改回默认 {line.default}"
    return OpenRow(
        wanted,
        _row_id(wanted),
        form,
        "" if wanted.kind is ValueKind.CHOICE else f"{wanted.figure(wanted.least)} 到 {wanted.figure(wanted.most)}",
        f"{region.title}现在 {line.value}" if region else f"现在 {line.value}",
        follow,
        words.will_change(planned) if planned else f"{wanted.changes}。",
        words.will_not_change(wanted, counted, planned),
        words.button(planned) if planned else "",
        reads.history(session, actor(), wanted, now()),
    )


def _row_or_page(wanted: Setting, chosen: Chosen, row: OpenRow, status: int = 200) -> Response:
    if is_htmx():
        return render("settings/open_row.html", opened=row, pending_badge=labels.PENDING, status=status)
    return _page(wanted.group, chosen, row, status)


def _page(group: SettingGroup, chosen: Chosen, opened: OpenRow | None = None, status: int = 200) -> Response:
    return render(
        "settings/settings.html",
        block="lines",
        status=status,
        menu_of_groups=group_menu(group.value),
        group_name=labels.SETTING_GROUP[group],
        group=group.value,
        lines=reads.setting_lines(read_session(), actor(), group, chosen.region, now()),
        opened=opened,
        pending_badge=labels.PENDING,
        regions=switch_entries(chosen),
        scope=chosen.scope_words,
        snack=said(),
    )


def _row_id(wanted: Setting) -> str:
    return f"setting-{wanted.key}"


def _setting(key: str) -> Setting:
    if key not in CATALOGUE:
        raise NotFound
    return CATALOGUE[key]


def _changed_here(key: str) -> Setting:
    """A setting that the actor may change somewhere. Raises NotFound, Forbidden."""
    wanted = _setting(key)
    actor().require(wanted.right)
    return wanted


def _group(text: str | None) -> SettingGroup:
    return SettingGroup(text) if text in set(SettingGroup) else next(iter(SettingGroup))
