"""People of the demo who rent and who swap batteries: each does what people do, through the real verbs and WeChat."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import BytesIO
from random import Random

from PIL import Image, ImageDraw

from app.adapters.clock import DemoClock
from app.cli._demo_wechat import DemoWeChat
from app.db import read_only_session
from app.domain.cards import CONSENT_STUDENT_CARD
from app.domain.deposits import DepositKind
from app.domain.numbering import BatteryNumber, Business
from app.domain.orders import Intent
from app.domain.permissions import Actor
from app.domain.pictures import PhotoKind
from app.domain.rentals import Condition, Place
from app.jobs import query_refunds, send_outbox
from app.queries import access, demo, people
from app.queries.batteries import battery_id_of
from app.runtime import Runtime
from app.usecases import cards, checkout, customers, deposits, flash_charge, orders, photos, pickup, rentals
from app.usecases.seeding.demo import FOR_RENT
from app.usecases.seeding.people import invent

ACTOR = Actor.job("demo")
FIRST_ID = 900_001
"""Where the invented ID numbers of these people begin: far from those of the seeded orders."""
MINUTE = timedelta(minutes=1)
UNCLEAR = "照片不清楚，重新拍一张"


@dataclass(slots=True)
class Troupe:
    """The demo's WeChat, its clock, and whoever plays."""

    wechat: DemoWeChat
    runtime: Runtime
    clock: DemoClock
    chance: Random = field(default_factory=lambda: Random(2017))  # noqa: S311  # the same people in every demo
    met: int = 0

    @property
    def now(self) -> datetime:
        """The time of the scene."""
        return self.runtime.clock.now()

    def go_to(self, days_ago: float) -> None:
        """Puts the one clock back; the simulator reads it too."""
        self.clock.move_to(-timedelta(days=days_ago))

    def clerk(self, letter: str) -> Actor:
        """Who works at a region's counter."""
        with read_only_session() as session:
            actor = access.actor_of_staff(session, demo.staff_id_of(session, f"clerk-{letter.lower()}"))
        if actor is None:
            raise LookupError(letter)
        return actor

    def somebody(self, letter: str) -> "Player":
        """A new person, registered by real name at a school of a region, and known to WeChat."""
        self.met += 1
        invented, openid = invent(self.chance, FIRST_ID + self.met), f"o-demo-rider-{self.met:03d}"
        self.wechat.introduce(openid, invented.name)
        with read_only_session() as session:
            school_id, consent = demo.school_id_in(session, letter), people.consent_words(session)
        customer_id = customers.meet_customer(app_id=self.runtime.app_id, openid=openid, now=self.now)
        customers.register(
            customers.RealName(
                name=invented.name,
                phone=invented.phone,
                id_number=invented.id_number,
                school_id=school_id,
                consent_text_id=consent.id,
            ),
            actor=Actor.customer(customer_id, registered=False, region_id=None),
            vault=self.runtime.vault,
            now=self.now,
        )
        with read_only_session() as session:
            actor = people.actor_of_customer(session, customer_id)
        if actor is None:
            raise LookupError(openid)
        return Player(self, letter, actor)


@dataclass(slots=True)
class Player:
    """One person of the demo, and what they do; each act returns the person, for the next one."""

    troupe: Troupe
    letter: str
    actor: Actor
    order_id: int | None = None

    def sends_card(self, *, looked_at: bool = True, refused: str = "") -> "Player":
        """Sends a student card in; the region's clerk lets it pass, refuses it, or has not looked at it yet."""
        troupe = self.troupe
        with read_only_session() as session:
            consent = people.consent_words(session, CONSENT_STUDENT_CARD)
        card_id = cards.send_in(
            student_no=f"3{troupe.chance.randrange(10**9):09d}",
            photo=photos.store(troupe.runtime.photos, a_card(troupe.chance), PhotoKind.CARD),
            consent_text_id=consent.id,
            request_key=f"demo-card-{self.actor.id}",
            vault=troupe.runtime.vault,
            actor=self.actor,
            now=troupe.now,
        )
        clerk = troupe.clerk(self.letter)
        if refused:
            cards.reject(card_id, reason=refused, actor=clerk, now=troupe.now + MINUTE)
        elif looked_at:
            cards.approve(card_id, actor=clerk, now=troupe.now + MINUTE)
        return self

    def reserves(self, business: Business, *, plan: int = 0) -> "Player":
        """Reserves what the region rents out, for one of its plans."""
        offer = next(one for one in FOR_RENT if one.business is business)
        _, days, price_fen = offer.plans[plan]
        with read_only_session() as session:
            listing_id, colours = demo.listing_of(session, self.letter, offer.model, business)
        self.order_id = orders.reserve(
            listing_id=listing_id,
            colour=self.troupe.chance.choice(colours),
            intent=Intent.RESERVE,
            days=days,
            seen_fen=price_fen,
            request_key=f"demo-rental-{self.actor.id}",
            actor=self.actor,
            now=self.troupe.now,
        )
        return self

    def pays_deposit(self, kind: DepositKind) -> "Player":
        """Agrees on a deposit, on the way of the rental if there is one, and pays it."""
        troupe = self.troupe
        with read_only_session() as session:
            amount_fen = demo.deposit_fen(session, kind, self.actor.region_id or 0, troupe.now)
        self._pay(deposits.agree(kind, order_id=self.order_id, seen_fen=amount_fen, actor=self.actor, now=troupe.now))
        return self

    def pays_rent(self) -> "Player":
        """Enters the number at the store, and pays the rental fee."""
        with read_only_session() as session:
            order = demo.order_facts(session, self._order)
        orders.enter_number(self._order, typed=order.number, actor=self.actor, now=self.troupe.now)
        self._pay(order.charge_id)
        return self

    def picks_up(self) -> "Player":
        """The clerk hands the vehicle over."""
        with read_only_session() as session:
            order = demo.order_facts(session, self._order)
        pickup.confirm_pickup(
            self._order,
            colour=order.colour,
            frame_no=f"LBR{self.actor.id or 0:07d}",
            actor=self.troupe.clerk(self.letter),
            now=self.troupe.now + MINUTE,
        )
        return self

    def gives_back(self, *, condition: Condition = Condition.GOOD, place: Place = Place.STOCK) -> "Player":
        """The clerk takes the vehicle back."""
        clerk = self.troupe.clerk(self.letter)
        rentals.return_vehicle(
            self._order, condition=condition, place=place, plate_off=True, actor=clerk, now=self.troupe.now
        )
        return self

    def scans(self, number: str) -> "Player":
        """Takes a battery."""
        flash_charge.scan(BatteryNumber.parse(number), actor=self.actor, now=self.troupe.now)
        return self

    def asks_to_return(self) -> "Player":
        """Taps 归还."""
        flash_charge.ask_return(actor=self.actor, now=self.troupe.now)
        return self

    def returns_battery(self, number: str) -> "Player":
        """The clerk takes the battery back."""
        with read_only_session() as session:
            battery_id = battery_id_of(session, BatteryNumber.parse(number))
        clerk = self.troupe.clerk(self.letter)
        flash_charge.take_back(battery_id or 0, place=Place.STOCK, actor=clerk, now=self.troupe.now)
        return self

    @property
    def _order(self) -> int:
        if self.order_id is None:
            raise LookupError("nothing reserved")
        return self.order_id

    def _pay(self, charge_id: int) -> None:
        troupe = self.troupe
        sheet = checkout.ask_for_payment(troupe.runtime.till, charge_id, actor=self.actor, now=troupe.now)
        if sheet is not None:
            troupe.wechat.pay(sheet.arguments["package"].removeprefix("prepay_id="))
            checkout.settle_attempt(troupe.runtime.till, sheet.out_trade_no, close=False, actor=ACTOR, now=troupe.now)


USES = ((69, 60), (58, 47), (45, 36), (30, 21), (19, 12))
"""When a member of long standing took batteries and brought them back, in days before today."""
HAVE_ONE_SINCE = {"A": (31, 17, 12, 4, 0.2), "B": (17, 4), "C": (12, 0.2)}
"""Since how many days members have a battery: past the freeze day, costing fees, soon due, just taken."""
WANTS_TO_RETURN = 4


def play(wechat: DemoWeChat, runtime: Runtime, clock: DemoClock) -> None:
    """Three months of renting and swapping; the clock is left at today."""
    troupe = Troupe(wechat, runtime, clock)
    _member_of_long_standing(troupe, "A")
    for letter, since in HAVE_ONE_SINCE.items():
        for nth, days in enumerate(since):
            _has_a_battery(troupe, letter, f"{letter}{nth + 11:05d}", days)
    for scene, letters in ((_late, "AB"), (_given_back, "AC"), (_damaged, "B"), (_secured_by_flash_charge, "AB")):
        for letter in letters:
            scene(troupe, letter)
    troupe.go_to(0.1)
    for letter in "ABC":
        _waiting(troupe, letter)
    troupe.go_to(0)
    send_outbox.run(runtime, troupe.now)
    query_refunds.run(runtime, troupe.now)


def _member_of_long_standing(troupe: Troupe, letter: str) -> None:
    troupe.go_to(70)
    member = troupe.somebody(letter).sends_card().pays_deposit(DepositKind.FLASH)
    for nth, (taken, returned) in enumerate(USES):
        number = f"{letter}{nth + 1:05d}"
        troupe.go_to(taken)
        member.scans(number)
        troupe.go_to(returned)
        member.returns_battery(number)


def _has_a_battery(troupe: Troupe, letter: str, number: str, days: float) -> None:
    troupe.go_to(days + 1)
    rider = troupe.somebody(letter).sends_card().pays_deposit(DepositKind.FLASH)
    troupe.go_to(days)
    rider.scans(number)
    if days == WANTS_TO_RETURN:
        troupe.go_to(0.02)
        rider.asks_to_return()


def _late(troupe: Troupe, letter: str) -> None:
    troupe.go_to(36)
    renter = troupe.somebody(letter).sends_card().reserves(Business.RENTAL)
    renter.pays_deposit(DepositKind.RENTAL).pays_rent().picks_up()


def _given_back(troupe: Troupe, letter: str) -> None:
    troupe.go_to(35)
    renter = troupe.somebody(letter).sends_card().reserves(Business.MINI_RENTAL)
    renter.pays_deposit(DepositKind.RENTAL).pays_rent().picks_up()
    troupe.go_to(9)
    renter.gives_back()


def _damaged(troupe: Troupe, letter: str) -> None:
    troupe.go_to(24)
    renter = troupe.somebody(letter).sends_card().reserves(Business.RENTAL)
    renter.pays_deposit(DepositKind.RENTAL).pays_rent().picks_up()
    troupe.go_to(2)
    renter.gives_back(condition=Condition.DAMAGED, place=Place.REPAIR)


def _secured_by_flash_charge(troupe: Troupe, letter: str) -> None:
    troupe.go_to(20)
    renter = troupe.somebody(letter).sends_card().reserves(Business.RENTAL, plan=1)
    renter.pays_deposit(DepositKind.FLASH).pays_rent().picks_up()


def _waiting(troupe: Troupe, letter: str) -> None:
    """What stands at the beginning: a card to look at, a vehicle to hand over, a card refused, nothing done yet."""
    unseen = troupe.somebody(letter).sends_card(looked_at=False).reserves(Business.RENTAL)
    unseen.pays_deposit(DepositKind.RENTAL).pays_rent()
    ready = troupe.somebody(letter).sends_card().reserves(Business.MINI_RENTAL)
    ready.pays_deposit(DepositKind.RENTAL).pays_rent()
    troupe.somebody(letter).reserves(Business.RENTAL).sends_card(refused=UNCLEAR)
    troupe.somebody(letter).reserves(Business.MINI_RENTAL, plan=1)


def a_card(chance: Random) -> bytes:
    """A drawing that stands for the photo of a student card; nobody's."""
    picture = Image.new("RGB", (1000, 640), "#dfe7f2")
    pen = ImageDraw.Draw(picture)
    pen.rounded_rectangle((40, 40, 960, 600), 36, fill="#ffffff", outline="#8a94a3", width=4)
    pen.rectangle((40, 84, 960, 170), fill=chance.choice(("#1a5fb4", "#0f6a4a", "#8a5300")))
    pen.rectangle((100, 220, 360, 550), fill="#e8f0fb", outline="#8a94a3", width=3)
    skin = chance.choice(("#f1c9a5", "#e5b48a", "#d9a066"))
    pen.ellipse((165, 260, 295, 400), fill=skin)
    pen.pieslice((120, 410, 340, 640), 180, 360, fill=chance.choice(("#44588a", "#067d3c", "#b42318")))
    for line in range(5):
        top = 240 + line * 64
        pen.rounded_rectangle((420, top, 420 + chance.randrange(260, 480), top + 26), 8, fill="#c9cfd8")
    file = BytesIO()
    picture.save(file, "JPEG", quality=85)
    return file.getvalue()
