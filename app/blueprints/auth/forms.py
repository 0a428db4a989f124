"""The shapes of logging in and of setting a password."""

from wtforms import PasswordField, StringField
from wtforms.validators import EqualTo, InputRequired, Length, ValidationError

from app.web.forms import ActForm


class LoginForm(ActForm):
    """Login name and password."""

    login = StringField(
        "登录名",
        [InputRequired("写登录名"), Length(max=40, message="登录名最多 40 个字符")],
        filters=[lambda text: (text or "").strip()],
    )
    password = PasswordField("密码", [InputRequired("写密码"), Length(max=200, message="密码最多 200 个字符")])


class PasswordForm(ActForm):
    """A new password, twice."""

    password = PasswordField(
        "新密码", [InputRequired("写新密码"), Length(min=10, max=128, message="密码要 10 到 128 个字符，可以用一句话")]
    )
    again = PasswordField("再写一遍", [InputRequired("再写一遍新密码"), EqualTo("password", "两遍不一样，重新写")])

    def validate_password(self, field: PasswordField) -> None:
        """What is guessed first: a row of digits (a phone number, a birthday), or the same few characters."""
        if field.data.isdecimal() or len(set(field.data)) < FEWEST_CHARACTERS:
            raise ValidationError("太好猜了，换成一句只有你知道的话")


FEWEST_CHARACTERS = 5
"""How many different characters a password has."""
