"""The table URL × role × region, generated from the application and walked."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import Select, select
from werkzeug.routing import IntegerConverter, Rule
from werkzeug.test import TestResponse

from app.domain.batteries import BatteryState
from app.domain.deposits import DamageItem
from app.domain.numbering import Business
from app.domain.permissions import RIGHTS, Actor, Permission, Role
from app.domain.pictures import PhotoKind
from app.domain.printing import Stretch
from app.domain.rentals import Condition
from app.jobs import run_tasks
from app.models.batteries import Battery
from app.models.deposits import DepositWithholding
from app.models.directory import Region, School
from app.models.numbers import NumberSeries, NumberSlot
from app.models.vehicles import Plan, Price
from app.usecases import photos, tasks
from app.usecases.rentals import settle_damage
from app.usecases.settings import change_setting
from app.web.current import RUNTIME
from app.web.guards import Guard, guard_of, public
from app.web.guards import staff as any_staff
from tests.factories.bills import a_difference
from tests.factories.counter import put_photo_behind
from tests.factories.flash import a_member, a_use, some_batteries
from tests.factories.ground import SCHOOL_OF
from tests.factories.orders import a_listing_id, an_order, charge_of
from tests.factories.people import a_customer, a_member_of_staff, a_region_id
from tests.factories.pictures import a_photo
from tests.factories.rentals import a_card, a_rental_listing, a_rental_order, give_back
from tests.factories.troubles import a_parked_closing, a_payout, a_wrong_amount, suspect_of
from tests.factories.vehicles import a_model_for_sale
from tests.fixtures.actors import client_of
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient

HOME, ELSEWHERE = "A", "B"
LOGS_OUT = {"auth.log_out", "mobile.log_out"}
NEEDS_ALL_REGIONS = {
    "finance.close_sheet",
    "finance.close",
    "settings.new_region",
    "settings.add_region",
    "settings.new_model",
    "settings.add_model",
    "settings.model",
    "settings.change_model",
}
"""What a right for one region is not enough for."""


@dataclass(frozen=True)
class Samples:
    """What stands in a URL for each parameter, by the region it belongs to. A new parameter needs a line here."""

    order_id: dict[str, int]
    school_id: dict[str, int]
    version_id: dict[str, int]
    listing_id: dict[str, int]  # for staff: what their acts hide is nobody else's
    sold_id: dict[str, int]  # every region's vehicles are shown to everybody
    rented_id: dict[str, int]
    plan_id: dict[str, int]
    price_id: dict[str, int]
    card_id: dict[str, int]
    battery_id: dict[str, int]
    use_id: dict[str, int]
    customer_id: dict[str, int]
    task_id: dict[str, int]
    series_id: dict[str, int]
    slot_id: dict[str, int]
    deposit_id: dict[str, int]
    photo_id: dict[str, int]  # of what was withheld from it
    charge_id: dict[str, int]  # that was paid, and whose vehicle was handed over
    payment_id: dict[str, int]  # that does not fit
    refund_id: dict[str, int]  # that was paid outside WeChat
    outbox_id: dict[str, int]  # a closing that was parked
    item_id: dict[str, int]  # a difference of a bill
    letter: dict[str, str] = field(default_factory=lambda: {HOME: HOME, ELSEWHERE: ELSEWHERE})
    part: str = "store"
    key: str = "reservation_hours"
    token: str = "no-such-link"
    model_id: int = 1
    code: str = "A00042"
    job: str = "forget"
    name: str = "sale_orders"  # of a list that can be exported

    def fill(self, rule: Rule, region: str, **instead: str) -> str:
        """The path of a rule with the samples of a region."""
        path = rule.rule
        for name in rule.arguments:
            field_name = SHOWN.get(path.partition("<")[0], name) if name == "listing_id" else name
            sample = instead.get(name) or getattr(self, field_name)
            value = sample[region] if isinstance(sample, dict) else sample
            path = re.sub(rf"<(?:[^<>]*:)?{name}>", str(value), path)
        return path


SHOWN = {"/m/vehicles/": "sold_id", "/m/rent/": "rented_id"}
"""Which listings the phone's pages are asked for."""
OF_A_REGION = {
    *("order_id", "school_id", "version_id", "letter", "plan_id", "price_id", "card_id"),
    *("battery_id", "use_id", "customer_id", "task_id", "series_id", "slot_id", "deposit_id"),
    *("payment_id", "refund_id", "outbox_id", "item_id"),
}
"""The parameters that name something of one region: elsewhere it is not found."""


@dataclass(frozen=True)
class Door:
    """One method of one rule."""

    rule: Rule
    method: str
    guard: Guard

    @property
    def of_a_region(self) -> bool:
        staffs = {"listing_id", "charge_id"} if self.guard.kind == "staff" else set()
        return bool(self.rule.arguments & (OF_A_REGION | staffs))


def doors(app: Flask) -> Iterator[Door]:
    for rule in app.url_map.iter_rules():
        guard = guard_of(app, rule.endpoint)
        assert guard is not None, f"{rule} has no guard"
        if rule.endpoint in LOGS_OUT:
            continue
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield Door(rule, method, guard)


def word(answer: TestResponse) -> str:
    """What became of a request, in one word."""
    path = urlsplit(answer.location or "").path
    if answer.status_code == 303 and path in ("/login", "/m/login", "/m/register"):
        return path
    if answer.status_code in (401, 403, 404):
        return str(answer.status_code)
    return "in" if answer.status_code < 500 or answer.status_code == 503 else f"broken: {answer.status}"


def word_for_staff(door: Door, role: Role, region: str | None, of: str) -> str:
    """What the table says for a member of staff and something of a region."""
    if door.guard.kind == "customer":
        return "/m/login"
    if door.guard.kind != "staff":
        return word_for_strangers(door)
    if door.guard.permission is not None and door.guard.permission not in RIGHTS[role]:
        return "403"
    if "task_id" in door.rule.arguments and Permission.BATTERIES_MANAGE not in RIGHTS[role]:
        return "404"  # whoever may come in is decided by what is printed: here, labels of batteries
    if door.rule.endpoint in NEEDS_ALL_REGIONS and region is not None:
        return "403"
    if door.of_a_region and region not in (None, of):
        return "404"
    return "in"


def word_for_strangers(door: Door) -> str:
    return {"staff": "/login", "customer": "/m/login", "wechat": "401", "public": "in"}[door.guard.kind]


@pytest.fixture
def samples(app: Flask, database: Database) -> Samples:
    """One of each kind in both regions; the school's people cannot be removed with it."""
    now = app.extensions[RUNTIME].clock.now()
    owner = a_member_of_staff(app, role=Role.OWNER, region=None)
    later = now + timedelta(days=300)
    versions = {}
    for letter in (HOME, ELSEWHERE):
        with app.app_context():
            versions[letter] = change_setting(
                Samples.key,
                region_id=database.one(select(Region.id).where(Region.letter == letter)),
                value=48,
                effective_at=later,
                reason="试一试",
                actor=owner,
                now=now,
            )
    letters = (HOME, ELSEWHERE)
    rentals = {letter: a_rental_listing(database, letter) for letter in letters}
    region_id = database.one(select(Region.id).where(Region.letter == HOME))
    database.add(Battery(region_id=region_id, n=42, state=BatteryState.IN_STOCK, made_at=now))
    withheld = {letter: _something_withheld(app, database, letter) for letter in letters}
    return Samples(
        order_id={letter: an_order(app, region=letter) for letter in letters},
        school_id={a: database.one(select(School.id).where(School.name == SCHOOL_OF[a])) for a in letters},
        version_id=versions,
        listing_id=a_model_for_sale(database, "清风 S9", price_fen=1999_00, regions="".join(letters)),
        sold_id={letter: a_listing_id(app, letter) for letter in letters},
        rented_id=rentals,
        plan_id={a: database.one(select(Plan.id).where(Plan.listing_id == rental)) for a, rental in rentals.items()},
        price_id={a: database.one(select(Price.id).where(Price.listing_id == rental)) for a, rental in rentals.items()},
        card_id={letter: _a_card_with_photo(app, letter) for letter in letters},
        battery_id={letter: some_batteries(database, letter, last=2)[1] for letter in letters},
        use_id={letter: a_use(app, a_member(app, region=letter), f"{letter}00001") for letter in letters},
        customer_id={letter: a_customer(app, region=letter).id or 0 for letter in letters},
        task_id={letter: _a_print(app, letter, owner) for letter in letters},
        series_id={letter: database.one(_sale_series(letter)) for letter in letters},
        slot_id={
            letter: database.one(
                select(NumberSlot.id).where(
                    NumberSlot.series_id == _sale_series(letter).scalar_subquery(), NumberSlot.n == 9
                )
            )
            for letter in letters
        },
        deposit_id={letter: row.deposit_id for letter, row in withheld.items()},
        photo_id={letter: row.photo_id or 0 for letter, row in withheld.items()},
        charge_id={letter: charge_of(app, an_order(app, region=letter, picked_up=True)) for letter in letters},
        payment_id={letter: suspect_of(app, a_wrong_amount(app, region=letter)) for letter in letters},
        refund_id={letter: a_payout(app, region=letter) for letter in letters},
        outbox_id={letter: a_parked_closing(app, region=letter) for letter in letters},
        item_id={letter: a_difference(app, letter, days_ago=days) for days, letter in enumerate(letters, 4)},
    )


def _something_withheld(app: Flask, database: Database, region: str) -> DepositWithholding:
    """What the damage of a returned vehicle cost, with its photo."""
    runtime = app.extensions[RUNTIME]
    order_id = a_rental_order(app, database, region=region, picked_up=True)
    give_back(app, order_id, region=region, condition=Condition.DAMAGED)
    with app.app_context():
        settle_damage(
            order_id,
            items=[DamageItem("后视镜", 45_00)],
            photo=photos.store(runtime.photos, a_photo(), PhotoKind.DAMAGE),
            reason="回店时发现",
            request_key=f"damage-{order_id}",
            actor=a_member_of_staff(app, role=Role.OWNER, region=None),
            now=runtime.clock.now(),
        )
    row: DepositWithholding = database.all(select(DepositWithholding).order_by(DepositWithholding.id))[-1]
    return row


def _sale_series(letter: str) -> Select[int]:
    wanted = select(NumberSeries.id).join(Region, Region.id == NumberSeries.region_id)
    return wanted.where(Region.letter == letter, NumberSeries.business == Business.SALE)


def _a_print(app: Flask, letter: str, owner: Actor) -> int:
    """Labels that are drawn already."""
    runtime = app.extensions[RUNTIME]
    asked = {"reason": "", "request_key": f"print-{letter}", "actor": owner, "now": runtime.clock.now()}
    with app.app_context():
        task_id = tasks.ask_for_labels(a_region_id(app, letter), [Stretch(1, 1)], **asked)
        run_tasks.run(runtime, runtime.clock.now())
    return task_id


def _a_card_with_photo(app: Flask, region: str) -> int:
    card_id = a_card(app, a_customer(app, region=region), approved=False, region=region)
    put_photo_behind(app, card_id)
    return card_id


@pytest.fixture
def without_csrf(app: Flask) -> Flask:
    """The CSRF check off, so that the guard, the query or the verb is what answers."""
    app.config["WTF_CSRF_ENABLED"] = False
    return app


def test_a_new_parameter_needs_a_sample(app: Flask) -> None:
    known = set(Samples.__dataclass_fields__)
    assert {name for rule in app.url_map.iter_rules() for name in rule.arguments} - known == set()


def test_two_guards_are_refused() -> None:
    with pytest.raises(TypeError, match="two guards"):
        public(any_staff(lambda: ""))


@pytest.mark.timeout(240)
def test_url_by_role_by_region(without_csrf: Flask, samples: Samples) -> None:
    wrong, cells = [], 0
    for role in Role:
        for region in (HOME, ELSEWHERE, None):
            client = client_of(without_csrf, a_member_of_staff(without_csrf, role=role, region=region))
            for door in doors(without_csrf):
                for of in (HOME, ELSEWHERE) if door.of_a_region else (HOME,):
                    path = samples.fill(door.rule, of)
                    said = word(client.open_lawless(path, method=door.method))
                    cells += 1
                    if said != (meant := word_for_staff(door, role, region, of)):
                        wrong.append(f"{role} of {region or 'all'}: {door.method} {path}: {said}, not {meant}")
    assert wrong == []
    assert cells > 18 * 40


def test_url_by_stranger_and_customer(without_csrf: Flask, samples: Samples, client: LawfulClient) -> None:
    strange = client_of(without_csrf, a_customer(without_csrf, registered=False))
    other = client_of(without_csrf, a_customer(without_csrf, region=HOME))
    wrong = []
    for door in doors(without_csrf):
        path = samples.fill(door.rule, HOME)
        meant = {"a stranger": word_for_strangers(door)} | dict.fromkeys(
            ("a customer", "a customer without a name"), word_for_strangers(door)
        )
        if door.guard.kind == "customer":
            not_theirs = "404" if door.rule.arguments & {"order_id", "charge_id"} else "in"
            meant["a customer"] = meant["a customer without a name"] = not_theirs
            if door.guard.registered:
                meant["a customer without a name"] = "/m/register"
        who = {"a stranger": client, "a customer": other, "a customer without a name": strange}
        for name, browser in who.items():
            said = word(browser.open_lawless(path, method=door.method))
            if said != meant[name]:
                wrong.append(f"{name}: {door.method} {path}: {said}, not {meant[name]}")
    assert wrong == []


def test_an_id_that_no_row_has_is_not_found(without_csrf: Flask, samples: Samples, client: LawfulClient) -> None:
    owner = client_of(without_csrf, a_member_of_staff(without_csrf, role=Role.OWNER, region=None))
    customer = client_of(without_csrf, a_customer(without_csrf))
    wrong = []
    for door in doors(without_csrf):
        for name in door.rule.arguments:
            if not isinstance(door.rule._converters[name], IntegerConverter):
                continue
            for number in ("0", str(2**63 - 1), str(2**63), "9" * 40):
                path = samples.fill(door.rule, HOME, **{name: number})
                browser = {"staff": owner, "customer": customer}.get(door.guard.kind, client)
                answer = browser.open_lawless(path, method=door.method)
                if answer.status_code not in (303, 404, 405):  # 303: to a page that says so
                    wrong.append(f"{door.method} {path}: {answer.status}")
    assert wrong == []


def test_logging_out_needs_a_login(without_csrf: Flask, client: LawfulClient) -> None:
    assert {word(client.open_lawless(path, method="POST")) for path in ("/logout", "/m/logout")} == {
        "/login",
        "/m/login",
    }
