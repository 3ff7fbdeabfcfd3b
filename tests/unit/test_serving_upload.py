import asyncio
from collections.abc import AsyncGenerator
from tempfile import SpooledTemporaryFile

import pytest
from starlette import formparsers
from starlette.datastructures import Headers

from herodex.serving.client_error import ClientError
from herodex.serving.upload import read_file

HEAD = b'--b\r\ncontent-disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
END = b"\r\n--b--\r\n"
OTHER = b'\r\n--b\r\ncontent-disposition: form-data; name="other"; filename="b.png"\r\n\r\n'


async def chunks(*parts: bytes | Exception) -> AsyncGenerator[bytes, None]:
    for part in parts:
        if isinstance(part, Exception):
            raise part
        yield part


@pytest.fixture
def opened(monkeypatch) -> list[SpooledTemporaryFile]:
    """The files that forms open during the test."""
    files: list[SpooledTemporaryFile] = []

    class Recorded(SpooledTemporaryFile):
        def __init__(self, max_size: int) -> None:
            super().__init__(max_size)
            files.append(self)

    monkeypatch.setattr(formparsers, "SpooledTemporaryFile", Recorded)
    return files


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        ((HEAD, b"pixels", END), None),
        ((HEAD, b"pixels"), ClientError),
        ((HEAD, b"pixels", OTHER, b"more", END), ClientError),
        ((HEAD, b"pixels", ClientError(413, "too_large", "", "")), ClientError),
        ((HEAD, b"pixels", ConnectionError()), ConnectionError),
    ],
)
def test_every_file_of_a_form_is_closed(opened, parts, error):
    headers = Headers({"content-type": "multipart/form-data; boundary=b"})
    read = read_file(headers, chunks(*parts), 1000)
    if error is None:
        assert asyncio.run(read) == b"pixels"
    else:
        with pytest.raises(error):
            asyncio.run(read)
    assert opened
    assert all(file.closed for file in opened)
