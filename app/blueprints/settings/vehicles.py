"""Models with their listings: what is sold and rented where, at what price, and how many there are (SET-1, SET-2)."""

from functools import partial

from flask import Response, url_for

from app.blueprints.settings import vehicle_words
from app.blueprints.settings.parts import OpenPart, save, show_open
from app.blueprints.settings.section import bp, group_menu, said
from app.blueprints.settings.vehicle_forms import ListingForm, ModelForm
from app.domain import labels
from app.domain.errors import Forbidden
from app.domain.numbering import Business
from app.domain.permissions import Permission
from app.queries import vehicle_settings as reads
from app.queries.directory import regions_of
from app.usecases import vehicles as verbs
from app.web.current import actor, now
from app.web.guards import requires
from app.web.htmx import render
from app.web.reading import read_session
from app.web.regions import chosen_region, switch_entries


@bp.get("/settings/vehicles")
@requires(Permission.VEHICLES_VIEW)
def vehicles() -> Response:
    """All models, with the listings of the chosen region or of all that the actor may see."""
    return vehicles_page(None)


@bp.get("/settings/vehicles/new")
@requires(Permission.VEHICLES_CHANGE)
def new_model() -> Response:
    """The form of a new model; only for whoever may change vehicles everywhere."""
    _require_everywhere()
    return show_open(_new_model(ModelForm(formdata=None)), vehicles_page)


@bp.post("/settings/vehicles/new")
@requires(Permission.VEHICLES_CHANGE)
def add_model() -> Response:
    """A new model, listed nowhere yet."""
    _require_everywhere()
    form = ModelForm()

    def add() -> None:
        verbs.add_model(model=form.facts_typed(), actor=actor(), now=now())

    words = f"加好了 {form.name.data}，接着在一个区域上架"
    return save(_new_model(form), add, words, vehicles_page)


@bp.get("/settings/vehicles/models/<int:model_id>")
@requires(Permission.VEHICLES_CHANGE)
def model(model_id: int) -> Response:
    """One model, open."""
    row = reads.model_of(read_session(), model_id)
    _require_everywhere()
    form = ModelForm(
        formdata=None, name=row.name, colours="、".join(row.colours), facts="\n".join(row.facts), picture=row.picture
    )
    return show_open(_model(row, form), vehicles_page)


@bp.post("/settings/vehicles/models/<int:model_id>")
@requires(Permission.VEHICLES_CHANGE)
def change_model(model_id: int) -> Response:
    """Saves a model, for all regions."""
    row = reads.model_of(read_session(), model_id)
    _require_everywhere()
    form = ModelForm()

    def change() -> None:
        verbs.change_model(row.id, model=form.facts_typed(), actor=actor(), now=now())

    return save(_model(row, form), change, f"{form.name.data}：改好了", vehicles_page)


@bp.get("/settings/vehicles/models/<int:model_id>/listings")
@requires(Permission.VEHICLES_CHANGE)
def new_listing(model_id: int) -> Response:
    """Where a model could be listed."""
    row = reads.model_of(read_session(), model_id)
    return show_open(_new_listing(row, ListingForm(formdata=None)), vehicles_page)


@bp.post("/settings/vehicles/models/<int:model_id>/listings")
@requires(Permission.VEHICLES_CHANGE)
def add_listing(model_id: int) -> Response:
    """Lists a model in a region for a business; then its price and stock are set on its own page."""
    row = reads.model_of(read_session(), model_id)
    form = ListingForm()
    opened = _new_listing(row, form)

    def add() -> None:
        offered = regions_of(read_session(), actor(), Permission.VEHICLES_CHANGE)
        region_id = next(region.id for region in offered if region.letter == form.region.data)
        business = Business(form.business.data)
        verbs.list_model(row.id, region_id=region_id, business=business, actor=actor(), now=now())

    business = labels.BUSINESS[Business(form.business.data)] if form.business.validate(form) else ""
    words = f"{row.name} {business}：加到 {form.region.data} 了，打开它定价、加库存，然后上架"
    return save(opened, add, words, vehicles_page)


def _require_everywhere() -> None:
    if not reads.may_change_models(actor()):
        raise Forbidden(Permission.VEHICLES_CHANGE.value)


_open_model = partial(OpenPart, template="settings/open_model.html")


def _new_model(form: ModelForm) -> OpenPart:
    action, close = url_for(".add_model"), url_for(".vehicles")
    note = "先有车型，再在区域里上架、定价、加库存"
    return _open_model("model-new", "新车型", note, form, action, "加这个车型", close, closes_in_place=False)


def _model(row: reads.ModelRow, form: ModelForm) -> OpenPart:
    action, close = url_for(".change_model", model_id=row.id), url_for(".vehicles")
    note = "所有区域、买车和租车都用这里的名字、颜色和图片；已经预约的订单，颜色不变"
    return _open_model(f"model-{row.id}", row.name, note, form, action, "保存车型", close)


def _new_listing(row: reads.ModelRow, form: ListingForm) -> OpenPart:
    offered = regions_of(read_session(), actor(), Permission.VEHICLES_CHANGE)
    form.region.choices = [(region.letter, region.title) for region in offered]
    chosen = chosen_region(Permission.VEHICLES_VIEW)
    if form.region.data is None and chosen.region is not None:
        form.region.data = chosen.region.letter
    action, close = url_for(".add_listing", model_id=row.id), url_for(".vehicles")
    note = "加进来时还没上架，没有价格，库存是 0"
    return OpenPart(f"model-{row.id}-listings", f"{row.name} 上架到", note, form, action, "加到这个区域", close)


def vehicles_page(opened: OpenPart | None, status: int = 200) -> Response:
    """The page, with one row open or none."""
    chosen = chosen_region(Permission.VEHICLES_VIEW)
    return render(
        "settings/vehicles.html",
        block="cards",
        status=status,
        menu_of_groups=group_menu("vehicles"),
        cards=reads.model_cards(read_session(), actor(), chosen.id, now()),
        opened=opened,
        may_add=reads.may_change_models(actor()),
        labels=labels,
        words=vehicle_words,
        scope=chosen.scope_words,
        regions=switch_entries(chosen),
        snack=said(),
    )
