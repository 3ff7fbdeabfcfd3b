"""Counts of the data behind the models: by split, by source and by licence."""

import csv
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from herodex.dataset.manifest import PARTS
from herodex.errors import UserError
from herodex.params import UNKNOWN

Row = dict[str, str]
GIVEN = "given"
"""The source of items without a page: names from the user's list, images from a folder."""


def read_rows(path: Path) -> list[Row]:
    """Read a CSV table with a header; every cell is text.

    Raises:
        UserError: there is no such file.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except FileNotFoundError:
        raise UserError(f"{path} is missing.", "Run `dvc repro`.") from None


def count_images(rows: Iterable[Row]) -> dict[str, Any]:
    """Count the rows of `split_images`: used images by class, split, source and licence, and dropped ones."""
    rows = list(rows)
    used = [row for row in rows if row["part"] in PARTS]
    return {
        "found": len(rows),
        "used": len(used),
        "by_class": tally(row["label"] for row in used if row["label"] != UNKNOWN),
        "learnt_by_class": tally(
            row["label"] for row in used if row["label"] != UNKNOWN and row["part"] != "test"
        ),
        "by_part": tally(row["part"] for row in used),
        "by_source": tally(row["source"] or GIVEN for row in used),
        "by_host": tally(host(row["page_url"]) for row in used),
        "by_license": tally(row["license"] or "not stated" for row in used),
        "set_aside": tally(row["dropped_for"] for row in rows if row["dropped_for"]),
    }


def count_names(rows: Iterable[Row]) -> dict[str, Any]:
    """Count the used names in the rows of `split_names`, by split and host."""
    used = [row for row in rows if row["part"]]
    return {
        "used": len(used),
        "by_part": tally(row["part"] for row in used),
        "by_host": tally(host(row["page_url"]) for row in used),
    }


def host(url: str) -> str:
    """Return the host of a URL, or `given` if it has none."""
    return urlsplit(url).hostname or GIVEN


def tally(values: Iterable[str]) -> dict[str, int]:
    """Count each value, sorted by value."""
    return dict(sorted(Counter(values).items()))


def estimates_in(metrics: dict[str, Any], prefix: str = "") -> dict[str, dict[str, float]]:
    """Find all estimates (value, low, high, n) in nested metrics, by dotted path."""
    if {"value", "low", "high", "n"} <= metrics.keys():
        return {prefix.removesuffix("."): metrics}
    found: dict[str, dict[str, float]] = {}
    for name, value in metrics.items():
        if isinstance(value, dict):
            found |= estimates_in(cast(dict[str, Any], value), f"{prefix}{name}.")
    return found
