"""docs/simulator.md names every handle, fault and kind of notice."""

import re
from pathlib import Path

from simulator import handles, handmade
from simulator.faults import FAULTS

PAGE = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text()


def test_every_fault_with_its_parameters_is_documented() -> None:
    missing = [word for name, kind in FAULTS.items() for word in (name, *kind.params) if f"`{word}`" not in PAGE]
    assert missing == []


def test_every_kind_of_notice_by_hand_is_documented() -> None:
    assert [kind for kind in handmade.KINDS if f"`{kind}`" not in PAGE] == []


def test_every_handle_is_documented() -> None:
    code = Path(handles.__file__).read_text()
    paths = {re.sub(r"<int:", "<", path) for path in re.findall(r'@bp\.\w+\("([^"]+)"\)', code)}
    documented = {path.replace("<notice_id>", "<id>").replace("<fault_id>", "<id>") for path in paths}
    assert [path for path in documented if f"/_sim{path}" not in PAGE.replace("[/<id>]", "/<id>")] == []
