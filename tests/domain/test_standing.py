"""Where an order stands: its money in a word, and what comes next."""

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.charges import ChargeStatus
from app.domain.orders import OrderStatus
from app.domain.refunds import RefundStatus
from app.domain.standing import PayState, Todo, next_step, pay_state

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("charge", "refund", "state"),
    [
        (ChargeStatus.OPEN, None, PayState.UNPAID),
        (ChargeStatus.VOID, None, PayState.UNPAID),  # expired without a payment
        (ChargeStatus.SETTLED, None, PayState.PAID),
        (ChargeStatus.SETTLED, RefundStatus.REQUESTED, PayState.REFUNDING),
        (ChargeStatus.SETTLED, RefundStatus.ACCEPTED, PayState.REFUNDING),  # accepted is not arrived
        (ChargeStatus.SETTLED, RefundStatus.DONE, PayState.REFUNDED),
        (ChargeStatus.SETTLED, RefundStatus.ABNORMAL, PayState.REFUND_FAILED),
        (ChargeStatus.SETTLED, RefundStatus.REFUSED, PayState.REFUND_FAILED),
    ],
)
def test_the_money_of_an_order_in_a_word(charge: ChargeStatus, refund: RefundStatus | None, state: PayState) -> None:
    assert pay_state(charge, refund) is state


@pytest.mark.parametrize(
    ("paid", "hours_left", "todo"),
    [
        (False, 71, Todo.PAY),
        (False, 24, Todo.PAY),
        (False, 23.9, Todo.PAY_SOON),
        (False, -1, Todo.PAY_SOON),  # the sweep has not come by yet
        (True, 71, Todo.PICK_UP),
        (True, 1, Todo.PICK_UP),
        (True, 0, Todo.OVERDUE),
        (True, -100, Todo.OVERDUE),
    ],
)
def test_what_an_open_order_waits_for(*, paid: bool, hours_left: float, todo: Todo) -> None:
    ends = NOW + timedelta(hours=hours_left)
    step = next_step(OrderStatus.RESERVED, paid_at=NOW if paid else None, frozen=False, expires_at=ends, now=NOW)
    assert step is not None
    assert (step.todo, step.expires_at) == (todo, ends)


@pytest.mark.parametrize("status", [status for status in OrderStatus if status is not OrderStatus.RESERVED])
def test_what_is_over_waits_for_nothing(status: OrderStatus) -> None:
    assert next_step(status, paid_at=NOW, frozen=True, expires_at=NOW, now=NOW) is None
