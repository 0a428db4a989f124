"""What the demo begins with: stores, contacts, models, listings, prices, staff of every role. All of it invented."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app.domain.batteries import BatteryState
from app.domain.directory import ContactKind
from app.domain.numbering import Business
from app.domain.permissions import Role
from app.models.access import Staff, StaffRole
from app.models.batteries import Battery
from app.models.directory import Contact, Region, Store
from app.models.vehicles import Listing, Plan, Price, StockMovement, StockReason, VehicleModel
from app.queries.prices import SALE_DAYS
from app.usecases.transaction import transactional

SINCE = timedelta(days=400)
"""Since when the demo's prices hold."""
CHEAPER_SINCE = timedelta(days=85)


@dataclass(frozen=True, slots=True)
class Model:
    """A vehicle of the demo; stock and price by region letter, in fen; `was_fen` where the price was lowered."""

    name: str
    colours: tuple[str, ...]
    facts: tuple[str, ...]
    picture: str
    price_fen: int
    was_fen: int | None
    stock: Mapping[str, int]


MODELS = (
    Model(
        "疾风 F1",
        ("珍珠白", "曜石黑", "中国红"),
        ("续航 70 公里", "48V 24Ah 锂电", "前后碟刹", "新国标，最高 25 公里/时"),
        "vehicles/f1.svg",
        2_899_00,
        3_199_00,
        {"A": 18, "B": 12, "C": 7},
    ),
    Model(
        "远行 E8",
        ("深海蓝", "石墨灰"),
        ("续航 110 公里", "48V 32Ah 锂电", "带后货架", "新国标，最高 25 公里/时"),
        "vehicles/e8.svg",
        3_299_00,
        None,
        {"A": 9, "B": 6, "C": 2},
    ),
    Model(
        "轻巧 A5",
        ("珊瑚橙", "奶油白", "薄荷绿"),
        ("续航 45 公里", "整车 28 公斤", "宿舍楼能推上坡", "新国标，最高 25 公里/时"),
        "vehicles/a5.svg",
        1_999_00,
        2_199_00,
        {"A": 26, "B": 21, "C": 14},
    ),
    Model(
        "清风 S3",
        ("湖水绿", "云母白"),
        ("续航 60 公里", "48V 20Ah 锂电", "带车篮和儿童脚踏", "新国标，最高 25 公里/时"),
        "vehicles/s3.svg",
        2_399_00,
        None,
        {"A": 11, "B": 0, "C": 5},
    ),
)


@dataclass(frozen=True, slots=True)
class ForRent:
    """A vehicle that the demo rents out; plans are name, days and price in fen, stock is by region letter."""

    model: str
    business: Business
    plans: tuple[tuple[str, int, int], ...]
    stock: Mapping[str, int]


MINI = Model(
    "迷你 M1",
    ("奶油白", "天空蓝"),
    ("续航 35 公里", "整车 22 公斤", "能进电梯", "新国标，最高 25 公里/时"),
    "vehicles/a5.svg",
    0,
    None,
    {},
)
FOR_RENT = (
    ForRent(
        "轻巧 A5",
        Business.RENTAL,
        (("月租", 30, 180_00), ("学期租", 150, 680_00), ("年租", 365, 1_280_00)),
        {"A": 12, "B": 15, "C": 8},
    ),
    ForRent("清风 S3", Business.RENTAL, (("月租", 30, 220_00), ("学期租", 150, 820_00)), {"A": 6, "B": 8, "C": 3}),
    ForRent(
        MINI.name, Business.MINI_RENTAL, (("月租", 30, 120_00), ("学期租", 150, 460_00)), {"A": 8, "B": 10, "C": 6}
    ),
)
BATTERIES = {"A": 60, "B": 80, "C": 40}

STORES = {
    "A": ("西湖区余杭塘路 866 号 紫金港东门外 20 米", "9:00–20:00"),
    "B": ("西湖区留和路 288 号 小和山高教园区 3 幢", "9:00–20:00"),
    "C": ("西湖区留和路 318 号 校门对面", "9:30–19:30"),
}
CONTACTS = {
    ("A", ContactKind.CUSTOMER_SERVICE): ("0571-56780101", "lieba-zjg", "9:00–21:00"),
    ("A", ContactKind.REPAIR): ("0571-56780102", "lieba-zjg-fix", "9:00–19:00"),
    ("B", ContactKind.CUSTOMER_SERVICE): ("0571-56780201", "lieba-xhs", "9:00–21:00"),
    ("B", ContactKind.REPAIR): ("0571-56780202", "lieba-xhs-fix", "9:00–19:00"),
    ("C", ContactKind.CUSTOMER_SERVICE): ("0571-56780301", "lieba-lhl", "9:00–21:00"),
    ("C", ContactKind.REPAIR): ("0571-56780302", "lieba-lhl-fix", "9:00–19:00"),
}


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody who works in the demo; `region` None: everywhere."""

    login: str
    name: str
    role: Role
    region: str | None


FINANCE = "finance"
STAFF = (
    Colleague("owner", "罗世昌", Role.OWNER, None),
    Colleague("manager", "沈曼青", Role.MANAGER, None),
    Colleague("manager-b", "方大鹏", Role.MANAGER, "B"),
    Colleague("clerk-a", "陈小满", Role.CLERK, "A"),
    Colleague("clerk-b", "吴晓雯", Role.CLERK, "B"),
    Colleague("clerk-c", "丁一诺", Role.CLERK, "C"),
    Colleague(FINANCE, "苏文瑾", Role.FINANCE, None),
    Colleague("technician", "石铁生", Role.TECHNICIAN, "B"),
    Colleague("consultant", "白若溪", Role.CONSULTANT, "A"),
)


@transactional
def lay_directory(session: Session) -> None:
    """Addresses, hours and contacts, where there are none yet."""
    for region in session.scalars(select(Region)):
        store = session.scalars(select(Store).where(Store.region_id == region.id)).one_or_none()
        if store is not None and not store.address and region.letter in STORES:
            store.address, store.hours = STORES[region.letter]
        for kind in ContactKind:
            found = session.scalars(
                select(Contact).where(Contact.region_id == region.id, Contact.kind == kind)
            ).one_or_none()
            if found is None and (region.letter, kind) in CONTACTS:
                phone, wechat, hours = CONTACTS[region.letter, kind]
                session.add(Contact(region_id=region.id, kind=kind, phone=phone, wechat=wechat, hours=hours))


@transactional
def lay_catalogue(session: Session, *, now: datetime) -> None:
    """Models, their listings in every region and their prices, where there are none yet; no stock."""
    regions = session.scalars(select(Region).order_by(Region.letter)).all()
    for model in MODELS:
        row = session.scalars(select(VehicleModel).where(VehicleModel.name == model.name)).one_or_none()
        if row is None:
            row = VehicleModel(
                name=model.name, colours=list(model.colours), facts=list(model.facts), picture=model.picture
            )
            session.add(row)
            session.flush()
        for region in regions:
            _offer(session, region, row, model, now)


def _offer(session: Session, region: Region, row: VehicleModel, model: Model, now: datetime) -> None:
    key = {"region_id": region.id, "model_id": row.id, "business": Business.SALE}
    if session.scalars(select(Listing.id).filter_by(**key)).one_or_none() is not None:
        return
    listing = Listing(**key, stock=0, shown=True)
    session.add(listing)
    session.flush()
    first = Price(
        listing_id=listing.id,
        days=SALE_DAYS,
        amount_fen=model.was_fen or model.price_fen,
        effective_at=now - SINCE,
        made_at=now - SINCE,
    )
    session.add(first)
    if model.was_fen is not None:
        session.add(
            Price(
                listing_id=listing.id,
                days=SALE_DAYS,
                amount_fen=model.price_fen,
                was_fen=model.was_fen,
                effective_at=now - CHEAPER_SINCE,
                made_at=now - CHEAPER_SINCE,
            )
        )


@transactional
def lay_rentals(session: Session, *, now: datetime) -> None:
    """What is rented out in every region, its plans, prices and stock, where there is none yet."""
    regions = dict(session.execute(select(Region.letter, Region.id)).all())
    if session.scalars(select(VehicleModel.id).where(VehicleModel.name == MINI.name)).one_or_none() is None:
        session.add(
            VehicleModel(name=MINI.name, colours=list(MINI.colours), facts=list(MINI.facts), picture=MINI.picture)
        )
        session.flush()
    models = dict(session.execute(select(VehicleModel.name, VehicleModel.id)).all())
    for offer in FOR_RENT:
        for letter, stock in offer.stock.items():
            key = {"region_id": regions[letter], "model_id": models[offer.model], "business": offer.business}
            if session.scalars(select(Listing.id).filter_by(**key)).one_or_none() is not None:
                continue
            listing = Listing(**key, stock=stock, shown=True)
            session.add(listing)
            session.flush()
            since = now - SINCE
            session.add(StockMovement(listing_id=listing.id, delta=stock, reason=StockReason.BY_HAND, turn=1, at=since))
            for name, days, price_fen in offer.plans:
                session.add(Plan(listing_id=listing.id, days=days, name=name, shown=True))
                session.add(
                    Price(listing_id=listing.id, days=days, amount_fen=price_fen, effective_at=since, made_at=since)
                )


@transactional
def lay_batteries(session: Session, *, now: datetime) -> None:
    """Numbered batteries in every region, where there are none yet."""
    if session.scalars(select(Battery.id).limit(1)).one_or_none() is not None:
        return
    since = now - SINCE
    for region in session.scalars(select(Region)):
        made = [
            {"region_id": region.id, "n": n, "state": BatteryState.IN_STOCK, "made_at": since, "printed_at": since}
            for n in range(1, BATTERIES.get(region.letter, 0) + 1)
        ]
        if made:
            session.execute(insert(Battery), made)


@transactional
def lay_staff(session: Session, *, password_hashes: Mapping[str, str]) -> None:
    """Staff of every role, by login, where there are none yet; without a hash nobody can log in."""
    regions = dict(session.execute(select(Region.letter, Region.id)).all())
    for colleague in STAFF:
        if session.scalars(select(Staff.id).where(Staff.login == colleague.login)).one_or_none() is not None:
            continue
        staff = Staff(name=colleague.name, login=colleague.login, password_hash=password_hashes.get(colleague.login))
        session.add(staff)
        session.flush()
        region_id = regions[colleague.region] if colleague.region else None
        session.add(StaffRole(staff_id=staff.id, role=colleague.role, region_id=region_id))


@transactional
def lay_stock(session: Session, *, now: datetime) -> None:
    """Brings the stock of the demo's listings to what the demo shows, by hand."""
    wanted = {(model.name, letter): stock for model in MODELS for letter, stock in model.stock.items()}
    rows = session.execute(
        select(Listing, VehicleModel.name, Region.letter)
        .join(VehicleModel, VehicleModel.id == Listing.model_id)
        .join(Region, Region.id == Listing.region_id)
        .where(Listing.business == Business.SALE)
    )
    for listing, name, letter in rows:
        delta = wanted.get((name, letter), listing.stock) - listing.stock
        if delta:
            session.add(StockMovement(listing_id=listing.id, delta=delta, reason=StockReason.BY_HAND, turn=1, at=now))
            listing.stock += delta
