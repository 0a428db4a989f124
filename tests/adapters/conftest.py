"""One WeChat for the folder, emptied for each test, with short time limits (reading an RSA key is the slow part)."""

from collections.abc import Iterator

import pytest

from app.adapters.wechat import TimeLimits, WeChat
from tests.adapters.there import NOW, FixedClock, KeptTokens, There, an_account

SHORT = TimeLimits(connect=0.3, read=0.3)


@pytest.fixture(scope="session")
def _server() -> Iterator[There]:
    server = There()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def _clock() -> FixedClock:
    return FixedClock()


@pytest.fixture(scope="session")
def _tokens() -> KeptTokens:
    return KeptTokens()


@pytest.fixture(scope="session")
def _wechat(_server: There, _clock: FixedClock, _tokens: KeptTokens) -> WeChat:
    return WeChat.of(an_account(_server.url), tokens=_tokens, clock=_clock, limits=SHORT)


@pytest.fixture
def there(_server: There) -> Iterator[There]:
    _server.begin()
    yield _server
    _server.over.set()


@pytest.fixture
def clock(_clock: FixedClock) -> FixedClock:
    _clock.at = NOW
    return _clock


@pytest.fixture
def tokens(_tokens: KeptTokens) -> KeptTokens:
    _tokens.kept.clear()
    return _tokens


@pytest.fixture
def wechat(_wechat: WeChat, there: There, clock: FixedClock, tokens: KeptTokens) -> WeChat:
    return _wechat
