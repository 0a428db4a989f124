"""Which numbers are to be printed, as people write them: a stretch, or some one by one (NUM-8, NUM-9)."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from app.domain.errors import Rule, RuleBroken
from app.domain.numbering import fold

MOST_AT_ONCE = 1000
"""Labels of one print: all its pages stay in memory until the last one is drawn."""

KEPT = timedelta(hours=24)
"""How long the file of a print or an export can be downloaded."""

STRETCHES_SAID = 3
_DASH = r"\s*(?:[-‐-―−~～]|至|到)\s*"


@dataclass(frozen=True, slots=True, order=True)
class Stretch:
    """Numbers that follow one another, both ends included."""

    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1


def stretches_of(numbers: Iterable[int]) -> list[Stretch]:
    """The same numbers as few stretches in their order; a number that stands twice counts once."""
    found: list[Stretch] = []
    for n in sorted(set(numbers)):
        if found and found[-1].last == n - 1:
            found[-1] = Stretch(found[-1].first, n)
        else:
            found.append(Stretch(n, n))
    return found


def read_stretches(typed: str, prefix: str, *, last: int) -> list[Stretch]:
    """Reads `1-500`, `A00001–A00500` or `3、8、20-25`; the letters of another series are refused.

    `last` is the largest number there is. Raises RuleBroken: nothing, something unreadable, or too many at once.
    """
    number = rf"(?:{prefix})?(\d{{1,{len(str(last))}}})"
    numbers: set[int] = set()
    for part in re.split(r"[\s,，、;；]+", re.sub(_DASH, "-", typed.strip())):
        read = re.fullmatch(rf"{number}(?:-{number})?", fold(part), re.ASCII)
        first = int(read[1]) if read else 0
        end = int(read[2] or read[1]) if read else 0
        if not 1 <= first <= end <= last:
            raise RuleBroken(Rule.PRINT_RANGE_WRONG, prefix=prefix, last=last)
        if end - first >= MOST_AT_ONCE:
            raise RuleBroken(Rule.PRINT_TOO_MANY, most=MOST_AT_ONCE)
        numbers.update(range(first, end + 1))
    if len(numbers) > MOST_AT_ONCE:
        raise RuleBroken(Rule.PRINT_TOO_MANY, most=MOST_AT_ONCE)
    return stretches_of(numbers)


def numbers_in(stretches: Iterable[Stretch]) -> list[int]:
    """The numbers, one by one."""
    return [n for stretch in stretches for n in range(stretch.first, stretch.last + 1)]


def stretch_words(stretches: list[Stretch], number: Callable[[int], object]) -> str:
    """`A00001–A00500`, `A00003、A00008、A00020–A00025`; of many stretches the first ones, then how many in all."""

    def said(stretch: Stretch) -> str:
        first, last = number(stretch.first), number(stretch.last)
        return f"{first}" if stretch.first == stretch.last else f"{first}–{last}"

    words = "、".join(said(stretch) for stretch in stretches[:STRETCHES_SAID])
    if len(stretches) <= STRETCHES_SAID:
        return words
    return f"{words} 等 {sum(len(stretch) for stretch in stretches)} 个"
