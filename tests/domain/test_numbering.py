"""Vehicle numbers as people write, type and scan them (NUM-1 to NUM-3, NUM-8)."""

import pytest

from app.domain.numbering import (
    LAST_NUMBER,
    Business,
    Digits,
    OtherText,
    Scan,
    VehicleNumber,
    fold,
    number_fits,
    read_scan,
)

AM0001 = VehicleNumber("A", Business.SALE, 1)


@pytest.mark.req("NUM-2", "NUM-3")
@pytest.mark.parametrize(
    ("text", "letter", "business", "n"),
    [
        ("AM0001", "A", Business.SALE, 1),
        ("BZ0001", "B", Business.RENTAL, 1),
        ("CP9999", "C", Business.MINI_RENTAL, 9999),
        ("ZM0420", "Z", Business.SALE, 420),  # a letter that no region has yet is a number all the same
    ],
)
def test_a_number_is_read_and_written(text: str, letter: str, business: Business, n: int) -> None:
    number = VehicleNumber.parse(text)
    assert (number.letter, number.business, number.n) == (letter, business, n)
    assert str(number) == text


@pytest.mark.req("NUM-8")
@pytest.mark.parametrize("typed", ["am0001", "ＡＭ０００１", "ａｍ 0001", " AM00 01\n", "AM0001\u200b", "\u3000AM0001"])
def test_any_width_and_case_is_the_same_number(typed: str) -> None:
    assert VehicleNumber.parse(typed) == AM0001


@pytest.mark.req("NUM-3")
@pytest.mark.parametrize(
    "typed",
    ["", "AM", "AM001", "AM00001", "AM0000", "AX0001", "M0001", "1M0001", "A00001", "AM-0001", "AM٠٠٠١", "车AM0001"],
)
def test_what_is_no_vehicle_number(typed: str) -> None:
    with pytest.raises(ValueError, match="^"):
        VehicleNumber.parse(typed)


def test_the_last_number() -> None:
    assert VehicleNumber.parse("AM9999").n == LAST_NUMBER == 9999


@pytest.mark.req("NUM-8")
@pytest.mark.parametrize(
    ("typed", "scan"),
    [
        ("AM0001", AM0001),
        ("ａｍ０００１", AM0001),
        ("0001", Digits("0001")),
        ("２０４７", Digits("2047")),
        ("13812342047", Digits("2047")),  # a whole mobile number: its tail
        ("138 1234 2047", Digits("2047")),
        ("23812342047", OtherText("23812342047")),  # eleven digits, and no mobile number
        ("001", OtherText("001")),
        ("00001", OtherText("00001")),
        ("٠٠٠١", OtherText("٠٠٠١")),  # digits of another script are no digits of ours
        ("A00042", OtherText("A00042")),  # a battery
        ("lb26 b006021", OtherText("LB26B006021")),
        ("", OtherText("")),
    ],
)
def test_what_the_counters_box_was_given(typed: str, scan: Scan) -> None:
    assert read_scan(typed) == scan


@pytest.mark.req("FLOW-BUY-3")
@pytest.mark.parametrize(
    ("typed", "fits"),
    [
        ("AM0001", True),
        ("am 0001", True),
        ("0001", True),
        ("０００１", True),
        ("0002", False),
        ("1", False),
        ("001", False),
        ("BM0001", False),  # another region's
        ("AZ0001", False),  # another business'
        ("13800000001", False),  # a phone that ends in it
        ("", False),
    ],
)
def test_whether_the_person_typed_their_number(typed: str, fits: bool) -> None:
    assert number_fits(typed, AM0001) is fits


def test_numbers_are_in_natural_order() -> None:
    texts = ["AM0010", "AM0002", "AM9999", "AM0100"]
    assert [str(number) for number in sorted(map(VehicleNumber.parse, texts))] == [
        "AM0002",
        "AM0010",
        "AM0100",
        "AM9999",
    ]


@pytest.mark.parametrize(
    ("typed", "folded"), [("①②", "12"), ("ａb\tｃ", "ABC"), ("\x1dAM0001\r", "AM0001"), ("王 晓涵", "王晓涵")]
)
def test_folding(typed: str, folded: str) -> None:
    assert fold(typed) == folded
