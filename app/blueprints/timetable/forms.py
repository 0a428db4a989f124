"""The day of the dry run."""

from datetime import date, timedelta

from wtforms import DateField, ValidationError

from app.web.forms import QueryForm

MOST_DAYS = 60
"""So far ahead a dry run looks."""


class PreviewForm(QueryForm):
    """A day from today on."""

    on = DateField("哪一天")
    today: date

    def validate_on(self, field: DateField) -> None:
        """Not gone, not too far ahead."""
        if field.data is not None and not self.today <= field.data <= self.today + timedelta(days=MOST_DAYS):
            raise ValidationError(f"选今天到 {MOST_DAYS} 天以内的一天")
