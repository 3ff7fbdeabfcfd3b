"""How far the clusters of copies agree with a reference on real images.

`python -m benchmarks.reference_duplicates INDEX FOLDER WORK` reads a table with `path`, `cls`,
`near_duplicate_cluster` and `sha256`, and cleans those of its images that lie in FOLDER, a sub-folder for
each class. It prints how many of the reference's pairs share a cluster, and how many of ours are in the
reference, and writes `disagreements.png` to WORK, since a reference is no truth. WORK keeps the features.
"""

import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from benchmarks.clean_folder import clean_folder
from herodex.command import run_command
from herodex.curation.contact_sheets import contact_sheet
from herodex.params import load_params
from herodex.statistics import share

Pair = tuple[str, str]


def pairs_of(groups: "pd.Series[str]") -> set[Pair]:
    """Pair the images of each group; `groups` are named by the images' sha256."""
    pairs = set()
    for _, members in groups.groupby(groups):
        pairs |= set(combinations(sorted(map(str, members.index)), 2))
    return pairs


def main() -> None:
    """Print the agreement, and show where the two differ."""
    index, folder, work = (Path(argument) for argument in sys.argv[1:4])
    table = pd.read_csv(index, dtype=str)
    table = table[table["path"].str.startswith(f"{folder.name}/")].drop_duplicates("sha256")
    queries = sorted(table["cls"].unique())
    params = load_params().model_copy(update={"classes": queries, "distractors": []})
    manifest = pd.DataFrame(
        {
            "query": table["cls"],
            "sha256": table["sha256"],
            "file": table["path"].str.removeprefix(f"{folder.name}/"),
            "status": "ok",
            "label": table["cls"],
        }
    ).reset_index(drop=True)
    curated, _ = clean_folder(manifest, folder, work, params)
    ours = pairs_of(curated.set_index("sha256")["cluster"])
    reference = pairs_of(table.set_index("sha256")["near_duplicate_cluster"])
    for name, hits, n in (
        ("of the reference's pairs, found", len(ours & reference), len(reference)),
        ("of the pairs found, in the reference", len(ours & reference), len(ours)),
    ):
        value = share(hits, n)
        sys.stdout.write(
            f"{name}: {value['value']:.3f} [{value['low']:.3f}, {value['high']:.3f}], {hits}/{n}\n"
        )

    files = dict(zip(curated["sha256"], curated["file"], strict=True))

    def read(sha256: str) -> np.ndarray:
        return np.asarray(Image.open((work / "clean" / files[sha256]).with_suffix(".png")))

    cells = [
        ([read(one), read(other)], f"{name}\n{one[:8]} {other[:8]}")
        for name, pairs in (("found alone", ours - reference), ("in the reference alone", reference - ours))
        for one, other in sorted(pairs)[:60]
    ]
    if cells:
        contact_sheet("disagreements", cells).save(work / "disagreements.png")


if __name__ == "__main__":
    run_command(main)
