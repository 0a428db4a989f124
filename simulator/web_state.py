"""What a browser tells the simulator by its cookies: who it is, and whether it is WeChat's browser at all."""

from flask import Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

PERSON_COOKIE = "sim_openid"
BROWSER_COOKIE = "sim_browser"
OUTSIDE = "现在选的是「普通浏览器」"
MONTH = 30 * 86_400  # seconds


def chosen_openid() -> str:
    """The person who answers; empty when nobody was chosen."""
    return request.cookies.get(PERSON_COOKIE, "")


def is_outside() -> bool:
    """Whether this browser pretends not to be WeChat's: the bridge then does nothing, OAuth refuses."""
    return request.cookies.get(BROWSER_COOKIE) == "outside"


def choose(response: Response | WerkzeugResponse, openid: str) -> Response | WerkzeugResponse:
    """From now on this browser is that person's phone."""
    response.set_cookie(PERSON_COOKIE, openid, max_age=MONTH, samesite="Lax", httponly=True)
    return response


def go_outside(response: Response | WerkzeugResponse, *, outside: bool) -> Response | WerkzeugResponse:
    """From now on this browser is an ordinary one, or WeChat's again."""
    if outside:
        response.set_cookie(BROWSER_COOKIE, "outside", max_age=MONTH, samesite="Lax", httponly=True)
    else:
        response.delete_cookie(BROWSER_COOKIE)
    return response
