"""The import rules hold, and each of them would notice: one forbidden import for each contract breaks it."""

import configparser
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTRACT = "importlinter:contract:"

# contract → the file that gets the line, and the line. A file that is not there is made.
FORBIDDEN = {
    "layers": ("app/models/__init__.py", "import app.queries"),
    "no-cycles": ("app/blueprints/auth/forms.py", "import app.blueprints.auth.routes"),
    "sections-are-independent": ("app/blueprints/orders/routes.py", "import app.blueprints.settings"),
    "app-and-simulator-are-strangers": ("simulator/clock.py", "import app.adapters.clock"),
    "domain-is-pure": ("app/domain/money.py", "import sqlalchemy"),
    "data-knows-no-web": ("app/queries/__init__.py", "import flask"),
    "one-flask-sqlalchemy": ("app/web/guards.py", "import flask_sqlalchemy"),
    "sessions-open-in-two-places": ("app/usecases/stock.py", "import app.db"),
    "web-never-acts": ("app/web/guards.py", "import app.usecases.stock"),
    "entry-points-are-thin": ("app/blueprints/orders/routes.py", "import app.models.orders"),
    "forms-are-shapes": ("app/blueprints/orders/forms.py", "import app.queries"),
    "adapters-know-ports": ("app/adapters/vault.py", "import app.queries"),
    "wechat-seam": ("app/usecases/stock.py", "import wechatpy"),
    "one-timetable": ("app/jobs/__init__.py", "import apscheduler"),
    "one-reader-of-config": ("app/runtime.py", "import config"),
}


def contracts() -> list[str]:
    """The ids of all contracts of importlinter.ini."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "importlinter.ini")
    return [section.removeprefix(CONTRACT) for section in parser.sections() if section.startswith(CONTRACT)]


def lint_imports(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs import-linter on a tree."""
    program = Path(sys.executable).with_name("lint-imports")
    command = [str(program), "--config", "importlinter.ini", "--no-logo", *arguments]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(tree)})


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the contracts are about; its cache makes the second run fast."""
    folder = tmp_path_factory.mktemp("tree")
    only_python = shutil.ignore_patterns("__pycache__", "static", "templates")
    for package in ("app", "simulator"):
        shutil.copytree(ROOT / package, folder / package, ignore=only_python)
    for file in ("config.py", "importlinter.ini"):
        shutil.copy(ROOT / file, folder)
    return folder


def test_every_contract_is_kept(tree: Path) -> None:
    checked = lint_imports(tree)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_each_contract_has_a_planted_import() -> None:
    assert sorted(FORBIDDEN) == sorted(contracts())


@pytest.mark.parametrize("contract", contracts())
def test_one_forbidden_import_breaks_its_contract(contract: str, tree: Path) -> None:
    place, line = FORBIDDEN[contract]
    file = tree / place
    before = file.read_bytes() if file.exists() else None
    file.write_bytes((before or b"") + f"\n{line}\n".encode())
    try:
        checked = lint_imports(tree, "--contract", contract)
    finally:
        file.unlink() if before is None else file.write_bytes(before)
    assert checked.returncode == 1
    assert "Contracts: 0 kept, 1 broken." in checked.stdout, checked.stdout + checked.stderr
