"""Stage `draw_examples`: draw or choose examples for the page; make thumbnails of training images."""

import csv
import io
import shutil
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageOps

from demo_web.drawing.draw import draw
from herodex import paths
from herodex.command import run_command
from herodex.dataset.image_store import read_png
from herodex.params import FROM_FEEDBACK, FROM_FOLDER, UNKNOWN, Params, load_params
from herodex.thumbnails import write_thumbnails

SIDE = 256
COLOURS = 64
"""Few colours keep the files small; the drawings have flat colours."""
QUALITY = 80
MOST = 4
"""The largest number of classes with an example."""
SEED = "example 6"
"""Chosen by eye for recognisable drawings. The demo web uses other seeds."""


def subjects(params: Params) -> list[str]:
    """Return the subjects of the examples: classes and one distractor."""
    return [*params.classes[:MOST], *params.distractors[:1]]


def drawn(subject: str) -> Image.Image:
    """Draw a subject."""
    return draw(subject, SEED)


def write_examples(
    folder: Path, subjects: list[str], find: Callable[[str], Image.Image | None], kind: str
) -> None:
    """Write a small square image of each subject that `find` finds an image of.

    A file's name begins with its position, to keep the order.
    """
    for place, subject in enumerate(subjects):
        if image := find(subject):
            square = ImageOps.fit(image, (SIDE, SIDE), Image.Resampling.LANCZOS, centering=(0.5, 0.2))
            if kind == "png":
                square = square.quantize(COLOURS, dither=Image.Dither.NONE)
            square.save(folder / f"{place}-{subject}.{kind}", optimize=True, quality=QUALITY)


def most_typical(table: Path, images: Path) -> Callable[[str], Image.Image | None]:
    """Return a function that finds a subject's image with the greatest label quality.

    Args:
        table: The images with their split; those that are set aside do not count.
        images: Folder of the normalised images.
    """
    best: dict[str, dict[str, str]] = {}
    with table.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            # A distractor's label is `unknown`.
            subject = row["query"] if row["label"] == UNKNOWN else row["label"]
            # Visitors who reported an image did not agree to show it.
            usable = row["kept"] == "1" and row.get("source") != FROM_FEEDBACK
            if usable and quality(row) > quality(best.get(subject, {})):
                best[subject] = row

    def find(subject: str) -> Image.Image | None:
        row = best.get(subject)
        return Image.open(io.BytesIO(read_png(row["file"], images))) if row else None

    return find


def quality(row: dict[str, str]) -> float:
    """Return an image's label quality; -1 for no image, and 0 if none was computed."""
    return float(row["label_quality"] or 0) if row else -1


def main() -> None:
    """Draw examples on the demo web; of a user's folder, take images of its own unless `page` says no.

    Images of the live web have authors and licences, which an example cannot name, so they are never shown.
    """
    params = load_params()
    shutil.rmtree(paths.EXAMPLES, ignore_errors=True)
    paths.EXAMPLES.mkdir(parents=True)
    if params.crawl.web == "demo":
        write_examples(paths.EXAMPLES, subjects(params), drawn, "png")
    elif params.crawl.images.sources == [FROM_FOLDER] and params.page.own_examples:
        find = most_typical(paths.SPLIT_IMAGES, paths.CLEAN_IMAGES)
        write_examples(paths.EXAMPLES, subjects(params), find, "jpg")
    write_thumbnails(paths.NEIGHBOURS, paths.SPLIT_IMAGES, read_png, params.page)


if __name__ == "__main__":
    run_command(main)
