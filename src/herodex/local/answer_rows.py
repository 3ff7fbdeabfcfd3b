"""Answers as rows: of a CSV table, as JSON, and as text for a terminal."""

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict

from herodex.csv_table import CRLF, UnixRows
from herodex.local.image_files import printable
from herodex.local.models import FileAnswer
from herodex.params import UNKNOWN

COLUMNS = ["file", "label", "known", "set", "looks_like", "error", "model"]
"""Columns before `p_CLASS` for each class and `p_unknown`."""
SET_SEPARATOR = "/"
"""Between the answers of a confidence set; no class name has it, because it names a folder."""
FORMULA_STARTS = tuple("=+-@＝＋－＠\t\r\n")
"""Starts of cells that spreadsheets take for formulas, or skip before one."""
MARK = "'"
"""Before a cell that would be a formula; spreadsheets show the cell as text."""
DIGITS = 6
LONGEST_PATH = 60
"""Characters of a path in a terminal: its end, because that tells most."""


def safe_cell(text: str) -> str:
    """Mark a cell that a spreadsheet would take for a formula; cells that start with the mark get another."""
    return MARK + text if text.startswith((*FORMULA_STARTS, MARK)) else text


def cells(answer: FileAnswer, classes: Sequence[str]) -> list[object]:
    """Return a row of the CSV table; an image without an answer has empty cells."""
    found = answer.prediction
    if found is None:
        texts = [answer.file, "", "", "", "", answer.error, ""]
        return [*map(safe_cell, texts), *([None] * (len(classes) + 1))]
    known = str(found.known).lower()
    texts = [
        answer.file,
        found.label,
        known,
        SET_SEPARATOR.join(found.set),
        found.looks_like,
        "",
        found.model,
    ]
    numbers = [*(found.probabilities[name] for name in classes), found.unknown]
    return [*map(safe_cell, texts), *(round(number, DIGITS) for number in numbers)]


def csv_writer(file: UnixRows, classes: Sequence[str]) -> Callable[[FileAnswer], object]:
    """Write the header of a CSV table; return a function that writes the row of an answer.

    Text is quoted, so that a program that separates cells by semicolons sees no further cells.
    """
    writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC, lineterminator=CRLF)
    writer.writerow([*COLUMNS, *(f"p_{name}" for name in (*classes, UNKNOWN))])
    return lambda answer: writer.writerow(cells(answer, classes))


def to_json(answer: FileAnswer) -> str:
    """Return an answer as one line of JSON: the service's fields after `file`, or `error`."""
    fields = asdict(answer.prediction) if answer.prediction else {"error": answer.error}
    return json.dumps({"file": answer.file, **fields}, ensure_ascii=False)


def text_table(answers: Iterable[FileAnswer], shown: Callable[[str], str]) -> list[str]:
    """Lay out answers as lines for a terminal.

    Args:
        answers: of files.
        shown: returns the text for a class or distractor.
    """
    rows = [("file", "answer", "probability", ""), *(row(answer, shown) for answer in answers)]
    files, labels, numbers = (
        max(len(cell) for cell in column) for column in list(zip(*rows, strict=True))[:3]
    )
    return [
        f"{file:<{files}}  {label:<{labels}}  {number:>{numbers}}  {note}".rstrip()
        for file, label, number, note in rows
    ]


def row(answer: FileAnswer, shown: Callable[[str], str]) -> tuple[str, str, str, str]:
    """Return file, answer, probability and a note: an error, other likely answers, or a lookalike."""
    file, found = shorten(printable(answer.file)), answer.prediction
    if found is None:
        return file, "no answer", "", answer.error

    def named(label: str) -> str:
        return "none of these" if label == UNKNOWN else shown(label)

    answered = found.label if found.known else UNKNOWN
    probability = found.probabilities[found.label] if found.known else found.unknown
    notes = [f"or {named(other)}" for other in found.set if other != answered]
    notes += [f"looks like {shown(found.looks_like)}"] if found.looks_like else []
    return file, named(answered), f"{probability:.3f}", ", ".join(notes)


def shorten(path: str) -> str:
    """Cut the start of a long path."""
    return path if len(path) <= LONGEST_PATH else "…" + path[1 - LONGEST_PATH :]
