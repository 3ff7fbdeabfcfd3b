"""A copy of the project in which tests run DVC."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from workspace import PROJECT, Run, Workspace

from herodex.inference.image_decoding import normalise, open_image
from scripts.prove import SMALL

TINY = {
    "classes": ["tea", "coffee"],
    "distractors": ["cocoa"],
    "classifier.split.test": 0.2,
    "classifier.embed.input_size": 96,
    "classifier.train.folds": 4,
    **SMALL,
}
"""Params for a pipeline run of about a minute."""

TIMEOUT_S = 1200
"""Limit of one command; the pipeline takes about a minute on an idle machine."""

UNSET = {"BENTOML_HOME", "HERODEX_LIVE", "MLFLOW_TRACKING_URI"}
"""Environment variables that would make the copy use things outside its folder."""


class ProjectCopy(Workspace):
    """The project's tracked and unignored files, without outputs of stages."""

    def command(self, *words: str, **environment: str) -> Run:
        """Run a program of the project's environment in the folder and wait for it."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in UNSET and not name.lower().endswith("_proxy")
        }
        folders = (Path(sys.executable).parent, inherited.get("PATH", os.defpath), PROJECT / ".tools/bin")
        path = os.pathsep.join(map(str, folders))
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=inherited | {"PATH": path, "DVC_NO_ANALYTICS": "1"} | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )
        return Run(done.returncode, done.stdout, done.stderr)

    def dvc(self, *words: str) -> Run:
        """Run DVC."""
        return self.command("dvc", *words)

    def image(self, file: str, max_side: int) -> np.ndarray:
        """Read a crawled image by its file name, decoded as the service decodes an upload."""
        data = (self.folder / "data/images/raw" / file).read_bytes()
        return normalise(open_image(data, 50_000_000), max_side)

    def text(self, name: str) -> str:
        """Read a file of the project."""
        return (self.folder / name).read_text(encoding="utf-8")


def copy_project(folder: Path, changes: dict[str, Any], cache: Path | None = None) -> ProjectCopy:
    """Copy the project to a new or empty `folder`, with `changes` to `params.yaml`.

    Args:
        folder: of the copy.
        changes: by dotted key.
        cache: DVC's cache, from which stages that have run in another copy are restored; None: a new one.
    """
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    files = subprocess.run(listed, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    for name in filter(lambda name: (PROJECT / name).is_file(), files.splitlines()):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, target)
    (folder / "dvc.lock").unlink(missing_ok=True)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    project = ProjectCopy(folder)
    if cache is not None:
        (folder / ".dvc/config.local").write_text(f"[cache]\n    dir = {cache}\n", encoding="utf-8")
    project.write_params(changes)
    return project
