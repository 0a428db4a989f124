"""Does the errands of the outbox: refunds, closings of payments, messages. One that fails blocks no other."""

import hashlib
import time
from datetime import datetime

from app.db import read_only_session
from app.domain import labels
from app.domain.asking import BETWEEN_REFUNDS, attempt_grown_at, attempt_is_young
from app.domain.outbox import Errand
from app.domain.permissions import Actor
from app.jobs._report import Report, Tally
from app.ports import GatewayRefused, OutcomeUnknown
from app.queries import due
from app.runtime import Runtime
from app.usecases import checkout, outbox, refund_notices
from app.usecases.outbox import Due

MOST_SECONDS = 45
"""A run ends after this, well before its claims do; the next one is seconds away."""
PERMANENT_REFUSALS = frozenset({"RESOURCE_NOT_EXISTS", "PARAM_ERROR", "USER_ACCOUNT_ABNORMAL", "APPID_MCHID_NOT_MATCH"})
"""WeChat's answers to a refund that no further try will change: a person must look."""
REFUSED_OFTEN = 10
"""A refund that WeChat has refused so often (some hours) is a person's matter too, whatever the reason."""
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
        out_of_money = refusal.code == "NOT_ENOUGH"
        return refusal.code in PERMANENT_REFUSALS or (errand.tries >= REFUSED_OFTEN and not out_of_money)
    return errand.kind is Errand.MESSAGE


def _refund(runtime: Runtime, errand: Due, now: datetime) -> datetime | None:
    with read_only_session() as session:
        refund = due.refund_to_send(session, errand.payload["out_refund_no"])
    if refund is None:
        return None
    if refund.sibling_at is not None and now < refund.sibling_at + BETWEEN_REFUNDS:
        return refund.sibling_at + BETWEEN_REFUNDS
    refund_notices.mark_refund_asked(refund.id, now=now)
    till = runtime.till
    notice = till.gateway.refund(refund.wanted)
    refund_notices.take_refund_notice(notice, our_mch_id=till.merchant.mch_id, vault=till.vault, actor=ACTOR, now=now)
    return None


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
