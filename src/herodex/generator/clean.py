"""Stage `clean_names`: bring names into one form, and mark those that cannot be used."""

import json
import logging
from collections import Counter
from typing import Any

from herodex import paths
from herodex.command import run_command
from herodex.errors import UserError
from herodex.generator.names_table import CLEAN_COLUMNS, RAW_COLUMNS, Row, read_names, write_names
from herodex.generator.spelling import RULES, normalise, rules_for
from herodex.params import load_params

REPORT_COLUMNS = ("number", "name", "text", "rules", "reason", "duplicate_of")

log = logging.getLogger(__name__)


def clean(rows: list[Row], max_length: int) -> list[Row]:
    """Add `text`, `kept`, `reason` and `duplicate_of` to each row.

    Args:
        rows: with `name`.
        max_length: characters (Unicode code points) of a text; a longer name is dropped.

    Returns:
        as many rows in the same order. Of names with the same text the first is kept. `reason` is
        `empty`, `too long`, `duplicate` or nothing.
    """
    first: dict[str, str] = {}
    cleaned = []
    for row in rows:
        text = normalise(row["name"])
        duplicate_of = first.get(text, "")
        reason = (
            "empty"
            if not text
            else "too long"
            if len(text) > max_length
            else "duplicate"
            if text in first
            else ""
        )
        if not reason:
            first[text] = row["name"]
        kept = "0" if reason else "1"
        cleaned.append(row | {"text": text, "kept": kept, "reason": reason, "duplicate_of": duplicate_of})
    return cleaned


def report(rows: list[Row]) -> tuple[dict[str, Any], list[Row]]:
    """Sum up a cleaning.

    Returns:
        how many names were found and kept, how many were dropped for each reason and changed by each rule;
        and the rows that a rule other than case changed or that were dropped, with these `rules`.
    """
    rules = [rules_for(row["name"]) for row in rows]
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
    """Write `clean.csv`, the names found with what the model reads and why some are dropped; and a report."""
    settings = load_params().generator.clean
    rows = clean(read_names(paths.RAW_NAMES, RAW_COLUMNS), settings.max_length)
    reasons = Counter(row["reason"] or "kept" for row in rows)
    found = ", ".join(f"{count} {reason}" for reason, count in reasons.items()) or "none found"
    if not reasons["kept"]:
        raise UserError(
            f"{paths.RAW_NAMES}: no name can be used ({found}).",
            "Give other names, or raise generator.clean.max_length.",
        )
    write_names(paths.CLEAN_NAMES, CLEAN_COLUMNS, rows)
    summary, listed = report(rows)
    write_names(paths.CLEAN_REPORTS / "names.csv", REPORT_COLUMNS, listed)
    text = json.dumps(summary, indent=2, ensure_ascii=False) + "\n"
    (paths.CLEAN_REPORTS / "names.json").write_text(text, encoding="utf-8")
    log.info("names: %s", found)


if __name__ == "__main__":
    run_command(main)
