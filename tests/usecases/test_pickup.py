"""The counter's verbs: each answer is recorded without what could be a phone or a name; one vehicle goes out once."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.batteries import BatteryState
from app.domain.errors import Forbidden, NotFound, Rule, RuleBroken
from app.domain.numbering import BatteryNumber, Business
from app.domain.orders import OrderStatus
from app.domain.permissions import Actor
from app.domain.pickup import Answer
from app.models.journal import Audit
from app.models.money import LedgerTransfer
from app.models.numbers import NumberSlot, SlotState
from app.models.orders import Order, PickupAttempt
from app.usecases import batteries, customers, orders, pickup
from app.usecases.pickup import Reply
from app.web.current import RUNTIME
from tests.factories.counter import FRAME_NO, a_rental_without_approval
from tests.factories.flash import a_member, a_use, some_batteries
from tests.factories.ground import COLOURS
from tests.factories.orders import an_order, order_of, person_of
from tests.factories.people import a_customer, a_member_of_staff, a_region_id
from tests.factories.rentals import a_rental_order
from tests.fixtures.databases import Database
from tests.fixtures.house_law import counted_statements


class Desk:
    """The counter of store B and who works there."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.clerk = a_member_of_staff(app, role="clerk", region="B")
        self.boss = a_member_of_staff(app, role="manager", region="B")
        self.region_id = a_region_id(app, "B")
        self.now = app.extensions[RUNTIME].clock.now()

    def order(self, *, paid: bool = True, customer: Actor | None = None) -> int:
        return an_order(self.app, region="B", paid=paid, customer=customer, now=self.now - timedelta(hours=1))

    def number(self, order_id: int) -> str:
        return order_of(self.app, order_id).number

    def scan(
        self, typed: str, *, open_order_id: int | None = None, open_battery: str = "", scan_key: str | None = None
    ) -> Reply:
        with self.app.app_context():
            return pickup.answer_scan(
                typed=typed,
                region_id=self.region_id,
                open_order_id=open_order_id,
                open_battery=open_battery,
                scan_key=scan_key,
                actor=self.clerk,
                now=self.now,
            )

    def confirm(self, order_id: int, *, frame_no: str = FRAME_NO, actor: Actor | None = None) -> None:
        with self.app.app_context():
            pickup.confirm_pickup(
                order_id, colour=COLOURS[0], frame_no=frame_no, actor=actor or self.clerk, now=self.now
            )

    def undo(self, order_id: int, *, actor: Actor | None = None, after: timedelta = timedelta()) -> None:
        with self.app.app_context():
            pickup.undo_pickup(order_id, reason="拿错车", actor=actor or self.boss, now=self.now + after)


@pytest.fixture
def desk(app: Flask) -> Desk:
    return Desk(app)


def broken(refused: pytest.ExceptionInfo[RuleBroken]) -> Rule:
    return refused.value.rule


# ---- Answers ----


@pytest.mark.req("NUM-8")
@pytest.mark.both_engines
def test_a_paid_order_is_ready_however_its_number_is_typed(desk: Desk) -> None:
    order_id = desk.order()
    for typed in ("BM0001", " ｂｍ０００１ ", "bm 0001"):
        reply = desk.scan(typed)
        assert (reply.answer, reply.order_id, reply.text) == (Answer.READY, order_id, "BM0001")


@pytest.mark.req("NUM-3")
def test_another_stores_number_is_known_from_its_letter_without_a_look_up(desk: Desk) -> None:
    an_order(desk.app, region="A", paid=True)
    with counted_statements() as statements:
        reply = desk.scan("AM0001")
    assert reply == Reply(Answer.OTHER_STORE, "AM0001")
    reads = [statement for statement in statements if not statement.startswith("INSERT")]
    assert len(reads) == 1
    assert "region" in reads[0]
    assert "orders" not in reads[0]


def test_the_numbers_live_holder_answers_though_a_newer_order_held_it_for_a_while(
    desk: Desk, database: Database
) -> None:
    revived, newer = desk.order(), desk.order(paid=False)
    with desk.app.app_context():
        orders.cancel_order(newer, reason="改天", actor=desk.clerk, now=desk.now)
    database.execute("UPDATE orders SET number = 'BM0001' WHERE id = :id", id=newer)
    assert desk.scan("BM0001").order_id == revived


def test_digits_answer_with_both_groups_and_each_order_once(desk: Desk) -> None:
    by_number = desk.order(paid=False, customer=a_customer(desk.app, region="B", phone="13812340001"))
    by_phone = desk.order(customer=a_customer(desk.app, region="B", phone="13912340001"))
    an_order(desk.app, region="A", customer=a_customer(desk.app, region="A", phone="13712340001"))
    reply = desk.scan("０００１")
    assert reply.answer is Answer.CHOOSE
    assert [found.number for found in reply.found.waiting] == [desk.number(by_number)]
    assert [found.number for found in reply.found.by_phone] == [desk.number(by_phone)]
    assert desk.scan("9876").answer is Answer.UNKNOWN


@pytest.mark.req("NUM-8")
def test_another_persons_plate_is_refused_while_an_order_is_open(desk: Desk) -> None:
    mine, others = desk.order(), desk.order()
    reply = desk.scan(desk.number(others), open_order_id=mine)
    assert (reply.answer, reply.order_id) == (Answer.NOT_THIS_PERSONS, None)
    assert desk.scan(desk.number(mine), open_order_id=mine).answer is Answer.READY


def test_the_same_persons_second_vehicle_is_not_another_persons(desk: Desk) -> None:
    customer = a_customer(desk.app, region="B")
    first, second = desk.order(customer=customer), desk.order(customer=customer)
    assert desk.scan(desk.number(second), open_order_id=first).answer is Answer.READY


def test_an_order_that_is_not_ready_holds_nobody_up(desk: Desk) -> None:
    unpaid, others = desk.order(paid=False), desk.order()
    assert desk.scan(desk.number(others), open_order_id=unpaid).answer is Answer.READY


def test_a_frame_number_goes_to_the_open_order_and_is_no_try(desk: Desk, database: Database) -> None:
    order_id = desk.order()
    tries = database.count(PickupAttempt)
    reply = desk.scan("ｌｂｙｄ26b006021", open_order_id=order_id)
    assert (reply.answer, reply.order_id, reply.frame_no) == (Answer.READY, order_id, FRAME_NO)
    assert database.count(PickupAttempt) == tries
    assert desk.scan(FRAME_NO).answer is Answer.UNKNOWN  # without an order on the screen it is nothing


@pytest.mark.req("NUM-8")
@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("ｂｍ0007", "BM0007"),
        ("2047", "2047"),
        ("https://rent.example/q/a00042", "A00042"),  # a battery
        ("13812342047", None),  # a phone
        ("王晓涵", None),  # a name
        ("330106200405010017", None),
    ],
)
def test_the_log_keeps_numbers_and_four_digits_and_nothing_else(
    desk: Desk, database: Database, typed: str, kept: str | None
) -> None:
    desk.scan(typed)
    row = database.one(select(PickupAttempt).order_by(PickupAttempt.id.desc()).limit(1))
    assert (row.typed, row.staff_id, row.customer_id) == (kept, desk.clerk.id, None)


def test_a_scan_that_is_sent_again_is_one_try(desk: Desk, database: Database) -> None:
    number = desk.number(desk.order())
    tries = database.count(PickupAttempt)
    for _ in range(2):
        assert desk.scan(number, scan_key="a" * 32).answer is Answer.READY
    desk.scan(number, scan_key="b" * 32)
    assert database.count(PickupAttempt) == tries + 2


def test_a_clerk_of_another_store_gets_no_answer(desk: Desk) -> None:
    desk.clerk = a_member_of_staff(desk.app, role="clerk", region="A")
    with pytest.raises(Forbidden):
        desk.scan("BM0001")


# ---- Rentals and batteries ----


@pytest.mark.req("NUM-8", "FLOW-RENT-2")
@pytest.mark.both_engines
def test_a_rental_is_answered_by_what_is_missing_first(desk: Desk, database: Database) -> None:
    def rental(**how: Any) -> int:
        how = {"now": desk.now - timedelta(hours=1), **how}
        return a_rental_order(desk.app, database, region="B", **how)

    unapproved, _ = a_rental_without_approval(desk.app, database, now=desk.now)
    for order_id, answer in (
        (rental(deposit=None), Answer.DEPOSIT_MISSING),
        (rental(), Answer.NOT_PAID),
        (unapproved, Answer.CARD_NOT_APPROVED),
        (rental(paid=True), Answer.READY),
        (rental(picked_up=True), Answer.RENTED_OUT),
        (rental(returned=True, now=desk.now - timedelta(days=2)), Answer.COLLECTED),
    ):
        reply = desk.scan(desk.number(order_id))
        assert (reply.answer, reply.order_id) == (answer, order_id)


def test_a_rented_vehicle_is_returned_whoever_is_on_the_screen(desk: Desk, database: Database) -> None:
    out = a_rental_order(desk.app, database, region="B", picked_up=True, now=desk.now - timedelta(days=3))
    assert desk.scan(desk.number(out), open_order_id=desk.order()).answer is Answer.RENTED_OUT


@pytest.mark.both_engines
def test_digits_look_through_all_three_series_and_the_people(desk: Desk, database: Database) -> None:
    waits = a_rental_order(desk.app, database, region="B", now=desk.now)
    out = a_rental_order(
        desk.app, database, region="B", business=Business.MINI_RENTAL, picked_up=True, now=desk.now - timedelta(days=3)
    )
    some_batteries(database, "B")
    member = a_member(desk.app, region="B", customer=a_customer(desk.app, region="B", phone="13812340001"))
    a_use(desk.app, member, "B00007")
    sale = desk.order(customer=member)
    found = desk.scan("0001").found
    assert {one.number for one in found.waiting} == {desk.number(waits), desk.number(sale)} == {"BZ0001", "BM0001"}
    assert [one.number for one in found.out] == [desk.number(out)] == ["BP0001"]
    assert [one.number for one in found.by_phone] == ["B00007"]


@pytest.mark.req("NUM-9")
@pytest.mark.both_engines
def test_a_battery_of_any_region_is_answered_by_where_it_is(desk: Desk, database: Database) -> None:
    in_use, in_stock, in_repair = some_batteries(database, "A", last=3)
    with desk.app.app_context():
        owner = a_member_of_staff(desk.app, role="owner", region=None)
        batteries.move(in_repair, state=BatteryState.REPAIR, reason="坏了", actor=owner, now=desk.now)
    a_use(desk.app, a_member(desk.app), "A00001")
    assert in_use != in_stock
    for typed, answer in (
        ("A00001", Answer.BATTERY_OUT),
        ("https://rent.example/q/a00002", Answer.BATTERY_IN),
        ("Ａ００００３", Answer.BATTERY_AWAY),
        ("A00004", Answer.UNKNOWN),
        ("X00001", Answer.UNKNOWN),
    ):
        assert desk.scan(typed).answer is answer


@pytest.mark.both_engines
def test_one_of_the_stock_is_offered_for_the_battery_on_the_screen(desk: Desk, database: Database) -> None:
    some_batteries(database, "B")
    a_use(desk.app, a_member(desk.app, region="B"), "B00001")
    reply = desk.scan("B00002", open_battery="B00001")
    assert (reply.answer, reply.battery, reply.instead_of) == (
        Answer.BATTERY_IN, BatteryNumber("B", 2), BatteryNumber("B", 1),
    )  # fmt: skip
    for on_screen in ("", "B00003", "B09999", "BM0001"):  # nothing, in stock, never made, a vehicle
        assert desk.scan("B00002", open_battery=on_screen).instead_of is None
    assert desk.scan("B00001", open_battery="B00001").instead_of is None


# ---- Handing over ----


@pytest.mark.req("ORD-2", "NUM-8")
@pytest.mark.both_engines
def test_confirming_completes_order_number_and_income_in_one(desk: Desk, database: Database) -> None:
    order_id = desk.order()
    transfers = database.count(LedgerTransfer)
    desk.confirm(order_id, frame_no=" lbyd26b 006021")
    order = order_of(desk.app, order_id)
    assert (order.status, order.picked_up_by, order.frame_no) == (OrderStatus.COMPLETED, desk.clerk.id, FRAME_NO)
    assert database.one(select(NumberSlot.state).where(NumberSlot.order_id == order_id)) is SlotState.KEPT
    assert database.count(LedgerTransfer) > transfers
    assert desk.scan(order.number).answer is Answer.COLLECTED


@pytest.mark.both_engines
def test_pressing_twice_hands_over_once(desk: Desk, database: Database) -> None:
    order_id = desk.order()
    desk.confirm(order_id)
    desk.confirm(order_id)
    assert database.count(Audit, Audit.action == "order_picked_up") == 1


@pytest.mark.both_engines
def test_the_second_clerk_is_told_that_it_went_out(desk: Desk) -> None:
    order_id = desk.order()
    desk.confirm(order_id)
    with pytest.raises(RuleBroken) as refused:
        desk.confirm(order_id, actor=a_member_of_staff(desk.app, role="clerk", region="B"))
    assert broken(refused) is Rule.ALREADY_COLLECTED


@pytest.mark.races
@pytest.mark.both_engines
def test_of_two_clerks_at_once_one_hands_over(desk: Desk, database: Database) -> None:
    order_id = desk.order()
    clerks = [a_member_of_staff(desk.app, role="clerk", region="B") for _ in range(4)]
    start = Barrier(len(clerks))

    def hand_over(clerk: Actor) -> Rule | None:
        start.wait()
        try:
            desk.confirm(order_id, actor=clerk)
        except RuleBroken as refused:
            return refused.rule
        return None

    with ThreadPoolExecutor(len(clerks)) as pool:
        outcomes = Counter(pool.map(hand_over, clerks))
    assert outcomes == {None: 1, Rule.ALREADY_COLLECTED: 3}
    assert database.count(Audit, Audit.action == "order_picked_up") == 1


@pytest.mark.races
@pytest.mark.both_engines
def test_of_two_orders_at_once_one_gets_the_frame_number(desk: Desk, database: Database) -> None:
    order_ids = [desk.order() for _ in range(2)]
    start = Barrier(2)

    def hand_over(order_id: int) -> Rule | None:
        start.wait()
        try:
            desk.confirm(order_id)
        except RuleBroken as refused:
            return refused.rule
        return None

    with ThreadPoolExecutor(2) as pool:
        outcomes = set(pool.map(hand_over, order_ids))
    assert outcomes == {None, Rule.FRAME_NO_TAKEN}
    assert database.count(Order, Order.frame_no == FRAME_NO) == 1


@pytest.mark.both_engines
def test_one_frame_number_goes_out_once(desk: Desk, database: Database) -> None:
    first, second = desk.order(), desk.order()
    desk.confirm(first)
    with pytest.raises(RuleBroken) as refused:
        desk.confirm(second, frame_no=FRAME_NO.lower())
    assert broken(refused) is Rule.FRAME_NO_TAKEN
    assert refused.value.facts["number"] == desk.number(first)
    desk.undo(first)
    desk.confirm(second)  # the vehicle came back
    assert database.count(Order, Order.frame_no == FRAME_NO) == 1


def test_another_stores_holder_of_a_frame_number_is_not_named(desk: Desk) -> None:
    an_order(desk.app, region="A", picked_up=True)
    with desk.app.app_context():
        taken = order_of(desk.app, 1).frame_no or ""
    order_id = desk.order()
    with pytest.raises(RuleBroken) as refused:
        desk.confirm(order_id, frame_no=taken)
    assert refused.value.facts["number"] is None


@pytest.mark.parametrize(("colour", "frame_no", "rule"), [
    ("彩虹色", FRAME_NO, Rule.COLOUR_UNKNOWN),
    (COLOURS[0], "LB-1", Rule.FRAME_NO_WRONG),
    (COLOURS[0], "", Rule.FRAME_NO_WRONG),
])  # fmt: skip
def test_what_is_no_colour_or_frame_number_is_refused(desk: Desk, colour: str, frame_no: str, rule: Rule) -> None:
    order_id = desk.order()
    with desk.app.app_context(), pytest.raises(RuleBroken) as refused:
        pickup.confirm_pickup(order_id, colour=colour, frame_no=frame_no, actor=desk.clerk, now=desk.now)
    assert broken(refused) is rule
    assert order_of(desk.app, order_id).status is OrderStatus.RESERVED


def test_neither_an_unpaid_nor_a_frozen_persons_vehicle_goes_out(desk: Desk) -> None:
    unpaid, frozen = desk.order(paid=False), desk.order()
    with desk.app.app_context():
        customers.freeze(person_of(desk.app, frozen), reason="电池没还", actor=desk.boss, now=desk.now)
    for order_id, rule in ((unpaid, Rule.NOT_PAID), (frozen, Rule.FROZEN)):
        with pytest.raises(RuleBroken) as refused:
            desk.confirm(order_id)
        assert broken(refused) is rule


def test_another_stores_order_is_not_found(desk: Desk) -> None:
    theirs = an_order(desk.app, region="A", paid=True)
    with pytest.raises(NotFound):
        desk.confirm(theirs)


# ---- Taking back ----


@pytest.mark.both_engines
def test_a_supervisor_takes_a_pickup_back_and_it_can_go_out_again(desk: Desk, database: Database) -> None:
    order_id = desk.order()
    desk.confirm(order_id)
    desk.undo(order_id, after=timedelta(minutes=30))
    order = order_of(desk.app, order_id)
    assert (order.status, order.frame_no, order.picked_up_at) == (OrderStatus.RESERVED, None, None)
    assert database.one(select(NumberSlot.state).where(NumberSlot.order_id == order_id)) is SlotState.HELD
    assert desk.scan(order.number).answer is Answer.READY
    desk.confirm(order_id)
    assert order_of(desk.app, order_id).status is OrderStatus.COMPLETED


def test_taking_back_ends_after_half_an_hour(desk: Desk) -> None:
    order_id = desk.order()
    desk.confirm(order_id)
    with pytest.raises(RuleBroken) as refused:
        desk.undo(order_id, after=timedelta(minutes=30, seconds=1))
    assert broken(refused) is Rule.UNDO_TIME_OVER


def test_a_clerk_may_not_take_back(desk: Desk) -> None:
    order_id = desk.order()
    desk.confirm(order_id)
    with pytest.raises(Forbidden):
        desk.undo(order_id, actor=desk.clerk)
