"""Stage `clean_names`: normalise names and mark unusable ones."""

import json
import logging
from collections import Counter
from collections.abc import Container
from typing import Any

from herodex import paths
from herodex.command import run_command
from herodex.errors import UserError
from herodex.generator.names_table import CLEAN_COLUMNS, RAW_COLUMNS, Row, read_names, write_names
from herodex.generator.spelling import RULES, changed_by, normalise
from herodex.params import load_params

REPORT_COLUMNS = ("number", "name", "text", "rules", "reason", "duplicate_of")

log = logging.getLogger(__name__)


def clean(rows: list[Row], max_length: int) -> list[Row]:
    """Add `text`, `kept`, `reason` and `duplicate_of` to each row.

    Args:
        rows: Rows with `name`.
        max_length: Maximum length of a text in Unicode code points; longer names are dropped.

    Returns:
        All rows in the same order. The first of several names with the same text is kept. `reason` is
        `empty`, `too long`, `duplicate` or, for a kept name, the empty string.
    """
    first: dict[str, str] = {}
    cleaned: list[Row] = []
    for row in rows:
        text = normalise(row["name"])
        duplicate_of = first.get(text, "")
        reason = drop_reason(text, max_length, first)
        if not reason:
            first[text] = row["name"]
        kept = "0" if reason else "1"
        cleaned.append(row | {"text": text, "kept": kept, "reason": reason, "duplicate_of": duplicate_of})
    return cleaned


def drop_reason(text: str, max_length: int, kept: Container[str]) -> str:
    """Return the reason for dropping a text, or the empty string."""
    if not text:
        return "empty"
    if len(text) > max_length:
        return "too long"
    return "duplicate" if text in kept else ""


def summarise(rows: list[Row]) -> tuple[dict[str, Any], list[Row]]:
    """Summarise the cleaning for the report.

    Returns:
        Counts of names found, kept, dropped by reason and changed by rule; and the rows that were dropped
        or changed by a rule other than `case`, with their `rules`.
    """
    rules = [changed_by(row["name"]) for row in rows]
    counts = Counter(rule for changed in rules for rule in changed)
    reasons = Counter(row["reason"] for row in rows if row["reason"])
    summary = {
        "found": len(rows),
        "kept": sum(row["kept"] == "1" for row in rows),
        "dropped": dict(sorted(reasons.items())),
        "changed_by": {rule: counts[rule] for rule in RULES if rule in counts},
    }
    listed = [
        row | {"rules": " ".join(changed)}
        for row, changed in zip(rows, rules, strict=True)
        if changed or row["reason"]
    ]
    return summary, listed


def main() -> None:
    """Write `clean.csv` and a report of changed and dropped names."""
    settings = load_params().generator.clean
    rows = clean(read_names(paths.RAW_NAMES, RAW_COLUMNS), settings.max_length)
    reasons = Counter(row["reason"] or "kept" for row in rows)
    found = ", ".join(f"{count} {reason}" for reason, count in reasons.items()) or "none found"
    if not reasons["kept"]:
        raise UserError(
            f"{paths.RAW_NAMES} has no usable name ({found}).",
            "Provide other names, or raise generator.clean.max_length.",
        )
    write_names(paths.CLEAN_NAMES, CLEAN_COLUMNS, rows)
    summary, listed = summarise(rows)
    write_names(paths.CLEAN_REPORTS / "names.csv", REPORT_COLUMNS, listed)
    text = json.dumps(summary, indent=2, ensure_ascii=False) + "\n"
    (paths.CLEAN_REPORTS / "names.json").write_text(text, encoding="utf-8")
    log.info("names: %s", found)


if __name__ == "__main__":
    run_command(main)
