"""What the one search box was given, decided by its shape alone: no text is ever tried on every column."""

import re
from dataclasses import dataclass
from enum import StrEnum

from app.domain.identity import HAN
from app.domain.numbering import VehicleNumber, fold

LONGEST = 64
"""More than any number, name or id that can be looked for."""

_ORDER_NO = r"[SRP]\d{6}[A-Z]\d{4,8}"
_TRADE_NO = rf"(?:{_ORDER_NO}|[DFL]\d{{11,18}})-\d{{1,3}}-[0-9A-F]{{6}}"
"""An attempt to pay an order, a deposit (D), the price of a battery use (F) or late fees (L)."""


class Shape(StrEnum):
    """What a text is looked up as."""

    NUMBER = "number"  # AM0001
    DIGITS = "digits"  # four digits: the end of a number, or of a phone
    PHONE = "phone"
    ORDER_NO = "order_no"
    TRADE_NO = "trade_no"  # the number of a payment attempt, as it stands in WeChat's bills
    TRANSACTION = "transaction"  # WeChat's own id of a payment
    NAME = "name"  # Chinese: the full name, else a part of it
    LATIN = "latin"  # pinyin from its beginning, or initials
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Search:
    """A shape, and the text in the form in which it is stored."""

    shape: Shape
    text: str


def read_search(typed: str) -> Search | None:
    """Reads the search box; None when it is empty. Width, case and spaces do not matter."""
    text = fold(typed)[:LONGEST]
    if not text:
        return None
    try:
        return Search(Shape.NUMBER, str(VehicleNumber.parse(text)))
    except ValueError:
        pass
    for pattern, shape in (
        (r"\d{4}", Shape.DIGITS),
        (r"1\d{10}", Shape.PHONE),
        (_ORDER_NO, Shape.ORDER_NO),
        (r"\d{20,32}", Shape.TRANSACTION),
        (rf"[{HAN}·•]{{2,20}}", Shape.NAME),
    ):
        if re.fullmatch(pattern, text, re.ASCII):
            return Search(shape, text)
    if re.fullmatch(_TRADE_NO, text, re.ASCII):
        head, _, tail = text.rpartition("-")
        return Search(Shape.TRADE_NO, f"{head}-{tail.lower()}")
    letters = re.sub(r"['.·-]", "", text)
    if re.fullmatch(r"[A-Z]{2,60}", letters):
        return Search(Shape.LATIN, letters.lower())
    return Search(Shape.UNREADABLE, text)
