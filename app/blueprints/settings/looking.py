"""A change with a time: first a look at what it would do, then (the button that said so) the change itself."""

from collections.abc import Callable
from typing import TypeVar

from flask import request

from app.blueprints.settings.forms import LookForm
from app.domain import labels
from app.domain.errors import RuleBroken

P = TypeVar("P")


def looked_at(
    form: LookForm, plan: Callable[[], P | None], field_of: Callable[[RuleBroken], str]
) -> tuple[P | None, bool]:
    """What the form asks for would do, and whether it is to be done now.

    It is once `step=save` was pressed and nothing else was typed since the button said what it does. `plan` gives None
    while something is missing; a rule that it breaks is said beside the field that `field_of` names.
    """
    valid = form.validate()
    typing = request.form.get("step") is None  # a field was changed; what is still missing is no fault yet
    planned = None
    try:
        planned = plan()
    except RuleBroken as broken:
        field = form[field_of(broken)]
        field.errors = field.errors or [labels.refusal(broken).rstrip("。")]
    if typing:
        for field in form:
            field.errors = ()
    pressed = request.form.get("step") == "save" and form.previewed.data == form.what_was_asked()
    if valid and planned is not None and pressed:
        return planned, True
    form.previewed.raw_data, form.previewed.data = None, form.what_was_asked()
    return planned, False
