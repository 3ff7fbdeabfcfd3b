"""Serve the trained models from a temporary project with changed settings."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import NamedTuple

import httpx
import numpy as np
import psutil
import yaml
from jaxtyping import UInt8

from herodex.inference.image_decoding import normalise, open_image
from herodex.serving.guard import FORMATS
from herodex.serving.start import ENVIRONMENT
from scripts.free_port import free_port

ROOT = Path(__file__).parent.parent
STARTUP_S = 120


class Served(NamedTuple):
    """Running service: address, supervisor process, seconds until ready, and log file."""

    url: str
    supervisor: psutil.Process
    ready_s: float
    log: Path


def lay_out(folder: Path, service: Path, **serve: object) -> Path:
    """Create a project folder: a service, params with changed `serve` settings, links to models and data."""
    folder.mkdir(parents=True)
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["serve"] |= serve
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    shutil.copy(service, folder / "service.py")
    for name in ("models", "data"):
        (folder / name).symlink_to(ROOT / name)
    return folder


@contextlib.contextmanager
def served(folder: Path) -> Generator[Served]:
    """Run `bentoml serve` in a project folder until the block ends."""
    port = free_port()
    command = [sys.executable, "-m", "bentoml", "serve", "service:Herodex", "--host", "127.0.0.1"]
    environment = {**os.environ, **ENVIRONMENT, "BENTOML_HOME": str(folder / "bentoml")}
    with (folder / "server.log").open("w") as output:
        began = time.perf_counter()
        server = subprocess.Popen(
            [*command, "--port", str(port)], cwd=folder, env=environment, stdout=output, stderr=output
        )
    try:
        url = f"http://127.0.0.1:{port}"
        while not answers(f"{url}/readyz"):
            if time.perf_counter() - began > STARTUP_S or server.poll() is not None:
                raise TimeoutError((folder / "server.log").read_text()[-2000:])
            time.sleep(0.02)
        yield Served(url, psutil.Process(server.pid), time.perf_counter() - began, folder / "server.log")
    finally:
        server.terminate()
        server.wait()


def answers(url: str) -> bool:
    """Return whether an address returns 200."""
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def workers(supervisor: psutil.Process) -> list[psutil.Process]:
    """Return the worker processes."""
    found: list[psutil.Process] = []
    for child in supervisor.children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if "worker" in " ".join(child.cmdline()):
                found.append(child)
    return found


def memory_mb(supervisor: psutil.Process) -> float:
    """Return the megabytes of all processes, shared pages counted once (PSS)."""
    total = 0
    for process in (supervisor, *supervisor.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            total += process.memory_full_info().pss
    return total / 1e6


def some_image() -> bytes:
    """Return the file of a crawled image, the first by name."""
    return min((ROOT / "data/images/clean").rglob("*.*g")).read_bytes()


def preprocess(data: bytes) -> UInt8[np.ndarray, "h w 3"]:
    """Decode and scale an image file as the service does."""
    return normalise(open_image(data, 25_000_000, FORMATS), 512)
