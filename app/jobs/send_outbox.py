"""Does the errands of the outbox: refunds, closings of payments, messages. One that fails blocks no other."""

import hashlib
import time
from datetime import datetime

from app.db import read_only_session
from app.domain import labels
from app.domain.asking import attempt_grown_at, attempt_is_young
from app.domain.outbox import Errand
from app.domain.permissions import Actor
from app.jobs._report import Report, Tally
from app.ports import GatewayRefused, OutcomeUnknown
from app.queries import due
from app.runtime import Runtime
from app.usecases import checkout, outbox, refund_errands
from app.usecases.outbox import Due

MOST_SECONDS = 45
"""A run ends after this, well before its claims do; the next one is seconds away."""
ACTOR = Actor.job("send_outbox")


def run(runtime: Runtime, now: datetime) -> Report:
    """Row by row, each claimed by compare-and-set."""
    tally = Tally("send_outbox")
    ends = time.monotonic() + MOST_SECONDS
    while time.monotonic() < ends and not tally.wechat_is_away and (errand := outbox.claim_next(now=now)):
        _do(runtime, errand, tally, now)
    return tally.report()


def _do(runtime: Runtime, errand: Due, tally: Tally, now: datetime) -> None:
    piece = f"{errand.kind} {errand.key}"
    try:
        wait_until = ERRANDS[errand.kind](runtime, errand, now)
    except OutcomeUnknown as unknown:
        outbox.put_off(errand.id, error=str(unknown), hopeless=False, now=now)
        tally.unanswered(piece, unknown)
    except GatewayRefused as refusal:
        outbox.put_off(errand.id, error=str(refusal), hopeless=_is_hopeless(errand, refusal), now=now)
        tally.unanswered(piece, refusal)
    except Exception as error:  # noqa: BLE001  # poison: told and put off, the others go on
        outbox.put_off(errand.id, error=repr(error), hopeless=False, now=now)
        tally.failed(piece, error)
    else:
        tally.answered()
        if wait_until is None:
            outbox.mark_done(errand.id)
            tally.did()
        else:
            outbox.wait_until(errand.id, wait_until)


def _is_hopeless(errand: Due, refusal: GatewayRefused) -> bool:
    if errand.kind is Errand.REFUND:
        return refund_errands.is_hopeless(refusal, errand.tries)
    return errand.kind is Errand.MESSAGE


def _refund(runtime: Runtime, errand: Due, now: datetime) -> datetime | None:
    return refund_errands.send(runtime.till, errand.payload["out_refund_no"], actor=ACTOR, now=now)


def _close_payment(runtime: Runtime, errand: Due, now: datetime) -> datetime | None:
    with read_only_session() as session:
        attempt = due.live_attempt(session, errand.payload["out_trade_no"])
    if attempt is None:
        return None
    if attempt_is_young(attempt.created_at, now):
        return attempt_grown_at(attempt.created_at)
    checkout.settle_attempt(runtime.till, attempt.out_trade_no, close=True, actor=ACTOR, now=now)
    return None


def _message(runtime: Runtime, errand: Due, _now: datetime) -> datetime | None:
    wanted = errand.payload
    with read_only_session() as session:
        openid = due.openid_of(session, wanted["customer_id"])
    if openid is None:
        raise GatewayRefused("NO_OPENID", "the person was erased")
    words = labels.message(wanted["topic"], wanted["facts"])
    url = f"{runtime.public_url}{wanted['page']}"
    runtime.messenger.send(openid, words, url, hashlib.sha256(errand.key.encode()).hexdigest()[:32])
    return None


ERRANDS = {Errand.REFUND: _refund, Errand.CLOSE_PAYMENT: _close_payment, Errand.MESSAGE: _message}
"""How each errand is done: None when it is done, else from when on it may be tried again."""
