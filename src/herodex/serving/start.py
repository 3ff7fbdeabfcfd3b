"""Start the service after checking parameters, models and port."""

import argparse
import errno
import json
import logging
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from herodex import paths
from herodex.command import run_command
from herodex.errors import UserError
from herodex.params import load_params
from herodex.serving.metrics_port import FREE_PORT, metrics_port
from herodex.serving.models import NEEDED, present_models
from herodex.serving.shared_storage import create_storage

log = logging.getLogger(__name__)

ENVIRONMENT = {
    "BENTOML_DO_NOT_TRACK": "True",
    # Memory of large images returns to the system at once, where glibc would keep it after a burst. Memory of
    # usual images is kept, because allocating it again adds about a millisecond to each response.
    "MALLOC_MMAP_THRESHOLD_": "4000000",
    "MALLOC_TRIM_THRESHOLD_": "16000000",
    # Each thread's own arena would keep what the others could use; the speed is the same.
    "MALLOC_ARENA_MAX": "1",
    # It would start a thread for each of the host's cores, whatever the CPU quota; OpenVINO heeds the quota.
    "OPENBLAS_NUM_THREADS": "1",
}
"""Defaults of the server's environment."""


def check_files(models: Path) -> None:
    """Raise a UserError if a model file is damaged, because workers would start again and again."""
    for path in sorted(models.rglob("*")):
        try:
            if check := READERS.get(path.suffix):
                check(path)
        except (ValueError, OSError) as error:
            raise UserError(
                f"{path} is damaged: {error}.", "Restore it with `dvc checkout`, or run `make run`."
            ) from None


def check_network(path: Path) -> None:
    """Raise an exception if a network's description or weights are damaged."""
    if not path.read_text(encoding="utf-8").rstrip().endswith("</net>"):
        raise ValueError("its end is missing")
    weights = path.with_suffix(".bin")
    if not weights.exists():
        raise ValueError(f"{weights.name} is missing")


READERS: dict[str, Callable[[Path], object]] = {
    ".npy": lambda path: np.load(path, mmap_mode="r", allow_pickle=False),
    ".json": lambda path: json.loads(path.read_text(encoding="utf-8")),
    ".csv": lambda path: path.read_text(encoding="utf-8"),
    ".xml": check_network,
}
"""Readers of model files by suffix; they fail on damaged files and take milliseconds."""


def check_port(host: str, port: int, fix: str = "Choose another port: make serve PORT=3001.") -> None:
    """Raise a UserError, with what to do, if a server cannot listen on a port."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OverflowError:
            raise UserError(
                f"{port} is not a port number.", "Use a number from 1 to 65535: make serve PORT=3001."
            ) from None
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                problem = f"Port {port} is already in use."
            else:
                problem = f"Cannot listen on port {port} of {host}: {error.strerror}."
            raise UserError(problem, fix) from None


def check_metrics_port(host: str, port: int, service: int) -> None:
    """Raise a UserError if metrics cannot have a port of their own."""
    if port == service:
        raise UserError(f"Port {port} is that of the service, so metrics cannot have it.", FREE_PORT)
    check_port(host, port, FREE_PORT)


def page_address(host: str, port: int) -> str:
    """Return the address of the page for a browser on this machine."""
    if host in ("127.0.0.1", "0.0.0.0", "::", "::1"):  # noqa: S104
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def main() -> None:
    """Check everything, then replace this process by `bentoml serve`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 also answers other machines")
    parser.add_argument("--port", type=int, default=3000)
    parser.add_argument("--check", action="store_true", help="check parameters and models without starting")
    options = parser.parse_args()
    params = load_params()
    create_storage(params.serve.limit_storage)
    metrics = metrics_port(params.serve.metrics_port)
    present = present_models()
    check_files(paths.MODELS)
    if options.check:
        return
    for name in NEEDED:
        if name not in present:
            log.warning("serving without a %s: models/%s is missing", name, name)
    check_port(options.host, options.port)
    if metrics is not None:
        check_metrics_port(options.host, metrics, options.port)
    # Elsewhere each line of the log is JSON.
    if sys.stderr.isatty():
        log.info("open %s in a browser; Ctrl-C ends the service", page_address(options.host, options.port))
    # A server deletes the metrics that it finds in this folder; they may be those of another one.
    home = {"BENTOML_HOME": str((paths.BENTOML_HOMES / str(options.port)).absolute())}
    environment = {**ENVIRONMENT, **home, **os.environ}
    serve = ("serve", "service:Herodex", "--host", options.host, "--port", str(options.port))
    # Replacing the process lets signals reach the server.
    os.execve(sys.executable, (sys.executable, "-m", "bentoml", *serve), environment)  # noqa: S606


if __name__ == "__main__":
    run_command(main)
