"""Say at the end of `make run` whether this machine made the bytes of the committed `dvc.lock`.

`python -m herodex.committed_lock [STAGE …]` compares the stages that have run. It is silent unless their
code, settings and data are the committed ones, because other bytes are expected otherwise.
"""

import subprocess
import sys
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

import yaml

from herodex.command import run_command
from herodex.lock_comparison import Comparison, Stages, compare_locks
from herodex.pipeline_graph import read_graph, with_needed

LOCK = Path("dvc.lock")
KINDS = {"models": "file of models", "data": "file of data", "reports": "report"}
DETAILS = "docs/results.md#reproducibility"


def git(*arguments: str) -> bytes | None:
    """Return what git prints; None if it fails."""
    try:
        return subprocess.run(["git", *arguments], capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None


def parse_lock(text: bytes) -> Stages:
    """Return the stages of a `dvc.lock`."""
    return yaml.load(text, yaml.CSafeLoader)["stages"]  # the safe loader, in C


def describe(comparison: Comparison) -> str:
    """Write one line about the outputs."""
    if not comparison.other:
        return f"All {len(comparison.same)} outputs have the bytes of the committed dvc.lock."
    line = f"{join(group(comparison.other))} have other bytes than the committed dvc.lock"
    line += f", {len(comparison.same)} outputs the same: "
    first = join(sorted(comparison.first))
    return f"{line}the difference starts in {first}, with the same code, settings and inputs ({DETAILS})."


def group(paths: Collection[str]) -> list[str]:
    """Name the folders of models, and count all other files by kind."""
    models = [path for path in paths if path.startswith("models/") and "." not in path]
    kinds = Counter(KINDS.get(path.split("/")[0], "file") for path in paths if path not in models)
    return models + [f"{n} {kind if n == 1 else plural(kind)}" for kind, n in kinds.items()]


def plural(kind: str) -> str:
    """Return the plural of a kind of file."""
    noun, *rest = kind.split(" ", 1)
    return " ".join([f"{noun}s", *rest])


def join(names: Sequence[str]) -> str:
    """Join names with commas and `and`."""
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def main() -> None:
    """Print the line about the stages that the arguments name, and those that they depend on."""
    committed = git("show", f"HEAD:./{LOCK}")
    if committed is None or not LOCK.exists():
        return
    names = with_needed(read_graph(), sys.argv[1:])
    locks = (parse_lock(committed), parse_lock(LOCK.read_bytes()))
    if compared := compare_locks(*({name: lock[name] for name in names & set(lock)} for lock in locks)):
        sys.stdout.write(describe(compared) + "\n")


if __name__ == "__main__":
    run_command(main)
