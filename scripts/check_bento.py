"""Serve a built bento in a clean environment without Herodex installed, and call each endpoint once."""

import argparse
import contextlib
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from pathlib import Path

import bentoml
from PIL import Image

from herodex.command import run_command
from herodex.errors import UserError
from scripts.free_port import free_port

log = logging.getLogger(__name__)

TIMEOUT_S = 60
REQUEST_NAMES = json.dumps({"count": 3, "temperature": 1.0, "seed": 7}).encode()


def make_environment(folder: Path, requirements: Path) -> Path:
    """Install requirements into a new virtual environment; return its folder of programs."""
    uv = shutil.which("uv") or str(Path(".tools/bin/uv").resolve())
    try:
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
        install = [uv, "pip", "install", "--quiet", "--no-deps", "--python", str(folder)]
        subprocess.run([*install, "-r", str(requirements)], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise UserError(f"Cannot create a clean environment: {error}.", "Run `make setup`.") from None
    return folder / "bin"


@contextlib.contextmanager
def serving(programs: Path, tag: str, folder: Path) -> Generator[str]:
    """Serve a bento from a folder outside the project and yield its address once it is ready."""
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
        deadline = time.monotonic() + TIMEOUT_S
        while not is_ready(f"http://127.0.0.1:{port}"):
            if server.poll() is not None or time.monotonic() > deadline:
                raise UserError(
                    f"{tag} does not start: {log_file.read_text()[-1000:]}", "Build it again: make bento."
                )
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def is_ready(url: str) -> bool:
    """Return whether the service is ready."""
    try:
        return bool(fetch(f"{url}/readyz"))
    except (urllib.error.URLError, ConnectionError):
        return False


def fetch(url: str, body: bytes | None = None, content_type: str = "application/json") -> bytes:
    """GET an address, or POST a body to it; return the response."""
    request = urllib.request.Request(url, body, {"content-type": content_type})  # noqa: S310
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310
        return response.read()


def image_form(folder: Path) -> bytes:
    """Encode a form with a small image and the boundary `b`."""
    file = folder / "image.png"
    Image.new("RGB", (64, 64), "crimson").save(file)
    head = b'--b\r\ncontent-disposition: form-data; name="image"; filename="image.png"\r\n\r\n'
    return head + file.read_bytes() + b"\r\n--b--\r\n"


def check_clean(programs: Path, folder: Path) -> None:
    """Raise a UserError if Herodex is installed in an environment."""
    command = [str(programs / "python"), "-c", "import herodex"]
    if subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0:
        raise UserError(
            "Herodex is installed in the clean environment.", "Remove it from requirements-serve.txt."
        )


def main() -> None:
    """Check the latest bento or a named one."""
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
        check_clean(programs, folder)
        started = time.monotonic()
        with serving(programs, str(bento.tag), folder) as url:
            log.info("%s is ready after %.1f s", bento.tag, time.monotonic() - started)
            form = fetch(f"{url}/api/classify", image_form(folder), "multipart/form-data; boundary=b")
            log.info("/api/classify: %s", form.decode())
            log.info("/api/names: %s", fetch(f"{url}/api/names", REQUEST_NAMES).decode())
            log.info("/api/quote: %s", fetch(f"{url}/api/quote").decode())
            log.info("/: %d bytes", len(fetch(f"{url}/")))


if __name__ == "__main__":
    run_command(main)
