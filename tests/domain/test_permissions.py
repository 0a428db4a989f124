"""Who may do what: every role × every right, as decision 38 has it, and where."""

import pytest

from app.domain.errors import Forbidden
from app.domain.permissions import EVERYWHERE, NOWHERE, RIGHTS, Actor, ActorKind, Permission, Role, Scope

A, B, C = 1, 2, 3

TABLE = {
    #                              owner  manager clerk  finance technician consultant
    Permission.HOME_VIEW:        (True,  True,  True,  True,  True,  True),
    Permission.ORDERS_VIEW:      (True,  True,  True,  True,  False, False),
    Permission.ORDERS_CANCEL:    (True,  True,  True,  True,  False, False),  # no money acts for the consultant
    Permission.ORDERS_NOTE:      (True,  True,  True,  True,  False, False),
    Permission.PAYMENTS_VIEW:    (True,  True,  False, True,  False, False),
    Permission.PICKUP:           (True,  True,  True,  False, False, False),  # finance: no counter
    Permission.PICKUP_UNDO:      (True,  True,  False, False, False, False),  # the supervisor
    Permission.CARDS_REVIEW:     (True,  True,  True,  False, False, False),
    Permission.FLASH_VIEW:       (True,  True,  True,  True,  False, False),
    Permission.FLASH_SETTLE:     (True,  True,  False, False, False, False),
    Permission.BATTERIES_MANAGE: (True,  True,  True,  False, False, False),
    Permission.DEPOSITS_REFUND:  (True,  True,  False, True,  False, False),
    Permission.DAMAGE_WITHHOLD:  (True,  True,  False, False, False, False),
    Permission.VEHICLES_VIEW:    (True,  True,  True,  False, False, False),
    Permission.VEHICLES_CHANGE:  (True,  True,  False, False, False, False),
    Permission.NUMBERS_VIEW:     (True,  True,  True,  True,  False, False),
    Permission.NUMBERS_RETIRE:   (True,  True,  False, False, False, False),
    Permission.PLATES_PRINT:     (True,  True,  True,  False, False, False),
    Permission.MONEY_SETTINGS_CHANGE: (True, False, False, False, False, False),  # the owner alone
    Permission.PEOPLE_FREEZE:    (True,  True,  False, False, False, False),
    Permission.SETTINGS_VIEW:    (True,  True,  False, False, False, False),  # finance: no settings
    Permission.SETTINGS_CHANGE:  (True,  True,  False, False, False, False),
    Permission.DIRECTORY_CHANGE: (True,  True,  False, False, False, False),
    Permission.EXPORT:           (True,  True,  False, True,  False, False),
    Permission.LEDGER_VIEW:      (True,  True,  False, True,  False, False),
    Permission.DAY_CLOSE:        (True,  True,  False, True,  False, False),
    Permission.BILLS_RECONCILE:  (True,  True,  False, True,  False, False),
    Permission.SUSPECTS_SETTLE:  (True,  True,  False, True,  False, False),
    Permission.ORDERS_REFUND:    (True,  True,  False, True,  False, False),
    Permission.FEES_WAIVE:       (True,  True,  False, False, False, False),  # the supervisor
    Permission.PAYOUT_OUTSIDE:   (True,  False, False, False, False, False),  # the owner alone
    Permission.JOBS_VIEW:        (True,  True,  False, False, False, False),
    Permission.JOBS_RUN:         (True,  False, False, False, False, False),  # of all regions at once
}  # fmt: skip


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize("role", Role)
def test_each_role_has_its_rights_and_no_other(role: Role, permission: Permission) -> None:
    has = dict(zip(Role, TABLE[permission], strict=True))[role]
    assert (permission in RIGHTS[role]) is has
    for_b = Actor.staff(7, "陈店员", [(role, B)])
    assert [for_b.may(permission, region) for region in (A, B, C)] == [False, has, False]
    assert for_b.may(permission) is has
    for_all = Actor.staff(7, "陈店员", [(role, None)])
    assert [for_all.may(permission, region) for region in (A, B, C)] == [has] * 3


@pytest.mark.parametrize("permission", Permission)
def test_whoever_is_no_staff_has_no_right_but_a_job_has_all(permission: Permission) -> None:
    buyer = Actor.customer(7, registered=True, region_id=A)
    for other in (Actor.visitor(), buyer, Actor.wechat(), Actor.staff(8, "没有角色", [])):
        assert not other.may(permission)
        assert not other.may(permission, A)
        with pytest.raises(Forbidden):
            other.require(permission, A)
    assert Actor.job("expire_orders").may(permission, A)


def test_roles_of_several_regions_add_up() -> None:
    who = Actor.staff(7, "陈店员", [(Role.CLERK, A), (Role.MANAGER, B), (Role.CLERK, B), (Role.FINANCE, None)])
    assert who.scope(Permission.PICKUP) == Scope(regions=frozenset({A, B}))
    assert who.scope(Permission.PICKUP_UNDO) == Scope(regions=frozenset({B}))
    assert who.scope(Permission.ORDERS_VIEW).everywhere
    assert who.scope(Permission.SETTINGS_CHANGE) == Scope(regions=frozenset({B}))
    assert who.roles == (Role.CLERK, Role.MANAGER, Role.FINANCE)


@pytest.mark.parametrize(
    ("scope", "region", "there"),
    [
        (NOWHERE, A, False),
        (EVERYWHERE, A, True),
        (Scope(regions=frozenset({A})), A, True),
        (Scope(regions=frozenset({A})), B, False),
        (NOWHERE | Scope(regions=frozenset({B})), B, True),
        (Scope(regions=frozenset({A})) | EVERYWHERE, C, True),
    ],
)
def test_a_scope_is_a_set_of_regions(scope: Scope, region: int, there: bool) -> None:
    assert (region in scope) is there


@pytest.mark.parametrize(
    ("scope", "chosen", "regions"),
    [
        (EVERYWHERE, None, None),
        (EVERYWHERE, B, [B]),
        (Scope(regions=frozenset({B, A})), None, [A, B]),
        (Scope(regions=frozenset({A})), A, [A]),
        (Scope(regions=frozenset({A})), B, []),
        (NOWHERE, None, []),
    ],
)
def test_where_to_look_within_a_scope(scope: Scope, chosen: int | None, regions: list[int] | None) -> None:
    assert scope.within(chosen) == regions


def test_who_is_logged_in() -> None:
    kinds = {
        ActorKind.VISITOR: Actor.visitor(),
        ActorKind.CUSTOMER: Actor.customer(7, registered=False, region_id=None),
        ActorKind.STAFF: Actor.staff(7, "陈店员", []),
        ActorKind.JOB: Actor.job("forget"),
        ActorKind.WECHAT: Actor.wechat(),
    }
    assert [kind for kind, who in kinds.items() if who.is_authenticated] == [ActorKind.CUSTOMER, ActorKind.STAFF]
    assert [kind for kind, who in kinds.items() if who.is_customer] == [ActorKind.CUSTOMER]
    assert kinds[ActorKind.CUSTOMER].get_id() != kinds[ActorKind.STAFF].get_id()  # the same id, another kind
