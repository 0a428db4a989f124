"""What the one search box was given, by its shape."""

import pytest

from app.domain.finding import LONGEST, Search, Shape, read_search


@pytest.mark.parametrize(
    ("typed", "shape", "text"),
    [
        ("AM0001", Shape.NUMBER, "AM0001"),
        (" ａｍ ０００１ ", Shape.NUMBER, "AM0001"),  # any width, any case
        ("AM0000", Shape.UNREADABLE, "AM0000"),  # no such number
        ("0213", Shape.DIGITS, "0213"),  # the end of a number, or of a phone
        ("13812342047", Shape.PHONE, "13812342047"),
        ("s261124a0031", Shape.ORDER_NO, "S261124A0031"),
        ("S261124A0031-1-AB12ef", Shape.TRADE_NO, "S261124A0031-1-ab12ef"),
        ("r261124A0031", Shape.ORDER_NO, "R261124A0031"),  # a rental
        ("P261124B0002", Shape.ORDER_NO, "P261124B0002"),  # a mini rental
        ("R261124A0031-2-00ffee", Shape.TRADE_NO, "R261124A0031-2-00ffee"),
        ("d26112400007-1-00FFEE", Shape.TRADE_NO, "D26112400007-1-00ffee"),  # a deposit
        ("F261124000123-1-00ffee", Shape.TRADE_NO, "F261124000123-1-00ffee"),  # a fee of flash charge
        ("D2611240000-1-00ffee", Shape.UNREADABLE, "D2611240000-1-00FFEE"),
        ("4200002388202611245567887731", Shape.TRANSACTION, "4200002388202611245567887731"),
        ("王思涵", Shape.NAME, "王思涵"),
        ("买买提·艾力", Shape.NAME, "买买提·艾力"),
        ("王", Shape.UNREADABLE, "王"),  # half of everybody
        ("Wang Si'han", Shape.LATIN, "wangsihan"),
        ("wsh", Shape.LATIN, "wsh"),
        ("w", Shape.UNREADABLE, "W"),
        ("021", Shape.UNREADABLE, "021"),
        ("%_'; --", Shape.UNREADABLE, "%_';--"),
        ("AM\x000001", Shape.NUMBER, "AM0001"),  # what no database takes is gone
        ("٠٢١٣", Shape.UNREADABLE, "٠٢١٣"),  # digits of another script
    ],
)
def test_a_text_is_looked_up_as_what_it_looks_like(typed: str, shape: Shape, text: str) -> None:
    assert read_search(typed) == Search(shape, text)


@pytest.mark.parametrize("typed", ["", "   ", "\x00\x01", "　"])
def test_an_empty_box_looks_for_nothing(typed: str) -> None:
    assert read_search(typed) is None


def test_nothing_longer_than_any_number_is_looked_for() -> None:
    found = read_search("9" * 5000)
    assert found is not None
    assert len(found.text) == LONGEST
