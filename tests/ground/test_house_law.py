"""A law that notices nothing proves nothing: each fault, planted in a lawful page, is named."""

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from sqlalchemy import create_engine, text

from tests.fixtures.house_law import HouseLawBroken, LawfulClient, Page, counted_statements

NONCE = "bm9uY2U"
POLICY = (
    f"default-src 'none'; script-src 'nonce-{NONCE}'; style-src 'self' 'nonce-{NONCE}'; img-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
HEAD = (
    '<!DOCTYPE html><html lang="zh-CN"><head><meta name="viewport" content="width=device-width"><title>订单</title>'
    f'<link rel="stylesheet" href="/app.css" nonce="{NONCE}"><script src="/a.js" nonce="{NONCE}"></script></head>'
)
LAWFUL = f"""{HEAD}<body><h1>订单</h1><form action="/orders" method="post">
<input type="hidden" name="csrf_token" value="x"><label for="q">编号</label><input id="q" name="q">
<label>电话 <input name="phone"></label><button>找</button></form><a href="/">首页</a></body></html>"""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def lawful_client(markup: str, **headers: str | None) -> FlaskClient:
    """A client of an application that answers everything with this page."""
    app = Flask("law")
    app.test_client_class = LawfulClient
    chosen = {**HEADERS, **{name.replace("_", "-"): value for name, value in headers.items()}}

    @app.get("/")
    def page() -> Response:
        return Response(markup, headers={name: value for name, value in chosen.items() if value}, mimetype="text/html")

    return app.test_client()


def test_a_lawful_page_passes() -> None:
    assert lawful_client(LAWFUL).get("/").status_code == 200


@pytest.mark.parametrize(
    ("lawful", "broken", "fault"),
    [
        ("</form>", "", "not valid HTML"),
        ("<!DOCTYPE html>", "", "not valid HTML"),
        ("<h1>订单</h1>", "<h2>订单</h2>", "0 h1"),
        ("<h1>订单</h1>", "<h1>订单</h1><h1>又一个</h1>", "2 h1"),
        ("<title>订单</title>", "<title></title>", "no title"),
        (' lang="zh-CN"', "", "no lang"),
        ('name="viewport"', 'name="robots"', "no meta viewport"),
        ('<a href="/">', '<a href="/" id="q">', "stands twice"),
        ('<label for="q">', '<label for="other">', "no label"),
        ('action="/orders" ', "", "no action"),
        ('name="csrf_token"', 'name="token"', "no CSRF token"),
        ('value="x"', 'value=""', "no CSRF token"),
        ('<a href="/">首页', "<a>首页", "no href"),
        ('<a href="/">首页', '<a href="javascript:alert(1)">首页', "javascript"),
        ("<button>找", '<button><img src="/i.svg" alt="">', "no words"),
        ("<button>找", '<img src="/i.svg"><button>找', "no alt"),
        (f'"/a.js" nonce="{NONCE}"', '"/a.js"', "the policy refuses <script"),
        (f'"/a.js" nonce="{NONCE}"', '"/a.js" nonce="stale"', "the policy refuses <script"),
        ("</head>", "<style>a{}</style></head>", "the policy refuses <style"),
        ("<h1>", '<h1 style="color:red">', "inline style"),
        ("<h1>", '<h1 onclick="x()">', "inline onclick"),
        ("<h1>", '<h1 hx-on:click="x()">', "inline hx-on:click"),
    ],
)
def test_each_fault_of_a_page_is_named(lawful: str, broken: str, fault: str) -> None:
    assert lawful in LAWFUL
    with pytest.raises(HouseLawBroken) as raised:
        lawful_client(LAWFUL.replace(lawful, broken)).get("/")
    assert fault in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("Content_Security_Policy", None, "no Content-Security-Policy"),
        ("Content_Security_Policy", POLICY + "; connect-src *", "the policy allows *"),
        ("Content_Security_Policy", POLICY.replace("'self'", "'unsafe-inline'"), "the policy allows 'unsafe-inline'"),
        ("Content_Security_Policy", POLICY.replace("base-uri 'none'", ""), "the policy lacks base-uri"),
        ("X_Content_Type_Options", None, "X-Content-Type-Options is None"),
        ("Referrer_Policy", "unsafe-url", "Referrer-Policy is"),
    ],
)
def test_each_fault_of_the_headers_is_named(name: str, value: str | None, fault: str) -> None:
    with pytest.raises(HouseLawBroken) as raised:
        lawful_client(LAWFUL, **{name: value}).get("/")
    assert fault in str(raised.value)


def test_a_page_behind_login_must_not_be_kept() -> None:
    client = lawful_client(LAWFUL)
    assert isinstance(client, LawfulClient)
    client.behind_login = True
    with pytest.raises(HouseLawBroken, match="no-store"):
        client.get("/")


def test_a_fragment_is_no_page_but_obeys_the_rest() -> None:
    client = lawful_client('<tr id="a"><td>AM0001</td></tr>', Vary="HX-Request")
    assert client.get("/", headers={"HX-Request": "true"}).status_code == 200
    with pytest.raises(HouseLawBroken, match="stands twice"):
        lawful_client('<p id="a"></p><p id="a"></p>', Vary="HX-Request").get("/", headers={"HX-Request": "true"})
    with pytest.raises(HouseLawBroken, match="Vary"):
        lawful_client("<p>AM0001</p>").get("/", headers={"HX-Request": "true"})


def test_statements_are_counted() -> None:
    engine = create_engine("sqlite://")
    with counted_statements() as statements, engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        connection.execute(text("SELECT 2"))
    engine.dispose()
    assert statements == ["SELECT 1", "SELECT 2"]


def test_an_icon_is_valid_in_a_fragment() -> None:
    icon = '<svg viewBox="0 0 24 24" aria-hidden="true"><use href="/static/icons.svg#bolt"></use></svg>'
    assert list(Page(f"<p>{icon}</p>", HEADERS, fragment=True).faults()) == []
