"""The shapes of the review of student cards."""

from wtforms import RadioField, SelectField, StringField
from wtforms.fields import SelectChoice
from wtforms.validators import AnyOf, Length, ValidationError

from app.domain.cards import CardStatus
from app.web.forms import ActForm, QueryForm

DAYS = {"7": "近7天", "30": "近30天", "90": "近90天"}
SIZES = (20, 50, 100)
USUAL_SIZE = 50
OTHER = "其他"
WHY_REFUSED = ("照片不清楚", "不是学生证", "和本人信息不符", "已过期", OTHER)


class CardFilterForm(QueryForm):
    """Which cards, and how far back; a value that does not fit falls back."""

    tab = SelectField(
        choices=[CardStatus.PENDING, CardStatus.APPROVED, CardStatus.REJECTED], default=CardStatus.PENDING
    )
    days = SelectField(choices=list(DAYS), default="7")
    size = SelectField(choices=[str(size) for size in SIZES], coerce=int, default=USUAL_SIZE)


class RefuseForm(ActForm):
    """Why a card does not pass. The person reads it."""

    why = RadioField(
        "原因",
        [AnyOf(WHY_REFUSED, "选一个原因")],
        choices=[SelectChoice(why) for why in WHY_REFUSED],
        validate_choice=False,
    )
    more = StringField("补充", [Length(max=100, message="最多 100 个字")], filters=[lambda text: (text or "").strip()])

    def validate_more(self, field: StringField) -> None:
        """Another reason is no reason until it is written."""
        if self.why.data == OTHER and not field.data:
            raise ValidationError("选了「其他」，写一句是什么原因")

    @property
    def reason(self) -> str:
        """Both as one sentence."""
        parts = [self.why.data, self.more.data] if self.why.data != OTHER else [self.more.data]
        return "，".join(part for part in parts if part)
