"""`./dev lint` is part of the suite: each of its checks is clean."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(300)
def test_lint_is_clean() -> None:
    checked = subprocess.run([ROOT / "dev", "lint"], cwd=ROOT, capture_output=True, text=True, check=False)
    if checked.returncode:
        pytest.fail(checked.stdout + checked.stderr, pytrace=False)
