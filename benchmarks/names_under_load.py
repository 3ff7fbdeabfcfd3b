"""Whether a real server answers many requests for names at once, and how fast.

One client asks for all of them, so the limit of what a client may ask for is lifted.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import httpx
import numpy as np

from benchmarks.bench_record import note
from benchmarks.served_project import ROOT, lay_out, served
from herodex.command import run_command

REQUESTS = 1000
CONCURRENCY = 16
NAMES = 15


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
    with tempfile.TemporaryDirectory() as folder:
        project = lay_out(Path(folder) / "project", ROOT / "service.py", requests_per_minute=0)
        with served(project) as running:
            started = time.perf_counter()
            seconds, errors = asyncio.run(ask_many(running.url))
            took = time.perf_counter() - started
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
