"""Stands before the API: reads, bounds and checks what clients send, and says no where it must.

BentoML 1.4 has no limit on a body, answers a spoilt image with 500, and words its own refusals as
lists; so nothing reaches it that this module has not read.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from typing import NamedTuple

import anyio
import anyio.to_thread
from PIL import Image
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from herodex.inference.image_decoding import ImageError, open_image
from herodex.serving import endpoints
from herodex.serving.client_error import ClientError, Reason
from herodex.serving.messages import (
    MAX_LENGTH,
    MAX_NAMES,
    MAX_PREFIX,
    MAX_SCORED,
    MAX_SCORED_LENGTH,
    MAX_SEED,
    MAX_TEMPERATURE,
    MAX_TOP_K,
    MIN_TEMPERATURE,
    NamesRequest,
    ScoreRequest,
)
from herodex.serving.upload import read_chunks, read_file
from herodex.serving.upload_form import check_parts

FORMATS = ("JPEG", "PNG", "WEBP")
MAX_IMAGES = 2
"""Decoded images in memory at a time: each may hold a few bytes for every pixel allowed."""
MAX_HEADER_BYTES = 8192
"""As much as other servers allow by default."""
BUFFERED_UPLOADS = 8
"""Uploads of the largest size whose bytes may be in memory at a time; of smaller ones, more."""
BUSY_S = 2
"""When to come back to a service that had no room: by then a full queue has moved on."""

IMAGE_REFUSALS: dict[str, tuple[int, Reason]] = {
    "unsupported": (415, "unsupported"),
    "too_large": (413, "too_many_pixels"),
    "truncated": (422, "truncated"),
    "unreadable": (422, "unreadable"),
}
IMAGE_HINTS = {
    "unsupported": "Send a JPEG, PNG or WebP image; its content tells, not its name.",
    "too_large": "Send a scaled-down copy.",
    "truncated": "Send the file again, to its end.",
    "unreadable": "Open the file and save it anew, or send another one.",
}
IMAGE_TOO_LARGE = "Send a smaller file, for example a scaled-down copy of the image."


class JsonRequest(NamedTuple):
    """What a request in JSON may be: its fields, its bytes, and how both are put to its sender."""

    fields: type[BaseModel]
    max_bytes: int
    hint: str


JSON_REQUESTS = {
    endpoints.NAMES: JsonRequest(
        NamesRequest,
        # Every character of the longest prefix may come as an escaped surrogate pair, and more than that
        # must be read to say that it is too long.
        16_384,
        f"Send JSON: count is a whole number from 1 to {MAX_NAMES}, temperature a number from "
        f"{MIN_TEMPERATURE:g} to {MAX_TEMPERATURE:g}; optional are seed, a whole number from 0 to "
        f"{MAX_SEED}, top_k from 0 to {MAX_TOP_K}, top_p above 0 and up to 1, prefix of up to {MAX_PREFIX} "
        f"characters, min_length and max_length from 1 to {MAX_LENGTH}, and novel, true or false.",
    ),
    endpoints.SCORE: JsonRequest(
        ScoreRequest,
        262_144,
        f"Send JSON: names is a list of 1 to {MAX_SCORED} texts of 1 to {MAX_SCORED_LENGTH} characters.",
    ),
}


class Guard:
    """ASGI middleware that lets through to the API only what the API can answer.

    Args:
        app: what comes behind it.
        max_upload: bytes of a request with an image.
        max_pixels: width × height of an image.
        upload_timeout_s: patience with a client that sends slowly.
        max_queue: requests that a model works on or that wait for it.
    """

    def __init__(
        self, app: ASGIApp, max_upload: int, max_pixels: int, upload_timeout_s: float, max_queue: int
    ) -> None:
        self._app = app
        self._max_upload = max_upload
        self._max_pixels = max_pixels
        self._upload_timeout_s = upload_timeout_s
        self._images = asyncio.Semaphore(MAX_IMAGES)
        self._queue = Room(max_queue)
        self._buffered = Room(BUFFERED_UPLOADS * max_upload)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that is refused; hand on any other."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            check_method(scope["path"], scope["method"])
            check_headers(scope)
            if scope["path"] == endpoints.CLASSIFY:
                await self._pass_upload(scope, receive, send)
            elif request := JSON_REQUESTS.get(scope["path"]):
                receive_again = await self._read_json(request, scope, receive)
                with self._queue.taken(1):
                    await self._app(scope, receive_again, send)
            else:
                await self._app(scope, receive, send)
        except ClientDisconnect:
            return
        except ClientError as error:
            await error.answer(scope, receive, send)

    async def _pass_upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        with contextlib.ExitStack() as held:
            async with patience(self._upload_timeout_s):
                chunks = read_chunks(receive, self._max_upload, IMAGE_TOO_LARGE)
                kept = self._buffered.hold(chunks, held)
                data = await read_file(Headers(scope=scope), kept, self._max_upload)
            held.enter_context(self._queue.taken(1))
            async with self._images:
                image = await anyio.to_thread.run_sync(decode, data, self._max_pixels)
                scope.setdefault("state", {})["image"] = image
                await self._app(scope, receive, send)

    async def _read_json(self, request: JsonRequest, scope: Scope, receive: Receive) -> Receive:
        if Headers(scope=scope).get("content-type", "").partition(";")[0].strip() != "application/json":
            raise ClientError(415, "content_type", "The request is not application/json.", request.hint)
        async with patience(self._upload_timeout_s):
            chunks = read_chunks(receive, request.max_bytes, request.hint)
            body = b"".join([chunk async for chunk in chunks])
        check_json(body, request)
        return replay(body, receive)


class Room:
    """A bounded amount of something; whoever finds too little of it left is told to come back."""

    def __init__(self, size: int) -> None:
        self._left = size

    @contextlib.contextmanager
    def taken(self, amount: int) -> Iterator[None]:
        """Take an amount for as long as the block lasts; raises a ClientError of 503."""
        if amount > self._left:
            raise ClientError(
                503,
                "busy",
                "The service has as much to do as it can.",
                f"Try again in {BUSY_S} s.",
                {"retry-after": str(BUSY_S)},
            )
        self._left -= amount
        try:
            yield
        finally:
            self._left += amount

    async def hold(
        self, chunks: AsyncGenerator[bytes, None], held: contextlib.ExitStack
    ) -> AsyncGenerator[bytes, None]:
        """Hand chunks on, with room taken for each until `held` is closed."""
        async for chunk in chunks:
            held.enter_context(self.taken(len(chunk)))
            yield chunk


@contextlib.asynccontextmanager
async def patience(seconds: float) -> AsyncIterator[None]:
    """Refuse with 408 what takes a client longer than `seconds` to send."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise ClientError(
            408,
            "slow",
            f"The request did not arrive within {seconds:g} s.",
            "Send a smaller file, or try again over a better connection.",
            {"connection": "close"},
        ) from None


def check_method(path: str, method: str) -> None:
    """Refuse an address or a method that the service does not have."""
    expected = endpoints.method_of(path)
    if expected is None:
        api = ", ".join(endpoints.METHODS)
        raise ClientError(404, "address", "There is no such address.", f"The API has {api}.")
    allowed = ("GET", "HEAD") if expected == "GET" else (expected,)
    if method not in allowed:
        raise ClientError(
            405,
            "method",
            f"{path} does not answer to {method[:20]}.",
            f"Use {expected}.",
            {"allow": ", ".join(allowed)},
        )


def check_headers(scope: Scope) -> None:
    """Refuse absurdly long headers."""
    if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADER_BYTES:
        hint = f"Send at most {MAX_HEADER_BYTES} bytes of headers; leave cookies out."
        raise ClientError(431, "headers", "The request's headers are too long.", hint)


def decode(data: bytes, max_pixels: int) -> Image.Image:
    """Decode an uploaded image; what is wrong with it becomes a refusal."""
    check_parts(data)
    try:
        return open_image(data, max_pixels, FORMATS)
    except ImageError as error:
        status, reason = IMAGE_REFUSALS[error.kind]
        raise ClientError(
            status, reason, f"The image cannot be used: {error}.", IMAGE_HINTS[error.kind]
        ) from None


def check_json(body: bytes, request: JsonRequest) -> None:
    """Refuse a body without the right fields, saying which one is wrong and what it may be."""
    try:
        request.fields.model_validate_json(body)
    except ValidationError as error:
        raise ClientError(400, "fields", explain(error.errors(include_url=False)), request.hint) from None


def explain(problems: Sequence[ErrorDetails]) -> str:
    """Put pydantic's findings into a sentence that names the fields."""
    sentences: list[str] = []
    for problem in problems:
        field = ".".join(map(str, problem["loc"]))[:40]
        match problem["type"]:
            case "json_invalid":
                sentences.append("the body is not valid JSON")
            case "missing":
                sentences.append(f"'{field}' is missing")
            case "extra_forbidden":
                sentences.append(f"'{field}' is not known")
            case "value_error":
                reason = problem["msg"].removeprefix("Value error, ")
                sentences.append(f"'{field}' {reason}" if field else reason)
            case _:
                named = f"'{field}'" if field else "the body"
                sentences.append(re.sub("^(Input|String|List)", lambda _, named=named: named, problem["msg"]))
    return "; ".join(sentences)[:300] + "."


def replay(body: bytes, receive: Receive) -> Receive:
    """Make a `receive` that gives a body that was read already, and then what comes after it."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return pending.pop() if pending else await receive()

    return receive_again
