"""What the models were learnt from, in numbers: by part, by source and by licence."""

import csv
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from herodex.errors import UserError

Row = dict[str, str]
GIVEN = "given"
"""The source of what came from no page: names that the user lists, images of a folder."""


def read_rows(path: Path) -> list[Row]:
    """Read a table with a head line; every cell is text.

    Raises:
        UserError: there is no such file.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except FileNotFoundError:
        raise UserError(f"{path} is missing.", "Run `dvc repro`, which makes it.") from None


def count_images(rows: Iterable[Row]) -> dict[str, Any]:
    """Count the images that were used, and what was set aside, from the rows of `split_images`."""
    rows = list(rows)
    used = [row for row in rows if row["part"]]
    return {
        "found": len(rows),
        "used": len(used),
        "by_part": tally(row["part"] for row in used),
        "by_source": tally(row["source"] or GIVEN for row in used),
        "by_host": tally(host(row["page_url"]) for row in used),
        "by_license": tally(row["license"] or "not stated" for row in used),
        "set_aside": tally(row["dropped_for"] for row in rows if row["dropped_for"]),
    }


def count_names(rows: Iterable[Row]) -> dict[str, Any]:
    """Count the names that were used, from the rows of `split_names`."""
    used = [row for row in rows if row["part"]]
    return {
        "used": len(used),
        "by_part": tally(row["part"] for row in used),
        "by_host": tally(host(row["page_url"]) for row in used),
    }


def host(url: str) -> str:
    """The host of a page, or `given` where there is none."""
    return urlsplit(url).hostname or GIVEN


def tally(values: Iterable[str]) -> dict[str, int]:
    """How often each value comes, in the order of the values."""
    return dict(sorted(Counter(values).items()))


def estimates_in(figures: dict[str, Any], prefix: str = "") -> dict[str, dict[str, float]]:
    """Find every figure that has a count and an interval, keyed by its dotted path."""
    if {"value", "low", "high", "n"} <= figures.keys():
        return {prefix.removesuffix("."): figures}
    found: dict[str, dict[str, float]] = {}
    for name, value in figures.items():
        if isinstance(value, dict):
            found |= estimates_in(value, f"{prefix}{name}.")
    return found
