"""A map of the images: the first two principal components of their features."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from jaxtyping import Float, Float64
from scipy.linalg import eigh

from herodex.dataset.feature_table import read_features
from herodex.dataset.manifest import LABEL_CHECKS
from herodex.review.board import LOW_LABEL_QUALITY, NO_FINDING, explain_images

if TYPE_CHECKING:
    import pandas

MOST_POINTS = 20_000
"""Points that are drawn; more of them would delay each step of the zoom."""
LABEL_FINDINGS = (LOW_LABEL_QUALITY, *LABEL_CHECKS, "label_conflict")
"""Findings that question the label."""


def build_map(manifest: "pandas.DataFrame", features: Path, limit: int = MOST_POINTS) -> dict[str, Any]:
    """Build the map: a point per image, and how many images it shows.

    Without usable features there are no points, and `problem` says why.
    """
    rows = explain_images(manifest).drop_duplicates("sha256")
    try:
        stored = read_features(features)
        known = rows[rows["sha256"].isin(set(stored))]
        drawn = select_points(known, limit)
        vectors = stored.vectors(list(drawn["sha256"]))[np.arange(len(drawn))]
    except FileNotFoundError:
        return _no_map(f"There is no map because {features} is missing; make run writes it.")
    except (ValueError, KeyError, OSError, IndexError):
        return _no_map(f"There is no map because {features} is damaged; make run writes it anew.")
    if drawn.empty:
        return _no_map(
            f"There is no map because {features} has no image of the manifest; make run writes it."
        )
    places, share = project(vectors)
    places = scale_to_unit(places).round(4).tolist()
    return {
        "problem": "",
        "images": len(rows),
        "without_features": len(rows) - len(known),
        "share": round(share, 4),
        "points": [
            describe_point(row, x, y) for row, (x, y) in zip(drawn.to_dict("records"), places, strict=True)
        ],
    }


def _no_map(problem: str) -> dict[str, Any]:
    return {"problem": problem, "points": []}


def select_points(rows: "pandas.DataFrame", limit: int) -> "pandas.DataFrame":
    """Select at most `limit` images: findings for up to half of them, the worst first, then any at random.

    The order by hash is random and the same each time.
    """
    findings = rows[rows["shown_reason"] != NO_FINDING].sort_values(["shown_score", "sha256"])
    first = findings.head(limit if len(rows) <= limit else limit // 2)
    others = rows.drop(first.index).sort_values("sha256").head(limit - len(first))
    return rows.loc[[*first.index, *others.index]].sort_values("sha256")


def describe_point(row: dict[Any, Any], x: float, y: float) -> dict[str, Any]:
    """Collect the fields that the page needs to draw an image and to show its card."""
    return {
        "sha256": row["sha256"],
        "x": x,
        "y": y,
        "query": row["query"],
        "label": row["label"],
        "looks_like": row["looks_like"],
        "reason": row["shown_reason"],
        "score": round(float(row["shown_score"]), 3),
        "dropped": row["kept"] != "1",
        "marked": row["shown_reason"] in LABEL_FINDINGS,
    }


def project(vectors: Float[np.ndarray, "n d"]) -> tuple[Float64[np.ndarray, "n 2"], float]:
    """Project vectors onto their first two principal components.

    The sign of a component is arbitrary; the value with the largest magnitude is made positive.

    Returns:
        the coordinates, and the share of the variance that they hold.
    """
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    few = len(centred) < centred.shape[1]
    # The smaller one of the two products has the same non-zero eigenvalues.
    product = centred @ centred.T if few else centred.T @ centred
    size = len(product)
    largest_two = [max(size - 2, 0), size - 1]
    # The stubs of scipy leave the result unknown.
    solved = cast("tuple[np.ndarray, np.ndarray]", eigh(product, subset_by_index=largest_two))
    values, axes = solved
    found = axes * np.sqrt(np.maximum(values, 0)) if few else centred @ axes
    places = np.zeros((len(centred), 2))
    places[:, : found.shape[1]] = found[:, ::-1]
    largest = places[np.abs(places).argmax(axis=0), [0, 1]]
    total = float(np.trace(product))
    share = float(np.maximum(values, 0).sum()) / total if total > 0 else 0.0
    return places * np.where(largest < 0, -1, 1), share


def scale_to_unit(places: Float64[np.ndarray, "n 2"]) -> Float64[np.ndarray, "n 2"]:
    """Scale each axis to 0 … 1; an axis without extent becomes 0.5."""
    low = places.min(axis=0)
    extent = places.max(axis=0) - low
    flat = extent <= 0
    return np.where(flat, 0.5, (places - low) / np.where(flat, 1, extent))
