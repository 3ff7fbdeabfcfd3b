"""Serves a built bento in a clean environment, without Herodex installed, and asks each endpoint once."""

import argparse
import contextlib
import json
import logging
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import bentoml
from PIL import Image

from herodex.command import run_command
from herodex.errors import UserError

log = logging.getLogger(__name__)

PATIENCE_S = 60
REQUEST_NAMES = json.dumps({"count": 3, "temperature": 1.0, "seed": 7}).encode()


def make_environment(folder: Path, requirements: Path) -> Path:
    """Install `requirements` into a fresh virtual environment; returns its folder of programs."""
    uv = shutil.which("uv") or str(Path(".tools/bin/uv").resolve())
    try:
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
        install = [uv, "pip", "install", "--quiet", "--python", str(folder), "-r", str(requirements)]
        subprocess.run(install, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise UserError(f"No clean environment could be made: {error}.", "Run `make setup`.") from None
    return folder / "bin"


def free_port() -> int:
    """A port of the loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def serving(programs: Path, tag: str, folder: Path) -> Iterator[str]:
    """Serve a bento from elsewhere than the project, and give its address once it is ready."""
    port = free_port()
    command = [
        str(programs / "python"),
        "-m",
        "bentoml",
        "serve",
        tag,
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    unset = {"PYTHONPATH", "VIRTUAL_ENV"}
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    log_file = folder / "server.log"
    with log_file.open("w") as output:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not is_ready(f"http://127.0.0.1:{port}"):
            if server.poll() is not None or time.monotonic() > deadline:
                raise UserError(f"{tag} does not come up: {log_file.read_text()[-1000:]}", "Build it anew.")
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def is_ready(url: str) -> bool:
    """Whether the service says that it may be asked."""
    try:
        return bool(fetch(f"{url}/readyz"))
    except (urllib.error.URLError, ConnectionError):
        return False


def fetch(url: str, body: bytes | None = None, content_type: str = "application/json") -> bytes:
    """GET an address, or POST a body to it."""
    request = urllib.request.Request(url, body, {"content-type": content_type})  # noqa: S310
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:  # noqa: S310
        return response.read()


def image_form(folder: Path) -> bytes:
    """A form, bounded by `b`, with a small image in it."""
    file = folder / "image.png"
    Image.new("RGB", (64, 64), "crimson").save(file)
    head = b'--b\r\ncontent-disposition: form-data; name="image"; filename="image.png"\r\n\r\n'
    return head + file.read_bytes() + b"\r\n--b--\r\n"


def main() -> None:
    """Check the newest bento, or the one that is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tag", nargs="?", default="herodex:latest")
    tag = parser.parse_args().tag
    try:
        bento = bentoml.get(tag)
    except bentoml.exceptions.NotFound:
        raise UserError(f"There is no bento {tag}.", "Run `make bento` first.") from None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        programs = make_environment(folder / "venv", Path(bento.path_of("env/python/requirements.txt")))
        alone = subprocess.run(
            [str(programs / "python"), "-c", "import herodex"], cwd=folder, capture_output=True
        )
        if alone.returncode == 0:
            raise UserError(
                "Herodex is installed in the clean environment.", "Take it out of the requirements."
            )
        started = time.monotonic()
        with serving(programs, str(bento.tag), folder) as url:
            log.info("%s is ready after %.1f s", bento.tag, time.monotonic() - started)
            form = fetch(f"{url}/api/classify", image_form(folder), "multipart/form-data; boundary=b")
            log.info("/api/classify: %s", form.decode())
            log.info("/api/names: %s", fetch(f"{url}/api/names", REQUEST_NAMES).decode())
            log.info("/api/quote: %s", fetch(f"{url}/api/quote").decode())
            log.info("/: %d bytes of page", len(fetch(f"{url}/")))


if __name__ == "__main__":
    run_command(main)
