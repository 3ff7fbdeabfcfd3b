"""Time that the pipeline itself takes: DVC between stages, starting Python, imports, logging.

`python -m benchmarks.overhead` prints it for each stage of the longest run in this folder, and times a
`dvc repro` that has nothing to do.
"""

import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import yaml

from benchmarks.bench_record import note
from herodex.command import run_command
from herodex.errors import UserError
from herodex.stage_times import StageTime, read_times

ROUNDS = 3
PIPELINE = Path("dvc.yaml")


class Share(NamedTuple):
    """Seconds of one stage: DVC before it, Python and imports, logging, and its work."""

    stage: str
    before: float
    starting: float
    logging: float
    work: float

    @property
    def own(self) -> float:
        """Return the seconds that are not the stage's work."""
        return self.before + self.starting + self.logging


def shares(times: list[StageTime], logging: dict[str, float]) -> list[Share]:
    """Split the time of one `dvc repro` into its parts.

    Args:
        times: its stages, in order.
        logging: seconds of logging by stage.
    """
    found, ended = [], None
    for entry in times:
        before = max(0.0, entry["started"] - ended) if ended else 0.0
        logged = logging.get(entry["stage"], 0.0)
        found.append(Share(entry["stage"], before, entry["starting"], logged, entry["running"] - logged))
        ended = entry["started"] + entry["starting"] + entry["running"]
    return found


def longest_repro() -> list[Share]:
    """Split the time of the last `dvc repro` with the most stages."""
    repros: dict[str, dict[str, StageTime]] = {}
    for entry in read_times("stage"):
        # A crawl restarts itself and leaves two entries: the last one includes the other.
        repros.setdefault(entry["repro"], {})[entry["stage"]] = entry
    if not repros:
        raise UserError("No stage has run in this folder.", "Run `dvc repro -f`.")
    repro, stages = max(reversed(repros.items()), key=lambda item: len(item[1]))
    logging = {entry["stage"]: entry["running"] for entry in read_times("logging") if entry["repro"] == repro}
    return shares(list(stages.values()), logging)


def idle_repro() -> tuple[float, float]:
    """Run a `dvc repro` that has nothing to do; return its wall and CPU seconds."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(["dvc", "repro"], capture_output=True, text=True, check=False)
    clock, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if "up to date" not in done.stdout:
        raise UserError("`dvc repro` has something to do.", "Run `dvc repro` first.")
    return clock, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print and record the overhead."""
    idle = [idle_repro() for _ in range(ROUNDS)]
    found = longest_repro()
    total = sum(share.own + share.work for share in found)
    sys.stdout.write(f"{'stage':22}{'DVC':>8}{'Python':>8}{'logging':>8}{'work':>8}   seconds\n")
    for share in found:
        parts = "".join(f"{part:8.1f}" for part in (share.before, share.starting, share.logging, share.work))
        sys.stdout.write(f"{share.stage:22}{parts}\n")
    own = sum(share.own for share in found)
    sys.stdout.write(f"the pipeline's overhead: {own:.0f} s of {total:.0f} s, {own / total:.1%}\n")
    clock, compute = min(idle)
    sys.stdout.write(f"a `dvc repro` with nothing to do: {clock:.1f} s, {compute:.1f} s of CPU\n")
    declared = len(yaml.safe_load(PIPELINE.read_text("utf-8"))["stages"])
    ran = "all stages" if len(found) == declared else f"{len(found)} of {declared} stages"
    note(f"the pipeline's overhead, against a run of {ran}", [own / total])
    note("`dvc repro` with nothing to do, against that run", [clock / total for clock, _ in idle])


if __name__ == "__main__":
    run_command(main)
