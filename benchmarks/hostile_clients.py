"""Hostile clients: costly requests as fast as the rate limit allows, slow bodies, and held connections."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from urllib.parse import urlsplit

import httpx
import numpy as np

from benchmarks.hostile_requests import CLASSIFY, HOSTILE, PART, Hostile, png, upload, upload_head

COSTLY = {
    "a PNG of 24 MP": upload(200, lambda: png(4900, 4900, bytes(4901 * 4900))),
    **{
        name: HOSTILE[name]
        for name in (
            "a PNG of 2,000 profiles of a megabyte",
            "a PNG of 900 profiles of a megabyte",
            "a PNG of 900 texts of a megabyte",
            "a PNG of 169 MP in 20 kB",
            "a JPEG of 12 MP with 60 scans",
            "a JPEG of 100 Exif segments",
            "a JPEG of a million comments",
            "a WebP of 500,000 chunks",
            "a WebP whose Exif values share their bytes",
            "a file of 120 MB",
            "40 MB in chunks without a length",
            "names to score that grow",
            "10 MB of brackets to score",
            "a nest of 4,000 lists",
            "a nest of 1,000 objects",
            "10,000 bytes of headers",
        )
    },
}
"""The requests that cost a careless service most."""
SLOW_BODIES = 4
"""Uploads that each client sends byte by byte at a time."""
BYTE_EVERY_S = 0.5
HELD = 50
"""Connections that each client holds open without a whole request."""
REFUSED = {429, 503}
CLOSED = "closed"


def run_hostile_clients(url: str, clients: int, seconds: float, per_minute: float) -> dict[str, int]:
    """Run hostile clients in this process; return the number of requests by outcome.

    Args:
        url: Address of the service.
        clients: Number of clients, each with an own address.
        seconds: Duration.
        per_minute: Requests of a client per minute; more would be refused with 429, which costs nothing.
    """
    outcomes: Counter[str] = Counter()
    with contextlib.suppress(TimeoutError):
        asyncio.run(_run_all(url, clients, seconds, 60 / per_minute, outcomes))
    return dict(outcomes)


async def _run_all(url: str, clients: int, seconds: float, pause: float, outcomes: Counter[str]) -> None:
    # Compressing the same image for each request would take CPU from the service.
    prepared = {name: hostile.options() for name, hostile in COSTLY.items()} if clients else {}
    async with asyncio.timeout(seconds), asyncio.TaskGroup() as tasks:
        for number in range(1, clients + 1):
            tasks.create_task(send_costly(url, number, pause, prepared, outcomes))
            for _ in range(SLOW_BODIES):
                tasks.create_task(repeat(send_slowly, url, number, outcomes))
            for _ in range(HELD):
                tasks.create_task(repeat(hold_connection, url, number, outcomes))


async def send_costly(
    url: str, number: int, pause: float, prepared: dict[str, dict[str, object]], outcomes: Counter[str]
) -> None:
    """Send costly requests in random order, at most one in `pause` seconds."""
    rng = np.random.default_rng(number)
    async with httpx.AsyncClient(base_url=url, timeout=60, headers=address(number)) as client:
        while True:
            began = time.monotonic()
            name = str(rng.choice(list(COSTLY)))
            options = prepared[name]
            if isinstance(options.get("content"), Iterator):
                options = COSTLY[name].options()
            outcomes[await outcome(client, name, COSTLY[name], options)] += 1
            await asyncio.sleep(max(0, began + pause - time.monotonic()))


def address(number: int) -> dict[str, str]:
    """Return the header with a hostile client's address."""
    return {"x-real-ip": f"203.0.113.{number}"}


def head_lines(number: int) -> bytes:
    """Encode the same header for a request written by hand."""
    return "".join(f"{name}: {value}\r\n" for name, value in address(number).items()).encode()


async def outcome(client: httpx.AsyncClient, name: str, hostile: Hostile, options: dict[str, object]) -> str:
    """Send a request; return its status, or `closed`, with its name if another status was expected."""
    content = options.get("content")
    if isinstance(content, Iterator):
        options = options | {"content": in_turn(content)}
    try:
        response = await client.request(hostile.method, hostile.path, **options)  # type: ignore[arg-type]
    except httpx.TransportError:
        # A refused upload is closed before all of it is sent.
        return CLOSED
    status = response.status_code
    return str(status) if status in {hostile.status, *REFUSED} else f"{status} to {name}"


async def in_turn(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the chunks of a body, as httpx needs them."""
    for chunk in chunks:
        yield chunk


async def repeat(
    request: Callable[[str, int], Awaitable[str]], url: str, number: int, outcomes: Counter[str]
) -> None:
    """Send a request again and again, and count its outcomes."""
    while True:
        try:
            outcomes[await request(url, number)] += 1
        except OSError:
            outcomes[CLOSED] += 1
            await asyncio.sleep(BYTE_EVERY_S)


async def send_slowly(url: str, number: int) -> str:
    """Send a body byte by byte until the service ends it."""
    async with connected(url) as (reader, writer):
        head = upload_head(1_000_000).removesuffix(b"\r\n")
        writer.write(head + head_lines(number) + b"\r\n" + PART)
        sending = asyncio.create_task(trickle(writer))
        try:
            line = await reader.readline()
        finally:
            sending.cancel()
    return f"slow body: {line.split()[1].decode() if line else CLOSED}"


async def trickle(writer: asyncio.StreamWriter) -> None:
    """Send a byte at regular intervals."""
    with contextlib.suppress(OSError):
        while True:
            writer.write(b"-")
            await writer.drain()
            await asyncio.sleep(BYTE_EVERY_S)


async def hold_connection(url: str, number: int) -> str:
    """Hold a connection with half a request's head until the service closes it."""
    async with connected(url) as (reader, writer):
        writer.write(f"POST {CLASSIFY} HTTP/1.1\r\nhost: x\r\n".encode() + head_lines(number))
        await reader.read()
    return "held connection: closed"


@contextlib.asynccontextmanager
async def connected(url: str) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Open a connection and close it at the end of the block."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        yield reader, writer
    finally:
        writer.close()
