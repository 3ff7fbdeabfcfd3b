"""What the pipeline takes for itself: DVC between the stages, starting Python, imports, logging.

`python -m benchmarks.overhead` tells it for the longest run in this folder, stage by stage, and times a
`dvc repro` that has nothing to do.
"""

import json
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
from herodex.stage_times import LOGGING_TIMES, STAGE_TIMES, StageTime

ROUNDS = 3
PIPELINE = Path("dvc.yaml")


class Share(NamedTuple):
    """Seconds of one stage: by DVC before it, to start Python and import, to log, and for its work."""

    stage: str
    before: float
    starting: float
    logging: float
    work: float

    @property
    def own(self) -> float:
        """What is not the stage's work."""
        return self.before + self.starting + self.logging


def shares(times: list[StageTime], logging: dict[str, float]) -> list[Share]:
    """Split the time of one `dvc repro` into its parts.

    Args:
        times: the stages of it, in their order.
        logging: seconds that logging took, by stage.
    """
    found, ended = [], None
    for entry in times:
        before = max(0.0, entry["started"] - ended) if ended else 0.0
        logged = logging.get(entry["stage"], 0.0)
        found.append(Share(entry["stage"], before, entry["starting"], logged, entry["running"] - logged))
        ended = entry["started"] + entry["starting"] + entry["running"]
    return found


def longest_repro() -> list[Share]:
    """The parts of the `dvc repro` with most stages; of several such, the last."""
    if not STAGE_TIMES.exists():
        raise UserError("No stage has been run in this folder.", "Run `dvc repro -f`.")
    entries: list[StageTime] = [json.loads(line) for line in STAGE_TIMES.read_text("utf-8").splitlines()]
    repros: dict[str, list[StageTime]] = {}
    for entry in entries:
        repros.setdefault(entry["repro"], []).append(entry)
    # A stage that starts itself again, as a crawl does, leaves two entries: the last one holds the other.
    stages = {
        repro: list({entry["stage"]: entry for entry in times}.values()) for repro, times in repros.items()
    }
    repro, times = max(reversed(stages.items()), key=lambda item: len(item[1]))
    lines = LOGGING_TIMES.read_text("utf-8").splitlines() if LOGGING_TIMES.exists() else []
    logged = [entry for line in lines if (entry := json.loads(line))["repro"] == repro]
    return shares(times, {entry["stage"]: entry["seconds"] for entry in logged})


def idle_repro() -> tuple[float, float]:
    """Run `dvc repro`, which has nothing to do; returns seconds of the clock and of compute."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(["dvc", "repro"], capture_output=True, text=True, check=False)
    clock, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if "up to date" not in done.stdout:
        raise UserError("There is something to do for `dvc repro`.", "Run `dvc repro` first.")
    return clock, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print both, and note which part of the pipeline it was."""
    idle = [idle_repro() for _ in range(ROUNDS)]
    found = longest_repro()
    total = sum(share.own + share.work for share in found)
    sys.stdout.write(f"{'stage':22}{'DVC':>8}{'Python':>8}{'logging':>8}{'work':>8}   seconds\n")
    for share in found:
        parts = "".join(f"{part:8.1f}" for part in (share.before, share.starting, share.logging, share.work))
        sys.stdout.write(f"{share.stage:22}{parts}\n")
    own = sum(share.own for share in found)
    sys.stdout.write(f"the pipeline's own time: {own:.0f} s of {total:.0f} s, {own / total:.1%}\n")
    clock, compute = min(idle)
    sys.stdout.write(f"a `dvc repro` with nothing to do: {compute:.1f} s of compute, {clock:.1f} s\n")
    declared = len(yaml.safe_load(PIPELINE.read_text("utf-8"))["stages"])
    what = "all stages" if len(found) == declared else f"{len(found)} of {declared} stages"
    note(f"the pipeline's own time, against a run of {what}", [own / total])
    note("`dvc repro` with nothing to do, against that run", [clock / total for clock, _ in idle])


if __name__ == "__main__":
    run_command(main)
