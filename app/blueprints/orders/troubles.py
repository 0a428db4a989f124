"""Money that waits for a person: what does not fit is attached or sent back, what was not sent is tried again."""

import secrets

from flask import Response, request, url_for

from app.blueprints.orders import trouble_words as words
from app.blueprints.orders.forms import USUAL_SIZE, TroubleForm
from app.blueprints.orders.listing import query_url
from app.blueprints.orders.refund_forms import AttachForm, BackForm
from app.blueprints.orders.refunds import page_of
from app.blueprints.orders.section import bp
from app.domain import labels
from app.domain.errors import Rule, RuleBroken
from app.domain.permissions import Permission
from app.queries import suspect_page as pages
from app.queries import suspects
from app.queries.paging import Key
from app.queries.suspect_page import Candidate, SuspectPage
from app.queries.suspects import Trouble
from app.usecases import suspects as verbs
from app.web.current import actor, now, runtime
from app.web.forms import from_query
from app.web.guards import requires
from app.web.htmx import render, see_other
from app.web.reading import forget_reads, read_session
from app.web.regions import ALL, chosen_region, switch_entries

SUSPECT = "/orders/suspects/<int:payment_id>"


@bp.get("/orders/suspects")
@requires(Permission.PAYMENTS_VIEW)
def suspect_payments() -> Response:
    """Payments that do not fit, what was paid too much and is not back yet, errands that were parked."""
    chosen = chosen_region(Permission.PAYMENTS_VIEW)
    form = from_query(TroubleForm)
    trouble = next((one for one in Trouble if one == form.kind.data), None)
    counts = suspects.trouble_counts(read_session(), actor(), region_id=chosen.id)
    found = suspects.trouble_page(
        read_session(),
        actor(),
        region_id=chosen.id,
        trouble=trouble,
        after=Key.parse(request.args.get("after")),
        before=Key.parse(request.args.get("before")),
        size=form.size.data,
    )

    def link(**changed: str | None) -> str:
        region = (chosen.region.letter if chosen.region else ALL) if len(chosen.offered) > 1 else None
        size = str(form.size.data) if form.size.data != USUAL_SIZE else None
        return query_url(".suspect_payments", {"region": region, "kind": trouble, "size": size, **changed})

    tabs = [(link(kind=None), "全部", sum(counts.values()), trouble is None)]
    tabs += [(link(kind=one), words.TROUBLES[one], counts[one], trouble is one) for one in Trouble]
    return render(
        "orders/suspects.html",
        block="trouble_rows",
        chosen=chosen,
        regions=switch_entries(chosen),
        scope=f"{chosen.scope_words}，新的在前",
        found=found,
        total=counts[trouble] if trouble else sum(counts.values()),
        tabs=tabs,
        newer_url=link(before=str(found.page.newer)) if found.page.newer else "",
        older_url=link(after=str(found.page.older)) if found.page.older else "",
        words=words,
        here=link(),
    )


@bp.post("/orders/suspects/errands/<int:outbox_id>/retry")
@requires(Permission.SUSPECTS_SETTLE)
def retry_errand(outbox_id: int) -> Response:
    """It is due again: a job sends it within seconds."""
    forget_reads()
    verbs.try_again(outbox_id, actor=actor(), now=now())
    return see_other(url_for(".suspect_payments", kind=Trouble.ERRAND))


@bp.get(SUSPECT)
@requires(Permission.PAYMENTS_VIEW)
def suspect(payment_id: int) -> Response:
    """Everything that is known of one payment, and what can be done with it."""
    found = _found(payment_id)
    return render(
        "orders/suspect.html",
        suspect=found,
        regions=switch_entries(chosen_region(Permission.PAYMENTS_VIEW)),
        strip=words.suspect_strip(found),
        badge=words.suspect_badge(found),
        words=words,
        labels=labels,
    )


@bp.get(f"{SUSPECT}/attach")
@requires(Permission.SUSPECTS_SETTLE)
def attach_sheet(payment_id: int) -> Response:
    """Which charge it was for; asked again before it is done."""
    found = _found(payment_id)
    form = AttachForm(formdata=None, charge_id=request.args.get("charge", 0, type=int))
    return _attach_sheet(found, form)


@bp.post(f"{SUSPECT}/attach")
@requires(Permission.SUSPECTS_SETTLE)
def attach(payment_id: int) -> Response:
    """The charge is paid by it. The charge's own page is the receipt. Decision 16."""
    form = AttachForm()
    if not form.validate():
        return _attach_sheet(_found(payment_id), form, status=422)
    candidate = _chosen(_found(payment_id), form)
    forget_reads()
    try:
        verbs.attach(payment_id, form.charge_id.data, reason=form.reason.data, actor=actor(), now=now())
    except RuleBroken as broken:
        return _attach_sheet(_found(payment_id), form, problem=labels.refusal(broken), status=422)
    return see_other(page_of(candidate.thing) if candidate else url_for(".suspect", payment_id=payment_id))


def _chosen(found: SuspectPage, form: AttachForm) -> Candidate | None:
    return next((one for one in found.candidates if one.charge_id == form.charge_id.data), None)


def _attach_sheet(found: SuspectPage, form: AttachForm, *, problem: str = "", status: int = 200) -> Response:
    candidate = _chosen(found, form)
    if candidate is None and not problem:
        raise RuleBroken(Rule.SUSPECT_UNLIKE if found.waits else Rule.SUSPECT_SETTLED)
    return render(
        "orders/suspect_attach.html",
        block="sheet",
        status=status,
        suspect=found,
        candidate=candidate,
        form=form,
        problem=problem,
        labels=labels,
        words=words,
    )


@bp.get(f"{SUSPECT}/refund")
@requires(Permission.SUSPECTS_SETTLE)
def send_back_sheet(payment_id: int) -> Response:
    """All of it goes back to whoever paid, and why."""
    found = _found(payment_id)
    if not found.waits:
        raise RuleBroken(Rule.SUSPECT_SETTLED)
    return _send_back_sheet(found, BackForm(formdata=None, request_key=secrets.token_hex(16)))


@bp.post(f"{SUSPECT}/refund")
@requires(Permission.SUSPECTS_SETTLE)
def send_back(payment_id: int) -> Response:
    """Sends it back. Decision 16."""
    form = BackForm()
    if not form.validate():
        return _send_back_sheet(_found(payment_id), form, status=422)
    forget_reads()
    try:
        verbs.send_back(
            payment_id,
            reason=form.reason,
            note=form.note.data,
            request_key=form.request_key.data,
            actor=actor(),
            now=now(),
        )
    except RuleBroken as broken:
        return _send_back_sheet(_found(payment_id), form, problem=labels.refusal(broken), status=422)
    return see_other(url_for(".suspect", payment_id=payment_id))


def _send_back_sheet(found: SuspectPage, form: BackForm, *, problem: str = "", status: int = 200) -> Response:
    return render(
        "orders/suspect_refund.html",
        block="sheet",
        status=status,
        suspect=found,
        form=form,
        problem=problem,
        labels=labels,
        words=words,
    )


def _found(payment_id: int) -> SuspectPage:
    return pages.suspect_page(read_session(), actor(), payment_id, runtime().vault)
