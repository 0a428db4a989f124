"""Student cards: a photo, a student number, and their review (decision 4)."""

import re
from enum import StrEnum

from app.domain.errors import Rule, RuleBroken
from app.domain.numbering import fold

CONSENT_STUDENT_CARD = "student_card"
_STUDENT_NO = re.compile(r"[0-9A-Z]{4,20}")


class CardStatus(StrEnum):
    """A deposit needs one that was submitted; pickup and scanning need an approved one."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"  # replaced by its person, or taken back


STANDING = frozenset({CardStatus.PENDING, CardStatus.APPROVED})
"""At most one of these for a person."""


def checked_student_no(typed: str) -> str:
    """A student number, folded: 4 to 20 digits and letters. Raises RuleBroken."""
    folded = fold(typed).replace("-", "")
    if not _STUDENT_NO.fullmatch(folded) or not re.search(r"\d", folded):
        raise RuleBroken(Rule.STUDENT_NO_WRONG, field="student_no")
    return folded


def masked_student_no(number: str) -> str:
    """`320241000317` → `********0317`: enough to compare with a photo; of a short one, its second half."""
    shown = min(4, len(number) // 2)
    return "*" * (len(number) - shown) + number[-shown:]
