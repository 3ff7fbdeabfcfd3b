"""Run `dvc repro`; before each stage, say which one of how many it is and how much time is left.

`python -m herodex.repro [STAGE …]` runs DVC's own command in this process, so that stages keep the terminal,
and only rewords DVC's line about each stage. DVC runs one stage at a time; with two CPUs, stages that need
nothing of the others run at the same time in a second DVC process, as DVC's documentation proposes
(https://dvc.org/doc/command-reference/repro#parallel-stage-execution).
"""

import io
import logging
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TextIO, cast

from herodex.branches import last_stages, side_branch
from herodex.cpus import usable_cpus
from herodex.pipeline_graph import Graph, read_graph, with_needed, with_readers
from herodex.side_run import SideRun, side_run
from herodex.stage_times import read_times
from herodex.time_left import REFERENCE_S, describe_time, last_times, seconds_left

RUNNING = "Running stage '%s':"
SKIPPED = {
    "Stage '%s' didn't change, skipping": "unchanged",
    "Stage '%s' is cached - skipping run, checking out outputs": "restored from DVC's cache",
}
"""DVC's other messages about a stage, and ours."""
ADVICE = (
    "To track the changes with git",
    "To enable auto staging",
    "git add ",
    "dvc config ",
    "Use `dvc push`",
)
"""Starts of DVC's lines at the end of a run."""


@dataclass
class Progress:
    """How far a run of the pipeline is.

    Attributes:
        planned: all stages of the run.
        graph: the stages that each one depends on.
        may_run: the planned stages that have changed, or depend on one that has.
        earlier: seconds of stages in earlier runs on this machine.
        clock: returns the time in seconds.
        beside: the planned stages that a second process runs.
        relay: writes the new lines of that process.
    """

    planned: set[str]
    graph: Graph
    may_run: set[str]
    earlier: dict[str, float]
    clock: Callable[[], float] = time.monotonic
    beside: set[str] = field(default_factory=set[str])
    relay: Callable[[], None] = lambda: None
    _seen: set[str] = field(default_factory=set[str])
    _finished: dict[str, float] = field(default_factory=dict[str, float])
    _running: tuple[str, float] | None = None

    def reword(self, record: logging.LogRecord) -> bool:
        """Reword DVC's line about a stage in place; return whether DVC prints the line."""
        if record.msg == RUNNING or record.msg in SKIPPED:
            stage = str(cast("tuple[str]", record.args)[0])
            if stage in self._seen:
                return False
            self.relay()
            record.msg, record.args = self.announce(stage, SKIPPED.get(record.msg)), ()
        return not (self.beside and record.msg.strip().startswith(ADVICE))

    def announce(self, stage: str, skipped: str | None) -> str:
        """Note that a stage starts, or why it is skipped; return the line about it."""
        now = self.clock()
        if self._running:
            name, started = self._running
            self._finished[name] = now - started
        self._running = None if skipped else (stage, now)
        line = self._number(stage)
        if skipped:
            return f"{line}, {skipped}"
        # Stages beside take less time than the others, and none of theirs.
        remaining = {stage} | (self.may_run - self._seen - self.beside)
        seconds = seconds_left(remaining, self._finished, self.earlier, self.graph)
        return line if seconds is None else f"{line} ({describe_time(seconds)} left)"

    def reword_beside(self, line: str) -> str | None:
        """Reword a line of the second process; None if it is of no use here."""
        for message, skipped in {RUNNING: "at the same time", **SKIPPED}.items():
            before, after = message.split("%s")
            if line.startswith(before) and line.endswith(after):
                return f"{self._number(line[len(before) : -len(after)])}, {skipped}"
        return None if line.strip().startswith(ADVICE) else line

    def _number(self, stage: str) -> str:
        self._seen.add(stage)
        return f"stage {len(self._seen)} of {len(self.planned | self._seen)}: {stage}"


def changed_stages(targets: Sequence[str]) -> set[str] | None:
    """Return the stages that DVC would run now; None if inputs of some are still to be made."""
    from dvc.exceptions import DvcException
    from dvc.logger import set_loggers_level
    from dvc.repo import Repo

    try:
        with set_loggers_level(logging.CRITICAL), Repo() as repo:
            # DVC's decorators hide the types of its methods.
            return {stage.addressing for stage in cast("Any", repo).reproduce(targets, dry=True)}
    except (DvcException, OSError):
        # The run itself reports it, if it is an error.
        return None


def repro(targets: Sequence[str]) -> int:
    """Run `dvc repro` with lines about the progress; return its exit status."""
    from dvc import cli

    graph = read_graph()
    planned = with_needed(graph, targets)
    changed = changed_stages(targets)
    may_run = planned if changed is None else planned & with_readers(graph, changed)
    progress = Progress(planned, graph, may_run, last_times(read_times("stage")))
    if usable_cpus() > 1:
        expected = REFERENCE_S | progress.earlier
        progress.beside = side_branch(graph, planned, {name: expected.get(name, 0) for name in may_run})
    with _rewording(progress):
        status = _run_branches(progress) if progress.beside else 0
        return status or cli.main(["repro", *targets])


@contextmanager
def _rewording(progress: Progress) -> Generator[None]:
    handlers = logging.getLogger("dvc").handlers
    for handler in handlers:
        handler.addFilter(progress.reword)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(progress.reword)


def _run_branches(progress: Progress) -> int:
    """Run the stages that need nothing of each other, in two processes; return the first bad exit status."""
    from dvc import cli

    graph, beside = progress.graph, progress.beside
    others = {name for name in progress.planned - beside if not graph[name] & beside}
    with side_run(last_stages(graph, beside)) as side:
        progress.relay = partial(_relay, side, progress, sys.stdout)
        # DVC prints advice at the end of a run, which this is not.
        with redirect_stdout(io.StringIO()):
            status = cli.main(["--wait-for-lock", "repro", *last_stages(graph, others)])
        while status == 0 and side.running():
            progress.relay()
    progress.relay()
    return status or side.process.returncode


def _relay(side: SideRun, progress: Progress, out: TextIO) -> None:
    for line in side.new_lines():
        reworded = progress.reword_beside(line)
        if reworded is not None:
            out.write(f"{reworded}\n")
    out.flush()


def main() -> None:
    """Run the stages that the arguments name, and those that they depend on; all without arguments."""
    try:
        sys.exit(repro(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
