"""Asks WeChat about refunds that have not arrived; what it has never heard of is sent again under the same number."""

from datetime import datetime

from app.db import read_only_session
from app.domain.asking import OUTBOX_HAS, refund_question_due
from app.domain.permissions import Actor
from app.domain.refunds import RefundStatus
from app.jobs._report import Report, Tally
from app.ports import GatewayRefused, OutcomeUnknown
from app.queries import due
from app.queries.due import RefundOnItsWay
from app.runtime import Runtime
from app.usecases import refund_errands, refund_notices

MOST = 500
"""Refunds looked at in one run; the next run looks at the next ones."""
ACTOR = Actor.job("query_refunds")


def run(runtime: Runtime, now: datetime) -> Report:
    """Each refund by itself: one that WeChat does not answer for is put off."""
    tally = Tally("query_refunds")
    with read_only_session() as session:
        found = due.refunds_on_their_way(session, limit=MOST)
    for refund in found:
        if tally.wechat_is_away:
            break
        if not _is_due(refund, now):
            continue
        try:
            moved = refund_errands.ask(
                runtime.till, refund.id, refund.out_refund_no, refund.status, actor=ACTOR, now=now
            )
        except (GatewayRefused, OutcomeUnknown) as error:
            refund_notices.mark_refund_asked(refund.id, now=now)
            tally.unanswered(refund.out_refund_no, error)
        except Exception as error:  # noqa: BLE001  # one refund must not hold up the others
            tally.failed(refund.out_refund_no, error)
        else:
            tally.answered()
            if moved:
                tally.did()
    return tally.report()


def _is_due(refund: RefundOnItsWay, now: datetime) -> bool:
    if refund.status is RefundStatus.REQUESTED and now < refund.began_at + OUTBOX_HAS:
        return False
    return refund_question_due(refund.began_at, refund.asked_at, now)
