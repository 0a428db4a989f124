"""What the counter's routes share: the blueprint, its store, and the order that a URL names."""

from flask import Blueprint, request, url_for

from app.domain.errors import NotFound
from app.domain.numbering import BatteryNumber
from app.domain.permissions import Permission
from app.queries import directory
from app.queries.counter.batteries import CounterBattery, counter_battery
from app.queries.counter.orders import CounterOrder, counter_order
from app.queries.directory import RegionRow
from app.web.current import actor, now
from app.web.reading import read_session
from app.web.regions import ALL, one_region

bp = Blueprint("pickup", __name__)

ORDER = "/pickup/orders/<int:order_id>"
BATTERY = "/pickup/batteries/<code>"


def this_store() -> tuple[RegionRow, tuple[RegionRow, ...]]:
    """The store of this page, and those to switch to. Raises NotFound for a region where the actor does not work."""
    chosen = one_region(Permission.PICKUP)
    asked = request.args.get("region", ALL)
    if chosen.region is None or asked not in (ALL, chosen.region.letter):
        raise NotFound
    return chosen.region, chosen.offered


def region_of(order: CounterOrder) -> RegionRow:
    """The region of an order that the actor may see."""
    offered = directory.regions_of(read_session(), actor(), Permission.PICKUP)
    return next(region for region in offered if region.id == order.region_id)


def order_of(order_id: int) -> CounterOrder:
    """The order as it stands now. Raises NotFound."""
    return counter_order(read_session(), actor(), order_id, now())


def battery_of(code: str) -> CounterBattery | None:
    """The battery of a number in a URL, as it stands now; None where there is none."""
    try:
        number = BatteryNumber.parse(code)
    except ValueError:
        return None
    return counter_battery(read_session(), actor(), number, now())


def switch(
    endpoint: str, region: RegionRow, offered: tuple[RegionRow, ...] | list[RegionRow]
) -> list[tuple[str, str, str, bool]]:
    """The stores that the actor works in: (url, letter, label, current)."""
    return [(url_for(f".{endpoint}", region=row.letter), row.letter, row.name, row.id == region.id) for row in offered]
