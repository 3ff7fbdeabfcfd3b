"""A project in a folder of its own, in which a stage runs as it does for a user: as a process."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from herodex.params import Params, load_params

PROJECT = Path(__file__).resolve().parents[2]


class Run(NamedTuple):
    """How a process ended: its exit code, and what it wrote to stdout and to stderr."""

    code: int
    output: str
    log: str


class Workspace:
    """A project folder: `params.yaml`, and whatever the stages write there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write_params(self, changes: dict[str, Any]) -> Params:
        """Write the project's own `params.yaml` with `changes`, whose keys are dotted: `crawl.retries`."""
        values = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
        for key, value in changes.items():
            *sections, last = key.split(".")
            section = values
            for name in sections:
                section = section[name]
            section[last] = value
        path = self.folder / "params.yaml"
        path.write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")
        return load_params(path)

    @contextmanager
    def start(self, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
        """Start Python with `arguments` in the folder, in a process group of its own; in the end, kill it."""
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
        """Run Python with `arguments` in the folder, to its end."""
        with self.start(*arguments, **environment) as process:
            output, log = process.communicate(timeout=300)
        return Run(process.returncode, output, log)

    def tree(self, folder: str) -> dict[str, bytes]:
        """Read all files under `folder`, keyed by their path in it."""
        root = self.folder / folder
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
