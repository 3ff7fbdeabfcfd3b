"""A separate project folder in which tests run stages as processes."""

import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from herodex.params import Params, load_params
from scripts.prove import change_params

PROJECT = Path(__file__).resolve().parents[2]


class Run(NamedTuple):
    """A finished process: its exit code, stdout and stderr."""

    code: int
    output: str
    log: str


class Workspace:
    """A project folder with `params.yaml` and the outputs of stages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write_params(self, changes: dict[str, Any]) -> Params:
        """Write the project's `params.yaml` with changes by dotted key, such as `crawl.retries`."""
        path = self.folder / "params.yaml"
        shutil.copy(PROJECT / "params.yaml", path)
        change_params(path, changes)
        return load_params(path)

    @contextmanager
    def start(self, *arguments: str, **environment: str) -> Generator[subprocess.Popen[str]]:
        """Start Python in the folder, in a separate process group; kill it at the end."""
        with subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": f"{PROJECT}{os.pathsep}{PROJECT / 'src'}"} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def run(self, *arguments: str, **environment: str) -> Run:
        """Run Python in the folder and wait for it."""
        with self.start(*arguments, **environment) as process:
            output, log = process.communicate(timeout=300)
        return Run(process.returncode, output, log)

    def tree(self, folder: str) -> dict[str, bytes]:
        """Read all files under a folder, by relative path."""
        root = self.folder / folder
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
