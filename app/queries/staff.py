"""Members of staff, by login."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.permissions import Role
from app.models.access import Staff, StaffRole
from app.models.directory import Region


@dataclass(frozen=True, slots=True)
class StaffRow:
    """One role of one member of staff; `region` None: all regions."""

    id: int
    login: str
    name: str
    role: Role
    region: str | None


def staff_roles(session: Session) -> list[StaffRow]:
    """Everybody who may log in, in the order they came, one row for each role."""
    rows = session.execute(
        select(Staff.id, Staff.login, Staff.name, StaffRole.role, Region.letter)
        .join(StaffRole, StaffRole.staff_id == Staff.id)
        .outerjoin(Region, Region.id == StaffRole.region_id)
        .where(Staff.disabled_at.is_(None))
        .order_by(Staff.id, StaffRole.id)
    )
    return [StaffRow(*row) for row in rows]
