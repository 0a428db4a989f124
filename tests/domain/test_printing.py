"""Which numbers are to be printed, as people write them."""

import pytest

from app.domain.errors import Rule, RuleBroken
from app.domain.numbering import BatteryNumber
from app.domain.printing import Stretch, numbers_in, read_stretches, stretch_words, stretches_of


@pytest.mark.req("NUM-8", "NUM-9")
@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("1-500", [(1, 500)]),
        ("７", [(7, 7)]),
        ("A00001–A00500", [(1, 500)]),
        ("a00001 ~ a00020", [(1, 20)]),
        ("１－３", [(1, 3)]),
        ("1至3、5到6", [(1, 3), (5, 6)]),
        ("3、8、20-25", [(3, 3), (8, 8), (20, 25)]),
        ("8 3，4;4", [(3, 4), (8, 8)]),
        ("  99999  ", [(99999, 99999)]),
        ("1-1000", [(1, 1000)]),
    ],
)
def test_a_stretch_or_some_numbers_are_read(typed: str, read: list[tuple[int, int]]) -> None:
    assert read_stretches(typed, "A", last=99999) == [Stretch(*ends) for ends in read]


@pytest.mark.parametrize(
    ("typed", "rule"),
    [
        ("", Rule.PRINT_RANGE_WRONG),
        ("abc", Rule.PRINT_RANGE_WRONG),
        ("0", Rule.PRINT_RANGE_WRONG),
        ("500-1", Rule.PRINT_RANGE_WRONG),
        ("B00001", Rule.PRINT_RANGE_WRONG),
        ("AM0001", Rule.PRINT_RANGE_WRONG),
        ("1-", Rule.PRINT_RANGE_WRONG),
        ("1-2-3", Rule.PRINT_RANGE_WRONG),
        ("-1", Rule.PRINT_RANGE_WRONG),
        ("100000", Rule.PRINT_RANGE_WRONG),
        ("9" * 5000, Rule.PRINT_RANGE_WRONG),
        ("1-1001", Rule.PRINT_TOO_MANY),
        ("1-600、2000-2599", Rule.PRINT_TOO_MANY),
        ("1-99999", Rule.PRINT_TOO_MANY),
    ],
)
def test_what_cannot_be_printed_is_refused(typed: str, rule: Rule) -> None:
    with pytest.raises(RuleBroken) as broken:
        read_stretches(typed, "A", last=99999)
    assert broken.value.rule is rule


def test_a_selection_becomes_as_few_stretches_as_it_has_and_back() -> None:
    assert stretches_of([5, 3, 4, 9, 4]) == [Stretch(3, 5), Stretch(9, 9)]
    assert numbers_in(stretches_of([5, 3, 4, 9])) == [3, 4, 5, 9]
    assert stretches_of([]) == []


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ([42], "A00042"),
        (range(1, 501), "A00001–A00500"),
        ([3, 8, 20, 21], "A00003、A00008、A00020–A00021"),
        ([1, 3, 5, 7, 8], "A00001、A00003、A00005 等 5 个"),
    ],
)
def test_what_is_printed_is_said_by_its_numbers(numbers: list[int], said: str) -> None:
    assert stretch_words(stretches_of(numbers), lambda n: BatteryNumber("A", n)) == said
