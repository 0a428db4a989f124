"""The page of one battery use: who, how long, its late fees, what secures it (FLA-3)."""

from flask import Response

from app.blueprints.flash_charge import words
from app.blueprints.flash_charge.disputes import USE
from app.blueprints.flash_charge.section import bp
from app.domain import labels
from app.domain.permissions import Permission
from app.queries.use_page import use_page
from app.web.current import actor, now
from app.web.guards import requires
from app.web.htmx import render
from app.web.reading import read_session
from app.web.timeline import timeline_items


@bp.get(USE)
@requires(Permission.FLASH_VIEW)
def use(use_id: int) -> Response:
    """One use."""
    found = use_page(read_session(), actor(), use_id, now())
    return render(
        "flash_charge/use.html",
        page=found,
        use=found.use,
        strip=words.strip_of_use(found, now()),
        labels=labels,
        story=timeline_items(found.entries, now()),
    )
