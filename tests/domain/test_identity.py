"""Who a person is: ID numbers, phones, masks and the keys that a name is found by (decisions 2, 3)."""

from datetime import date

import pytest
from stdnum.iso7064 import mod_11_2

from app.domain.identity import (
    BadIdentity,
    age_on,
    bigrams,
    checked_id_number,
    checked_name,
    checked_phone,
    masked_name,
    masked_phone,
    search_keys,
)

TODAY = date(2026, 11, 24)


def id_number(born: str, place: str = "330106", nth: str = "001") -> str:
    """A number whose check digit is right."""
    body = f"{place}{born}{nth}"
    return body + mod_11_2.calc_check_digit(body)


def in_arabic(number: str) -> str:
    return number.translate({ord(str(digit)): chr(0x660 + digit) for digit in range(10)})


GOOD = id_number("20040501")
assert GOOD.endswith("X")


@pytest.mark.req("FLOW-BUY-1")
@pytest.mark.parametrize(
    ("typed", "number"),
    [
        (GOOD, GOOD),
        (GOOD.lower(), GOOD),  # x
        (f" {GOOD[:6]} {GOOD[6:14]} {GOOD[14:]} ", GOOD),
        ("３３０１０６" + GOOD[6:], GOOD),
        ("11010519491231002X", "11010519491231002X"),  # GB 11643's own example
        (id_number("20121124"), id_number("20121124")),  # 14 today
        (id_number("20040229"), id_number("20040229")),  # a leap day that was
        (id_number("19991231", "810000"), id_number("19991231", "810000")),  # residence permits: Hong Kong,
        (id_number("19991231", "820000"), id_number("19991231", "820000")),  # Macao,
        (id_number("19991231", "830000"), id_number("19991231", "830000")),  # Taiwan
    ],
)
def test_an_id_number_that_can_be(typed: str, number: str) -> None:
    assert checked_id_number(typed, TODAY) == number


@pytest.mark.req("FLOW-BUY-1")
@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("", "form"),
        (GOOD[:17], "form"),
        (GOOD + "1", "form"),
        ("330106040501001", "form"),  # the old one of 15 digits
        (GOOD[:16] + "XX", "form"),
        (in_arabic(id_number("19991231", "830000", "007")), "form"),  # the same person in other digits
        (GOOD[:17] + "0", "check_digit"),
        (GOOD[:16] + "2X", "check_digit"),
        (id_number("20050229"), "birth_date"),  # no leap year
        (id_number("20041301"), "birth_date"),
        (id_number("20040431"), "birth_date"),
        (id_number("18991231"), "birth_date"),
        (id_number("20270101"), "birth_date"),  # not born yet
        (id_number("20040501", "999999"), "form"),  # no such place
        (id_number("20040501", "840000"), "form"),  # no such permit
        (id_number("20121125"), "age"),  # 14 tomorrow
        (id_number("20261124"), "age"),
        (id_number("20130101", "830000"), "age"),
    ],
)
def test_an_id_number_that_cannot_be(typed: str, fault: str) -> None:
    with pytest.raises(BadIdentity) as refused:
        checked_id_number(typed, TODAY)
    assert refused.value.fault == fault


@pytest.mark.parametrize(
    ("born_on", "today", "age"),
    [
        (date(2012, 11, 24), TODAY, 14),
        (date(2012, 11, 25), TODAY, 13),
        (date(2012, 2, 29), date(2026, 2, 28), 13),
        (date(2012, 2, 29), date(2026, 3, 1), 14),
        (TODAY, TODAY, 0),
    ],
)
def test_age_is_full_years(born_on: date, today: date, age: int) -> None:
    assert age_on(born_on, today) == age


@pytest.mark.req("FLOW-BUY-1")
@pytest.mark.parametrize(
    ("typed", "phone"),
    [
        ("13812342047", "13812342047"),
        ("138 1234 2047", "13812342047"),
        ("138-1234-2047", "13812342047"),
        ("+86 138 1234 2047", "13812342047"),
        ("＋８６１３８１２３４２０４７", "13812342047"),
        ("19912342047", "19912342047"),
    ],
)
def test_a_mobile_number(typed: str, phone: str) -> None:
    assert checked_phone(typed) == phone


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "1381234204",
        "138123420470",
        "23812342047",
        "0571-88273344",
        "+85291234567",
        "12012342047",
        in_arabic("13812342047"),
    ],
)
def test_what_is_no_mobile_number(typed: str) -> None:
    with pytest.raises(BadIdentity) as refused:
        checked_phone(typed)
    assert refused.value.fault == "form"


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("王晓涵", "王晓涵"),
        (" 王晓涵 ", "王晓涵"),
        ("阿卜杜热合曼·买买提", "阿卜杜热合曼·买买提"),
        ("李〇", "李〇"),
        ("𠮷田彬", "𠮷田彬"),  # a rare letter, beyond the first plane
        ("John  Smith", "John Smith"),
        ("O'Brien-Li", "O'Brien-Li"),
    ],
)
def test_a_name(typed: str, name: str) -> None:
    assert checked_name(typed) == name


@pytest.mark.parametrize("typed", ["", "王", "··", "·王", "王3", "13812342047", "<b>王</b>", "王" * 21, "王 晓涵", "a"])
def test_what_is_no_name(typed: str) -> None:
    with pytest.raises(BadIdentity) as refused:
        checked_name(typed)
    assert refused.value.fault == "name"


@pytest.mark.parametrize(
    ("name", "masked"),
    [("陈杰", "陈*"), ("王晓涵", "王*涵"), ("欧阳哲哲", "欧**哲"), ("阿卜杜热合曼·买买提", "阿***提"), ("Li", "L*")],
)
def test_a_masked_name(name: str, masked: str) -> None:
    assert masked_name(name) == masked


def test_a_masked_phone() -> None:
    assert masked_phone("13812342047") == "138****2047"


@pytest.mark.parametrize(
    ("name", "kind", "keys"),
    [
        ("王晓涵", "bigram", {"王晓", "晓涵"}),
        ("单雄信", "pinyin", {"shanxiongxin", "danxiongxin", "chanxiongxin"}),  # every reading of the surname
        ("单雄信", "initials", {"sxx", "dxx", "cxx"}),
        ("欧阳·娜", "pinyin", {"ouyangna"}),
        ("欧阳·娜", "initials", {"oyn"}),
        ("John Smith", "pinyin", {"johnsmith"}),
        ("王晓涵", "phone_tail", {"2047"}),
    ],
)
def test_what_a_person_is_found_by(name: str, kind: str, keys: set[str]) -> None:
    found = search_keys(name, "13812342047")
    assert {entry.key for entry in found if entry.kind == kind} == keys
    assert all(len(entry.key) <= 60 for entry in found)


def test_a_name_is_found_by_each_two_neighbouring_letters() -> None:
    assert bigrams("王思涵") == {"王思", "思涵"}
