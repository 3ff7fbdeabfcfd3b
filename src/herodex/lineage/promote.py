"""`herodex promote` and `herodex rollback`: a model becomes champion if it is significantly better.

Models are compared by their cross-validation, so the test split does not select the champion.
"""

import csv
import io
import logging
from collections.abc import Callable
from dataclasses import dataclass

from herodex import paths
from herodex.errors import UserError
from herodex.json_record import read_json
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


MIN_SHARED = 20
"""Minimum number of held-out images or names that two compared models share."""


@dataclass(frozen=True)
class Contest:
    """How two models of one kind are compared: a report with a row per held-out item, and a paired test."""

    report: str
    items: str
    compare: Callable[[list[Row], list[Row], int], Comparison | None]


CONTESTS = {
    "classifier": Contest("out_of_fold.csv", "images", compare_labels),
    "generator": Contest("cross_validation.csv", "names", compare_nats),
}


def promote(name: str, seed: int, number: str | None = None) -> str:
    """Make a version champion if it is significantly better than the champion; return the result as text.

    Args:
        name: the registered model.
        seed: of the paired test.
        number: the challenger's version; by default that of the model in `models/`. A version named here
            becomes champion too if it cannot be compared with the champion.

    Raises:
        UserError: a model is not registered.
    """
    challenger = by_number(name, number) if number else current(name)
    champion = by_alias(name, CHAMPION)
    title = f"{name} version {challenger.number}, {challenger.model[:12]}"
    if champion is None:
        move_alias(challenger, CHAMPION)
        return f"{title}: champion, because there was none."
    if champion.number == challenger.number:
        return f"{title}: is already champion."
    found = compare(champion, challenger, seed)
    if isinstance(found, Comparison):
        text = describe(title, champion, found)
        if not found.better:
            return f"{text}\nThe champion stays: the challenger is not significantly better."
    else:
        text = f"{title}, cannot be compared with the champion, version {champion.number}: {found}"
        if not number:
            explicit = f'`make promote MODEL="{name}={challenger.number}"` promotes without a comparison.'
            return f"{text}\nThe champion stays; {explicit}"
    move_alias(champion, PREVIOUS)
    move_alias(challenger, CHAMPION)
    return f"{text}\nVersion {challenger.number} is now champion; `make rollback MODEL={name}` undoes this."


def compare(champion: Version, challenger: Version, seed: int) -> Comparison | str:
    """Compare two versions by the held-out items of their cross-validation; return why not if impossible."""
    contest = CONTESTS[champion.name]
    before, after = (rows_of(version, contest.report) for version in (champion, challenger))
    if before is None or after is None:
        missing = champion if before is None else challenger
        return f"MLflow has no {contest.report} of version {missing.number}."
    comparison = contest.compare(before, after, seed)
    shared = comparison.n if comparison else 0
    if comparison is None or shared < MIN_SHARED:
        return f"they share {shared} held-out {contest.items}, and {MIN_SHARED} are needed."
    return comparison


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
    lineage = read_json(paths.LINEAGE)
    if name not in lineage:
        raise UserError(f"{paths.LINEAGE} has no {name}.", f"Run `make run PART={name}`.")
    model = lineage[name]["model"]
    if found := by_content(name, model):
        return found
    raise UserError(
        f"The {name} {model[:12]} is not registered in MLflow.", "Run `dvc repro -s -f record_lineage`."
    )


def rows_of(version: Version, report: str) -> list[Row] | None:
    """Read the report of a version's cross-validation, a row per image or name; None if MLflow has none."""
    text = read_report(version, report)
    return None if text is None else list(csv.DictReader(io.StringIO(text)))
