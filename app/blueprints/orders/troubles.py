"""Money that waits for a person: read and compared here, not moved."""

from flask import Response, request

from app.blueprints.orders import words
from app.blueprints.orders.forms import USUAL_SIZE, TroubleForm
from app.blueprints.orders.listing import query_url
from app.blueprints.orders.section import bp
from app.domain.permissions import Permission
from app.queries import suspects
from app.queries.paging import Key
from app.queries.suspects import Trouble
from app.web.current import actor
from app.web.forms import from_query
from app.web.guards import requires
from app.web.htmx import render
from app.web.reading import read_session
from app.web.regions import ALL, chosen_region, switch_entries

NAMES = {Trouble.PAYMENT: "异常支付", Trouble.REFUND: "退款异常", Trouble.ERRAND: "没送到"}


@bp.get("/orders/suspects")
@requires(Permission.PAYMENTS_VIEW)
def suspect_payments() -> Response:
    """Payments that do not fit, refunds that did not arrive, errands that were parked: of orders and deposits alike."""
    chosen = chosen_region(Permission.PAYMENTS_VIEW)
    form = from_query(TroubleForm)
    trouble = next((one for one in Trouble if one == form.kind.data), None)
    counts = suspects.trouble_counts(read_session(), actor(), region_id=chosen.id)
    found = suspects.trouble_page(
        read_session(),
        actor(),
        region_id=chosen.id,
        trouble=trouble,
        after=Key.parse(request.args.get("after")),
        before=Key.parse(request.args.get("before")),
        size=form.size.data,
    )

    def link(**changed: str | None) -> str:
        region = (chosen.region.letter if chosen.region else ALL) if len(chosen.offered) > 1 else None
        size = str(form.size.data) if form.size.data != USUAL_SIZE else None
        return query_url(".suspect_payments", {"region": region, "kind": trouble, "size": size, **changed})

    tabs = [(link(kind=None), "全部", sum(counts.values()), trouble is None)]
    tabs += [(link(kind=one), NAMES[one], counts[one], trouble is one) for one in Trouble]
    return render(
        "orders/suspects.html",
        block="trouble_rows",
        chosen=chosen,
        regions=switch_entries(chosen),
        scope=f"{chosen.scope_words}，新的在前",
        found=found,
        total=counts[trouble] if trouble else sum(counts.values()),
        tabs=tabs,
        newer_url=link(before=str(found.page.newer)) if found.page.newer else "",
        older_url=link(after=str(found.page.older)) if found.page.older else "",
        words=words,
        here=link(),
    )
