"""Vendored files are what their makers published: each has the hash that hashes.json names."""

import hashlib
import json
from pathlib import Path

VENDOR = Path(__file__).parents[2] / "app" / "static" / "vendor"


def test_every_vendored_file_has_its_hash() -> None:
    named: dict[str, str] = json.loads((VENDOR / "hashes.json").read_text())
    files = {f.relative_to(VENDOR).as_posix(): f for f in VENDOR.rglob("*") if f.is_file() and f.name != "hashes.json"}
    hashes = {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()}
    assert hashes == named
