"""Student numbers as people type them (decision 4)."""

import pytest

from app.domain.cards import checked_student_no, masked_student_no
from app.domain.errors import Rule, RuleBroken


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("3240100042", "3240100042"),
        (" ３２４０１-00042ｘ ", "3240100042X"),
        ("ab12", "AB12"),
        ("1" * 20, "1" * 20),
    ],
)
def test_a_student_number_is_folded(typed: str, kept: str) -> None:
    assert checked_student_no(typed) == kept


@pytest.mark.parametrize("typed", ["", "123", "1" * 21, "ABCDEF", "浙大 3240100042", "3240_100042"])
def test_what_is_no_student_number(typed: str) -> None:
    with pytest.raises(RuleBroken) as broken:
        checked_student_no(typed)
    assert (broken.value.rule, broken.value.facts) == (Rule.STUDENT_NO_WRONG, {"field": "student_no"})


@pytest.mark.parametrize(
    ("number", "masked"),
    [("3240100042", "******0042"), ("32401X", "***01X"), ("3240", "**40"), ("1" * 20, "*" * 16 + "1111")],
)
def test_a_masked_student_number_shows_enough_to_compare_and_never_more_than_half(number: str, masked: str) -> None:
    assert masked_student_no(number) == masked
