"""The shapes of 对账: the filter panel, and what somebody says of a difference."""

from typing import Any

from wtforms import DateField, IntegerField, SelectField, StringField, ValidationError
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from app.domain import labels
from app.domain.bills import LISTED, Cause, Difference, ItemState, Remedy
from app.domain.reasons import MOST_REASON
from app.web.forms import ActForm, QueryForm, plausible_day
from app.web.guards import MOST_ROW_ID

SIZES = (20, 50, 100)
USUAL_SIZE = 50
CHOOSE = SelectChoice("", "选一个")


class BillFilterForm(QueryForm):
    """The filter panel; every field stands in the URL, and one that does not fit falls back."""

    tab = SelectField(choices=[tab.value for tab in LISTED], default=ItemState.OPEN.value)
    day = DateField(validators=[Optional(), plausible_day])
    difference = SelectField(choices=["", *(one.value for one in Difference)], default="")
    size = SelectField(choices=[str(size) for size in SIZES], coerce=int, default=USUAL_SIZE)
    item = IntegerField(validators=[Optional(), NumberRange(1, MOST_ROW_ID)])


class ResolveForm(ActForm):
    """Why it came to the difference, what was done, and a word for whoever looks later."""

    cause = SelectField("原因", validators=[InputRequired("选一个原因")])
    remedy = SelectField(
        "做法",
        choices=[CHOOSE, *(SelectChoice(one.value, word) for one, word in labels.BILL_REMEDY.items())],
        validators=[InputRequired("选一种做法")],
    )
    note = StringField(
        "说明",
        validators=[Length(max=MOST_REASON, message=f"最多 {MOST_REASON} 个字")],
        filters=[lambda typed: (typed or "").strip()],
    )

    def __init__(self, causes: tuple[Cause, ...] = tuple(Cause), **options: Any) -> None:
        super().__init__(**options)
        self.cause.choices = [CHOOSE, *(SelectChoice(one.value, labels.BILL_CAUSE[one]) for one in causes)]

    def validate_note(self, field: StringField) -> None:
        """Something else is said in words."""
        if not field.data and (self.cause.data == Cause.OTHER or self.remedy.data == Remedy.OTHER):
            raise ValidationError("选了其他，写一句说明")
