"""Every page that the application has, in its main states: for the pictures and for the checks that no page escapes.

Built from the application's own URLs, so that a new page is here without being written down.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from flask import Flask

from app.domain.permissions import Actor
from app.domain.settings import CATALOGUE
from app.usecases import orders
from app.web.current import RUNTIME
from app.web.guards import guard_of
from tests.factories.orders import a_listing_id, an_order
from tests.factories.people import a_customer, a_member_of_staff, a_region_id
from tests.fixtures.actors import client_of, log_in_browser
from tests.fixtures.browser import OpenContext
from tests.fixtures.house_law import LawfulClient

if TYPE_CHECKING:
    from playwright.sync_api import Page as BrowserPage

NO_STATE = ""
EXTRA = {
    "staff": (("no-such-page", "/no-such-page"),),
    "customer": (("no-such-page", "/m/no-such-page"),),
}
"""Pages without a URL of their own."""
FILTERED = {"orders.sale_orders": ("none-found", "?q=AM9999")}
"""Pages whose query makes another state: endpoint → name of the state, query."""


@dataclass(frozen=True, slots=True)
class AppPage:
    """One page in one state, as one person sees it."""

    name: str
    path: str
    who: str  # stranger | staff | customer | visitor

    def __str__(self) -> str:
        return f"{self.name} as {self.who}"


@dataclass(slots=True)
class World:
    """Somebody at a desk, somebody with a phone, and an order of theirs in every state."""

    app: Flask
    staff: Actor
    customer: Actor
    visitor: Actor
    order_ids: Mapping[str, int]
    arguments: Mapping[str, object] = field(default_factory=dict)

    def actor(self, who: str) -> Actor | None:
        return {"staff": self.staff, "customer": self.customer, "visitor": self.visitor}.get(who)

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
    arguments = {
        "listing_id": a_listing_id(app, "A"),
        "region_id": a_region_id(app, "A"),
        "letter": "A",
        "key": next(iter(CATALOGUE)),
        "token": "used-up",
    }
    visitor = a_customer(app, registered=False)
    return World(app, staff, customer, visitor, states, arguments)


def pages(world: World) -> Iterator[AppPage]:
    """Every page that answers with HTML and 200, 403, 404 or 410; redirects and machines' answers are left out."""
    clients = {who: world.client(who) for who in ("stranger", "staff", "customer", "visitor")}
    for page in _candidates(world):
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
        for who in whose:
            for state, path in _filled(world, rule.rule):
                yield AppPage("-".join(filter(None, (name, state))), path, who)
                if extra := FILTERED.get(rule.endpoint):
                    yield AppPage(f"{name}-{extra[0]}", path + extra[1], who)
    for who, found in EXTRA.items():
        yield from (AppPage(name, path, who) for name, path in found)


def _filled(world: World, rule: str) -> Iterator[tuple[str, str]]:
    """The URL with its arguments, once for each state of an order if it is about one."""
    path = re.sub(r"<(?:[^:<>]+:)?(?!order_id>)([^:<>]+)>", lambda found: str(world.arguments.get(found[1], 1)), rule)
    if "order_id>" not in path:
        yield NO_STATE, path
        return
    for state, order_id in world.order_ids.items():
        yield state, re.sub(r"<(?:[^:<>]+:)?order_id>", str(order_id), path)


def opened(world: World, open_context: OpenContext, url: str, who: str, size: dict[str, object]) -> "BrowserPage":
    """A real browser of that person."""
    context = open_context(size)
    if actor := world.actor(who):
        log_in_browser(world.app, context, actor, url)
    return context.new_page()
