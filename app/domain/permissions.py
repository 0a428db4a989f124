"""Who may do what: roles and rights (decision 38), and the actor that every query and verb is told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from app.domain.errors import Forbidden


class Permission(StrEnum):
    """One right. Each is held for some regions or for all."""

    HOME_VIEW = "home_view"
    ORDERS_VIEW = "orders_view"
    ORDERS_CANCEL = "orders_cancel"
    ORDERS_NOTE = "orders_note"
    PAYMENTS_VIEW = "payments_view"
    EXPORT = "export"
    LEDGER_VIEW = "ledger_view"
    DAY_CLOSE = "day_close"
    BILLS_RECONCILE = "bills_reconcile"
    SUSPECTS_SETTLE = "suspects_settle"
    ORDERS_REFUND = "orders_refund"
    FEES_WAIVE = "fees_waive"
    PAYOUT_OUTSIDE = "payout_outside"
    JOBS_VIEW = "jobs_view"
    JOBS_RUN = "jobs_run"
    PICKUP = "pickup"
    PICKUP_UNDO = "pickup_undo"
    PEOPLE_FREEZE = "people_freeze"
    CARDS_REVIEW = "cards_review"
    FLASH_VIEW = "flash_view"
    FLASH_SETTLE = "flash_settle"
    BATTERIES_MANAGE = "batteries_manage"
    DEPOSITS_REFUND = "deposits_refund"
    DAMAGE_WITHHOLD = "damage_withhold"
    VEHICLES_VIEW = "vehicles_view"
    VEHICLES_CHANGE = "vehicles_change"
    NUMBERS_VIEW = "numbers_view"
    NUMBERS_RETIRE = "numbers_retire"
    PLATES_PRINT = "plates_print"
    SETTINGS_VIEW = "settings_view"
    SETTINGS_CHANGE = "settings_change"
    MONEY_SETTINGS_CHANGE = "money_settings_change"
    DIRECTORY_CHANGE = "directory_change"


class Role(StrEnum):
    """What somebody is employed as, for a region or for all."""

    OWNER = "owner"
    MANAGER = "manager"
    CLERK = "clerk"
    FINANCE = "finance"
    TECHNICIAN = "technician"
    CONSULTANT = "consultant"


OWNER_ALONE = frozenset({Permission.MONEY_SETTINGS_CHANGE, Permission.PAYOUT_OUTSIDE, Permission.JOBS_RUN})
"""Prices and money settings, payouts outside WeChat, and what concerns all regions at once (decision 38)."""

RIGHTS: dict[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.MANAGER: frozenset(Permission) - OWNER_ALONE,
    Role.CLERK: frozenset(
        {
            Permission.HOME_VIEW,
            Permission.ORDERS_VIEW,
            Permission.ORDERS_CANCEL,
            Permission.ORDERS_NOTE,
            Permission.PICKUP,
            Permission.CARDS_REVIEW,
            Permission.FLASH_VIEW,
            Permission.BATTERIES_MANAGE,
            Permission.VEHICLES_VIEW,
            Permission.NUMBERS_VIEW,
            Permission.PLATES_PRINT,
        }
    ),
    Role.FINANCE: frozenset(
        {
            Permission.HOME_VIEW,
            Permission.ORDERS_VIEW,
            Permission.ORDERS_CANCEL,
            Permission.ORDERS_NOTE,
            Permission.PAYMENTS_VIEW,
            Permission.LEDGER_VIEW,
            Permission.DAY_CLOSE,
            Permission.BILLS_RECONCILE,
            Permission.SUSPECTS_SETTLE,
            Permission.ORDERS_REFUND,
            Permission.EXPORT,
            Permission.FLASH_VIEW,
            Permission.DEPOSITS_REFUND,
            Permission.NUMBERS_VIEW,
        }
    ),
    Role.TECHNICIAN: frozenset({Permission.HOME_VIEW}),
    Role.CONSULTANT: frozenset({Permission.HOME_VIEW}),
}
"""The rights of each role (decision 38)."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The regions that a right is held for."""

    everywhere: bool = False
    regions: frozenset[int] = frozenset()

    def __contains__(self, region_id: object) -> bool:
        return self.everywhere or region_id in self.regions

    def __bool__(self) -> bool:
        return self.everywhere or bool(self.regions)

    def within(self, region_id: int | None) -> list[int] | None:
        """The regions to look in when one is chosen, or (None) all of them; None: wherever there are any."""
        if region_id is not None:
            return [region_id] if region_id in self else []
        return None if self.everywhere else sorted(self.regions)

    def covers(self, regions: list[int] | None) -> bool:
        """Whether it is held in each of the regions of a `within`, of which there is one at least."""
        if regions is None:
            return self.everywhere
        return bool(regions) and all(region_id in self for region_id in regions)

    def __or__(self, other: Self) -> "Scope":
        return Scope(self.everywhere or other.everywhere, self.regions | other.regions)


NOWHERE = Scope()
EVERYWHERE = Scope(everywhere=True)


class ActorKind(StrEnum):
    """Who acts."""

    VISITOR = "visitor"
    CUSTOMER = "customer"
    STAFF = "staff"
    JOB = "job"
    WECHAT = "wechat"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks or acts: frozen, told to every query and verb. `id` is of customer or staff, by kind."""

    kind: ActorKind
    id: int | None = None
    name: str = ""
    rights: Mapping[Permission, Scope] = field(default_factory=dict)
    roles: tuple[Role, ...] = ()
    registered: bool = False  # a customer with a real name
    region_id: int | None = None  # a registered customer's own region
    session_id: int | None = None

    @classmethod
    def visitor(cls) -> Self:
        """Somebody who is not logged in."""
        return cls(ActorKind.VISITOR)

    @classmethod
    def job(cls, name: str) -> Self:
        """A job of the timetable; may do everything everywhere."""
        return cls(ActorKind.JOB, name=name, rights=dict.fromkeys(Permission, EVERYWHERE))

    @classmethod
    def wechat(cls) -> Self:
        """WeChat itself, telling us something in a signed notice."""
        return cls(ActorKind.WECHAT, name="wechat")

    @classmethod
    def customer(
        cls, customer_id: int, *, registered: bool, region_id: int | None, session_id: int | None = None
    ) -> Self:
        """A person with a phone."""
        return cls(ActorKind.CUSTOMER, customer_id, registered=registered, region_id=region_id, session_id=session_id)

    @classmethod
    def staff(
        cls, staff_id: int, name: str, roles: Iterable[tuple[Role, int | None]], session_id: int | None = None
    ) -> Self:
        """Somebody who works here; each role is for one region, or for all (None)."""
        rights: dict[Permission, Scope] = {}
        held = tuple(roles)
        for role, region_id in held:
            scope = EVERYWHERE if region_id is None else Scope(regions=frozenset({region_id}))
            for permission in RIGHTS[role]:
                rights[permission] = rights.get(permission, NOWHERE) | scope
        names = tuple(dict.fromkeys(role for role, _ in held))
        return cls(ActorKind.STAFF, staff_id, name, rights, names, session_id=session_id)

    # Flask-Login asks these of whoever is logged in.
    is_active = True

    @property
    def is_authenticated(self) -> bool:
        """Whether somebody is logged in at all."""
        return self.kind in (ActorKind.CUSTOMER, ActorKind.STAFF)

    @property
    def is_anonymous(self) -> bool:
        """The opposite."""
        return not self.is_authenticated

    def get_id(self) -> str:
        """`kind:id`."""
        return f"{self.kind}:{self.id}"

    @property
    def is_customer(self) -> bool:
        """Whether a person with a phone acts."""
        return self.kind is ActorKind.CUSTOMER

    def scope(self, permission: Permission) -> Scope:
        """Where the actor holds a right."""
        return self.rights.get(permission, NOWHERE)

    def may(self, permission: Permission, region_id: int | None = None) -> bool:
        """Whether the actor holds a right in a region, or (without one) anywhere."""
        scope = self.scope(permission)
        return bool(scope) if region_id is None else region_id in scope

    def require(self, permission: Permission, region_id: int | None = None) -> None:
        """Raises Forbidden."""
        if not self.may(permission, region_id):
            raise Forbidden(permission.value)
