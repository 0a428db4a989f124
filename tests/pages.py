"""Every page that the application has, in its main states: for the pictures and for the checks that no page escapes.

Built from the application's own URLs, so that a new page is here without being written down.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any

from flask import Flask
from sqlalchemy import func, select

from app.documents.sheets import Format
from app.domain.calendar import business_day
from app.domain.deposits import DepositKind
from app.domain.numbering import Business
from app.domain.permissions import Actor
from app.domain.printing import Stretch
from app.domain.refunds import RefundStatus
from app.domain.rentals import Condition
from app.domain.settings import CATALOGUE, FLASH_PRICE, RENTAL_LATE_FEE
from app.jobs import run_tasks
from app.models.cards import Photo, StudentCard
from app.models.money import LedgerTransfer
from app.queries.exports import Export
from app.queries.my_late_fees import my_late_fees
from app.usecases import (
    batteries,
    cards,
    closed_days,
    deposits,
    flash_charge,
    job_runs,
    late_fees,
    orders,
    refunding,
    tasks,
)
from app.usecases.day_closing import close_day
from app.usecases.exports import ask_for_export
from app.usecases.settings import change_setting
from app.web.current import RUNTIME
from app.web.guards import guard_of
from tests.factories.bills import a_difference
from tests.factories.flash import a_member, a_use, take_back
from tests.factories.ground import PRICE_FEN
from tests.factories.ledger import bills_of
from tests.factories.orders import a_listing_id, an_order, charge_of, order_of
from tests.factories.people import a_customer, a_member_of_staff, a_region_id
from tests.factories.pictures import a_photo
from tests.factories.reading import read
from tests.factories.rentals import a_card, a_deposit, a_rental_order, deposits_of, give_back
from tests.factories.settings import a_setting
from tests.factories.troubles import (
    a_failed_refund,
    a_parked_closing,
    a_wrong_amount,
    money_that_names_no_order,
    paid_twice,
    refund_of,
    stray_payment,
)
from tests.fixtures.actors import client_of, log_in_browser
from tests.fixtures.browser import OpenContext
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient

if TYPE_CHECKING:
    from playwright.sync_api import Page as BrowserPage

NO_STATE = ""
EXTRA = {
    "staff": (("no-such-page", "/no-such-page"),),
    "customer": (("no-such-page", "/m/no-such-page"),),
}
"""Pages without a URL of their own."""
FILTERED = {
    "orders.sale_orders": ("none-found", "?q=AM9999"),
    "orders.rental_orders": ("late", "?todo=late"),
    "orders.deposits": ("damage", "?tab=damage"),
    "personal_center.cards": ("refused", "?tab=rejected"),
    "personal_center.restrictions": ("debts", "?tab=debt"),
    "timetable.job_page": ("failed", "?only=failed"),
    "timetable.preview": ("no-such-day", "?on=2020-01-01"),
}
"""Pages whose query makes another state: endpoint → name of the state, query."""
OF_FLASH = {
    "mobile.flash": ("card-waits", "card-refused", "member", "owes", "using", "late", "frozen", "in-debt", "left"),
    "mobile.flash_exchange": ("using",),
    "mobile.flash_leave": ("member", "owes", "using", "late", "in-debt"),
    "mobile.flash_uses": ("using", "in-debt"),
    "mobile.card": ("card-waits", "card-refused", "member"),
    "mobile.deposits": ("member", "using", "late", "left"),
    "mobile.frozen": ("frozen", "in-debt"),
    "mobile.owed": ("late", "frozen", "in-debt", "owes"),
    "mobile.me": ("late", "frozen", "in-debt"),
    "mobile.vehicle": ("frozen",),
    "codes.battery": ("member", "owes", "using"),
}
"""Pages of flash charge, student cards and deposits, and the people who see them in a state of their own."""
IN_FINANCE = {
    "daily-closed": "/finance?day={closed}",
    "close-sheet": "/finance/close?day={next}",
    "bills-opened": "/finance/bills?tab=waiting&item={item}",
    "bills-nothing": "/finance/bills?tab=resolved",
    "ledger-of-a-day": "/finance/ledger?day={closed}",
    "transfers-of-a-person": "/finance/ledger/transfers?customer={customer}",
    "transfers-none-found": "/finance/ledger/transfers?q=AM9999",
}
"""Pages of finance in states of their own: of the day that is closed, the next one, somebody."""
IN_FLASH_CHARGE = {
    "battery-in-stock": "/flash-charge/batteries/1",
    "battery-in-use": "/flash-charge/batteries/2",
    "battery-asked-back": "/flash-charge/batteries/3",
    "battery-frozen": "/flash-charge/batteries/4",
    "use-late": "/flash-charge/uses/5",
    "use-in-debt": "/flash-charge/uses/2",
    "waiving-all": "/flash-charge/uses/2/waive?all=1",
    "battery-moving": "/flash-charge/batteries/1/move?to=scrapped",
    "battery-lost-by-somebody": "/flash-charge/batteries/4/lost",
    "number-unknown": "/flash-charge?number=A99999",
    "nothing-disputed": "/flash-charge?span=disputed",
    "print-ready": "/files/1",
    "print-waits": "/files/2",
    "export-waits": "/files/3",
    "series-nothing-waits": "/settings/numbers/1?state=waiting",
    "series-number-unknown": "/settings/numbers/1?q=XY12",
}
"""Pages of flash charge, prints and numbers in states of their own: those of A00001 to A00004 (`_people_of_flash`)."""
OLD_DEPOSITS = {340: "renew", 370: "outside"}
"""Deposits so many days old, and the sheet that each has."""
OF_RENTING = {
    "mobile.order": (
        "rents",
        "sent-card",
        "chose-deposit",
        "at-store",
        "pays-fee",
        "collects",
        "rides",
        "is-late",
        "gave-back",
        "broke-it",
    ),
    "mobile.renting": ("sent-card", "chose-deposit"),
    "mobile.pay": ("chose-deposit", "pays-fee"),
    "mobile.payment_result": ("collects",),
    "mobile.number": ("at-store",),
    "mobile.cancel": ("at-store", "collects"),
    "mobile.rental": ("rents", "gave-back"),
    "mobile.me": ("rents", "collects", "rides", "is-late"),
    "mobile.orders_list": ("rides", "is-late", "gave-back"),
}
"""Pages of renting, and the people who see them with an order of their own."""
AT_THE_COUNTER = {
    "out": "/pickup/batteries/A00002",
    "late": "/pickup/batteries/A00003",
    "taken-in": "/pickup?battery=A00001&done=taken_in",
    "given-back": "/pickup?battery=A00001&done=battery_returned",
    "of-somebody-else": "/pickup/batteries/A00002/take-in",
}
"""Batteries at the counter beside the one in stock: name of the state, path."""


@dataclass(frozen=True, slots=True)
class AppPage:
    """One page in one state, as one person sees it."""

    name: str
    path: str
    who: str  # stranger | staff | customer | visitor, or one of `World.flash` or `World.renters`

    def __str__(self) -> str:
        return f"{self.name} as {self.who}"


@dataclass(frozen=True, slots=True)
class Renter:
    """Somebody who rents, and what their pages are about."""

    actor: Actor
    order_id: int
    charge_id: int  # what they pay next, or paid last
    listing_id: int


@dataclass(slots=True)
class World:
    """Somebody at a desk, somebody with a phone, and an order of theirs in every state."""

    app: Flask
    staff: Actor
    customer: Actor
    visitor: Actor
    order_ids: Mapping[str, int]
    flash: Mapping[str, Actor]  # people by how flash charge stands for them
    renters: Mapping[str, Renter]  # by how far they have come
    arguments: Mapping[str, object] = field(default_factory=dict)

    def actor(self, who: str) -> Actor | None:
        if who in self.renters:
            return self.renters[who].actor
        return {"staff": self.staff, "customer": self.customer, "visitor": self.visitor, **self.flash}.get(who)

    def client(self, who: str) -> LawfulClient:
        """A client that is logged in as that person."""
        actor = self.actor(who)
        client = client_of(self.app, actor) if actor else self.app.test_client()
        assert isinstance(client, LawfulClient)
        return client


def make_world(app: Flask) -> World:
    """People and orders to look at."""
    now = app.extensions[RUNTIME].clock.now()
    staff = a_member_of_staff(app, role="owner", region=None, name="沈店主")
    customer = a_customer(app, name="王晓涵", region="A")

    def order(days_ago: float, *, matched: bool = False, paid: bool = False, picked_up: bool = False) -> int:
        at = now - timedelta(days=days_ago)
        return an_order(app, customer=customer, now=at, matched=matched, paid=paid, picked_up=picked_up)

    with app.app_context():
        orders.expire_order(expired := order(20), actor=Actor.job("tests"), now=now - timedelta(days=10))
        orders.cancel_order(cancelled := order(9), reason="", actor=customer, now=now - timedelta(days=8))
        orders.cancel_order(refunded := order(7, paid=True), reason="颜色没有了", actor=staff, now=now)
    states = {
        "expired": expired,
        "cancelled": cancelled,
        "cancelled-paid": refunded,
        "completed": order(6, picked_up=True),
        "paid": order(1.5, paid=True),
        "reserved": order(0.1),
        "matched": order(0, matched=True),
    }
    renters = _renters(app, now)
    arguments = {
        "listing_id": a_listing_id(app, "A"),
        "charge_id": charge_of(app, states["matched"]),
        "region_id": a_region_id(app, "A"),
        "letter": "A",
        "key": next(iter(CATALOGUE)),
        "token": "used-up",
        "code": "A00020",
        "job": "send_outbox",
    }
    visitor = a_customer(app, registered=False)
    with app.app_context():
        soon = business_day(now) + timedelta(days=3)
        closed_days.declare(region_id=None, first=soon, last=soon, reason="盘点", actor=staff, now=now)
        job_runs.want_run("remind", actor=staff, now=now)
    flash = _people_of_flash(app, staff, now)
    with read(app) as session:
        waits = select(StudentCard.id).where(StudentCard.customer_id == flash["card-waits"].id)
        arguments["card_id"] = session.scalars(waits).one()
    arguments["deposit_id"] = deposits_of(app, flash["member"])[0].id
    arguments["customer_id"] = flash["in-debt"].id
    for days in OLD_DEPOSITS:
        arguments[f"deposit_{days}"] = deposits_of(app, a_member(app, now=now - timedelta(days=days)))[0].id
    arguments |= _money_that_waits(app, staff, customer, states["completed"])
    arguments["closed_on"] = _a_closed_day(app, staff, now)
    arguments["item_id"] = a_difference(app)
    with read(app) as session:
        late = my_late_fees(session, flash["late"], now)[0]
    with app.app_context():
        arguments["quote_id"] = late_fees.quote(late.kind, late.lent_id, actor=flash["late"], now=now)
    return World(app, staff, customer, visitor, states, flash, renters, arguments)


def _a_closed_day(app: Flask, owner: Actor, now: datetime) -> date:
    """The first day with money is closed, the next one can be."""
    database = Database(app.config["SQLALCHEMY_DATABASE_URI"])
    first: date = database.one(select(func.min(LedgerTransfer.booked_on)))
    for day in (first, first + timedelta(days=1)):
        bills_of(database, day)
    database.close()
    with app.app_context():
        close_day(first, actor=owner, now=now)
    return first


def _money_that_waits(app: Flask, owner: Actor, customer: Actor, order_id: int) -> Mapping[str, object]:
    """Refunds in every state, and money that does not fit, which may have been for several orders."""
    now = app.extensions[RUNTIME].clock.now()
    stuck = refund_of(app, a_failed_refund(app)).id
    a_failed_refund(app, status=RefundStatus.REFUSED)
    a_wrong_amount(app)
    paid_twice(app)
    a_parked_closing(app)
    part_refunded = an_order(app, customer=customer, now=now - timedelta(days=4), picked_up=True)
    with app.app_context():
        refunding.refund_charge(
            charge_of(app, part_refunded),
            amount_fen=100_00,
            reason="车辆有问题：刹车响",
            note="换过一次刹车片",
            request_key="pages",
            actor=owner,
            now=now - timedelta(hours=3),
        )
    return {
        "refund_id": stuck,
        "payment_id": stray_payment(app, money_that_names_no_order(app, amount_fen=PRICE_FEN)),
        "part_refunded": part_refunded,
        "collected_charge": charge_of(app, order_id),
    }


def _renters(app: Flask, now: datetime) -> Mapping[str, Renter]:
    """Somebody at every step of a rental."""
    database = Database(app.config["SQLALCHEMY_DATABASE_URI"])
    people = {name: a_customer(app, name="周雨") for name in OF_RENTING["mobile.order"]}
    a_setting(app, database, RENTAL_LATE_FEE, 8_00)
    far: dict[str, dict[str, Any]] = {
        "rents": {"card": False, "deposit": None},
        "sent-card": {"deposit": None},
        "chose-deposit": {"deposit": None},
        "at-store": {"business": Business.MINI_RENTAL},
        "pays-fee": {"matched": True},
        "collects": {"paid": True},
        "rides": {"picked_up": True, "now": now - timedelta(days=11)},
        "is-late": {"picked_up": True, "now": now - timedelta(days=37)},
        "gave-back": {"returned": True, "now": now - timedelta(days=9)},
        "broke-it": {"picked_up": True, "now": now - timedelta(days=5)},
    }
    renters = {}
    for name, steps in far.items():
        order_id = a_rental_order(app, database, customer=people[name], **steps)
        charge_id = charge_of(app, order_id)
        if name == "chose-deposit":
            charge_id = a_deposit(app, people[name], DepositKind.RENTAL, order_id=order_id, paid=False)
        renters[name] = Renter(people[name], order_id, charge_id, order_of(app, order_id).listing_id)
    database.close()
    give_back(app, renters["broke-it"].order_id, condition=Condition.DAMAGED)
    return renters


def _people_of_flash(app: Flask, owner: Actor, now: datetime) -> Mapping[str, Actor]:
    """Somebody in every state of flash charge; the battery A00020 is in stock."""
    with app.app_context():
        batteries.make(a_region_id(app, "A"), first=1, last=20, actor=owner, now=now)
    people = {name: a_customer(app, name="许诺") for name in ("card-waits", "card-refused")}
    members = ("member", "left", "using", "late", "frozen", "in-debt", "owes")
    people |= {name: a_member(app, now=now - timedelta(days=60)) for name in members}
    a_card(app, people["card-waits"], approved=False)
    refused = a_card(app, people["card-refused"], approved=False)
    take_back(app, a_use(app, people["using"], "A00001", now=now - timedelta(days=40)), now=now - timedelta(days=30))
    take_back(app, a_use(app, people["in-debt"], "A00005", now=now - timedelta(days=20)), now=now - timedelta(days=4))
    for number, (name, days) in enumerate((("using", 11), ("late", 16), ("frozen", 30)), 2):
        a_use(app, people[name], f"A{number:05d}", now=now - timedelta(days=days))
    with app.app_context():
        cards.reject(refused, reason="照片看不清姓名", actor=owner, now=now)
        flash_charge.ask_return(actor=people["late"], now=now)
        change_setting(
            FLASH_PRICE.key, region_id=None, value=3_00, effective_at=None, reason="开始收费", actor=owner, now=now
        )
    take_back(app, a_use(app, people["owes"], "A00009", now=now))
    region_id, runtime = a_region_id(app, "A"), app.extensions[RUNTIME]
    with app.app_context():
        for key, wanted in (("drawn", Stretch(1, 3)), ("waits", Stretch(4, 6))):
            tasks.ask_for_labels(region_id, [wanted], reason="", request_key=key, actor=owner, now=now)
            if key == "drawn":
                run_tasks.run(runtime, now)
        with read(app) as session:
            export = Export(session, runtime.exports["sale_orders"], {"range": "all"}, None, owner, now)
        ask_for_export(
            export, Format.XLSX, count=41_200, request_key="export", vault=runtime.vault, actor=owner, now=now
        )
    deposit_id = next(row.id for row in deposits_of(app, people["left"]))
    with app.app_context():
        deposits.ask_back(deposit_id, actor=people["left"], now=now)
    with read(app) as session:
        for key in session.scalars(select(Photo.key)):
            app.extensions[RUNTIME].photos.put(key, a_photo(size=(600, 400)))
    return people


def pages(world: World) -> Iterator[AppPage]:
    """Every page that answers with HTML and 200, 403, 404 or 410; redirects and machines' answers are left out."""
    clients = {
        who: world.client(who) for who in ("stranger", "staff", "customer", "visitor", *world.flash, *world.renters)
    }
    found = (
        _candidates(world),
        _of_renting(world),
        _at_the_counter(world),
        _in_flash_charge(world),
        _in_orders(world),
        _in_finance(world),
    )
    for page in chain(*found):
        answer = clients[page.who].open_lawless(page.path)
        if answer.mimetype == "text/html" and answer.status_code not in (301, 302, 303):
            yield page


def _candidates(world: World) -> Iterator[AppPage]:
    for rule in sorted(world.app.url_map.iter_rules(), key=lambda rule: rule.rule):
        guard = guard_of(world.app, rule.endpoint)
        if guard is None or "GET" not in (rule.methods or ()):
            continue
        name = rule.endpoint.replace(".", "-").replace("_", "-")
        whose = {"staff": ["staff"], "public": ["stranger"], "customer": ["customer"]}.get(guard.kind, [])
        if guard.kind == "customer" and not guard.registered and "order_id" not in rule.arguments:
            whose.append("visitor")
        if guard.kind == "public" and rule.rule.startswith("/m"):
            whose.append("customer")
        for who in (*whose, *OF_FLASH.get(rule.endpoint, ())):
            for state, path in _filled(world, rule.rule):
                yield AppPage("-".join(filter(None, (name, state))), path, who)
                if extra := FILTERED.get(rule.endpoint):
                    yield AppPage(f"{name}-{extra[0]}", path + extra[1], who)
    for who, found in EXTRA.items():
        yield from (AppPage(name, path, who) for name, path in found)


def _of_renting(world: World) -> Iterator[AppPage]:
    for endpoint, renters in OF_RENTING.items():
        (rule,) = (rule for rule in world.app.url_map.iter_rules(endpoint) if "GET" in (rule.methods or ()))
        for who in renters:
            renter = world.renters[who]
            ids = {"order_id": renter.order_id, "charge_id": renter.charge_id, "listing_id": renter.listing_id}
            yield AppPage(endpoint.replace(".", "-").replace("_", "-"), _with(rule.rule, ids), who)


def _at_the_counter(world: World) -> Iterator[AppPage]:
    """What the counter answers to a rental at every step, and to batteries."""
    for name, renter in world.renters.items():
        yield AppPage(f"pickup-order-at-counter-{name}", f"/pickup/orders/{renter.order_id}", "staff")
    for name, path in AT_THE_COUNTER.items():
        yield AppPage(f"pickup-battery-{name}", path, "staff")


def _in_finance(world: World) -> Iterator[AppPage]:
    closed = world.arguments["closed_on"]
    assert isinstance(closed, date)
    for name, path in IN_FINANCE.items():
        ids = {"customer": world.customer.id, "item": world.arguments["item_id"]}
        filled = path.format(closed=closed, next=closed + timedelta(days=1), **ids)
        yield AppPage(f"finance-{name}", filled, "staff")


def _in_flash_charge(world: World) -> Iterator[AppPage]:
    yield AppPage("mobile-pay-late-fees", f"/m/pay/{world.arguments['quote_id']}", "late")
    for name, path in IN_FLASH_CHARGE.items():
        yield AppPage(f"flash-charge-{name}", path, "staff")


def _in_orders(world: World) -> Iterator[AppPage]:
    """A rental at every step, and its sheets; and those of old deposits."""
    for days, sheet in OLD_DEPOSITS.items():
        path = f"/finance/horizon/{world.arguments[f'deposit_{days}']}/{sheet}"
        yield AppPage(f"finance-horizon-{sheet}", path, "staff")
    for name, renter in world.renters.items():
        yield AppPage(f"orders-order-{name}", f"/orders/{renter.order_id}", "staff")
    yield AppPage("orders-cancel-sheet-rental", f"/orders/{world.renters['collects'].order_id}/cancel", "staff")
    part_refunded, charge_id = world.arguments["part_refunded"], world.arguments["collected_charge"]
    yield AppPage("orders-order-part-refunded", f"/orders/{part_refunded}", "staff")
    yield AppPage("mobile-order-part-refunded", f"/m/orders/{part_refunded}", "customer")
    yield AppPage("orders-refund-charge-sheet-of-sale", f"/orders/charges/{charge_id}/refund", "staff")
    suspect, owed = world.arguments["payment_id"], charge_of(world.app, world.order_ids["matched"])
    yield AppPage("orders-attach-sheet-chosen", f"/orders/suspects/{suspect}/attach?charge={owed}", "staff")
    yield AppPage("orders-damage-sheet", f"/orders/{world.renters['broke-it'].order_id}/damage", "staff")


def _filled(world: World, rule: str) -> Iterator[tuple[str, str]]:
    """The URL with its arguments, once for each state of an order if it is about one."""
    if "order_id>" not in rule:
        yield NO_STATE, _with(rule, world.arguments)
        return
    for state, order_id in world.order_ids.items():
        yield state, _with(rule, {**world.arguments, "order_id": order_id})


def _with(rule: str, arguments: Mapping[str, object]) -> str:
    return re.sub(r"<(?:[^:<>]+:)?([^:<>]+)>", lambda found: str(arguments.get(found[1], 1)), rule)


def opened(world: World, open_context: OpenContext, url: str, who: str, size: dict[str, object]) -> "BrowserPage":
    """A real browser of that person."""
    context = open_context(size)
    if actor := world.actor(who):
        log_in_browser(world.app, context, actor, url)
    return context.new_page()
