"""Which reminder a day calls for."""

from datetime import date, timedelta

import pytest

from app.domain import labels
from app.domain.reminders import MOST_DAYS, Stage, Thing, stage_due, topic_of
from app.usecases.forgetting import ERRANDS_KEPT

SCANNED = date(2026, 11, 1)


def on_day(days_out: int, *, free: int = 14, freeze: int = 30) -> Stage | None:
    fees_from, freezes_on = SCANNED + timedelta(days=free + 1), SCANNED + timedelta(days=freeze)
    return stage_due(fees_from, freezes_on, SCANNED + timedelta(days=days_out))


@pytest.mark.req("SET-4", "SET-5")
@pytest.mark.parametrize(
    ("days_out", "stage"),
    [
        (0, None),
        (10, None),
        (11, Stage.SOON),  # free until the 15th: three days to go
        (12, Stage.SOON),  # the job did not run yesterday, and it is still true
        (13, Stage.LAST),
        (14, Stage.LAST),  # the last free day
        (15, Stage.LATE),  # the first day that costs
        (26, Stage.LATE),
        (27, Stage.FREEZES),  # frozen on day 30
        (29, Stage.FREEZES),
        (30, None),  # the freeze itself is told
        (400, None),
    ],
)
def test_a_battery_out_for_14_free_days_and_frozen_on_day_30(days_out: int, stage: Stage | None) -> None:
    assert on_day(days_out) is stage


@pytest.mark.parametrize(
    ("days_out", "stage"),
    [(-4, None), (-3, Stage.SOON), (-1, Stage.LAST), (0, Stage.LAST), (1, Stage.LATE), (27, Stage.FREEZES), (30, None)],
)
def test_a_vehicle_counted_from_its_last_day(days_out: int, stage: Stage | None) -> None:
    assert on_day(days_out, free=0) is stage


def test_what_was_missed_for_two_weeks_is_no_news() -> None:
    assert on_day(15 + MOST_DAYS - 1, freeze=90) is Stage.LATE
    assert on_day(15 + MOST_DAYS, freeze=90) is None
    assert timedelta(days=MOST_DAYS) < ERRANDS_KEPT, "else the outbox would have forgotten that it was told"


@pytest.mark.parametrize(
    ("day", "freeze", "stage"),
    [
        (15, 18, Stage.FREEZES),  # both begin today
        (14, 17, Stage.FREEZES),  # three days to the freeze, which comes before the first fee is due
        (14, 16, Stage.FREEZES),
        (14, 15, Stage.LAST),
    ],
)
def test_of_two_that_have_begun_the_later_one_is_told(day: int, freeze: int, stage: Stage) -> None:
    assert on_day(day, freeze=freeze) is stage


@pytest.mark.parametrize("free", range(0, 20, 3))
@pytest.mark.parametrize("freeze_after", range(1, 40, 3))
def test_whatever_the_terms_no_stage_comes_twice_or_from_the_freeze_on(free: int, freeze_after: int) -> None:
    freeze = free + freeze_after
    told = [on_day(day, free=free, freeze=freeze) for day in range(-5, freeze + 5)]
    changes = [stage for before, stage in zip([None, *told], told, strict=False) if stage and stage is not before]
    assert len(changes) == len(set(changes))
    assert not any(told[freeze + 5 :])


@pytest.mark.parametrize(
    ("stage", "thing", "fee_fen", "said"),
    [
        (Stage.SOON, Thing.BATTERY, 5_00, "电池 A00042 免费用到 11 月 15 日|之后每天收逾期费 ¥5.00，记得到店归还"),
        (Stage.LATE, Thing.BATTERY, 5_00, "电池 A00042 从 11 月 15 日起每天收逾期费 ¥5.00|早还一天少算一天"),
        (Stage.LAST, Thing.VEHICLE, 0, "租的车 A00042 最晚 11 月 15 日 归还|之后算逾期，记得到店归还"),
        (Stage.FREEZES, Thing.VEHICLE, 0, "租的车 A00042 还没有归还|11 月 15 日起冻结账户，归还后马上解冻"),
    ],
)
def test_a_reminder_says_number_day_and_fee(stage: Stage, thing: Thing, fee_fen: int, said: str) -> None:
    words = labels.message(topic_of(thing, stage), {"number": "A00042", "on": "2026-11-15", "fee_fen": fee_fen})
    assert f"{words['detail']}|{words['remark']}" == said


def test_every_stage_has_its_words() -> None:
    assert {topic_of(thing, stage) for thing in Thing for stage in Stage} <= labels.MESSAGES.keys()
