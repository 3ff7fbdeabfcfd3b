"""`herodex promote` and `herodex rollback`: a model becomes champion if it is significantly better."""

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
    Version,
    by_alias,
    by_content,
    by_number,
    move_alias,
    read_report,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Contest:
    """How two models of one kind are compared: a report with a row per test item, and a paired test."""

    report: str
    compare: Callable[[list[Row], list[Row], int], Comparison | None]


CONTESTS = {
    "classifier": Contest("predictions.csv", compare_labels),
    "generator": Contest("test_nats.csv", compare_nats),
}


def promote(name: str, seed: int, number: str | None = None) -> str:
    """Make a version champion if it is significantly better than the champion; return the result as text.

    Args:
        name: the registered model.
        seed: of the paired test.
        number: the challenger's version; by default that of the model in `models/`.

    Raises:
        UserError: a model is not registered, was not evaluated, or shares no test data with the champion.
    """
    challenger = by_number(name, number) if number else current(name)
    champion = by_alias(name, CHAMPION)
    title = f"{name} version {challenger.number}, {challenger.model[:12]}"
    if champion is None:
        move_alias(challenger, CHAMPION)
        return f"{title}: champion, because there was none."
    if champion.number == challenger.number:
        return f"{title}: is already champion."
    contest = CONTESTS[name]
    before, after = (rows_of(version, contest.report) for version in (champion, challenger))
    comparison = contest.compare(before, after, seed)
    if comparison is None:
        raise UserError(
            f"{title} and the champion, version {champion.number}, share no test data.",
            "Evaluate both on the same data: check out the champion's commit and `dvc repro` with this data.",
        )
    text = describe(title, champion, comparison)
    if not comparison.better:
        return f"{text}\nThe champion stays: the challenger is not significantly better."
    move_alias(champion, PREVIOUS)
    move_alias(challenger, CHAMPION)
    return f"{text}\nVersion {challenger.number} is now champion; `make rollback MODEL={name}` undoes this."


def describe(title: str, champion: Version, comparison: Comparison) -> str:
    """Describe a comparison."""
    return f"""{title}, against the champion, version {champion.number}, {champion.model[:12]}
  {comparison.unit}: {comparison.champion:.4f} → {comparison.challenger:.4f}, n = {comparison.n}
  gain {comparison.gain:+.4f} [{comparison.low:+.4f}, {comparison.high:+.4f}], 95 % bootstrap interval
  {comparison.test}: p = {comparison.p:.4f}, required: below {LEVEL}"""


def rollback(name: str) -> str:
    """Make the previous champion the champion again; return the result as text.

    Raises:
        UserError: there is no previous champion.
    """
    champion, previous = by_alias(name, CHAMPION), by_alias(name, PREVIOUS)
    if previous is None or champion is None:
        raise UserError(f"{name} has no previous champion.", "`make promote` sets the champion.")
    move_alias(previous, CHAMPION)
    move_alias(champion, PREVIOUS)
    title = f"{name} version {previous.number}, {previous.model[:12]}"
    return f"{title}: champion again, instead of version {champion.number}."


def current(name: str) -> Version:
    """Find the version of the model in `models/`.

    Raises:
        UserError: the pipeline has not finished, or MLflow does not know the model.
    """
    if not paths.LINEAGE.exists():
        raise UserError(f"{paths.LINEAGE} is missing.", "Run `make run`.")
    model = json.loads(paths.LINEAGE.read_text(encoding="utf-8"))[name]["model"]
    if found := by_content(name, model):
        return found
    raise UserError(
        f"The {name} {model[:12]} is not registered in MLflow.", "Run `dvc repro -s -f record_lineage`."
    )


def rows_of(version: Version, report: str) -> list[Row]:
    """Read the report of a version's evaluation, a row per image or name of the test split.

    Raises:
        UserError: MLflow has no such report.
    """
    text = read_report(version, report)
    if text is None:
        raise UserError(
            f"MLflow has no {report} of {version.name} version {version.number}.",
            f"Where the model is in models/, run `dvc repro -f -s evaluate_{version.name}`.",
        )
    return list(csv.DictReader(io.StringIO(text)))
