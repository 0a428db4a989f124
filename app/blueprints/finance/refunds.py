"""Refunds that have not arrived: asking WeChat once more, and what the owner paid another way (decisions 26, 34)."""

import secrets
from typing import Any

from flask import Response, request, url_for
from wtforms import HiddenField, StringField
from wtforms.validators import DataRequired, InputRequired, Length, Regexp

from app.blueprints.finance import refund_words as words
from app.blueprints.finance.section import bp, region_kept
from app.domain import labels
from app.domain.errors import NotFound, Rule, RuleBroken
from app.domain.permissions import Permission
from app.domain.pictures import PhotoKind
from app.ports import FileGone
from app.queries import refund_list as reads
from app.queries.paging import Key
from app.queries.refund_list import RefundRow, RefundTab
from app.usecases import payouts, photos
from app.usecases.refund_errands import Tried, retry_all
from app.web.current import actor, now, runtime
from app.web.forms import ActForm
from app.web.guards import requires, row_id
from app.web.htmx import render, see_other
from app.web.photos import photo_answer
from app.web.reading import forget_reads, read_session
from app.web.regions import chosen_region, switch_entries
from app.web.uploads import PhotoField, takes_photo

SIZE = 20
"""Refunds on a page: as many as are asked about in one request."""
REFUND = "/finance/refunds/<int:refund_id>"


class OutsideForm(ActForm):
    """That a refund was paid another way, with proof."""

    photo = PhotoField("付款凭证", [InputRequired("拍一张付款凭证")])
    reason = StringField(
        "怎么退的",
        [DataRequired("写一句怎么退的，同事以后看得懂"), Length(max=100, message="最多 100 个字")],
        filters=[lambda text: (text or "").strip()],
    )
    request_key = HiddenField(validators=[Regexp(r"[0-9a-f]{32}")])


@bp.get("/finance/refunds")
@requires(Permission.PAYMENTS_VIEW)
def refunds() -> Response:
    """What waits for somebody, and what is under way; what waits longest first."""
    return _list()


@bp.post("/finance/refunds/retry")
@requires(Permission.ORDERS_REFUND)
def retry_refunds() -> Response:
    """Asks WeChat once more about those that were chosen; each has a result of its own."""
    chosen = request.form.getlist("only") or request.form.getlist("refund")
    ids = list(dict.fromkeys(refund_id for refund_id in map(row_id, chosen) if refund_id))[:SIZE]
    forget_reads()
    tried = retry_all(runtime().till, ids, actor=actor(), now=now())
    return _list(dict(zip(ids, tried, strict=True)), nothing_chosen=not ids)


def _list(tried: dict[int, Tried] | None = None, *, nothing_chosen: bool = False) -> Response:
    chosen = chosen_region(Permission.PAYMENTS_VIEW)
    tab = next((one for one in RefundTab if one == request.args.get("tab")), RefundTab.STUCK)
    after, before = Key.parse(request.args.get("after")), Key.parse(request.args.get("before"))
    found = reads.refund_list(
        read_session(), actor(), tab, region_id=chosen.id, after=after, before=before, size=SIZE, now=now()
    )

    def link(endpoint: str = ".refunds", **changed: Any) -> str:
        kept: dict[str, Any] = {"region": region_kept(chosen), "tab": tab if tab is not RefundTab.STUCK else None}
        return url_for(endpoint, **{**kept, **changed})

    if not found.page.rows and (after or before):
        return see_other(link())
    rows = reads.refund_rows(read_session(), actor(), list(tried or ()), now())
    title, text = words.NOTHING[tab]
    return render(
        "finance/refunds.html",
        block="refund_rows",
        regions=switch_entries(chosen),
        scope=f"{chosen.scope_words}，等得久的在前",
        found=found,
        tabs=[(link(tab=one), words.TABS[one], found.counts[one], one is tab) for one in RefundTab],
        total=found.counts[tab],
        nothing_title=title,
        nothing_text=text,
        may_retry=any(row.may_retry for row in found.page.rows),
        retry_url=link(".retry_refunds"),
        results=[(rows[one], *words.result(said)) for one, said in (tried or {}).items() if one in rows],
        nothing_chosen=nothing_chosen,
        newer_url=link(before=str(found.page.newer)) if found.page.newer else "",
        older_url=link(after=str(found.page.older)) if found.page.older else "",
        words=words,
    )


@bp.get(f"{REFUND}/outside")
@requires(Permission.PAYOUT_OUTSIDE)
def outside_sheet(refund_id: int) -> Response:
    """What was paid to whom another way, with a photo that proves it. Decision 26."""
    found = _stuck(refund_id)
    return _sheet(found, OutsideForm(formdata=None, request_key=secrets.token_hex(16)))


@bp.post(f"{REFUND}/outside/photo")
@requires(Permission.PAYOUT_OUTSIDE)
@takes_photo
def pay_outside(refund_id: int) -> Response:
    """The refund is done, and what it was for follows."""
    form = OutsideForm()
    jpeg = form.photo.data
    if not form.validate() or jpeg is None:
        return _sheet(_stuck(refund_id), form, status=422)
    photo = photos.store(runtime().photos, jpeg, PhotoKind.PAYOUT)
    forget_reads()
    try:
        payouts.pay_outside(
            refund_id,
            photo=photo,
            reason=form.reason.data,
            request_key=form.request_key.data,
            actor=actor(),
            now=now(),
        )
    except RuleBroken as broken:
        row = reads.refund_row(read_session(), actor(), refund_id, now())
        return _sheet(row, form, problem=labels.refusal(broken), status=422)
    return see_other(url_for(".refunds"))


def _stuck(refund_id: int) -> RefundRow:
    row = reads.refund_row(read_session(), actor(), refund_id, now())
    if not row.may_pay_outside:
        raise RuleBroken(Rule.REFUND_NOT_STUCK)
    return row


def _sheet(row: RefundRow, form: OutsideForm, *, problem: str = "", status: int = 200) -> Response:
    return render(
        "finance/refund_outside.html",
        block="sheet",
        status=status,
        row=row,
        form=form,
        problem=problem,
        words=words,
        labels=labels,
    )


@bp.get(f"{REFUND}/proof")
@requires(Permission.ORDERS_VIEW)
def refund_proof(refund_id: int) -> Response:
    """The photo that proves a payment outside WeChat."""
    key = reads.proof_of(read_session(), actor(), refund_id)
    try:
        return photo_answer(runtime().photos.get(key))
    except FileGone:
        raise NotFound from None
