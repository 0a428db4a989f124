"""The configuration: every fault is named at once, and production refuses whatever is the simulator's."""

from pathlib import Path

import pytest

from config import BadConfig, Config


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    (key := tmp_path / "key.pem").write_text("-----BEGIN …")
    return {
        "APP_ENV": "production",
        "DATA_DIR": str(tmp_path),
        "DATABASE_URL": "postgresql://lieba@db/lieba",
        "PUBLIC_URL": "https://lieba.example.com/",
        "SECRET_KEY": "s" * 32,
        "VAULT_KEYS": "k2:" + "5a" * 32 + ",k1:" + "a5" * 32,
        "MAC_KEY": "a5" * 32,
        "WECHAT_APP_ID": "wx0123456789abcdef",
        "WECHAT_APP_SECRET": "secret",
        "WECHAT_MCH_ID": "1900000001",
        "WECHAT_MCH_SERIAL_NO": "5A" * 20,
        "WECHAT_MCH_PRIVATE_KEY_FILE": str(key),
        "WECHAT_PAY_PUBLIC_KEY_FILE": str(key),
        "WECHAT_PAY_PUBLIC_KEY_ID": "PUB_KEY_ID_01",
        "WECHAT_PAY_API_V3_KEY": "v" * 32,
        "WECHAT_TEMPLATE_ORDER": "template",
    }


def faults(env: dict[str, str]) -> list[str]:
    with pytest.raises(BadConfig) as refused:
        Config.from_env(env)
    return [line.partition(":")[0] for line in str(refused.value).splitlines()]


def test_a_whole_environment_is_read(env: dict[str, str], tmp_path: Path) -> None:
    config = Config.from_env(env)
    assert config.public_url == "https://lieba.example.com"  # no slash at the end
    assert config.secure_cookies
    assert not config.demo
    assert list(config.vault_keys) == ["k2", "k1"]  # the first one seals
    assert config.wechat_api_url == "https://api.weixin.qq.com"
    assert config.data_dir == tmp_path
    told = repr(config)
    assert not any(secret in told for secret in ("ssss", "vvvv", "secret='", "BEGIN"))


def test_an_empty_environment_names_every_fault() -> None:
    assert faults({}) == [
        "SECRET_KEY",
        "VAULT_KEYS",
        "MAC_KEY",
        "WECHAT_APP_ID",
        "WECHAT_APP_SECRET",
        "WECHAT_MCH_ID",
        "WECHAT_MCH_SERIAL_NO",
        "WECHAT_MCH_PRIVATE_KEY_FILE",
        "WECHAT_PAY_PUBLIC_KEY_FILE",
        "WECHAT_PAY_PUBLIC_KEY_ID",
        "WECHAT_PAY_API_V3_KEY",
        "WECHAT_TEMPLATE_ORDER",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APP_ENV", "staging"),
        ("SECRET_KEY", "short"),
        ("MAC_KEY", "a5" * 31),
        ("MAC_KEY", "zz" * 32),
        ("VAULT_KEYS", "k1"),
        ("VAULT_KEYS", "k1:" + "a5" * 31),
        ("WECHAT_PAY_API_V3_KEY", "v" * 31),
        ("WECHAT_MCH_PRIVATE_KEY_FILE", "/nowhere/key.pem"),
        ("PROXIES", "-1"),
        ("PROXIES", "one"),
        ("DATABASE_URL", "mysql://db/lieba"),
        ("PUBLIC_URL", "lieba.example.com"),
        ("PUBLIC_URL", "https://lieba.example.com/shop"),
        ("PUBLIC_URL", "https://lieba.example.com?x=1"),
        ("PUBLIC_URL", "http://lieba.example.com"),
        ("WECHAT_PAY_URL", "http://127.0.0.1:8001"),
        ("WECHAT_API_URL", "https://localhost"),
        ("WECHAT_OPEN_URL", "http://open.weixin.qq.com"),
        ("WECHAT_BRIDGE_URL", "https://lieba.example.com/bridge.js"),
    ],
)
def test_what_is_wrong_is_named(env: dict[str, str], name: str, value: str) -> None:
    assert set(faults(env | {name: value})) == {name}


def test_a_demo_may_speak_to_the_simulator(env: dict[str, str]) -> None:
    del env["PUBLIC_URL"], env["DATABASE_URL"]
    config = Config.from_env(env | {"APP_ENV": "demo", "PORT": "8123", "WECHAT_PAY_URL": "http://127.0.0.1:8001"})
    assert (config.demo, config.secure_cookies, config.public_url) == (True, False, "http://127.0.0.1:8123")
    assert config.database_url.startswith("sqlite:///")
