"""What the pages of flash charge and deposits say: why a scan is refused and where to go, what a deposit waits for."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import url_for

from app.domain import labels
from app.domain.deposits import DepositKind, Tie
from app.domain.errors import Rule, RuleBroken
from app.domain.progress import Progress
from app.queries.my_orders import MyOrderRow
from app.web.formats import yuan


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal, and the way on."""

    text: str
    label: str
    url: str


def refused(broken: RuleBroken) -> Refused:
    """The words of a scan that is refused. Each has a way on of its own. Decision 23."""
    return Refused(labels.refusal(broken), *_way_on(broken))


def _way_on(broken: RuleBroken) -> tuple[str, str]:
    flash_page = url_for("mobile.flash")
    match broken.rule:
        case Rule.FLASH_NOT_OPENED:
            return "开通闪充", flash_page
        case Rule.CARD_NOT_APPROVED:
            return "看学生证", url_for("mobile.card", next=flash_page)
        case Rule.FROZEN:
            return "看怎么解冻", url_for("mobile.frozen")
        case Rule.FLASH_FEE_UNPAID:
            fee_fen = broken.facts["amount_fen"]
            return f"去付 {yuan(fee_fen)}" if isinstance(fee_fen, int) else "去付", url_for(
                "mobile.pay", charge_id=broken.facts["charge_id"]
            )
        case Rule.BATTERY_HELD:
            return "看手上的电池", flash_page
    return "扫另一块", flash_page


def days_left(progress: Progress) -> str:
    """How long a battery in hand is still free, or how late it is."""
    if progress.days_late:
        return f"逾期 {progress.days_late} 天"
    return f"还有 {progress.free_left} 天免费" if progress.free_left else "今天还免费"


TIE_TO_DO: Mapping[Tie, str] = {
    Tie.ORDER: "取消或还车后就能退",
    Tie.RENTAL: "先到柜台还车",
    Tie.DAMAGE: "店里处理完就能退",
    Tie.BATTERY: "先到柜台还电池",
    Tie.DISPUTE: "店里核实完就能退",
    Tie.FREEZE: "解冻以后就能退，押金不会没收",
    Tie.FEE: "付清就能退",
}


def what_ties(ties: tuple[Tie, ...], kind: DepositKind, rental: MyOrderRow | None) -> list[tuple[str, str, str]]:
    """What a deposit still secures, what to do about each, and the page of the reserved rental; else no page."""
    return [_tied(tie, kind, rental) for tie in ties]


def _tied(tie: Tie, kind: DepositKind, rental: MyOrderRow | None) -> tuple[str, str, str]:
    if tie is not Tie.ORDER or rental is None:
        return labels.TIE[tie], TIE_TO_DO[tie], ""
    to_do = "取消或还车后自动退" if kind is DepositKind.RENTAL else TIE_TO_DO[tie]
    return f"还押着编号 {rental.number} 的租车预约", to_do, url_for("mobile.order", order_id=rental.order_id)
