"""The shape of input: forms that speak Chinese, refuse what does not fit, and keep what was typed."""

from collections.abc import Mapping
from typing import Any, TypeVar

from flask import request
from flask_wtf import FlaskForm
from wtforms import Form

F = TypeVar("F", bound=Form)


class ActForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """A form that changes something; CSRF is checked for the whole application before it."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]  # the same
        """CSRF once, in `CSRFProtect`; messages in Chinese."""

        csrf = False
        locales = ("zh",)


class QueryForm(Form):  # type: ignore[misc]  # WTForms has no types
    """A form whose fields stand in the URL."""

    class Meta:
        """Messages in Chinese."""

        locales = ("zh",)


def from_query(form_class: type[F], **choices: Any) -> F:
    """A query form filled from the URL; a field that does not fit falls back to its default: no link ever breaks."""
    form: F = form_class(request.args, **choices)
    if not form.validate():
        for field in form:
            if field.errors:
                field.data = field.default() if callable(field.default) else field.default
    return form


def faults_of(form: Form) -> Mapping[str, str]:
    """The first message of each field that does not fit."""
    return {name: str(messages[0]) for name, messages in form.errors.items() if messages}
