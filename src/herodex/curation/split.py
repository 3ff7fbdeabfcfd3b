"""Stage `split_images`: which images are for training, validation and test.

An image's part depends on the images of its cluster and on the seed, on no other image. Each of them has
a position between 0 and 1, and the cluster stands where the last of them stands: test comes first, then
validation, then training. So an image that is added moves no other one, unless it is a copy; and copies only
ever draw a cluster towards training, so that nothing that was learnt from is ever tested on. The one
exception is a class that would have no image in a part.
"""

import logging
from collections.abc import Callable

import numpy as np
import pandas as pd

from herodex import paths
from herodex.command import run_command
from herodex.curation.alignment import confirm
from herodex.curation.near_duplicates import cosines, pairs_between, unit_vectors
from herodex.dataset.feature_table import read_features
from herodex.dataset.manifest import read_clean, read_manifest, write_manifest
from herodex.errors import UserError
from herodex.hashing import position
from herodex.params import ClassifierParams, Params, SplitImagesParams, load_params

log = logging.getLogger(__name__)

PARTS = ("train", "validation", "test")
POSITIONS = ("test", "validation", "train")
"""The parts as they follow each other between 0 and 1."""
NAMED_LEAKS = 5


def cluster_positions(manifest: pd.DataFrame, seed: int) -> pd.Series:
    """Say where each row's cluster stands: float in [0, 1), the greatest `position` among its images."""
    positions = pd.Series([position(sha256, str(seed)) for sha256 in manifest["sha256"]], manifest.index)
    return positions.groupby(manifest["cluster"]).transform("max")


def split(manifest: pd.DataFrame, params: SplitImagesParams, seed: int) -> pd.DataFrame:
    """Give each kept row a `part`; a cluster's rows all go to one part.

    Every class, and every source of it, gives each part the same share but for chance: exact shares could
    not be had without moving images when others are added.

    Args:
        manifest: with `kept`, `cluster` and `sha256`.
        params: the shares of validation and test, of clusters of a single image; of k copies, a test
            cluster is as rare as the share to the power of k.
        seed: another seed gives another split.

    Returns:
        the manifest with `part`, empty for rows that are not kept.
    """
    places = cluster_positions(manifest, seed)
    rest = np.where(places < params.test + params.validation, "validation", "train")
    parts = np.where(places < params.test, "test", rest)
    return manifest.assign(part=np.where(manifest["kept"] == "1", parts, ""))


def fill_parts(manifest: pd.DataFrame, classes: list[str], seed: int) -> pd.DataFrame:
    """Move a cluster into each part that by chance has nothing of a class, as happens where there is little.

    It comes from the part that has most of the class, and is the one that stands nearest. A class of fewer
    clusters than parts stays as it is.

    Args:
        manifest: with what `split` gave.
        classes: each of which is needed in every part.
        seed: that of the split.
    """
    places = cluster_positions(manifest, seed).to_numpy(float)
    labels, clusters, parts = (manifest[column].to_numpy(str) for column in ("label", "cluster", "part"))
    for name in classes:
        for part in POSITIONS:
            of_class = [(labels == name) & (parts == there) for there in POSITIONS]
            counts = [len(np.unique(clusters[rows])) for rows in of_class]
            wanted, giver = POSITIONS.index(part), int(np.argmax(counts))
            if counts[wanted] or counts[giver] < 2:
                continue
            rows = np.flatnonzero(of_class[giver])
            nearest = rows[places[rows].argmin() if giver > wanted else places[rows].argmax()]
            parts = np.where((clusters == clusters[nearest]) & (parts != ""), part, parts)
    return manifest.assign(part=parts)


def find_leaks(
    manifest: pd.DataFrame,
    features: dict[str, np.ndarray],
    params: ClassifierParams,
    read: Callable[[str], np.ndarray] = read_clean,
) -> list[tuple[str, str]]:
    """Look for copies in different parts, by the features of all pairs and then by their pixels.

    Returns:
        pairs of sha256, the most alike first.
    """
    used = manifest[manifest["part"] != ""].drop_duplicates("sha256").sort_values("sha256", kind="stable")
    hashes, parts = used["sha256"].to_numpy(), used["part"].to_numpy()
    unit = unit_vectors(np.stack([features[sha256] for sha256 in hashes]))
    found = []
    for earlier, later in (("test", "train"), ("test", "validation"), ("validation", "train")):
        left, right = np.flatnonzero(parts == earlier), np.flatnonzero(parts == later)
        pairs = pairs_between(unit[left], unit[right], params.curate.near_similarity)
        found.append(np.stack([left[pairs[:, 0]], right[pairs[:, 1]]], axis=1))
    pairs = confirm(np.concatenate(found), used["file"].tolist(), read, params.clean.near_alignment)
    order = np.argsort(-cosines(unit, pairs), kind="stable")
    return [(str(hashes[i]), str(hashes[j])) for i, j in pairs[order]]


def require_no_leak(leaks: list[tuple[str, str]]) -> None:
    """Check that no image is in one part and a copy of it in another.

    Raises:
        UserError: one is; the message names the first of them.
    """
    if leaks:
        named = ", ".join(f"{one[:12]} and {other[:12]}" for one, other in leaks[:NAMED_LEAKS])
        raise UserError(
            f"{len(leaks)} pairs of images look alike and are in different parts: {named}.",
            f"Drop one of each in {paths.REVIEW} (`make review`), or raise classifier.clean.near_alignment.",
        )


def require_every_part(manifest: pd.DataFrame, params: Params) -> None:
    """Check that each class has an image in each part.

    Raises:
        UserError: a class has too few images for that.
    """
    for name in params.classes:
        counts = manifest[manifest["label"] == name]["part"].value_counts()
        if empty := [part for part in PARTS if part not in counts]:
            kept = sum(int(counts[part]) for part in PARTS if part in counts)
            raise UserError(
                f"'{name}' has {kept} images, none of them for {empty[0]}.",
                "Raise crawl.images.per_query, loosen classifier.clean, or take the class out.",
            )


def count_parts(manifest: pd.DataFrame) -> pd.DataFrame:
    """Count the kept images of each query, source and part; a crawl that names no source has one."""
    used = manifest[manifest["part"] != ""]
    keys = ["query", "source"] if "source" in used else ["query"]
    counts = used.groupby([*keys, "part"], sort=False).size().unstack(fill_value=0)
    return counts.reindex(columns=list(PARTS), fill_value=0).reset_index()


def main() -> None:
    """Write `split.csv`: the manifest with `part`; and how many images of each kind are in which part."""
    params = load_params()
    placed = split(read_manifest(paths.CURATED_IMAGES), params.classifier.split, params.seed)
    manifest = fill_parts(placed, params.classes, params.seed)
    require_every_part(manifest, params)
    require_no_leak(find_leaks(manifest, read_features(paths.FEATURES), params.classifier))
    write_manifest(manifest, paths.SPLIT_IMAGES)
    write_manifest(count_parts(manifest), paths.CLEAN_REPORTS / "parts.csv")
    log.info("%s", pd.crosstab(manifest["label"], manifest["part"].where(manifest["part"] != "", "none")))


if __name__ == "__main__":
    run_command(main)
