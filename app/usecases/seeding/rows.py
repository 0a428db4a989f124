"""The rows that the verbs would have written for an invented order, collected table by table."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from app.domain import ledger as recipes
from app.domain.calendar import SHANGHAI, business_day
from app.domain.charges import ChargeStatus, PaymentStatus, Purpose
from app.domain.identity import CONSENT_ID_NUMBER
from app.domain.ledger import Account, Leg
from app.domain.numbering import Business, VehicleNumber
from app.domain.orders import OrderStatus, attempt_expires_at
from app.domain.pickup import Answer
from app.domain.refunds import CANCELLED_REASON, SURPLUS_REASON, RefundStatus
from app.models.base import Base
from app.models.journal import Audit
from app.models.money import Charge, ChargeLine, LedgerTransfer, LineKind, Payment, Refund
from app.models.numbers import NumberHolding
from app.models.orders import Order, PickupAttempt
from app.models.people import Consent, Customer, CustomerStatus, Identity, IdentityKey
from app.models.vehicles import StockMovement, StockReason
from app.ports import Vault
from app.usecases.seeding.people import invent, keys_of
from app.usecases.seeding.stories import PAID_FATES, Fate, Story

COLUMNS: dict[type[Base], tuple[str, ...]] = {
    Customer: ("id", "app_id", "openid", "status", "school_id", "made_at"),
    Identity: ("customer_id", "name", "phone", "id_number", "id_mac", "registered_at"),
    IdentityKey: ("customer_id", "kind", "key"),
    Consent: ("customer_id", "kind", "text_id", "given_at"),
    Order: ("id", "order_no", "region_id", "business", "listing_id", "customer_id", "request_key", "intent", "colour",
            "number", "amount_fen", "cancel_paid_hours", "status", "turn", "reserved_at", "expires_at", "matched_at",
            "picked_up_at", "picked_up_by", "frame_no", "closed_at", "close_reason"),
    Charge: ("id", "customer_id", "region_id", "purpose", "order_id", "amount_fen", "status", "settled_at"),
    ChargeLine: ("charge_id", "kind", "amount_fen"),
    Payment: ("id", "charge_id", "out_trade_no", "transaction_id", "prepay_id", "status", "amount_fen", "received_fen",
              "refunded_fen", "created_at", "expires_at", "paid_at", "asked_at"),
    Refund: ("payment_id", "out_refund_no", "amount_fen", "reason", "held_on", "status", "requested_at", "accepted_at",
             "done_at", "asked_at", "staff_id"),
    LedgerTransfer: ("entry_key", "leg", "debit_id", "credit_id", "amount_fen", "purpose", "customer_id", "order_id",
                     "region_id", "booked_on", "at"),
    NumberHolding: ("slot_id", "order_id", "from_seq", "to_seq", "from_at", "to_at", "revived"),
    StockMovement: ("listing_id", "delta", "reason", "order_id", "turn", "at"),
    PickupAttempt: ("region_id", "staff_id", "customer_id", "typed", "answer", "order_id", "at"),
    Audit: ("at", "actor_kind", "actor_id", "region_id", "action", "subject_kind", "subject_id", "customer_id",
            "order_id", "facts", "reason"),
}  # fmt: skip
"""The tables in the order in which their rows can be written, and the columns that are written."""

STATUS: dict[Fate, OrderStatus] = {
    Fate.COLLECTED: OrderStatus.COMPLETED,
    Fate.PAID: OrderStatus.RESERVED,
    Fate.OPEN: OrderStatus.RESERVED,
    Fate.CANCELLED: OrderStatus.CANCELLED,
    Fate.REFUNDED: OrderStatus.CANCELLED,
    Fate.EXPIRED: OrderStatus.EXPIRED,
    Fate.LATE: OrderStatus.EXPIRED,
}
STAFF_REASONS = ("用户来电取消", "用户换了车型，重新下单", "店里没有这个颜色了")


@dataclass(frozen=True, slots=True)
class Offer:
    """A listing, as its orders need it."""

    listing_id: int
    colours: tuple[str, ...]
    prices: tuple[tuple[datetime, int], ...]  # (from, fen), the oldest first

    def price_at(self, at: datetime) -> int:
        """Fen; before the first price, the first one."""
        return next((fen for since, fen in reversed(self.prices) if since <= at), self.prices[0][1])


@dataclass(frozen=True, slots=True)
class Place:
    """A region, as its orders need it."""

    region_id: int
    letter: str
    schools: tuple[int, ...]
    offers: tuple[Offer, ...]
    clerks: tuple[int, ...]
    cancel_paid_hours: int
    slots: dict[int, int]  # n → slot id


@dataclass(slots=True)
class Book:
    """The rows of a slice, by table, and what they add up to."""

    random: Random
    vault: Vault
    app_id: str
    consent_id: int
    accounts: dict[Account, int]
    tables: dict[type[Base], list[tuple[Any, ...]]] = field(default_factory=lambda: {model: [] for model in COLUMNS})
    day_orders: Counter[tuple[int, OrderStatus, date]] = field(default_factory=Counter)
    day_fen: Counter[tuple[int, OrderStatus, date]] = field(default_factory=Counter)
    stock_turns: defaultdict[int, list[tuple[datetime, int]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, model: type[Base], *values: Any) -> None:
        """One row, its values in the order of COLUMNS."""
        self.tables[model].append(values)

    def register(self, customer_id: int, place: Place, at: datetime) -> None:
        """A person who registers."""
        person = invent(self.random, customer_id)
        school_id = self.random.choice(place.schools)
        openid = f"oSeed{customer_id:023d}"
        self.add(Customer, customer_id, self.app_id, openid, CustomerStatus.REGISTERED.value, school_id, at)
        sealed = self.vault.seal(person.id_number, table="identity", column="id_number", row=str(customer_id))
        id_mac = self.vault.mac(person.id_number)
        self.add(Identity, customer_id, person.name, person.phone, sealed, id_mac, at)
        for key in keys_of(person):
            self.add(IdentityKey, customer_id, key.kind, key.key)
        self.add(Consent, customer_id, CONSENT_ID_NUMBER, self.consent_id, at)
        self.add(
            Audit, at, "customer", customer_id, None, "customer_registered", "customer", customer_id, customer_id, None,
            {"consent_version": 1}, None,
        )  # fmt: skip

    def tell(self, story: Story, place: Place, ids: "Ids") -> None:
        """All rows of one order."""
        _Telling(self, story, place, ids).tell()

    def count(self, region_id: int, status: OrderStatus, at: datetime, amount_fen: int) -> None:
        """The order stands in the figures of its day."""
        key = (region_id, status, business_day(at))
        self.day_orders[key] += 1
        self.day_fen[key] += amount_fen


@dataclass(frozen=True, slots=True)
class Ids:
    """The ids of one order's rows; `first_payment` is that of an attempt that was left."""

    customer: int
    order: int
    charge: int
    payment: int | None
    first_payment: int | None


class _Telling:
    """One story, from its reservation to its end."""

    def __init__(self, book: Book, story: Story, place: Place, ids: Ids) -> None:
        random = book.random
        self.book, self.story, self.place, self.ids = book, story, place, ids
        self.offer = random.choice(place.offers)
        self.colour = random.choice(self.offer.colours)
        self.amount_fen = self.offer.price_at(story.reserved_at)
        self.number = str(VehicleNumber(place.letter, Business.SALE, story.n))
        self.order_no = f"S{story.reserved_at.astimezone(SHANGHAI):%y%m%d}{place.letter}{story.from_seq:04d}"
        self.clerk = random.choice(place.clerks)
        self.status = STATUS[story.fate]
        self.reason = self._close_reason(random)
        self.frame_no = f"LB{place.letter}{story.from_seq:07d}" if story.picked_up_at else None

    def _close_reason(self, random: Random) -> str | None:
        if self.status is not OrderStatus.CANCELLED or not self.story.by_staff:
            return None
        return random.choice(STAFF_REASONS)

    def tell(self) -> None:
        story, book = self.story, self.book
        self._order()
        self._stock_and_number()
        self._charge()
        self._audit(
            story.reserved_at,
            "order_reserved",
            {"intent": story.intent.value, "number": self.number, "amount_fen": self.amount_fen},
        )
        if story.matched_at:
            book.add(PickupAttempt, self.place.region_id, None, self.ids.customer, self.number, Answer.READY.value,
                     self.ids.order, story.matched_at)  # fmt: skip
            self._audit(story.matched_at, "number_matched", {"number": self.number})
        if story.fate is not Fate.LATE:
            self._paid()
        self._picked_up()
        self._closed()
        if story.fate is Fate.LATE:
            self._paid()
        book.count(self.place.region_id, self.status, story.reserved_at, self.amount_fen)

    def _order(self) -> None:
        story = self.story
        self.book.add(
            Order, self.ids.order, self.order_no, self.place.region_id, Business.SALE.value, self.offer.listing_id,
            self.ids.customer, f"seed-{self.place.letter}{story.from_seq}", story.intent.value, self.colour,
            self.number, self.amount_fen, self.place.cancel_paid_hours, self.status.value, 1, story.reserved_at,
            story.expires_at, story.matched_at, story.picked_up_at, self.clerk if story.picked_up_at else None,
            self.frame_no, story.closed_at, self.reason,
        )  # fmt: skip

    def _stock_and_number(self) -> None:
        story, book, listing_id = self.story, self.book, self.offer.listing_id
        book.add(
            NumberHolding, self.place.slots[story.n], self.ids.order, story.from_seq, story.to_seq, story.reserved_at,
            story.closed_at, False,
        )  # fmt: skip
        book.add(StockMovement, listing_id, -1, StockReason.RESERVED.value, self.ids.order, 1, story.reserved_at)
        book.stock_turns[listing_id].append((story.reserved_at, -1))
        if story.closed_at:
            book.add(StockMovement, listing_id, 1, StockReason.CLOSED.value, self.ids.order, 1, story.closed_at)
            book.stock_turns[listing_id].append((story.closed_at, 1))

    def _charge(self) -> None:
        story = self.story
        settles = story.fate in PAID_FATES
        status = ChargeStatus.SETTLED if settles else ChargeStatus.VOID if story.closed_at else ChargeStatus.OPEN
        self.book.add(
            Charge, self.ids.charge, self.ids.customer, self.place.region_id, Purpose.SALE.value, self.ids.order,
            self.amount_fen, status.value, story.paid_at if settles else None,
        )  # fmt: skip
        self.book.add(ChargeLine, self.ids.charge, LineKind.PRICE.value, self.amount_fen)

    def _paid(self) -> None:
        story, ids, random = self.story, self.ids, self.book.random
        if story.begun_at is None or story.paid_at is None or ids.payment is None:
            return
        nth = 1
        if ids.first_payment is not None:
            left_at = story.begun_at - timedelta(seconds=20)
            self._attempt(ids.first_payment, nth, left_at, closed_at=story.begun_at)
            nth += 1
        out_trade_no = self._out_trade_no(nth)
        transaction_id = (
            f"4200{story.paid_at.astimezone(SHANGHAI):%Y%m%d}{ord(self.place.letter):02d}{story.from_seq:08d}"
            f"{random.randrange(10**6):06d}"
        )
        late = story.fate is Fate.LATE
        status = PaymentStatus.SURPLUS if late else PaymentStatus.SETTLES
        goes_back = late or story.fate is Fate.REFUNDED
        self.book.add(
            Payment, ids.payment, ids.charge, out_trade_no, transaction_id, f"wx{random.randrange(10**30):030d}",
            status.value, self.amount_fen, self.amount_fen, self.amount_fen if goes_back else 0, story.begun_at,
            attempt_expires_at(story.expires_at, story.begun_at), story.paid_at, None,
        )  # fmt: skip
        self._audit(story.begun_at, "payment_begun", {"out_trade_no": out_trade_no})
        told = {"amount_fen": self.amount_fen, "transaction_id": transaction_id}
        self._book(
            f"payment:{transaction_id}",
            recipes.payment_received(recipes.held_on(status, Purpose.SALE), self.amount_fen),
            story.paid_at,
        )
        if late:
            self._audit(story.paid_at, "payment_surplus", told, kind="wechat")
            self._refund(out_trade_no, status, SURPLUS_REASON, story.paid_at, kind="wechat")
        else:
            self._audit(story.paid_at, "order_paid", {**told, "out_trade_no": out_trade_no}, kind="wechat")
            if goes_back and story.closed_at:
                reason = self.reason or CANCELLED_REASON
                kind = "staff" if story.by_staff else "customer"
                self._refund(out_trade_no, status, reason, story.closed_at, kind=kind)

    def _out_trade_no(self, nth: int) -> str:
        return f"{self.order_no}-{nth}-{self.book.random.randrange(16**6):06x}"

    def _attempt(self, payment_id: int, nth: int, at: datetime, *, closed_at: datetime) -> None:
        """An attempt that the person left, and that was closed at WeChat before the next one."""
        out_trade_no = self._out_trade_no(nth)
        self.book.add(
            Payment, payment_id, self.ids.charge, out_trade_no, None, None, PaymentStatus.CLOSED.value,
            self.amount_fen, None, 0, at, attempt_expires_at(self.story.expires_at, at), None, closed_at,
        )  # fmt: skip
        self._audit(at, "payment_begun", {"out_trade_no": out_trade_no})
        self._audit(closed_at, "payment_closed", {"out_trade_no": out_trade_no})

    def _refund(self, out_trade_no: str, status: PaymentStatus, reason: str, at: datetime, *, kind: str) -> None:
        out_refund_no = f"R{out_trade_no}-1"
        accepted_at, done_at = at + timedelta(seconds=3), at + timedelta(seconds=self.book.random.randint(40, 200))
        held = recipes.held_on(status, Purpose.SALE)
        told = {"amount_fen": self.amount_fen, "out_refund_no": out_refund_no}
        self.book.add(
            Refund, self.ids.payment, out_refund_no, self.amount_fen, reason, held.value, RefundStatus.DONE.value, at,
            accepted_at, done_at, None, self.clerk if kind == "staff" else None,
        )  # fmt: skip
        self._book(f"refund:{out_refund_no}", recipes.refund_wanted(held, self.amount_fen), at)
        self._book(f"refund_done:{out_refund_no}", recipes.refund_arrived(self.amount_fen), done_at)
        self._audit(at, "refund_wanted", told, kind=kind, reason=reason)
        self._audit(done_at, "refund_done", told, kind="wechat")

    def _picked_up(self) -> None:
        at = self.story.picked_up_at
        if at is None:
            return
        self.book.add(PickupAttempt, self.place.region_id, self.clerk, None, self.number, Answer.READY.value,
                      self.ids.order, at - timedelta(seconds=30))  # fmt: skip
        self._book(f"pickup:{self.ids.order}:1", recipes.handed_over(Purpose.SALE, self.amount_fen), at)
        self._audit(at, "order_picked_up", {"number": self.number, "frame_no": self.frame_no}, kind="staff")

    def _closed(self) -> None:
        story = self.story
        if story.closed_at is None:
            return
        expired = self.status is OrderStatus.EXPIRED
        kind = "job" if expired else "staff" if story.by_staff else "customer"
        told = {"number": self.number, "number_waits": False}
        self._audit(story.closed_at, f"order_{self.status}", told, kind=kind, reason=self.reason)

    def _audit(
        self, at: datetime, action: str, facts: dict[str, Any], *, kind: str = "customer", reason: str | None = None
    ) -> None:
        actor_id = {"customer": self.ids.customer, "staff": self.clerk}.get(kind)
        self.book.add(
            Audit, at, kind, actor_id, self.place.region_id, action, "order", self.ids.order, self.ids.customer,
            self.ids.order, facts, reason,
        )  # fmt: skip

    def _book(self, entry_key: str, legs: Iterable[Leg], at: datetime) -> None:
        accounts = self.book.accounts
        for nth, leg in enumerate(legs):
            self.book.add(
                LedgerTransfer, entry_key, nth, accounts[leg.debit], accounts[leg.credit], leg.amount_fen,
                Purpose.SALE.value, self.ids.customer, self.ids.order, self.place.region_id, business_day(at), at,
            )  # fmt: skip
