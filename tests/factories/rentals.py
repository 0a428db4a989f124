"""Rentals, as far along as a test wants them: card, deposit, order, pickup, return."""

from datetime import datetime, timedelta
from itertools import count

from flask import Flask
from sqlalchemy import select

from app.domain.cards import CONSENT_STUDENT_CARD
from app.domain.charges import PaymentStatus
from app.domain.deposits import DepositKind, DepositStatus
from app.domain.numbering import Business
from app.domain.orders import Intent
from app.domain.permissions import Actor, Role
from app.domain.pictures import PhotoKind
from app.domain.refunds import RefundNotice, RefundStatus
from app.domain.rentals import Condition, Place
from app.models.deposits import Deposit
from app.models.directory import Region
from app.models.money import Charge, Payment, Refund
from app.models.people import ConsentText
from app.models.rentals import Rental
from app.models.vehicles import Listing, Plan, Price, StockMovement, StockReason, VehicleModel
from app.usecases import cards, deposits, orders, payments, pickup, refund_notices, rentals
from app.usecases.photos import NewPhoto
from app.web.current import RUNTIME
from tests.factories.ground import COLOURS, LONG_AGO, STOCK
from tests.factories.orders import a_listing_id, charge_of, order_of, pay
from tests.factories.people import a_customer, a_member_of_staff
from tests.factories.reading import read
from tests.fixtures.databases import Database

MONTH, MONTH_FEN = 30, 180_00
DEPOSIT_FEN = 300_00

_keys = count(1)


def a_rental_listing(
    database: Database,
    region: str = "A",
    *,
    business: Business = Business.RENTAL,
    price_fen: int = MONTH_FEN,
    stock: int = STOCK,
) -> int:
    """A listing for rent, by the month; its id. Made once for each region and business."""
    with database.write() as session:
        region_id = session.scalars(select(Region.id).where(Region.letter == region)).one()
        model = session.scalars(select(VehicleModel).order_by(VehicleModel.id)).first()
        assert model is not None
        key = {"region_id": region_id, "model_id": model.id, "business": business}
        found = session.scalars(select(Listing).filter_by(**key)).one_or_none()
        if found is not None:
            return found.id
        listing = Listing(**key, stock=stock, shown=True)
        session.add(listing)
        session.flush()
        session.add_all(
            [
                Plan(listing_id=listing.id, days=MONTH, name="月租", shown=True),
                Price(
                    listing_id=listing.id,
                    days=MONTH,
                    amount_fen=price_fen,
                    was_fen=None,
                    effective_at=LONG_AGO,
                    made_at=LONG_AGO,
                ),
                StockMovement(listing_id=listing.id, delta=stock, reason=StockReason.BY_HAND, turn=0, at=LONG_AGO),
            ]
        )
        return listing.id


def listings_of(app: Flask, database: Database, letter: str) -> dict[Business, int]:
    """What a region sells and rents out: one listing of each kind."""
    return {
        Business.SALE: a_listing_id(app, letter),
        Business.RENTAL: a_rental_listing(database, letter),
        Business.MINI_RENTAL: a_rental_listing(database, letter, business=Business.MINI_RENTAL),
    }


def a_photo(kind: PhotoKind = PhotoKind.CARD) -> NewPhoto:
    """A photo that the database gets to know; there is no file behind it."""
    return NewPhoto(f"{next(_keys):032x}", kind, f"{next(_keys):064x}")


def a_card(app: Flask, customer: Actor, *, approved: bool = True, region: str = "A") -> int:
    """The person sends a student card in; with `approved` a clerk lets it pass. The card's id."""
    runtime = app.extensions[RUNTIME]
    now = runtime.clock.now()
    with read(app) as session:
        consent = session.scalars(select(ConsentText.id).where(ConsentText.kind == CONSENT_STUDENT_CARD)).first()
    with app.app_context():
        card_id = cards.send_in(
            student_no=f"32401{next(_keys):05d}",
            photo=a_photo(),
            consent_text_id=consent or 0,
            request_key=f"card-{next(_keys)}",
            vault=runtime.vault,
            actor=customer,
            now=now,
        )
        if approved:
            clerk = a_member_of_staff(app, role=Role.CLERK, region=region)
            cards.approve(card_id, actor=clerk, now=now)
    return card_id


def a_deposit(
    app: Flask,
    customer: Actor,
    kind: DepositKind,
    *,
    order_id: int | None = None,
    amount_fen: int = DEPOSIT_FEN,
    paid: bool = True,
    now: datetime | None = None,
) -> int:
    """The person agrees on a deposit; with `paid` WeChat says that it is paid. The charge's id."""
    now = now or app.extensions[RUNTIME].clock.now()
    with app.app_context():
        charge_id = deposits.agree(kind, order_id=order_id, seen_fen=amount_fen, actor=customer, now=now)
        if paid and amount_fen:
            wanted = payments.begin_attempt(charge_id, actor=customer, now=now).wanted
            pay(app, wanted.out_trade_no, customer=customer, amount_fen=amount_fen, now=now + timedelta(seconds=20))
    return charge_id


def a_rental_order(
    app: Flask,
    database: Database,
    *,
    customer: Actor | None = None,
    region: str = "A",
    business: Business = Business.RENTAL,
    price_fen: int = MONTH_FEN,
    card: bool = True,
    deposit: DepositKind | None = DepositKind.RENTAL,
    matched: bool = False,
    paid: bool = False,
    picked_up: bool = False,
    returned: bool = False,
    now: datetime | None = None,
) -> int:
    """The id of a rental order: reserved, then card, deposit, number, fee, pickup, return, as asked for.

    No WeChat is asked: the notices are handed to the verbs. `deposit` None: none is paid.
    """
    now = now or app.extensions[RUNTIME].clock.now()
    customer = customer or a_customer(app, region=region)
    listing_id = a_rental_listing(database, region, business=business, price_fen=price_fen)
    with app.app_context():
        order_id = orders.reserve(
            listing_id=listing_id,
            colour=COLOURS[0],
            intent=Intent.RESERVE,
            days=MONTH,
            seen_fen=price_fen,
            request_key=f"rental-{next(_keys)}",
            actor=customer,
            now=now,
        )
    if card:
        a_card(app, customer, region=region)
    if deposit is not None:
        a_deposit(app, customer, deposit, order_id=order_id, now=now)
    with app.app_context():
        if matched or paid or picked_up or returned:
            assert orders.enter_number(order_id, typed=order_of(app, order_id).number, actor=customer, now=now)
        if (paid or picked_up or returned) and price_fen:
            wanted = payments.begin_attempt(charge_of(app, order_id), actor=customer, now=now).wanted
            pay(app, wanted.out_trade_no, customer=customer, amount_fen=price_fen, now=now + timedelta(seconds=30))
        if picked_up or returned:
            clerk = a_member_of_staff(app, role=Role.CLERK, region=region)
            pickup.confirm_pickup(
                order_id,
                colour=COLOURS[0],
                frame_no=f"RT{next(_keys):08d}",
                actor=clerk,
                now=now + timedelta(minutes=2),
            )
        if returned:
            give_back(app, order_id, region=region, now=now + timedelta(days=1))
    return order_id


def give_back(
    app: Flask,
    order_id: int,
    *,
    region: str = "A",
    condition: Condition = Condition.GOOD,
    place: Place = Place.STOCK,
    now: datetime | None = None,
) -> None:
    """A clerk takes a rented vehicle back."""
    clerk = a_member_of_staff(app, role=Role.CLERK, region=region)
    with app.app_context():
        rentals.return_vehicle(
            order_id,
            condition=condition,
            place=place,
            plate_off=True,
            actor=clerk,
            now=now or app.extensions[RUNTIME].clock.now(),
        )


def rental_of(app: Flask, order_id: int) -> Rental:
    """The rental of an order as it stands now."""
    with read(app) as session:
        return session.scalars(select(Rental).where(Rental.order_id == order_id)).one()


def deposits_of(app: Flask, customer: Actor) -> list[Deposit]:
    """The deposits of a person, oldest first."""
    with read(app) as session:
        return list(session.scalars(select(Deposit).where(Deposit.customer_id == customer.id).order_by(Deposit.id)))


def tell_of_deposit(app: Flask, deposit: Deposit, status: RefundStatus) -> None:
    """WeChat tells how the newest refund of a deposit goes on."""
    runtime = app.extensions[RUNTIME]
    now = runtime.clock.now()
    with read(app) as session:
        newest = (
            select(Refund.out_refund_no, Refund.amount_fen, Payment.out_trade_no)
            .join(Payment, Payment.id == Refund.payment_id)
            .join(Charge, Charge.id == Payment.charge_id)
            .where(Charge.deposit_id == deposit.id, Payment.status == PaymentStatus.SETTLES)
            .order_by(Refund.id.desc())
            .limit(1)
        )
        refund = session.execute(newest).one()
    notice = RefundNotice(
        out_refund_no=refund.out_refund_no,
        out_trade_no=refund.out_trade_no,
        refund_id=f"50300000{next(_keys):020d}",
        status=status,
        amount_fen=refund.amount_fen,
        done_at=now if status is RefundStatus.DONE else None,
        mch_id=runtime.till.merchant.mch_id,
    )
    with app.app_context():
        refund_notices.take_refund_notice(
            notice, our_mch_id=notice.mch_id, vault=runtime.vault, actor=Actor.wechat(), now=now
        )


def deposit_statuses(app: Flask, customer: Actor) -> list[DepositStatus]:
    """Their states."""
    return [deposit.status for deposit in deposits_of(app, customer)]
