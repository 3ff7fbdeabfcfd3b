"""How large the service's container image is, beside one of the same service with TensorFlow in it.

`make image` and then `python -m benchmarks.tensorflow_image`, with docker or podman; it takes some minutes.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from benchmarks.served_project import ROOT
from herodex.command import run_command
from scripts.check_image import find_engine

OURS, THEIRS = "herodex:latest", "herodex-tensorflow:latest"


def lay_out(folder: Path) -> Path:
    """Put all that a bento is built from into a folder, with the other service and with TensorFlow."""
    for name in ("bentofile.yaml", "README.md", "params.yaml"):
        shutil.copy(ROOT / name, folder / name)
    for name in ("src", "deploy", "models", "data/names", "data/examples"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "benchmarks/tensorflow_service.py", folder / "service.py")
    packages = (ROOT / "requirements-serve.txt").read_text(encoding="utf-8")
    packages += f"tensorflow=={version('tensorflow')}\n"
    (folder / "requirements-serve.txt").write_text(packages, encoding="utf-8")
    return folder


def size_mb(engine: list[str], image: str) -> float:
    """Megabytes of an image."""
    command = [*engine, "image", "inspect", "--format", "{{.Size}}", image]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout) / 1e6


def main() -> None:
    """Build the other image, and print the sizes of both."""
    engine = find_engine()
    with tempfile.TemporaryDirectory() as name:
        project = Path(name, "project")
        project.mkdir()
        environment = {**os.environ, "BENTOML_HOME": str(Path(name, "bentoml"))}
        build = [sys.executable, "-m", "bentoml", "build", "--output", "tag"]
        built = subprocess.run(
            build, cwd=lay_out(project), env=environment, stdout=subprocess.PIPE, text=True, check=True
        )
        tag = built.stdout.strip().removeprefix("__tag__:")
        subprocess.run([ROOT / "scripts/image.sh", tag, THEIRS], env=environment, check=True)
    ours, theirs = (size_mb(engine, image) for image in (OURS, THEIRS))
    sys.stdout.write(f"image: {ours:.0f} MB, with TensorFlow {theirs:.0f} MB ({theirs / ours:.1f} times)\n")


if __name__ == "__main__":
    run_command(main)
