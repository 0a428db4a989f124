"""What bars a person from beginning something new (decision 5)."""

from enum import StrEnum


class Cause(StrEnum):
    """Why somebody is restricted. Overdue follows from the facts alone: a use or rental past its freeze day."""

    OVERDUE = "overdue"
    MANUAL = "manual"
