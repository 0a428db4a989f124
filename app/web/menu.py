"""The frame's context: the side menu shows what exists and what the actor may see."""

from typing import Any

from flask import g, request, url_for

from app.domain import labels
from app.domain.calendar import business_day
from app.domain.permissions import Permission
from app.web.current import actor, now
from app.web.formats import day_and_weekday

ENTRIES: tuple[tuple[str, str, str, *tuple[Permission, ...]] | None, ...] = (
    ("home.home", "首页", "home", Permission.HOME_VIEW),
    ("orders.sale_orders", "买车订单", "receipt", Permission.ORDERS_VIEW),
    ("orders.rental_orders", "租车订单", "calendar", Permission.ORDERS_VIEW),
    ("orders.deposits", "押金", "cash", Permission.ORDERS_VIEW),
    ("personal_center.cards", "学生证审核", "id-badge-2", Permission.CARDS_REVIEW),
    ("personal_center.restrictions", "受限用户", "lock", Permission.ORDERS_VIEW),
    ("flash_charge.flash_charge", "闪充", "battery-charging", Permission.FLASH_VIEW),
    None,
    ("pickup.counter", "柜台提车", "scan", Permission.PICKUP),
    ("finance.daily", "财务", "report-money", Permission.LEDGER_VIEW),
    ("orders.suspect_payments", "异常支付", "alert-triangle", Permission.PAYMENTS_VIEW),
    ("settings.vehicles", "车型与库存", "moped", Permission.VEHICLES_VIEW),
    ("settings.numbers", "编号与车牌", "id", Permission.NUMBERS_VIEW),
    ("files.files", "我的文件", "download", Permission.PLATES_PRINT, Permission.EXPORT),
    ("timetable.jobs", "定时任务", "clock", Permission.JOBS_VIEW),
    ("settings.settings", "设置", "settings", Permission.SETTINGS_VIEW),
)
"""(endpoint, label, icon, rights of which one is needed); None is a line. A section joins when it exists."""


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
        endpoint, label, icon, *rights = entry
        if any(who.may(right) for right in rights):
            menu.append((url_for(endpoint), label, icon, _is_here(endpoint)))
    return {
        "menu": menu,
        "actor_name": who.name,
        "actor_role": "、".join(labels.ROLE[role] for role in who.roles),
        "logout_url": url_for("auth.log_out"),
        "search_url": url_for("orders.find") if who.may(Permission.ORDERS_VIEW) else "",
        "business_day": day_and_weekday(business_day(now())),
    }


def _is_here(endpoint: str) -> bool:
    """Whether the entry is the page itself, or the one of its section that the page's address lies beneath.

    A page that could lie beneath several says which: `g.menu_entry`.
    """
    if "menu_entry" in g:
        return bool(endpoint == g.menu_entry)
    section = endpoint.partition(".")[0]
    if request.blueprint != section:
        return False
    urls = {entry[0]: url_for(entry[0]) for entry in ENTRIES if entry and entry[0].startswith(f"{section}.")}
    if request.endpoint in urls:
        return endpoint == request.endpoint
    beneath = [name for name, url in urls.items() if request.path.startswith(f"{url}/")]
    return endpoint == max(beneath or list(urls)[:1], key=lambda name: len(urls[name]))
