"""The review of student cards: the queue, one card beside its person, what was decided (decision 4)."""

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlencode

from flask import Blueprint, Response, request, session, url_for

from app.blueprints.personal_center.forms import DAYS, SIZES, USUAL_SIZE, CardFilterForm, RefuseForm
from app.domain import labels
from app.domain.calendar import business_day, day_start
from app.domain.cards import CardStatus
from app.domain.errors import NotFound, RuleBroken
from app.domain.permissions import Permission
from app.ports import FileGone
from app.queries import card_reviews as reviews
from app.queries.card_reviews import CardReview
from app.queries.paging import Key
from app.usecases import cards as verbs
from app.web.current import actor, now, runtime
from app.web.formats import today_when, waited
from app.web.forms import from_query
from app.web.guards import requires
from app.web.htmx import render, see_other
from app.web.photos import photo_answer
from app.web.reading import forget_reads, read_session
from app.web.regions import ALL, chosen_region, switch_entries

bp = Blueprint("personal_center", __name__)

CARD = "/personal-center/cards/<int:card_id>"
SAID = "personal_center_said"
"""What the next page says once."""


@bp.get("/personal-center/cards")
@requires(Permission.CARDS_REVIEW)
def cards() -> Response:
    """The queue, the longest waiting first; and what was decided of the cards of the last days."""
    chosen = chosen_region(Permission.CARDS_REVIEW)
    form = from_query(CardFilterForm)
    status = CardStatus(form.tab.data)
    after, before = Key.parse(request.args.get("after")), Key.parse(request.args.get("before"))
    found = reviews.card_list(
        read_session(),
        actor(),
        status,
        region_id=chosen.id,
        since=day_start(business_day(now()) - timedelta(days=int(form.days.data) - 1)),
        after=after,
        before=before,
        size=form.size.data,
    )

    def link(**changed: str | None) -> str:
        kept = {
            "region": (chosen.region.letter if chosen.region else ALL) if len(chosen.offered) > 1 else None,
            "tab": status.value if status is not CardStatus.PENDING else None,
            "days": form.days.data if form.days.data != "7" else None,
            "size": str(form.size.data) if form.size.data != USUAL_SIZE else None,
        }
        query = {name: value for name, value in {**kept, **changed}.items() if value}
        return f"{url_for('.cards')}?{urlencode(query)}".rstrip("?")

    if not found.page.rows and (after or before):
        return see_other(link())
    waiting = status is CardStatus.PENDING
    return render(
        "personal_center/cards.html",
        block="card_rows",
        chosen=chosen,
        regions=switch_entries(chosen),
        scope=chosen.scope_words,
        found=found,
        tabs=[
            (link(tab=one.value), labels.CARD_STATUS[one].word, found.counts[one], one is status)
            for one in reviews.LISTED
        ],
        total=found.counts[status],
        waiting=waiting,
        begin_url=url_for(".card", card_id=found.page.rows[0].id) if waiting and found.page.rows else "",
        days=list(DAYS.items()),
        chosen_days=form.days.data,
        panel_keep={"region": chosen.region.letter} if chosen.region and len(chosen.offered) > 1 else {},
        tab_keep={} if waiting else {"tab": status.value},
        sizes=[(size, size == form.size.data) for size in SIZES],
        newer_url=link(before=str(found.page.newer)) if found.page.newer else "",
        older_url=link(after=str(found.page.older)) if found.page.older else "",
        waited=lambda at: waited(at, now()),
        snack=_said(),
        labels=labels,
    )


@bp.get(CARD)
@requires(Permission.CARDS_REVIEW)
def card(card_id: int) -> Response:
    """The photo, large, beside what it is compared with."""
    return _review_page(_review(card_id), RefuseForm(formdata=None))


def _review(card_id: int) -> CardReview:
    region_id = chosen_region(Permission.CARDS_REVIEW).id
    return reviews.card_review(read_session(), actor(), card_id, region_id=region_id, vault=runtime().vault)


def _review_page(found: CardReview, form: RefuseForm, *, problem: str = "", status: int = 200) -> Response:
    return render(
        "personal_center/card.html",
        status=status,
        card=found,
        regions=switch_entries(chosen_region(Permission.CARDS_REVIEW)),
        form=form,
        problem=problem,
        waited=waited(found.submitted_at, now()),
        decided=f"{today_when(found.reviewed_at, now())} {found.reviewed_by}审核" if found.reviewed_at else "",
        snack=_said(),
        labels=labels,
    )


@bp.post(f"{CARD}/approve")
@requires(Permission.CARDS_REVIEW)
def approve(card_id: int) -> Response:
    """It is the person's, and valid; on to the next one."""
    return _decide(
        card_id, RefuseForm(formdata=None), lambda: verbs.approve(card_id, actor=actor(), now=now()), "已通过"
    )


@bp.post(f"{CARD}/reject")
@requires(Permission.CARDS_REVIEW)
def reject(card_id: int) -> Response:
    """It does not pass, for a reason that the person reads; on to the next one."""
    form = RefuseForm()
    if not form.validate():
        return _review_page(_review(card_id), form, status=422)
    return _decide(card_id, form, lambda: verbs.reject(card_id, reason=form.reason, actor=actor(), now=now()), "未通过")


def _decide(card_id: int, form: RefuseForm, act: Callable[[], None], word: str) -> Response:
    """Does it, unless a colleague was faster: then the page says who, and what."""
    found = _review(card_id)
    if found.waits:
        forget_reads()
        try:
            act()
        except RuleBroken as broken:
            return _review_page(_review(card_id), form, problem=labels.refusal(broken), status=422)
        session[SAID] = f"{word}：{found.name}"
    elif found.status is not CardStatus.PENDING:
        return _review_page(found, form, status=422)
    return see_other(url_for(".card", card_id=found.next_id) if found.next_id else url_for(".cards"))


def _said() -> dict[str, str] | None:
    words = session.pop(SAID, None)
    return {"text": words, "undo_url": ""} if words else None


@bp.get(f"{CARD}/photo")
@requires(Permission.CARDS_REVIEW)
def card_photo(card_id: int) -> Response:
    """The photo, for whoever reviews in its region. Decision 3."""
    try:
        return photo_answer(runtime().photos.get(reviews.photo_key(read_session(), actor(), card_id)))
    except FileGone:
        raise NotFound from None
