"""The macros of `templates/ui/` as one global `ui`, so that a block renders alone and a page imports nothing."""

from collections.abc import Mapping
from types import MappingProxyType, SimpleNamespace

from jinja2 import Environment

SUBJECTS = (
    "icon",
    "plate",
    "badge",
    "text",
    "button",
    "form",
    "filters",
    "table",
    "record",
    "state",
    "sheet",
    "counter",
    "phone",
    "scan",
    "photo",
)
"""The files of `templates/ui/`. Each is read after the filters and globals are set: macros use them."""


def ui_namespace(env: Environment) -> SimpleNamespace:
    """Every public macro of every subject by its name. Raises ValueError if two subjects define the same name."""
    macros: dict[str, object] = {}
    for subject in SUBJECTS:
        public = _public(vars(env.get_template(f"ui/{subject}.html").module))
        if twice := macros.keys() & public.keys():
            raise ValueError(f"defined twice in templates/ui: {', '.join(sorted(twice))}")
        macros.update(public)
    return SimpleNamespace(**macros)


def _public(exported: Mapping[str, object]) -> Mapping[str, object]:
    return MappingProxyType({name: value for name, value in exported.items() if not name.startswith("_")})
