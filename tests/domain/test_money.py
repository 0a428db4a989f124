"""Yuan as people read and type them, fen everywhere else (decision 32)."""

import pytest

from app.domain.money import LARGEST_FEN, parse_yuan, yuan


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
        ("0", 0),
        ("12", 1200),
        ("12.5", 1250),
        ("12.05", 1205),
        ("0.01", 1),
        (" ¥2,399.00 ", 239900),
        ("￥12", 1200),
        ("12 元", 1200),
        ("１２．５０", 1250),  # full width
        ("１，２３４", 123400),
        ("1,234,567.89", 123456789),
        ("100000000", LARGEST_FEN),
    ],
)
def test_yuan_are_read_as_fen(typed: str, fen: int) -> None:
    assert parse_yuan(typed) == fen


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "元",
        "-5",
        "+5",
        "12.345",
        "12.",
        ".5",
        "1e3",
        "1,5",
        "1,2,3",
        "12,34",
        "1.2.3",
        "十二",
        "١٢",
        "100000000.01",
        "9" * 20,
    ],
)
def test_what_is_no_amount_is_refused_and_never_rounded(typed: str) -> None:
    with pytest.raises(ValueError, match="^"):
        parse_yuan(typed)


@pytest.mark.parametrize("fen", [0, 1, 10, 99, 100, 101, 239900, LARGEST_FEN])
def test_what_is_printed_is_read_back(fen: int) -> None:
    assert parse_yuan(yuan(fen)) == fen
