"""The key material: made once, secret, brought up to date."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from config import Config
from simulator import keys
from simulator.__main__ import main


def test_keys_are_made_once_and_later_only_the_urls_change(tmp_path: Path) -> None:
    keys.make(tmp_path, 8001)
    first = keys.read_env(tmp_path / "wechat.env")
    pem = (tmp_path / "wechat" / keys.MERCHANT_KEY).read_bytes()
    keys.make(tmp_path, 9001)
    second = keys.read_env(tmp_path / "wechat.env")
    assert (tmp_path / "wechat" / keys.MERCHANT_KEY).read_bytes() == pem
    changed = {name for name in first if first[name] != second[name]}
    assert changed == {"WECHAT_API_URL", "WECHAT_OPEN_URL", "WECHAT_PAY_URL", "WECHAT_BRIDGE_URL"}
    assert second["WECHAT_BRIDGE_URL"] == "http://127.0.0.1:9001/_sim/bridge.js"


def test_nobody_else_may_read_them(tmp_path: Path) -> None:
    keys.make(tmp_path, 8001)
    files = [tmp_path / "wechat.env", *(tmp_path / "wechat").iterdir()]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_a_shell_can_source_the_file_and_the_application_starts_on_it(tmp_path: Path) -> None:
    keys.make(tmp_path, 8001)
    sourced = subprocess.run(
        ["/bin/sh", "-c", f"set -a; . {tmp_path}/wechat.env; env"], check=True, capture_output=True, text=True
    )
    env = dict(line.split("=", 1) for line in sourced.stdout.splitlines() if line.startswith("WECHAT_"))
    ours = {"SECRET_KEY": "s" * 32, "VAULT_KEYS": f"k1:{'0' * 64}", "MAC_KEY": "0" * 64}
    assert Config.from_env(env | ours).wechat_mch_id == env["WECHAT_MCH_ID"]


def test_production_refuses_the_simulator(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve"], {"APP_ENV": "production", "DATA_DIR": str(tmp_path)}) == 2
    assert "production" in capsys.readouterr().err


def test_without_keys_it_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve"], {"DATA_DIR": str(tmp_path)}) == 2
    assert "simulator keys" in capsys.readouterr().err


def test_it_ends_at_once_when_told(tmp_path: Path) -> None:
    keys.make(tmp_path, 0)
    env = {"DATA_DIR": str(tmp_path), "SIM_PORT": "0"}
    command = [sys.executable, "-m", "simulator", "serve"]
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("simulator: http://127.0.0.1:")
        process.terminate()
        assert process.wait(5) == 0
