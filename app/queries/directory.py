"""The directory: regions, schools, stores, contacts."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.directory import ContactKind
from app.domain.errors import NotFound
from app.domain.orders import OrderStatus
from app.domain.permissions import Actor, Permission
from app.models.directory import Contact, Region, School, Store
from app.models.orders import Order
from app.models.people import Customer


@dataclass(frozen=True, slots=True)
class RegionRow:
    """A region as people choose it: its letter, its name, its store."""

    id: int
    letter: str
    name: str
    store_name: str
    address: str
    hours: str

    @property
    def title(self) -> str:
        """`A 紫金港`."""
        return f"{self.letter} {self.name}"


def regions(session: Session) -> list[RegionRow]:
    """All regions, by letter. Public: the phone shows them."""
    rows = session.execute(
        select(Region.id, Region.letter, Region.name, Store.name.label("store_name"), Store.address, Store.hours)
        .outerjoin(Store, Store.region_id == Region.id)
        .order_by(Region.letter)
    )
    return [
        RegionRow(row.id, row.letter, row.name, row.store_name or "", row.address or "", row.hours or "")
        for row in rows
    ]


def regions_of(session: Session, actor: Actor, permission: Permission) -> list[RegionRow]:
    """The regions that the actor holds a right in."""
    scope = actor.scope(permission)
    return [region for region in regions(session) if region.id in scope]


@dataclass(frozen=True, slots=True)
class SchoolRow:
    """A school and its region."""

    id: int
    name: str
    region_id: int
    region_letter: str


def schools(session: Session) -> list[SchoolRow]:
    """All schools, by region, then in the order they were added."""
    rows = session.execute(
        select(School.id, School.name, School.region_id, Region.letter)
        .join(Region, Region.id == School.region_id)
        .order_by(Region.letter, School.id)
    )
    return [SchoolRow(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class ContactRow:
    """How a department of a region is reached; empty strings where nothing is set yet."""

    region_id: int
    kind: ContactKind
    phone: str
    wechat: str
    hours: str


def contact(session: Session, region_id: int, kind: ContactKind) -> ContactRow:
    """One department of one region."""
    row = session.execute(
        select(Contact.phone, Contact.wechat, Contact.hours).where(Contact.region_id == region_id, Contact.kind == kind)
    ).one_or_none()
    return ContactRow(region_id, kind, *(row or ("", "", "")))


def contacts(session: Session) -> list[ContactRow]:
    """All that are set."""
    rows = session.execute(
        select(Contact.region_id, Contact.kind, Contact.phone, Contact.wechat, Contact.hours).order_by(
            Contact.region_id, Contact.kind
        )
    )
    return [ContactRow(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class SchoolCard:
    """A school as staff see it: how many people belong to it, and how many of their orders are open."""

    id: int
    name: str
    people: int
    open_orders: int


@dataclass(frozen=True, slots=True)
class RegionCard:
    """All that is known of a region."""

    region: RegionRow
    contacts: tuple[ContactRow, ...]  # one of each kind
    schools: tuple[SchoolCard, ...]
    may_change: bool


def region_cards(session: Session, actor: Actor, region_id: int | None = None) -> list[RegionCard]:
    """The regions that the actor may see (or one of them), each with its store, contacts and schools. SET-10."""
    seen = regions_of(session, actor, Permission.SETTINGS_VIEW)
    people = dict(
        session.execute(
            select(Customer.school_id, func.count()).where(Customer.school_id.is_not(None)).group_by(Customer.school_id)
        ).all()
    )
    orders = dict(
        session.execute(
            select(Customer.school_id, func.count())
            .join(Order, Order.customer_id == Customer.id)
            .where(Order.status == OrderStatus.RESERVED)
            .group_by(Customer.school_id)
        ).all()
    )
    known = {(row.region_id, row.kind): row for row in contacts(session)}
    all_schools = schools(session)
    return [
        RegionCard(
            region,
            tuple(known.get((region.id, kind), ContactRow(region.id, kind, "", "", "")) for kind in ContactKind),
            tuple(
                SchoolCard(school.id, school.name, people.get(school.id, 0), orders.get(school.id, 0))
                for school in all_schools
                if school.region_id == region.id
            ),
            may_change=actor.may(Permission.DIRECTORY_CHANGE, region.id),
        )
        for region in seen
        if region_id in (None, region.id)
    ]


def region_by_letter(session: Session, actor: Actor, letter: str) -> RegionRow:
    """A region that the actor may see. Raises NotFound."""
    for region in regions_of(session, actor, Permission.SETTINGS_VIEW):
        if region.letter == letter:
            return region
    raise NotFound


def school_of(session: Session, actor: Actor, school_id: int) -> SchoolRow:
    """A school of a region that the actor may see. Raises NotFound."""
    for school in schools(session):
        if school.id == school_id and school.region_id in actor.scope(Permission.SETTINGS_VIEW):
            return school
    raise NotFound


def free_letters(session: Session) -> list[str]:
    """The code letters that no region has yet."""
    taken = {region.letter for region in regions(session)}
    return [letter for letter in map(chr, range(ord("A"), ord("Z") + 1)) if letter not in taken]
