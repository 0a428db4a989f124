"""The shapes of the section: a day, a month, the filter panel of transfers."""

from wtforms import DateField, HiddenField, IntegerField, MonthField, SelectField, StringField
from wtforms.validators import InputRequired, NumberRange, Optional

from app.domain.charges import Purpose
from app.domain.closing import Figure
from app.domain.finding import LONGEST
from app.domain.ledger import Account
from app.web.forms import ActForm, QueryForm, plausible_day
from app.web.guards import MOST_ROW_ID

SIZES = (20, 50, 100)
USUAL_SIZE = 50
NOWHERE = "none"
"""What belongs to no region, where a region could stand."""


def _printable(typed: str | None) -> str:
    return "".join(letter for letter in typed or "" if letter.isprintable()).strip()[:LONGEST]


def _row_id() -> IntegerField:
    return IntegerField(validators=[Optional(), NumberRange(1, MOST_ROW_ID)])


class DayForm(QueryForm):
    """A day."""

    day = DateField(validators=[Optional(), plausible_day])


class MonthForm(QueryForm):
    """A month; `data` is its first day."""

    month = MonthField(validators=[Optional(), plausible_day])


class CloseForm(ActForm):
    """The day that is closed: the one whose figures were seen."""

    day = DateField(validators=[InputRequired(), plausible_day], widget=HiddenField.widget)


class TransferForm(QueryForm):
    """The filter panel of transfers; every field stands in the URL, and one that does not fit falls back."""

    from_on = DateField(name="from", validators=[Optional(), plausible_day])
    to_on = DateField(name="to", validators=[Optional(), plausible_day])
    of = SelectField(choices=["", *(one.value for kind in (Account, Figure) for one in kind)], default="")
    purpose = SelectField(choices=["", *(purpose.value for purpose in Purpose)], default="")
    place = SelectField(choices=["", NOWHERE], default="")
    q = StringField(filters=[_printable])
    customer, order, deposit = _row_id(), _row_id(), _row_id()
    size = SelectField(choices=[str(size) for size in SIZES], coerce=int, default=USUAL_SIZE)
