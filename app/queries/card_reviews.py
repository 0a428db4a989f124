"""The review of student cards: the queue, one card beside its person, and what was decided (decision 4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, func, select, tuple_
from sqlalchemy.orm import Session

from app.domain.cards import CardStatus, masked_student_no
from app.domain.errors import NotFound
from app.domain.identity import masked_name, masked_phone
from app.domain.permissions import Actor, Permission
from app.models.access import Staff
from app.models.cards import Photo, StudentCard
from app.models.directory import Region, School
from app.models.orders import Order
from app.models.people import Customer, Identity
from app.ports import Vault
from app.queries.paging import Key, Page, Stream, page_of_streams

DECIDED = (CardStatus.APPROVED, CardStatus.REJECTED)
LISTED = (CardStatus.PENDING, *DECIDED)
"""One that was replaced is nobody's work any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardRow:
    """One card as the lists show it; the person is masked."""

    id: int
    letter: str
    name: str
    phone: str
    school: str
    submitted_at: datetime
    status: CardStatus
    reviewed_at: datetime | None
    reviewed_by: str
    reason: str


@dataclass(frozen=True, slots=True)
class CardList:
    """One page, and how many there are of each kind."""

    page: Page[CardRow]
    first: int  # the place of the page's first card, from 1; 0 without any
    counts: Mapping[CardStatus, int]

    @property
    def last(self) -> int:
        """The place of the page's last card."""
        return max(self.first + len(self.page.rows) - 1, 0)


def card_list(
    session: Session,
    actor: Actor,
    status: CardStatus,
    *,
    region_id: int | None,
    since: datetime,
    after: Key | None,
    before: Key | None,
    size: int,
) -> CardList:
    """Cards that wait, the longest waiting first; or those sent in since a time that were decided, newest first."""
    streams = {one: _stream(actor, one, region_id, since) for one in LISTED}
    oldest_first = status is CardStatus.PENDING
    stream = streams[status]
    page = page_of_streams(
        session,
        [stream],
        after=after,
        before=before,
        size=size,
        load=lambda ids: _rows(session, ids),
        oldest_first=oldest_first,
    )
    counts = session.execute(select(*(_count(streams[one].wanted) for one in LISTED))).one()
    first = 1 if page.rows else 0
    if page.newer is not None:
        edge, at = tuple_(stream.at, stream.id), (page.newer.at, page.newer.id)
        ahead = _count(stream.wanted.where(edge < at if oldest_first else edge > at))
        first += session.execute(select(ahead)).scalar_one()
    return CardList(page, first, dict(zip(LISTED, counts, strict=True)))


def _count(wanted: Select[*tuple[Any, ...]]) -> ScalarSelect[int]:
    return select(func.count()).select_from(wanted.subquery()).scalar_subquery()


def _stream(actor: Actor, status: CardStatus, region_id: int | None, since: datetime) -> Stream:
    card = StudentCard.__table__.c
    wanted = select(card.id, card.submitted_at.label("at")).where(card.status == status, *_seen(actor, region_id))
    if status is not CardStatus.PENDING:
        wanted = wanted.where(card.submitted_at >= since)
    return Stream(wanted, card.submitted_at, card.id)


def _seen(actor: Actor, region_id: int | None) -> list[ColumnElement[bool]]:
    """A card belongs to the region of its person's school."""
    regions = actor.scope(Permission.CARDS_REVIEW).within(region_id)
    if regions is None:
        return []
    people = select(Customer.id).join(School, School.id == Customer.school_id).where(School.region_id.in_(regions))
    return [StudentCard.customer_id.in_(people)]


def _rows(session: Session, ids: Sequence[int]) -> dict[int, CardRow]:
    rows = session.execute(_cards().where(StudentCard.id.in_(ids)))
    return {
        row.StudentCard.id: CardRow(
            id=row.StudentCard.id,
            letter=row.letter,
            name=masked_name(row.name) if row.name else "",
            phone=masked_phone(row.phone) if row.phone else "",
            school=row.school,
            submitted_at=row.StudentCard.submitted_at,
            status=row.StudentCard.status,
            reviewed_at=row.StudentCard.reviewed_at,
            reviewed_by=row.reviewer or "",
            reason=row.StudentCard.reason or "",
        )
        for row in rows
    }


def _cards() -> Select[*tuple[Any, ...]]:
    return (
        select(
            StudentCard,
            Region.id.label("region_id"),
            Region.letter,
            School.name.label("school"),
            Identity.name,
            Identity.phone,
            Identity.student_no,
            Staff.name.label("reviewer"),
            Photo.key,
            Photo.erased_at,
        )
        .join(Customer, Customer.id == StudentCard.customer_id)
        .join(School, School.id == Customer.school_id)
        .join(Region, Region.id == School.region_id)
        .join(Photo, Photo.id == StudentCard.photo_id)
        .outerjoin(Identity, Identity.customer_id == Customer.id)
        .outerjoin(Staff, Staff.id == StudentCard.reviewed_by)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CardReview:
    """One card with what its photo is compared with; the person is masked."""

    id: int
    status: CardStatus
    letter: str
    name: str
    full_name: str  # as registered, while the card waits: its photo must show it; masked once it is decided
    phone_tail: str
    school: str
    student_no: str  # its end
    submitted_at: datetime
    reviewed_at: datetime | None
    reviewed_by: str
    reason: str
    has_photo: bool
    refused_before: str  # why the one before did not pass
    order_id: int | None  # the rental that waits for it
    number: str | None
    next_id: int | None  # the next one of the queue
    waiting: int  # in the queue, with this one

    @property
    def waits(self) -> bool:
        """Whether it is still to be decided."""
        return self.status is CardStatus.PENDING


def card_review(session: Session, actor: Actor, card_id: int, *, region_id: int | None, vault: Vault) -> CardReview:
    """A card of a region in which the actor reviews. Raises NotFound. `region_id`: that of the queue."""
    row = _seen_card(session, actor, card_id)
    card: StudentCard = row.StudentCard
    before = session.scalars(
        select(StudentCard.reason)
        .where(StudentCard.customer_id == card.customer_id, StudentCard.id < card.id)
        .order_by(StudentCard.id.desc())
        .limit(1)
    ).one_or_none()
    order = session.execute(
        select(Order.id, Order.number).where(Order.customer_id == card.customer_id, Order.occupies_rental)
    ).one_or_none()
    queue = select(StudentCard.id).where(StudentCard.status == CardStatus.PENDING, *_seen(actor, region_id))
    others = queue.where(StudentCard.id != card.id)
    # The next one after this; at the end of the queue, what was passed over.
    later = tuple_(StudentCard.submitted_at, StudentCard.id) > (card.submitted_at, card.id)
    in_order = (StudentCard.submitted_at, StudentCard.id)
    following = session.scalars(others.where(later).order_by(*in_order).limit(1)).one_or_none()
    if following is None:
        following = session.scalars(others.order_by(*in_order).limit(1)).one_or_none()
    number = vault.unseal(row.student_no, table="identity", column="student_no", row=str(card.customer_id))
    return CardReview(
        id=card.id,
        status=card.status,
        letter=row.letter,
        name=masked_name(row.name),
        full_name=row.name if card.status is CardStatus.PENDING else masked_name(row.name),
        phone_tail=row.phone[-4:],
        school=row.school,
        student_no=masked_student_no(number),
        submitted_at=card.submitted_at,
        reviewed_at=card.reviewed_at,
        reviewed_by=row.reviewer or "",
        reason=card.reason or "",
        has_photo=row.erased_at is None,
        refused_before=before or "",
        order_id=order.id if order else None,
        number=order.number if order else None,
        next_id=following,
        waiting=session.execute(select(_count(queue))).scalar_one(),
    )


def _seen_card(session: Session, actor: Actor, card_id: int) -> Any:
    row = session.execute(_cards().where(StudentCard.id == card_id)).one_or_none()
    if row is None or row.name is None or not actor.may(Permission.CARDS_REVIEW, row.region_id):
        raise NotFound
    return row


def photo_key(session: Session, actor: Actor, card_id: int) -> str:
    """The key of a card's photo. Raises NotFound, also once it is erased."""
    row = _seen_card(session, actor, card_id)
    if row.erased_at is not None:
        raise NotFound
    key: str = row.key
    return key
