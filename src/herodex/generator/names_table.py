"""The table that follows every name through the pipeline, one row for each name found.

A stage adds columns and never removes a row that may be wanted:

- the crawl: `number`, `name`, `generation`, `page_url` (all but `name` empty for names from `params.yaml`);
- `clean_names`: `text` (the form that the model reads), `kept` (1 or 0), `reason` (why it was dropped),
  `duplicate_of` (the kept name with the same text);
- `split_names`, for kept names alone: `part` (`train`, `validation`, `test`).
"""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from herodex.errors import UserError

RAW_COLUMNS = ("number", "name", "generation", "page_url")
CLEAN_COLUMNS = (*RAW_COLUMNS, "text", "kept", "reason", "duplicate_of")
SPLIT_COLUMNS = (*CLEAN_COLUMNS, "part")

Row = dict[str, str]


def read_names(path: Path, columns: Sequence[str]) -> list[Row]:
    """Read a table of names that has at least `columns`; every cell is text.

    Raises:
        UserError: there is no such file, it is no UTF-8 CSV, or a column or a row's cell is missing.
    """
    hint = f"Delete {path} and run `dvc repro`, which makes it anew."
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            header, rows = reader.fieldnames or (), list(reader)
    except FileNotFoundError:
        raise UserError(f"{path} is missing.", "Run `dvc repro`, which makes it.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} is no CSV in UTF-8: {error}.", hint) from None
    if missing := [column for column in columns if column not in header]:
        raise UserError(f"{path} has no column {', '.join(missing)}.", hint)
    for number, row in enumerate(rows, start=1):
        if None in row or None in row.values():
            raise UserError(f"{path}: row {number} has more or fewer cells than columns.", hint)
    return rows


def write_names(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write `columns` of the rows as UTF-8 CSV with \\n at the end of each line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def texts_of(rows: Iterable[Row], *parts: str) -> list[str]:
    """The model's texts of the rows in `parts`, in the order of the table."""
    return [row["text"] for row in rows if row["part"] in parts]
