"""The numbers on vehicles and batteries, and what people type and scan (NUM-1 to NUM-3, NUM-8, NUM-9)."""

import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

LAST_NUMBER = 9999
LAST_BATTERY_NUMBER = 99999
FREE_WHEN_WARNED = LAST_NUMBER * 5 // 100
"""So few numbers of a series are left when 95 % are taken: somebody should think of what comes next. Decision 10."""


class Business(StrEnum):
    """What a number is for; the value is the letter in it. NUM-2."""

    SALE = "M"
    RENTAL = "Z"
    MINI_RENTAL = "P"


def fold(typed: str) -> str:
    """What was typed or scanned, with width, case, spaces and unseen signs taken out: ` ａｍ ０００１ ` → `AM0001`."""
    plain = unicodedata.normalize("NFKC", typed)
    return "".join(letter for letter in plain if letter.isprintable() and not letter.isspace()).upper()


@dataclass(frozen=True, slots=True, order=True)
class VehicleNumber:
    """AM0001. Orders as the series does."""

    letter: str
    business: Business
    n: int

    def __str__(self) -> str:
        return f"{self.letter}{self.business.value}{self.n:04d}"

    @classmethod
    def parse(cls, typed: str) -> Self:
        """Reads a whole number in any width or case. Raises ValueError."""
        found = re.fullmatch(r"([A-Z])([MZP])([0-9]{4})", fold(typed))
        if found is None or not 1 <= int(found[3]) <= LAST_NUMBER:
            raise ValueError(typed)
        return cls(found[1], Business(found[2]), int(found[3]))


@dataclass(frozen=True, slots=True, order=True)
class BatteryNumber:
    """A00042: a region's letter and five digits. Orders as the region's batteries do. NUM-3."""

    letter: str
    n: int

    def __str__(self) -> str:
        return f"{self.letter}{self.n:05d}"

    @classmethod
    def parse(cls, typed: str) -> Self:
        """Reads a whole number in any width or case, alone or as the URL of any host in its QR. Raises ValueError."""
        found = re.fullmatch(r"(?:HTTPS?://[^?#]+/Q/)?([A-Z])([0-9]{5})", fold(typed))
        if found is None or not 1 <= int(found[2]) <= LAST_BATTERY_NUMBER:
            raise ValueError(typed)
        return cls(found[1], int(found[2]))

    def url(self, public_url: str) -> str:
        """What its QR holds: a phone opens it, the counter's box reads it as the number. Decision 44."""
        return f"{public_url}/q/{self}"


@dataclass(frozen=True, slots=True)
class Digits:
    """Four digits alone: the end of a number, or of a phone."""

    text: str


@dataclass(frozen=True, slots=True)
class OtherText:
    """Anything else that was scanned or typed; folded."""

    text: str


Scan = VehicleNumber | BatteryNumber | Digits | OtherText


def read_scan(typed: str) -> Scan:
    """What the counter's one box was given. A whole mobile number counts as its last four digits. NUM-8."""
    text = fold(typed)
    if re.fullmatch(r"[0-9]{4}|1[0-9]{10}", text):
        return Digits(text[-4:])
    for kind in (VehicleNumber, BatteryNumber):
        with suppress(ValueError):
            return kind.parse(text)
    return OtherText(text)


def number_fits(typed: str, number: VehicleNumber) -> bool:
    """Whether what the person typed is this number: whole, or its four digits. FLOW-BUY-3."""
    return fold(typed) in (str(number), f"{number.n:04d}")


def loggable(typed: str) -> str | None:
    """What of a typed text may be logged: a whole number or four digits, nothing that could be a phone or a name."""
    scan = read_scan(typed)
    if isinstance(scan, VehicleNumber | BatteryNumber):
        return str(scan)
    return scan.text if isinstance(scan, Digits) and len(fold(typed)) == len(scan.text) else None
