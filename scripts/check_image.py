"""Start the container image as an orchestrator would, call each endpoint once, and stop it.

The container runs as a user without capabilities on a read-only file system with a tmpfs at /tmp.
HERODEX_ENGINE sets the engine and its options (docker or podman); HERODEX_RUN_OPTIONS adds options of `run`.
"""

import argparse
import contextlib
import logging
import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

from herodex.command import run_command
from herodex.errors import UserError
from scripts.check_bento import REQUEST_NAMES, fetch, image_form, is_ready
from scripts.free_port import free_port

log = logging.getLogger(__name__)

TIMEOUT_S = 60
LOCKED = ("--read-only", "--tmpfs", "/tmp:rw,size=256m,mode=1777", "--cap-drop", "ALL")  # noqa: S108
INSIDE = "id; command -v gcc cc git || echo no compiler; touch /home/x 2>&1; du -sm /app /home"
SCORED = b'{"names": ["Nobody"]}'


def find_engine() -> list[str]:
    """Return the command of a working engine with its options; raise UserError if there is none."""
    if chosen := os.environ.get("HERODEX_ENGINE"):
        return shlex.split(chosen)
    for engine in ("docker", "podman"):
        if shutil.which(engine) and run([engine, "info"]).returncode == 0:
            return [engine]
    raise UserError("No container engine works (docker, podman).", "Install or start one.")


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command and capture its output."""
    return subprocess.run(command, capture_output=True, text=True, check=False)


@contextlib.contextmanager
def running(engine: list[str], image: str) -> Generator[tuple[str, str]]:
    """Run the image; yield its address and the container's name once it is ready."""
    port = free_port()
    container = f"herodex-check-{port}"
    more = shlex.split(os.environ.get("HERODEX_RUN_OPTIONS", ""))
    published = ["--detach", "--name", container, "--publish", f"127.0.0.1:{port}:3000"]
    started = run([*engine, "run", *published, *LOCKED, *more, image])
    if started.returncode != 0:
        # An engine may have created the container before it failed.
        run([*engine, "rm", "--force", container])
        raise UserError(
            f"The image does not start: {started.stderr.strip()[-500:]}",
            "Run `make image` if there is none; otherwise the message says what the engine lacks.",
        )
    try:
        deadline = time.monotonic() + TIMEOUT_S
        while not is_ready(f"http://127.0.0.1:{port}"):
            if time.monotonic() > deadline:
                logs = run([*engine, "logs", container])
                raise UserError(
                    f"The container does not start: {(logs.stdout + logs.stderr)[-1000:]}",
                    "Read its log.",
                )
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}", container
    finally:
        stopped_from = time.monotonic()
        run([*engine, "stop", "--time", "30", container])
        log.info("stopped after %.1f s", time.monotonic() - stopped_from)
        run([*engine, "rm", "--force", container])


def main() -> None:
    """Start the image, call its endpoints, list its contents and stop it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image", nargs="?", default="herodex:latest")
    image = parser.parse_args().image
    engine = find_engine()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name, running(engine, image) as (url, container):
        log.info("ready %.1f s after `%s run`", time.monotonic() - began, engine[0])
        form = fetch(f"{url}/api/classify", image_form(Path(name)), "multipart/form-data; boundary=b")
        log.info("/api/classify: %s", form.decode())
        log.info("/api/names: %s", fetch(f"{url}/api/names", REQUEST_NAMES).decode())
        log.info("/api/names/score: %s", fetch(f"{url}/api/names/score", SCORED).decode())
        for path in ("/api/quote", "/api/about"):
            log.info("%s: %s", path, fetch(url + path).decode())
        for path in ("/", "/names", "/docs.json", "/metrics", "/livez"):
            log.info("%s: %d bytes", path, len(fetch(url + path)))
        log.info("inside: %s", run([*engine, "exec", container, "sh", "-c", INSIDE]).stdout)


if __name__ == "__main__":
    run_command(main)
