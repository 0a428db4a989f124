"""What bars a person, in the phone's words: why, since when, what lifts it, what still goes (decision 5)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import url_for

from app.blueprints.mobile.late_words import pay_url
from app.domain.restrictions import Cause
from app.queries.my_late_fees import MyLateFees
from app.queries.people import Freeze
from app.web.formats import yuan

HOW_LIFTED: Mapping[Cause, str] = {
    Cause.OVERDUE: "还了马上自动解冻",
    Cause.DEBT: "付清马上恢复",
    Cause.MANUAL: "由店里解冻，先联系客服",
}

DEBT_NOTE = "退押金时先扣欠费，剩下的照常退回。"


@dataclass(frozen=True, slots=True)
class Barred:
    """Somebody who can begin nothing new; where only money is missing it is no freeze."""

    title: str
    is_debt: bool  # nothing but money is missing
    freezes: Sequence[Freeze]  # oldest first
    how_lifted: Sequence[str]
    act: str

    @property
    def icon(self) -> str:
        """A lock is for a freeze alone."""
        return "cash" if self.is_debt else "lock"

    @property
    def reason(self) -> str:
        """The one that makes the title, and bars longest."""
        return next(freeze.reason for freeze in self.freezes if self.is_debt or freeze.cause is not Cause.DEBT)

    @property
    def text(self) -> str:
        """Why a button is closed."""
        return f"{self.title}：{self.reason}。"


def barred(freezes: Sequence[Freeze]) -> Barred | None:
    """None for whoever is free."""
    if not freezes:
        return None
    causes = dict.fromkeys(freeze.cause for freeze in freezes)
    is_debt = set(causes) == {Cause.DEBT}
    return Barred(
        title="有欠费未付" if is_debt else "账户已冻结",
        is_debt=is_debt,
        freezes=freezes,
        how_lifted=[HOW_LIFTED[cause] for cause in causes],
        act="去付清" if is_debt else "看怎么解冻",
    )


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that bars; the number in the middle of its sentence, if there is one, is drawn as a plate."""

    before: str
    number: str
    after: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Act:
    """A button: a page, or with `posts` a press that does something."""

    label: str
    url: str
    posts: bool = False
    icon: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenPage:
    """Everything that bars somebody, and the way out of each."""

    barred: Barred
    reasons: Sequence[Reason]
    steps: Sequence[tuple[str, str]]
    note: str  # what becomes of the deposit meanwhile, and what is added each day
    acts: Sequence[Act]  # the first is the way out


def frozen_page(
    freezes: Sequence[Freeze],
    lates: Sequence[MyLateFees],
    stores: Mapping[int, str],
    *,
    has_deposit: bool,
    deposits_wait: bool,
) -> FrozenPage | None:
    """None for whoever is free. `stores` are names by region; `deposits_wait` is the setting 冻结账户押金."""
    bars = barred(freezes)
    if bars is None:
        return None
    about = {(("rental" if late.order_id else "battery_use"), late.lent_id): late for late in lates}
    found = [(freeze, about.get((freeze.subject_kind, freeze.subject_id or 0))) for freeze in freezes]
    causes = {freeze.cause for freeze in freezes}
    return FrozenPage(
        barred=bars,
        reasons=[_reason(freeze, late) for freeze, late in found],
        steps=_steps(causes, lates, stores, has_deposit=has_deposit),
        note=DEBT_NOTE if bars.is_debt else _note(lates, deposits_wait=deposits_wait),
        acts=[*_returns(lates), *_payments(lates), Act("联系客服", url_for("mobile.contact"), icon="headset")],
    )


def _reason(freeze: Freeze, late: MyLateFees | None) -> Reason:
    before, number, after = freeze.reason.partition(late.number) if late else (freeze.reason, "", "")
    return Reason(before, number, after, freeze.since)


def _steps(
    causes: Iterable[Cause], lates: Sequence[MyLateFees], stores: Mapping[int, str], *, has_deposit: bool
) -> Sequence[tuple[str, str]]:
    steps = []
    for late in lates:
        if late.is_frozen and late.order_id:
            steps.append((f"把车还到{stores.get(late.region_id, '门店')}柜台", "归还后马上解冻"))
        elif late.is_frozen:
            steps.append((f"把电池还到{stores.get(late.region_id, '门店')}柜台", "归还后马上解冻；别的门店也收"))
    owed_fen = sum(late.owed_fen for late in lates)
    if owed_fen:
        withheld = "也可以退押金时扣除，" if has_deposit else ""
        steps.append((f"付清逾期费 {yuan(owed_fen)}", f"{withheld}付清后才能再借"))
    if Cause.MANUAL in causes:
        steps.append(("联系客服，说明情况", "店里冻结的账户，由店里解冻"))
    return steps


def _note(lates: Sequence[MyLateFees], *, deposits_wait: bool) -> str:
    kept = "冻结期间押金暂停退还，不会没收。" if deposits_wait else "没有占用的押金照常能退，先扣欠费。"
    tomorrow_fen = sum(late.tomorrow.amount_fen for late in lates if late.tomorrow)
    return f"{kept}没归还前每天再扣 {yuan(tomorrow_fen)}。" if tomorrow_fen else kept


def _returns(lates: Sequence[MyLateFees]) -> Iterable[Act]:
    for late in lates:
        if late.is_frozen and late.order_id:
            yield Act("去还车", url_for("mobile.order", order_id=late.order_id))
        elif late.is_frozen:
            yield Act("去归还电池", url_for("mobile.flash"))


def _payments(lates: Sequence[MyLateFees]) -> Sequence[Act]:
    payable = [late for late in lates if late.can_pay]
    label = f"支付 {yuan(sum(late.owed_fen for late in payable))}"
    if len(payable) == 1:
        return [Act(label, pay_url(payable[0].use_id, payable[0].order_id), posts=True)]
    return [Act(label, url_for("mobile.owed"))] if payable else []
