"""Stage `clean_names`: bring names into one form, and mark those that cannot be used."""

import logging
from collections import Counter

from herodex import paths
from herodex.command import run_command
from herodex.errors import UserError
from herodex.generator.names_table import CLEAN_COLUMNS, RAW_COLUMNS, Row, read_names, write_names
from herodex.generator.spelling import normalise
from herodex.params import load_params

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


def main() -> None:
    """Write `clean.csv`: the names found, with what the model reads and why some are dropped."""
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
    log.info("names: %s", found)


if __name__ == "__main__":
    run_command(main)
