"""Customers: known by openid, registered by real name, frozen and unfrozen by staff (decisions 1 to 3, 5)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app.domain.errors import Forbidden, NotFound, Rule, RuleBroken
from app.domain.identity import CONSENT_ID_NUMBER, search_keys
from app.domain.permissions import Actor, Permission
from app.domain.reasons import checked_reason
from app.domain.restrictions import Cause
from app.models.directory import School
from app.models.orders import Order
from app.models.people import (
    Consent,
    ConsentText,
    Customer,
    CustomerStatus,
    Identity,
    IdentityKey,
    Restriction,
)
from app.ports import Vault
from app.usecases import audit, deposits
from app.usecases.compare_and_set import insert_into
from app.usecases.orders import permitted
from app.usecases.standing import lock_customer
from app.usecases.transaction import transactional


@transactional
def meet_customer(session: Session, *, app_id: str, openid: str, now: datetime) -> int:
    """The customer of an openid, a visitor when new; its id. Decision 1."""
    session.execute(
        insert_into(session, Customer)
        .values(app_id=app_id, openid=openid, status=CustomerStatus.VISITOR, made_at=now)
        .on_conflict_do_nothing(index_elements=["app_id", "openid"])
    )
    return session.scalars(select(Customer.id).where(Customer.app_id == app_id, Customer.openid == openid)).one()


@dataclass(frozen=True, slots=True, kw_only=True)
class RealName:
    """What registration asks for; each field is checked already (domain.identity)."""

    name: str
    id_number: str
    phone: str
    school_id: int
    consent_text_id: int


@transactional
def register(session: Session, real_name: RealName, *, actor: Actor, vault: Vault, now: datetime) -> None:
    """Registers the person by real name, with the consent given. FLOW-BUY-1, decisions 2 and 3.

    A second registration of the same person changes nothing. Raises RuleBroken (ID number taken), NotFound, Forbidden.
    """
    if not actor.is_customer or actor.id is None:
        raise Forbidden("customers only")
    customer = lock_customer(session, actor.id)
    if customer.status is CustomerStatus.REGISTERED:
        return
    if session.get(School, real_name.school_id) is None:
        raise NotFound
    consent = session.get(ConsentText, real_name.consent_text_id)
    if consent is None or consent.kind != CONSENT_ID_NUMBER:
        raise RuleBroken(Rule.CONSENT_MISSING)
    id_mac = vault.mac(real_name.id_number)
    if session.scalars(select(Identity.id).where(Identity.id_mac == id_mac)).one_or_none() is not None:
        raise RuleBroken(Rule.ID_NUMBER_TAKEN)
    session.add(
        Identity(
            customer_id=customer.id,
            name=real_name.name,
            phone=real_name.phone,
            id_number=vault.seal(real_name.id_number, table="identity", column="id_number", row=str(customer.id)),
            id_mac=id_mac,
            registered_at=now,
        )
    )
    keys = [
        {"customer_id": customer.id, "kind": key.kind, "key": key.key}
        for key in sorted(search_keys(real_name.name, real_name.phone), key=lambda key: (key.kind, key.key))
    ]
    session.execute(insert(IdentityKey), keys)
    session.add(Consent(customer_id=customer.id, kind=CONSENT_ID_NUMBER, text_id=consent.id, given_at=now))
    customer.status = CustomerStatus.REGISTERED
    customer.school_id = real_name.school_id
    audit.put(
        session,
        actor,
        "customer_registered",
        now,
        subject=("customer", customer.id),
        customer_id=customer.id,
        consent_version=consent.version,
    )


@transactional
def freeze(session: Session, order_id: int, *, reason: str, actor: Actor, now: datetime) -> None:
    """Bars the person of an order from anything new. Raises NotFound, Forbidden, RuleBroken. Decision 5."""
    order, standing = _standing(session, order_id, actor)
    reason = checked_reason(reason)
    if standing is not None:
        return
    session.add(
        Restriction(customer_id=order.customer_id, cause=Cause.MANUAL, since=now, reason=reason, staff_id=actor.id)
    )
    audit.put_for_order(session, actor, "customer_frozen", order, now, reason=reason)


@transactional
def unfreeze(session: Session, order_id: int, *, reason: str, actor: Actor, now: datetime) -> None:
    """Lifts a freeze that staff set. Raises NotFound, Forbidden, RuleBroken."""
    order, standing = _standing(session, order_id, actor)
    if standing is None:
        raise RuleBroken(Rule.NOT_FROZEN)
    reason = checked_reason(reason)
    standing.lifted_at = max(now, standing.since)  # two acts at once: the later one may have looked at the clock first
    session.flush()
    deposits.release_idle(session, order.customer_id, actor, now)
    audit.put_for_order(session, actor, "customer_unfrozen", order, now, reason=reason)


def _standing(session: Session, order_id: int, actor: Actor) -> tuple[Order, Restriction | None]:
    """The order, which is not locked, and the freeze of its person, who is. Raises NotFound, Forbidden."""
    order = permitted(session.get(Order, order_id), actor, Permission.PEOPLE_FREEZE)
    lock_customer(session, order.customer_id)
    standing = session.scalars(
        select(Restriction).where(
            Restriction.customer_id == order.customer_id,
            Restriction.cause == Cause.MANUAL,
            Restriction.lifted_at.is_(None),
        )
    ).one_or_none()
    return order, standing
