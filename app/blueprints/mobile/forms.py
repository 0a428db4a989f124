"""The shapes of what a person types, ticks and presses on the phone."""

from collections.abc import Callable
from datetime import date
from typing import Any

from wtforms import BooleanField, IntegerField, SelectField, StringField, ValidationError
from wtforms.validators import AnyOf, DataRequired, InputRequired, Length, NumberRange, Optional, Regexp

from app.domain import identity, labels
from app.domain.identity import BadIdentity
from app.domain.money import LARGEST_FEN
from app.domain.numbering import fold
from app.domain.orders import Intent
from app.web.forms import ActForm, QueryForm

MOST_POLLS = 999


class RegionQuery(QueryForm):
    """Which region's vehicles are shown."""

    region = StringField(default="")


class VehicleQuery(QueryForm):
    """What somebody chose before they had to log in."""

    colour = StringField(default="")
    intent = StringField(validators=[AnyOf([*Intent])], default="")


class ReserveForm(ActForm):
    """立即预约 or 立即购买: which colour, at the price that was on the screen. One key makes one order."""

    colour = StringField("颜色", [InputRequired("选一个颜色"), Length(max=20)])
    intent = StringField(validators=[AnyOf([*Intent])])
    seen_fen = IntegerField(validators=[InputRequired(), NumberRange(0, LARGEST_FEN)])
    request_key = StringField(validators=[Regexp(r"[0-9a-f]{32}")])


class RegisterForm(ActForm):
    """Real-name registration. The route sets `today` and the schools; `real` has what was checked."""

    name = StringField("姓名")
    id_number = StringField("身份证号")
    phone = StringField("手机号")
    school = SelectField("学校", validate_choice=False)
    consent = BooleanField("我同意收集身份证号", [InputRequired("勾选后才能注册")])
    consent_text = IntegerField(validators=[InputRequired()])

    today: date
    real: dict[str, str]
    EMPTY = {"name": "写证件上的姓名", "id_number": "写身份证号", "phone": "写手机号"}  # noqa: RUF012  # a table

    def set_up(self, *, today: date, schools: dict[str, list[tuple[str, str]]]) -> None:
        """`schools` are (id, name) by the store that serves them."""
        self.today, self.real = today, {}
        self.school.choices = {"": [("", "选择学校")], **schools}

    def validate_name(self, field: StringField) -> None:
        """As it stands on the card."""
        self._check(field, identity.checked_name)

    def validate_id_number(self, field: StringField) -> None:
        """Check digit, date, age: at once, beside the field. Decision 2."""
        self._check(field, lambda typed: identity.checked_id_number(typed, self.today))

    def validate_phone(self, field: StringField) -> None:
        """A mainland mobile number."""
        self._check(field, identity.checked_phone)

    def validate_school(self, field: SelectField) -> None:
        """One of those offered."""
        offered = {value for group in self.school.choices.values() for value, _ in group if value}
        if field.data not in offered:
            raise ValidationError("选一个学校，它决定你在哪家店提车")

    def _check(self, field: Any, checked: Callable[[str], str]) -> None:
        typed = field.data or ""
        if not typed.strip():
            raise ValidationError(self.EMPTY[field.name])
        try:
            self.real[field.name] = checked(typed)
        except BadIdentity as fault:
            raise ValidationError(labels.identity_fault(field.name, fault)) from fault


class NumberForm(ActForm):
    """输入车辆编号: whole, or its four digits."""

    number = StringField("车辆编号", [DataRequired("写车上的编号"), Length(max=40, message="编号是 6 位，例如 AM0001")])

    def typed(self) -> str:
        """What was typed; whoever typed the letters behind those that stood there already has them twice."""
        text = fold(self.number.data)
        return text[2:] if text[:2] == text[2:4] and text[:2].isalpha() else text


class ResultQuery(QueryForm):
    """What WeChat's sheet said (which proves nothing), and how often the page has asked."""

    said = StringField(validators=[AnyOf(["ok", "cancel", "fail"])], default="")
    asked = IntegerField(validators=[Optional(), NumberRange(0, MOST_POLLS)], default=0)
