"""Student cards: sent in, looked at, sent in again; one stands for a person, the photo before it goes (decision 4)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.domain.cards import CONSENT_STUDENT_CARD, CardStatus
from app.domain.errors import Forbidden, NotFound, Rule, RuleBroken
from app.domain.identity import CONSENT_ID_NUMBER
from app.domain.outbox import Errand
from app.domain.permissions import Actor
from app.domain.pictures import PhotoKind
from app.models.cards import Photo, StudentCard
from app.models.journal import Audit
from app.models.people import Consent, ConsentText, Identity
from app.models.work import Outbox
from app.ports import FileStore
from app.queries import people
from app.queries.cards import is_approved
from app.usecases import cards, photos
from app.web.current import RUNTIME
from tests.factories.counting_house import assert_nothing_violated
from tests.factories.orders import order_of
from tests.factories.people import a_customer, a_member_of_staff
from tests.factories.reading import read
from tests.factories.rentals import a_card, a_photo, a_rental_order
from tests.fixtures.databases import Database

PENDING, APPROVED, REJECTED, WITHDRAWN = CardStatus


def now_of(app: Flask) -> datetime:
    now: datetime = app.extensions[RUNTIME].clock.now()
    return now


def send_in(app: Flask, who: Actor, **changed: object) -> int:
    with read(app) as session:
        text_id = people.consent_words(session, CONSENT_STUDENT_CARD).id
    wanted: dict[str, object] = {
        "student_no": "3240100042",
        "photo": a_photo(),
        "consent_text_id": text_id,
        "request_key": "the-form",
    }
    vault = app.extensions[RUNTIME].vault
    return cards.send_in(vault=vault, actor=who, now=now_of(app), **(wanted | changed))  # type: ignore[arg-type]  # the words of a table


def refused(app: Flask, who: Actor, **changed: object) -> RuleBroken:
    with pytest.raises(RuleBroken) as broken:
        send_in(app, who, **changed)
    return broken.value


def approve(app: Flask, who: Actor, card_id: int) -> None:
    cards.approve(card_id, actor=who, now=now_of(app))


def reject(app: Flask, who: Actor, card_id: int, reason: str = "照片看不清") -> None:
    cards.reject(card_id, reason=reason, actor=who, now=now_of(app))


def story(database: Database) -> list[tuple[CardStatus, bool]]:
    """Each card, the oldest first, and whether its photo is still there."""
    rows = database.all(
        select(StudentCard.status, Photo.erased_at)
        .join(Photo, Photo.id == StudentCard.photo_id)
        .order_by(StudentCard.id)
    )
    return [(row.status, row.erased_at is None) for row in rows]


@pytest.fixture
def student(app: Flask) -> Actor:
    return a_customer(app)


@pytest.fixture
def clerk(app: Flask) -> Actor:
    return a_member_of_staff(app)


@pytest.mark.both_engines
@pytest.mark.req("FLOW-RENT-1", "FLOW-FLASH-1")
def test_a_card_is_sent_in_with_a_sealed_number_and_a_consent_of_its_own(
    context: Flask, database: Database, student: Actor
) -> None:
    photo = a_photo()
    card_id = send_in(context, student, student_no=" 3240-100042ａ", photo=photo)
    assert send_in(context, student, student_no="another") == card_id  # the form again, whatever it carries
    kept = database.one(select(Photo))
    assert (kept.key, kept.sha256, kept.customer_id) == (photo.key, photo.sha256, student.id)
    identity = database.one(select(Identity))
    assert b"3240100042" not in identity.student_no
    vault = context.extensions[RUNTIME].vault
    opened = vault.unseal(identity.student_no, table="identity", column="student_no", row=str(student.id))
    assert opened == "3240100042A"
    given = database.all(select(Consent.kind).where(Consent.withdrawn_at.is_(None)).order_by(Consent.kind))
    assert given == [CONSENT_ID_NUMBER, CONSENT_STUDENT_CARD]
    assert story(database) == [(PENDING, True)]
    assert_nothing_violated(context)


def test_what_is_not_taken_leaves_nothing(context: Flask, database: Database, student: Actor, clerk: Actor) -> None:
    for nobody in (a_customer(context, registered=False), clerk, Actor.visitor()):
        with pytest.raises(Forbidden):
            send_in(context, nobody)
    assert refused(context, student, student_no="浙大 42").rule is Rule.STUDENT_NO_WRONG
    other_text = database.one(select(ConsentText.id).where(ConsentText.kind == CONSENT_ID_NUMBER))
    for text_id in (other_text, 999):
        assert refused(context, student, consent_text_id=text_id).rule is Rule.CONSENT_MISSING
    assert (database.count(StudentCard), database.count(Photo)) == (0, 0)
    assert database.one(select(Identity.student_no)) is None


def test_a_newer_text_takes_the_place_of_the_consent_before(context: Flask, database: Database, student: Actor) -> None:
    a_card(context, student)
    send_in(context, student)  # the same text: one consent
    of_cards = select(Consent.withdrawn_at.is_(None)).where(Consent.kind == CONSENT_STUDENT_CARD).order_by(Consent.id)
    assert database.all(of_cards) == [True]
    database.add(ConsentText(kind=CONSENT_STUDENT_CARD, version=2, body="新的说明。"))
    send_in(context, student, request_key="later")
    assert database.all(of_cards) == [False, True]


@pytest.mark.both_engines
@pytest.mark.req("FLOW-RENT-1")
def test_a_refused_card_is_sent_again_and_the_person_hears_of_both(
    context: Flask, database: Database, student: Actor, clerk: Actor
) -> None:
    first = send_in(context, student)
    for _ in range(2):  # pressed twice
        reject(context, clerk, first, " 照片看不清 ")
    with pytest.raises(RuleBroken) as broken:
        approve(context, clerk, first)
    assert (broken.value.rule, broken.value.facts) == (Rule.CARD_STANDS, {"status": REJECTED})
    second = send_in(context, student, request_key="again")
    assert story(database) == [(REJECTED, False), (PENDING, True)]
    for _ in range(2):
        approve(context, clerk, second)
    with pytest.raises(RuleBroken):
        reject(context, clerk, second)
    rows = database.all(select(StudentCard.reason, StudentCard.reviewed_by).order_by(StudentCard.id))
    assert [tuple(row) for row in rows] == [("照片看不清", clerk.id), (None, clerk.id)]
    told = database.all(select(Outbox.payload).where(Outbox.kind == Errand.MESSAGE).order_by(Outbox.id))
    assert [(one["topic"], one["page"]) for one in told] == [("card_rejected", "/m/card"), ("card_approved", "/m/card")]
    actions = database.all(select(Audit.action).where(Audit.subject_kind == "student_card").order_by(Audit.id))
    assert actions == ["card_sent_in", "card_rejected", "card_sent_in", "card_approved"]
    assert_nothing_violated(context)


@pytest.mark.both_engines
def test_another_card_takes_the_place_of_one_that_stands_and_open_rentals_go_on(
    context: Flask, database: Database, student: Actor, clerk: Actor
) -> None:
    """Decision 43. Until the new one is looked at nothing new is picked up or scanned."""
    order_id = a_rental_order(context, database, customer=student, picked_up=True)
    waits = send_in(context, student)
    newest = send_in(context, student, request_key="again")
    assert story(database) == [(WITHDRAWN, False), (WITHDRAWN, False), (PENDING, True)]
    with pytest.raises(RuleBroken) as broken:
        approve(context, clerk, waits)
    assert broken.value.rule is Rule.CARD_STANDS
    with read(context) as session:
        assert not is_approved(session, student.id or 0)
    approve(context, clerk, newest)
    assert order_of(context, order_id).occupies_rental
    assert_nothing_violated(context)


def test_only_the_photo_of_the_newest_card_outlives_the_sweep(context: Flask, student: Actor) -> None:
    store: FileStore = context.extensions[RUNTIME].photos
    first, second, refused_one = (photos.store(store, b"jpeg", PhotoKind.CARD) for _ in range(3))
    send_in(context, student, photo=first)
    send_in(context, student, photo=second, request_key="again")
    assert refused(context, student, photo=refused_one, student_no="", request_key="c").rule is Rule.STUDENT_NO_WRONG
    later = now_of(context) + photos.SETTLES_WITHIN
    assert photos.sweep(store, now=now_of(context)) == 0  # a file this young may belong to a verb that is under way
    assert photos.sweep(store, now=later + timedelta(minutes=1)) == 2
    assert list(store.keys(later + timedelta(minutes=1))) == [second.key]


def test_who_looks_at_cards(context: Flask, database: Database, student: Actor) -> None:
    card_id = send_in(context, student)
    strangers = [
        a_member_of_staff(context, role=role, region=region)
        for role, region in (("clerk", "B"), ("finance", "A"), ("technician", "A"), ("consultant", None))
    ]
    for nobody in (*strangers, student, Actor.visitor()):
        with pytest.raises(NotFound):
            approve(context, nobody, card_id)
        with pytest.raises(NotFound):
            reject(context, nobody, card_id)
    boss = a_member_of_staff(context, role="manager")
    with pytest.raises(NotFound):
        approve(context, boss, 999)
    with pytest.raises(RuleBroken) as broken:
        reject(context, boss, card_id, " ")
    assert broken.value.rule is Rule.REASON_MISSING
    assert story(database) == [(PENDING, True)]
    approve(context, boss, card_id)
    assert story(database) == [(APPROVED, True)]


@pytest.mark.both_engines
@pytest.mark.races
def test_of_two_cards_sent_at_once_one_stands(app: Flask, database: Database, student: Actor) -> None:
    start = Barrier(3)

    def press(nth: int) -> None:
        with app.app_context():
            start.wait()
            send_in(app, student, request_key=f"form-{nth}", photo=a_photo())

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(press, range(3)))
    assert sorted(story(database)) == [(PENDING, True), (WITHDRAWN, False), (WITHDRAWN, False)]
    with pytest.raises(IntegrityError):  # and the database lets no other beside it
        database.execute("UPDATE student_card SET status = 'approved'")
    assert_nothing_violated(app)
