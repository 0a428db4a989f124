"""The shapes of what is set: a value from a time on, a region, its store, its contacts, a school."""

from datetime import UTC, datetime
from typing import Any, TypeVar

from wtforms import (
    BooleanField,
    DateField,
    DateTimeLocalField,
    Field,
    HiddenField,
    IntegerField,
    SelectField,
    StringField,
)
from wtforms.validators import DataRequired, InputRequired, Length, Optional, ValidationError
from wtforms.widgets import TextInput

from app.domain.calendar import SHANGHAI
from app.domain.directory import (
    MOST_ADDRESS,
    MOST_HOURS,
    MOST_NAME,
    MOST_SCHOOL_NAME,
    checked_letter,
    checked_name,
    checked_phone,
    checked_text,
    checked_wechat,
)
from app.domain.settings import Setting, ValueKind
from app.web.forms import FIRST_YEAR, LAST_YEAR, ActForm, MoneyField, fits, plausible_day
from app.web.regions import ALL


def trimmed(text: str | None) -> str:
    """Without the blanks around it."""
    return (text or "").strip()


F = TypeVar("F", bound=ActForm)


def in_row(row: str, form: F) -> F:
    """The form with ids of its own: several rows may be open on one page."""
    for field in form:
        field.id = field.label.field_id = f"{row}-{field.name}"
    return form


class WholeNumberField(IntegerField):  # type: ignore[misc]  # WTForms has no types
    """A whole number; nothing typed is None, what was typed stays."""

    widget = TextInput()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"render_kw": {"inputmode": "numeric", "autocomplete": "off"}, **options})

    def process_formdata(self, valuelist: list[str]) -> None:
        """Reads it. Raises ValueError with the sentence beside the field."""
        self.data = None
        typed = trimmed(valuelist[0]) if valuelist else ""
        if not typed:
            return
        try:
            self.data = int(typed)
        except ValueError:
            raise ValueError("写一个整数，比如 48") from None


class MomentField(DateTimeLocalField):  # type: ignore[misc]  # the same
    """A minute in Shanghai; `data` is the moment in UTC, nothing typed is None."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Reads it. Raises ValueError with the sentence beside the field."""
        self.data = None
        typed = trimmed(valuelist[0]) if valuelist else ""
        if not typed:
            return
        try:
            local = datetime.fromisoformat(typed.replace(" ", "T"))
        except ValueError:
            raise ValueError("写成 2026-12-01 00:00 这样；马上生效就留空") from None
        if not FIRST_YEAR <= local.year <= LAST_YEAR:
            raise ValueError("这个年份不对，再看一遍")
        self.data = local.replace(tzinfo=SHANGHAI).astimezone(UTC)


class LookForm(ActForm):
    """What is looked at before it is saved. `previewed` is what the button said when it was pressed."""

    effective_at = MomentField("生效时间")
    previewed = HiddenField()

    def what_was_asked(self) -> str:
        """What the button repeats, as one text: pressed with anything else in the fields, it is shown anew first."""
        raise NotImplementedError


class ChangeForm(LookForm):
    """A new value, where, from when, and why."""

    region = SelectField("用在", validate_choice=True)
    value = WholeNumberField("新的值")
    follow = BooleanField("不单独设置")
    reason = StringField(
        "原因",
        [DataRequired("写一句原因，同事以后看得懂"), Length(max=200, message="最多 200 个字")],
        filters=[trimmed],
    )

    setting: Setting

    def validate_value(self, field: Field) -> None:
        """Needed, and within its bounds, unless the setting goes back to what holds for all."""
        if self.follow.data:
            return
        if field.data is None and not field.errors:
            raise ValidationError("写一个新的值")
        fits(self.setting.checked)(self, field)

    @property
    def letter(self) -> str | None:
        """The region's letter; None for all regions."""
        return None if self.region.data == ALL else str(self.region.data)

    @property
    def wanted(self) -> int | None:
        """The value; None for nothing of its own."""
        return None if self.follow.data else self.value.data

    def what_was_asked(self) -> str:
        return f"{self.region.data}|{self.wanted}|{self.effective_at.data}"


class MoneyChangeForm(ChangeForm):
    """The same for money."""

    value = MoneyField("新的值")


class ChoiceChangeForm(ChangeForm):
    """The same for one of some words."""

    value = SelectField("新的值", coerce=lambda place: None if place == "" else int(place))


def change_form(setting: Setting, **filled: Any) -> ChangeForm:
    """The form that fits the kind of a setting."""
    kinds = {ValueKind.MONEY: MoneyChangeForm, ValueKind.CHOICE: ChoiceChangeForm}
    form = kinds.get(setting.kind, ChangeForm)(**filled)
    form.setting = setting
    if setting.kind is ValueKind.CHOICE:
        form.value.choices = [("", "选一个"), *enumerate(setting.choices)]
    return form


_name = fits(lambda typed: checked_name(typed, MOST_NAME))
_address = fits(lambda typed: checked_text(typed, MOST_ADDRESS, "address"))
_hours = fits(lambda typed: checked_text(typed, MOST_HOURS, "hours"))


class RegionForm(ActForm):
    """What a region is called."""

    name = StringField("区域名", [_name], filters=[trimmed])


class StoreForm(ActForm):
    """A region's store."""

    name = StringField("店名", [_name], filters=[trimmed])
    address = StringField("地址", [_address], filters=[trimmed])
    hours = StringField("营业时间", [_hours], filters=[trimmed])


class NewRegionForm(ActForm):
    """A region with its store; its numbers are made with it."""

    letter = StringField("编号字母", [fits(checked_letter)], filters=[trimmed, str.upper])
    name = StringField("区域名", [_name], filters=[trimmed])
    store_name = StringField("店名", [_name], filters=[trimmed])
    store_address = StringField("门店地址", [_address], filters=[trimmed])
    store_hours = StringField("营业时间", [_hours], filters=[trimmed])


class ContactForm(ActForm):
    """How a department is reached."""

    phone = StringField("电话", [fits(checked_phone)], filters=[trimmed])
    wechat = StringField("微信号", [fits(checked_wechat)], filters=[trimmed])
    hours = StringField("服务时间", [_hours], filters=[trimmed])


class ClosedDaysForm(ActForm):
    """A day, or several in a row, on which a region (or all of them) is closed."""

    region = SelectField("哪里闭店", validate_choice=True)
    first = DateField("从哪天", [InputRequired("选一天"), plausible_day])
    last = DateField("到哪天", [Optional(), plausible_day])
    reason = StringField(
        "原因",
        [DataRequired("写一句原因，同事以后看得懂"), Length(max=200, message="最多 200 个字")],
        filters=[trimmed],
    )


class SchoolForm(ActForm):
    """A school; its region, where more than one can be chosen."""

    name = StringField("学校名", [fits(lambda typed: checked_name(typed, MOST_SCHOOL_NAME))], filters=[trimmed])
    region = SelectField("属于", validate_choice=True)
