"""What may stand in one file only, and what may stand nowhere."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PYTHON = sorted((ROOT / "app").rglob("*.py"))
TEMPLATES = sorted((ROOT / "app" / "templates").rglob("*.*"))

CLOCK_READS = {
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns", "time.localtime",
    "time.gmtime",
}  # fmt: skip


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def dotted(node: ast.expr) -> str:
    """`a.b.c` of an attribute chain; the last two words are what a rule names."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "()"


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield dotted(node.func), node


def files_that_call(*methods: str) -> set[str]:
    return {name_of(path) for path in PYTHON for called, _ in calls(path) if called.split(".")[-1] in methods}


def test_one_file_commits() -> None:
    assert files_that_call("commit", "rollback", "begin_nested") == {"app/usecases/transaction.py"}


def test_one_file_reads_the_clock() -> None:
    readers = {
        name_of(path) for path in PYTHON for called, _ in calls(path) if ".".join(called.split(".")[-2:]) in CLOCK_READS
    }
    assert readers == {"app/adapters/clock.py"}


def test_the_database_reads_no_clock() -> None:
    """`now` is handed in: a moved clock would not be seen by the database's own."""
    sql_clock = re.compile(r"func\.now\(|CURRENT_TIMESTAMP|server_default=.*now")
    assert not [name_of(path) for path in PYTHON if sql_clock.search(path.read_text())]


def test_nothing_is_marked_safe_or_evaluated() -> None:
    forbidden = {"Markup", "eval", "exec", "loads_pickle", "system", "popen"}
    found = {
        f"{name_of(path)}: {called}"
        for path in PYTHON
        for called, _ in calls(path)
        if called.split(".")[-1] in forbidden or called.startswith(("pickle.", "marshal.", "shelve."))
    }
    assert not found


def test_no_program_is_started_through_a_shell() -> None:
    shells = {
        name_of(path) for path in PYTHON for _, call in calls(path) for word in call.keywords if word.arg == "shell"
    }
    assert not shells


def test_templates_escape_everything() -> None:
    unescaped = re.compile(r"\|\s*safe\b|autoescape\s+false|\bMarkup\b")
    assert not [name_of(path) for path in TEMPLATES if unescaped.search(path.read_text())]


def test_http_calls_have_a_time_limit() -> None:
    """Only the one session of the WeChat seam speaks HTTP; nobody calls `requests.get` and waits for ever."""
    loose = {
        f"{name_of(path)}: {called}"
        for path in PYTHON
        for called, _ in calls(path)
        if called.startswith("requests.") and called.split(".")[-1] in {"get", "post", "put", "request", "delete"}
    }
    assert not loose
