"""New batteries by number, and the printing of their labels (NUM-3, NUM-9)."""

from dataclasses import dataclass

from flask import Response, request, url_for

from app.blueprints.flash_charge.forms import PrintForm, SeriesForm
from app.blueprints.flash_charge.section import bp
from app.domain import labels
from app.domain.errors import Rule, RuleBroken
from app.domain.numbering import LAST_BATTERY_NUMBER, BatteryNumber, fold
from app.domain.permissions import Permission
from app.domain.printing import read_stretches, stretch_words, stretches_of
from app.queries.battery_list import next_number
from app.queries.directory import RegionRow
from app.usecases import batteries as verbs
from app.usecases import tasks
from app.web.current import actor, now
from app.web.forms import ActForm
from app.web.guards import requires
from app.web.htmx import render, see_other
from app.web.reading import forget_reads, read_session
from app.web.regions import one_region


@dataclass(frozen=True, slots=True)
class NewSeries:
    """What is about to be made, as its button says it."""

    first: BatteryNumber
    last: BatteryNumber

    def __str__(self) -> str:
        return f"{self.first}–{self.last}"

    @property
    def how_many(self) -> int:
        """Batteries."""
        return self.last.n - self.first.n + 1


@bp.get("/flash-charge/series")
@requires(Permission.BATTERIES_MANAGE)
def series_sheet() -> Response:
    """From which number to which."""
    form = SeriesForm(formdata=None)
    region = _offer_regions(form)
    form.first.data = str(next_number(read_session(), region.id)) if region else ""
    return _series_sheet(form, None)


@bp.post("/flash-charge/series")
@requires(Permission.BATTERIES_MANAGE)
def make_series() -> Response:
    """First a look at the numbers, then (nothing else typed since) the batteries; next come their labels."""
    form = SeriesForm()
    region = _offer_regions(form)
    if not form.validate() or region is None:
        return _series_sheet(form, None, status=422)
    try:
        series = _typed(form, region)
        if form.previewed.data != str(series):
            form.previewed.raw_data, form.previewed.data = None, str(series)
            return _series_sheet(form, series)
        forget_reads()
        verbs.make(region.id, first=series.first.n, last=series.last.n, actor=actor(), now=now())
    except RuleBroken as broken:
        return _series_sheet(form, None, problem=labels.refusal(broken), status=422)
    return see_other(url_for(".print_sheet", region=region.letter, numbers=str(series)))


def _typed(form: SeriesForm, region: RegionRow) -> NewSeries:
    ends = [fold(field.data).removeprefix(region.letter) for field in (form.first, form.last)]
    if not all(end.isascii() and end.isdecimal() and len(end) <= len(str(LAST_BATTERY_NUMBER)) for end in ends):
        raise RuleBroken(Rule.BATTERY_RANGE_WRONG, most=verbs.MOST_AT_ONCE)
    first, last = (int(end) for end in ends)
    if not 1 <= first <= last <= LAST_BATTERY_NUMBER or last - first >= verbs.MOST_AT_ONCE:
        raise RuleBroken(Rule.BATTERY_RANGE_WRONG, most=verbs.MOST_AT_ONCE)
    return NewSeries(BatteryNumber(region.letter, first), BatteryNumber(region.letter, last))


def _series_sheet(form: SeriesForm, series: NewSeries | None, *, problem: str = "", status: int = 200) -> Response:
    return render("flash_charge/series.html", block="sheet", status=status, form=form, series=series, problem=problem)


@bp.get("/flash-charge/print")
@requires(Permission.BATTERIES_MANAGE)
def print_sheet() -> Response:
    """Which labels: a stretch that was typed or made, or those that were ticked in the list."""
    form = PrintForm(formdata=None)
    region = _offer_regions(form)
    ticked = [int(n) for n in request.args.getlist("n") if n.isascii() and n.isdecimal() and len(n) <= len("99999")]
    if ticked and region:
        form.numbers.data = "、".join(stretch_words([one], lambda n: n) for one in stretches_of(ticked))
    else:
        form.numbers.data = request.args.get("numbers", "")[:2000]
    return _print_sheet(form)


@bp.post("/flash-charge/print")
@requires(Permission.BATTERIES_MANAGE)
def print_labels() -> Response:
    """Asks for the labels; the page of the print shows how far they are."""
    form = PrintForm()
    region = _offer_regions(form)
    if not form.validate() or region is None:
        return _print_sheet(form, status=422)
    forget_reads()
    try:
        stretches = read_stretches(form.numbers.data, region.letter, last=LAST_BATTERY_NUMBER)
        task_id = tasks.ask_for_labels(
            region.id,
            stretches,
            reason=form.reason.data,
            request_key=form.request_key.data,
            actor=actor(),
            now=now(),
        )
    except RuleBroken as broken:
        field = form.reason if broken.rule is Rule.PRINTED_BEFORE else form.numbers
        field.errors = [labels.refusal(broken).rstrip("。")]
        return _print_sheet(form, status=422)
    return see_other(url_for("files.file_page", task_id=task_id))


def _print_sheet(form: PrintForm, *, status: int = 200) -> Response:
    return render("flash_charge/print.html", block="sheet", status=status, form=form)


def _offer_regions(form: ActForm) -> RegionRow | None:
    """The regions where the actor may do it; the one that the switch stands at comes first."""
    chosen = one_region(Permission.BATTERIES_MANAGE)
    form.region.choices = [(region.letter, region.title) for region in chosen.offered]
    if form.region.data is None and chosen.region:
        form.region.data = chosen.region.letter
    return next((region for region in chosen.offered if region.letter == form.region.data), None)
