"""Say at the end of `make run` whether this machine made the bytes of the committed `dvc.lock`.

`python -m herodex.committed_lock [STAGE …]` compares the stages that have run. It is silent unless their
code, settings and data are the committed ones, because other bytes are expected otherwise.

Training the generator gives other bytes on another kind of CPU. If all differences start there, a filter
lets git see the committed `dvc.lock`, while DVC reads this machine's. With the committed file in its place,
DVC would train again: it uses its run cache only for inputs other than those in `dvc.lock`.
"""

import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

import yaml

from herodex.command import run_command
from herodex.lock_comparison import Comparison, Stages, compare_locks
from herodex.pipeline_graph import Graph, read_graph, with_needed

LOCK = Path("dvc.lock")
GENERATOR = "evaluate_generator"
"""The stage that needs all stages of the generator."""
TRAINING = "tensorflow"
"""The library whose results depend on the CPU."""
FILTER = "herodex-dvc-lock"
"""The filter's name, in `.gitattributes` and `.git/config`."""
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


def only_training_differs(comparison: Comparison, current: Stages, graph: Graph) -> bool:
    """Tell whether all differences start where the generator is trained."""
    half = with_needed(graph, [GENERATOR])
    trains = {
        name
        for name, stage in current.items()
        if TRAINING in stage.get("params", {}).get("versions.yaml", {})
    }
    return bool(comparison.first) and comparison.first <= half & trains


def describe(comparison: Comparison, training: bool) -> str:
    """Write one line about the outputs."""
    if not comparison.other:
        return f"All {len(comparison.same)} outputs have the bytes of the committed dvc.lock."
    line = f"{join(group(comparison.other))} have other bytes than the committed dvc.lock"
    line += f", {len(comparison.same)} outputs the same: "
    first = join(sorted(comparison.first))
    if training:
        return f"{line}{first} depends on the CPU ({DETAILS}). Git does not show this difference."
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


def install_filter() -> None:
    """Let git see the committed `dvc.lock` while only the training of the generator differs."""
    python = shlex.quote(sys.executable)
    # After `make clean` there is no environment, and git sees the file as it is.
    command = f"if [ -x {python} ]; then exec {python} -m herodex.lock_filter %f; else exec cat; fi"
    git("config", f"filter.{FILTER}.clean", command)


def main() -> None:
    """Print the line, and install the filter if only the training of the generator differs."""
    committed, graph = git("show", f"HEAD:./{LOCK}"), read_graph()
    if committed is None or not LOCK.exists():
        return
    before, now = parse_lock(committed), parse_lock(LOCK.read_bytes())
    whole = compare_locks(before, now)
    training = whole is not None and only_training_differs(whole, now, graph)
    if training:
        install_filter()
    names = with_needed(graph, sys.argv[1:])
    if ran := compare_locks(*({name: lock[name] for name in names & set(lock)} for lock in (before, now))):
        sys.stdout.write(describe(ran, training) + "\n")


if __name__ == "__main__":
    run_command(main)
