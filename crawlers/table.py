"""Write records as CSV."""

from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING

from herodex.csv_table import write_rows

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def write_table(
    path: Path, record: "type[DataclassInstance]", records: "Iterable[DataclassInstance]"
) -> None:
    """Write `records` of the dataclass `record`, whose fields are the columns; None becomes ''."""
    write_rows(path, [field.name for field in fields(record)], (asdict(each) for each in records))
