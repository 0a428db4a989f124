"""The shapes of what is set on vehicles: a model, a listing, a plan, a price, a movement of stock."""

import secrets

from wtforms import (
    BooleanField,
    HiddenField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, ValidationError

from app.blueprints.settings.forms import LookForm, WholeNumberField, trimmed
from app.domain.labels import BUSINESS, STOCK_CAUSE
from app.domain.vehicles import PICTURES, ModelFacts, PriceTag
from app.web.forms import ActForm, MoneyField


class ModelForm(ActForm):
    """A model: colours between commas, one sentence about it a line."""

    name = StringField("车型名", filters=[trimmed], render_kw={"autocomplete": "off"})
    colours = StringField("颜色", filters=[trimmed], render_kw={"autocomplete": "off"})
    facts = TextAreaField("参数", filters=[trimmed], render_kw={"rows": 4})
    picture = RadioField(
        "图片", choices=[SelectChoice(file, f"图 {n}") for n, file in enumerate(PICTURES, 1)], default=PICTURES[0]
    )

    def facts_typed(self) -> ModelFacts:
        """What was typed, not yet checked."""
        return ModelFacts.typed(self.name.data, self.colours.data, self.facts.data, self.picture.data)


class ListingForm(ActForm):
    """Where a model is offered, and for what."""

    region = SelectField("区域")
    business = SelectField(
        "用来", choices=[SelectChoice(business.value, words) for business, words in BUSINESS.items()]
    )


class NewPlanForm(ActForm):
    """A term that a rental is offered for."""

    name = StringField("名字", filters=[trimmed], render_kw={"autocomplete": "off", "placeholder": "例如：月租"})
    days = WholeNumberField("天数", [InputRequired("写几天，比如 30")])


class PlanForm(ActForm):
    """What can be changed of it."""

    name = StringField("名字", filters=[trimmed], render_kw={"autocomplete": "off"})
    shown = BooleanField("手机上可以选这个租期")


class PriceForm(LookForm):
    """A price, the one before it, and from when it holds."""

    value = MoneyField("价格")
    was = MoneyField("原价")

    def validate_value(self, field: MoneyField) -> None:
        """Needed."""
        if field.data is None and not field.errors:
            raise ValidationError("写一个价格")

    @property
    def tag(self) -> PriceTag | None:
        """What was typed, not yet checked."""
        return None if self.value.data is None else PriceTag(self.value.data, self.was.data)

    def what_was_asked(self) -> str:
        return f"{self.value.data}|{self.was.data}|{self.effective_at.data}"


class StockForm(ActForm):
    """How many came in or went out, and why. `request_key` makes a form that is sent twice one movement."""

    cause = SelectField(
        "原因",
        [DataRequired("选一个原因")],
        choices=[
            SelectChoice("", "选一个"),
            *(SelectChoice(cause.value, words) for cause, words in STOCK_CAUSE.items()),
        ],
    )
    quantity = WholeNumberField("数量", [InputRequired("写几辆，比如 5")])
    note = StringField("说明", filters=[trimmed], render_kw={"autocomplete": "off", "placeholder": "例如：九月第二批"})
    request_key = HiddenField(default=lambda: secrets.token_hex(16))
