"""Stage `split_images`: assign each kept image to the training, validation or test part.

The part depends on the seed and the images of the duplicate group alone. Each image has a pseudo-random
position in [0, 1), which the images of one of the user's groups have in common, and a duplicate group has
the largest position of its images. The unit interval is divided into test, validation and training, in this
order. So an added image moves no other image unless it is a duplicate, and an added duplicate moves its group
towards training only: an image that was trained on is never tested on later. The exceptions are a class that
would have no image in a part (see `fill_parts`), and test folders of the user's own, whose images are the
test part.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Int

from herodex import paths
from herodex.command import run_command
from herodex.curation.duplicate_pairs import DUPLICATE_GROUP, score_pairs
from herodex.curation.near_duplicates import cosines, near_features_between
from herodex.dataset.feature_table import Features, read_features, vectors_of
from herodex.dataset.manifest import (
    LABEL_CHECKS,
    PARTS,
    SET_ASIDE,
    TEST_SET_ASIDE,
    ReadImage,
    read_clean,
    read_manifest,
    stated,
    write_manifest,
)
from herodex.errors import UserError
from herodex.hashing import uniform_hash
from herodex.params import FROM_FOLDER, ClassifierParams, SplitImagesParams, load_params

log = logging.getLogger(__name__)

BY_POSITION = ("test", "validation", "train")
"""The parts in the order of their positions."""
MAX_NAMED_LEAKS = 5
AUTO_SHARE = 0.2
"""Share of the test part where there is one by null."""
MANY = 250
"""Images of the smallest class from which null holds out a test part; it has about 50 of them then."""


def group_positions(manifest: pd.DataFrame, seed: int) -> "pd.Series[float]":
    """Return the position in [0, 1) of each row's duplicate group.

    An image of one of the user's groups has the position of the group's name: the largest position of many
    images would take every large group to training.
    """
    named = zip(stated(manifest, "group"), manifest["sha256"], strict=True)
    units = [f"group {group}" if group else sha256 for group, sha256 in named]
    positions = pd.Series([uniform_hash(unit, str(seed)) for unit in units], manifest.index)
    return positions.groupby(manifest["duplicate_group"]).transform("max")


def held_out_share(manifest: pd.DataFrame, classes: list[str], params: SplitImagesParams) -> float:
    """Return the share of the test part, which null sets by the smallest class.

    A part of few images tells less than cross-validation over all of them, and its images are not learnt
    from, so null holds images out only where every class has at least `MANY`. Images of one of the user's
    groups count once.
    """
    if params.test == FROM_FOLDER:
        return 0.0
    if params.test is not None:
        return float(params.test)
    kept = manifest.assign(group=stated(manifest, "group"))[manifest["kept"] == "1"]
    counts = kept["label"][(kept["group"] == "") | ~kept.duplicated(["label", "group"])].value_counts()
    return AUTO_SHARE if min(int(counts.get(name, 0)) for name in classes) >= MANY else 0.0


def split(manifest: pd.DataFrame, validation: float, test: float, seed: int) -> pd.DataFrame:
    """Assign each kept row a `part`, the same for a whole duplicate group.

    The shares hold for every class and source up to chance: exact shares would need images to move when
    others are added.

    Args:
        manifest: with `kept`, `dropped_for`, `duplicate_group` and `sha256`.
        validation: share among groups of one image; a group of k images is in the test part with a
            probability of the share to the power of k.
        test: likewise.
        seed: another seed gives another split.

    Returns:
        the manifest with `part`, empty for rows that are neither kept nor set aside by a label check.
    """
    places = group_positions(manifest, seed)
    rest = np.where(places < test + validation, "validation", "train")
    parts = np.where(places < test, "test", rest)
    aside = np.where(places < test, TEST_SET_ASIDE, SET_ASIDE)
    others = np.where(manifest["dropped_for"].isin(LABEL_CHECKS), aside, "")
    return manifest.assign(part=np.where(manifest["kept"] == "1", parts, others))


def hold_out_test_folders(manifest: pd.DataFrame) -> pd.DataFrame:
    """Move the kept images of the user's test folders into the test part."""
    tested = (stated(manifest, "folder_part") == "test") & (manifest["kept"] == "1")
    return manifest.assign(part=manifest["part"].mask(tested, "test"))


def fill_parts(manifest: pd.DataFrame, classes: list[str], wanted: Sequence[str], seed: int) -> pd.DataFrame:
    """Move one duplicate group into each part that has no image of a class.

    The group comes from the part with the most groups of the class, and is the one whose position is closest.
    A class with fewer groups than parts stays as it is.

    Args:
        manifest: the result of `split`.
        classes: the classes that every part needs.
        wanted: the parts, in the order of `BY_POSITION`.
        seed: of the split.
    """
    places = group_positions(manifest, seed).to_numpy(float)
    groups, parts = manifest["duplicate_group"].to_numpy(str), manifest["part"].to_numpy(object, copy=True)
    of_class, of_group = _rows_by(manifest["label"]), _rows_by(manifest["duplicate_group"])
    for name in classes:
        own = of_class.get(name, np.empty(0, int))
        for target, part in enumerate(wanted):
            there = [own[parts[own] == name_of_part] for name_of_part in wanted]
            counts = [len(np.unique(groups[rows])) for rows in there]
            giver = int(np.argmax(counts))
            if counts[target] or counts[giver] < 2:
                continue
            rows = there[giver]
            nearest = rows[places[rows].argmin() if giver > target else places[rows].argmax()]
            group = of_group[str(groups[nearest])]
            parts[group[parts[group] != ""]] = part
    return manifest.assign(part=parts.astype(str))


def _rows_by(values: "pd.Series[str]") -> dict[str, Int[np.ndarray, " rows"]]:
    """Return the positions of each value."""
    found: dict[Any, Any] = values.groupby(values.to_numpy(str), sort=False).indices
    return {str(value): np.asarray(rows) for value, rows in found.items()}


def find_leaks(
    manifest: pd.DataFrame, features: Features, params: ClassifierParams, read: ReadImage = read_clean
) -> list[tuple[str, str]]:
    """Find near duplicates in different parts, by their features and then by their pixels.

    All pairs of two parts are compared up to 20,000 images. Beyond, an index finds the candidates, with a
    recall of 0.995 to 0.999 for duplicates of drawn features (see `feature_index`). Images of
    a query whose duplicate groups were divided, as they held too much of it, are not compared.

    Returns:
        pairs of sha256, the most similar first.
    """
    used = manifest[manifest["part"].isin(PARTS)].drop_duplicates("sha256")
    used = used.sort_values("sha256", kind="stable")
    hashes, parts = used["sha256"].to_numpy(), used["part"].to_numpy()
    vectors = vectors_of(features, used["sha256"].tolist())
    candidates = np.concatenate(
        [
            near_features_between(
                vectors,
                np.flatnonzero(parts == earlier),
                np.flatnonzero(parts == later),
                params.curate.near_similarity,
            )
            for earlier, later in combinations(BY_POSITION, 2)
        ]
    )
    if "checks_off" in used:
        divided = used["checks_off"].str.contains(DUPLICATE_GROUP).to_numpy()
        candidates = candidates[~divided[candidates].all(axis=1)]
    scored = score_pairs(used, np.ones(len(used), bool), candidates, params.clean.near_alignment, read)
    pairs = scored.at_least(params.clean.near_detail)
    order = np.argsort(-cosines(vectors, pairs), kind="stable")
    return [(str(hashes[i]), str(hashes[j])) for i, j in pairs[order]]


def require_no_leak(leaks: list[tuple[str, str]]) -> None:
    """Check that no part holds a near duplicate of an image in another part.

    Raises:
        UserError: at least one does; the message names the most similar pairs.
    """
    if leaks:
        named = ", ".join(f"{one[:12]} and {other[:12]}" for one, other in leaks[:MAX_NAMED_LEAKS])
        raise UserError(
            f"{len(leaks)} pairs of near duplicates are in different parts: {named}.",
            f"Drop one of each in {paths.REVIEW} (`make review`), or raise classifier.clean.near_detail.",
        )


def require_every_part(manifest: pd.DataFrame, classes: list[str], wanted: Sequence[str]) -> None:
    """Check that each class has an image in each wanted part.

    Raises:
        UserError: a class has too few images.
    """
    counts = Counter(zip(manifest["label"], manifest["part"], strict=True))
    for name in classes:
        if empty := [part for part in wanted if not counts[name, part]]:
            kept = sum(counts[name, part] for part in wanted)
            raise UserError(
                f"'{name}' has {kept} images, none of them in the {empty[0]} part; "
                f"it needs at least {len(wanted)} that are no duplicates of each other, in different groups.",
                "Add images, raise crawl.images.per_query, loosen classifier.clean, or remove the class.",
            )


def count_parts(manifest: pd.DataFrame) -> pd.DataFrame:
    """Count the kept images by query, by source if the crawl recorded it, and by part."""
    used = manifest[manifest["part"].isin(PARTS)]
    keys = ["query", "source"] if "source" in used else ["query"]
    counts = used.groupby([*keys, "part"], sort=False).size().unstack(fill_value=0)
    return counts.reindex(columns=list(PARTS), fill_value=0).reset_index()


def main() -> None:
    """Write `split.csv`, the manifest with `part`, and `parts.csv`, the counts."""
    params = load_params()
    curated, shares = read_manifest(paths.CURATED_IMAGES), params.classifier.split
    held_out = held_out_share(curated, params.classes, shares)
    by_share = [part for part in BY_POSITION if part != "test" or held_out]
    placed, wanted = split(curated, shares.validation, held_out, params.seed), by_share
    if shares.test == FROM_FOLDER:
        placed, wanted = hold_out_test_folders(placed), list(BY_POSITION)
    manifest = fill_parts(placed, params.classes, by_share, params.seed)
    require_every_part(manifest, params.classes, wanted)
    require_no_leak(find_leaks(manifest, read_features(paths.FEATURES), params.classifier))
    write_manifest(manifest, paths.SPLIT_IMAGES)
    write_manifest(count_parts(manifest), paths.CLEAN_REPORTS / "parts.csv")
    log.info("%s", pd.crosstab(manifest["label"], manifest["part"].where(manifest["part"] != "", "none")))


if __name__ == "__main__":
    run_command(main)
