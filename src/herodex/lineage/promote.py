"""`herodex promote` and `herodex rollback`: a model becomes champion by being better, and by nothing else."""

import csv
import io
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass

from herodex import paths
from herodex.errors import UserError
from herodex.lineage.counts import Row
from herodex.lineage.paired import LEVEL, Comparison, compare_labels, compare_nats
from herodex.lineage.registry import (
    CHAMPION,
    PREVIOUS,
    Registered,
    by_alias,
    by_content,
    by_number,
    move_alias,
    report_of,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Contest:
    """What two models of one kind are compared by: a report with a row for each test image or name."""

    report: str
    compare: Callable[[list[Row], list[Row], int], Comparison | None]


CONTESTS = {
    "classifier": Contest("predictions.csv", compare_labels),
    "generator": Contest("test_nats.csv", compare_nats),
}


def promote(name: str, seed: int, version: str | None = None) -> str:
    """Make a version champion if it is better than the champion by more than chance; returns what came of it.

    Args:
        name: the registered model.
        seed: of the paired test.
        version: the challenger; by default the model in `models/`.

    Raises:
        UserError: a model is not registered, was not measured, or shares no test data with the champion.
    """
    challenger = by_number(name, version) if version else current(name)
    champion = by_alias(name, CHAMPION)
    title = f"{name} version {challenger.version}, {challenger.model[:12]}"
    if champion is None:
        move_alias(challenger, CHAMPION)
        return f"{title}: champion, as the first of its kind."
    if champion.version == challenger.version:
        return f"{title}: is the champion already."
    contest = CONTESTS[name]
    seen = [rows_of(registered, contest.report) for registered in (champion, challenger)]
    comparison = contest.compare(seen[0], seen[1], seed)
    if comparison is None:
        raise UserError(
            f"{title} and the champion, version {champion.version}, share no test data.",
            "Measure both on the same: check out the champion's commit, and `dvc repro` with these data.",
        )
    text = describe(title, champion, comparison)
    if not comparison.better:
        return f"{text}\nThe champion stays: that is not better by more than chance."
    move_alias(champion, PREVIOUS)
    move_alias(challenger, CHAMPION)
    return (
        f"{text}\nVersion {challenger.version} is champion now; `make rollback MODEL={name}` takes it back."
    )


def describe(title: str, champion: Registered, comparison: Comparison) -> str:
    """Word a comparison."""
    return f"""{title}, against the champion, version {champion.version}, {champion.model[:12]}
  {comparison.unit}: {comparison.champion:.4f} → {comparison.challenger:.4f}, n = {comparison.n}
  gain {comparison.gain:+.4f} [{comparison.low:+.4f}, {comparison.high:+.4f}], 95 % interval of a bootstrap
  {comparison.test}: p = {comparison.p:.4f}, needed: below {LEVEL}"""


def rollback(name: str) -> str:
    """Make the version champion again that was it before; returns what came of it.

    Raises:
        UserError: there is none.
    """
    champion, previous = by_alias(name, CHAMPION), by_alias(name, PREVIOUS)
    if previous is None or champion is None:
        raise UserError(f"{name} has had no other champion.", "`make promote` makes one.")
    move_alias(previous, CHAMPION)
    move_alias(champion, PREVIOUS)
    title = f"{name} version {previous.version}, {previous.model[:12]}"
    return f"{title}: champion again, instead of version {champion.version}."


def current(name: str) -> Registered:
    """The version of the model in `models/`.

    Raises:
        UserError: the pipeline has not run to its end, or MLflow does not know the model.
    """
    if not paths.LINEAGE.exists():
        raise UserError(f"{paths.LINEAGE} is missing.", "Run `make run`.")
    model = json.loads(paths.LINEAGE.read_text(encoding="utf-8"))[name]["model"]
    if found := by_content(name, model):
        return found
    raise UserError(
        f"The {name} {model[:12]} is not registered in MLflow.", "Run `dvc repro -s -f record_lineage`."
    )


def rows_of(registered: Registered, report: str) -> list[Row]:
    """What a version was measured by, a row for each image or name of its test part.

    Raises:
        UserError: MLflow has no such report.
    """
    text = report_of(registered, report)
    if text is None:
        raise UserError(
            f"MLflow has no {report} of {registered.name} version {registered.version}.",
            f"Measure it: `dvc repro -f -s evaluate_{registered.name}` where it is in models/.",
        )
    return list(csv.DictReader(io.StringIO(text)))
