"""The shapes of what a person types, ticks and presses on the phone."""

from collections.abc import Callable
from datetime import date
from typing import Any

from wtforms import BooleanField, IntegerField, SelectField, StringField, ValidationError
from wtforms.validators import AnyOf, DataRequired, InputRequired, Length, NumberRange, Optional, Regexp

from app.domain import identity, labels
from app.domain.cards import checked_student_no
from app.domain.deposits import DepositKind
from app.domain.identity import BadIdentity
from app.domain.money import LARGEST_FEN
from app.domain.numbering import BatteryNumber, fold
from app.domain.orders import Intent
from app.web.forms import ActForm, QueryForm, fits
from app.web.uploads import PhotoField

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

    colour = StringField("颜色", [InputRequired("选一个颜色"), Length(max=20, message="选一个颜色")])
    intent = StringField(validators=[AnyOf([*Intent])])
    seen_fen = IntegerField(validators=[InputRequired(), NumberRange(0, LARGEST_FEN)])
    request_key = StringField(validators=[Regexp(r"[0-9a-f]{32}")])


class RentalQuery(VehicleQuery):
    """The same for a rental, with its plan."""

    plan = StringField(default="")


class ReserveRentalForm(ReserveForm):
    """The same for a rental: the plan carries the days and the price that stood beside them, `30:18000`."""

    plan = StringField("租期", [Regexp(r"[0-9]{1,4}:[0-9]{1,9}", message="选一个租期")])
    seen_fen = None  # the plan's

    def chosen(self) -> tuple[int, int]:
        """Days, and fen as seen."""
        days, fen = (self.plan.data or "").split(":")
        return int(days), int(fen)


class DepositForm(ActForm):
    """是否开通闪充: which deposit, and what each cost on the screen."""

    kind = StringField(validators=[AnyOf([*DepositKind])])
    rental_fen = IntegerField(validators=[InputRequired(), NumberRange(0, LARGEST_FEN)])
    flash_fen = IntegerField(validators=[InputRequired(), NumberRange(0, LARGEST_FEN)])

    def chosen(self) -> tuple[DepositKind, int]:
        """The kind, and fen as seen."""
        kind = DepositKind(self.kind.data)
        return kind, (self.flash_fen if kind is DepositKind.FLASH else self.rental_fen).data


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


class CardForm(ActForm):
    """A student card: its number, a photo of it, and the consent of its own. One key sends one in. Decisions 3, 4."""

    student_no = StringField("学号", [fits(lambda typed: checked_student_no(typed or ""))])
    photo = PhotoField("学生证照片", [InputRequired("拍一张学生证，或者选一张")])
    consent = BooleanField("我同意收集学生证照片", [InputRequired("勾选后才能提交")])
    consent_text = IntegerField(validators=[InputRequired()])
    request_key = StringField(validators=[Regexp(r"[0-9a-f]{32}")])


class OpenFlashForm(ActForm):
    """开通闪充, for the deposit that was on the screen."""

    seen_fen = IntegerField(validators=[InputRequired(), NumberRange(0, LARGEST_FEN)])


class BatteryForm(ActForm):
    """A battery, scanned (its number with the address around it) or typed; `number` is set once it is checked."""

    number: BatteryNumber

    code = StringField(
        "电池编号", [DataRequired("扫电池上的码，或者写上面的编号"), Length(max=200, message="最多 200 个字")]
    )

    def validate_code(self, field: StringField) -> None:
        """A whole number: a letter and five digits."""
        try:
            self.number = BatteryNumber.parse(field.data or "")
        except ValueError as error:
            raise ValidationError("电池编号是 1 个字母加 5 位数字，例如 A00042") from error
