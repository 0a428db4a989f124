"""Money on its way back goes forward, never back; how much of it, and when another way than WeChat's (decision 34)."""

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.errors import Rule, RuleBroken
from app.domain.refunds import REFUND_MOVES, RefundStatus, checked_amount, checked_refund_reason, may_pay_outside

REQUESTED, ACCEPTED, DONE, ABNORMAL, REFUSED = RefundStatus

WAYS = [
    (REQUESTED, {ACCEPTED, DONE, ABNORMAL, REFUSED}),  # the first notice may tell of any
    (ACCEPTED, {DONE, ABNORMAL, REFUSED}),
    (ABNORMAL, {DONE, REFUSED}),  # a person helped it along at WeChat
    (DONE, set()),
    (REFUSED, set()),
]


@pytest.mark.parametrize(("before", "after"), WAYS)
def test_where_a_refund_may_go(before: RefundStatus, after: set[RefundStatus]) -> None:
    assert REFUND_MOVES[before] == after


def test_no_refund_ever_comes_back_to_where_it_was() -> None:
    def reachable(status: RefundStatus) -> set[RefundStatus]:
        return {later for step in REFUND_MOVES[status] for later in {step, *reachable(step)}}

    assert all(status not in reachable(status) for status in RefundStatus)
    assert set(REFUND_MOVES) == set(RefundStatus)


@pytest.mark.parametrize(
    ("amount", "left", "rule"),
    [
        (1, 0, Rule.NOTHING_TO_REFUND),
        (None, 100, Rule.AMOUNT_WRONG),
        (0, 100, Rule.AMOUNT_WRONG),
        (101, 100, Rule.REFUND_TOO_MUCH),
    ],
)
def test_no_more_goes_back_than_is_left(amount: int | None, left: int, rule: Rule) -> None:
    with pytest.raises(RuleBroken) as broken:
        checked_amount(amount, left)
    assert broken.value.rule is rule


def test_all_that_is_left_may_go_back() -> None:
    assert (checked_amount(100, 100), checked_amount(1, 100)) == (100, 1)


def test_wechat_shows_the_whole_reason() -> None:
    assert len(checked_refund_reason(f" {'退' * 26} ").encode()) <= 80


NOW = datetime(2026, 11, 24, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@pytest.mark.parametrize(
    ("status", "paid_days_ago", "parked", "asked_minutes_ago", "may"),
    [
        (ABNORMAL, 1, False, 0, True),
        (REFUSED, 1, False, 0, True),
        (DONE, 400, False, None, False),
        (ACCEPTED, 400, False, None, False),  # it may still arrive
        (REQUESTED, 1, False, None, False),  # the outbox has it
        (REQUESTED, 1, True, None, True),
        (REQUESTED, 1, True, 1, False),  # somebody is asking right now
        (REQUESTED, 1, True, 3, True),
        (REQUESTED, 365, False, None, False),
        (REQUESTED, 366, False, 0, True),  # WeChat never takes it
    ],
)
def test_when_the_owner_may_pay_another_way(
    *, status: RefundStatus, paid_days_ago: int, parked: bool, asked_minutes_ago: int | None, may: bool
) -> None:
    asked_at = None if asked_minutes_ago is None else NOW - asked_minutes_ago * MINUTE
    paid_at = NOW - paid_days_ago * DAY
    assert may_pay_outside(status, paid_at=paid_at, parked=parked, asked_at=asked_at, now=NOW) is may
