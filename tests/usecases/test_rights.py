"""Every verb on an order asks who acts: another region's order is not there, a missing right is refused."""

from collections.abc import Callable
from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import select

from app.db import read_only_session
from app.domain.errors import Forbidden, NotFound
from app.domain.permissions import RIGHTS, Actor, Permission, Role
from app.domain.rentals import Condition, Place
from app.models.money import Charge
from app.models.orders import Order
from app.usecases import customers, notes, orders, payments, pickup, rentals, staff
from app.web.current import RUNTIME
from tests.factories.ground import COLOURS
from tests.factories.orders import an_order
from tests.factories.people import a_customer, a_member_of_staff

Verb = Callable[[int, Actor, datetime], object]


def the_charge(order_id: int) -> int:
    """What the order costs; 0 for one that is not there."""
    with read_only_session() as session:
        return session.scalars(select(Charge.id).where(Charge.order_id == order_id)).one_or_none() or 0


def the_person(order_id: int) -> int:
    """Whose it is; 0 of one that is not there."""
    with read_only_session() as session:
        return session.scalars(select(Order.customer_id).where(Order.id == order_id)).one_or_none() or 0


OF_STAFF: dict[str, tuple[Permission, Verb]] = {
    "cancel": (
        Permission.ORDERS_CANCEL,
        lambda order_id, who, now: orders.cancel_order(order_id, reason="没有货", actor=who, now=now),
    ),
    "expire": (
        Permission.ORDERS_CANCEL,
        lambda order_id, who, now: orders.expire_order(order_id, actor=who, now=now),
    ),
    "hand over": (
        Permission.PICKUP,
        lambda order_id, who, now: pickup.confirm_pickup(
            order_id, colour=COLOURS[0], frame_no="LB12345", actor=who, now=now
        ),
    ),
    "undo": (
        Permission.PICKUP_UNDO,
        lambda order_id, who, now: pickup.undo_pickup(order_id, reason="车有问题", actor=who, now=now),
    ),
    "return": (
        Permission.PICKUP,
        lambda order_id, who, now: rentals.return_vehicle(
            order_id, condition=Condition.GOOD, place=Place.STOCK, plate_off=True, actor=who, now=now
        ),
    ),
    "settle damage": (
        Permission.DAMAGE_WITHHOLD,
        lambda order_id, who, now: rentals.settle_damage(
            order_id, items=[], photo=None, reason="擦伤很轻", request_key="form", actor=who, now=now
        ),
    ),
    "freeze": (
        Permission.PEOPLE_FREEZE,
        lambda order_id, who, now: customers.freeze(the_person(order_id), reason="核实身份", actor=who, now=now),
    ),
    "unfreeze": (
        Permission.PEOPLE_FREEZE,
        lambda order_id, who, now: customers.unfreeze(the_person(order_id), reason="核实完了", actor=who, now=now),
    ),
    "note": (
        Permission.ORDERS_NOTE,
        lambda order_id, who, now: notes.add_note(order_id, body="等到周五", actor=who, now=now),
    ),
}
OF_THE_PERSON: dict[str, Verb] = {
    "enter the number": lambda order_id, who, now: orders.enter_number(order_id, typed="0001", actor=who, now=now),
    "pay": lambda order_id, who, now: payments.begin_attempt(the_charge(order_id), actor=who, now=now),
}


def answer(verb: Verb, order_id: int, who: Actor, now: datetime) -> str:
    try:
        verb(order_id, who, now)
    except NotFound:
        return "not found"
    except Forbidden:
        return "forbidden"
    except Exception:  # noqa: BLE001  # past the question of rights
        return "let in"
    return "let in"


@pytest.mark.parametrize("act", OF_STAFF)
def test_staff_acts_need_the_right_in_the_orders_region(context: Flask, act: str, subtests: pytest.Subtests) -> None:
    permission, verb = OF_STAFF[act]
    now = context.extensions[RUNTIME].clock.now()
    order_id = an_order(context, region="B")
    for role in Role:
        has, sees = permission in RIGHTS[role], Permission.ORDERS_VIEW in RIGHTS[role]
        expected = "let in" if has else "forbidden" if sees else "not found"
        for region, wanted in (("A", "not found"), ("B", expected), (None, expected)):
            with subtests.test(role=role, region=region):
                who = a_member_of_staff(context, role=role, region=region)
                assert answer(verb, order_id, who, now) == wanted


@pytest.mark.parametrize("act", OF_STAFF)
def test_no_customer_does_a_staff_act_on_any_order_not_even_their_own(context: Flask, act: str) -> None:
    _, verb = OF_STAFF[act]
    now = context.extensions[RUNTIME].clock.now()
    buyer = a_customer(context)
    order_id = an_order(context, customer=buyer, paid=True)
    for who in (buyer, a_customer(context), Actor.visitor(), Actor.wechat()):
        allowed = act == "cancel" and who == buyer
        assert answer(verb, order_id, who, now) == ("let in" if allowed else "not found")


@pytest.mark.parametrize("act", OF_THE_PERSON)
def test_nobody_acts_in_a_persons_place(context: Flask, act: str) -> None:
    verb = OF_THE_PERSON[act]
    now = context.extensions[RUNTIME].clock.now()
    buyer = a_customer(context)
    order_id = an_order(context, customer=buyer, matched=True)
    assert answer(verb, order_id, buyer, now) == "let in"
    assert answer(verb, order_id, a_customer(context), now) == "not found"
    for who in (a_member_of_staff(context, role="owner", region=None), Actor.job("tests"), Actor.visitor()):
        assert answer(verb, order_id, who, now) == "forbidden"


@pytest.mark.parametrize("act", [*OF_STAFF, *OF_THE_PERSON])
def test_an_order_that_is_not_there(context: Flask, act: str) -> None:
    verb = OF_THE_PERSON.get(act) or OF_STAFF[act][1]
    who = a_customer(context) if act in OF_THE_PERSON else a_member_of_staff(context, role="owner", region=None)
    assert answer(verb, 999, who, context.extensions[RUNTIME].clock.now()) == "not found"


def test_nobody_makes_staff_but_the_command_line(context: Flask) -> None:
    now = context.extensions[RUNTIME].clock.now()
    for who in (a_member_of_staff(context, role="owner", region=None), a_customer(context), Actor.visitor()):
        with pytest.raises(Forbidden):
            staff.create_staff(login="lin", name="林店员", roles=[(Role.OWNER, None)], actor=who, now=now)
        with pytest.raises(Forbidden):
            staff.renew_link("lin", actor=who, now=now)
