"""Vehicle numbers: a region's letter, the business letter, four digits (NUM-1 to NUM-3)."""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

LAST_NUMBER = 9999


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


@dataclass(frozen=True, slots=True)
class Digits:
    """Four digits alone: the end of a number, or of a phone."""

    text: str


@dataclass(frozen=True, slots=True)
class OtherText:
    """Anything else that was scanned or typed; folded."""

    text: str


Scan = VehicleNumber | Digits | OtherText


def read_scan(typed: str) -> Scan:
    """What the counter's one box was given. A whole mobile number counts as its last four digits. NUM-8."""
    text = fold(typed)
    if re.fullmatch(r"[0-9]{4}|1[0-9]{10}", text):
        return Digits(text[-4:])
    try:
        return VehicleNumber.parse(text)
    except ValueError:
        return OtherText(text)


def number_fits(typed: str, number: VehicleNumber) -> bool:
    """Whether what the person typed is this number: whole, or its four digits. FLOW-BUY-3."""
    return fold(typed) in (str(number), f"{number.n:04d}")


def loggable(typed: str) -> str | None:
    """What of a typed text may be logged: a whole number or four digits, nothing that could be a phone or a name."""
    scan = read_scan(typed)
    if isinstance(scan, VehicleNumber):
        return str(scan)
    return scan.text if isinstance(scan, Digits) and len(fold(typed)) == len(scan.text) else None
