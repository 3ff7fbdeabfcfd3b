"""The service under a mixed load, and what it costs at rest.

`python -m benchmarks.service_load` measures the start, the memory, what HTTP adds to a single image's time,
and then lets 32 clients ask for 60 s. `--seconds 600` shows whether the memory stays flat. `--kill` kills
each of the processes that answer, one after the other, meanwhile. `--tensorflow` measures the start and the
memory of the same service with its classifier run by TensorFlow.
"""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx
import numpy as np

from benchmarks.served_project import (
    ROOT,
    Served,
    lay_out,
    memory_mb,
    prepared,
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


async def ask(client: httpx.AsyncClient, endpoint: str, image: bytes, seed: int) -> int:
    """Ask an endpoint once; gives the status."""
    if endpoint == "classify":
        return (await client.post("/api/classify", files={"image": ("x", image)})).status_code
    if endpoint == "names":
        wish = {"count": 6, "temperature": 1.0, "seed": seed}
        return (await client.post("/api/names", json=wish)).status_code
    return (await client.get("/api/quote")).status_code


async def load(running: Served, seconds: float, image: bytes, kill: bool) -> str:
    """Let CLIENTS ask without pause, each as a client of its own; tells what came.

    Args:
        running: whom to ask.
        seconds: how long.
        image: an image's file.
        kill: whether each of the processes that answer is killed meanwhile.
    """
    answered: dict[str, list[float]] = {endpoint: [time.monotonic()] for endpoint in MIX}
    back: list[float] = []
    took: dict[str, list[float]] = {endpoint: [] for endpoint in MIX}
    statuses: Counter[str] = Counter()
    memory: list[float] = []
    until = time.monotonic() + seconds

    async def ask_on(number: int) -> None:
        rng = np.random.default_rng(number)
        # From the loopback, the service believes a proxy's word of who asks.
        headers = {"x-forwarded-for": f"198.51.100.{number}"}
        async with httpx.AsyncClient(base_url=running.url, timeout=60, headers=headers) as client:
            while time.monotonic() < until:
                endpoint = str(rng.choice(list(MIX), p=list(MIX.values())))
                began = time.perf_counter()
                try:
                    status = await ask(client, endpoint, image, int(rng.integers(2**32)))
                    statuses[str(status)] += 1
                    answered[endpoint].append(time.monotonic())
                except httpx.HTTPError as error:
                    statuses[type(error).__name__] += 1
                took[endpoint].append(1000 * (time.perf_counter() - began))

    async def weigh() -> None:
        while time.monotonic() < until:
            memory.append(await asyncio.to_thread(memory_mb, running.watcher))
            await asyncio.sleep(MEMORY_EVERY_S)

    async def kill_each() -> None:
        pids = [worker.pid for worker in workers(running.watcher)]
        for pid in pids:
            await asyncio.sleep(seconds / (len(pids) + 1))
            began, starts = time.monotonic(), count_starts(running.log)
            os.kill(pid, signal.SIGKILL)
            while count_starts(running.log) == starts:
                await asyncio.sleep(0.05)
            back.append(time.monotonic() - began)

    await asyncio.gather(
        weigh(), *([kill_each()] if kill else []), *(ask_on(number) for number in range(1, CLIENTS + 1))
    )
    total = sum(statuses.values())
    rate = f"{total} answers, {total / seconds:.1f} a second"
    lines = [f"{CLIENTS} clients for {seconds:g} s: {rate}, {dict(statuses)}"]
    for endpoint, times in took.items():
        median, most = np.quantile(times, (0.5, 0.99))
        lines.append(f"  {endpoint}: n = {len(times)}, median {median:.0f} ms, 99th percentile {most:.0f} ms")
    if kill:
        gaps = ", ".join(f"{name} {np.diff(times).max():.1f} s" for name, times in answered.items())
        starts = ", ".join(f"{start:.1f} s" for start in back)
        lines.append(f"  killed processes were ready again after {starts}; longest without an answer: {gaps}")
    third = max(1, len(memory) // 3)
    early, late = np.mean(memory[third : 2 * third]), np.mean(memory[-third:])
    parts = f"{early:.0f} MB in the second third, {late:.0f} MB in the last"
    lines.append(f"  memory: {parts}, at most {max(memory):.0f} MB")
    return "\n".join(lines)


def http_costs(running: Served, image: bytes) -> str:
    """What HTTP adds: an image through the service, and through the same steps in this process, in turn."""
    classifier = load_classifier(ROOT / "models", load_params().backbone.precision)
    over_http: list[float] = []
    here: list[float] = []
    with httpx.Client(base_url=running.url, timeout=60) as client:
        for _ in range(SINGLE):
            began = time.perf_counter()
            classifier.probabilities([prepared(image)])
            here.append(1000 * (time.perf_counter() - began))
            began = time.perf_counter()
            client.post("/api/classify", files={"image": ("x", image)}).raise_for_status()
            over_http.append(1000 * (time.perf_counter() - began))
    added = np.array(over_http) - np.array(here)
    low, high = np.quantile(added, (0.25, 0.75))
    return (
        f"one image, n = {SINGLE}: median {np.median(here):.1f} ms without HTTP, "
        f"{np.median(over_http):.1f} ms with it; difference {np.median(over_http) - np.median(here):.1f} ms, "
        f"of pairs {np.median(added):.1f} ms (middle half {low:.1f} to {high:.1f})"
    )


def main() -> None:
    """Measure, and print what came."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--kill", action="store_true", help="kill each process that answers meanwhile")
    parser.add_argument("--tensorflow", action="store_true", help="measure that service at rest instead")
    options = parser.parse_args()
    service = ROOT / ("benchmarks/tensorflow_service.py" if options.tensorflow else "service.py")
    image = some_image()
    with tempfile.TemporaryDirectory() as name:
        # Whether limits of rates hold is the tests' question; here they would only make clients wait.
        folder = lay_out(Path(name, "project"), service, quote_urls=[], requests_per_minute=0)
        with served(folder) as running:
            asyncio.run(warm_up(running, image))
            sys.stdout.write(
                f"ready after {running.ready_s:.1f} s; all processes {memory_mb(running.watcher):.0f} MB\n"
            )
            sys.stdout.write(http_costs(running, image) + "\n")
            sys.stdout.flush()
            if not options.tensorflow:
                sys.stdout.write(asyncio.run(load(running, options.seconds, image, options.kill)) + "\n")


def count_starts(log: Path) -> int:
    """How many times a process has loaded its models and said so in the log."""
    return log.read_text(encoding="utf-8").count("Service herodex initialized")


async def warm_up(running: Served, image: bytes) -> None:
    """Ask each worker for something."""
    async with httpx.AsyncClient(base_url=running.url, timeout=60) as client:
        await asyncio.gather(*(ask(client, "classify", image, 1) for _ in range(8)))


if __name__ == "__main__":
    run_command(main)
