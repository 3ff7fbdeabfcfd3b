"""Where benchmarks note their figures, for the table with which `make bench` ends."""

import json
from pathlib import Path
from typing import TypedDict

RECORD = Path(".cache") / "bench.jsonl"


class Figure(TypedDict):
    """A speed as a ratio, so that it can be compared between machines.

    Attributes:
        figure: what is measured, against what.
        ratio: the median over rounds, between `low` and `high`, the least and the most of them.
        rounds: how often it was measured.
    """

    figure: str
    ratio: float
    low: float
    high: float
    rounds: int


def note(figure: str, ratios: list[float]) -> None:
    """Note the ratios of one figure, one from each round."""
    ordered = sorted(ratios)
    entry = Figure(
        figure=figure,
        ratio=ordered[len(ordered) // 2],
        low=ordered[0],
        high=ordered[-1],
        rounds=len(ordered),
    )
    RECORD.parent.mkdir(parents=True, exist_ok=True)
    with RECORD.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")


def read_record() -> list[Figure]:
    """Read the last entry of each figure, in the order in which they were first noted."""
    if not RECORD.exists():
        return []
    entries: list[Figure] = [json.loads(line) for line in RECORD.read_text(encoding="utf-8").splitlines()]
    return list({entry["figure"]: entry for entry in entries}.values())
