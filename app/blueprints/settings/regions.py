"""The directory: each region with its store, contacts and schools; one row opens in place at a time."""

from typing import Any

from flask import Response, url_for

from app.blueprints.settings.forms import ContactForm, NewRegionForm, RegionForm, StoreForm
from app.blueprints.settings.parts import OpenPart, save, show_open
from app.blueprints.settings.section import bp, group_menu, said
from app.domain import labels
from app.domain.directory import ContactFacts, ContactKind, StoreFacts
from app.domain.errors import Forbidden, NotFound
from app.domain.permissions import Permission
from app.queries import directory as reads
from app.usecases import directory as verbs
from app.web.current import actor, now
from app.web.forms import ActForm
from app.web.guards import requires
from app.web.htmx import render
from app.web.reading import read_session
from app.web.regions import chosen_region, switch_entries


@bp.get("/settings/regions")
@requires(Permission.SETTINGS_VIEW)
def directory() -> Response:
    """All regions that the actor may see, or the chosen one."""
    return directory_page(None)


@bp.get("/settings/regions/new")
@requires(Permission.DIRECTORY_CHANGE)
def new_region() -> Response:
    """The form of a new region."""
    _require_everywhere()
    free = reads.free_letters(read_session())
    return show_open(_new_region(NewRegionForm(formdata=None, letter=free[0] if free else "")), directory_page)


@bp.post("/settings/regions/new")
@requires(Permission.DIRECTORY_CHANGE)
def add_region() -> Response:
    """A new region with its store and its numbers."""
    _require_everywhere()
    form = NewRegionForm()
    store = StoreFacts(form.store_name.data, form.store_address.data, form.store_hours.data)

    def add() -> None:
        verbs.add_region(letter=form.letter.data, name=form.name.data, store=store, actor=actor(), now=now())

    return save(
        _new_region(form), add, f"加好了区域 {form.letter.data} {form.name.data}，编号从 0001 开始", directory_page
    )


def _require_everywhere() -> None:
    """A new region is for whoever may change all of them."""
    if not actor().scope(Permission.DIRECTORY_CHANGE).everywhere:
        raise Forbidden(Permission.DIRECTORY_CHANGE.value)


@bp.get("/settings/regions/<letter>/<part>")
@requires(Permission.DIRECTORY_CHANGE)
def region_part(letter: str, part: str) -> Response:
    """One row of a region, open: `name`, `store`, or a kind of contact."""
    return show_open(_part(reads.region_by_letter(read_session(), actor(), letter), part, filled=False), directory_page)


@bp.post("/settings/regions/<letter>/<part>")
@requires(Permission.DIRECTORY_CHANGE)
def change_region_part(letter: str, part: str) -> Response:
    """Saves one row of a region."""
    region = reads.region_by_letter(read_session(), actor(), letter)
    opened = _part(region, part, filled=True)
    form: Any = opened.form

    def change() -> None:
        asked: dict[str, Any] = {"actor": actor(), "now": now()}
        if part == "name":
            verbs.rename_region(region.id, name=form.name.data, **asked)
        elif part == "store":
            store = StoreFacts(form.name.data, form.address.data, form.hours.data)
            verbs.change_store(region.id, store=store, **asked)
        else:
            contact = ContactFacts(form.phone.data, form.wechat.data, form.hours.data)
            verbs.change_contact(region.id, ContactKind(part), contact=contact, **asked)

    return save(opened, change, f"{region.title}：{opened.title}改好了", directory_page)


def _part(region: reads.RegionRow, part: str, *, filled: bool) -> OpenPart:
    """The open row; `filled` with what was typed, else with what holds now. Raises NotFound for an unknown part."""
    form: ActForm
    if part == "name":
        title, note = "区域名", f"编号字母 {region.letter} 不能改，已经印在车牌上"
        form = RegionForm() if filled else RegionForm(formdata=None, name=region.name)
    elif part == "store":
        title, note = "门店", "手机上和订单里都用这个店名和地址"
        now_holds = {"name": region.store_name, "address": region.address, "hours": region.hours}
        form = StoreForm() if filled else StoreForm(formdata=None, **now_holds)
    elif part in set(ContactKind):
        contact = reads.contact(read_session(), region.id, ContactKind(part))
        title, note = labels.CONTACT[ContactKind(part)], "手机上「电话」和「微信」两个按钮用这里的号码，没有就留空"
        now_holds = {"phone": contact.phone, "wechat": contact.wechat, "hours": contact.hours}
        form = ContactForm() if filled else ContactForm(formdata=None, **now_holds)
    else:
        raise NotFound
    url = url_for(".change_region_part", letter=region.letter, part=part)
    return OpenPart(f"region-{region.letter}-{part}", title, note, form, url, f"保存{title}", url_for(".directory"))


def _new_region(form: NewRegionForm) -> OpenPart:
    note = "编号字母定下就不能改；一加好，买车、租车、mini租就各有编号 0001 到 9999"
    action, close = url_for(".add_region"), url_for(".directory")
    return OpenPart("region-new", "新区域", note, form, action, "加这个区域", close, closes_in_place=False)


def directory_page(opened: OpenPart | None, status: int = 200) -> Response:
    """The page, with one row open or none."""
    chosen = chosen_region(Permission.SETTINGS_VIEW)
    return render(
        "settings/regions.html",
        block="cards",
        status=status,
        menu_of_groups=group_menu("regions"),
        cards=reads.region_cards(read_session(), actor(), chosen.id),
        opened=opened,
        may_add=actor().scope(Permission.DIRECTORY_CHANGE).everywhere and bool(reads.free_letters(read_session())),
        contact_words=labels.CONTACT,
        scope=chosen.scope_words,
        regions=switch_entries(chosen),
        snack=said(),
    )
