"""The student card: sent in by its person, how its review stands, its photo (FLOW-RENT-1, FLOW-FLASH-1, decision 4)."""

import secrets

from flask import Response, request, url_for

from app.blueprints.mobile.forms import CardForm
from app.blueprints.mobile.section import bp, next_page, of_customer
from app.domain.cards import CONSENT_STUDENT_CARD
from app.domain.pictures import PhotoKind
from app.ports import FileGone
from app.queries import deposits, people
from app.queries.my_card import my_card, my_student_no
from app.queries.my_orders import my_one_rental
from app.usecases import cards, photos
from app.web.current import actor, now, runtime
from app.web.guards import customer
from app.web.htmx import render, see_other
from app.web.limits import limiter
from app.web.photos import photo_answer
from app.web.reading import forget_reads, read_session
from app.web.uploads import takes_photo


@bp.get("/card")
@customer(registered=True)
def card() -> Response:
    """How the review stands; the form where another card is wanted, or with `again` in the address."""
    form = CardForm(student_no=my_student_no(read_session(), actor(), runtime().vault))
    return _page(form, opened="again" in request.args)


@bp.post("/card/photo")
@customer(registered=True)
@takes_photo
@limiter.limit("30 per hour", key_func=of_customer)
def send_card() -> Response:
    """Sends a card in, and leads back to where the person came from. Pressing twice sends one."""
    form = CardForm()
    good = form.validate()
    consent = people.consent_words(read_session(), CONSENT_STUDENT_CARD)
    if form.consent_text.data != consent.id and not form.consent.errors:
        form.consent.errors = ["这段说明刚刚更新过，看一遍再勾选"]
        good = False
    jpeg = form.photo.data
    if not good or jpeg is None:
        return _page(form, opened=True, status=422)
    photo = photos.store(runtime().photos, jpeg, PhotoKind.CARD)
    forget_reads()
    cards.send_in(
        student_no=form.student_no.data,
        photo=photo,
        consent_text_id=consent.id,
        request_key=form.request_key.data,
        vault=runtime().vault,
        actor=actor(),
        now=now(),
    )
    photos.erase_let_go(runtime().photos, customer_id=actor().id or 0)
    return see_other(next_page(url_for(".card")))


@bp.get("/card/photo")
@customer(registered=True)
def card_photo() -> Response:
    """The person's own photo, for their own page; whoever opens the address itself comes to that page. Decision 3."""
    shown = my_card(read_session(), actor())
    if shown is None or shown.photo_key is None or request.headers.get("Sec-Fetch-Dest") == "document":
        return see_other(url_for(".card"))
    try:
        return photo_answer(runtime().photos.get(shown.photo_key))
    except FileGone:
        return see_other(url_for(".card"))


def _page(form: CardForm, *, opened: bool, status: int = 200) -> Response:
    target = next_page(url_for(".card"))
    came_from = None if target == url_for(".card") else target
    shown = my_card(read_session(), actor())
    wanted = opened or shown is None or not shown.stands
    return render(
        "mobile/card.html",
        card=shown,
        form=form if wanted else None,
        problem="这一页放得太久了，看一遍再提交。" if form.request_key.errors else "",
        consent=people.consent_words(read_session(), CONSENT_STUDENT_CARD),
        request_key=secrets.token_hex(16),
        action=url_for(".send_card", next=came_from),
        again_url=url_for(".card", again=1, next=came_from),
        back_url=came_from or "",
        deposit_url=_deposit_url(),
        status=status,
    )


def _deposit_url() -> str:
    """Where a deposit can be paid while the card waits; empty for whoever needs none now."""
    who, reads = actor(), read_session()
    rental = my_one_rental(reads, who)
    if rental is not None:
        return url_for(".renting", order_id=rental.order_id) if rental.waits_for_deposit else ""
    return "" if deposits.is_member(reads, who.id or 0) else url_for(".flash")
