"""Checks of every request before it reaches BentoML.

BentoML 1.4 does not limit bodies, returns 500 for broken images, and formats its own refusals as lists. This
module therefore reads and checks every request first.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator, Callable, Collection, Generator, Sequence
from typing import NamedTuple

import anyio
import anyio.to_thread
import numpy as np
from jaxtyping import UInt8
from PIL import Image
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from herodex.generator.spelling import normalise
from herodex.inference.image_decoding import ImageError, read_header
from herodex.serving import endpoints
from herodex.serving.client_error import ClientError, Reason
from herodex.serving.decoder import FORMATS, DecodeLimits, Decoders, cpu_limit
from herodex.serving.feedback import FIELDS, check_fields, no_feedback
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
from herodex.serving.upload import media_type, read_chunks, read_form

MAX_IMAGES = 2
"""Images that are decoded or classified at a time."""
LARGE_PIXELS = 4_000_000
"""Images with more pixels are decoded one at a time, so that smaller ones need not wait for them."""
MAX_HEADER_BYTES = 8192
"""Default limit of common servers."""
BUFFERED_UPLOADS = 8
"""Uploads of the largest allowed size that may be in memory at a time, JSON included."""
LEAST_RESERVED = 4096
"""Bytes that a request reserves at least, for what the server keeps beside its body."""
BUSY_S = 2
"""Retry-After of a full service; a full queue has moved on by then."""

IMAGE_REFUSALS: dict[str, tuple[int, Reason]] = {
    "unsupported": (415, "unsupported"),
    "too_large": (413, "too_many_pixels"),
    "truncated": (422, "truncated"),
    "unreadable": (422, "unreadable"),
    "too_complex": (422, "parts"),
}
IMAGE_HINTS = {
    "unsupported": "Send JPEG, PNG or WebP. Renaming the file does not help; convert HEIC to JPEG first: "
    "export the photo as JPEG, or run magick photo.heic photo.jpg.",
    "too_large": "Scale the image down and send it again.",
    "truncated": "Send the complete file.",
    "unreadable": "Open the file in an image editor and save it again, or send another image.",
    "too_complex": "Open the file in an image editor and save it again.",
}
IMAGE_TOO_LARGE = "Send a smaller file: scale the image down or compress it more."


class JsonRequest(NamedTuple):
    """Schema and size limit of a JSON request, and a hint that explains both."""

    fields: type[BaseModel]
    max_bytes: int
    hint: str


JSON_REQUESTS = {
    endpoints.NAMES: JsonRequest(
        NamesRequest,
        # Each character of the longest prefix may arrive as an escaped surrogate pair, and a longer prefix
        # must still be read to report that it is too long.
        16_384,
        f"Send JSON: count is a whole number from 1 to {MAX_NAMES}, temperature a number from "
        f"{MIN_TEMPERATURE:g} to {MAX_TEMPERATURE:g}. Optional: seed, a whole number from 0 to "
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
    """ASGI middleware that passes only valid requests on.

    Args:
        app: The next application.
        max_upload: Largest request with an image, in bytes.
        limits: Returns the limits on an image, once the models are there.
        upload_timeout_s: Longest time for a request to arrive.
        max_queue: Most requests that wait for a model or are processed by it.
        decoders: Processes that decode images; None: own ones.
        answers: Returns the answers that a report of a wrong one may name; None: no reports are taken.
    """

    def __init__(
        self,
        app: ASGIApp,
        max_upload: int,
        limits: Callable[[], DecodeLimits],
        upload_timeout_s: float,
        max_queue: int,
        decoders: Decoders | None = None,
        answers: Callable[[], Collection[str]] | None = None,
    ) -> None:
        self._app = app
        self._max_upload = max_upload
        self._limits = limits
        self._upload_timeout_s = upload_timeout_s
        self._decoders = decoders or Decoders()
        self._answers = answers
        self._images = asyncio.Semaphore(MAX_IMAGES)
        self._large_image = asyncio.Semaphore(1)
        self._queue = Capacity(max_queue)
        self._buffered = Capacity(BUFFERED_UPLOADS * max_upload)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse an invalid request or pass a valid one on."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await anyio.to_thread.run_sync(self._decoders.start)
            await self._app(scope, receive, send)
            return
        try:
            check_method(scope["path"], scope["method"])
            check_headers(scope)
            if scope["path"] == endpoints.CLASSIFY:
                await self._pass_upload(scope, receive, send)
            elif scope["path"] == endpoints.FEEDBACK:
                await self._pass_report(scope, receive, send)
            elif request := JSON_REQUESTS.get(scope["path"]):
                await self._pass_json(request, scope, receive, send)
            else:
                await self._app(scope, receive, send)
        except ClientDisconnect:
            return
        except ClientError as error:
            await error.answer(scope, receive, send)

    async def _pass_report(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._answers is None:
            raise no_feedback()
        await self._pass_upload(scope, receive, send, self._answers())

    async def _pass_upload(
        self, scope: Scope, receive: Receive, send: Send, answers: Collection[str] | None = None
    ) -> None:
        with self._buffered.growing() as reserve:
            async with arrival_timeout(self._upload_timeout_s):
                chunks = read_chunks(receive, self._max_upload, IMAGE_TOO_LARGE, reserve)
                texts = () if answers is None else FIELDS
                data, fields = await read_form(Headers(scope=scope), chunks, self._max_upload, texts)
            if answers is not None:
                check_fields(fields, answers)
            with self._queue.reserved(1):
                limits = self._limits()
                pixels = await anyio.to_thread.run_sync(pixels_of, data, limits)
                lane = self._large_image if pixels > LARGE_PIXELS else contextlib.nullcontext()
                async with lane:
                    await self._images.acquire()
                    try:
                        decoded = await anyio.to_thread.run_sync(
                            decode, self._decoders, data, limits, cpu_limit(pixels)
                        )
                    except BaseException:
                        self._images.release()
                        raise
                try:
                    scope.setdefault("state", {}).update(image=Image.fromarray(decoded), fields=fields)
                    await self._app(scope, receive, send)
                finally:
                    self._images.release()

    async def _pass_json(self, request: JsonRequest, scope: Scope, receive: Receive, send: Send) -> None:
        if media_type(Headers(scope=scope)) != "application/json":
            raise ClientError(415, "content_type", "The request is not application/json.", request.hint)
        with self._buffered.growing() as reserve:
            body = bytearray()
            async with arrival_timeout(self._upload_timeout_s):
                async for chunk in read_chunks(receive, request.max_bytes, request.hint, reserve):
                    body += chunk
            check_json(bytes(body), request)
            with self._queue.reserved(1):
                await self._app(scope, replay(bytes(body), receive), send)


class Capacity:
    """A bounded amount, for example of queue places or bytes."""

    def __init__(self, size: int) -> None:
        self._left = size

    @contextlib.contextmanager
    def reserved(self, amount: int) -> Generator[None]:
        """Reserve an amount for the duration of the block; raise a ClientError of 503 if it is not left."""
        with self.growing(amount):
            yield

    @contextlib.contextmanager
    def growing(self, least: int = LEAST_RESERVED) -> Generator[Callable[[int], None]]:
        """Reserve an amount for the duration of the block and yield a function that reserves more of it.

        The function takes the whole amount, and raises a ClientError of 503 if it is not left.
        """
        held = 0

        def reserve(amount: int) -> None:
            nonlocal held
            more = max(0, amount - held)
            if more > self._left:
                raise ClientError(
                    503,
                    "busy",
                    "The service is busy.",
                    f"Try again in {BUSY_S} s.",
                    {"retry-after": str(BUSY_S)},
                )
            self._left -= more
            held += more

        try:
            reserve(least)
            yield reserve
        finally:
            self._left += held


@contextlib.asynccontextmanager
async def arrival_timeout(seconds: float) -> AsyncGenerator[None]:
    """Raise a ClientError of 408 if a request takes longer than `seconds` to arrive."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise ClientError(
            408,
            "slow",
            f"The request did not arrive within {seconds:g} s.",
            "Send a smaller file, or use a faster connection.",
            {"connection": "close"},
        ) from None


def check_method(path: str, method: str) -> None:
    """Raise a ClientError for an unknown path or a wrong method."""
    expected = endpoints.method_of(path)
    if expected is None:
        api = ", ".join(endpoints.METHODS)
        raise ClientError(404, "address", "There is no such path.", f"The API has {api}.")
    allowed = ("GET", "HEAD") if expected == "GET" else (expected,)
    if method not in allowed:
        raise ClientError(
            405,
            "method",
            f"{path} does not support {method[:20]}.",
            f"Use {expected}.",
            {"allow": ", ".join(allowed)},
        )


def check_headers(scope: Scope) -> None:
    """Raise a ClientError if the headers are too long."""
    if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADER_BYTES:
        hint = f"Send at most {MAX_HEADER_BYTES} bytes of headers, without cookies."
        raise ClientError(431, "headers", "The request's headers are too long.", hint)


def pixels_of(data: bytes, limits: DecodeLimits) -> int:
    """Return an image's width × height from its header; raise a ClientError if it is invalid."""
    try:
        image = read_header(data, limits.max_pixels, FORMATS, limits.max_jpeg_pixels)
    except ImageError as error:
        raise image_refusal(error) from None
    return image.size[0] * image.size[1]


def decode(decoders: Decoders, data: bytes, limits: DecodeLimits, cpu_s: float) -> UInt8[np.ndarray, "h w 3"]:
    """Decode an uploaded image; raise a ClientError if it is invalid."""
    try:
        return decoders.decode(data, limits, cpu_s)
    except ImageError as error:
        raise image_refusal(error) from None


def image_refusal(error: ImageError) -> ClientError:
    """Create the refusal of an image."""
    status, reason = IMAGE_REFUSALS[error.kind]
    return ClientError(status, reason, f"The image cannot be used: {error}.", IMAGE_HINTS[error.kind])


def check_json(body: bytes, request: JsonRequest) -> None:
    """Raise a ClientError that names the invalid fields of a JSON body."""
    try:
        fields = request.fields.model_validate_json(body)
    except ValidationError as error:
        raise ClientError(400, "fields", describe(error.errors(include_url=False)), request.hint) from None
    if isinstance(fields, ScoreRequest):
        check_normalised(fields.names, request.hint)


def check_normalised(names: Sequence[str], hint: str) -> None:
    """Raise a ClientError if normalised names are empty or longer than allowed; ﷺ becomes 18 characters."""
    lengths = [len(normalise(name)) for name in names]
    if empty := [f"'names.{place}'" for place, length in enumerate(lengths) if not length]:
        problem = f"Nothing is left to score of {', '.join(empty)} without notes in brackets and marks."
        raise ClientError(422, "fields", problem, hint)
    place, longest = max(enumerate(lengths), key=lambda item: item[1])
    if longest > MAX_SCORED_LENGTH:
        problem = f"'names.{place}' has {longest} characters once its characters are written out"
        raise ClientError(422, "fields", f"{problem}, more than {MAX_SCORED_LENGTH}.", hint)


def describe(problems: Sequence[ErrorDetails]) -> str:
    """Join pydantic's errors into a sentence that names the fields."""
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
    """Create a channel that repeats a body already read and then continues with `receive`."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return pending.pop() if pending else await receive()

    return receive_again
