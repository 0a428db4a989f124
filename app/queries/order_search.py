"""What the search box finds: conditions on orders, decided by the shape of the text (never one on every column)."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, SQLColumnExpression, func, select, union, union_all
from sqlalchemy.orm import Session

from app.domain.finding import Search, Shape
from app.domain.identity import KeyKind, bigrams
from app.domain.numbering import Business
from app.models.deposits import Deposit
from app.models.directory import Region
from app.models.money import Charge, Payment
from app.models.orders import Order
from app.models.people import Identity, IdentityKey

MOST_PEOPLE = 500
"""How many people a name may stand for; more is no search, and the page says so."""

LATIN_END = "z" * 20
"""Pinyin keys are a to z only: what begins with a text lies between it and it with this behind."""


def conditions_of(
    session: Session, search: Search, businesses: Sequence[Business]
) -> tuple[list[ColumnElement[bool]], bool]:
    """Conditions on orders, each for an index of its own, of which any may hold; and whether too many people fit.

    Money for a deposit finds the rental on whose way it was agreed.
    """
    if search.shape is Shape.NUMBER:
        return [Order.number == search.text], False
    if search.shape is Shape.ORDER_NO:
        return [Order.order_no == search.text], False
    if search.shape in (Shape.TRANSACTION, Shape.TRADE_NO):
        order_id = func.coalesce(Charge.order_id, Deposit.order_id)
        paid = select(order_id).outerjoin(Deposit, Deposit.id == Charge.deposit_id)
        return [Order.id.in_(paid.join(Payment, Payment.charge_id == Charge.id).where(paid_by(search)))], False
    people, too_many = person_condition(session, search, Order.customer_id)
    conditions = [] if people is None else [people]
    if search.shape is Shape.DIGITS:
        ends = [f"{business}{search.text}" for business in businesses]
        numbers = union_all(*(select(Region.letter.concat(end)) for end in ends))
        conditions.append(Order.number.in_(numbers))
    return conditions, too_many


def paid_by(search: Search) -> ColumnElement[bool]:
    """The condition on payments of one of WeChat's numbers: its own, or ours of the attempt."""
    named = Payment.transaction_id if search.shape is Shape.TRANSACTION else Payment.out_trade_no
    return named == search.text


def person_condition(
    session: Session, search: Search, customer_id: SQLColumnExpression[int]
) -> tuple[ColumnElement[bool] | None, bool]:
    """The condition on a column of customers: by phone, its end, or name; and whether too many fit.

    None: nobody fits, or the text does not name a person.
    """
    if search.shape is Shape.PHONE:
        return customer_id.in_(select(Identity.customer_id).where(Identity.phone == search.text)), False
    if search.shape is Shape.DIGITS:
        is_tail = (IdentityKey.kind == KeyKind.PHONE_TAIL, IdentityKey.key == search.text)
        return customer_id.in_(select(IdentityKey.customer_id).where(*is_tail)), False
    if search.shape not in (Shape.NAME, Shape.LATIN):
        return None, False
    people = _people_called(session, search)
    wanted = people[:MOST_PEOPLE]
    return customer_id.in_(wanted) if wanted else None, len(people) > MOST_PEOPLE


def _people_called(session: Session, search: Search) -> Sequence[int]:
    """The customers that a name, a part of one, its pinyin or its initials stand for; one more than are looked at."""
    if search.shape is Shape.LATIN:
        pinyin = IdentityKey.key.between(search.text, search.text + LATIN_END)
        keys = union(
            select(IdentityKey.customer_id).where(IdentityKey.kind == KeyKind.INITIALS, IdentityKey.key == search.text),
            select(IdentityKey.customer_id).where(IdentityKey.kind == KeyKind.PINYIN, pinyin),
        ).subquery()
        return session.scalars(select(keys.c.customer_id).limit(MOST_PEOPLE + 1)).all()
    named = select(Identity.customer_id).where(Identity.name == search.text).limit(MOST_PEOPLE + 1)
    people = session.scalars(named).all()
    if people:
        return people
    parts = sorted(bigrams(search.text))
    return session.scalars(
        select(IdentityKey.customer_id)
        .where(IdentityKey.kind == KeyKind.BIGRAM, IdentityKey.key.in_(parts))
        .group_by(IdentityKey.customer_id)
        .having(func.count() == len(parts))
        .limit(MOST_PEOPLE + 1)
    ).all()
