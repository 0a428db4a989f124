"""The shapes of the section: a battery's number, a move, what was lost, settling, a new series, a print."""

import secrets

from wtforms import FormField, HiddenField, SelectField, StringField
from wtforms.fields import SelectChoice
from wtforms.validators import DataRequired, Length, Regexp, ValidationError

from app.domain.batteries import BatteryState
from app.domain.deposits import MOST_ITEM, DamageItem
from app.domain.reasons import MOST_REASON
from app.web.forms import ActForm, MoneyField, QueryForm
from app.web.guards import row_id
from app.web.uploads import PhotoField

LONGEST_NUMBER = 200
"""A scanned label is a whole URL."""


def _trimmed(text: str | None) -> str:
    return (text or "").strip()


def _reason(label: str = "原因", *, needed: bool = True) -> StringField:
    checks = [Length(max=MOST_REASON, message=f"最多 {MOST_REASON} 个字")]
    if needed:
        checks.insert(0, DataRequired("写一句原因，同事以后看得懂"))
    return StringField(label, checks, filters=[_trimmed], render_kw={"maxlength": MOST_REASON, "autocomplete": "off"})


def _request_key() -> HiddenField:
    return HiddenField(default=lambda: secrets.token_hex(16), validators=[Regexp(r"^[0-9a-f]{32}$")])


class FindForm(QueryForm):
    """The one box."""

    number = StringField(
        "电池编号", [Length(max=LONGEST_NUMBER, message=f"最多 {LONGEST_NUMBER} 个字")], filters=[_trimmed]
    )


class MoveForm(ActForm):
    """Where a battery goes by hand."""

    to = SelectField(choices=[state.value for state in BatteryState], validate_choice=True)
    reason = _reason()


class ItemForm(QueryForm):
    """One thing that is withheld; a line that is left empty is none."""

    item = StringField("扣什么", [Length(max=MOST_ITEM, message=f"最多 {MOST_ITEM} 个字")], filters=[_trimmed])
    amount = MoneyField("金额")

    def validate_item(self, field: StringField) -> None:
        """Whoever writes an amount says what for."""
        if self.amount.data is not None and not field.data:
            raise ValidationError("写清楚扣的是什么")

    def validate_amount(self, field: MoneyField) -> None:
        """And the other way round."""
        if self.item.data and not field.data and not field.errors:
            raise ValidationError("金额要大于 0")


class LostForm(ActForm):
    """A battery in use is lost: what is withheld, with a photo, and why."""

    line1, line2, line3 = (FormField(ItemForm) for _ in range(3))
    photo = PhotoField("照片")
    reason = _reason("经过")
    use_id = HiddenField()  # the use that was looked at
    request_key = _request_key()

    def validate_photo(self, field: PhotoField) -> None:
        """Needed with money."""
        if self.damage and field.data is None and not field.errors:
            raise ValidationError("扣款要有一张照片，比如用户签字的说明")

    @property
    def seen_use_id(self) -> int:
        """Its id; 0 for anything that no row has."""
        return row_id(str(self.use_id.data or "")) or 0

    @property
    def lines(self) -> list[ItemForm]:
        """The lines in their order."""
        return [line.form for line in (self.line1, self.line2, self.line3)]

    @property
    def damage(self) -> list[DamageItem]:
        """What was typed."""
        return [DamageItem(line.item.data, line.amount.data or 0) for line in self.lines if line.item.data]


class SettleForm(ActForm):
    """How a disputed use is cleared up; an ended one leaves no choice."""

    outcome = SelectField(
        "电池在哪里",
        choices=[
            SelectChoice("", "选一个"),
            SelectChoice("ends", "已经还了，这次使用现在结束"),
            SelectChoice("goes-on", "还在用户手上，继续使用"),
        ],
        validators=[DataRequired("选一个")],
    )
    reason = _reason()


class _OfARegion(ActForm):
    region = SelectField("区域", validate_choice=True)


def _number(label: str) -> StringField:
    return StringField(
        label,
        [DataRequired("写一个编号，比如 1")],
        filters=[_trimmed],
        render_kw={"inputmode": "numeric", "maxlength": 6},
    )


class SeriesForm(_OfARegion):
    """New batteries, from a number to a number. `previewed` is what the page has shown of them."""

    first = _number("从")
    last = _number("到")
    previewed = HiddenField()


class PrintForm(_OfARegion):
    """Which labels are printed; a reason for those that were printed before."""

    numbers = StringField("编号", [Length(max=2000, message="太长了，分几次打印")], filters=[_trimmed])
    reason = _reason("补打的原因", needed=False)
    request_key = _request_key()
