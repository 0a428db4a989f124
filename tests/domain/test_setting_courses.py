from datetime import UTC, datetime, timedelta

import pytest

from app.domain import labels
from app.domain.errors import Rule, RuleBroken
from app.domain.settings import (
    CATALOGUE,
    FROZEN_DEPOSIT,
    RENTAL_DEPOSIT,
    RESERVATION_HOURS,
    Course,
    Setting,
    SettingGroup,
    ValueKind,
    Version,
)

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
YESTERDAY, TOMORROW = NOW - timedelta(days=1), NOW + timedelta(days=1)
A, B = 1, 2
DEFAULT = RESERVATION_HOURS.default


def course(*versions: tuple[int | None, int | None, datetime]) -> Course:
    return Course.of(
        RESERVATION_HOURS, (Version(n, region, value, at) for n, (region, value, at) in enumerate(versions, 1))
    )


@pytest.mark.parametrize(
    ("versions", "region", "at", "value"),
    [
        ([], A, NOW, DEFAULT),  # nothing was ever set
        ([(None, 48, YESTERDAY)], A, NOW, 48),  # for all
        ([(None, 48, YESTERDAY)], None, NOW, 48),
        ([(None, 48, NOW)], A, NOW, 48),  # from its very moment on
        ([(None, 48, TOMORROW)], A, NOW, DEFAULT),  # not before it
        ([(A, 24, YESTERDAY)], A, NOW, 24),  # one region's own
        ([(A, 24, YESTERDAY)], B, NOW, DEFAULT),  # is nobody else's
        ([(A, 24, YESTERDAY), (None, 48, NOW)], A, NOW, 24),  # the own one goes before, also when older
        ([(A, 24, YESTERDAY), (A, None, NOW)], A, NOW, DEFAULT),  # as all regions again
        ([(A, 24, YESTERDAY), (None, 48, YESTERDAY), (A, None, NOW)], A, NOW, 48),
        ([(None, 48, YESTERDAY), (None, None, NOW)], A, NOW, DEFAULT),  # the default again
        ([(None, 48, TOMORROW), (None, 36, TOMORROW)], A, TOMORROW, 36),  # of equal times the last one made
        ([(None, 48, NOW), (None, 36, YESTERDAY)], A, NOW, 48),  # made later, but for an earlier time
    ],
)
@pytest.mark.req("SET-7", "SET-11")
def test_which_value_holds(
    versions: list[tuple[int | None, int | None, datetime]], region: int | None, at: datetime, value: int
) -> None:
    assert course(*versions).value(region, at) == value


@pytest.mark.parametrize(
    ("versions", "region", "value", "at", "rule"),
    [
        ([], None, DEFAULT, NOW, Rule.NO_CHANGE),  # the default is what holds
        ([], None, None, NOW, Rule.NO_CHANGE),
        ([], A, None, NOW, Rule.NO_CHANGE),  # it has nothing of its own
        ([(None, 48, YESTERDAY)], None, 48, NOW, Rule.NO_CHANGE),
        ([(None, 48, TOMORROW)], None, 48, TOMORROW, Rule.NO_CHANGE),  # the same planned change twice
        ([(None, 48, YESTERDAY)], A, 48, NOW, None),  # pinned: a later change for all leaves it alone
        ([(A, 48, YESTERDAY)], A, 48, NOW, Rule.NO_CHANGE),
        ([(None, 48, TOMORROW)], None, DEFAULT, TOMORROW, None),  # a planned change is corrected
        ([(None, 48, TOMORROW)], None, 48, NOW, None),  # the same value, but sooner
        ([], None, RESERVATION_HOURS.least, NOW, None),
        ([], None, RESERVATION_HOURS.most, NOW, None),
        ([], None, RESERVATION_HOURS.least - 1, NOW, Rule.VALUE_OUT_OF_RANGE),
        ([], None, RESERVATION_HOURS.most + 1, NOW, Rule.VALUE_OUT_OF_RANGE),
        ([], None, 10**30, NOW, Rule.VALUE_OUT_OF_RANGE),
    ],
)
def test_what_is_no_change_or_out_of_bounds(
    versions: list[tuple[int | None, int | None, datetime]],
    region: int | None,
    value: int | None,
    at: datetime,
    rule: Rule | None,
) -> None:
    if rule is None:
        course(*versions).refuse_unless_changing(region, value, at)
        return
    with pytest.raises(RuleBroken) as broken:
        course(*versions).refuse_unless_changing(region, value, at)
    assert broken.value.rule is rule
    assert labels.refusal(broken.value)


def test_what_comes_back_when_a_plan_is_withdrawn() -> None:
    planned = course((None, 48, YESTERDAY), (None, 36, TOMORROW), (None, 24, TOMORROW))
    assert planned.before(None, TOMORROW) == 48
    assert planned.before(A, TOMORROW) is None
    assert [planned.holds(version) for version in planned.versions] == [True, False, True]


def test_regions_of_their_own_are_left_alone_by_a_change_for_all() -> None:
    assert course((A, 24, YESTERDAY), (B, 24, TOMORROW)).apart(NOW) == {A}
    assert course((A, 24, YESTERDAY), (A, None, NOW)).apart(NOW) == frozenset()


@pytest.mark.parametrize("setting", CATALOGUE.values(), ids=list(CATALOGUE))
def test_each_setting_can_be_shown(setting: Setting) -> None:
    assert setting.least <= setting.default <= setting.most
    assert setting.group in labels.SETTING_GROUP
    assert all((setting.name, setting.meaning, setting.used_in, setting.changes, setting.keeps))
    if setting.kind is ValueKind.CHOICE:  # each of its values is a word, and a word has no unit
        assert (setting.least, setting.most, setting.unit) == (0, len(setting.choices) - 1, "")
        assert len(set(setting.choices)) == len(setting.choices) > 1
    else:
        assert (bool(setting.unit), setting.choices) == (True, ())
        assert (setting.unit == "元") == (setting.kind is ValueKind.MONEY)
    assert all(setting.words(value) for value in (setting.least, setting.default, setting.most))
    assert not any(words.endswith("。") for words in (setting.meaning, setting.changes, setting.keeps, setting.used_in))
    assert len(setting.key) <= 40


@pytest.mark.parametrize(
    ("setting", "value", "words", "figure"),
    [
        (RESERVATION_HOURS, 48, "48 小时", "48"),
        (RENTAL_DEPOSIT, 30_000, "¥300.00", "300.00"),  # fen here, yuan on the screen
        (FROZEN_DEPOSIT, 0, "暂停退还", "0"),
        (FROZEN_DEPOSIT, 1, "抵扣欠费后退还", "1"),
    ],
)
def test_how_a_value_is_written(setting: Setting, value: int, words: str, figure: str) -> None:
    assert (setting.words(value), setting.figure(value)) == (words, figure)


@pytest.mark.req("SET-5")
def test_a_value_out_of_bounds_is_told_as_it_is_typed() -> None:
    with pytest.raises(RuleBroken) as broken:
        RENTAL_DEPOSIT.checked(RENTAL_DEPOSIT.most + 1)
    assert "0.00 到 10,000.00 元" in labels.refusal(broken.value)
    with pytest.raises(RuleBroken):
        FROZEN_DEPOSIT.checked(2)


def test_each_group_has_a_name_and_a_setting() -> None:
    assert set(labels.SETTING_GROUP) == set(SettingGroup) == {setting.group for setting in CATALOGUE.values()}
