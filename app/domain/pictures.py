"""What a photo that somebody uploads may be, and the ways in which it is not (decision 45)."""

from enum import StrEnum

MOST_BYTES = 10 * 1024 * 1024
MOST_PIXELS = 24_500_000
"""What phones sell as 24 MP: the largest of them are 5712 × 4284."""
LONGEST_SIDE = 2000
"""Pixels. What is kept is never larger: enough to read a student card or see a scratch."""


class PhotoKind(StrEnum):
    """What a kept photo shows."""

    CARD = "card"
    DAMAGE = "damage"
    PAYOUT = "payout"  # proof that money was paid outside WeChat


class PictureFault(StrEnum):
    """Why a photo is refused; each has its words in `labels.PICTURE_FAULTS`."""

    TOO_LARGE = "too_large"
    TOO_MANY_PIXELS = "too_many_pixels"
    WRONG_TYPE = "wrong_type"
    UNREADABLE = "unreadable"
    ANIMATED = "animated"


class BadPicture(ValueError):
    """Bytes that are no photo we take; `fault` says why."""

    def __init__(self, fault: PictureFault) -> None:
        super().__init__(fault.value)
        self.fault = fault
