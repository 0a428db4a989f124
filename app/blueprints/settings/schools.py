"""The schools of the regions: added, renamed, moved to another region, removed while nobody belongs to them."""

from flask import Response, url_for

from app.blueprints.settings.forms import SchoolForm
from app.blueprints.settings.parts import OpenPart, save, show_open
from app.blueprints.settings.regions import directory_page
from app.blueprints.settings.section import bp
from app.domain.permissions import Permission
from app.queries import directory as reads
from app.usecases import directory as verbs
from app.web.current import actor, now
from app.web.guards import requires
from app.web.reading import read_session


@bp.get("/settings/regions/<letter>/schools")
@requires(Permission.DIRECTORY_CHANGE)
def new_school(letter: str) -> Response:
    """The form of a new school."""
    region = reads.region_by_letter(read_session(), actor(), letter)
    return show_open(_new_school(region, SchoolForm(formdata=None)), directory_page)


@bp.post("/settings/regions/<letter>/schools")
@requires(Permission.DIRECTORY_CHANGE)
def add_school(letter: str) -> Response:
    """A new school of the region."""
    region = reads.region_by_letter(read_session(), actor(), letter)
    form = SchoolForm()

    def add() -> None:
        verbs.add_school(region.id, name=form.name.data, actor=actor(), now=now())

    return save(_new_school(region, form), add, f"{region.title}：加好了{form.name.data}", directory_page)


@bp.get("/settings/schools/<int:school_id>")
@requires(Permission.DIRECTORY_CHANGE)
def school(school_id: int) -> Response:
    """One school, open."""
    row = reads.school_of(read_session(), actor(), school_id)
    opened = _school(row, SchoolForm(formdata=None, name=row.name, region=row.region_letter))
    return show_open(opened, directory_page)


@bp.post("/settings/schools/<int:school_id>")
@requires(Permission.DIRECTORY_CHANGE)
def change_school(school_id: int) -> Response:
    """Renames a school, or moves it."""
    row = reads.school_of(read_session(), actor(), school_id)
    form = SchoolForm()
    opened = _school(row, form)

    def change() -> None:
        letter = form.region.data if "region" in form else row.region_letter
        region = reads.region_by_letter(read_session(), actor(), letter)
        verbs.change_school(row.id, name=form.name.data, region_id=region.id, actor=actor(), now=now())

    return save(opened, change, f"{form.name.data}：改好了", directory_page)


@bp.post("/settings/schools/<int:school_id>/remove")
@requires(Permission.DIRECTORY_CHANGE)
def remove_school(school_id: int) -> Response:
    """Removes a school that nobody belongs to."""
    row = reads.school_of(read_session(), actor(), school_id)
    opened = _school(row, SchoolForm(formdata=None, name=row.name, region=row.region_letter))

    def remove() -> None:
        verbs.remove_school(row.id, actor=actor(), now=now())

    return save(opened, remove, f"{row.name}：已移除", directory_page)


def _new_school(region: reads.RegionRow, form: SchoolForm) -> OpenPart:
    del form.region
    url = url_for(".add_school", letter=region.letter)
    note = f"这所学校的用户在 {region.title}预约、提车"
    return OpenPart(f"region-{region.letter}-schools", "新学校", note, form, url, "加这所学校", url_for(".directory"))


def _school(row: reads.SchoolRow, form: SchoolForm) -> OpenPart:
    offered = reads.regions_of(read_session(), actor(), Permission.DIRECTORY_CHANGE)
    if len(offered) > 1:
        form.region.choices = [(region.letter, region.title) for region in offered]
    else:
        del form.region
    card = next(
        school
        for region in reads.region_cards(read_session(), actor(), row.region_id)
        for school in region.schools
        if school.id == row.id
    )
    note = "移到别的区域以后，新的预约用那个区域的编号和门店；已经完成的订单不变"
    if card.open_orders:
        note = f"有 {card.open_orders} 个已预约的订单，等它们提车、取消或过期以后才能移到别的区域"
    return OpenPart(
        f"school-{row.id}",
        row.name,
        note,
        form,
        url_for(".change_school", school_id=row.id),
        "保存学校",
        url_for(".directory"),
        url_for(".remove_school", school_id=row.id),
        "移除学校",
        f"有 {card.people} 个用户，不能移除" if card.people else "",
    )
