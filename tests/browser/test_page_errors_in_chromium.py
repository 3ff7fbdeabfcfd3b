"""Errors that visitors see say what is wrong and what to do, without the API's words for developers."""

import io
import re
import typing
from pathlib import Path

import httpx
import pytest
from every_mode import check_every_mode
from page_in_chromium import Page, stubbed
from PIL import Image

from herodex.serving.client_error import ClientError, Reason

FOR_DEVELOPERS = re.compile(
    r"curl|json|multipart|form|magick|lib|make run|url\b|'\w+'|_|the part|top_|seed", re.I
)
"""Words of the API's errors that mean nothing to visitors."""
WORDS = """
const [status, headers, body] = arguments, done = arguments[arguments.length - 1];
import("/static/visitors.js").then(({ wordsForVisitors }) =>
  done(wordsForVisitors({ status, header: (name) => headers[name] ?? null }, body)));
"""


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """Encode an image."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def words(page: Page, status: int, headers: dict[str, str], body: dict[str, str] | None = None) -> list[str]:
    """Return the problem and the advice that the page has for a response."""
    return page.driver.execute_async_script(WORDS, status, headers, body)


SMALL = Image.effect_noise((90, 90), 80).convert("RGB")
FILES = {
    "heic": (
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        "HEIC images cannot be used here. Save it as JPEG, PNG or WebP, then choose that file",
    ),
    "gif": (encoded(SMALL, "GIF"), "GIF images cannot be used here. Save it as JPEG, PNG or WebP"),
    "film": (b"FLV\x01 film", "Videos cannot be used here."),
    "text": (b"These are notes.", "The file is not an image that can be used here."),
    "empty": (b"", "The file is empty. Choose another image."),
    "truncated": (encoded(SMALL, "PNG")[:9_000], "The image file is incomplete. Download or copy it again"),
    "damaged": (
        encoded(SMALL, "PNG").replace(b"IDAT", b"IDAT\xff\xff", 1),
        "The image file is damaged. Open it in an image editor",
    ),
    "too many pixels": (
        encoded(Image.new("L", (40_000, 1_000)), "PNG"),
        "The image has too many pixels. Scale it down",
    ),
}
"""Files that the service refuses, and the first words of the page about each."""


@pytest.mark.parametrize("kind", FILES)
def test_refused_file_is_explained_to_visitors(page: Page, tmp_path: Path, kind: str) -> None:
    data, expected = FILES[kind]
    file = tmp_path / "image.jpg"
    file.write_bytes(data)
    page.upload(file)
    shown = f"{page.text('.answer')} {page.text('.detail')}"
    assert shown.startswith(expected)
    assert not FOR_DEVELOPERS.search(shown)
    page.browser_errors()


@pytest.mark.parametrize("settings", ["seed=-1", "seed=1&prefix=%07", f"seed=1&prefix={'a' * 60}"])
def test_settings_of_a_broken_link_are_explained_to_visitors(page: Page, settings: str) -> None:
    page.open(address=f"names?count=3&temperature=1&{settings}")
    page.wait(lambda: page.one("#names .error").is_displayed())
    shown = page.text("#names .error")
    assert shown == "The service does not accept these settings. Change them and try again."
    page.browser_errors()


def test_letters_that_no_name_starts_with_are_explained_to_visitors(page: Page) -> None:
    page.invent(count="9", prefix="gorbatgorbat")
    page.wait(lambda: page.one("#names .error").is_displayed())
    shown = page.text("#names .error")
    assert re.match(r"(Only \d|No) new names? starts? with 'gorbatgorbat'", shown), shown
    assert not FOR_DEVELOPERS.search(shown.replace("'gorbatgorbat'", "")), shown
    page.browser_errors()


@pytest.mark.parametrize("reason", typing.get_args(Reason))
def test_every_reason_of_a_refusal_has_words_for_visitors(page: Page, reason: Reason) -> None:
    error = ClientError(418, reason, "'prefix' asks for it.", "Shorten the prefix.", {"retry-after": "7"})
    response = error.response()
    shown = words(page, 418, dict(response.headers), {"error": error.error, "hint": error.hint})
    assert all(shown)
    assert not FOR_DEVELOPERS.search(" ".join(shown)), shown


def test_answers_without_a_reason_are_explained_by_their_status(page: Page) -> None:
    assert words(page, 429, {"retry-after": "7"})[1] == "Wait 7 s, then try again."
    assert words(page, 413, {})[0] == "The file is too large."
    assert words(page, 502, {}) == ["The service failed (status 502).", "Try again in a moment."]
    assert "request id: abc." in words(page, 500, {"x-request-id": "abc"})[1]


FAILURE = """
const headers = { "retry-after": "7", "x-request-id": "0b7f3c52-2f5e-4d0c-9f0d-6a4e1c1f7a11" };
return new Response("{}", { status: %d, headers });
"""


@pytest.mark.parametrize("status", [413, 429, 500])
def test_errors_by_status_are_accessible_and_fit(page: Page, cherry: Path, axe: str, status: int) -> None:
    with stubbed(page, "api/classify", FAILURE % status):
        page.open(address="?lang=de")
        page.upload(cherry)
        assert page.one(".verdict").get_attribute("data-state") == "failed"
        check_every_mode(page, axe, f"error {status}")


def test_api_keeps_its_hints_for_developers(client: httpx.Client) -> None:
    response = client.post("/api/classify", content=b"x")
    assert (response.status_code, response.headers["x-refusal"]) == (415, "content_type")
    assert "curl" in response.json()["hint"]
    response = client.post("/api/names", json={"count": 3, "temperature": 1, "prefix": "ж"})
    assert (response.status_code, response.headers["x-refusal"]) == (422, "unsatisfiable")
    assert response.json()["error"].startswith("'prefix' has")
