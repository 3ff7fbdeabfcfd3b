"""Set images aside whose licence does not fit the `use` in params.yaml.

The check reads the terms that a source states and gives no legal advice. Images from a user's own folder have
no stated licence and always fit, because the user vouches for them.
"""

import re
from typing import Literal

import numpy as np
import pandas as pd
from jaxtyping import Bool

from herodex.curation.duplicate_groups import EXACT_DUPLICATE, LABEL_CONFLICT, NEAR_DUPLICATE
from herodex.params import Use

LICENSE = "license"
"""The value of `dropped_for` of these images."""
OWN_FOLDER = "folder"
"""The source of images from a user's own folder."""
_FREE = re.compile(r"CC0\b|public domain", re.IGNORECASE)
_CREATIVE_COMMONS = re.compile(r"CC (BY(?:-[A-Z]{2})*)\b")
_FORBIDDEN: dict[str, set[str]] = {"commercial": {"NC", "ND"}, "research": set()}
"""Terms that exclude a use: NC, no commercial use; ND, no adaptations, which a model may be."""


def fits(license: str, use: Literal["commercial", "research"]) -> bool:
    """Tell whether a licence, written as in the manifest, allows a use; one that is not stated does not."""
    if _FREE.match(license):
        return True
    found = _CREATIVE_COMMONS.match(license)
    return found is not None and not _FORBIDDEN[use] & set(found[1].split("-"))


def check_licences(manifest: pd.DataFrame, use: Use) -> pd.DataFrame:
    """Drop images whose licence does not fit, also those that a person has kept.

    Args:
        manifest: after `apply_decisions`, before duplicates are merged, so that the image that is kept of
            several duplicates is one that fits.
        use: of the models; `any` changes nothing.
    """
    if use == "any":
        return manifest
    unfit = ~_fitting(manifest, use) & _could_be_kept(manifest)
    checked = manifest.copy()
    checked.loc[unfit, "kept"] = "0"
    checked.loc[unfit, "dropped_for"] = LICENSE
    checked.loc[unfit, ["score", "duplicate_of", "decided_by"]] = ""
    return checked


def _fitting(manifest: pd.DataFrame, use: Literal["commercial", "research"]) -> Bool[np.ndarray, " n"]:
    rows = zip(manifest["source"], manifest["license"], strict=True)
    return np.array([source == OWN_FOLDER or fits(license, use) for source, license in rows], bool)


def _could_be_kept(manifest: pd.DataFrame) -> Bool[np.ndarray, " n"]:
    """Mark kept images and duplicates; of the duplicates, one is chosen again."""
    duplicate = manifest["dropped_for"].isin([EXACT_DUPLICATE, NEAR_DUPLICATE, LABEL_CONFLICT])
    return ((manifest["kept"] == "1") | duplicate).to_numpy(bool)
