"""Where an order stands: its money in a word, and what comes next."""

from datetime import UTC, date, datetime, timedelta

import pytest

from app.domain.cards import CardStatus
from app.domain.charges import ChargeStatus
from app.domain.orders import OrderStatus
from app.domain.refunds import RefundStatus
from app.domain.standing import (
    RENTAL_STATES,
    SALE_STATES,
    Lack,
    OrderState,
    PayState,
    RentalFacts,
    Todo,
    next_step,
    pay_state,
)

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


def test_a_part_that_has_arrived_is_told_apart() -> None:
    assert pay_state(ChargeStatus.SETTLED, RefundStatus.DONE, in_part=True) is PayState.PART_REFUNDED
    assert pay_state(ChargeStatus.SETTLED, RefundStatus.ACCEPTED, in_part=True) is PayState.REFUNDING


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


PENDING, APPROVED = CardStatus.PENDING, CardStatus.APPROVED


@pytest.mark.req("FLOW-RENT-1", "FLOW-RENT-2", "FLOW-RENT-3")
@pytest.mark.parametrize(
    ("card", "secured", "paid", "lack"),
    [
        (None, False, False, Lack.CARD),
        (PENDING, False, False, Lack.DEPOSIT),  # it was sent in: enough for a deposit
        (APPROVED, False, False, Lack.DEPOSIT),
        (PENDING, True, False, None),
        (APPROVED, True, False, None),
        (PENDING, True, True, Lack.REVIEW),
        (APPROVED, True, True, None),
        (None, True, True, Lack.CARD),  # refused after the fee was paid
        (APPROVED, False, True, Lack.DEPOSIT),
    ],
)
def test_what_a_reserved_rental_still_lacks(
    *, card: CardStatus | None, secured: bool, paid: bool, lack: Lack | None
) -> None:
    step = next_step(
        OrderStatus.RESERVED,
        paid_at=NOW if paid else None,
        frozen=False,
        expires_at=NOW + timedelta(hours=70),
        now=NOW,
        rental=RentalFacts(card, secured),
    )
    assert step is not None
    assert (step.lack, step.todo) == (lack, Todo.PICK_UP if paid else Todo.PAY)


DUE = date(2026, 11, 24)  # the day of NOW in Shanghai


@pytest.mark.parametrize(
    ("due_on", "is_back", "is_settled", "todo"),
    [
        (DUE + timedelta(days=9), False, False, Todo.BRING_BACK),
        (DUE, False, False, Todo.BRING_BACK),  # its last day is a day of its own
        (DUE - timedelta(days=1), False, False, Todo.LATE),
        (DUE - timedelta(days=1), True, False, Todo.DAMAGE),
        (DUE - timedelta(days=1), True, True, None),
    ],
)
def test_what_a_picked_up_rental_waits_for(*, due_on: date, is_back: bool, is_settled: bool, todo: Todo | None) -> None:
    facts = RentalFacts(APPROVED, secured=True, due_on=due_on, is_back=is_back, is_settled=is_settled)
    step = next_step(OrderStatus.COMPLETED, paid_at=NOW, frozen=False, expires_at=NOW, now=NOW, rental=facts)
    assert (step.todo if step else None) is todo
    if step:
        assert step.due_on == (None if is_back else due_on)


@pytest.mark.req("ORD-2", "ORD-3")
def test_the_states_of_a_list_hold_each_order_once_but_for_what_is_completed() -> None:
    for states, parts in (
        (SALE_STATES, [(status, False) for status in OrderStatus]),
        (RENTAL_STATES, [*((status, False) for status in OrderStatus), (OrderStatus.COMPLETED, True)]),
    ):
        for status, out in parts:
            held = [state for state in states if state.holds(status, out=out)]
            assert OrderState(status.value) in held
            rented = {OrderState.OUT} if out else {OrderState.RETURNED}
            more = rented if status is OrderStatus.COMPLETED and states is RENTAL_STATES else set()
            assert set(held) == {OrderState(status.value)} | more
