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
def freeze(
    session: Session, customer_id: int, *, reason: str, order_id: int | None = None, actor: Actor, now: datetime
) -> None:
    """Bars a person from anything new. Raises NotFound, Forbidden, RuleBroken. Decision 5.

    `order_id`: the order of theirs that it was done from, in whose story it then stands too.
    """
    region_id, standing = _standing(session, customer_id, actor)
    reason = checked_reason(reason)
    if standing is not None:
        return
    session.add(Restriction(customer_id=customer_id, cause=Cause.MANUAL, since=now, reason=reason, staff_id=actor.id))
    _put(session, actor, "customer_frozen", customer_id, region_id, order_id, now, reason)


@transactional
def unfreeze(
    session: Session, customer_id: int, *, reason: str, order_id: int | None = None, actor: Actor, now: datetime
) -> None:
    """Lifts a freeze that staff set. Raises NotFound, Forbidden, RuleBroken."""
    region_id, standing = _standing(session, customer_id, actor)
    if standing is None:
        raise RuleBroken(Rule.NOT_FROZEN)
    reason = checked_reason(reason)
    standing.lifted_at = max(now, standing.since)  # two acts at once: the later one may have looked at the clock first
    session.flush()
    deposits.release_idle(session, customer_id, actor, now)
    _put(session, actor, "customer_unfrozen", customer_id, region_id, order_id, now, reason)


def _standing(session: Session, customer_id: int, actor: Actor) -> tuple[int, Restriction | None]:
    """The region of a person's school, and their freeze by hand; the person is locked. Raises NotFound, Forbidden."""
    region_id = session.scalars(
        select(School.region_id).join(Customer, Customer.school_id == School.id).where(Customer.id == customer_id)
    ).one_or_none()
    if region_id is None or not actor.may(Permission.ORDERS_VIEW, region_id):
        raise NotFound
    actor.require(Permission.PEOPLE_FREEZE, region_id)
    lock_customer(session, customer_id)
    standing = session.scalars(
        select(Restriction).where(
            Restriction.customer_id == customer_id,
            Restriction.cause == Cause.MANUAL,
            Restriction.lifted_at.is_(None),
        )
    ).one_or_none()
    return region_id, standing


def _put(
    session: Session,
    actor: Actor,
    action: str,
    customer_id: int,
    region_id: int,
    order_id: int | None,
    now: datetime,
    reason: str,
) -> None:
    """`order_id` is told by a form: another person's order keeps its own story."""
    own = select(Order.id).where(Order.id == order_id, Order.customer_id == customer_id)
    audit.put(
        session,
        actor,
        action,
        now,
        subject=("customer", customer_id),
        region_id=region_id,
        customer_id=customer_id,
        order_id=session.scalars(own).one_or_none() if order_id is not None else None,
        reason=reason,
    )
