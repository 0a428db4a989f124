"""Vehicle and battery numbers as people write, type and scan them (NUM-1 to NUM-3, NUM-8, NUM-9)."""

from string import ascii_uppercase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.numbering import (
    LAST_BATTERY_NUMBER,
    LAST_NUMBER,
    BatteryNumber,
    Business,
    Digits,
    OtherText,
    Scan,
    VehicleNumber,
    fold,
    loggable,
    number_fits,
    read_scan,
)

AM0001 = VehicleNumber("A", Business.SALE, 1)
A00042 = BatteryNumber("A", 42)

LETTERS = st.sampled_from(ascii_uppercase)
BATTERY_NUMBERS = st.builds(BatteryNumber, LETTERS, st.integers(1, LAST_BATTERY_NUMBER))
VEHICLE_NUMBERS = st.builds(VehicleNumber, LETTERS, st.sampled_from(Business), st.integers(1, LAST_NUMBER))
FULL_WIDTH = {ord(sign): ord(sign) + 0xFEE0 for sign in map(chr, range(0x21, 0x7F))}


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


def test_the_last_numbers() -> None:
    assert VehicleNumber.parse("AM9999").n == LAST_NUMBER == 9999
    assert BatteryNumber.parse("A99999").n == LAST_BATTERY_NUMBER == 99999


@pytest.mark.req("NUM-3")
@pytest.mark.parametrize("typed", ["a00042", "Ａ０００４２", " A 00042\n", "A00042\u200b"])
def test_a_batterys_number_is_read_and_written(typed: str) -> None:
    assert BatteryNumber.parse(typed) == A00042
    assert str(A00042) == "A00042"


@pytest.mark.req("NUM-9")
@pytest.mark.parametrize(
    "scanned",
    [
        "https://rent.example/q/A00042",
        "http://127.0.0.1:8000/q/A00042",
        "HTTPS://OLD.EXAMPLE/under/a/path/Q/a00042\r",
        "ｈｔｔｐｓ：／／ｒｅｎｔ。ｅｘａｍｐｌｅ／ｑ／Ａ０００４２",  # a scanner that types through a Chinese keyboard
    ],
)
def test_the_url_of_a_batterys_qr_is_its_number_whatever_the_host(scanned: str) -> None:
    assert BatteryNumber.parse(scanned) == A00042


@pytest.mark.req("NUM-3")
@pytest.mark.parametrize(
    "typed",
    [
        "",
        "A0042",
        "A000042",
        "A00000",
        "AM0001",
        "00042",
        "1A00042",
        "A٠٠٠٤٢",
        "/q/A00042",
        "rent.example/q/A00042",
        "https://rent.example/A00042",
        "https://rent.example/q/A00000",
        "https://rent.example/q/A00042/",
        "https://rent.example/?next=/q/A00042",
    ],
)
def test_what_is_no_batterys_number(typed: str) -> None:
    with pytest.raises(ValueError, match="^"):
        BatteryNumber.parse(typed)


@pytest.mark.req("NUM-3", "NUM-9")
@given(BATTERY_NUMBERS, st.sampled_from(["https://rent.example", "http://127.0.0.1:8000"]))
def test_every_batterys_number_is_read_back_however_it_comes(number: BatteryNumber, public_url: str) -> None:
    for text in (str(number), number.url(public_url)):
        for typed in (text, text.lower(), text.upper(), text.translate(FULL_WIDTH)):
            assert BatteryNumber.parse(typed) == read_scan(typed) == number
            assert loggable(typed) == str(number)


@given(BATTERY_NUMBERS | VEHICLE_NUMBERS)
def test_no_number_is_a_vehicles_and_a_batterys(number: BatteryNumber | VehicleNumber) -> None:
    other = VehicleNumber if isinstance(number, BatteryNumber) else BatteryNumber
    with pytest.raises(ValueError, match="^"):
        other.parse(str(number))


@given(BATTERY_NUMBERS, BATTERY_NUMBERS)
def test_batteries_are_in_natural_order(one: BatteryNumber, other: BatteryNumber) -> None:
    assert (one < other) is (str(one) < str(other))


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
        ("A00042", A00042),
        ("https://rent.example/q/A00042", A00042),
        ("https://rent.example/m/", OtherText("HTTPS://RENT.EXAMPLE/M/")),
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
