"""A simulator of our own in a thread of this process, empty for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator import keys
from simulator.server import Simulator
from tests.simulator.ground import SPEED, Listener, Merchant


@pytest.fixture(scope="session")
def wechat_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wechat")
    keys.make(folder, 1)
    return folder


@pytest.fixture(scope="session")
def running_wechat(wechat_folder: Path) -> Iterator[Simulator]:
    with Simulator(wechat_folder, port=0, app_url="http://127.0.0.1:1", speed=SPEED) as simulator:
        yield simulator


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.stop()


@pytest.fixture
def merchant(running_wechat: Simulator, wechat_folder: Path, listener: Listener) -> Iterator[Merchant]:
    running_wechat.world.app_url = listener.url
    yield Merchant(running_wechat, wechat_folder, listener)
    running_wechat.world.clock.reset()
    running_wechat.world.store.forget(people=True)
    running_wechat.world.requests.clear()
