"""Starts the service, once everything it needs is there."""

import argparse
import errno
import os
import socket
import sys

from herodex import paths
from herodex.command import run_command
from herodex.errors import UserError
from herodex.params import load_params

NEEDED = (
    paths.BACKBONE / "backbone.xml",
    paths.CLASSIFIER / "classifier.json",
    paths.GENERATOR / "generator.json",
    paths.CLEAN_NAMES,
)

ENVIRONMENT = {
    "BENTOML_DO_NOT_TRACK": "True",
    # Large images' memory goes back to the system at once, where glibc would keep it after a rush. That of
    # usual images is kept: to have it set up anew for each answer would take it a millisecond longer.
    "MALLOC_MMAP_THRESHOLD_": "4000000",
    "MALLOC_TRIM_THRESHOLD_": "16000000",
}
"""What the server's environment has unless it says otherwise."""


def check_models() -> None:
    """Raise a UserError unless the pipeline has made what the service loads."""
    if missing := [str(path) for path in NEEDED if not path.exists()]:
        raise UserError(
            f"There is no model to serve yet: {', '.join(missing)} missing.", "Run `make run` first."
        )


def check_port(host: str, port: int) -> None:
    """Raise a UserError unless a server may listen on `port` of `host` now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OverflowError:
            raise UserError(f"{port} is no port.", "Ports go from 1 to 65535.") from None
        except OSError as error:
            reason = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be had: {error.strerror}"
            raise UserError(
                f"Port {port} of {host} {reason}.", "Choose another: make serve PORT=3001."
            ) from None


def main() -> None:
    """Check params, models and port; then become `bentoml serve`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 answers other machines too")
    parser.add_argument("--port", type=int, default=3000)
    parser.add_argument("--check", action="store_true", help="check params and models, and start nothing")
    options = parser.parse_args()
    load_params()
    check_models()
    if options.check:
        return
    check_port(options.host, options.port)
    environment = {**ENVIRONMENT, **os.environ}
    serve = ("serve", "service:Herodex", "--host", options.host, "--port", str(options.port))
    # In place of this process, so that signals reach the server.
    os.execve(sys.executable, (sys.executable, "-m", "bentoml", *serve), environment)  # noqa: S606


if __name__ == "__main__":
    run_command(main)
