"""Measure plain requests with and without hostile clients while processes are killed.

`python -m benchmarks.service_soak --seconds 600` sends plain requests for that time without hostile clients,
then as long with them: a tenth of 32 clients. In the first half of each, every decoding process and every
worker is killed once; memory is read in the second half. At the end the supervisor is killed. The rate limit
is that of `params.yaml`, and every client has its own address.
"""

import argparse
import asyncio
import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import psutil

from benchmarks.hostile_clients import REFUSED, run_hostile_clients
from benchmarks.served_project import ROOT, Served, lay_out, served, some_image, workers
from benchmarks.service_load import CLIENTS, MIX, count_starts, send, warm_up
from herodex.command import run_command
from herodex.params import load_params

HOSTILE_CLIENTS = round(CLIENTS / 10)
SAMPLES = 120
"""Readings of the memory."""
ENDED_S = 60
"""Longest time in which processes without a supervisor end."""


@dataclass
class Phase:
    """Measurements of one load.

    Attributes:
        latencies: Milliseconds of plain requests with status 200, per endpoint.
        shed: Plain requests refused with 429 or 503 and Retry-After.
        failed: Other plain requests without status 200, by status or error.
        memory: Seconds and megabytes of each kind of process.
        replaced_s: Seconds until each killed worker was replaced.
        kills: Processes killed, by kind.
        starts: Workers started.
        hostile: Hostile requests by outcome.
    """

    latencies: dict[str, list[float]] = field(default_factory=lambda: {endpoint: [] for endpoint in MIX})
    shed: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    memory: list[tuple[float, dict[str, float]]] = field(default_factory=list)
    replaced_s: list[float] = field(default_factory=list)
    kills: Counter[str] = field(default_factory=Counter)
    starts: int = 0
    hostile: dict[str, int] = field(default_factory=dict)


async def run_client(url: str, number: int, until: float, image: bytes, phase: Phase) -> None:
    """Send plain requests in random order without a pause; wait if the service asks to."""
    rng = np.random.default_rng(number)
    headers = {"x-real-ip": f"198.51.100.{number}"}
    async with httpx.AsyncClient(base_url=url, timeout=60, headers=headers) as client:
        while time.monotonic() < until:
            endpoint = str(rng.choice(list(MIX), p=list(MIX.values())))
            began = time.perf_counter()
            try:
                response = await send(client, endpoint, image, int(rng.integers(2**32)))
            except httpx.HTTPError as error:
                phase.failed[type(error).__name__] += 1
                continue
            if response.status_code == 200:
                phase.latencies[endpoint].append(1000 * (time.perf_counter() - began))
            elif response.status_code in REFUSED and "retry-after" in response.headers:
                phase.shed += 1
                await asyncio.sleep(int(response.headers["retry-after"]))
            else:
                phase.failed[str(response.status_code)] += 1


def kind_of(process: psutil.Process) -> str:
    """Return a process's kind: supervisor, worker or decoder."""
    command = " ".join(process.cmdline())
    return "decoder" if "decoder" in command else "worker" if "worker" in command else "supervisor"


def read_memory(supervisor: psutil.Process) -> dict[str, float]:
    """Return the megabytes of the service's processes by kind, shared pages counted once (PSS)."""
    total: dict[str, float] = {}
    for process in (supervisor, *supervisor.children(recursive=True)):
        try:
            kind = kind_of(process)
            total[kind] = total.get(kind, 0) + process.memory_full_info().pss / 1e6
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return total


async def sample_memory(running: Served, seconds: float, phase: Phase) -> None:
    """Read the memory SAMPLES times."""
    began = time.monotonic()
    while (now := time.monotonic() - began) < seconds:
        phase.memory.append((now, await asyncio.to_thread(read_memory, running.supervisor)))
        await asyncio.sleep(seconds / SAMPLES)


async def kill_processes(running: Served, seconds: float, phase: Phase) -> None:
    """Kill each decoder, then each worker, once; record the time until each worker is replaced."""
    children = running.supervisor.children(recursive=True)
    decoders = [child for child in children if kind_of(child) == "decoder"]
    victims = [*decoders, *workers(running.supervisor)]
    for victim in victims:
        await asyncio.sleep(seconds / (len(victims) + 1))
        # The service itself ends a decoder that takes too long.
        if not victim.is_running():
            continue
        kind, starts, began = kind_of(victim), count_starts(running.log), time.monotonic()
        victim.kill()
        phase.kills[kind] += 1
        if kind == "worker":
            while count_starts(running.log) == starts:
                await asyncio.sleep(0.05)
            phase.replaced_s.append(time.monotonic() - began)


async def run_phase(
    running: Served, seconds: float, image: bytes, hostile: int, pool: ProcessPoolExecutor
) -> Phase:
    """Let plain clients and a number of hostile ones send requests at the same time.

    Hostile clients run in a process of their own, so that what they compute does not delay the plain ones.
    """
    phase = Phase()
    starts = count_starts(running.log)
    until = time.monotonic() + seconds
    per_minute = load_params().serve.requests_per_minute
    loop = asyncio.get_running_loop()
    attack = loop.run_in_executor(pool, run_hostile_clients, running.url, hostile, seconds, per_minute)
    await asyncio.gather(
        sample_memory(running, seconds, phase),
        kill_processes(running, seconds / 2, phase),
        *(
            run_client(running.url, number, until, image, phase)
            for number in range(1, CLIENTS - HOSTILE_CLIENTS + 1)
        ),
    )
    phase.hostile = await attack
    phase.starts = count_starts(running.log) - starts
    return phase


def slopes(phase: Phase) -> dict[str, float]:
    """Return the growth of memory in the second half, in MB per minute: of all processes, and by kind."""
    half = phase.memory[len(phase.memory) // 2 :]
    minutes = np.array([seconds for seconds, _ in half]) / 60
    kinds = sorted({kind for _, found in half for kind in found})
    by_kind = {kind: [found.get(kind, 0.0) for _, found in half] for kind in kinds}
    by_kind = {"all": [sum(found.values()) for _, found in half]} | by_kind
    return {kind: float(np.polyfit(minutes, values, 1)[0]) for kind, values in by_kind.items()}


def measures(phase: Phase) -> dict[str, str]:
    """Return the measurements as the rows of a table."""
    rows: dict[str, str] = {}
    for endpoint, times in phase.latencies.items():
        median, p99 = np.quantile(times, (0.5, 0.99)) if times else (np.nan, np.nan)
        rows[f"`{endpoint}`: median and 99th percentile"] = (
            f"{median:,.0f} and {p99:,.0f} ms (n = {len(times):,})"
        )
    growth = slopes(phase)
    memory = [sum(found.values()) for _, found in phase.memory]
    failed = ", ".join(f"{count} {name}" for name, count in phase.failed.most_common())
    return rows | {
        "refused with 429 or 503 and `Retry-After`": f"{phase.shed:,}",
        "failed otherwise": f"{phase.failed.total()}{f' ({failed})' if failed else ''}",
        "killed": ", ".join(f"{count} {kind}s" for kind, count in phase.kills.items()) or "0",
        "workers started": f"{phase.starts}, "
        f"after {' and '.join(f'{seconds:.1f}' for seconds in phase.replaced_s) or '-'} s",
        "memory: maximum and mean of the second half": f"{max(memory):,.0f} and "
        f"{np.mean(memory[len(memory) // 2 :]):,.0f} MB",
        "memory: growth in the second half": f"{growth.pop('all'):+.1f} MB per minute ("
        + ", ".join(f"{kind}s {slope:+.1f}" for kind, slope in growth.items())
        + ")",
    }


def describe(plain: Phase, attacked: Phase) -> str:
    """Format both loads as a table, with the ratios of the 99th percentiles and the hostile outcomes."""
    left, right = measures(plain), measures(attacked)
    head = "| plain requests | without hostile clients | with hostile clients |\n|---|---|---|\n"
    rows = "".join(f"| {name} | {left[name]} | {right[name]} |\n" for name in left)
    ratios = ", ".join(
        f"{endpoint} {np.quantile(times, 0.99) / np.quantile(plain.latencies[endpoint], 0.99):.2f}"
        for endpoint, times in attacked.latencies.items()
    )
    hostile = ", ".join(f"{count} × {name}" for name, count in sorted(attacked.hostile.items()))
    return f"{head}{rows}\nratio of the 99th percentiles: {ratios}\nhostile requests: {hostile}\n"


def kill_supervisor(running: Served) -> str:
    """Kill the supervisor; return how long its processes live on."""
    children = running.supervisor.children(recursive=True)
    began = time.monotonic()
    running.supervisor.kill()
    _, alive = psutil.wait_procs(children, timeout=ENDED_S)
    return f"supervisor killed: {len(alive)} processes left after {time.monotonic() - began:.1f} s"


def main() -> None:
    """Run both loads, kill the supervisor and start again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="duration of each of both loads")
    parser.add_argument("--plain-seconds", type=float, help="duration of the first one, if it is another")
    options = parser.parse_args()
    loads = ((options.plain_seconds or options.seconds, 0), (options.seconds, HOSTILE_CLIENTS))
    image = some_image()
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as name, ProcessPoolExecutor(1, mp_context=spawn) as pool:
        folder = lay_out(Path(name, "project"), ROOT / "service.py", quote_urls=[], client_header="X-Real-IP")
        with served(folder) as running:
            asyncio.run(warm_up(running, image))
            phases = [
                asyncio.run(run_phase(running, seconds, image, clients, pool)) for seconds, clients in loads
            ]
            sys.stdout.write(describe(*phases))
            sys.stdout.write(kill_supervisor(running))
        with served(folder) as again:
            sys.stdout.write(f"; a new one is ready after {again.ready_s:.1f} s\n")


if __name__ == "__main__":
    run_command(main)
