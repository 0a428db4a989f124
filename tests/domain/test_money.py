"""Yuan as people read them, fen everywhere else (decision 32)."""

import pytest

from app.domain.money import read_yuan, yuan


@pytest.mark.parametrize(
    ("fen", "text"),
    [
        (0, "0.00"),
        (1, "0.01"),
        (99, "0.99"),
        (100, "1.00"),
        (239900, "2,399.00"),
        (123456789, "1,234,567.89"),
        (-1, "−0.01"),
        (-239900, "−2,399.00"),
    ],
)
def test_fen_are_printed_as_yuan(fen: int, text: str) -> None:
    assert yuan(fen) == text


@pytest.mark.parametrize(
    ("typed", "fen"),
    [
        ("12", 1200),
        ("12.5", 1250),
        ("12.50", 1250),
        ("¥1,234.00", 123400),
        ("￥１，２３４．５", 123450),
        (" 0.01 ", 1),
        ("0", 0),
        ("300 元", 30000),
        ("1,234,567.89", 123456789),
    ],
)
def test_yuan_are_read_as_people_type_them(typed: str, fen: int) -> None:
    assert read_yuan(typed) == fen


@pytest.mark.parametrize(
    "typed",
    ["", "¥", "1.234", "12.", ".5", "-5", "−5", "1,23", "12,34.00", "1e3", "abc", "١٢", "9" * 13, "9" * 5000, "1 2x"],
)
def test_what_is_no_amount_is_not_guessed(typed: str) -> None:
    with pytest.raises(ValueError, match="no amount"):
        read_yuan(typed)
