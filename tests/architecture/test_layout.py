"""The top level of the design card stays: whoever knows it finds everything (CARD-2)."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.req("CARD-2")
def test_the_top_level_is_the_design_cards() -> None:
    for folder in ("app/blueprints", "app/templates", "app/static", "migrations", "tests"):
        assert (ROOT / folder).is_dir(), folder
    for file in ("app/__init__.py", "config.py", "wsgi.py", "requirements.txt"):
        assert (ROOT / file).is_file(), file
