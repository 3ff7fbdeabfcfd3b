r"""CSV table of names, one row for each name found, that stages extend by columns.

- The crawl writes `number`, `name`, `generation` and `page_url`; names from `params.yaml` have `name` only.
- `clean_names` adds `text` (the normalised name that the model reads), `kept` (1 or 0), `reason` (why it was
  dropped) and `duplicate_of` (the kept name with the same text).
- `split_names` keeps the rows with `kept` 1 and adds `part` (`train`, `validation` or `test`).

Files are UTF-8 with `\n` at the end of each line.
"""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from herodex.csv_table import write_rows
from herodex.errors import UserError

RAW_COLUMNS = ("number", "name", "generation", "page_url")
CLEAN_COLUMNS = (*RAW_COLUMNS, "text", "kept", "reason", "duplicate_of")
SPLIT_COLUMNS = (*CLEAN_COLUMNS, "part")

Row = dict[str, str]


def read_names(path: Path, columns: Sequence[str]) -> list[Row]:
    """Read a table of names that has at least the given columns.

    Raises:
        UserError: The file is missing or not UTF-8 CSV, or a column or a cell is missing.
    """
    hint = f"Delete {path} and run `dvc repro`, which recreates it."
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            header, rows = reader.fieldnames or (), list(reader)
    except FileNotFoundError:
        raise UserError(f"{path} is missing.", "Run `dvc repro`, which creates it.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} is not UTF-8 CSV: {error}.", hint) from None
    if missing := [column for column in columns if column not in header]:
        raise UserError(f"{path} has no column {', '.join(missing)}.", hint)
    for number, row in enumerate(rows, start=1):
        if None in row or None in row.values():
            raise UserError(f"{path}: row {number} has more or fewer cells than columns.", hint)
    return rows


def write_names(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write the given columns of the rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_rows(path, columns, rows)


def texts_of(rows: Iterable[Row], *parts: str) -> list[str]:
    """Return the texts of the rows in the given parts, in table order."""
    return [row["text"] for row in rows if row["part"] in parts]
