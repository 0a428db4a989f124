"""The shape of input: forms that speak Chinese, refuse what does not fit, and keep what was typed."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from flask import request
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import DateField, Field, Form, StringField, ValidationError

from app.domain import labels
from app.domain.errors import RuleBroken
from app.domain.money import read_yuan, yuan

F = TypeVar("F", bound=Form)
FIRST_YEAR, LAST_YEAR = 2000, 2100


class ActForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """A form that changes something; CSRF is checked for the whole application before it."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]  # the same
        """CSRF once, in `CSRFProtect`; messages in Chinese."""

        csrf = False
        locales = ("zh",)


class MoneyField(StringField):  # type: ignore[misc]  # WTForms has no types
    """Money, typed in yuan; `data` is fen, nothing typed is None, what was typed stays."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"render_kw": {"inputmode": "decimal", "autocomplete": "off"}, **options})

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else yuan(self.data)

    def process_formdata(self, valuelist: list[str]) -> None:
        """Reads it. Raises ValueError with the sentence beside the field."""
        self.data = None
        typed = valuelist[0].strip() if valuelist else ""
        if not typed:
            return
        try:
            self.data = read_yuan(typed)
        except ValueError:
            raise ValueError("写金额，最多到分，比如 12 或 12.50") from None


class QueryForm(Form):  # type: ignore[misc]  # WTForms has no types
    """A form whose fields stand in the URL."""

    class Meta:
        """Messages in Chinese."""

        locales = ("zh",)


def from_query(form_class: type[F], asked: Mapping[str, str] | None = None, **choices: Any) -> F:
    """A query form filled from the URL, or from what was `asked` in one before.

    A field that does not fit falls back to its default: no link ever breaks.
    """
    form: F = form_class(request.args if asked is None else MultiDict(asked), **choices)
    if not form.validate():
        for field in form:
            if field.errors:
                field.data = field.default() if callable(field.default) else field.default
    return form


def fits(checked: Callable[[Any], object]) -> Callable[[Form, Field], None]:
    """A validator: what a rule of the domain says of this field alone, so that it is told with all other faults."""

    def validator(_form: Form, field: Field) -> None:
        if field.errors:  # what could not be read is not judged
            return
        try:
            checked(field.data)
        except RuleBroken as broken:
            raise ValidationError(labels.refusal(broken).rstrip("。")) from broken

    return validator


def plausible_day(_form: Form, field: DateField) -> None:
    """A validator: no slip of the hand such as the year 202, which some databases would refuse."""
    if field.data is not None and not FIRST_YEAR <= field.data.year <= LAST_YEAR:
        raise ValidationError("这一天不在范围内")
