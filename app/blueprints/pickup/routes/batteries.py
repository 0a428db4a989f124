"""Batteries: returned, exchanged, or taken in from somebody whose they are not (decisions 23, 24, 42)."""

from dataclasses import dataclass

from flask import Response, url_for
from wtforms.fields import SelectChoice

from app.blueprints.pickup import screen, words
from app.blueprints.pickup.forms import MOST_TYPED, BatteryReturnForm, ExchangeForm, TakeInForm
from app.blueprints.pickup.section import BATTERY, battery_of, bp, this_store
from app.domain import labels
from app.domain.errors import RuleBroken
from app.domain.numbering import BatteryNumber
from app.domain.permissions import Permission
from app.domain.pickup import Answer, answer_for_battery
from app.queries.counter.batteries import CounterUse, open_uses_of
from app.queries.directory import RegionRow
from app.usecases import flash_charge
from app.web.current import actor, now
from app.web.guards import requires
from app.web.htmx import is_htmx, render, see_other
from app.web.reading import forget_reads, read_session


@bp.get(BATTERY)
@requires(Permission.PICKUP)
def battery_at_counter(code: str) -> Response:
    """One battery's answer, without a scan."""
    region, _ = this_store()
    return _as_it_stands(code, region)


@bp.post(f"{BATTERY}/return")
@requires(Permission.PICKUP)
def take_battery_back(code: str) -> Response:
    """Its use ends. Whoever comes second sees who was first."""
    region, _ = this_store()
    battery, form = battery_of(code), BatteryReturnForm()
    if battery is None:
        return _as_it_stands(code, region, status=422)
    try:
        flash_charge.take_back(
            battery.battery_id, place=form.to, seen_use_id=form.seen_use_id or 0, actor=actor(), now=now()
        )
    except RuleBroken as broken:
        return _as_it_stands(code, region, problem=labels.refusal(broken), status=422)
    forget_reads()
    after = battery_of(code)
    use = after.use if after else None
    if use is not None and use.returned_by_id != actor().id:
        return _as_it_stands(code, region, problem=f"{use.returned_by or '同事'}刚刚收下了这块电池。", status=422)
    return _done(code, region, "battery_returned")


@bp.post(f"{BATTERY}/exchange")
@requires(Permission.PICKUP)
def exchange_battery(code: str) -> Response:
    """换电: the person gives this one back and goes on with another of the stock."""
    region, _ = this_store()
    battery, form = battery_of(code), ExchangeForm()
    if battery is None:
        return _as_it_stands(code, region, status=422)
    try:
        fresh = BatteryNumber.parse((form.fresh.data or "")[:MOST_TYPED])
    except ValueError:
        return _as_it_stands(code, region, problem="没看清要换上的电池，再扫一次。", status=422)
    try:
        flash_charge.exchange(battery.battery_id, fresh, seen_use_id=form.seen_use_id or 0, actor=actor(), now=now())
    except RuleBroken as broken:
        return _as_it_stands(code, region, problem=f"换不了：{labels.refusal(broken)}", status=422)
    return _done(code, region, "exchanged")


def _as_it_stands(code: str, region: RegionRow, *, problem: str = "", status: int = 200) -> Response:
    forget_reads()
    battery = battery_of(code)
    if battery is None:
        return screen.say(region, Answer.UNKNOWN, code[: words.MOST_SHOWN])
    answer = answer_for_battery(battery.state)
    return screen.about_battery(battery, region, answer=answer, problem=problem, status=status)


def _done(code: str, region: RegionRow, receipt: str) -> Response:
    forget_reads()
    battery = battery_of(code)
    if battery is None or not is_htmx():
        return see_other(url_for(".counter", region=region.letter, battery=code, done=receipt))
    return screen.after_battery(battery, region, receipt)


# ---- Not this person's ----


@dataclass(frozen=True, slots=True)
class _Bringer:
    """What was said of the person who stands there: nobody, somebody to be confirmed, or the use that was chosen."""

    use_id: int | None = None
    found: tuple[CounterUse, ...] = ()
    error: str = ""

    @property
    def is_settled(self) -> bool:
        return not self.error and (self.use_id is not None or not self.found)


@bp.get(f"{BATTERY}/take-in")
@requires(Permission.PICKUP)
def take_in_sheet(code: str) -> Response:
    """The sheet for taking in a battery that is not its bringer's, or that was away."""
    return _take_in_sheet(code, TakeInForm())


@bp.post(f"{BATTERY}/take-in")
@requires(Permission.PICKUP)
def take_in(code: str) -> Response:
    """Nobody is sent away with a battery; who had which is cleared up later. The bringer is confirmed before."""
    region, _ = this_store()
    battery = battery_of(code)
    if battery is None:
        return _as_it_stands(code, region, status=422)
    form = TakeInForm()
    bringer = _bringer(form)
    valid = form.validate()
    if not valid or not bringer.is_settled:
        return _take_in_sheet(code, form, bringer=bringer, status=422)
    try:
        flash_charge.take_in(
            battery.battery_id, bringer_use_id=bringer.use_id, reason=form.reason.data, actor=actor(), now=now()
        )
    except RuleBroken as broken:
        forget_reads()
        return _take_in_sheet(code, form, bringer=bringer, problem=labels.refusal(broken), status=422)
    return see_other(url_for(".counter", region=region.letter, battery=code, done="taken_in"))


def _bringer(form: TakeInForm) -> _Bringer:
    typed = form.whose.data or ""
    if not typed:
        return _Bringer()
    found = open_uses_of(read_session(), actor(), typed, now())
    if found is None:
        return _Bringer(error="输电池编号（比如 A00042），或手机尾号四位；不知道就留空。")
    if not found:
        return _Bringer(error="没有找到正在使用的电池，再核对一遍；不知道就留空。")
    chosen = next((use.use_id for use in found if use.use_id == form.bringer.data), None)
    return _Bringer(chosen, tuple(found))


def _take_in_sheet(
    code: str, form: TakeInForm, *, bringer: _Bringer | None = None, problem: str = "", status: int = 200
) -> Response:
    region, _ = this_store()
    battery = battery_of(code)
    if battery is None:
        return _as_it_stands(code, region, status=status)
    bringer = bringer or _Bringer()
    form.bringer.choices = [SelectChoice(use.use_id, words.bringer_words(use)) for use in bringer.found]
    if bringer.error:
        form.whose.errors = (bringer.error,)
    elif not bringer.is_settled:
        form.bringer.errors = ("核对是不是这位用户，再按一次「收下」。",)
        if len(bringer.found) == 1:
            form.bringer.data = bringer.found[0].use_id
    return render(
        "pickup/take_in.html",
        block="content",
        battery=battery,
        holder=battery.holder,
        form=form,
        problem=problem,
        consequences=words.taking_in(battery),
        action=url_for(".take_in", code=battery.number, region=region.letter),
        leave_url=url_for(".battery_at_counter", code=battery.number, region=region.letter),
        status=status,
    )
