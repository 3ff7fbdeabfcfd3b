"""The table that follows every image through the pipeline, one row for each search result.

A stage adds columns and never removes a row:

- the crawl: `query`, `rank`, `image_url`, `page_url`, `title`, `author`, `license`, `license_url`,
  `status` (`ok` or why there is no image), `reason`, `sha256` of the image's bytes, `file`, `label`
  (what it should show: a class, or `unknown` where the query is a distractor);
- `clean_images`: `kept` (1 or 0), `dropped_for` (see `REASONS`), `score` (of what it was dropped for, from
  0, worst, to 1), `width` and `height` (upright, without bars), `format`, `pixel_sha256` (of the pixels in
  normal form), `phash` (nothing
  where there are no pixels), `cluster` (shared by copies of one image), `duplicate_of` (the sha256 of the one
  that stays);
- `curate_images`: `decided_by` (`person` or nothing), `label_quality` (how far the features bear the label
  out, from 0, worst, to 1), `looks_like` (the query that they bear out best), and `label`, `kept`,
  `dropped_for`, `score`, `cluster`, `duplicate_of` anew;
- `split_images`: `part` (`train`, `validation`, `test`, or nothing).
"""

from pathlib import Path
from typing import TYPE_CHECKING

from herodex import paths
from herodex.errors import UserError
from herodex.params import Params

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

NO_HASH = ""

REASONS = {
    "no_download": "nothing came from its address",
    "truncated": "breaks off before its end",
    "not_an_image": "in no format that is read",
    "unreadable": "spoilt",
    "too_large": "claims more pixels than are decoded",
    "too_small": "too few pixels a side",
    "odd_aspect": "a strip",
    "too_dark": "next to black",
    "too_light": "next to white",
    "low_information": "next to empty",
    "blurry": "out of focus",
    "exact_duplicate": "the bytes or the pixels of another one",
    "near_duplicate": "another one, changed a little",
    "conflict": "found under several classes",
    "label_error": "shows what another search asked for",
    "outlier": "shows nothing that was asked for",
    "review": "a person said so",
}
"""Every value of `dropped_for`, in the order in which they are found, and what it says of an image."""


def read_clean(file: str) -> "np.ndarray":
    """Read an image in normal form by its name in the manifest; returns uint8 RGB [h, w, 3]."""
    import numpy as np
    from PIL import Image

    return np.asarray(Image.open((paths.CLEAN_IMAGES / file).with_suffix(".png")))


def read_manifest(path: Path) -> "pd.DataFrame":
    """Read a manifest; every column is text, an empty cell is the empty text.

    Raises:
        UserError: there is no such file.
    """
    import pandas as pd

    if not path.exists():
        raise UserError(f"{path} is missing.", "Run `dvc repro`, which makes it.")
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def write_manifest(manifest: "pd.DataFrame", path: Path) -> None:
    """Write a manifest as UTF-8 CSV with \\n at the end of each line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    manifest.to_csv(path, index=False, lineterminator="\n")


def require_every_class(manifest: "pd.DataFrame", params: Params, where: str) -> None:
    """Check that each class still has a kept image, and name those that have none.

    Raises:
        UserError: a class has lost all its images; the message says to what.
    """
    kept = set(manifest["query"][manifest["kept"] == "1"])
    for name in params.classes:
        if name not in kept:
            reasons = manifest["dropped_for"][manifest["query"] == name].value_counts()
            lost = ", ".join(f"{count} {reason}" for reason, count in reasons.items()) or "none was found"
            raise UserError(
                f"{where}: no image of '{name}' is left ({lost}).",
                "Raise crawl.images.per_query, loosen classifier.clean, or take the class out.",
            )


def subjects(manifest: "pd.DataFrame", params: Params) -> "np.ndarray":
    """What each row should show: a class, a distractor, or nothing where a person said `unknown`."""
    shown = manifest["query"].where(manifest["query"].isin(params.distractors), "")
    return manifest["label"].where(manifest["label"].isin(params.classes), shown).to_numpy(str)


def summary(manifest: "pd.DataFrame") -> str:
    """Word how many images of each query are kept, and how many were dropped for what."""
    import pandas as pd

    outcome = manifest["dropped_for"].where(manifest["dropped_for"] != "", "kept")
    table = pd.crosstab(manifest["query"], outcome, margins=True, margins_name="all")
    return table.to_string()
