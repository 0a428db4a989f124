"""Money on its way back goes forward, never back (decision 34)."""

import pytest

from app.domain.refunds import REFUND_MOVES, RefundStatus

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
