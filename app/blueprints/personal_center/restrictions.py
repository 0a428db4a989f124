"""受限用户: who is barred, by cause, since when, what lifts it (decision 5, PC-2)."""

from dataclasses import dataclass
from typing import Any

from flask import Response, request, url_for

from app.blueprints.personal_center.routes import bp
from app.domain import labels
from app.domain.permissions import Permission
from app.domain.restrictions import Cause
from app.queries import restricted as reads
from app.queries.paging import Key
from app.queries.restricted import LISTED, RestrictedRow
from app.web.current import actor, now
from app.web.guards import requires
from app.web.htmx import render, see_other
from app.web.reading import read_session
from app.web.regions import ALL, chosen_region, switch_entries

SIZE = 50
HEADS = (
    ("plate", "编号"),
    ("who", "用户"),
    ("school", "学校"),
    ("state", "原因"),
    ("when", "从"),
    ("text", "情况"),
    ("money", "欠"),
    ("next", "下一步"),
)
NOTHING = {
    Cause.OVERDUE: "没有因为逾期冻结的账户",
    Cause.DEBT: "没有人欠费",
    Cause.MANUAL: "没有人工冻结的账户",
}
HOW = {
    Cause.OVERDUE: "电池或租的车到了冻结日还没还，账户就自动冻结；还了自动解冻。",
    Cause.DEBT: "还了以后逾期费还没付清，就列在这里；付清、减免或从押金扣完就结清。",
    Cause.MANUAL: "在用户的页面上可以冻结和解冻。",
}
LIFTS = {Cause.OVERDUE: "还了自动解冻", Cause.DEBT: "付清就结清", Cause.MANUAL: "主管解冻"}


@dataclass(frozen=True, slots=True)
class Next:
    """The next step of a row: a link, and whether it is a sheet."""

    word: str
    url: str
    is_sheet: bool = False


@bp.get("/personal-center/restrictions")
@requires(Permission.ORDERS_VIEW)
def restrictions() -> Response:
    """One cause at a time, what has lasted longest first."""
    chosen = chosen_region(Permission.ORDERS_VIEW)
    cause = next((one for one in LISTED if one == request.args.get("tab")), LISTED[0])
    after, before = Key.parse(request.args.get("after")), Key.parse(request.args.get("before"))
    found = reads.restricted_list(
        read_session(), actor(), cause, region_id=chosen.id, after=after, before=before, size=SIZE, now=now()
    )

    def link(**changed: Any) -> str:
        region = (chosen.region.letter if chosen.region else ALL) if len(chosen.offered) > 1 else None
        kept: dict[str, Any] = {"region": region, "tab": cause if cause is not LISTED[0] else None}
        return url_for(".restrictions", **{**kept, **changed})

    if not found.page.rows and (after or before):
        return see_other(link())
    return render(
        "personal_center/restrictions.html",
        block="restricted_rows",
        regions=switch_entries(chosen),
        scope=f"{chosen.scope_words}，最久的在前",
        found=found,
        heads=HEADS,
        tabs=[(link(tab=one), labels.CAUSE[one].word, found.counts[one], one is cause) for one in LISTED],
        total=found.counts[cause],
        nothing=NOTHING[cause],
        how=HOW[cause],
        case=_case,
        next_of=_next,
        newer_url=link(before=str(found.page.newer)) if found.page.newer else "",
        older_url=link(after=str(found.page.older)) if found.page.older else "",
        labels=labels,
    )


def _case(row: RestrictedRow) -> tuple[str, str]:
    """What is so, and what lifts it."""
    if row.cause is Cause.MANUAL:
        return row.reason, LIFTS[row.cause]
    if row.cause is Cause.DEBT:
        return f"还了 {row.days} 天，逾期费没付清", LIFTS[row.cause]
    out = f"用了 {row.days} 天没还" if row.is_battery else f"逾期 {row.days} 天没还"
    return out, LIFTS[row.cause]


def _next(row: RestrictedRow) -> Next:
    """Where it is dealt with, for whoever may; else where it is read."""
    person = url_for(".standing", customer_id=row.customer_id)
    if row.cause is Cause.MANUAL:
        if actor().may(Permission.PEOPLE_FREEZE):
            return Next("解冻", url_for(".unfreeze_sheet", customer_id=row.customer_id), is_sheet=True)
        return Next("看账户", person)
    if row.cause is Cause.OVERDUE and actor().may(Permission.PICKUP):
        if row.is_battery:
            return Next("去柜台收回", url_for("pickup.battery_at_counter", code=row.number))
        return Next("去柜台还车", url_for("pickup.order_at_counter", order_id=row.order_id))
    if row.is_battery:
        return Next("看逾期费", url_for("flash_charge.use", use_id=row.use_id, _anchor="late-fees"))
    return Next("看逾期费", url_for("orders.order", order_id=row.order_id, _anchor="late-fees"))
