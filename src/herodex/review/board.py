"""The review board: images to review, and the review decisions so far."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from herodex.curation.review_decisions import DROP, KEEP, PERSON, Decision
from herodex.dataset.manifest import NO_HASH, REASONS
from herodex.params import UNKNOWN, Params

LOW_LABEL_QUALITY, KEPT, NO_FINDING = "low_label_quality", "kept", "no_finding"
"""The reasons shown for kept images: another label is more probable, a person decided, or none."""
MEANINGS = REASONS | {
    LOW_LABEL_QUALITY: "kept, but another label is more probable",
    KEPT: "a person kept it",
    NO_FINDING: "kept, and no check objects",
}
LOW_QUALITY_BELOW = 0.5
"""The label quality below which another label may be more probable."""


def explain_images(manifest: pd.DataFrame) -> pd.DataFrame:
    """Add the reason and score to show to each decoded image.

    Exact duplicates of the same bytes are left out: they share the decision of the kept image.

    Returns:
        the rows, with `shown_reason` and `shown_score`, the worst first.
    """
    repeated = (manifest["duplicate_of"] != "") & (manifest["duplicate_of"] == manifest["sha256"])
    rows = manifest[(manifest["phash"] != NO_HASH) & ~repeated]
    quality = pd.to_numeric(rows["label_quality"], errors="coerce")
    reason = pd.Series(NO_FINDING, rows.index, dtype=object)
    reason[rows["decided_by"] == PERSON] = KEPT
    # Among many classes, the probability of a right label is below the limit, too.
    right = rows["looks_like"] == rows["query"].where(rows["label"] == UNKNOWN, rows["label"])
    reason[(rows["kept"] == "1") & (quality < LOW_QUALITY_BELOW) & ~right] = LOW_LABEL_QUALITY
    reason = rows["dropped_for"].where(rows["dropped_for"] != "", reason)
    score = pd.to_numeric(rows["score"], errors="coerce").fillna(quality).fillna(1)
    shown = rows.assign(shown_reason=reason, shown_score=score)
    return shown.sort_values(["shown_score", "sha256"], kind="stable")


def select_images(manifest: pd.DataFrame) -> pd.DataFrame:
    """Select the dropped, low-quality and decided images, once per query, the worst first."""
    shown = explain_images(manifest)
    return shown[shown["shown_reason"] != NO_FINDING].drop_duplicates(["query", "sha256"])


def describe(row: Mapping[Any, Any], kept: Mapping[Any, Any] | None = None) -> dict[str, Any]:
    """Collect the fields that the page shows of one image, and of the kept one of its pair."""
    return {
        **name(row),
        "reason": row["shown_reason"],
        "meaning": MEANINGS[row["shown_reason"]],
        "score": round(float(row["shown_score"]), 3),
        "looks_like": row["looks_like"],
        "author": row["author"],
        "license": row["license"],
        "source": row.get("source", ""),
        "duplicate_of": row["duplicate_of"],
        "original": name(kept) if kept else None,
    }


def name(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Collect the fields that name an image."""
    page = row["page_url"] if row["page_url"].startswith(("http://", "https://")) else ""
    return {
        "sha256": row["sha256"],
        "query": row["query"],
        "label": row["label"],
        "kept": row["kept"] == "1",
        "size": f"{row['width']} × {row['height']}",
        "title": row["title"],
        "page_url": page,
    }


def describe_all(rows: pd.DataFrame, manifest: pd.DataFrame) -> list[dict[str, Any]]:
    """Describe images, each beside the one that is kept of its pair."""
    wanted = manifest[manifest["sha256"].isin(set(rows["duplicate_of"]) - {""})]
    # The kept row first: the same bytes may be dropped in another query.
    originals = wanted.sort_values("kept", ascending=False, kind="stable").drop_duplicates("sha256")
    by_hash = {row["sha256"]: row for row in originals.to_dict("records")}
    return [describe(row, by_hash.get(row["duplicate_of"])) for row in rows.to_dict("records")]


def build_board(manifest: pd.DataFrame, params: Params) -> dict[str, Any]:
    """Build the labels, and the queries with their images; decisions are added separately."""
    images = describe_all(select_images(manifest), manifest)
    kept = manifest.loc[manifest["kept"] == "1", "query"].value_counts()
    of_query: dict[str, list[dict[str, Any]]] = {
        query: [] for query in dict.fromkeys([*params.queries, *manifest["query"]])
    }
    for image in images:
        of_query[image["query"]].append(image)
    return {
        "labels": [*params.classes, UNKNOWN],
        "queries": [
            {
                "name": query,
                "class": query in params.classes,
                "kept": int(kept.get(query, 0)),
                "images": shown,
            }
            for query, shown in of_query.items()
        ],
    }


def decisions_as_json(decisions: dict[str, Decision]) -> dict[str, dict[str, str]]:
    """Convert decisions to the page's form: sha256 → `decision` and `class`."""
    return {
        sha256: {"decision": KEEP if decision.keep else DROP, "class": decision.label}
        for sha256, decision in decisions.items()
    }
