"""The documentation names everything that the code has: variables, jobs, settings, permissions, commands."""

import re
from pathlib import Path

import pytest

from app.domain import settings
from app.domain.permissions import RIGHTS, Permission, Role
from app.jobs.timetable import ENTRIES
from config import Config
from tests.fixtures.simulators import read_env

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def documented(*pages: str) -> str:
    return "\n".join((DOCS / page).read_text() for page in pages)


def variables() -> list[str]:
    """Every environment variable that config.py reads."""
    return sorted(set(re.findall(r'"([A-Z][A-Z0-9_]{3,})"', (ROOT / "config.py").read_text())))


@pytest.mark.parametrize("name", [*variables(), "SIM_PORT", "SIM_SPEED", "SIM_APP_URL", "WECHAT_BRIDGE_URL"])
def test_every_variable_is_documented(name: str) -> None:
    assert f"`{name}`" in documented("operations.md")


@pytest.mark.parametrize("command", re.findall(r"^(\./dev \w+)", (ROOT / "dev").read_text(), flags=re.MULTILINE))
def test_every_command_is_documented(command: str) -> None:
    assert f"`{command}" in documented("operations.md")


def test_the_table_of_rights_is_the_one_of_the_code() -> None:
    head, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in documented("security.md").splitlines()
        if line.startswith(("| right |", "| `", "| ---"))
    ][: len(Permission) + 2]
    roles = [Role(cell.split()[0]) for cell in head[2:]]
    told = {role: {Permission(row[0].strip("`")) for row in rows if row[at] == "✓"} for at, role in enumerate(roles, 2)}
    assert told == RIGHTS
    assert [row[0] for row in rows] == [f"`{permission.value}`" for permission in Permission]


def test_every_job_is_documented() -> None:
    page = documented("operations.md")
    undocumented = [e.name for e in ENTRIES.values() if f"| `{e.name}` | {e.schedule}" not in page]
    assert ENTRIES
    assert undocumented == []


def test_every_setting_is_documented() -> None:
    page = documented("operations.md")
    assert [key for key in settings.CATALOGUE if f"`{key}`" not in page] == []


def test_the_example_of_production_is_a_whole_configuration(tmp_path: Path) -> None:
    """With the secrets filled in, config.py takes deploy/lieba.env.example as it stands."""
    env = read_env(ROOT / "deploy" / "lieba.env.example")
    key = tmp_path / "key.pem"
    key.write_text("PEM")
    filled = {"SECRET_KEY": "s" * 48, "VAULT_KEYS": "k1:" + "5a" * 32, "MAC_KEY": "5a" * 32}
    filled |= {name: str(key) for name in env if name.endswith("_FILE")} | {"WECHAT_PAY_API_V3_KEY": "v" * 32}
    config = Config.from_env({name: filled.get(name) or value or "x" for name, value in env.items()})
    assert not config.demo
    assert config.proxies == 1


def test_links_between_pages_lead_somewhere() -> None:
    pages = [ROOT / "README.md", *DOCS.rglob("*.md")]
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []
