"""Record of benchmark results, for the table of `make bench`."""

import json
from pathlib import Path
from typing import TypedDict

RECORD = Path(".cache") / "bench.jsonl"


class Figure(TypedDict):
    """A speed as a ratio, comparable between machines.

    Attributes:
        figure: the quantity and its reference.
        ratio: median over rounds, with minimum `low` and maximum `high`.
        rounds: number of repetitions.
    """

    figure: str
    ratio: float
    low: float
    high: float
    rounds: int


def note(figure: str, ratios: list[float]) -> None:
    """Record the ratios of one figure, one per round."""
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
    """Read the last entry of each figure, in the order of their first entries."""
    if not RECORD.exists():
        return []
    entries: list[Figure] = [json.loads(line) for line in RECORD.read_text(encoding="utf-8").splitlines()]
    return list({entry["figure"]: entry for entry in entries}.values())
