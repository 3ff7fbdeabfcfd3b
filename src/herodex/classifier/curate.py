"""Stage `curate_images`: near copies by what is on the pictures, and what a person has decided."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from herodex import paths
from herodex.classifier.clean import mark_copies, summary
from herodex.classifier.copies import near_features, same_values
from herodex.classifier.embed import read_features
from herodex.classifier.manifest import read_manifest, require_every_class, write_manifest
from herodex.command import run_command
from herodex.errors import UserError
from herodex.params import UNKNOWN, Params, load_params

log = logging.getLogger(__name__)

REVIEW_COLUMNS = ["sha256", "decision", "class"]


@dataclass(frozen=True)
class Decision:
    """A person's word about one picture: whether it stays and, unless empty, what it shows."""

    keep: bool
    label: str


def read_review(path: Path, params: Params) -> dict[str, Decision]:
    """Read a person's decisions: lines of `sha256,decision,class` with keep or drop and, if wrong, the class.

    Raises:
        UserError: a line is not of that form, or names a class that is not in params.yaml.
    """
    if not path.exists():
        return {}
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    if list(table.columns) != REVIEW_COLUMNS:
        raise UserError(
            f"{path}: its first line is not {','.join(REVIEW_COLUMNS)}.", "Put that line back on top."
        )
    decisions: dict[str, Decision] = {}
    for line, (sha256, decision, label) in enumerate(table.itertuples(index=False), start=2):
        if decision not in ("keep", "drop"):
            raise UserError(f"{path}, line {line}: '{decision}' is no decision.", "Write keep or drop.")
        if label and label not in [*params.classes, UNKNOWN]:
            known = ", ".join([*params.classes, UNKNOWN])
            raise UserError(
                f"{path}, line {line}: '{label}' is no class.", f"Write one of {known}, or nothing."
            )
        decisions[sha256] = Decision(decision == "keep", label)
    return decisions


def obey(manifest: pd.DataFrame, decisions: dict[str, Decision]) -> pd.DataFrame:
    """Let a person's word overrule every check.

    A picture that could not be read stays dropped, whatever was decided.
    """
    decided = manifest.assign(decided_by="")
    for row, sha256, readable in zip(
        manifest.index, manifest["sha256"], manifest["phash"] != "", strict=True
    ):
        if not readable or sha256 not in decisions:
            continue
        decision = decisions[sha256]
        values = ("1", "") if decision.keep else ("0", "review")
        decided.loc[row, ["kept", "dropped_for"]] = values
        decided.loc[row, "decided_by"] = "person"
        if decision.label:
            decided.loc[row, "label"] = decision.label
    # Said of a picture, not of a result: one copy of the same bytes is enough.
    again = (decided["decided_by"] == "person") & (decided["kept"] == "1") & decided.duplicated("sha256")
    decided.loc[again, ["kept", "dropped_for"]] = "0", "exact_copy"
    return decided


def feature_pairs(manifest: pd.DataFrame, features: dict[str, np.ndarray], similarity: float) -> np.ndarray:
    """Find rows whose pictures look alike to the backbone; returns positions of rows, int [pairs, 2]."""
    rows = np.array([i for i, sha256 in enumerate(manifest["sha256"]) if sha256 in features], int)
    vectors = np.stack([features[manifest["sha256"].iloc[i]] for i in rows])
    return rows[near_features(vectors, similarity)]


def cluster_pairs(manifest: pd.DataFrame) -> np.ndarray:
    """The clusters that `clean_images` found, as pairs of rows."""
    return same_values(list(manifest["cluster"]))


def curate(
    manifest: pd.DataFrame,
    features: dict[str, np.ndarray],
    decisions: dict[str, Decision],
    near_similarity: float,
) -> pd.DataFrame:
    """Join the copies that hashes and features find, keep one of each, and obey the person's decisions."""
    decided = obey(manifest, decisions)
    pairs = np.concatenate([cluster_pairs(manifest), feature_pairs(manifest, features, near_similarity)])
    marked = mark_copies(decided, pairs)
    person = decided["decided_by"] == "person"
    columns = ["kept", "dropped_for"]
    marked.loc[person, columns] = decided.loc[person, columns]
    return marked


def main() -> None:
    """Write `curated.csv`: the manifest with `label`, `decided_by`, and what is kept after both."""
    params = load_params()
    manifest = read_manifest(paths.CLEAN_IMAGES / paths.MANIFEST)
    decisions = read_review(paths.REVIEW, params)
    similarity = params.classifier.curate.near_similarity
    curated = curate(manifest, read_features(paths.FEATURES), decisions, similarity)
    require_every_class(curated, params, "curate_images")
    write_manifest(curated, paths.CURATED_IMAGES)
    log.info("%s", summary(curated))
    if gone := sorted(set(decisions) - set(manifest["sha256"])):
        log.info("%d decisions in %s are about pictures that are gone: %s", len(gone), paths.REVIEW, gone)


if __name__ == "__main__":
    run_command(main)
