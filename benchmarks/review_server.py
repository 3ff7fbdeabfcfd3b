"""The review page of a project in a process of its own, as benchmarks and tests use it."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def reviewing(folder: Path) -> Generator[str]:
    """Run the command of `make review` on a free port, and yield the page's address once it listens."""
    with subprocess.Popen(
        [sys.executable, "-m", "herodex.review.server", "--port", "0"],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout
            yield process.stdout.readline().split()[2]
        finally:
            process.terminate()
