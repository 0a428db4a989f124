"""A photo comes in by its own routes alone, never touches the disk, and a bad one is told beside its field."""

import os
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from flask import Blueprint, Flask, Request, Response, render_template_string, request
from playwright.sync_api import expect
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart
from wtforms import StringField
from wtforms.validators import InputRequired

from app.domain import labels
from app.domain.errors import NotFound
from app.domain.permissions import Permission
from app.domain.pictures import MOST_BYTES, PictureFault
from app.ports import FileGone
from app.web.current import RUNTIME, runtime
from app.web.forms import ActForm
from app.web.guards import customer, guard_of, requires
from app.web.photos import photo_answer
from app.web.uploads import MOST_BODY_BYTES, PhotoField, PhotoRequest, takes_photo
from tests.factories.forms import csrf_token
from tests.factories.people import a_customer
from tests.factories.pictures import a_photo, an_image, encoded, exif, marked
from tests.fixtures.actors import AsCustomer, AsStaff, log_in_browser
from tests.fixtures.browser import assert_accessible
from tests.fixtures.house_law import LawfulClient

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

ROOT = Path(__file__).parents[2]
URL, STAFF_URL, PLAIN_URL = "/m/try/photo", "/try/photo", "/m/try/note"
PAGE = """{% extends "FRAME" %}{% block title %}学生证{% endblock %}
{% block head %}{{ ui.photo_assets() }}{% endblock %}
{% block content %}<h1>学生证</h1>
<form method="post" action="{{ action }}" enctype="multipart/form-data" novalidate>
{{ ui.csrf() }}{{ ui.photo_field(form.photo, hint="姓名和学校要看得清") }}
{{ form.number.label }}{{ form.number() }}<button>交上去</button></form>
{% endblock %}"""
TOO_LARGE = labels.PICTURE_FAULTS[PictureFault.TOO_LARGE]
NAMES = ["card.jpg", "学生证.jpg", "\u202egpj.exe", "../../etc/passwd", "a" * 251 + ".jpg", "x.php"]


class CardForm(ActForm):
    photo = PhotoField("学生证照片", [InputRequired("选一张学生证照片")])
    number = StringField("学号", [InputRequired("写学号")])


@pytest.fixture
def kept() -> list[bytes]:
    """What the routes were given."""
    return []


@pytest.fixture
def photo_app(app: Flask, kept: list[bytes]) -> Flask:
    """The application with a phone page and a staff act that take a photo, one that does not, and one that shows."""
    bp = Blueprint("try", __name__)

    def page(frame: str, action: str) -> Response | str:
        form = CardForm()
        if request.method == "GET":
            return render_template_string(PAGE.replace("FRAME", frame), form=form, action=action)
        if not form.validate():
            return Response(render_template_string(PAGE.replace("FRAME", frame), form=form, action=action), 422)
        assert form.photo.data is not None
        kept.append(form.photo.data)
        return Response(status=204)

    @bp.route(URL, methods=["GET", "POST"])
    @customer(registered=True)
    @takes_photo
    def send_card() -> Response | str:
        return page("mobile.html", URL)

    @bp.route(STAFF_URL, methods=["GET", "POST"])
    @takes_photo
    @requires(Permission.PICKUP)
    def send_damage() -> Response | str:
        return page("bare.html", STAFF_URL)

    @bp.post(PLAIN_URL)
    @customer(registered=True)
    def send_note() -> Response:
        return Response(status=204)

    @bp.get("/m/try/photos/<key>")
    @customer(registered=True)
    def show_card(key: str) -> Response:
        try:
            return photo_answer(runtime().photos.get(key))
        except FileGone:
            raise NotFound from None

    app.register_blueprint(bp)
    return app


@pytest.fixture
def phone_client(photo_app: Flask, as_customer: AsCustomer) -> LawfulClient:
    """A registered person's browser."""
    return as_customer()


def a_file(content: bytes, name: str = "card.jpg") -> FileStorage:
    return FileStorage(BytesIO(content), name)


def send(client: LawfulClient, photo: bytes, /, url: str = URL, name: str = "card.jpg", **fields: Any) -> TestResponse:
    """Sends the form with that photo, encoded in memory: Flask's client would write a temporary file."""
    typed = {"csrf_token": csrf_token(client), "photo": a_file(photo, name), "number": "3200101234", **fields}
    boundary, body = encode_multipart(typed)
    return client.post(url, data=body, content_type=f"multipart/form-data; boundary={boundary}")


def said(answer: TestResponse) -> str:
    """The message beside the photo."""
    found = re.search(r'id="photo-error">.*?<span>(.*?)</span>', answer.text, flags=re.DOTALL)
    return found[1] if found else ""


@contextmanager
def files_written() -> Iterator[list[str]]:
    """The files that Python opens for writing meanwhile, temporary ones too."""
    written: list[str] = []
    watching = True

    def watch(event: str, args: tuple[Any, ...]) -> None:
        if watching and event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR):
            written.append(str(args[0]))

    sys.addaudithook(watch)  # for good: there is no way to take a hook back
    try:
        yield written
    finally:
        watching = False


# ---- what comes in ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_photo_arrives_clean_whatever_it_is_called(phone_client: LawfulClient, kept: list[bytes], name: str) -> None:
    answer = send(phone_client, a_photo(exif=exif(gps=True)), name=name)
    assert answer.status_code == 204
    assert kept[0].startswith(b"\xff\xd8\xff")
    assert b"Exif" not in kept[0]


def test_a_photo_of_nearly_ten_megabytes_arrives(phone_client: LawfulClient, kept: list[bytes]) -> None:
    assert send(phone_client, a_photo("PNG").ljust(MOST_BYTES, b"\0")).status_code == 204
    assert len(kept) == 1


def test_staff_send_photos_too(photo_app: Flask, as_staff: AsStaff, kept: list[bytes]) -> None:
    assert send(as_staff(), a_photo("WEBP"), STAFF_URL).status_code == 204
    assert len(kept) == 1


@pytest.mark.parametrize(
    ("photo", "fault"),
    [
        (b"", PictureFault.UNREADABLE),
        (a_photo()[:700], PictureFault.UNREADABLE),
        (a_photo("GIF"), PictureFault.WRONG_TYPE),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", PictureFault.WRONG_TYPE),
        (encoded(an_image(), "PNG", save_all=True, append_images=[an_image()]), PictureFault.ANIMATED),
    ],
)
def test_a_bad_photo_is_told_beside_its_field_and_typed_text_stays(
    phone_client: LawfulClient, kept: list[bytes], photo: bytes, fault: PictureFault
) -> None:
    answer = send(phone_client, photo)
    assert answer.status_code == 422
    assert said(answer) == labels.PICTURE_FAULTS[fault]
    assert 'value="3200101234"' in answer.text
    assert kept == []


@pytest.mark.parametrize("size", [MOST_BYTES + 1, 20_000_000, MOST_BODY_BYTES - 2000])
def test_a_photo_over_ten_megabytes_is_told_beside_its_field(
    phone_client: LawfulClient, kept: list[bytes], size: int
) -> None:
    answer = send(phone_client, a_photo().ljust(size, b"\0"))
    assert answer.status_code == 422
    assert said(answer) == TOO_LARGE
    assert "10 MB" in TOO_LARGE
    assert 'value="3200101234"' in answer.text
    assert kept == []


@pytest.mark.parametrize("who", ["phone", "staff"])
def test_a_body_beyond_all_measure_has_a_page_that_says_so(
    photo_app: Flask, as_staff: AsStaff, as_customer: AsCustomer, who: str
) -> None:
    client, url = (as_customer(), URL) if who == "phone" else (as_staff(), STAFF_URL)
    answer = client.post(
        url,
        data=bytes(MOST_BODY_BYTES + 1),
        content_type="multipart/form-data; boundary=x",
        headers={"Referer": f"http://localhost{url}"},
    )
    assert answer.status_code == 413
    assert TOO_LARGE in answer.text
    assert f'href="{url}"' in answer.text  # back to the form


def test_no_photo_is_told_too(phone_client: LawfulClient) -> None:
    assert said(send(phone_client, b"", name="")) == "选一张学生证照片"


@pytest.mark.parametrize("typed", ["", "no photo", "\xff\xd8\xff"])
def test_text_in_the_place_of_a_photo_is_no_photo(phone_client: LawfulClient, kept: list[bytes], typed: str) -> None:
    answer = send(phone_client, b"", name="", photo=typed)
    assert answer.status_code == 422
    assert said(answer) == "选一张学生证照片"
    assert kept == []


def test_the_photos_of_one_request_share_the_memory_of_one() -> None:
    boundary, body = encode_multipart({"photo": [a_file(bytes(6_000_000)) for _ in range(3)]})
    asked = PhotoRequest.from_values(
        method="POST",
        input_stream=BytesIO(body),
        content_length=len(body),
        content_type=f"multipart/form-data; boundary={boundary}",
    )
    assert [len(file.read()) for file in asked.files.getlist("photo")] == [6_000_000, MOST_BYTES + 1 - 6_000_000, 0]


# ---- who, and where else ---------------------------------------------------------------------------------------------


def test_strangers_are_turned_away_before_anything_is_read(photo_app: Flask, client: LawfulClient) -> None:
    class Unread(BytesIO):
        def read(self, *_args: object) -> bytes:
            raise AssertionError("the body was read")

    for url, log_in in ((URL, "/m/login"), (STAFF_URL, "/login")):
        answer = client.post(
            url, input_stream=Unread(), content_length=9_000_000, content_type="multipart/form-data; boundary=x"
        )
        assert answer.status_code == 303
        assert answer.location.startswith(log_in)


def test_whoever_has_no_right_is_refused(photo_app: Flask, as_staff: AsStaff, kept: list[bytes]) -> None:
    assert send(as_staff("finance"), a_photo(), STAFF_URL).status_code == 403
    assert kept == []


def test_without_its_token_a_photo_is_not_taken(phone_client: LawfulClient, kept: list[bytes]) -> None:
    assert send(phone_client, a_photo(), csrf_token="wrong").status_code == 400
    assert kept == []


def test_elsewhere_sixty_four_kilobytes_are_the_most(phone_client: LawfulClient) -> None:
    for size, status in ((60_000, 204), (70_000, 413), (9_000_000, 413)):
        answer = send(phone_client, b"", PLAIN_URL, number="1" * size)
        assert answer.status_code == status
        assert "照片" not in answer.text
    for size, status in ((60_000, 204), (9_000_000, 413)):
        assert send(phone_client, bytes(size), PLAIN_URL).status_code == status


def test_fields_beside_a_photo_are_bounded(phone_client: LawfulClient, kept: list[bytes]) -> None:
    assert send(phone_client, a_photo(), number="1" * 1_000_000).status_code == 413
    assert send(phone_client, a_photo(), number=["1"] * 40).status_code == 413
    for size, status in ((1000, 422), (70_000, 413)):
        typed = {"csrf_token": csrf_token(phone_client), "number": "1" * size}
        assert phone_client.post(URL, data=typed).status_code == status
    assert kept == []


def test_every_url_that_takes_a_photo_is_let_through_by_the_proxy(photo_app: Flask) -> None:
    """Elsewhere nginx refuses larger bodies, and would write what it takes to a file."""
    taking = [
        rule.rule
        for rule in photo_app.url_map.iter_rules()
        if hasattr(photo_app.view_functions[rule.endpoint], "takes_photo")
    ]
    assert {URL, STAFF_URL} <= set(taking)
    assert [path for path in taking if not path.endswith("/photo")] == []
    assert all(guard_of(photo_app, f"try.{name}") for name in ("send_card", "send_damage"))
    nginx = (ROOT / "deploy" / "nginx.conf").read_text()
    place = nginx[nginx.index("location ~ /photo$ {") :]
    assert "proxy_request_buffering off;" in place[: place.index("}")]


# ---- the disk --------------------------------------------------------------------------------------------------------


def test_no_photo_touches_the_disk_on_its_way(phone_client: LawfulClient) -> None:
    with files_written() as written:
        assert send(phone_client, a_photo("PNG").ljust(9_000_000, b"\0")).status_code == 204
        assert send(phone_client, a_photo().ljust(20_000_000, b"\0")).status_code == 422
    assert [path for path in written if "sqlite" not in path] == []


def test_flasks_own_request_would_write_it_to_a_file(photo_app: Flask, as_customer: AsCustomer) -> None:
    photo_app.request_class = Request
    with files_written() as written:
        assert send(as_customer(), a_photo("PNG").ljust(9_000_000, b"\0")).status_code == 204
    assert [path for path in written if "sqlite" not in path] != []


# ---- showing ---------------------------------------------------------------------------------------------------------


def test_a_photo_is_shown_to_its_page_and_to_nothing_else(photo_app: Flask, phone_client: LawfulClient) -> None:
    key = secrets.token_hex(16)
    photo_app.extensions[RUNTIME].photos.put(key, jpeg := a_photo())
    answer = phone_client.get(f"/m/try/photos/{key}", headers={"Sec-Fetch-Dest": "image"})
    assert answer.data == jpeg
    assert answer.mimetype == "image/jpeg"
    assert answer.headers["Content-Disposition"] == "attachment; filename=photo.jpg"
    assert answer.headers["Content-Security-Policy"].endswith("sandbox")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer.headers["Cache-Control"] == "no-store"
    for elsewhere in ("document", "script", "iframe", "object", "embed", "style", "empty"):
        assert phone_client.get(f"/m/try/photos/{key}", headers={"Sec-Fetch-Dest": elsewhere}).status_code == 404


def test_an_erased_photo_is_not_found(photo_app: Flask, phone_client: LawfulClient) -> None:
    photos = photo_app.extensions[RUNTIME].photos
    photos.put(key := secrets.token_hex(16), b"jpeg")
    photos.erase(key)
    assert phone_client.get(f"/m/try/photos/{key}").status_code == 404


# ---- in a browser ----------------------------------------------------------------------------------------------------


@pytest.fixture
def card_page(photo_app: Flask, live_app: str, phone: "Page") -> "Page":
    """The phone page, somebody logged in."""
    context: BrowserContext = phone.context
    log_in_browser(photo_app, context, a_customer(photo_app), live_app)
    phone.goto(URL)
    return phone


@pytest.mark.browser
def test_a_photo_is_shrunk_on_the_phone_and_shown(card_page: "Page", kept: list[bytes]) -> None:
    assert_accessible(card_page)
    large = encoded(an_image((600, 500)).resize((4000, 3000)), quality=95, exif=exif(6, gps=True))
    card_page.get_by_label("学生证照片").set_input_files({"name": "IMG.JPG", "mimeType": "image/jpeg", "buffer": large})
    expect(card_page.get_by_alt_text("选好的照片")).to_be_visible()
    expect(card_page.get_by_text("换一张")).to_be_visible()
    name, size = "", 0
    while name != "photo.jpg":  # until the smaller file has taken the place of the large one
        name, size = card_page.evaluate(
            "() => [document.forms[0].photo.files[0].name, document.forms[0].photo.files[0].size]"
        )
    assert size < len(large) / 3
    card_page.get_by_label("学号").fill("3200101234")
    with card_page.expect_response(lambda answer: answer.request.method == "POST") as answered:
        card_page.get_by_text("交上去").click()
    assert answered.value.status == 204
    assert len(kept) == 1


@pytest.mark.browser
def test_what_the_phone_cannot_draw_is_sent_as_it_is_and_told(card_page: "Page") -> None:
    card_page.get_by_label("学生证照片").set_input_files(
        {"name": "学生证.heic", "mimeType": "image/heic", "buffer": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"}
    )
    expect(card_page.get_by_text("学生证.heic")).to_be_visible()
    card_page.get_by_label("学号").fill("3200101234")
    card_page.get_by_text("交上去").click()
    expect(card_page.get_by_text(labels.PICTURE_FAULTS[PictureFault.WRONG_TYPE])).to_be_visible()
    expect(card_page.get_by_label("学号")).to_have_value("3200101234")
    assert_accessible(card_page)


@pytest.mark.browser
@pytest.mark.parametrize("turn", [1, 6])
def test_without_script_a_photo_is_sent_too(
    photo_app: Flask, live_app: str, open_context: Any, kept: list[bytes], turn: int
) -> None:
    context = open_context({"viewport": {"width": 390, "height": 844}}, java_script_enabled=False)
    log_in_browser(photo_app, context, a_customer(photo_app), live_app)
    page = context.new_page()
    page.goto(URL)
    photo = page.get_by_label("学生证照片")
    expect(photo).to_be_visible()
    photo.set_input_files({"name": "card.jpg", "mimeType": "image/jpeg", "buffer": marked(turn, "JPEG")})
    page.get_by_label("学号").fill("3200101234")
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.get_by_text("交上去").click()
    assert len(kept) == 1
