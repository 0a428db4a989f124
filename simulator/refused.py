"""WeChat Pay's refusals: HTTP status, code and words."""


class Refused(Exception):
    """The call is answered with this status and code; nothing was done."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message


def bad_param(message: str) -> Refused:
    """A field is missing or malformed."""
    return Refused(400, "PARAM_ERROR", message)


def bad_request(message: str) -> Refused:
    """Well-formed, but not possible as things stand."""
    return Refused(400, "INVALID_REQUEST", message)
