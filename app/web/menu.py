"""The frame's context: the side menu shows what exists and what the actor may see."""

from typing import Any

from flask import request, url_for

from app.domain import labels
from app.domain.calendar import business_day
from app.domain.permissions import Permission
from app.web.current import actor, now
from app.web.formats import day_and_weekday

ENTRIES: tuple[tuple[str, str, str, Permission] | None, ...] = (
    ("home.home", "首页", "home", Permission.HOME_VIEW),
    ("orders.sale_orders", "买车订单", "receipt", Permission.ORDERS_VIEW),
    None,
    ("pickup.counter", "柜台提车", "scan", Permission.PICKUP),
    ("orders.suspect_payments", "异常支付", "alert-triangle", Permission.PAYMENTS_VIEW),
    ("settings.settings", "设置", "settings", Permission.SETTINGS_VIEW),
)
"""(endpoint, label, icon, right); None is a line. A section joins when it exists."""


def frame() -> dict[str, Any]:
    """What every staff page's frame shows; nothing for anybody else."""
    who = actor()
    if not who.roles:
        return {}
    menu: list[tuple[str, str, str, bool] | None] = []
    for entry in ENTRIES:
        if entry is None:
            menu.append(None)
            continue
        endpoint, label, icon, permission = entry
        if who.may(permission):
            menu.append((url_for(endpoint), label, icon, _is_here(endpoint)))
    return {
        "menu": menu,
        "actor_name": who.name,
        "actor_role": "、".join(labels.ROLE[role] for role in who.roles),
        "logout_url": url_for("auth.log_out"),
        "search_url": url_for("orders.sale_orders") if who.may(Permission.ORDERS_VIEW) else "",
        "business_day": day_and_weekday(business_day(now())),
    }


def _is_here(endpoint: str) -> bool:
    section = endpoint.partition(".")[0]
    if endpoint == request.endpoint:
        return True
    same_section = [entry[0] for entry in ENTRIES if entry and entry[0].startswith(f"{section}.")]
    return request.blueprint == section and request.endpoint not in same_section and endpoint == same_section[0]
