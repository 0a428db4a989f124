"""What a model, a plan, a price and a movement of stock may be, and which price holds when."""

from datetime import UTC, datetime, timedelta

import pytest

from app.domain import labels
from app.domain.errors import Rule, RuleBroken
from app.domain.vehicles import (
    PICTURES,
    TAKES_OUT,
    ModelFacts,
    PriceCourse,
    PriceTag,
    PriceVersion,
    StockCause,
    checked_days,
    checked_stock_note,
    stock_delta,
)

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
YESTERDAY, TOMORROW = NOW - timedelta(days=1), NOW + timedelta(days=1)


def course(*versions: tuple[int, datetime]) -> PriceCourse:
    return PriceCourse.of(PriceVersion(n, PriceTag(fen), at) for n, (fen, at) in enumerate(versions, 1))


def a_model(**other: str) -> ModelFacts:
    usual = {
        "name": "疾风 F1",
        "colours": "曜石黑，珍珠白",
        "facts": "续航 70 公里\n符合新国标",
        "picture": PICTURES[0],
    }
    return ModelFacts.typed(**{**usual, **other}).checked()


@pytest.mark.parametrize(
    "typed", ["曜石黑，珍珠白", "曜石黑,珍珠白", "曜石黑、 珍珠白", "曜石黑\n珍珠白\n", " 曜石黑；珍珠白；曜石黑 "]
)
def test_colours_are_typed_as_people_list_them(typed: str) -> None:
    assert a_model(colours=typed).colours == ("曜石黑", "珍珠白")


def test_facts_are_a_line_each_and_may_have_commas() -> None:
    assert a_model(facts="新国标，最高 25 公里/时\n\n  前后碟刹 ").facts == ("新国标，最高 25 公里/时", "前后碟刹")


@pytest.mark.parametrize(
    ("other", "rule"),
    [
        ({"name": " "}, Rule.NAME_WRONG),
        ({"name": "长" * 41}, Rule.NAME_WRONG),
        ({"colours": " ， "}, Rule.COLOURS_MISSING),
        ({"colours": "黑" * 21}, Rule.TEXT_TOO_LONG),
        ({"colours": "，".join(str(n) for n in range(13))}, Rule.TOO_MANY),
        ({"facts": "长" * 41}, Rule.TEXT_TOO_LONG),
        ({"facts": "\n".join(str(n) for n in range(9))}, Rule.TOO_MANY),
        ({"picture": "../../etc/passwd"}, Rule.PICTURE_MISSING),
    ],
)
def test_a_model_that_cannot_be(other: dict[str, str], rule: Rule) -> None:
    with pytest.raises(RuleBroken) as broken:
        a_model(**other)
    assert broken.value.rule is rule
    assert broken.value.facts["field"] in other
    assert labels.refusal(broken.value)


@pytest.mark.parametrize(("days", "fits"), [(0, False), (1, True), (1500, True), (1501, False), (-30, False)])
@pytest.mark.req("SET-2")
def test_a_plan_is_for_one_to_1500_days(days: int, fits: bool) -> None:
    if fits:
        assert checked_days(days) == days
    else:
        with pytest.raises(RuleBroken) as broken:
            checked_days(days)
        assert broken.value.rule is Rule.DAYS_WRONG


@pytest.mark.parametrize(
    ("tag", "rule"),
    [
        (PriceTag(1), None),
        (PriceTag(100_000_00), None),
        (PriceTag(100, 101), None),
        (PriceTag(0), Rule.VALUE_OUT_OF_RANGE),
        (PriceTag(-1), Rule.VALUE_OUT_OF_RANGE),
        (PriceTag(100_000_01), Rule.VALUE_OUT_OF_RANGE),
        (PriceTag(100, 100), Rule.WAS_PRICE_WRONG),
        (PriceTag(100, 99), Rule.WAS_PRICE_WRONG),
        (PriceTag(100, 0), Rule.WAS_PRICE_WRONG),
        (PriceTag(100, 100_000_01), Rule.WAS_PRICE_WRONG),
    ],
)
def test_which_prices_can_be(tag: PriceTag, rule: Rule | None) -> None:
    if rule is None:
        assert tag.checked() == tag
    else:
        with pytest.raises(RuleBroken) as broken:
            tag.checked()
        assert broken.value.rule is rule


@pytest.mark.parametrize(
    ("versions", "at", "fen"),
    [
        ([], NOW, None),
        ([(100, TOMORROW)], NOW, None),  # none yet
        ([(100, NOW)], NOW, 100),  # from its very moment on
        ([(100, YESTERDAY), (90, TOMORROW)], NOW, 100),
        ([(100, YESTERDAY), (90, TOMORROW)], TOMORROW, 90),
        ([(100, YESTERDAY), (90, TOMORROW), (100, TOMORROW)], TOMORROW, 100),  # of equal times the last one made
        ([(100, NOW), (90, YESTERDAY)], NOW, 100),  # made later, but for an earlier time
    ],
)
@pytest.mark.req("SET-1", "SET-2", "SET-11")
def test_which_price_holds(versions: list[tuple[int, datetime]], at: datetime, fen: int | None) -> None:
    holding = course(*versions).at(at)
    assert (holding.tag.amount_fen if holding else None) == fen


def test_what_is_pending_and_what_comes_back() -> None:
    planned = course((100, YESTERDAY), (90, TOMORROW), (80, TOMORROW))
    assert [planned.is_pending(version, NOW) for version in planned.versions] == [False, False, True]
    before = planned.before(TOMORROW)
    assert before is not None
    assert before.tag == PriceTag(100)
    withdrawn = course((100, YESTERDAY), (90, TOMORROW), (100, TOMORROW))
    assert not any(withdrawn.is_pending(version, NOW) for version in withdrawn.versions)
    first = course((100, TOMORROW))
    assert first.is_pending(first.versions[0], NOW)


def test_the_same_price_again_is_no_change() -> None:
    prices = course((100, YESTERDAY))
    with pytest.raises(RuleBroken) as broken:
        prices.refuse_unless_changing(PriceTag(100), NOW)
    assert broken.value.rule is Rule.NO_CHANGE
    prices.refuse_unless_changing(PriceTag(100, 120), NOW)
    prices.refuse_unless_changing(PriceTag(100), YESTERDAY - timedelta(days=1))


@pytest.mark.parametrize("cause", StockCause)
def test_each_cause_goes_one_way(cause: StockCause) -> None:
    assert stock_delta(cause, 5) == (-5 if cause in TAKES_OUT else 5)
    assert labels.STOCK_CAUSE[cause]
    for quantity in (0, -5, 10_000):
        with pytest.raises(RuleBroken) as broken:
            stock_delta(cause, quantity)
        assert broken.value.rule is Rule.QUANTITY_WRONG


def test_another_cause_says_what_it_is() -> None:
    assert checked_stock_note(StockCause.BOUGHT, "  ") == ""
    assert checked_stock_note(StockCause.OTHER_OUT, " 借给  学院展览 ") == "借给 学院展览"
    with pytest.raises(RuleBroken) as broken:
        checked_stock_note(StockCause.OTHER_IN, " ")
    assert broken.value.rule is Rule.REASON_MISSING
    with pytest.raises(RuleBroken) as broken:
        checked_stock_note(StockCause.BOUGHT, "长" * 101)
    assert broken.value.rule is Rule.TEXT_TOO_LONG
