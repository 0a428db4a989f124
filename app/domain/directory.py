"""The directory of regions: its words, and what a name, a phone, a WeChat id or opening hours look like."""

import re
from dataclasses import dataclass
from enum import StrEnum

from app.domain.errors import Rule, RuleBroken


class ContactKind(StrEnum):
    """The two departments that a region's people can reach."""

    CUSTOMER_SERVICE = "customer_service"
    REPAIR = "repair"


MOST_NAME = 20  # a region, a store
MOST_SCHOOL_NAME = 40
MOST_ADDRESS = 120
MOST_HOURS = 40

_LETTER = re.compile(r"[A-Z]")
_PHONE = re.compile(r"1[3-9]\d{9}|0\d{2,3}-?\d{7,8}|[48]00-?\d{3}-?\d{4}")
_WECHAT = re.compile(r"[A-Za-z][A-Za-z0-9_-]{5,19}")


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """A store as people find it."""

    name: str
    address: str
    hours: str

    def checked(self) -> "StoreFacts":
        """Trimmed. Raises RuleBroken with the field that does not fit."""
        return StoreFacts(
            checked_name(self.name, MOST_NAME),
            _short(self.address, MOST_ADDRESS, "address"),
            _short(self.hours, MOST_HOURS, "hours"),
        )


@dataclass(frozen=True, slots=True)
class ContactFacts:
    """How a department is reached; each part may be empty."""

    phone: str
    wechat: str
    hours: str

    def checked(self) -> "ContactFacts":
        """Trimmed, the phone without blanks. Raises RuleBroken with the field that does not fit."""
        phone, wechat = re.sub(r"\s", "", self.phone), self.wechat.strip()
        if phone and not _PHONE.fullmatch(phone):
            raise RuleBroken(Rule.PHONE_WRONG, field="phone")
        if wechat and not _WECHAT.fullmatch(wechat):
            raise RuleBroken(Rule.WECHAT_WRONG, field="wechat")
        return ContactFacts(phone, wechat, _short(self.hours, MOST_HOURS, "hours"))


def checked_letter(letter: str) -> str:
    """A code letter. Raises RuleBroken."""
    if not _LETTER.fullmatch(letter):
        raise RuleBroken(Rule.LETTER_WRONG, field="letter")
    return letter


def checked_name(name: str, most: int, field: str = "name") -> str:
    """A name, trimmed. Raises RuleBroken when it is empty or too long, or has what nobody sees."""
    name = " ".join(name.split())
    if not 1 <= len(name) <= most or not name.isprintable():
        raise RuleBroken(Rule.NAME_WRONG, most=most, field=field)
    return name


def _short(text: str, most: int, field: str) -> str:
    text = text.strip()
    if len(text) > most:
        raise RuleBroken(Rule.TEXT_TOO_LONG, most=most, field=field)
    return text
