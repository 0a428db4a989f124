"""Who a person is: checks of ID number and phone, masks, and the keys that a name is found by (decisions 2, 3)."""

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import product

import phonenumbers
from pypinyin import Style, pinyin
from stdnum.cn import ric
from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_11_2

from app.domain.numbering import fold

LEAST_AGE = 14
MOST_STARS = 3
CONSENT_ID_NUMBER = "id_number"
HAN = "一-鿿㐀-䶿〇\U00020000-\U000323af"
"""The letters of Chinese names, for a character class: the rare ones stand beyond the first plane."""
_RESIDENCE_PERMIT = re.compile(r"8[123]0000[0-9]{11}[0-9X]")
_NAME = re.compile(rf"[{HAN}][{HAN}·•]{{1,19}}|[A-Za-z][A-Za-z .'·-]{{1,48}}")


class BadIdentity(ValueError):
    """A field that cannot be right; `fault` says how: form | check_digit | birth_date | age | name."""

    def __init__(self, fault: str) -> None:
        super().__init__(fault)
        self.fault = fault


def checked_name(typed: str) -> str:
    """The name, trimmed, of a shape that names have. Raises BadIdentity."""
    name = " ".join(typed.split())
    if not _NAME.fullmatch(name):
        raise BadIdentity("name")
    return name


def checked_id_number(typed: str, today: date) -> str:
    """An ID number or residence permit (81, 82, 83), of somebody of 14 or more. Raises BadIdentity. Decision 2."""
    number = fold(typed)
    if not re.fullmatch(r"[0-9]{17}[0-9X]", number):
        raise BadIdentity("form")
    if not mod_11_2.is_valid(number):
        raise BadIdentity("check_digit")
    born_on = _birth_date(number)
    if not date(1900, 1, 1) <= born_on <= today:
        raise BadIdentity("birth_date")
    if not _RESIDENCE_PERMIT.fullmatch(number):
        try:
            ric.validate(number)
        except ValidationError as error:
            raise BadIdentity("form") from error
    if age_on(born_on, today) < LEAST_AGE:
        raise BadIdentity("age")
    return number


def _birth_date(number: str) -> date:
    try:
        return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError as error:
        raise BadIdentity("birth_date") from error


def age_on(born_on: date, today: date) -> int:
    """Full years of age."""
    return today.year - born_on.year - ((today.month, today.day) < (born_on.month, born_on.day))


def checked_phone(typed: str) -> str:
    """A mainland mobile number, 11 digits. Raises BadIdentity."""
    text = fold(typed).replace("-", "").removeprefix("+86")
    if not re.fullmatch(r"1[0-9]{10}", text):
        raise BadIdentity("form")
    parsed = phonenumbers.parse(text, "CN")
    if not phonenumbers.is_possible_number(parsed) or phonenumbers.number_type(parsed) not in (
        phonenumbers.PhoneNumberType.MOBILE,
        phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
    ):
        raise BadIdentity("form")
    return text


def masked_name(name: str) -> str:
    """`王晓涵` → `王*涵`, `陈杰` → `陈*`, `欧阳哲哲` → `欧**哲`; at most three stars."""
    hidden = min(max(len(name) - 2, 1), MOST_STARS)
    return f"{name[:1]}{'*' * hidden}{name[-1:] if len(name) > hidden + 1 else ''}"


def masked_phone(phone: str) -> str:
    """`13812342047` → `138****2047`."""
    return f"{phone[:3]}****{phone[-4:]}"


class KeyKind(StrEnum):
    """What a person is found by."""

    BIGRAM = "bigram"
    PINYIN = "pinyin"
    INITIALS = "initials"
    PHONE_TAIL = "phone_tail"


@dataclass(frozen=True, slots=True)
class SearchKey:
    """One way to find a person."""

    kind: KeyKind
    key: str


def bigrams(name: str) -> frozenset[str]:
    """Every two neighbouring letters of a name: what a part of a name is found by."""
    return frozenset(name[at : at + 2] for at in range(len(name) - 1))


def search_keys(name: str, phone: str) -> frozenset[SearchKey]:
    """All keys of a person; a surname with several readings gives keys for each."""
    keys = {SearchKey(KeyKind.PHONE_TAIL, phone[-4:])}
    keys |= {SearchKey(KeyKind.BIGRAM, pair) for pair in bigrams(name)}
    first, *rest = pinyin(name, style=Style.NORMAL, heteronym=True) or [[""]]
    others = [readings[0] for readings in pinyin(name[1:], style=Style.NORMAL)] if rest else []
    for reading, tail in product(first, [others]):
        syllables = [re.sub(r"[^a-z]", "", part.lower()) for part in (reading, *tail)]
        keys.add(SearchKey(KeyKind.PINYIN, "".join(syllables)[:60]))
        keys.add(SearchKey(KeyKind.INITIALS, "".join(part[:1] for part in syllables)[:20]))
    return frozenset(keys)
