"""Write records as CSV."""

import csv
from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def write_table(
    path: Path, record: "type[DataclassInstance]", records: "Iterable[DataclassInstance]"
) -> None:
    """Write `records` of the dataclass `record`, whose fields are the columns; None becomes ''."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(record)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(each) for each in records)
