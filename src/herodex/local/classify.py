"""`herodex classify`: answer images in files and folders, without a server."""

import logging
import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import ExitStack, contextmanager
from pathlib import Path

from herodex.csv_table import open_table
from herodex.errors import UserError
from herodex.local.answer_rows import csv_writer, text_table, to_json
from herodex.local.image_files import FoundFiles, find_files, show_path
from herodex.local.models import FileAnswer, Models
from herodex.progress import track

log = logging.getLogger(__name__)

Write = Callable[[FileAnswer], object]


def classify(models: Models, arguments: Iterable[Path], csv: Path | None, as_json: bool) -> bool:
    """Answer images, and write the answers as CSV, JSON or text.

    Args:
        models: with a classifier.
        arguments: files, and folders that are read at any depth.
        csv: the table to write; None for none.
        as_json: whether to print a line of JSON for each image; else a table is printed if there is no CSV.

    Returns:
        whether any image has an answer.

    Raises:
        UserError: there is no file, no classifier, or the table cannot be written.
    """
    found = find_files(arguments, csv)
    describe_left_out(found)
    classes = models.classifier.classes
    answers = with_unreadable(found, models)
    # Lines that appear in the terminal show the progress themselves.
    if not (as_json and sys.stdout.isatty()):
        answers = track(answers, len(found.files), "classify", "images")
    kept: list[FileAnswer] = []
    answered = failed = 0
    with csv_rows(csv, classes) as write:
        for answer in answers:
            answered, failed = answered + (answer.prediction is not None), failed + bool(answer.error)
            write(answer)
            if as_json:
                sys.stdout.write(to_json(answer) + "\n")
                sys.stdout.flush()
            elif csv is None:
                kept.append(answer)
    if kept:
        sys.stdout.write("\n".join(text_table(kept, models.params.page.display_name)) + "\n")
    where = f", in {csv}" if csv else ""
    without = f"; {failed} have an error instead" if failed else ""
    log.info("%d of %d files are answered%s%s", answered, answered + failed, where, without)
    return answered > 0


def describe_left_out(found: FoundFiles) -> None:
    """Say what a walk through the folders leaves out."""
    if found.hidden:
        log.info("%d hidden files and folders are left out", found.hidden)
    if found.linked:
        log.info("%d links to folders are not followed; name them to read them", found.linked)


def with_unreadable(found: FoundFiles, models: Models) -> Generator[FileAnswer]:
    """Yield the answers of files, and errors of folders that cannot be listed."""
    answers = models.classify_files(path for path in found.files if path not in found.unreadable)
    for path in found.files:
        error = found.unreadable.get(path)
        yield FileAnswer(show_path(path), None, error) if error else next(answers)


@contextmanager
def csv_rows(csv: Path | None, classes: Iterable[str]) -> Generator[Write]:
    """Open the table, so that a wrong place is found before the work; yield the function that writes rows."""
    if csv is None:
        yield lambda answer: None
        return
    with ExitStack() as stack:
        with write_errors(csv):
            write = csv_writer(stack.enter_context(open_table(csv)), list(classes))

        def write_row(answer: FileAnswer) -> None:
            with write_errors(csv):
                write(answer)

        yield write_row
        with write_errors(csv):
            stack.close()


@contextmanager
def write_errors(csv: Path) -> Generator[None]:
    """Turn an error of the system into a message about the table; the terminal has errors of its own."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{csv} cannot be written: {error.strerror or error}.", "Name another file: --csv FILE."
        ) from None
