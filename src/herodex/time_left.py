"""Estimate how long the remaining stages of a pipeline run take.

A stage takes as long as in its last run on this machine, else as long as on a reference machine. Both are
scaled by how long the stages before it took, because another number of images changes them too.
"""

from collections.abc import Collection, Iterable, Mapping

from herodex.pipeline_graph import Graph
from herodex.stage_times import StageTime

REFERENCE_S = {
    "scrape_images": 34,
    "clean_images": 19,
    "fetch_backbone": 13,
    "quantize_backbone": 7,
    "embed_images": 43,
    "curate_images": 17,
    "report_cleaning": 3,
    "split_images": 6.5,
    "compare_recipes": 39,
    "fine_tune_backbone": 1.5,
    "train_classifier": 12,
    "evaluate_classifier": 37,
    "scrape_names": 1.5,
    "clean_names": 0.2,
    "split_names": 0.2,
    "fetch_words": 2,
    "pretrain_generator": 39,
    "train_generator": 21,
    "evaluate_generator": 3,
    "draw_examples": 4,
    "record_lineage": 2.5,
}
"""Seconds of each stage with the default `params.yaml` on 2 cores with AVX-512 and without AMX."""
ENOUGH_S = 10
"""Stages that took less together say little about the others."""


def last_times(entries: Iterable[StageTime]) -> dict[str, float]:
    """Return the seconds of each stage's last run, from records in order of time."""
    return {entry["stage"]: entry["starting"] + entry["running"] for entry in entries}


def seconds_left(
    remaining: Collection[str], finished: Mapping[str, float], earlier: Mapping[str, float], graph: Graph
) -> float | None:
    """Estimate the seconds that the remaining stages take; None if too little is known.

    Args:
        remaining: the stages that are still to run.
        finished: seconds of the stages that have run.
        earlier: seconds of stages in earlier runs on this machine.
        graph: the stages that each one depends on.
    """
    estimates = [_expected(stage, finished, earlier, graph[stage]) for stage in remaining]
    known = [seconds for seconds in estimates if seconds is not None]
    return sum(known) if len(known) == len(estimates) else None


def _expected(
    stage: str, finished: Mapping[str, float], earlier: Mapping[str, float], needed: set[str]
) -> float | None:
    if stage in earlier:
        return earlier[stage] * (_ratio(finished, earlier, needed) or 1)
    if stage not in REFERENCE_S:
        return None
    taken = {**earlier, **finished}
    ratio = _ratio(taken, REFERENCE_S, needed) or _ratio(taken, REFERENCE_S, set(taken))
    return ratio and REFERENCE_S[stage] * ratio


def _ratio(taken: Mapping[str, float], expected: Mapping[str, float], stages: set[str]) -> float | None:
    """Return how many times as long as expected the stages took; None if they took too little to tell."""
    both = stages & set(taken) & set(expected)
    total = sum(expected[stage] for stage in both)
    return sum(taken[stage] for stage in both) / total if total >= ENOUGH_S else None


def describe_time(seconds: float) -> str:
    """Write a rough duration: less than 1 min, about 4 min, about 25 min, about 1.5 h."""
    minutes = seconds / 60
    if minutes < 0.75:
        return "less than 1 min"
    if minutes < 9.5:
        return f"about {round(minutes)} min"
    if minutes < 57.5:
        return f"about {5 * round(minutes / 5)} min"
    return f"about {round(minutes / 30) / 2:g} h"
