"""Measure the service when idle and under a mixed load.

`python -m benchmarks.service_load` measures start, memory and HTTP's share of an image's latency, then lets
32 clients send requests for 60 s. `--seconds 600` shows whether memory stays flat. `--kill` also kills each
worker once during the load. `python -m benchmarks.service_soak` adds hostile clients.
"""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np

from benchmarks.served_project import (
    ROOT,
    Served,
    lay_out,
    memory_mb,
    preprocess,
    served,
    some_image,
    workers,
)
from herodex.command import run_command
from herodex.inference.predict import load_classifier
from herodex.params import load_params

CLIENTS = 32
SINGLE = 60
MIX = {"classify": 0.5, "names": 0.3, "quote": 0.2}
MEMORY_EVERY_S = 5


@dataclass
class Load:
    """Measurements of a load.

    Attributes:
        seconds: Duration of the load.
        answered: Times of successful responses per endpoint, the start of the load first.
        latencies: Milliseconds of all requests per endpoint.
        statuses: Number of requests per status or error.
        memory: Megabytes of all processes, sampled during the load.
        restarts: Seconds until each killed worker was replaced.
    """

    seconds: float
    answered: dict[str, list[float]] = field(
        default_factory=lambda: {endpoint: [time.monotonic()] for endpoint in MIX}
    )
    latencies: dict[str, list[float]] = field(default_factory=lambda: {endpoint: [] for endpoint in MIX})
    statuses: Counter[str] = field(default_factory=Counter)
    memory: list[float] = field(default_factory=list)
    restarts: list[float] = field(default_factory=list)


async def send(client: httpx.AsyncClient, endpoint: str, image: bytes, seed: int) -> httpx.Response:
    """Send a plain request to an endpoint."""
    if endpoint == "classify":
        return await client.post("/api/classify", files={"image": ("x", image)})
    if endpoint == "names":
        return await client.post("/api/names", json={"count": 6, "temperature": 1.0, "seed": seed})
    return await client.get("/api/quote")


async def run_client(url: str, number: int, until: float, image: bytes, load: Load) -> None:
    """Send random requests without a pause until a point in time."""
    rng = np.random.default_rng(number)
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        while time.monotonic() < until:
            endpoint = str(rng.choice(list(MIX), p=list(MIX.values())))
            began = time.perf_counter()
            try:
                response = await send(client, endpoint, image, int(rng.integers(2**32)))
                load.statuses[str(response.status_code)] += 1
                load.answered[endpoint].append(time.monotonic())
            except httpx.HTTPError as error:
                load.statuses[type(error).__name__] += 1
            load.latencies[endpoint].append(1000 * (time.perf_counter() - began))


async def sample_memory(running: Served, until: float, load: Load) -> None:
    """Record the memory at regular intervals until a point in time."""
    while time.monotonic() < until:
        load.memory.append(await asyncio.to_thread(memory_mb, running.supervisor))
        await asyncio.sleep(MEMORY_EVERY_S)


async def kill_workers(running: Served, seconds: float, load: Load) -> None:
    """Kill each worker once, spread over the duration, and record the time until it is replaced."""
    pids = [worker.pid for worker in workers(running.supervisor)]
    for pid in pids:
        await asyncio.sleep(seconds / (len(pids) + 1))
        began, starts = time.monotonic(), count_starts(running.log)
        os.kill(pid, signal.SIGKILL)
        while count_starts(running.log) == starts:
            await asyncio.sleep(0.05)
        load.restarts.append(time.monotonic() - began)


async def run_load(running: Served, seconds: float, image: bytes, kill: bool) -> Load:
    """Let CLIENTS clients send requests at the same time.

    Args:
        running: Service under load.
        seconds: Duration.
        image: Image file to classify.
        kill: Whether to kill each worker once.
    """
    load = Load(seconds)
    until = time.monotonic() + seconds
    await asyncio.gather(
        sample_memory(running, until, load),
        *([kill_workers(running, seconds, load)] if kill else []),
        *(run_client(running.url, number, until, image, load) for number in range(1, CLIENTS + 1)),
    )
    return load


def describe(load: Load) -> str:
    """Format the measurements of a load."""
    total = sum(load.statuses.values())
    rate = f"{total} responses, {total / load.seconds:.1f} per second"
    lines = [f"{CLIENTS} clients for {load.seconds:g} s: {rate}, {dict(load.statuses)}"]
    for endpoint, times in load.latencies.items():
        median, p99 = np.quantile(times, (0.5, 0.99))
        lines.append(f"  {endpoint}: n = {len(times)}, median {median:.0f} ms, 99th percentile {p99:.0f} ms")
    if load.restarts:
        gaps = ", ".join(f"{name} {np.diff(times).max():.1f} s" for name, times in load.answered.items())
        starts = ", ".join(f"{start:.1f} s" for start in load.restarts)
        lines.append(f"  workers replaced {starts} after a kill; longest time without a response: {gaps}")
    third = max(1, len(load.memory) // 3)
    middle, last = np.mean(load.memory[third : 2 * third]), np.mean(load.memory[-third:])
    thirds = f"{middle:.0f} MB in the middle third, {last:.0f} MB in the last"
    lines.append(f"  memory: {thirds}, maximum {max(load.memory):.0f} MB")
    return "\n".join(lines)


def http_overhead(running: Served, image: bytes) -> str:
    """Compare the latency of an image over HTTP with the same steps in this process, in alternation."""
    classifier = load_classifier(ROOT / "models", load_params().backbone.precision)
    over_http: list[float] = []
    in_process: list[float] = []
    with httpx.Client(base_url=running.url, timeout=60) as client:
        for _ in range(SINGLE):
            began = time.perf_counter()
            classifier.probabilities([preprocess(image)])
            in_process.append(1000 * (time.perf_counter() - began))
            began = time.perf_counter()
            client.post("/api/classify", files={"image": ("x", image)}).raise_for_status()
            over_http.append(1000 * (time.perf_counter() - began))
    added = np.array(over_http) - np.array(in_process)
    low, high = np.quantile(added, (0.25, 0.75))
    return (
        f"one image, n = {SINGLE}: median {np.median(in_process):.1f} ms in process, "
        f"{np.median(over_http):.1f} ms over HTTP; median difference of pairs {np.median(added):.1f} ms "
        f"(quartiles {low:.1f} to {high:.1f})"
    )


def count_starts(log: Path) -> int:
    """Count how often a worker has loaded its models, from the log."""
    return log.read_text(encoding="utf-8").count("Service herodex initialized")


async def warm_up(running: Served, image: bytes) -> None:
    """Send each worker a few requests."""
    async with httpx.AsyncClient(base_url=running.url, timeout=60) as client:
        await asyncio.gather(*(send(client, "classify", image, 1) for _ in range(8)))


def main() -> None:
    """Run all measurements and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--kill", action="store_true", help="kill each worker once during the load")
    options = parser.parse_args()
    image = some_image()
    with tempfile.TemporaryDirectory() as name:
        # Without a rate limit, because the limit would only make clients wait.
        folder = lay_out(Path(name, "project"), ROOT / "service.py", quote_urls=[], requests_per_minute=0)
        with served(folder) as running:
            asyncio.run(warm_up(running, image))
            memory = memory_mb(running.supervisor)
            sys.stdout.write(f"ready after {running.ready_s:.1f} s; all processes {memory:.0f} MB\n")
            sys.stdout.write(http_overhead(running, image) + "\n")
            sys.stdout.flush()
            load = asyncio.run(run_load(running, options.seconds, image, options.kill))
            sys.stdout.write(describe(load) + "\n")


if __name__ == "__main__":
    run_command(main)
