from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.adapters.wechat import wire


@pytest.mark.parametrize(
    ("at", "written"),
    [
        (datetime(2026, 11, 24, 8, 0, tzinfo=UTC), "2026-11-24T16:00:00+08:00"),
        (datetime(2026, 12, 31, 16, 0, 1, 999_999, tzinfo=UTC), "2027-01-01T00:00:01+08:00"),
        (datetime(2026, 6, 1, 0, 0, tzinfo=timezone(timedelta(hours=-5))), "2026-06-01T13:00:00+08:00"),
    ],
)
def test_times_are_written_as_in_beijing(at: datetime, written: str) -> None:
    assert wire.written_time(at) == written


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("猎吧租车 电动车", "猎吧租车 电动车"),
        ("  one\ttwo\r\nthree\u3000four ", "one two three four"),
        ("a\x00b\x1bc\x7fd\x85e", "abcd e"),
        ("]]>", ""),
        ("]]]]>>", ""),
        ("]\x00]\x00>", ""),
        ("a]]]]]]>>>b", "ab"),
        ("\ud83d", ""),
        ("👩‍🚀", "👩‍🚀"),
    ],
)
def test_a_line_has_nothing_that_ends_their_xml_or_a_screen_cannot_show(text: str, clean: str) -> None:
    assert wire.clean(text) == clean


@pytest.mark.parametrize(
    ("text", "kept"),
    [("车" * 127, 127), ("车" * 128, 127), ("𠮷" * 200, 127), ("x" * 126 + " y", 126), ("\x00" * 50 + "车" * 127, 127)],
)
def test_a_description_has_at_most_127_characters(text: str, kept: int) -> None:
    assert len(wire.description(text)) == kept


@pytest.mark.parametrize(
    ("text", "kept"), [("x" * 81, 80), ("车" * 27, 78), ("x" + "车" * 27, 79), ("𠮷" * 21, 80), ("xy" + "𠮷" * 21, 78)]
)
def test_a_reason_has_at_most_80_bytes_and_whole_characters(text: str, kept: int) -> None:
    assert len(wire.reason(text).encode()) == kept
    assert text.startswith(wire.reason(text))
