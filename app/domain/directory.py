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
            checked_text(self.address, MOST_ADDRESS, "address"),
            checked_text(self.hours, MOST_HOURS, "hours"),
        )


@dataclass(frozen=True, slots=True)
class ContactFacts:
    """How a department is reached; each part may be empty."""

    phone: str
    wechat: str
    hours: str

    def checked(self) -> "ContactFacts":
        """Trimmed, the phone without blanks. Raises RuleBroken with the field that does not fit."""
        return ContactFacts(
            checked_phone(self.phone), checked_wechat(self.wechat), checked_text(self.hours, MOST_HOURS, "hours")
        )


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


def checked_phone(phone: str) -> str:
    """A department's phone without blanks, mobile, landline or 400; may be empty. Raises RuleBroken."""
    phone = re.sub(r"\s", "", phone)
    if phone and not _PHONE.fullmatch(phone):
        raise RuleBroken(Rule.PHONE_WRONG, field="phone")
    return phone


def checked_wechat(wechat: str) -> str:
    """A WeChat id, trimmed; may be empty. Raises RuleBroken."""
    wechat = wechat.strip()
    if wechat and not _WECHAT.fullmatch(wechat):
        raise RuleBroken(Rule.WECHAT_WRONG, field="wechat")
    return wechat


def checked_text(text: str, most: int, field: str) -> str:
    """Free text, trimmed; may be empty. Raises RuleBroken when it is too long."""
    text = text.strip()
    if len(text) > most:
        raise RuleBroken(Rule.TEXT_TOO_LONG, most=most, field=field)
    return text
