"""Closes unpaid orders past their deadline, once their payments are closed at WeChat (SET-7, decision 13)."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from app.db import read_only_session
from app.domain.asking import attempt_is_young, attempt_question_due
from app.domain.permissions import Actor
from app.jobs._report import Report, Tally
from app.ports import GatewayRefused, OutcomeUnknown
from app.queries import due
from app.queries.due import OverdueOrder
from app.runtime import Runtime
from app.usecases import checkout, orders, payments

PAGE = 200
ACTOR = Actor.job("expire_orders")


def run(runtime: Runtime, now: datetime) -> Report:
    """Orders without a live payment first, so that a WeChat which does not answer holds up none of them."""
    tally = Tally("expire_orders")
    in_the_way: list[OverdueOrder] = []
    for order in _overdue(now):
        if order.attempts:
            in_the_way.append(order)
        else:
            _expire(order, tally, now)
    for order in in_the_way:
        if tally.wechat_is_away:
            break
        if _attempts_are_settled(runtime, order, tally, now):
            _expire(order, tally, now)
    return tally.report()


def _overdue(now: datetime) -> Iterator[OverdueOrder]:
    page: list[OverdueOrder] = []
    while True:
        with read_only_session() as session:
            page = due.overdue_orders(session, now, after=page[-1].key if page else None, limit=PAGE)
        yield from page
        if len(page) < PAGE:
            return


def _expire(order: OverdueOrder, tally: Tally, now: datetime) -> None:
    try:
        if orders.expire_order(order.id, actor=ACTOR, now=now):
            tally.did()
    except Exception as error:  # noqa: BLE001  # one order must not hold up the others
        tally.failed(f"order {order.id}", error)


def _attempts_are_settled(runtime: Runtime, order: OverdueOrder, tally: Tally, now: datetime) -> bool:
    for attempt in order.attempts:
        too_early = attempt_is_young(attempt.created_at, now) or not attempt_question_due(
            attempt.created_at, order.expires_at, attempt.asked_at, now, first_after=timedelta()
        )
        if too_early:
            return False
        try:
            checkout.settle_attempt(runtime.till, attempt.out_trade_no, close=True, actor=ACTOR, now=now)
            tally.answered()
        except (GatewayRefused, OutcomeUnknown) as error:
            payments.mark_attempt_asked(attempt.out_trade_no, now=now)
            tally.unanswered(attempt.out_trade_no, error)
            return False
        except Exception as error:  # noqa: BLE001  # the same
            tally.failed(attempt.out_trade_no, error)
            return False
    return True
