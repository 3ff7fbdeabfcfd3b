"""Reads what a client sends: a body of bounded size, and the one file in a form."""

from collections.abc import AsyncGenerator

from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from herodex.serving.client_error import ClientError

FIELD = "image"
SEND_A_FILE = (
    f"Send the image as multipart/form-data with one file part named '{FIELD}', "
    f"for example: curl -F {FIELD}=@image.jpg"
)
MAX_TEXT_BYTES = 4096
"""A form's text parts, which are not wanted at all, are read up to here to say what is wrong."""


async def read_chunks(receive: Receive, max_bytes: int, hint: str) -> AsyncGenerator[bytes, None]:
    """Yield a request's body as it comes in; whatever length was announced, what comes is counted.

    Args:
        receive: where it comes from.
        max_bytes: how much it may be.
        hint: what to do where it is more.

    Raises:
        ClientError: 413, as soon as there is more than `max_bytes`.
        ClientDisconnect: the client went away.
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
            raise ClientError(
                413, "too_large", f"The request is larger than {size_in_words(max_bytes)}.", hint
            )
        yield chunk
        more = message.get("more_body", False)


def size_in_words(size: int) -> str:
    """Write a number of bytes in MB of 2^20 bytes or kB of 2^10, without needless digits."""
    return f"{size / 2**20:.3g} MB" if size >= 2**20 else f"{size / 2**10:.3g} kB"


async def read_file(headers: Headers, chunks: AsyncGenerator[bytes, None], max_bytes: int) -> bytes:
    """Read the one file of a form, in memory.

    Args:
        headers: the request's headers.
        chunks: its body.
        max_bytes: what the body holds at most.

    Raises:
        ClientError: 400 or 415, the body is no form, or not one with just that file.
    """
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "multipart/form-data":
        raise ClientError(415, "content_type", "The request is not multipart/form-data.", SEND_A_FILE)
    parser = MultiPartParser(headers, chunks, max_files=1, max_fields=1, max_part_size=MAX_TEXT_BYTES)
    parser.spool_max_size = max_bytes
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise ClientError(400, "form", f"The form cannot be read: {error.message}", SEND_A_FILE) from None
    # The header may name a codec that stumbles over the form's names.
    except ValueError:
        raise ClientError(400, "form", "The form cannot be read.", SEND_A_FILE) from None
    try:
        data = only_file(form)
    finally:
        await form.close()
    if not data:
        raise ClientError(400, "empty", "The file is empty.", SEND_A_FILE)
    return data


def only_file(form: FormData) -> bytes:
    """The bytes of the one part that a form with an image has; raises ClientError for any other form."""
    parts = form.multi_items()
    if unexpected := sorted({name for name, _ in parts if name != FIELD}):
        raise ClientError(400, "form", f"The form has a part named '{unexpected[0][:40]}'.", SEND_A_FILE)
    if len(parts) != 1:
        raise ClientError(400, "form", f"The form has {len(parts)} parts instead of one.", SEND_A_FILE)
    value = parts[0][1]
    if not isinstance(value, UploadFile):
        raise ClientError(
            400, "form", f"'{FIELD}' is text instead of a file; addresses are not fetched.", SEND_A_FILE
        )
    return value.file.read()
