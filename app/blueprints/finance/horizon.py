"""押金到期: deposits near the end of what WeChat refunds, and past it (decision 26)."""

from typing import Any

from flask import Response, request, url_for
from wtforms import StringField
from wtforms.validators import DataRequired, InputRequired, Length

from app.blueprints.finance.section import bp, region_kept
from app.domain import labels
from app.domain.deposits import Tie
from app.domain.errors import Rule, RuleBroken
from app.domain.permissions import Permission
from app.domain.pictures import PhotoKind
from app.queries import deposit_horizon as reads
from app.queries.deposit_horizon import HorizonRow
from app.queries.paging import Key
from app.usecases import deposit_horizon as verbs
from app.usecases import photos
from app.web.current import actor, now, runtime
from app.web.formats import clock_time, day, largest
from app.web.forms import ActForm
from app.web.guards import requires
from app.web.htmx import render, see_other
from app.web.reading import forget_reads, read_session
from app.web.regions import chosen_region, switch_entries
from app.web.uploads import PhotoField, takes_photo

SIZE = 20
HEADS = (
    ("who", "用户"),
    ("what", "种类"),
    ("amount", "押金"),
    ("withheld", "已扣"),
    ("money", "可退"),
    ("when", "付款"),
    ("age", "微信还能退"),
    ("text", "占用"),
    ("state", "状态"),
    ("next", "下一步"),
)
DEPOSIT = "/finance/horizon/<int:deposit_id>"
USED_BY = {**labels.TIE, Tie.FEE: "欠费"}


def _reason(label: str) -> StringField:
    return StringField(
        label,
        [DataRequired("写一句，同事以后看得懂"), Length(max=100, message="最多 100 个字")],
        filters=[lambda text: (text or "").strip()],
    )


class RenewForm(ActForm):
    """Why a deposit is sent back early."""

    reason = _reason("原因")


class PayOutForm(ActForm):
    """That a deposit was paid back another way, with proof."""

    photo = PhotoField("付款凭证", [InputRequired("拍一张付款凭证")])
    reason = _reason("怎么退的")


@bp.get("/finance/horizon")
@requires(Permission.DEPOSITS_REFUND)
def horizon() -> Response:
    """The oldest first."""
    chosen = chosen_region(Permission.DEPOSITS_REFUND)
    after, before = Key.parse(request.args.get("after")), Key.parse(request.args.get("before"))
    found = reads.horizon(
        read_session(), actor(), region_id=chosen.id, after=after, before=before, size=SIZE, now=now()
    )

    def link(**changed: Any) -> str:
        return url_for(".horizon", region=region_kept(chosen), **changed)

    if not found.page.rows and (after or before):
        return see_other(link())
    return render(
        "finance/horizon.html",
        block="horizon_rows",
        regions=switch_entries(chosen),
        scope=f"{chosen.scope_words}，最早到期的在前",
        found=found,
        heads=HEADS,
        until=_until,
        used_by=lambda row: "、".join(USED_BY[tie] for tie in row.ties),
        waits=_waits,
        newer_url=link(before=str(found.page.newer)) if found.page.newer else "",
        older_url=link(after=str(found.page.older)) if found.page.older else "",
        labels=labels,
    )


def _until(row: HorizonRow) -> tuple[str, str]:
    """How long WeChat still refunds it, and its tone."""
    if row.is_past:
        return "过了，不能再退", "over"
    if not row.days_left:
        return f"今天 {clock_time(row.paid_at)} 前", "over"
    return f"{row.days_left} 天，到 {row.last_on:%m-%d}", "late"


def _waits(row: HorizonRow) -> str:
    """What is said where nothing can be done here."""
    if row.is_damaged:
        return "先处理损坏"
    if row.refund_id is not None and not row.may_pay_refund and not (row.may_renew or row.may_pay_out):
        return "退款中" if not row.is_past else "等店主处理"
    return "等店主线下退" if row.is_past else ""


@bp.get(f"{DEPOSIT}/renew")
@requires(Permission.DEPOSITS_REFUND)
def renew_sheet(deposit_id: int) -> Response:
    """What goes back, what stays open, and that the person is asked to pay again."""
    row = _row(deposit_id)
    if not row.may_renew:
        raise _why_not(row)
    return _renew_sheet(row, RenewForm(formdata=None))


@bp.post(f"{DEPOSIT}/renew")
@requires(Permission.DEPOSITS_REFUND)
def renew(deposit_id: int) -> Response:
    """Sends it back."""
    form, row = RenewForm(), _row(deposit_id)
    if not form.validate():
        return _renew_sheet(row, form, status=422)
    forget_reads()
    try:
        verbs.renew(deposit_id, reason=form.reason.data, actor=actor(), now=now())
    except RuleBroken as broken:
        return _renew_sheet(_row(deposit_id), form, problem=labels.refusal(broken), status=422)
    return see_other(url_for("orders.deposit", deposit_id=deposit_id))


@bp.get(f"{DEPOSIT}/outside")
@requires(Permission.PAYOUT_OUTSIDE)
def pay_out_sheet(deposit_id: int) -> Response:
    """What the owner has paid another way, with proof."""
    row = _row(deposit_id)
    if not row.may_pay_out:
        raise _why_not(row)
    return _pay_out_sheet(row, PayOutForm(formdata=None))


@bp.post(f"{DEPOSIT}/outside/photo")
@requires(Permission.PAYOUT_OUTSIDE)
@takes_photo
def pay_out(deposit_id: int) -> Response:
    """Records it: the deposit is back."""
    form, row = PayOutForm(), _row(deposit_id)
    jpeg = form.photo.data
    if not form.validate() or jpeg is None:
        return _pay_out_sheet(row, form, status=422)
    photo = photos.store(runtime().photos, jpeg, PhotoKind.PAYOUT)
    forget_reads()
    try:
        verbs.pay_out(deposit_id, photo=photo, reason=form.reason.data, actor=actor(), now=now())
    except RuleBroken as broken:
        return _pay_out_sheet(_row(deposit_id), form, problem=labels.refusal(broken), status=422)
    return see_other(url_for("orders.deposit", deposit_id=deposit_id))


def _row(deposit_id: int) -> HorizonRow:
    return reads.horizon_row(read_session(), actor(), deposit_id, now())


def _why_not(row: HorizonRow) -> RuleBroken:
    if row.is_damaged:
        return RuleBroken(Rule.DEPOSIT_TIED, ties=(Tie.DAMAGE,))
    if not row.is_held:
        return RuleBroken(Rule.DEPOSIT_NOT_HELD)
    return RuleBroken(Rule.REFUND_TOO_OLD if row.is_past else Rule.REFUND_NOT_OLD)


def _facts(row: HorizonRow) -> list[tuple[str, str]]:
    return [
        ("种类", labels.DEPOSIT_KIND[row.kind]),
        ("付款", f"{day(row.paid_at)}，{largest(now() - row.paid_at)}前"),
        ("占用", "、".join(USED_BY[tie] for tie in row.ties) or "没有占用"),
    ]


def _renew_sheet(row: HorizonRow, form: RenewForm, *, problem: str = "", status: int = 200) -> Response:
    return render(
        "finance/renew.html",
        block="sheet",
        status=status,
        row=row,
        facts=_facts(row),
        form=form,
        problem=problem,
        labels=labels,
    )


def _pay_out_sheet(row: HorizonRow, form: PayOutForm, *, problem: str = "", status: int = 200) -> Response:
    return render(
        "finance/pay_out.html",
        block="sheet",
        status=status,
        row=row,
        facts=_facts(row),
        form=form,
        problem=problem,
        labels=labels,
    )
