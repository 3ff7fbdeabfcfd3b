"""A copy of the whole project, in which DVC runs as it does for a user."""

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

TINY = {"classes": ["tea", "coffee"], "distractors": ["cocoa"], **SMALL}
"""Params with which the whole pipeline runs in a minute."""


PATIENCE_S = 1200
"""How long a command may take; the whole pipeline takes a minute where nothing else is going on."""

ELSEWHERE = {"BENTOML_HOME", "HERODEX_LIVE", "MLFLOW_TRACKING_URI"}
"""Settings by which the copy would reach beyond its folder."""


class ProjectCopy(Workspace):
    """The project's files as git would take them, without what its stages have written."""

    def command(self, *words: str, **environment: str) -> Run:
        """Run a program of the project's environment in the folder, to its end."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in ELSEWHERE and not name.lower().endswith("_proxy")
        }
        path = f"{Path(sys.executable).parent}{os.pathsep}{inherited.get('PATH', os.defpath)}"
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=inherited | {"PATH": path, "DVC_NO_ANALYTICS": "1"} | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        return Run(done.returncode, done.stdout, done.stderr)

    def dvc(self, *words: str) -> Run:
        """Run DVC."""
        return self.command("dvc", *words)

    def image(self, file: str, max_side: int) -> np.ndarray:
        """Read a crawled image by its name in the manifest, as the service makes it of an upload."""
        data = (self.folder / "data/images/raw" / file).read_bytes()
        return normalise(open_image(data, 50_000_000), max_side)

    def text(self, name: str) -> str:
        """Read a file of the project."""
        return (self.folder / name).read_text(encoding="utf-8")


def copy_project(folder: Path, changes: dict[str, Any]) -> ProjectCopy:
    """Copy the project into the empty `folder`, and write its `params.yaml` with `changes`."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    files = subprocess.run(listed, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    for name in filter(lambda name: (PROJECT / name).is_file(), files.splitlines()):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, target)
    (folder / "dvc.lock").unlink(missing_ok=True)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    project = ProjectCopy(folder)
    project.write_params(changes)
    return project
