"""Review decisions: reading, writing and applying `data/review.csv`."""

import csv
import io
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from herodex.class_names import list_names
from herodex.errors import UserError
from herodex.params import UNKNOWN, Params

if TYPE_CHECKING:
    import pandas

COLUMNS = ["sha256", "decision", "class"]
KEEP, DROP = "keep", "drop"
PERSON = "person"
"""The value of `decided_by` in the manifest."""
MOST_NAMED = 8
"""Classes that a message lists."""


@dataclass(frozen=True)
class Decision:
    """A person's decision about one image; an empty label leaves the label as it is."""

    keep: bool
    label: str = ""


def read_review(path: Path, params: Params) -> dict[str, Decision]:
    """Read review decisions by sha256, in the order of the file.

    The last of several lines about one image counts. A missing file holds no decisions.

    Raises:
        UserError: the file is not UTF-8 CSV, a line is malformed, or a class is not in params.yaml.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        header, *rows = list(csv.reader(io.StringIO(text), strict=True)) or [[]]
    except FileNotFoundError:
        return {}
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} is not valid CSV in UTF-8: {error}.", "Repair the file by hand.") from None
    if header != COLUMNS:
        raise UserError(f"{path}: the first line is not {','.join(COLUMNS)}.", "Restore that first line.")
    labels = [*params.classes, UNKNOWN]
    return {
        row[0]: _parse(row, labels, f"{path}, line {line}") for line, row in enumerate(rows, start=2) if row
    }


def _parse(row: list[str], labels: list[str], where: str) -> Decision:
    if len(row) != len(COLUMNS):
        raise UserError(
            f"{where}: {len(row)} values instead of {len(COLUMNS)}.", f"Write {','.join(COLUMNS)}."
        )
    _, decision, label = row
    if decision not in (KEEP, DROP):
        raise UserError(f"{where}: '{decision}' is not a decision.", f"Write {KEEP} or {DROP}.")
    if label and label not in labels:
        raise UserError(
            f"{where}: '{label}' is not a class.",
            f"Write one of {list_names(labels, MOST_NAMED)}, or leave it empty.",
        )
    return Decision(decision == KEEP, label)


def write_review(path: Path, decisions: dict[str, Decision]) -> None:
    """Replace the review file atomically."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(
        [sha256, KEEP if decision.keep else DROP, decision.label] for sha256, decision in decisions.items()
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text.getvalue())
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def apply_decisions(manifest: "pandas.DataFrame", decisions: dict[str, Decision]) -> "pandas.DataFrame":
    """Override the automatic checks by review decisions, and record it in `decided_by`.

    An image that cannot be decoded stays dropped.
    """
    decided = [
        decisions.get(sha256) if phash else None
        for sha256, phash in zip(manifest["sha256"], manifest["phash"], strict=True)
    ]

    def column(name: str, if_kept: str, if_dropped: str) -> list[str]:
        return [
            old if decision is None else if_kept if decision.keep else if_dropped
            for decision, old in zip(decided, manifest[name], strict=True)
        ]

    return manifest.assign(
        kept=column("kept", "1", "0"),
        dropped_for=column("dropped_for", "", "review"),
        score=column("score", "", ""),
        duplicate_of=column("duplicate_of", "", ""),
        label=[
            decision.label or old if decision else old
            for decision, old in zip(decided, manifest["label"], strict=True)
        ],
        decided_by=[PERSON if decision else "" for decision in decided],
    )


def orphaned_decisions(manifest: "pandas.DataFrame", decisions: dict[str, Decision]) -> list[str]:
    """Return the sha256 of decisions about images that are not in the manifest, sorted."""
    return sorted(set(decisions) - set(manifest["sha256"]))
