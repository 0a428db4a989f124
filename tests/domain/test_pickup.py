"""What the counter says of an order and of a number, and what a frame number is (decision 17)."""

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.batteries import BatteryState
from app.domain.errors import Rule, RuleBroken
from app.domain.numbering import VehicleNumber
from app.domain.orders import OrderStatus
from app.domain.pickup import (
    REFUSALS,
    TO_DO,
    Answer,
    OrderFacts,
    answer_for,
    answer_for_battery,
    answer_from_letter,
    checked_frame_no,
    frame_no_in,
    standing_of,
)

NOW = datetime(2026, 11, 24, 6, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
RESERVED, COMPLETED = OrderStatus.RESERVED, OrderStatus.COMPLETED


def facts(
    status: OrderStatus = RESERVED,
    *,
    paid: bool = True,
    frozen: bool = False,
    left: timedelta = HOUR,
    customer_id: int = 7,
    **rental: bool,
) -> OrderFacts:
    return OrderFacts(1, customer_id, status, paid=paid, frozen=frozen, expires_at=NOW + left, **rental)


@pytest.mark.req("NUM-8")
@pytest.mark.parametrize(
    ("order", "answer"),
    [
        (facts(), Answer.READY),
        (facts(paid=False), Answer.NOT_PAID),
        (facts(frozen=True), Answer.FROZEN),
        (facts(paid=False, frozen=True), Answer.FROZEN),
        (facts(paid=False, left=-HOUR), Answer.EXPIRED),  # the sweep has not come by yet
        (facts(left=-HOUR), Answer.READY),  # a paid order never expires
        (facts(OrderStatus.EXPIRED, paid=False), Answer.EXPIRED),
        (facts(OrderStatus.CANCELLED), Answer.CANCELLED),
        (facts(COMPLETED), Answer.COLLECTED),
        (facts(COMPLETED, frozen=True), Answer.COLLECTED),  # a freeze takes nothing back
        (facts(secured=False), Answer.DEPOSIT_MISSING),
        (facts(secured=False, paid=False), Answer.DEPOSIT_MISSING),  # it comes before the fee
        (facts(secured=False, frozen=True), Answer.FROZEN),
        (facts(secured=False, paid=False, left=-HOUR), Answer.EXPIRED),
        (facts(card_approved=False), Answer.CARD_NOT_APPROVED),
        (facts(card_approved=False, paid=False), Answer.NOT_PAID),  # the card is looked at last, at the counter
        (facts(COMPLETED, out=True), Answer.RENTED_OUT),
        (facts(COMPLETED, out=True, frozen=True), Answer.RENTED_OUT),  # whoever is barred can always return
        (facts(COMPLETED, out=False), Answer.COLLECTED),  # it is back
    ],
)
def test_what_the_counter_says_of_an_order(order: OrderFacts, answer: Answer) -> None:
    assert standing_of(order, NOW) is answer


@pytest.mark.req("NUM-8")
@pytest.mark.parametrize(
    ("order", "open_customer_id", "answer"),
    [
        (None, None, Answer.UNKNOWN),
        (facts(), None, Answer.READY),
        (facts(), 7, Answer.READY),  # the same person's other order
        (facts(), 8, Answer.NOT_THIS_PERSONS),
        (facts(paid=False), 8, Answer.NOT_THIS_PERSONS),
        (facts(frozen=True), 8, Answer.NOT_THIS_PERSONS),
        (facts(COMPLETED), 8, Answer.COLLECTED),  # what is over is over, whoever stands there
        (facts(OrderStatus.CANCELLED), 8, Answer.CANCELLED),
        (facts(secured=False), 8, Answer.NOT_THIS_PERSONS),
        (facts(card_approved=False), 8, Answer.NOT_THIS_PERSONS),
        (facts(COMPLETED, out=True), 8, Answer.RENTED_OUT),  # a vehicle comes back while another goes out
    ],
)
def test_a_number_while_an_order_is_open_on_the_screen(
    order: OrderFacts | None, open_customer_id: int | None, answer: Answer
) -> None:
    assert answer_for(order, open_customer_id=open_customer_id, now=NOW) is answer


@pytest.mark.req("NUM-3")
@pytest.mark.parametrize(
    ("number", "answer"),
    [
        ("BM0001", None),  # ours: the order is looked up
        ("AM0001", Answer.OTHER_STORE),
        ("CZ0001", Answer.OTHER_STORE),
        ("XM0001", Answer.UNKNOWN),  # no store has this letter
        ("BZ0001", None),  # a rental is looked up as a sale is
        ("BP0001", None),
    ],
)
def test_what_the_letter_alone_tells(number: str, answer: Answer | None) -> None:
    assert answer_from_letter(VehicleNumber.parse(number), "B", ("A", "B", "C")) is answer


def test_every_answer_is_a_refusal_but_those_with_something_to_do_to_choose_or_to_know() -> None:
    assert frozenset(Answer) - REFUSALS == TO_DO | {Answer.CHOOSE, Answer.BATTERY_IN}
    assert frozenset({Answer.READY, Answer.RENTED_OUT, Answer.BATTERY_OUT}) == TO_DO


@pytest.mark.parametrize(
    ("scanned", "frame_no"),
    [
        ("LBYD26B006021", "LBYD26B006021"),
        ("ｌｂｙｄ 26b006021", "LBYD26B006021"),  # any width and case, spaces out
        ("119322203123456", "119322203123456"),  # 15 digits
        ("A00042", None),  # a battery
        ("BM021", None),  # a number that was cut off
        ("BM02133", None),
        ("王晓涵", None),
        ("WANGXIAOHAN", None),  # no digit: a name
        ("LB-26/6021", None),
        ("LB26", None),
        ("L" * 30 + "1", None),
    ],
)
def test_a_scan_that_is_no_number_of_ours_may_be_a_frame_number(scanned: str, frame_no: str | None) -> None:
    assert frame_no_in(scanned) == frame_no


@pytest.mark.parametrize("typed", ["", "1234", "LB 12", "LB26-6021", "车架12345", "9" * 31])
def test_what_is_no_frame_number_is_refused(typed: str) -> None:
    with pytest.raises(RuleBroken) as refused:
        checked_frame_no(typed)
    assert refused.value.rule is Rule.FRAME_NO_WRONG


def test_a_typed_frame_number_is_folded() -> None:
    assert checked_frame_no(" ｌｂ26 b006021 ") == "LB26B006021"


@pytest.mark.req("NUM-9")
@pytest.mark.parametrize(
    ("state", "answer"),
    [
        (None, Answer.UNKNOWN),
        (BatteryState.IN_USE, Answer.BATTERY_OUT),
        (BatteryState.IN_STOCK, Answer.BATTERY_IN),
        (BatteryState.REPAIR, Answer.BATTERY_AWAY),
        (BatteryState.SCRAPPED, Answer.BATTERY_AWAY),
        (BatteryState.LOST, Answer.BATTERY_AWAY),
    ],
)
def test_what_the_counter_says_of_a_battery(state: BatteryState | None, answer: Answer) -> None:
    assert answer_for_battery(state) is answer
