import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from app.adapters.wechat.tokens import Issued, TokenProvider
from app.ports import OutcomeUnknown
from tests.adapters.there import NOW, FixedClock, KeptTokens

HOUR = 3600


class Source:
    """Hands out t1, t2 … and counts."""

    def __init__(self) -> None:
        self.count = 0
        self.down = False

    def fetch(self) -> Issued:
        self.count += 1
        if self.down:
            raise OutcomeUnknown("down")
        return Issued(f"t{self.count}", HOUR)


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def provider(tokens: KeptTokens, clock: FixedClock) -> TokenProvider:
    return TokenProvider(tokens, clock, patience=0.05)


def test_a_token_is_fetched_once_and_kept_with_its_end(
    provider: TokenProvider, tokens: KeptTokens, source: Source
) -> None:
    assert [provider.value("k", source.fetch) for _ in range(3)] == ["t1"] * 3
    assert tokens.kept == {"k": ("t1", NOW + timedelta(hours=1))}


def test_what_another_process_fetched_is_used(provider: TokenProvider, tokens: KeptTokens, source: Source) -> None:
    tokens.write("k", "theirs", NOW + timedelta(minutes=6))
    assert provider.value("k", source.fetch) == "theirs"
    assert source.count == 0


@pytest.mark.parametrize(("left", "expected"), [(301, "old"), (300, "t1"), (0, "t1"), (-1, "t1")])
def test_a_token_is_renewed_five_minutes_early(
    provider: TokenProvider, tokens: KeptTokens, source: Source, left: int, expected: str
) -> None:
    tokens.write("k", "old", NOW + timedelta(seconds=left))
    assert provider.value("k", source.fetch) == expected


@pytest.mark.parametrize(("left", "usable"), [(200, True), (0, False)])
def test_a_token_that_cannot_be_renewed_yet_is_used_to_its_end(
    provider: TokenProvider, tokens: KeptTokens, source: Source, left: int, usable: bool
) -> None:
    tokens.write("k", "old", NOW + timedelta(seconds=left))
    source.down = True
    if usable:
        assert provider.value("k", source.fetch) == "old"
    else:
        with pytest.raises(OutcomeUnknown):
            provider.value("k", source.fetch)


def test_a_refused_token_is_replaced_only_while_it_is_the_kept_one(
    provider: TokenProvider, tokens: KeptTokens, source: Source
) -> None:
    tokens.write("k", "theirs", NOW + timedelta(hours=1))
    assert provider.value_after("mine", "k", source.fetch) == "theirs"
    assert source.count == 0
    assert provider.value_after("theirs", "k", source.fetch) == "t1"
    assert source.count == 1


def test_many_threads_fetch_once(tokens: KeptTokens, clock: FixedClock, source: Source) -> None:
    provider = TokenProvider(tokens, clock)
    at_once = threading.Barrier(16)

    def ask() -> str:
        at_once.wait()
        return provider.value("k", source.fetch)

    with ThreadPoolExecutor(16) as threads:
        values = [answer.result() for answer in [threads.submit(ask) for _ in range(16)]]
    assert values == ["t1"] * 16
    assert source.count == 1


def test_a_thread_waits_for_another_only_so_long(provider: TokenProvider, source: Source) -> None:
    inside, let_go = threading.Event(), threading.Event()

    def slow() -> Issued:
        inside.set()
        let_go.wait(5)
        return source.fetch()

    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(provider.value, "k", slow)
        inside.wait(5)
        with pytest.raises(OutcomeUnknown, match="another thread"):
            provider.value("k", source.fetch)
        let_go.set()
        assert first.result() == "t1"
