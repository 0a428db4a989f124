"""The log of what was tried."""

from datetime import timedelta
from typing import Any

from flask import Response, request, url_for

from app.blueprints.pickup import words
from app.blueprints.pickup.forms import ANSWERS, AttemptFilterForm
from app.blueprints.pickup.section import bp, switch, this_store
from app.domain import labels
from app.domain.calendar import business_day
from app.domain.permissions import Permission
from app.domain.pickup import Answer
from app.queries.counter.attempts import AttemptFilters, AttemptRow
from app.queries.counter.attempts import attempts as attempts_of
from app.queries.paging import Key
from app.web.current import actor, now
from app.web.forms import from_query
from app.web.guards import requires
from app.web.htmx import render
from app.web.reading import read_session

PAGE_SIZE = 50


@bp.get("/pickup/attempts")
@requires(Permission.PICKUP)
def attempts() -> Response:
    """What was tried at one store on one day."""
    region, offered = this_store()
    form = from_query(AttemptFilterForm)
    day = form.day.data or business_day(now())
    chosen = form.answer.data or ""
    found = attempts_of(
        read_session(),
        actor(),
        AttemptFilters(region_id=region.id, day=day, answer=Answer(chosen) if chosen else None),
        after=Key.parse(request.args.get("after")),
        before=Key.parse(request.args.get("before")),
        size=PAGE_SIZE,
    )

    def url(**changed: Any) -> str:
        kept: dict[str, Any] = {"region": region.letter, "day": day.isoformat(), "answer": chosen or None}
        return url_for(".attempts", **{**kept, **changed})

    day_before = url(day=(day - timedelta(days=1)).isoformat())
    return render(
        "pickup/attempts.html",
        block="attempt_rows",
        region=region,
        regions=switch("attempts", region, offered),
        rows=[_as_line(row) for row in found.page.rows],
        first=found.first,
        last=found.first + len(found.page.rows) - 1,
        total=found.total,
        newer_url=url(before=found.page.newer) if found.page.newer else "",
        older_url=url(after=found.page.older) if found.page.older else "",
        list_url=url_for(".attempts"),
        widen=[*([("看全部结果", url(answer=None))] if chosen else []), ("看前一天", day_before)],
        words_chosen=f"「{labels.SCAN[Answer(chosen)]}」" if chosen else "",
        day=day,
        answers=ANSWERS,
        answer=chosen,
    )


def _as_line(row: AttemptRow) -> dict[str, object]:
    """A row of the log in words."""
    order_url = url_for("orders.order", order_id=row.order_id) if row.order_id is not None else ""
    return {
        "at": row.at,
        "plate": row.typed if words.is_whole_number(row.typed) else "",
        "typed": row.typed,
        "badge": labels.Badge(labels.SCAN[row.answer], labels.SCAN_LOOK[row.answer]),
        "number": row.number,
        "url": order_url if actor().may(Permission.ORDERS_VIEW) else "",
        "who": row.staff or "用户，在手机上",
    }
