import asyncio
import io
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from herodex.serving.decoder import DecodeLimits, Decoders
from herodex.serving.guard import BUFFERED_UPLOADS, Guard

MAX_UPLOAD = 20_000
LIMITS = DecodeLimits(max_pixels=10_000, max_jpeg_pixels=40_000, max_side=256)
MAX_QUEUE = 4
DECODERS = Decoders()
BOUNDARY = "b0undary"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"


async def api(scope: Scope, receive: Receive, send: Send) -> None:
    """The application behind the guard, which returns what it received."""
    request = Request(scope, receive)
    image = scope.get("state", {}).get("image")
    given = list(image.size) if image else (await request.body()).decode()
    await JSONResponse({"given": given})(scope, receive, send)


@pytest.fixture(scope="module", autouse=True)
def decoders() -> Iterator[Decoders]:
    """The processes that decode the images of all tests."""
    yield DECODERS
    DECODERS.close()


def guarded(upload_timeout_s: float = 10) -> Guard:
    """The API behind a guard."""
    return Guard(api, MAX_UPLOAD, lambda: LIMITS, upload_timeout_s, MAX_QUEUE, DECODERS)


def ask(method: str, path: str, upload_timeout_s: float = 10, **options: object) -> httpx.Response:
    """Send one request to a guarded API."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=guarded(upload_timeout_s))
        async with httpx.AsyncClient(transport=transport, base_url="http://guarded") as client:
            return await client.request(method, path, **options)  # type: ignore[arg-type]

    return asyncio.run(send())


def image_bytes(kind: str = "PNG", size: tuple[int, int] = (40, 30)) -> bytes:
    """Encode a plain image."""
    file = io.BytesIO()
    Image.new("RGB", size, "teal").save(file, kind)
    return file.getvalue()


def upload(data: bytes, name: str = "image", kind: str = "image/png") -> httpx.Response:
    """Send bytes as the file part of a form."""
    return ask("POST", "/api/classify", files={name: ("image", data, kind)})


def assert_refused(answer: httpx.Response, status: int, *words: str) -> None:
    """Check that the response has an error with these words, a hint and nothing else."""
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error", "hint"}
    assert answer.json()["hint"]
    for word in words:
        assert word in answer.json()["error"]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_image_is_decoded_whatever_its_declared_type(kind: str) -> None:
    answer = upload(image_bytes(kind), kind="image/jpg")
    assert answer.json() == {"given": [40, 30]}


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        ("GIF", "GIF images are not accepted, but JPEG, PNG, WEBP are"),
        ("BMP", "BMP images are not accepted, but JPEG, PNG, WEBP are"),
        ("TIFF", "TIFF images are not accepted, but JPEG, PNG, WEBP are"),
        ("ICO", "icons are not decoded; save them as PNG"),
    ],
)
def test_other_formats_are_refused_by_content(kind: str, problem: str) -> None:
    assert_refused(upload(image_bytes(kind), kind="image/png"), 415, problem)


@pytest.mark.parametrize("data", [b"no image", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7"])
def test_file_that_is_not_an_image_is_refused(data: bytes) -> None:
    assert_refused(upload(data), 415)


def test_truncated_image_is_refused() -> None:
    file = io.BytesIO()
    Image.effect_noise((100, 90), 80).save(file, "JPEG")
    assert_refused(upload(file.getvalue()[:-500]), 422, "truncated")


def test_too_many_pixels_are_refused_from_the_header() -> None:
    assert_refused(upload(image_bytes(size=(200, 100))), 413, "200×100")


def test_empty_file_is_refused() -> None:
    assert_refused(upload(b""), 400, "empty")


def test_url_in_the_field_is_refused_and_not_fetched() -> None:
    form = {"image": (None, "http://127.0.0.1:9/x.png")}
    assert_refused(ask("POST", "/api/classify", files=form), 400, "text instead of a file")


def test_part_of_another_name_is_reported() -> None:
    assert_refused(upload(image_bytes(), name="file"), 400, "'file'")


def test_two_files_are_refused() -> None:
    files = [("image", ("a", image_bytes())), ("image", ("b", image_bytes()))]
    assert_refused(ask("POST", "/api/classify", files=files), 400, "Too many files")


@pytest.mark.parametrize(
    "content_type", ["image/png", "application/json", "application/x-www-form-urlencoded", "text/plain", ""]
)
def test_body_that_is_not_a_form_is_refused(content_type: str) -> None:
    headers = {"content-type": content_type}
    answer = ask("POST", "/api/classify", content=image_bytes(), headers=headers)
    assert_refused(answer, 415, "multipart/form-data")


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data", "multipart/form-data; boundary=other", f"{MULTIPART}; charset=punycode"],
)
def test_form_that_cannot_be_parsed_is_refused(content_type: str) -> None:
    body = f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="\xfc-\xff"\r\n\r\n'.encode("latin-1")
    answer = ask("POST", "/api/classify", content=body, headers={"content-type": content_type})
    assert_refused(answer, 400)


@given(st.binary(max_size=300), st.booleans())
def test_random_bytes_are_refused_without_a_failure(noise: bytes, in_a_form: bool) -> None:
    if in_a_form:
        answer = upload(noise)
    else:
        answer = ask("POST", "/api/classify", content=noise, headers={"content-type": MULTIPART})
    assert_refused(answer, answer.status_code)
    assert answer.status_code in {400, 415, 422}


def test_body_is_counted_while_it_streams_and_not_read_beyond_the_limit() -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="image"; filename="x"\r\n\r\n'.encode()
        while True:
            sent += 1000
            yield bytes(1000)

    answer = ask("POST", "/api/classify", content=endless(), headers={"content-type": MULTIPART})
    assert_refused(answer, 413)
    # The transport may have read one more chunk.
    assert sent <= MAX_UPLOAD + 2000


@pytest.mark.parametrize(("path", "field"), [("/api/names", "count"), ("/api/names/score", "names")])
def test_large_json_body_is_refused_with_the_bounds_of_its_fields(path: str, field: str) -> None:
    headers = {"content-type": "application/json"}
    answer = ask("POST", path, content=b" " * 10 * 2**20, headers=headers)
    assert_refused(answer, 413, "larger than", "kB")
    assert field in answer.json()["hint"]


def serve_messages(messages: list[Message], upload_timeout_s: float = 10) -> list[Message]:
    """Send a guard these messages of an upload, then nothing; return its messages."""
    sent: list[Message] = []

    async def receive() -> Message:
        if messages:
            return messages.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    async def run() -> None:
        scope: Scope = {
            "type": "http",
            "path": "/api/classify",
            "method": "POST",
            "headers": [(b"content-type", MULTIPART.encode())],
        }
        await guarded(upload_timeout_s)(scope, receive, send)

    asyncio.run(run())
    return sent


def test_client_that_stops_sending_gets_408_and_is_disconnected() -> None:
    sent = serve_messages([{"type": "http.request", "body": b"--b0", "more_body": True}], 0.05)
    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]


def test_client_that_left_gets_no_response() -> None:
    assert serve_messages([{"type": "http.disconnect"}]) == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/names", '{"count": 1, "temperature": 0.5}'),
        ("/api/names", '{"count":15,"temperature":5,"seed":0}'),
        (
            "/api/names",
            '{"count": 1, "temperature": 1, "top_k": 5, "top_p": 0.9, "prefix": "Pi", "min_length": 3, '
            '"max_length": 9, "novel": false}',
        ),
        ("/api/names", '{"count": 1, "temperature": 1, "prefix": "' + "\\ud83d\\ude00" * 50 + '"}'),
        ("/api/names/score", '{"names": ["x"]}'),
        ("/api/names/score", '{"names": [' + ", ".join(['"' + "\\ud83d\\ude00" * 100 + '"'] * 100) + "]}"),
    ],
)
def test_valid_json_request_is_passed_on_unchanged(path: str, body: str) -> None:
    headers = {"content-type": "application/json; charset=utf-8"}
    answer = ask("POST", path, content=body, headers=headers)
    assert answer.json() == {"given": body}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", ["not valid JSON"]),
        ("{", ["not valid JSON"]),
        ("[" * 4000, ["not valid JSON"]),
        ("\xff", ["not valid JSON"]),
        ("null", ["the body", "object"]),
        ("[1, 2]", ["the body", "object"]),
        ("{}", ["'count' is missing", "'temperature' is missing"]),
        ('{"count": 0, "temperature": 1}', ["'count'", "greater than or equal to 1"]),
        ('{"count": 16, "temperature": 1}', ["'count'", "less than or equal to 15"]),
        ('{"count": "5", "temperature": 1}', ["'count'", "valid integer"]),
        ('{"count": true, "temperature": 1}', ["'count'", "valid integer"]),
        ('{"count": 2.5, "temperature": 1}', ["'count'", "integer"]),
        ('{"count": null, "temperature": 1}', ["'count'", "integer"]),
        ('{"count": 1, "temperature": 0.49}', ["'temperature'", "greater than or equal to 0.5"]),
        ('{"count": 1, "temperature": 5.1}', ["'temperature'", "less than or equal to 5"]),
        ('{"count": 1, "temperature": NaN}', ["'temperature'"]),
        ('{"count": 1, "temperature": Infinity}', ["'temperature'"]),
        ('{"count": 1, "temperature": 1, "seed": -1}', ["'seed'", "greater than or equal to 0"]),
        (
            '{"count": 1, "temperature": 1, "seed": 4294967296}',
            ["'seed'", "less than or equal to 4294967295"],
        ),
        ('{"count": 1, "temperature": 1, "seed": 1' + "0" * 3000 + "}", ["'seed'"]),
        ('{"count": 1, "temprature": 1}', ["'temprature' is not known", "'temperature' is missing"]),
        ('{"count": "x", "temperature": 1}', ["'count'", "valid integer"]),
        ('{"count": 1.5, "temperature": 1}', ["'count'", "integer"]),
        ('{"count": 1, "temperature": 0}', ["'temperature'", "greater than or equal to 0.5"]),
        ('{"count": 1, "temperature": 1e9}', ["'temperature'", "less than or equal to 5"]),
        ('{"count": 1, "temperature": 1, "top_k": -1}', ["'top_k'", "greater than or equal to 0"]),
        ('{"count": 1, "temperature": 1, "top_k": true}', ["'top_k'", "valid integer"]),
        ('{"count": 1, "temperature": 1, "top_p": 0}', ["'top_p'", "greater than 0"]),
        ('{"count": 1, "temperature": 1, "top_p": 1.01}', ["'top_p'", "less than or equal to 1"]),
        ('{"count": 1, "temperature": 1, "top_p": NaN}', ["'top_p'", "finite"]),
        ('{"count": 1, "temperature": 1, "prefix": 5}', ["'prefix'", "valid string"]),
        (
            '{"count": 1, "temperature": 1, "prefix": "' + "a" * 500 + '"}',
            ["'prefix' should have at most 50 characters"],
        ),
        (
            '{"count": 1, "temperature": 1, "prefix": "a\\u0000b"}',
            ["'prefix' should have no control characters"],
        ),
        ('{"count": 1, "temperature": 1, "prefix": "a\\nb"}', ["'prefix' should have no control characters"]),
        ('{"count": 1, "temperature": 1, "prefix": "\\ud800"}', ["not valid JSON"]),
        ('{"count": 1, "temperature": 1, "min_length": 0}', ["'min_length'", "greater than or equal to 1"]),
        ('{"count": 1, "temperature": 1, "max_length": 101}', ["'max_length'", "less than or equal to 100"]),
        (
            '{"count": 1, "temperature": 1, "min_length": 9, "max_length": 8}',
            ["'min_length' (9) is above 'max_length' (8)"],
        ),
        (
            '{"count": 1, "temperature": 1, "prefix": "abcd", "max_length": 3}',
            ["'prefix' has 4 characters, more than 'max_length' (3)"],
        ),
        ('{"count": 1, "temperature": 1, "novel": "yes"}', ["'novel'", "valid boolean"]),
    ],
)
def test_invalid_names_request_reports_field_and_bound(body: str, words: list[str]) -> None:
    headers = {"content-type": "application/json"}
    answer = ask("POST", "/api/names", content=body.encode("latin-1"), headers=headers)
    assert_refused(answer, 400, *words)
    assert "1 to 15" in answer.json()["hint"]
    assert len(answer.json()["error"]) < 400


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("{}", ["'names' is missing"]),
        ('{"names": "Pikachu"}', ["'names'", "valid array"]),
        ('{"names": []}', ["'names' should have at least 1 item"]),
        ('{"names": [' + ", ".join(['"x"'] * 101) + "]}", ["'names' should have at most 100 items"]),
        ('{"names": ["x", ""]}', ["'names.1' should have at least 1 character"]),
        ('{"names": ["  "]}', ["'names.0' should not be blank"]),
        ('{"names": ["x", 5]}', ["'names.1'", "valid string"]),
        ('{"names": ["' + "a" * 101 + '"]}', ["'names.0' should have at most 100 characters"]),
        ('{"names": ["a\\tb"]}', ["'names.0' should have no control characters"]),
        ('{"names": ["x"], "temperature": 1}', ["'temperature' is not known"]),
    ],
)
def test_invalid_score_request_reports_field_and_bound(body: str, words: list[str]) -> None:
    answer = ask("POST", "/api/names/score", content=body, headers={"content-type": "application/json"})
    assert_refused(answer, 400, *words)
    assert "1 to 100 texts" in answer.json()["hint"]


@pytest.mark.parametrize("content_type", ["APPLICATION/JSON", "Application/Json; Charset=UTF-8"])
def test_case_of_the_json_content_type_does_not_matter(content_type: str) -> None:
    body = '{"count": 1, "temperature": 1}'
    answer = ask("POST", "/api/names", content=body, headers={"Content-Type": content_type})
    assert answer.json() == {"given": body}


@pytest.mark.parametrize("kind", ["Multipart/Form-Data", "MULTIPART/FORM-DATA"])
def test_case_of_the_form_content_type_does_not_matter(kind: str) -> None:
    head = f'--{BOUNDARY}\r\nCONTENT-DISPOSITION: Form-Data; Name="image"; FileName="x"\r\n\r\n'
    body = head.encode() + image_bytes() + f"\r\n--{BOUNDARY}--\r\n".encode()
    headers = {"content-type": f"{kind}; boundary={BOUNDARY}"}
    assert ask("POST", "/api/classify", content=body, headers=headers).json() == {"given": [40, 30]}


def test_names_request_must_be_json() -> None:
    pickled = {"content-type": "application/vnd.bentoml+pickle"}
    assert_refused(ask("POST", "/api/names", content=b"\x80\x04N.", headers=pickled), 415)
    assert_refused(ask("POST", "/api/names", data={"count": "1"}), 415)


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/api/classify", 405, "POST"),
        ("PUT", "/api/names", 405, "POST"),
        ("POST", "/api/quote", 405, "GET, HEAD"),
        ("DELETE", "/api/about", 405, "GET, HEAD"),
        ("GET", "/api/nothing", 404, None),
        ("POST", "/api/classify/", 404, None),
    ],
)
def test_wrong_paths_and_methods_are_refused(method: str, path: str, status: int, allow: str | None) -> None:
    answer = ask(method, path)
    assert_refused(answer, status)
    assert answer.headers.get("allow") == allow


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["\ufdfa" * 100] * 100, ["'names.0' has 1800 characters"]),
        (["x", "ﬃ" * 50], ["'names.1' has 150 characters"]),
        (["㍿" * 30], ["'names.0' has 120 characters"]),
        (["x", "½" * 40], ["'names.1' has 120 characters"]),
        (["(a)", "x", "***", "\u200b"], ["Nothing is left", "'names.0', 'names.2', 'names.3'"]),
    ],
)
def test_names_to_score_are_limited_after_normalising(names: list[str], words: list[str]) -> None:
    assert_refused(ask("POST", "/api/names/score", json={"names": names}), 422, *words)


def test_names_that_normalise_to_the_limit_are_scored() -> None:
    assert ask("POST", "/api/names/score", json={"names": ["ﬃ" * 33]}).status_code == 200


def test_jpeg_may_have_more_pixels_than_other_formats() -> None:
    data = image_bytes("JPEG", (200, 100))
    assert upload(data).json() == {"given": [200, 100]}
    assert_refused(upload(image_bytes("JPEG", (400, 200))), 413, "400×200", "40,000")


def test_heic_is_refused_with_how_to_convert_it() -> None:
    answer = upload(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(400))
    assert_refused(answer, 415, "HEIC")
    assert "JPEG" in answer.json()["hint"]


def test_part_without_a_filename_is_reported() -> None:
    form = {"image": (None, image_bytes())}
    assert_refused(ask("POST", "/api/classify", files=form), 400, "no filename")


@pytest.mark.parametrize("path", ["/api/names", "/api/names/score", "/api/classify"])
def test_requests_that_are_still_arriving_share_one_memory_budget(path: str) -> None:
    chunk, requests = 9_000, 60
    kind = MULTIPART if path == "/api/classify" else "application/json"
    scope: Scope = {
        "type": "http",
        "path": path,
        "method": "POST",
        "headers": [(b"content-type", kind.encode())],
    }
    sent: list[Message] = []

    def slow_client() -> Receive:
        pending: list[Message] = [{"type": "http.request", "body": b"\r" * chunk, "more_body": True}]

        async def receive() -> Message:
            if pending:
                return pending.pop()
            await asyncio.sleep(0.2)
            return {"type": "http.disconnect"}

        return receive

    async def send(message: Message) -> None:
        sent.append(message)

    async def run() -> None:
        guard = guarded()
        await asyncio.gather(*(guard({**scope}, slow_client(), send) for _ in range(requests)))

    asyncio.run(run())
    statuses = [message["status"] for message in sent if message["type"] == "http.response.start"]
    assert statuses == [503] * (requests - BUFFERED_UPLOADS * MAX_UPLOAD // chunk)


def test_requests_outside_the_api_pass_unchanged() -> None:
    assert ask("GET", "/static/app.js", content=b"x" * 50_000).status_code == 200


def test_report_is_refused_unread_where_none_is_taken() -> None:
    assert_refused(ask("POST", "/api/feedback", content=b"anything"), 404, "takes no reports")
    assert_refused(ask("GET", "/api/feedback"), 405)
