"""Run `dvc repro`; before each stage, say which one of how many it is and how much time is left.

`python -m herodex.repro [STAGE …]` runs DVC's own command in this process, so that stages keep the terminal,
and only rewords DVC's line about each stage.
"""

import logging
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from herodex.pipeline_graph import Graph, read_graph, with_needed, with_readers
from herodex.stage_times import read_times
from herodex.time_left import describe_time, last_times, seconds_left

RUNNING = "Running stage '%s':"
SKIPPED = {
    "Stage '%s' didn't change, skipping": "unchanged",
    "Stage '%s' is cached - skipping run, checking out outputs": "restored from DVC's cache",
}
"""DVC's other messages about a stage, and ours."""


@dataclass
class Progress:
    """How far a run of the pipeline is.

    Attributes:
        planned: all stages of the run.
        graph: the stages that each one depends on.
        may_run: the planned stages that have changed, or depend on one that has.
        earlier: seconds of stages in earlier runs on this machine.
    """

    planned: set[str]
    graph: Graph
    may_run: set[str]
    earlier: dict[str, float]
    clock: Callable[[], float] = time.monotonic
    _seen: set[str] = field(default_factory=set[str])
    _finished: dict[str, float] = field(default_factory=dict[str, float])
    _running: tuple[str, float] | None = None

    def reword(self, record: logging.LogRecord) -> bool:
        """Reword DVC's line about a stage in place; return True to let DVC print it."""
        if record.msg == RUNNING or record.msg in SKIPPED:
            stage = str(cast("tuple[str]", record.args)[0])
            record.msg, record.args = self.announce(stage, SKIPPED.get(record.msg)), ()
        return True

    def announce(self, stage: str, skipped: str | None) -> str:
        """Note that a stage starts, or why it is skipped; return the line about it."""
        now = self.clock()
        if self._running:
            name, started = self._running
            self._finished[name] = now - started
        self._running = None if skipped else (stage, now)
        self._seen.add(stage)
        line = f"stage {len(self._seen)} of {len(self.planned | self._seen)}: {stage}"
        if skipped:
            return f"{line}, {skipped}"
        remaining = {stage} | (self.may_run - self._seen)
        seconds = seconds_left(remaining, self._finished, self.earlier, self.graph)
        return line if seconds is None else f"{line} ({describe_time(seconds)} left)"


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
    handlers = logging.getLogger("dvc").handlers
    for handler in handlers:
        handler.addFilter(progress.reword)
    try:
        return cli.main(["repro", *targets])
    finally:
        for handler in handlers:
            handler.removeFilter(progress.reword)


def main() -> None:
    """Run the stages that the arguments name, and those that they depend on; all without arguments."""
    try:
        sys.exit(repro(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
