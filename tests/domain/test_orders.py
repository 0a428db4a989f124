"""The life of an order: each pair of state and event, the one deadline, and who may end it when (decisions 11–14)."""

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.errors import Rule, RuleBroken
from app.domain.orders import (
    MOVES,
    CancelFacts,
    OrderEvent,
    OrderStatus,
    Step,
    Way,
    attempt_expires_at,
    deadline_after_match,
    may_customer_cancel,
    next_status,
    refuse_unless_customer_may_cancel,
    refuse_unless_time_to_pay,
    refuse_unless_undo_in_time,
)

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
RESERVED, COMPLETED, CANCELLED, EXPIRED = OrderStatus

LIFE = [
    # state       pick up                 undo                 cancel                  expire                  revive
    (RESERVED, (COMPLETED, Rule.NOT_COLLECTED, CANCELLED, EXPIRED, Rule.STILL_OPEN)),
    (COMPLETED, (Rule.ALREADY_COLLECTED, RESERVED, Rule.ALREADY_COLLECTED, Rule.ALREADY_COLLECTED, Rule.STILL_OPEN)),
    (CANCELLED, (*[Rule.ALREADY_CLOSED] * 4, RESERVED)),
    (EXPIRED, (*[Rule.ALREADY_CLOSED] * 4, RESERVED)),
]


@pytest.mark.req("ORD-2")
@pytest.mark.parametrize(
    ("before", "event", "after"),
    [(before, event, after) for before, row in LIFE for event, after in zip(OrderEvent, row, strict=True)],
)
def test_every_event_in_every_state(before: OrderStatus, event: OrderEvent, after: OrderStatus | Rule) -> None:
    if isinstance(after, Rule):
        with pytest.raises(RuleBroken) as refused:
            next_status(before, event)
        assert refused.value.rule is after
    else:
        assert next_status(before, event) is after


def test_the_table_of_moves_has_every_pair() -> None:
    assert set(MOVES) == {(status, event) for status in OrderStatus for event in OrderEvent}


def test_every_state_but_a_reserved_one_is_left_by_one_event_alone() -> None:
    ways = {
        status: [event for event in OrderEvent if MOVES[status, event] in list(OrderStatus)] for status in OrderStatus
    }
    assert ways == {
        RESERVED: [OrderEvent.PICK_UP, OrderEvent.CANCEL, OrderEvent.EXPIRE],
        COMPLETED: [OrderEvent.UNDO_PICKUP],
        CANCELLED: [OrderEvent.REVIVE],
        EXPIRED: [OrderEvent.REVIVE],
    }


@pytest.mark.req("SET-7")
@pytest.mark.parametrize(
    ("left", "deadline"),
    [
        (72 * HOUR, 72 * HOUR),  # far enough: nothing moves
        (20 * MINUTE, 20 * MINUTE),
        (5 * MINUTE, 20 * MINUTE),  # at the store with little time left: 20 minutes from now
        (SECOND, 20 * MINUTE),
    ],
)
def test_the_right_number_at_the_store_moves_the_deadline(left: timedelta, deadline: timedelta) -> None:
    assert deadline_after_match(NOON + left, NOON, hold_minutes=20) == NOON + deadline


@pytest.mark.parametrize(("left", "offered"), [(HOUR, True), (5 * MINUTE, True), (5 * MINUTE - SECOND, False)])
def test_a_payment_is_offered_with_five_minutes_left(left: timedelta, offered: bool) -> None:
    if offered:
        refuse_unless_time_to_pay(NOON + left, NOON)
        return
    with pytest.raises(RuleBroken) as refused:
        refuse_unless_time_to_pay(NOON + left, NOON)
    assert refused.value.rule is Rule.PAYMENT_TIME_OVER
    assert refused.value.facts == {"expires_at": NOON + left}


@pytest.mark.parametrize(
    ("left", "attempt"), [(72 * HOUR, 15 * MINUTE), (16 * MINUTE, 15 * MINUTE), (5 * MINUTE, 4 * MINUTE)]
)
def test_an_attempt_ends_before_its_order(left: timedelta, attempt: timedelta) -> None:
    assert attempt_expires_at(NOON + left, NOON) == NOON + attempt


@pytest.mark.req("SET-6")
@pytest.mark.parametrize(
    ("status", "paid", "paid_hours", "rule"),
    [
        (RESERVED, None, 24, None),  # unpaid: freely
        (RESERVED, HOUR, 24, None),
        (RESERVED, 24 * HOUR, 24, None),  # to the second
        (RESERVED, 24 * HOUR + SECOND, 24, Rule.CANCEL_TIME_OVER),
        (RESERVED, SECOND, 0, Rule.CANCEL_TIME_OVER),  # never once paid
        (COMPLETED, HOUR, 24, Rule.ALREADY_COLLECTED),
        (CANCELLED, None, 24, Rule.ALREADY_CLOSED),
        (EXPIRED, None, 24, Rule.ALREADY_CLOSED),
    ],
)
def test_when_the_person_may_cancel(
    status: OrderStatus, paid: timedelta | None, paid_hours: int, rule: Rule | None
) -> None:
    facts = CancelFacts(status, NOON - paid if paid else None)
    assert may_customer_cancel(facts, NOON, paid_hours=paid_hours) is (rule is None)
    if rule is None:
        refuse_unless_customer_may_cancel(facts, NOON, paid_hours=paid_hours)
        return
    with pytest.raises(RuleBroken) as refused:
        refuse_unless_customer_may_cancel(facts, NOON, paid_hours=paid_hours)
    assert refused.value.rule is rule


@pytest.mark.parametrize(("ago", "allowed"), [(MINUTE, True), (30 * MINUTE, True), (30 * MINUTE + SECOND, False)])
def test_a_pickup_is_undone_within_half_an_hour(ago: timedelta, allowed: bool) -> None:
    if allowed:
        refuse_unless_undo_in_time(NOON - ago, NOON, minutes=30)
        return
    with pytest.raises(RuleBroken) as refused:
        refuse_unless_undo_in_time(NOON - ago, NOON, minutes=30)
    assert refused.value.rule is Rule.UNDO_TIME_OVER


@pytest.mark.req("FLOW-RENT-1", "FLOW-RENT-2", "FLOW-RENT-3")
@pytest.mark.parametrize(
    ("card", "deposit", "number", "paid", "step"),
    [
        (False, False, False, False, Step.CARD),
        (True, False, False, False, Step.DEPOSIT),
        (True, True, False, False, Step.NUMBER),
        (True, True, True, False, Step.PAY),
        (True, True, True, True, Step.PICKUP),
        (False, True, False, False, Step.CARD),  # the card was refused after the deposit
        (False, True, True, True, Step.CARD),
    ],
)
def test_a_reserved_order_waits_for_the_first_step_that_is_not_done(
    card: bool, deposit: bool, number: bool, paid: bool, step: Step
) -> None:
    assert Way(has_card=card, is_secured=deposit, is_matched=number, is_paid=paid).step is step
