"""What bars a person from beginning something new (decision 5)."""

from enum import StrEnum


class Cause(StrEnum):
    """Why somebody is restricted. Overdue and debt join with rent and flash charge."""

    MANUAL = "manual"
