"""What the phone's routes share: the blueprint, its tabs, who helps, and where somebody came from."""

from urllib.parse import urlsplit

from flask import Blueprint, request, url_for

from app.blueprints.mobile.standing import Barred, barred
from app.domain.directory import ContactKind
from app.queries import directory, people
from app.web.current import actor, now, runtime
from app.web.guards import safe_next
from app.web.login import for_customers
from app.web.reading import read_session

bp = Blueprint("mobile", __name__, url_prefix="/m")
codes = Blueprint("codes", __name__)
"""What a QR opens: its address is short, so that a small label can hold it."""

LONGEST_NEXT = 500
"""Characters of an address that is kept through a log-in; it stands in a cookie meanwhile."""

Tab = tuple[str, str, str, bool]

TABS = (
    ("mobile.vehicles", "买车", "moped"),
    ("mobile.rentals", "租车", "calendar"),
    ("mobile.flash", "闪充", "battery-charging"),
    ("mobile.me", "我的", "user"),
)
"""(endpoint, label, icon) of what exists."""


def tabs() -> list[Tab]:
    """The tab bar of a top page."""
    return [(url_for(endpoint), label, icon, endpoint == request.endpoint) for endpoint, label, icon in TABS]


def customer_service(region_id: int) -> directory.ContactRow:
    """Whom the people of a region call."""
    return directory.contact(read_session(), region_id, ContactKind.CUSTOMER_SERVICE)


def bars() -> Barred | None:
    """What keeps whoever looks from beginning anything new: the buttons say so before they are pressed."""
    who = actor()
    return barred(people.freezes_of(read_session(), who.id, now())) if who.registered and who.id else None


def next_page(otherwise: str = "") -> str:
    """Where somebody wanted to go: a phone page of ours, else `otherwise` (the list of vehicles)."""
    home = otherwise or url_for("mobile.vehicles")
    target = safe_next(request.args.get("next"), otherwise=home)
    ours = len(target) <= LONGEST_NEXT and for_customers(urlsplit(target).path)
    return target if ours else home


def in_wechat() -> bool:
    """Whether WeChat's browser asks; in the demo any browser does, by the simulator's bridge."""
    return bool(runtime().bridge_url) or "MicroMessenger" in request.headers.get("User-Agent", "")


def of_customer() -> str:
    """The key of a limit that counts for one person."""
    return f"{request.endpoint}:{actor().id}"
