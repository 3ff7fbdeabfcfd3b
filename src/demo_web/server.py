"""Start and stop the demo web's process."""

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from demo_web.truth import plan_web
from herodex.errors import UserError
from herodex.params import Params

_SOURCES = Path(__file__).resolve().parents[1]
_STOP_TIMEOUT_S = 5


@contextmanager
def running_web(params: Params) -> Generator[str]:
    """Run the demo web in its own process and yield the URL of its proxy.

    The process is stopped on exit, also after an error.

    Raises:
        UserError: `crawl.web` is a missing folder, or the demo web did not start.
    """
    plan_web(params)  # in this process, so that a missing folder is reported as such
    search_path = os.pathsep.join([str(_SOURCES), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    with subprocess.Popen(
        [sys.executable, "-m", "demo_web"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONPATH": search_path},
        # Ctrl-C reaches the stage only, which then stops the demo web.
        start_new_session=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            with suppress(BrokenPipeError):
                process.stdin.write(params.model_dump_json() + "\n")
                process.stdin.flush()
            if not (url := process.stdout.readline().strip()):
                raise UserError("The demo web did not start.", "See the messages above.")
            yield url
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    with suppress(BrokenPipeError):
        process.stdin.close()
    try:
        process.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
