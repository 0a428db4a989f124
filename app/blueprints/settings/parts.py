"""A row that opens in place into a small form, is saved alone, and says beside its fields what does not fit."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from flask import Response
from wtforms import BooleanField, Field, HiddenField

from app.blueprints.settings.forms import in_row
from app.blueprints.settings.section import done
from app.domain import labels
from app.domain.errors import RuleBroken
from app.web.forms import ActForm
from app.web.htmx import is_htmx, render


@dataclass(frozen=True, slots=True)
class OpenPart:
    """The row that is being changed: which one, its form, where it is sent, and what its button says."""

    row: str  # the id of the row it takes the place of
    title: str
    note: str
    form: ActForm
    action: str
    button: str
    close_url: str  # the page that it stands on
    remove_action: str = ""
    remove_button: str = ""
    remove_why_not: str = ""
    problem: str = ""
    closes_in_place: bool = True  # a row that stands there closed too
    template: str = "settings/open_part.html"

    def __post_init__(self) -> None:
        in_row(self.row, self.form)

    @property
    def fields(self) -> list[Field]:
        """What somebody fills in."""
        return [field for field in self.form if not isinstance(field, HiddenField | BooleanField)]

    @property
    def checks(self) -> list[Field]:
        """What somebody ticks."""
        return [field for field in self.form if isinstance(field, BooleanField)]


Page = Callable[[OpenPart, int], Response]


def show_open(opened: OpenPart, page: Page, status: int = 200) -> Response:
    """The page with the row open; for HTMX the row alone."""
    if is_htmx():
        return render(opened.template, opened=opened, status=status)
    return page(opened, status)


def save(opened: OpenPart, act: Callable[[], object], words: str, page: Page) -> Response:
    """Does the act; a broken rule is said beside its field, and what was typed stays."""
    opened.form.validate()
    if opened.form.errors:
        return show_open(opened, page, 422)
    try:
        act()
    except RuleBroken as broken:
        sentence = labels.refusal(broken)
        field = broken.facts.get("field")
        if field in opened.form:
            opened.form[field].errors = [sentence.rstrip("。")]
        else:
            opened = replace(opened, problem=sentence)
        return show_open(opened, page, 422)
    return done(words, opened.close_url)
