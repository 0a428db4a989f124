"""The shapes of the orders section: its filter panels, cancelling, damage, freezing, a note."""

from datetime import date, timedelta
from typing import Any

from wtforms import (
    DateField,
    FieldList,
    Form,
    FormField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.fields import SelectChoice
from wtforms.validators import AnyOf, DataRequired, Length, NumberRange, Optional, Regexp, ValidationError

from app.domain.deposits import MOST_ITEM, DamageItem, DepositKind
from app.domain.finding import LONGEST
from app.domain.orders import RENTALS
from app.domain.standing import OrderState, Todo
from app.web.forms import ActForm, MoneyField, QueryForm, plausible_day
from app.web.guards import MOST_ROW_ID
from app.web.uploads import PhotoField

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
    business = SelectField(choices=["", *(business.value for business in RENTALS)], default="")
    state = SelectField(choices=["", *(state.value for state in OrderState)], default="")
    todo = SelectField(choices=["", *(todo.value for todo in Todo)], default="")
    q = StringField(filters=[_printable])
    size = SelectField(choices=[str(size) for size in SIZES], coerce=int, default=USUAL_SIZE)

    def chosen_range(self) -> str:
        """The range that was pressed last; empty when the days were chosen one by one, or nothing was."""
        asked = [value for value in self.range.raw_data or [] if value in RANGES or value == ALL_TIME]
        pressed = asked[-1] if asked else ""
        return "" if pressed == ALL_TIME and self._has_days() else pressed

    def span(self, today: date, *, todo: bool = True) -> Span:
        """The days asked for: a range, or from–to, or the usual range; a search or a to-do list looks at all time.

        Without `todo`: as if no to-do list was chosen.
        """
        if pressed := self.chosen_range():
            return days_of(pressed, today)
        if self._has_days():
            first, last = self.from_on.data, self.to_on.data
            return (last, first) if first and last and last < first else (first, last)
        return days_of(ALL_TIME if self.q.data or (todo and self.todo.data) else USUAL_RANGE, today)

    def _has_days(self) -> bool:
        return bool(self.from_on.data or self.to_on.data)


class SearchForm(QueryForm):
    """The search box of the frame."""

    q = StringField(filters=[_printable])


class DepositFilterForm(SearchForm):
    """The list of deposits."""

    kind = SelectField(choices=["", *(kind.value for kind in DepositKind)], default="")
    tab = StringField()
    size = SelectField(choices=[str(size) for size in SIZES], coerce=int, default=USUAL_SIZE)


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


WITHHOLD, LET_GO = "withhold", "let_go"
MOST_ITEMS = 5


class DamageItemForm(Form):  # type: ignore[misc]  # WTForms has no types
    """One thing that is broken or missing. A row that is left empty does not count."""

    item = StringField(
        "项目", [Length(max=MOST_ITEM, message=f"最多 {MOST_ITEM} 个字")], filters=[lambda text: (text or "").strip()]
    )
    amount = MoneyField("金额")

    def validate_item(self, field: StringField) -> None:
        """An amount is for something."""
        if self.amount.raw_data and self.amount.raw_data[0].strip() and not field.data:
            raise ValidationError("写清楚扣的是什么")

    def validate_amount(self, field: MoneyField) -> None:
        """What is written down costs something."""
        if self.item.data and field.data is None and not field.errors:
            raise ValidationError("写金额")
        if field.data == 0:
            raise ValidationError("金额要大于 0")


class DamageForm(ActForm):
    """What a returned vehicle's damage costs: items with a photo, or nothing."""

    decision = RadioField(
        "怎么处理",
        choices=[SelectChoice(WITHHOLD, "从押金扣"), SelectChoice(LET_GO, "不扣，押金照退")],
        default=WITHHOLD,
        validators=[AnyOf((WITHHOLD, LET_GO), "选一个")],
        validate_choice=False,
    )
    items = FieldList(FormField(DamageItemForm), "扣款项目", max_entries=MOST_ITEMS)
    photo = PhotoField("损坏照片")
    reason = StringField(
        "说明",
        [DataRequired("写一句说明，同事以后看得懂"), Length(max=100, message="最多 100 个字")],
        filters=[lambda text: (text or "").strip()],
    )
    request_key = HiddenField(validators=[Regexp(r"[0-9a-f]{32}")])

    @property
    def withholds(self) -> bool:
        """Whether anything is to be taken out of the deposit."""
        return bool(self.decision.data == WITHHOLD)

    @property
    def wanted(self) -> list[DamageItem]:
        """The rows that were filled in; none where nothing is withheld."""
        rows: Any = self.items.entries if self.withholds else []
        return [DamageItem(row.form.item.data, row.form.amount.data) for row in rows if row.form.item.data]

    def validate_items(self, field: FieldList) -> None:
        """To withhold needs items; to let go has none."""
        filled = any(row.form.item.data for row in field.entries)
        if self.withholds and not filled:
            raise ValidationError("写清楚扣的是什么，至少一项")
        if not self.withholds and filled:
            raise ValidationError("选了「不扣」，把下面的项目清空；要扣就选「从押金扣」")

    def validate_photo(self, field: PhotoField) -> None:
        """The person sees why."""
        if self.withholds and field.data is None and not field.errors:
            raise ValidationError("扣押金要有一张照片")


class NoteForm(ActForm):
    """A note of a colleague."""

    body = TextAreaField(
        "备注",
        [DataRequired("备注还是空的，写一句再保存"), Length(max=500, message="最多 500 个字")],
        filters=[lambda text: (text or "").strip()],
    )
