"""Asks WeChat about payments whose notice has not come, and closes those whose time is over."""

from datetime import datetime

from app.db import read_only_session
from app.domain.asking import FIRST_QUESTION_AFTER, attempt_is_young, attempt_question_due
from app.domain.permissions import Actor
from app.jobs._report import Report, Tally
from app.ports import GatewayRefused, OutcomeUnknown, TradeState
from app.queries import due
from app.runtime import Runtime
from app.usecases import checkout, payments

MOST = 500
"""Attempts looked at in one run; the next run looks at the next ones."""
ACTOR = Actor.job("query_payments")


def run(runtime: Runtime, now: datetime) -> Report:
    """Each attempt by itself: one that WeChat does not answer for is put off."""
    tally = Tally("query_payments")
    with read_only_session() as session:
        attempts = due.live_attempts(session, now - FIRST_QUESTION_AFTER, limit=MOST)
    for attempt in attempts:
        if tally.wechat_is_away:
            break
        if not attempt_question_due(attempt.created_at, attempt.expires_at, attempt.asked_at, now):
            continue
        over = attempt.expires_at <= now and not attempt_is_young(attempt.created_at, now)
        try:
            state = checkout.settle_attempt(runtime.till, attempt.out_trade_no, close=over, actor=ACTOR, now=now)
        except (GatewayRefused, OutcomeUnknown) as error:
            payments.mark_attempt_asked(attempt.out_trade_no, now=now)
            tally.unanswered(attempt.out_trade_no, error)
        except Exception as error:  # noqa: BLE001  # one attempt must not hold up the others
            tally.failed(attempt.out_trade_no, error)
        else:
            tally.answered()
            if over or state in (TradeState.PAID, TradeState.CLOSED):
                tally.did()
    return tally.report()
