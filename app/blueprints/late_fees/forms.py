"""The shape of a waiver: which days, and why."""

import secrets
from datetime import date

from wtforms import HiddenField, SelectMultipleField, StringField
from wtforms.validators import DataRequired, Length, Regexp, ValidationError

from app.domain.reasons import MOST_REASON
from app.web.forms import ActForm


class WaiveForm(ActForm):
    """The days whose fee is let go."""

    days = SelectMultipleField("减免哪几天", validate_choice=False)
    reason = StringField(
        "原因",
        [DataRequired("写一句原因，同事以后看得懂"), Length(max=MOST_REASON, message=f"最多 {MOST_REASON} 个字")],
        filters=[lambda text: (text or "").strip()],
    )
    request_key = HiddenField(default=lambda: secrets.token_hex(16), validators=[Regexp(r"^[0-9a-f]{32}$")])

    @property
    def chosen(self) -> set[date]:
        """The days; what is no day is left out."""
        found = set()
        for text in self.days.data or ():
            try:
                found.add(date.fromisoformat(text))
            except ValueError:
                continue
        return found

    def validate_days(self, _field: SelectMultipleField) -> None:
        """One at least."""
        if not self.chosen:
            raise ValidationError("选至少一天")
