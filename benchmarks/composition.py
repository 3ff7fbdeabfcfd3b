"""One service, the same in two processes, or three that depend on one another: what each costs and survives.

`python -m benchmarks.composition` prints a table of the time until ready, the memory, the latency of single
requests, and, for each process that is killed under load, how long each endpoint gave no answer.
"""

import os
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx
import numpy as np

from benchmarks.served_project import ROOT, Served, lay_out, memory_mb, served, some_image, workers
from herodex.command import run_command

ASKED = 60
WATCHED_S = 12
NAMES = {"count": 6, "temperature": 1.0, "seed": 1}
VARIANTS = {
    "one process": (ROOT / "service.py", 1),
    "two processes": (ROOT / "service.py", 2),
    "three services": (ROOT / "benchmarks/composed_service.py", 1),
}


def ask(url: str, endpoint: str, image: bytes) -> bool:
    """Ask an endpoint once, over a connection of its own; whether it answered."""
    try:
        if endpoint == "classify":
            answer = httpx.post(f"{url}/api/classify", files={"image": ("x", image)}, timeout=30)
        elif endpoint == "names":
            answer = httpx.post(f"{url}/api/names", json=NAMES, timeout=30)
        else:
            answer = httpx.get(f"{url}/api/quote", timeout=30)
    except httpx.TransportError:
        return False
    return answer.status_code == 200


def median_ms(url: str, endpoint: str, image: bytes) -> float:
    """Median milliseconds of single requests, one after the other."""
    took: list[float] = []
    for _ in range(ASKED):
        began = time.perf_counter()
        assert ask(url, endpoint, image)
        took.append(1000 * (time.perf_counter() - began))
    return float(np.median(took))


def longest_gap(url: str, endpoint: str, image: bytes, until: float) -> float:
    """Ask until a moment; the longest time in seconds from one answer to the next."""
    last, gap = time.monotonic(), 0.0
    while time.monotonic() < until:
        if ask(url, endpoint, image):
            now = time.monotonic()
            gap, last = max(gap, now - last), now
    return max(gap, time.monotonic() - last)


def gaps_after_kill(running: Served, pid: int, image: bytes) -> dict[str, float]:
    """Kill a process while three clients ask; the longest gap of each endpoint."""
    gaps: dict[str, float] = {}
    until = time.monotonic() + WATCHED_S

    def watch(endpoint: str) -> None:
        gaps[endpoint] = longest_gap(running.url, endpoint, image, until)

    clients = [threading.Thread(target=watch, args=(name,)) for name in ("classify", "names", "quote")]
    for client in clients:
        client.start()
    os.kill(pid, signal.SIGKILL)
    for client in clients:
        client.join()
    return gaps


def main() -> None:
    """Measure each variant."""
    image = some_image()
    with tempfile.TemporaryDirectory() as name:
        for variant, (service, count) in VARIANTS.items():
            folder = lay_out(
                Path(name, variant.replace(" ", "-")),
                service,
                workers=count,
                quote_urls=[],
                requests_per_minute=0,
            )
            with served(folder) as running:
                for endpoint in ("classify", "names", "quote"):
                    median_ms(running.url, endpoint, image)
                medians = [
                    median_ms(running.url, endpoint, image) for endpoint in ("classify", "names", "quote")
                ]
                told = ", ".join(f"{median:.1f}" for median in medians)
                sys.stdout.write(
                    f"{variant}: ready after {running.ready_s:.1f} s, {memory_mb(running.watcher):.0f} MB, "
                    f"median of classify, names, quote {told} ms\n"
                )
                for worker in workers(running.watcher):
                    line = worker.cmdline()
                    what = line[line.index("--service-name") + 1]
                    gaps = gaps_after_kill(running, worker.pid, image)
                    told = ", ".join(f"{endpoint} {gap:.1f} s" for endpoint, gap in sorted(gaps.items()))
                    sys.stdout.write(f"  {what} killed, longest without an answer: {told}\n")
                    sys.stdout.flush()


if __name__ == "__main__":
    run_command(main)
