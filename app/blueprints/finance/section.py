"""The blueprint of the section, the tabs on top of its pages, and what several of them share."""

from typing import Any

from flask import Blueprint, request, url_for

from app.domain.permissions import Permission
from app.web.current import actor
from app.web.regions import ALL, Chosen

bp = Blueprint("finance", __name__)

TABS: tuple[tuple[str, str, Permission], ...] = (
    ("finance.daily", "日结", Permission.LEDGER_VIEW),
    ("finance.ledger", "账本", Permission.LEDGER_VIEW),
    ("finance.bills", "对账", Permission.BILLS_RECONCILE),
    ("finance.refunds", "退款", Permission.PAYMENTS_VIEW),
    ("finance.horizon", "押金到期", Permission.DEPOSITS_REFUND),
)
"""(endpoint, words, right), in the order of the page. A page beneath a tab's address belongs to that tab."""


@bp.context_processor
def tabs() -> dict[str, Any]:
    """What `finance/frame.html` shows on every page of the section: (address, words, current)."""
    urls = {url_for(endpoint): (words, permission) for endpoint, words, permission in TABS}
    beneath = [url for url in urls if request.path == url or request.path.startswith(f"{url}/")]
    here = max(beneath, key=len, default="")
    return {
        "finance_tabs": [
            (url, words, url == here) for url, (words, permission) in urls.items() if actor().may(permission)
        ]
    }


def region_kept(chosen: Chosen) -> str | None:
    """The region as links of the page repeat it; None where there is nothing to choose."""
    if len(chosen.offered) < 2:  # noqa: PLR2004  # one is no choice
        return None
    return chosen.region.letter if chosen.region else ALL


def transfers_url(**asked: Any) -> str:
    """The list of transfers that a figure is made of: `from`, `to`, `of`, `region`, `place` as the panel has them."""
    return url_for("finance.transfers", **asked)
