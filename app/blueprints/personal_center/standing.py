"""A person's standing: what bars them, what they owe, and freezing or unfreezing by hand (decision 5)."""

from collections.abc import Callable

from flask import Response, g, url_for
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from app.blueprints.personal_center.routes import bp
from app.domain import labels
from app.domain.errors import Rule, RuleBroken
from app.domain.permissions import Permission
from app.domain.restrictions import Cause
from app.queries.standing_page import Bar, LentRow, StandingPage, standing_page
from app.usecases import customers
from app.web.current import actor, now
from app.web.formats import day, today_when, yuan
from app.web.forms import ActForm
from app.web.guards import requires
from app.web.htmx import render, see_other
from app.web.reading import forget_reads, read_session
from app.web.regions import chosen_region, switch_entries

PERSON = "/personal-center/people/<int:customer_id>"
FREEZE, UNFREEZE = "personal_center/freeze.html", "personal_center/unfreeze.html"


class ReasonForm(ActForm):
    """Why an account is frozen or unfrozen."""

    reason = StringField(
        "原因",
        [DataRequired("写一句原因，同事以后看得懂"), Length(max=100, message="最多 100 个字")],
        filters=[lambda text: (text or "").strip()],
    )


@bp.get(f"{PERSON}/standing")
@requires(Permission.ORDERS_VIEW)
def standing(customer_id: int) -> Response:
    """What bars the person and since when, what lifts it, what is owed, and how it was before."""
    found = _found(customer_id)
    return render(
        "personal_center/standing.html",
        page=found,
        person=found.person,
        regions=switch_entries(chosen_region(Permission.ORDERS_VIEW)),
        bars=[(bar, labels.CAUSE[bar.freeze.cause], _lifts(bar), _url_of(bar.lent)) for bar in found.bars],
        lents=[(lent, _state(lent), _url_of(lent)) for lent in found.lents],
        past=[
            (
                row,
                labels.CAUSE[row.cause],
                today_when(row.since, now()),
                today_when(row.lifted_at, now()) if row.lifted_at else "",
            )
            for row in found.past
        ],
        strip=_strip(found),
        labels=labels,
    )


def _found(customer_id: int) -> StandingPage:
    g.menu_entry = "personal_center.restrictions"
    return standing_page(read_session(), actor(), customer_id, now())


def _url_of(lent: LentRow | None) -> str:
    if lent is None:
        return ""
    if lent.use_id is not None:
        return url_for("flash_charge.use", use_id=lent.use_id, _anchor="late-fees")
    return url_for("orders.order", order_id=lent.order_id, _anchor="late-fees")


def _lifts(bar: Bar) -> str:
    """What ends it."""
    cause, lent = bar.freeze.cause, bar.lent
    if cause is Cause.MANUAL:
        return "主管解冻"
    if cause is Cause.DEBT:
        return f"付清 {yuan(bar.freeze.owed_fen)}，或减免，或退押金时扣清"
    what = "电池" if lent is None or lent.is_battery else "车"
    return f"还了{what}自动解冻"


def _state(lent: LentRow) -> str:
    late = f"逾期 {lent.days_late} 天"
    return f"{day(lent.returned_on)} 还的，{late}" if lent.returned_on else f"还没还，{late}"


def _strip(found: StandingPage) -> tuple[str, str, str, str]:
    """The one sentence on top: lead, text, kind, icon."""
    person = found.person
    if person.is_frozen:
        return "账户冻结。", "不能扫码、预约、提车和付押金；归还、付款和找客服照常。", "stop", "lock"
    if person.is_in_debt:
        return (
            "欠费。",
            f"一共欠 {yuan(found.owed_fen)}，付清以前不能办理新的；归还和付款照常。",
            "wait",
            "alert-triangle",
        )
    return "正常。", "没有限制。", "over", "check"


@bp.get(f"{PERSON}/freeze")
@requires(Permission.PEOPLE_FREEZE)
def freeze_sheet(customer_id: int) -> Response:
    """Why the person is barred from anything new."""
    return _sheet(FREEZE, _mine(customer_id), ReasonForm(formdata=None))


@bp.post(f"{PERSON}/freeze")
@requires(Permission.PEOPLE_FREEZE)
def freeze(customer_id: int) -> Response:
    """Freezes the person. Decision 5."""
    return _act(
        FREEZE,
        customer_id,
        lambda reason: customers.freeze(customer_id, reason=reason, actor=actor(), now=now()),
    )


@bp.get(f"{PERSON}/unfreeze")
@requires(Permission.PEOPLE_FREEZE)
def unfreeze_sheet(customer_id: int) -> Response:
    """Why the person may go on."""
    found = _mine(customer_id)
    if not found.person.is_frozen_by_hand:
        raise RuleBroken(Rule.NOT_FROZEN)
    return _sheet(UNFREEZE, found, ReasonForm(formdata=None))


@bp.post(f"{PERSON}/unfreeze")
@requires(Permission.PEOPLE_FREEZE)
def unfreeze(customer_id: int) -> Response:
    """Lifts the freeze that staff set."""
    return _act(
        UNFREEZE,
        customer_id,
        lambda reason: customers.unfreeze(customer_id, reason=reason, actor=actor(), now=now()),
    )


def _mine(customer_id: int) -> StandingPage:
    found = _found(customer_id)
    actor().require(Permission.PEOPLE_FREEZE, found.person.region_id)
    return found


def _act(template: str, customer_id: int, act: Callable[[str], None]) -> Response:
    form, found = ReasonForm(), _mine(customer_id)
    if not form.validate():
        return _sheet(template, found, form, status=422)
    forget_reads()
    try:
        act(form.reason.data)
    except RuleBroken as broken:
        return _sheet(template, _found(customer_id), form, problem=labels.refusal(broken), status=422)
    return see_other(url_for(".standing", customer_id=customer_id))


def _sheet(template: str, found: StandingPage, form: ReasonForm, *, problem: str = "", status: int = 200) -> Response:
    return render(
        template,
        block="sheet",
        status=status,
        page=found,
        person=found.person,
        form=form,
        problem=problem,
        back_url=url_for(".standing", customer_id=found.person.customer_id),
    )
