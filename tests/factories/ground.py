"""The ground that every test stands on: regions A, B, C with school, store, contacts, one listing and its numbers."""

from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.directory import ContactKind
from app.domain.identity import CONSENT_ID_NUMBER
from app.domain.ledger import KINDS
from app.domain.numbering import Business
from app.models import Base
from app.models.directory import Contact, Region, School, Store
from app.models.money import LedgerAccount
from app.models.numbers import NumberSeries
from app.models.people import ConsentText
from app.models.vehicles import Listing, Price, StockMovement, StockReason, VehicleModel
from app.usecases.numbers import make_series

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
MODEL, COLOURS = "猎吧 S1", ("曜石黑", "珍珠白")
PRICE_FEN = 2399_00
STOCK = 50
REGIONS = {
    "A": ("紫金港", ("浙江大学",)),
    "B": ("小和山", ("浙江工业大学", "万向职业技术学院", "浙江外国语学院")),
    "C": ("留下", ("浙江科技学院", "长征职业技术学院")),
}
SCHOOL_OF = {letter: schools[0] for letter, (_, schools) in REGIONS.items()}

Row = TypeVar("Row", bound=Base)


def _row(session: Session, row: Row, **key: object) -> Row:
    """The row of that key, added if migrations have not brought it."""
    found = session.scalars(select(type(row)).filter_by(**key)).one_or_none()
    if found is None:
        session.add(row)
        session.flush()
    return found or row


def lay(session: Session) -> None:
    """Adds what is missing of the ground."""
    for code, side in KINDS.items():
        _row(session, LedgerAccount(code=code, kind=side), code=code)
    _row(
        session,
        ConsentText(kind=CONSENT_ID_NUMBER, version=1, body="同意收集身份证号，用于实名登记。"),
        kind=CONSENT_ID_NUMBER,
        version=1,
    )
    model = _row(
        session,
        VehicleModel(
            name=MODEL, colours=list(COLOURS), facts=["续航 70 公里", "符合新国标"], picture="vehicles/e8.svg"
        ),
        name=MODEL,
    )
    for letter, (name, schools) in REGIONS.items():
        region = _row(session, Region(letter=letter, name=name), letter=letter)
        for school in schools:
            _row(session, School(region_id=region.id, name=school), name=school)
        store = Store(region_id=region.id, name=f"{name}店", address=f"{name}路 1 号", hours="9:00–20:00")
        _row(session, store, region_id=region.id)
        for kind in ContactKind:
            contact = Contact(region_id=region.id, kind=kind, phone="13800000000", wechat="lieba", hours="9:00–20:00")
            _row(session, contact, region_id=region.id, kind=kind)
        _offer(session, region, model)


def _offer(session: Session, region: Region, model: VehicleModel) -> None:
    sale = Business.SALE
    if session.scalars(select(NumberSeries).filter_by(region_id=region.id, business=sale)).one_or_none() is None:
        make_series(session, region.id, sale)
    key = {"region_id": region.id, "model_id": model.id, "business": sale}
    listing = _row(session, Listing(**key, stock=STOCK, shown=True), **key)
    price = Price(
        listing_id=listing.id, days=0, amount_fen=PRICE_FEN, was_fen=None, effective_at=LONG_AGO, made_at=LONG_AGO
    )
    _row(session, price, listing_id=listing.id, days=0)
    stocked = StockMovement(listing_id=listing.id, delta=STOCK, reason=StockReason.BY_HAND, turn=0, at=LONG_AGO)
    _row(session, stocked, listing_id=listing.id)
