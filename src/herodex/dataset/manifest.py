"""The manifest: one row per search result, from the crawl to the split.

A stage adds columns and never removes a row:

- the crawl: `query`, `rank`, `image_url`, `page_url`, `title`, `author`, `license`, `license_url`,
  `status` (`ok`, or why there is no image), `reason`, `sha256` of the file, `file`, `label` (the expected
  class, or `unknown` if the query is a distractor), `group` (of the user's `groups.csv`, or empty),
  `folder_part` (`train`, `validation` or `test` if the image's folder says so; crawls of earlier releases
  lack these two);
- `clean_images`: `kept` (1 or 0), `dropped_for` (see `REASONS`), `score` (of the check that the image
  failed, from 0, worst, to 1), `width` and `height` (upright, without bars), `format`, `pixel_sha256` (of
  the normalised pixels), `phash` (empty if the file cannot be decoded), `duplicate_group` (shared by
  duplicates), `duplicate_of` (sha256 of the duplicate that is kept);
- `curate_images`: `decided_by` (`person` or empty), `label_quality` (out-of-fold probability of the label,
  from 0, worst, to 1), `looks_like` (the most probable query), `checks_off`
  (the checks that are switched off for the query, with reasons), and new values of `label`, `kept`,
  `dropped_for`, `score`, `duplicate_group` (which joins the images of a `group`) and `duplicate_of`;
- `split_images`: `part` (`train`, `validation`, `test`; `set_aside` and `test_set_aside` for images that a
  label check has dropped, which are answered but never learnt from; or empty).
"""

import io
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import numpy as np
from jaxtyping import Shaped, UInt8
from PIL import Image

from herodex import paths
from herodex.csv_table import CRLF, open_table
from herodex.dataset.image_store import read_png
from herodex.errors import UserError
from herodex.params import Params

if TYPE_CHECKING:
    import pandas

NO_HASH = ""
PARTS = ("train", "validation", "test")
"""The parts that models learn from or are tested on."""
SET_ASIDE = "set_aside"
"""The part of images that a label check has dropped, beside the training and validation parts."""
TEST_SET_ASIDE = "test_set_aside"
"""The part of such images beside the test part."""
LABEL_CHECKS = ("label_error", "outlier")
"""The values of `dropped_for` of these checks."""

ReadImage = Callable[[str], UInt8[np.ndarray, "h w 3"]]
"""Reads a normalised RGB image by its `file` in the manifest."""

REASONS = {
    "no_download": "the download failed, or the file cannot be read",
    "truncated": "the file ends early",
    "not_an_image": "the format is not supported",
    "unreadable": "the file is corrupt",
    "too_large": "the header states more pixels than are decoded",
    "too_small": "the image has too few pixels per side",
    "odd_aspect": "the image is a narrow strip",
    "too_dark": "the image is almost black",
    "too_light": "the image is almost white",
    "low_information": "the image is almost empty",
    "blurry": "the image is out of focus",
    "exact_duplicate": "same bytes or pixels as another image",
    "near_duplicate": "a slightly changed version of another image",
    "label_conflict": "duplicates with different labels",
    "test_group": "in one group with a test image, or a duplicate of it",
    "label_error": "the image looks like another query",
    "outlier": "the image looks like none of the queries",
    "review": "a person dropped it",
    "license": "the licence does not fit `use` in params.yaml",
}
"""Every value of `dropped_for`, in the order of the checks, with its meaning."""

_DECODING = "Convert these files to JPEG or PNG; `reason` in data/images/raw/manifest.csv says more."
_QUALITY = "Add better images, or loosen classifier.clean."
_SIMILAR = "Add images that differ from each other."
_LABELS = "Check the images on reports/clean, keep right ones in `make review`, or add images."
ADVICE = {
    "no_download": "Run `make refresh` to try again; `reason` in data/images/raw/manifest.csv says more.",
    "truncated": "Save these files again, or add others.",
    "not_an_image": _DECODING,
    "unreadable": _DECODING,
    "too_large": "Scale these images down, or raise crawl.max_image_mb and classifier.clean.max_pixels_mp.",
    **dict.fromkeys(
        ("too_small", "odd_aspect", "too_dark", "too_light", "low_information", "blurry"), _QUALITY
    ),
    "exact_duplicate": _SIMILAR,
    "near_duplicate": _SIMILAR,
    "label_conflict": "The same images are in several classes: keep each image in one folder or search.",
    "test_group": "Add images that are no duplicates of test images, and in other groups than these.",
    "label_error": _LABELS,
    "outlier": _LABELS,
    "review": "Keep some of its images in `make review`, or add images.",
    "license": "Add images with other licences: see `use` and crawl.images.licenses.",
}
"""What helps a class that lost its images, by the commonest `dropped_for`."""


def read_clean(
    file: str, folder: Path = paths.CLEAN_IMAGES, in_order: bool = False
) -> UInt8[np.ndarray, "h w 3"]:
    """Read a normalised RGB image by its `file` in the manifest; see `read_png`."""
    return np.asarray(Image.open(io.BytesIO(read_png(file, folder, in_order))))


def read_manifest(path: Path) -> "pandas.DataFrame":
    """Read a manifest, or another table, with every column as text and empty cells as empty text.

    Text stays as it is: a class may be called 0, 1.0 or nan.

    Raises:
        UserError: the file does not exist.
    """
    import pandas

    if not path.exists():
        raise UserError(f"{path} is missing.", "Run `dvc repro` to create it.")
    return pandas.read_csv(path, dtype=str, keep_default_na=False)


def write_manifest(manifest: "pandas.DataFrame", path: Path) -> None:
    """Write a manifest as UTF-8 CSV with LF line ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open_table(path) as file:
        manifest.to_csv(cast("IO[str]", file), index=False, lineterminator=CRLF)


def stated(manifest: "pandas.DataFrame", column: str) -> "pandas.Series[str]":
    """Return `group` or `folder_part`; without the column, as in older manifests, every cell is empty."""
    import pandas

    return manifest[column] if column in manifest else pandas.Series("", manifest.index, dtype=str)


def require_every_class(manifest: "pandas.DataFrame", params: Params, where: str) -> None:
    """Check that each class still has a kept image.

    Raises:
        UserError: a class has none left; the message counts the reasons.
    """
    kept = set(manifest["query"][manifest["kept"] == "1"])
    for name in params.classes:
        if name not in kept:
            reasons = manifest["dropped_for"][manifest["query"] == name].value_counts()
            lost = ", ".join(f"{count} {reason}" for reason, count in reasons.items()) or "none was found"
            more = (
                "Add images" if params.crawl.images.sources == ["folder"] else "Raise crawl.images.per_query"
            )
            advice = ADVICE.get(str(reasons.index[0]), f"{more}.") if len(reasons) else f"{more}."
            raise UserError(
                f"{where}: no image of '{name}' is left ({lost}).",
                f"{advice} Or remove the class from params.yaml.",
            )


def subjects(manifest: "pandas.DataFrame", params: Params) -> Shaped[np.ndarray, " n"]:
    """Return the expected subject of each row: a class, a distractor, or empty if unknown."""
    shown = manifest["query"].where(manifest["query"].isin(params.distractors), "")
    return manifest["label"].where(manifest["label"].isin(params.classes), shown).to_numpy(str)


def summary(manifest: "pandas.DataFrame") -> str:
    """Tabulate kept and dropped images by query and reason."""
    import pandas

    outcome = manifest["dropped_for"].where(manifest["dropped_for"] != "", "kept")
    table = pandas.crosstab(manifest["query"], outcome, margins=True, margins_name="all")
    return table.to_string()
