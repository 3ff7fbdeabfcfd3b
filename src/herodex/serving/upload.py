"""Read request bodies of bounded size and the image file in a form."""

from collections.abc import AsyncGenerator, Callable, Sequence

from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from herodex.serving.client_error import ClientError

FIELD = "image"
FORM_HINT = (
    f"Send the image as multipart/form-data with one file part named '{FIELD}', "
    f"for example: curl -F {FIELD}=@image.jpg"
)
MAX_TEXT_BYTES = 4096
"""Longest text part that is read."""


def media_type(headers: Headers) -> str:
    """Return a body's media type without parameters, in lower case because its case has no meaning."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_chunks(
    receive: Receive, max_bytes: int, hint: str, reserve: Callable[[int], None]
) -> AsyncGenerator[bytes, None]:
    """Yield a request's body as it arrives; counts the bytes received, not the announced length.

    Args:
        receive: Channel that the body arrives on.
        max_bytes: Largest size.
        hint: What to do if the body is larger.
        reserve: Called with the number of bytes received so far; may raise ClientError.

    Raises:
        ClientError: 413 as soon as more than `max_bytes` have arrived.
        ClientDisconnect: The client has left.
    """
    received = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk = message.get("body", b"")
        received += len(chunk)
        if received > max_bytes:
            raise ClientError(413, "too_large", f"The request is larger than {format_size(max_bytes)}.", hint)
        reserve(received)
        yield chunk
        more = message.get("more_body", False)


def format_size(size: int) -> str:
    """Format a number of bytes in MB of 2^20 bytes or kB of 2^10 bytes, to three digits."""
    return f"{size / 2**20:.3g} MB" if size >= 2**20 else f"{size / 2**10:.3g} kB"


async def read_file(headers: Headers, chunks: AsyncGenerator[bytes, None], max_bytes: int) -> bytes:
    """Read the only part of a form, a file, in memory.

    Args:
        headers: Headers of the request.
        chunks: Body of the request.
        max_bytes: Largest size of the body.

    Raises:
        ClientError: 400 or 415; the body is not a form with exactly this file.
    """
    return (await read_form(headers, chunks, max_bytes, ()))[0]


async def read_form(
    headers: Headers, chunks: AsyncGenerator[bytes, None], max_bytes: int, texts: Sequence[str]
) -> tuple[bytes, dict[str, str]]:
    """Read a form of one file and the given text parts, in memory.

    Args:
        headers: Headers of the request.
        chunks: Body of the request.
        max_bytes: Largest size of the body.
        texts: Names of the text parts; the form has each of them once.

    Raises:
        ClientError: 400 or 415; the body is not a form with exactly these parts.
    """
    if media_type(headers) != "multipart/form-data":
        raise ClientError(415, "content_type", "The request is not multipart/form-data.", FORM_HINT)
    parser = MultiPartParser(
        headers, chunks, max_files=1, max_fields=max(1, len(texts)), max_part_size=MAX_TEXT_BYTES
    )
    parser.spool_max_size = max_bytes
    try:
        form = await parser.parse()
        fields = {name: only_text(form, name) for name in texts}
        data = only_file(FormData([part for part in form.multi_items() if part[0] not in fields]))
    except MultiPartException as error:
        raise ClientError(400, "form", f"The form cannot be read: {error.message}", FORM_HINT) from None
    # The header may name a codec that cannot decode the form's names.
    except ValueError:
        raise ClientError(400, "form", "The form cannot be read.", FORM_HINT) from None
    finally:
        # The form lacks parts that end early, and the parser closes their files on its own errors alone.
        for file in parser._files_to_close_on_error:  # pyright: ignore[reportPrivateUsage]
            file.close()
    if not data:
        raise ClientError(400, "empty", "The file is empty.", FORM_HINT)
    return data, fields


def only_text(form: FormData, name: str) -> str:
    """Return the text of the only part with a name; raise ClientError if there is none, or are several."""
    match form.getlist(name):
        case [str() as text]:
            return text
        case parts:
            problem = f"The form has {len(parts)} parts named '{name}', instead of one with a text."
            raise ClientError(400, "form", problem, f"Send '{name}' once, as a text part without a filename.")


def only_file(form: FormData) -> bytes:
    """Return the bytes of a form's only part; raise ClientError for any other form."""
    parts = form.multi_items()
    if unexpected := sorted({name for name, _ in parts if name != FIELD}):
        raise ClientError(400, "form", f"The form has a part named '{unexpected[0][:40]}'.", FORM_HINT)
    if len(parts) != 1:
        raise ClientError(400, "form", f"The form has {len(parts)} parts instead of one.", FORM_HINT)
    value = parts[0][1]
    if not isinstance(value, UploadFile):
        problem = (
            f"The part '{FIELD}' has no filename, so it is text instead of a file; URLs are not fetched."
        )
        raise ClientError(400, "form", problem, FORM_HINT)
    return value.file.read()
