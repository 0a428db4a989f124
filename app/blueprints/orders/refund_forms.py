"""The shapes of sending money back: what a person is told, what colleagues are told, and how much."""

from wtforms import HiddenField, IntegerField, SelectField, StringField
from wtforms.fields import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Regexp, ValidationError
from wtforms.widgets import HiddenInput

from app.domain.refunds import MOST_REASON
from app.web.forms import ActForm, MoneyField
from app.web.guards import MOST_ROW_ID

WHY_REFUNDED = ("用户不想要了", "车辆有问题", "多收了钱", "和用户商量好的", "其他")


def _trimmed(typed: str | None) -> str:
    return (typed or "").strip()


class BackForm(ActForm):
    """Why money goes back. The first two are what the person reads, in WeChat too."""

    why = SelectField(
        "原因",
        choices=[SelectChoice("", "选一个"), *(SelectChoice(why) for why in WHY_REFUNDED)],
        validators=[DataRequired("选一个原因")],
        validate_choice=True,
    )
    more = StringField("说明（用户看得到）", filters=[_trimmed])
    note = StringField("备注（同事看）", [Length(max=100, message="最多 100 个字")], filters=[_trimmed])
    request_key = HiddenField(validators=[Regexp(r"[0-9a-f]{32}")])

    def validate_more(self, field: StringField) -> None:
        """Another reason is no reason until it is written; WeChat shows no more than so much."""
        if self.why.data == WHY_REFUNDED[-1] and not field.data:
            raise ValidationError("选了「其他」，写一句是什么原因")
        room = MOST_REASON - (len(self.reason) - len(field.data))
        if len(field.data) > room:
            raise ValidationError(f"微信里显示不下，最多 {room} 个字")

    @property
    def reason(self) -> str:
        """What the person reads, in one sentence."""
        parts = [self.why.data, self.more.data] if self.why.data != WHY_REFUNDED[-1] else [self.more.data]
        return "：".join(part for part in parts if part)


class RefundForm(BackForm):
    """The same of a part of what was paid."""

    amount = MoneyField("这次退", [InputRequired("写这次退多少")])
    seen = IntegerField(validators=[InputRequired(), NumberRange(0, MOST_ROW_ID)], widget=HiddenInput())  # 已退, in fen


class AttachForm(ActForm):
    """Which charge money that does not fit was for, and how that was found out."""

    charge_id = IntegerField(validators=[NumberRange(1, MOST_ROW_ID)])
    reason = StringField(
        "怎么核对的",
        [DataRequired("写一句怎么核对的，同事以后看得懂"), Length(max=100, message="最多 100 个字")],
        filters=[_trimmed],
    )
