"""What the search box finds: conditions on orders, decided by the shape of the text (never one on every column)."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, select, union
from sqlalchemy.orm import Session

from app.domain.finding import Search, Shape
from app.domain.identity import KeyKind, bigrams
from app.domain.numbering import Business
from app.models.directory import Region
from app.models.money import Charge, Payment
from app.models.orders import Order
from app.models.people import Identity, IdentityKey

MOST_PEOPLE = 500
"""How many people a name may stand for; more is no search, and the page says so."""

LATIN_END = "z" * 20
"""Pinyin keys are a to z only: what begins with a text lies between it and it with this behind."""


def conditions_of(session: Session, search: Search) -> tuple[list[ColumnElement[bool]], bool]:
    """Conditions on orders, each for an index of its own, of which any may hold; and whether too many people fit."""
    if search.shape is Shape.NUMBER:
        return [Order.number == search.text], False
    if search.shape is Shape.ORDER_NO:
        return [Order.order_no == search.text], False
    if search.shape is Shape.PHONE:
        return [Order.customer_id.in_(select(Identity.customer_id).where(Identity.phone == search.text))], False
    if search.shape is Shape.DIGITS:
        numbers = select(Region.letter.concat(f"{Business.SALE}{search.text}"))
        is_tail = (IdentityKey.kind == KeyKind.PHONE_TAIL, IdentityKey.key == search.text)
        tails = select(IdentityKey.customer_id).where(*is_tail)
        return [Order.number.in_(numbers), Order.customer_id.in_(tails)], False
    if search.shape in (Shape.TRANSACTION, Shape.TRADE_NO):
        named = Payment.transaction_id if search.shape is Shape.TRANSACTION else Payment.out_trade_no
        paid = select(Charge.order_id).join(Payment, Payment.charge_id == Charge.id).where(named == search.text)
        return [Order.id.in_(paid)], False
    if search.shape is Shape.UNREADABLE:
        return [], False
    people = _people_called(session, search)
    wanted = people[:MOST_PEOPLE]
    return [Order.customer_id.in_(wanted)] if wanted else [], len(people) > MOST_PEOPLE


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
