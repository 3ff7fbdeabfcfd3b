"""Stage `split_images`: which pictures are for training, validation and test."""

import hashlib
import logging

import numpy as np
import pandas as pd

from herodex import paths
from herodex.classifier.manifest import read_manifest, write_manifest
from herodex.command import run_command
from herodex.errors import UserError
from herodex.params import Params, SplitImagesParams, load_params

log = logging.getLogger(__name__)

PARTS = ("train", "validation", "test")


def position(cluster: str, seed: int) -> float:
    """A number in [0, 1) that depends on a cluster's id and the seed alone."""
    digest = hashlib.sha256(f"{seed}:{cluster}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def split(manifest: pd.DataFrame, params: SplitImagesParams, seed: int) -> pd.DataFrame:
    """Give each kept row a `part`, stratified by query; a cluster's rows all go to one part.

    The clusters of a query are ordered by `position`; the first share is the test part, the next one
    validation. A cluster belongs to the first query, in the manifest's order, that has it.

    Args:
        manifest: with `kept`, `query` and `cluster`.
        params: the shares of validation and test.
        seed: another seed gives another split.

    Returns:
        the manifest with `part`, empty for rows that are not kept.
    """
    kept = manifest[manifest["kept"] == "1"]
    owners = kept.drop_duplicates("cluster")[["query", "cluster"]]
    part_of: dict[str, str] = {}
    for _, owned in owners.groupby("query", sort=False):
        ordered = sorted(owned["cluster"], key=lambda cluster: position(cluster, seed))
        tests = round(len(ordered) * params.test)
        validations = round(len(ordered) * params.validation)
        for i, cluster in enumerate(ordered):
            part_of[cluster] = "test" if i < tests else "validation" if i < tests + validations else "train"
    parts = np.where(manifest["kept"] == "1", manifest["cluster"].map(part_of).fillna(""), "")
    return manifest.assign(part=parts)


def require_every_part(manifest: pd.DataFrame, params: Params) -> None:
    """Check that each class has a picture in each part.

    Raises:
        UserError: a class has too few pictures for that.
    """
    for name in params.classes:
        counts = manifest[manifest["label"] == name]["part"].value_counts()
        if empty := [part for part in PARTS if part not in counts]:
            kept = sum(int(counts[part]) for part in PARTS if part in counts)
            raise UserError(
                f"'{name}' has {kept} pictures, none of them for {empty[0]}.",
                "Raise crawl.images.per_query, or the shares in classifier.split.",
            )


def main() -> None:
    """Write `split.csv`: the manifest with `part`."""
    params = load_params()
    manifest = split(read_manifest(paths.CURATED_IMAGES), params.classifier.split, params.seed)
    require_every_part(manifest, params)
    write_manifest(manifest, paths.SPLIT_IMAGES)
    log.info("%s", pd.crosstab(manifest["label"], manifest["part"].where(manifest["part"] != "", "none")))


if __name__ == "__main__":
    run_command(main)
