"""Every way of deposit money in and out, through the real simulator: both sides' books agree to the fen (decision 25).

Deposits stand on a liability account and never on income; after each story `flask check` is silent.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from flask import Flask

from app.domain.deposits import DamageItem, DepositKind, DepositStatus
from app.domain.ledger import KINDS, Account, AccountKind
from app.domain.permissions import Actor, Role
from app.domain.pictures import PhotoKind
from app.domain.refunds import RefundStatus
from app.domain.rentals import Condition
from app.domain.settings import FLASH_PRICE
from app.models.deposits import Deposit
from app.usecases import checkout, deposits, flash_charge, orders, payments, pickup, rentals
from app.web.current import RUNTIME
from tests.factories.counting_house import (
    a_payer,
    assert_books_agree,
    balances,
    eventually,
    prepay_id,
    refunds_of,
    run_job,
    until_refunds_arrive,
)
from tests.factories.flash import a_use, held_by, some_batteries, take_back
from tests.factories.orders import charge_of, order_of
from tests.factories.people import a_member_of_staff
from tests.factories.rentals import (
    DEPOSIT_FEN,
    MONTH_FEN,
    a_card,
    a_photo,
    a_rental_order,
    deposit_statuses,
    deposits_of,
    give_back,
)
from tests.factories.settings import a_setting
from tests.fixtures.apps import MovedClock
from tests.fixtures.databases import Database
from tests.fixtures.simulators import Simulator

pytestmark = [pytest.mark.both_engines, pytest.mark.usefixtures("live_app")]

HELD, VOID, REFUNDING, REFUNDED = (
    DepositStatus.HELD,
    DepositStatus.VOID,
    DepositStatus.REFUNDING,
    DepositStatus.REFUNDED,
)


class Story:
    """One person, what they do with their money, and what the store does."""

    def __init__(self, app: Flask, database: Database, simulator: Simulator) -> None:
        self.app, self.database, self.simulator = app, database, simulator
        self.runtime = app.extensions[RUNTIME]
        self.person: Actor = a_payer(app, simulator)
        self.manager = a_member_of_staff(app, role=Role.MANAGER)

    @property
    def now(self) -> datetime:
        now: datetime = self.runtime.clock.now()
        return now

    def sheet(self, charge_id: int) -> str:
        """Asks WeChat for a payment; its prepay_id."""
        with self.app.app_context():
            return prepay_id(checkout.ask_for_payment(self.runtime.till, charge_id, actor=self.person, now=self.now))

    def agree(self, kind: DepositKind, order_id: int | None = None) -> int:
        """The person decides for a deposit; its charge."""
        with self.app.app_context():
            return deposits.agree(kind, order_id=order_id, seen_fen=DEPOSIT_FEN, actor=self.person, now=self.now)

    def deposit(self, kind: DepositKind, order_id: int | None = None) -> Deposit:
        """Agrees on a deposit, pays it, and waits for WeChat's notice."""
        self.simulator.pay(self.sheet(self.agree(kind, order_id)))
        eventually(lambda: deposits_of(self.app, self.person)[-1].status is HELD)
        return deposits_of(self.app, self.person)[-1]

    def reserved(self) -> int:
        """A rental order with an approved card and no deposit yet."""
        return a_rental_order(self.app, self.database, customer=self.person, deposit=None)

    def out(self, kind: DepositKind = DepositKind.RENTAL) -> int:
        """A rental whose deposit and fee were paid at WeChat, and whose vehicle is out."""
        order_id = self.reserved()
        self.deposit(kind, order_id)
        with self.app.app_context():
            orders.enter_number(order_id, typed=order_of(self.app, order_id).number, actor=self.person, now=self.now)
        self.simulator.pay(self.sheet(charge_of(self.app, order_id)))
        eventually(lambda: balances(self.app)[Account.ADVANCES] == MONTH_FEN)
        pick_up(self.app, order_id)
        return order_id

    def ask_back(self, who: Actor | None = None) -> None:
        """Asks for the newest deposit back."""
        with self.app.app_context():
            newest = deposits_of(self.app, self.person)[-1]
            deposits.ask_back(newest.id, actor=who or self.person, now=self.now)

    def statuses(self) -> list[DepositStatus]:
        """The states of the person's deposits."""
        return deposit_statuses(self.app, self.person)

    def liability(self) -> int:
        """What stands on the account of deposits; none of it is income."""
        held = balances(self.app)
        assert KINDS[Account.DEPOSITS] is AccountKind.LIABILITY
        return held[Account.DEPOSITS]

    def ends(self, statuses: list[DepositStatus], **amounts: int) -> None:
        """How the story ends: both sides' books agree, and these accounts hold these amounts, all others nothing."""
        assert self.statuses() == statuses
        held = {account: amount for account, amount in balances(self.app).items() if amount}
        expected = {Account(name): amount for name, amount in amounts.items() if amount}
        assert {account: amount for account, amount in held.items() if account is not Account.WECHAT} == expected
        assert_books_agree(self.app, self.simulator)


def pick_up(app: Flask, order_id: int) -> None:
    """A clerk hands the vehicle over."""
    order = order_of(app, order_id)
    clerk = a_member_of_staff(app, role=Role.CLERK)
    with app.app_context():
        pickup.confirm_pickup(
            order_id,
            colour=order.colour,
            frame_no=f"DEP{order_id:07d}",
            actor=clerk,
            now=app.extensions[RUNTIME].clock.now(),
        )


@pytest.fixture
def story(app: Flask, database: Database, simulator: Simulator) -> Story:
    return Story(app, database, simulator)


@pytest.mark.req("FLOW-RENT-2", "SET-5")
def test_a_paid_deposit_is_a_liability(story: Story) -> None:
    story.deposit(DepositKind.RENTAL, story.reserved())
    story.ends([HELD], deposits=DEPOSIT_FEN)


@pytest.mark.parametrize("kind", DepositKind)
def test_cancelled_before_the_pickup(story: Story, kind: DepositKind) -> None:
    """A rental deposit goes back by itself; a flash deposit stays: its person is a member now."""
    order_id = story.reserved()
    story.deposit(kind, order_id)
    with story.app.app_context():
        orders.cancel_order(order_id, reason="", actor=story.person, now=story.now)
    until_refunds_arrive(story.app)
    if kind is DepositKind.RENTAL:
        story.ends([REFUNDED])
    else:
        story.ends([HELD], deposits=DEPOSIT_FEN)


@pytest.mark.req("FLOW-RENT-3")
def test_returned_in_good_order(story: Story) -> None:
    order_id = story.out()
    give_back(story.app, order_id, now=story.now)
    assert story.statuses() == [REFUNDING]
    assert story.liability() == 0
    until_refunds_arrive(story.app)
    story.ends([REFUNDED], rentals=MONTH_FEN)


def test_damage_is_withheld_and_the_rest_goes_back(story: Story) -> None:
    order_id = story.out()
    give_back(story.app, order_id, condition=Condition.DAMAGED, now=story.now)
    assert story.statuses() == [HELD]
    with story.app.app_context():
        rentals.settle_damage(
            order_id,
            items=[DamageItem("左后视镜", 45_00), DamageItem("车篮", 30_50)],
            photo=a_photo(PhotoKind.DAMAGE),
            reason="还车时发现",
            request_key="damage-1",
            actor=story.manager,
            now=story.now,
        )
    until_refunds_arrive(story.app)
    story.ends([REFUNDED], rentals=MONTH_FEN, damages=75_50)
    assert [refund.amount_fen for refund in refunds_of(story.app)] == [DEPOSIT_FEN - 75_50]


def test_damage_that_takes_all_of_it_sends_nothing_back(story: Story) -> None:
    order_id = story.out()
    give_back(story.app, order_id, condition=Condition.DAMAGED, now=story.now)
    with story.app.app_context():
        rentals.settle_damage(
            order_id,
            items=[DamageItem("整车", DEPOSIT_FEN)],
            photo=a_photo(PhotoKind.DAMAGE),
            reason="车报废了",
            request_key="damage-2",
            actor=story.manager,
            now=story.now,
        )
    assert refunds_of(story.app) == []
    story.ends([REFUNDED], rentals=MONTH_FEN, damages=DEPOSIT_FEN)


@pytest.mark.req("FLOW-RENT-2")
def test_flash_charge_opened_later_sends_the_rental_deposit_back(story: Story) -> None:
    order_id = story.out()
    story.deposit(DepositKind.FLASH)
    until_refunds_arrive(story.app)
    story.ends([REFUNDED, HELD], rentals=MONTH_FEN, deposits=DEPOSIT_FEN)
    give_back(story.app, order_id, now=story.now)
    story.ends([REFUNDED, HELD], rentals=MONTH_FEN, deposits=DEPOSIT_FEN)


@pytest.mark.req("FLOW-FLASH-1")
def test_leaving_flash_charge(story: Story) -> None:
    a_card(story.app, story.person)
    story.deposit(DepositKind.FLASH)
    story.ask_back()
    assert story.statuses() == [REFUNDING]
    until_refunds_arrive(story.app)
    story.ends([REFUNDED])


@pytest.mark.req("SET-3")
def test_leaving_flash_charge_with_an_unpaid_fee_withholds_it(story: Story) -> None:
    a_setting(story.app, story.database, FLASH_PRICE, 3_00)
    some_batteries(story.database)
    a_card(story.app, story.person)
    story.deposit(DepositKind.FLASH)
    use_id = a_use(story.app, story.person)
    assert balances(story.app)[Account.RECEIVABLES] == -3_00  # an asset: what people owe
    take_back(story.app, use_id)
    story.ask_back()
    until_refunds_arrive(story.app)
    story.ends([REFUNDED], flash_fees=3_00)
    assert [refund.amount_fen for refund in refunds_of(story.app)] == [DEPOSIT_FEN - 3_00]


def test_a_lost_battery_is_withheld_from_the_flash_deposit(story: Story) -> None:
    battery_ids = some_batteries(story.database)
    a_card(story.app, story.person)
    story.deposit(DepositKind.FLASH)
    a_use(story.app, story.person)
    with story.app.app_context():
        flash_charge.report_lost(
            battery_ids[0],
            use_id=held_by(story.app, battery_ids[0]),
            items=[DamageItem("电池 A00001", 260_00)],
            photo=a_photo(PhotoKind.DAMAGE),
            reason="用户说丢了，签了字",
            request_key="lost-1",
            actor=story.manager,
            now=story.now,
        )
    story.ask_back()
    until_refunds_arrive(story.app)
    story.ends([REFUNDED], damages=260_00)


def test_a_refund_that_wechat_cannot_deliver_stays_on_its_way(story: Story) -> None:
    a_card(story.app, story.person)
    story.deposit(DepositKind.FLASH)
    story.simulator.misbehave("refund_abnormal")
    story.ask_back()
    run_job(story.app, "send_outbox")
    eventually(lambda: [refund.status for refund in refunds_of(story.app)] == [RefundStatus.ABNORMAL])
    story.ends([REFUNDING], refunds_payable=DEPOSIT_FEN)


def test_a_refund_that_wechat_closed_is_asked_for_again(story: Story, clock: MovedClock) -> None:
    a_card(story.app, story.person)
    story.deposit(DepositKind.FLASH)
    story.simulator.misbehave("refund_closed")
    story.ask_back()
    run_job(story.app, "send_outbox")
    eventually(lambda: [refund.status for refund in refunds_of(story.app)] == [RefundStatus.REFUSED])
    story.ends([REFUNDING], deposits=DEPOSIT_FEN)
    clock.advance(timedelta(minutes=2))
    story.ask_back(story.manager)

    def arrived() -> bool:
        run_job(story.app, "send_outbox")
        return [refund.status for refund in refunds_of(story.app)] == [RefundStatus.REFUSED, RefundStatus.DONE]

    eventually(arrived)
    story.ends([REFUNDED])


@pytest.mark.parametrize("fault", ["reply_lost", "bad_reply_signature", "status_5xx"])
def test_a_lost_reply_to_the_refund_asks_again_with_the_same_number(
    story: Story, clock: MovedClock, fault: str
) -> None:
    a_card(story.app, story.person)
    story.deposit(DepositKind.FLASH)
    story.simulator.misbehave(fault, on="refund")
    story.ask_back()
    run_job(story.app, "send_outbox")
    clock.advance(timedelta(minutes=2))
    until_refunds_arrive(story.app)
    assert len(refunds_of(story.app)) == 1
    story.ends([REFUNDED])


def test_asked_back_by_many_at_once_it_is_one_refund(story: Story) -> None:
    a_card(story.app, story.person)
    deposit = story.deposit(DepositKind.FLASH)
    finance = a_member_of_staff(story.app, role=Role.FINANCE, region=None)

    def ask(who: Actor) -> None:
        with story.app.app_context():
            deposits.ask_back(deposit.id, actor=who, now=story.now)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, [story.person, story.manager, finance] * 4))
    until_refunds_arrive(story.app)
    assert len(refunds_of(story.app)) == 1
    story.ends([REFUNDED])


@pytest.mark.parametrize("kind", DepositKind)
def test_money_for_a_choice_that_was_changed(story: Story, kind: DepositKind) -> None:
    """Paid after deciding for the other: the rental deposit goes back, the flash deposit is held."""
    other = DepositKind.FLASH if kind is DepositKind.RENTAL else DepositKind.RENTAL
    order_id = story.reserved()
    first = story.sheet(story.agree(kind, order_id))
    story.agree(other, order_id)
    story.simulator.pay(first)
    if kind is DepositKind.RENTAL:
        eventually(lambda: refunds_of(story.app))
        until_refunds_arrive(story.app)
        story.ends([VOID, DepositStatus.DUE])
    else:
        eventually(lambda: HELD in story.statuses())
        story.ends([HELD, VOID], deposits=DEPOSIT_FEN)


def test_paid_twice_the_second_goes_back(story: Story, clock: MovedClock) -> None:
    """The first attempt's notice comes late, after a second was paid."""
    charge_id = story.agree(DepositKind.RENTAL, story.reserved())
    story.simulator.misbehave("never")
    story.simulator.pay(story.sheet(charge_id))
    clock.advance(timedelta(minutes=16))
    with story.app.app_context():
        attempt = payments.begin_attempt(charge_id, actor=story.person, now=story.now)
        payments.attempt_closed(attempt.wanted.out_trade_no, actor=Actor.job("tests"), now=story.now)
    story.simulator.pay(story.sheet(charge_id))
    eventually(lambda: story.statuses() == [HELD])
    (late,) = story.simulator.get(f"/_sim/notices?out_trade_no={attempt.wanted.out_trade_no}")["notices"]
    assert story.simulator.post(f"/_sim/notices/{late['id']}/resend")["status"] == 204
    until_refunds_arrive(story.app)
    story.ends([HELD], deposits=DEPOSIT_FEN)
