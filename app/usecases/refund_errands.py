"""Asking WeChat about refunds: no HTTP inside a transaction, so each act here is verb, call, verb (decision 34)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.asking import BETWEEN_REFUNDS
from app.domain.errors import RuleBroken
from app.domain.outbox import Errand
from app.domain.permissions import Actor, Permission
from app.domain.refunds import RefundStatus
from app.models.money import Payment, Refund
from app.ports import GatewayRefused, OutcomeUnknown, RefundWanted
from app.queries import due
from app.usecases import deposits, outbox
from app.usecases.checkout import Till
from app.usecases.compare_and_set import must_lock
from app.usecases.refund_notices import lock_refund, mark_refund_asked, take_refund_notice
from app.usecases.refunding import refund_anew
from app.usecases.transaction import transactional

PERMANENT_REFUSALS = frozenset({"RESOURCE_NOT_EXISTS", "PARAM_ERROR", "USER_ACCOUNT_ABNORMAL", "APPID_MCHID_NOT_MATCH"})
"""WeChat's answers to a refund that no further try will change: a person must look."""
REFUSED_OFTEN = 10
"""A refund that WeChat has refused so often (some hours) is a person's matter too, whatever the reason."""
PATIENCE = 3
"""After so many questions in a row without an answer WeChat is left alone."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What WeChat may be asked for now, or from when on it may be; neither: it has answered already."""

    wanted: RefundWanted | None = None
    waits_until: datetime | None = None


@transactional
def begin_sending(session: Session, out_refund_no: str, *, now: datetime) -> Turn:
    """Takes the turn of a refund: those of one payment go to WeChat one by one, a minute apart (BETWEEN_REFUNDS)."""
    payment_id = session.scalars(select(Refund.payment_id).where(Refund.out_refund_no == out_refund_no)).one_or_none()
    if payment_id is None:
        return Turn()
    must_lock(session, Payment, payment_id)
    refund = due.refund_to_send(session, out_refund_no)
    if refund is None:
        return Turn()
    if refund.sibling_at is not None and now < refund.sibling_at + BETWEEN_REFUNDS:
        return Turn(waits_until=refund.sibling_at + BETWEEN_REFUNDS)
    session.get_one(Refund, refund.id).asked_at = now
    return Turn(refund.wanted)


def send(till: Till, out_refund_no: str, *, actor: Actor, now: datetime) -> datetime | None:
    """Asks WeChat for a refund, by the same number every time; returns from when on, if it is too early.

    Raises GatewayRefused, OutcomeUnknown.
    """
    turn = begin_sending(out_refund_no, now=now)
    if turn.wanted is not None:
        notice = till.gateway.refund(turn.wanted)
        take_refund_notice(notice, our_mch_id=till.merchant.mch_id, vault=till.vault, actor=actor, now=now)
    return turn.waits_until


def ask(till: Till, refund_id: int, out_refund_no: str, status: RefundStatus, *, actor: Actor, now: datetime) -> bool:
    """Asks WeChat how a refund stands that stood so; whether it has moved. What it has never heard of is sent again.

    Raises GatewayRefused, OutcomeUnknown.
    """
    notice = till.gateway.query_refund(out_refund_no)
    mark_refund_asked(refund_id, now=now)
    if notice is None:
        return outbox.send_again(Errand.REFUND, out_refund_no, now=now)
    told = take_refund_notice(notice, our_mch_id=till.merchant.mch_id, vault=till.vault, actor=actor, now=now)
    return told is not status


def is_hopeless(refusal: GatewayRefused, tries: int) -> bool:
    """Whether no further try can help: too little money on the account is tried for ever."""
    return refusal.code in PERMANENT_REFUSALS or (tries >= REFUSED_OFTEN and refusal.code != "NOT_ENOUGH")


class Hindrance(StrEnum):
    """Why one more try led nowhere."""

    REFUSED = "refused"  # WeChat said no
    SILENT = "silent"  # WeChat did not answer: a job tries again
    NOT_HERE = "not_here"  # what it was for has moved on: its own page knows the way
    LEFT = "left"  # not tried: WeChat was silent before


@dataclass(frozen=True, slots=True)
class Tried:
    """One refund that was tried again, and how it stands now. `said`: WeChat's own words where it refused."""

    out_refund_no: str
    status: RefundStatus
    hindrance: Hindrance | None = None
    said: str = ""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A refund as it stands, for somebody who may try it again."""

    id: int
    out_refund_no: str
    status: RefundStatus
    deposit_id: int | None  # of a deposit that was held


@transactional
def _look_at(session: Session, refund_id: int, *, actor: Actor) -> _Seen:
    locked = lock_refund(session, refund_id, actor, Permission.ORDERS_REFUND)
    deposit_id = locked.charge.deposit_id if locked.charge and locked.is_of_held_deposit else None
    return _Seen(refund_id, locked.refund.out_refund_no, locked.refund.status, deposit_id)


def retry_all(till: Till, refund_ids: Sequence[int], *, actor: Actor, now: datetime) -> list[Tried]:
    """Each of them once more, with a result of its own; while WeChat is silent the rest is left. Decision 34.

    What WeChat has heard of is asked about; what it has not, it is asked for by the same number; what it has closed is
    wanted anew, by a new number. Raises NotFound, Forbidden: before the first one is tried.
    """
    results: list[Tried] = []
    silent = 0
    for refund in [_look_at(refund_id, actor=actor) for refund_id in refund_ids]:
        result = Tried(refund.out_refund_no, refund.status, Hindrance.LEFT)
        if silent < PATIENCE:
            result = _retry(till, refund, actor=actor, now=now)
            silent = silent + 1 if result.hindrance is Hindrance.SILENT else 0
        results.append(result)
    return results


def _retry(till: Till, refund: _Seen, *, actor: Actor, now: datetime) -> Tried:
    def still(hindrance: Hindrance, said: str = "") -> Tried:
        return Tried(refund.out_refund_no, refund.status, hindrance, said)

    try:
        if refund.status is RefundStatus.REFUSED:
            _want_anew(refund, actor=actor, now=now)
            return Tried(refund.out_refund_no, RefundStatus.REQUESTED)
        if refund.status is RefundStatus.REQUESTED:
            _send_now(till, refund.out_refund_no, actor=actor, now=now)
        else:
            ask(till, refund.id, refund.out_refund_no, refund.status, actor=actor, now=now)
    except RuleBroken:
        return still(Hindrance.NOT_HERE)
    except GatewayRefused as refusal:
        return still(Hindrance.REFUSED, str(refusal))
    except OutcomeUnknown:
        return still(Hindrance.SILENT)
    return Tried(refund.out_refund_no, _look_at(refund.id, actor=actor).status)


def _want_anew(refund: _Seen, *, actor: Actor, now: datetime) -> None:
    if refund.deposit_id is not None:
        deposits.ask_back(refund.deposit_id, actor=actor, now=now)
    else:
        refund_anew(refund.id, actor=actor, now=now)


def _send_now(till: Till, out_refund_no: str, *, actor: Actor, now: datetime) -> None:
    errand = outbox.claim(Errand.REFUND, out_refund_no, now=now)
    if errand is None:
        return  # it is being sent right now
    try:
        waits_until = send(till, out_refund_no, actor=actor, now=now)
    except OutcomeUnknown as unknown:
        outbox.put_off(errand.id, error=str(unknown), hopeless=False, now=now)
        raise
    except GatewayRefused as refusal:
        outbox.put_off(errand.id, error=str(refusal), hopeless=is_hopeless(refusal, errand.tries), now=now)
        raise
    if waits_until is None:
        outbox.mark_done(errand.id)
    else:
        outbox.wait_until(errand.id, waits_until)
