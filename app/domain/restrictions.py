"""What bars a person from beginning something new (decision 5)."""

from enum import StrEnum


class Cause(StrEnum):
    """Why somebody is restricted. All but a freeze by hand follow from the facts alone; their rows are the record."""

    OVERDUE = "overdue"  # a use or rental past its freeze day; ends with the return
    DEBT = "debt"  # late fees of what is over, not yet paid, withheld or waived
    MANUAL = "manual"  # set and lifted by staff
