"""What a person has decided about images: `review.csv`, lines of `sha256,decision,class`."""

import csv
import io
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from herodex.errors import UserError
from herodex.params import UNKNOWN, Params

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ["sha256", "decision", "class"]
KEEP, DROP = "keep", "drop"
PERSON = "person"
"""The value of `decided_by` in the manifest."""


@dataclass(frozen=True)
class Decision:
    """A person's word about one image: whether it stays and, unless empty, what it shows."""

    keep: bool
    label: str = ""


def read_review(path: Path, params: Params) -> dict[str, Decision]:
    """Read a person's decisions, by the sha256 of the image's bytes, in the order of the file.

    Of several lines about one image the last one counts.

    Raises:
        UserError: the file is no UTF-8 CSV, or a line is not of the form, or names a class that is not in
            params.yaml.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        header, *rows = list(csv.reader(io.StringIO(text), strict=True)) or [[]]
    except FileNotFoundError:
        return {}
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} is no CSV in UTF-8: {error}.", "Mend the file by hand.") from None
    if header != COLUMNS:
        raise UserError(f"{path}: its first line is not {','.join(COLUMNS)}.", "Put that line back on top.")
    labels = [*params.classes, UNKNOWN]
    decisions: dict[str, Decision] = {}
    for line, row in enumerate(rows, start=2):
        if not row:
            continue
        if len(row) != len(COLUMNS):
            raise UserError(f"{path}, line {line}: not {len(COLUMNS)} values.", f"Write {','.join(COLUMNS)}.")
        sha256, decision, label = row
        if decision not in (KEEP, DROP):
            raise UserError(f"{path}, line {line}: '{decision}' is no decision.", "Write keep or drop.")
        if label and label not in labels:
            raise UserError(
                f"{path}, line {line}: '{label}' is no class.",
                f"Write one of {', '.join(labels)}, or nothing.",
            )
        decisions[sha256] = Decision(decision == KEEP, label)
    return decisions


def write_review(path: Path, decisions: dict[str, Decision]) -> None:
    """Write decisions to a file beside `path` and put that in its place: whole, or not at all."""
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


def obey(manifest: "pd.DataFrame", decisions: dict[str, Decision]) -> "pd.DataFrame":
    """Let a person's word overrule every check, and say so in `decided_by`.

    An image that could not be decoded stays dropped, whatever was decided.
    """
    decided = [
        decisions.get(sha256) if phash else None
        for sha256, phash in zip(manifest["sha256"], manifest["phash"], strict=True)
    ]

    def column(name: str, of: "dict[bool, str]") -> list[str]:
        return [of[word.keep] if word else old for word, old in zip(decided, manifest[name], strict=True)]

    return manifest.assign(
        kept=column("kept", {True: "1", False: "0"}),
        dropped_for=column("dropped_for", {True: "", False: "review"}),
        score=column("score", {True: "", False: ""}),
        duplicate_of=column("duplicate_of", {True: "", False: ""}),
        label=[
            word.label or old if word else old for word, old in zip(decided, manifest["label"], strict=True)
        ],
        decided_by=[PERSON if word else "" for word in decided],
    )


def gone(manifest: "pd.DataFrame", decisions: dict[str, Decision]) -> list[str]:
    """The sha256 of images that a person decided about and that are no longer there, sorted."""
    return sorted(set(decisions) - set(manifest["sha256"]))
