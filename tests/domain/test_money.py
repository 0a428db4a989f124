"""Yuan as people read them, fen everywhere else (decision 32)."""

import pytest

from app.domain.money import yuan


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
