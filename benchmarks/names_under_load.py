"""Whether a real server answers many requests for names at once, and how fast."""

import asyncio
import os
import socket
import subprocess
import sys
import time

import httpx
import numpy as np

from benchmarks.bench_record import note
from herodex.command import run_command

REQUESTS = 1000
CONCURRENCY = 16
NAMES = 15
STARTUP_S = 120


def free_port() -> int:
    """A port of the loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_ready(url: str) -> None:
    """Ask until the server is ready; raises TimeoutError when it never is."""
    deadline = time.monotonic() + STARTUP_S
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/readyz", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise TimeoutError(f"the server was not ready within {STARTUP_S} s")


async def ask_many(url: str) -> tuple[list[float], list[str]]:
    """Send all requests, so many at a time; gives their seconds, and what went wrong with any."""
    turns = asyncio.Semaphore(CONCURRENCY)
    seconds: list[float] = []
    errors: list[str] = []

    async def ask(client: httpx.AsyncClient, seed: int) -> None:
        async with turns:
            started = time.perf_counter()
            body = {"count": NAMES, "temperature": 0.8, "seed": seed}
            try:
                answer = await client.post("/api/names", json=body)
                names = {entry["name"] for entry in answer.raise_for_status().json()["names"]}
                if len(names) != NAMES:
                    errors.append(f"{len(names)} names")
            except httpx.HTTPError as error:
                errors.append(repr(error))
            seconds.append(time.perf_counter() - started)

    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        await asyncio.gather(*(ask(client, seed) for seed in range(REQUESTS)))
    return seconds, errors


def main() -> None:
    """Start the service, ask it, and print what came."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "herodex.serving.start", "--port", str(port)]
    environment = {**os.environ, "BENTOML_DO_NOT_TRACK": "True"}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            wait_until_ready(url)
            started = time.perf_counter()
            seconds, errors = asyncio.run(ask_many(url))
            took = time.perf_counter() - started
        finally:
            server.terminate()
    median, most = (1000 * np.quantile(seconds, share) for share in (0.5, 0.99))
    sys.stdout.write(
        f"{REQUESTS} requests for {NAMES} names, {CONCURRENCY} at a time: {len(errors)} errors, "
        f"{REQUESTS / took:.0f} a second, median {median:.0f} ms, 99th percentile {most:.0f} ms\n"
    )
    note("a request for names under load, 99th percentile against the median", [float(most / median)])
    if errors:
        sys.stdout.write(f"first error: {errors[0]}\n")


if __name__ == "__main__":
    run_command(main)
