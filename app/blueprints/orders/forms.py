"""The shapes of the orders section: its filter panel, cancelling, freezing, a note."""

from datetime import date, timedelta

from wtforms import DateField, IntegerField, SelectField, StringField, TextAreaField
from wtforms.fields import SelectChoice
from wtforms.validators import DataRequired, Length, NumberRange, Optional, ValidationError

from app.domain.finding import LONGEST
from app.domain.orders import OrderStatus
from app.domain.standing import Todo
from app.web.forms import ActForm, QueryForm, plausible_day
from app.web.guards import MOST_ROW_ID

RANGES = {"1": "今天", "7": "近7天", "30": "近30天", "365": "近1年"}
"""The value in the URL is the number of days, today among them. ORD-3."""
ALL_TIME = "all"
USUAL_RANGE = "30"
SIZES = (20, 50, 100)
USUAL_SIZE = 50

Span = tuple[date | None, date | None]


def days_of(range_: str, today: date) -> Span:
    """The first and the last day of a range of the panel."""
    return (None, None) if range_ == ALL_TIME else (today - timedelta(days=int(range_) - 1), today)


def _printable(typed: str | None) -> str:
    """What can be looked for and shown again: no control characters, no more than any number or name has."""
    return "".join(letter for letter in typed or "" if letter.isprintable()).strip()[:LONGEST]


class OrderFilterForm(QueryForm):
    """The filter panel; every field stands in the URL, and one that does not fit falls back."""

    range = StringField()
    from_on = DateField(name="from", validators=[Optional(), plausible_day])
    to_on = DateField(name="to", validators=[Optional(), plausible_day])
    model = IntegerField(validators=[Optional(), NumberRange(1, MOST_ROW_ID)])
    state = SelectField(choices=["", *(status.value for status in OrderStatus)], default="")
    todo = SelectField(choices=["", *(todo.value for todo in Todo)], default="")
    q = StringField(filters=[_printable])
    size = SelectField(choices=[str(size) for size in SIZES], coerce=int, default=USUAL_SIZE)

    def chosen_range(self) -> str:
        """The range that was pressed last; empty when the days were chosen one by one, or nothing was."""
        asked = [value for value in self.range.raw_data or [] if value in RANGES or value == ALL_TIME]
        pressed = asked[-1] if asked else ""
        return "" if pressed == ALL_TIME and self._has_days() else pressed

    def span(self, today: date) -> Span:
        """The days asked for: a range, or from–to, or the usual range; a search or a to-do list looks at all time."""
        if pressed := self.chosen_range():
            return days_of(pressed, today)
        if self._has_days():
            first, last = self.from_on.data, self.to_on.data
            return (last, first) if first and last and last < first else (first, last)
        return days_of(ALL_TIME if self.q.data or self.todo.data else USUAL_RANGE, today)

    def _has_days(self) -> bool:
        return bool(self.from_on.data or self.to_on.data)


class TroubleForm(QueryForm):
    """The tabs of what waits for a person."""

    kind = StringField()
    size = SelectField(choices=[str(size) for size in SIZES], coerce=int, default=USUAL_SIZE)


WHY_CANCELLED = ("用户不想要了", "车辆有问题", "重复下单", "信息填错了", "其他")


class CancelForm(ActForm):
    """Why an order is cancelled."""

    why = SelectField(
        "原因",
        choices=[SelectChoice("", "选一个"), *(SelectChoice(why) for why in WHY_CANCELLED)],
        validators=[DataRequired("选一个原因")],
        validate_choice=True,
    )
    more = StringField("说明", [Length(max=100, message="最多 100 个字")], filters=[lambda text: (text or "").strip()])

    def validate_more(self, field: StringField) -> None:
        """Another reason is no reason until it is written."""
        if self.why.data == WHY_CANCELLED[-1] and not field.data:
            raise ValidationError("选了「其他」，写一句是什么原因")

    @property
    def reason(self) -> str:
        """Both as one sentence."""
        parts = [self.why.data, self.more.data] if self.why.data != WHY_CANCELLED[-1] else [self.more.data]
        return "：".join(part for part in parts if part)


class ReasonForm(ActForm):
    """Why an account is frozen or unfrozen."""

    reason = StringField(
        "原因",
        [DataRequired("写一句原因，同事以后看得懂"), Length(max=100, message="最多 100 个字")],
        filters=[lambda text: (text or "").strip()],
    )


class NoteForm(ActForm):
    """A note of a colleague."""

    body = TextAreaField(
        "备注",
        [DataRequired("备注还是空的，写一句再保存"), Length(max=500, message="最多 500 个字")],
        filters=[lambda text: (text or "").strip()],
    )
