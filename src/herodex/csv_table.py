r"""Write CSV tables that hold any text: UTF-8, with `\n` at the end of each row."""

import csv
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

CRLF = "\r\n"


class UnixRows:
    r"""A file for a CSV writer whose rows end with `\r\n`, which writes `\n` instead.

    The `csv` module quotes only the line ends that it writes itself, so a writer with `\n` would leave a `\r`
    bare, and readers take that for the end of a row.
    """

    def __init__(self, file: IO[str]) -> None:
        self.file = file

    def write(self, row: str) -> None:
        """Write one row."""
        self.file.write(row.removesuffix(CRLF) + "\n")


@contextmanager
def open_table(path: Path) -> Generator[UnixRows]:
    """Open a table to write; pass the result to a CSV writer with CRLF as its line terminator."""
    with path.open("w", encoding="utf-8", newline="") as file:
        yield UnixRows(file)


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write the given columns of the rows; None becomes an empty cell."""
    with open_table(path) as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator=CRLF)
        writer.writeheader()
        writer.writerows(rows)
