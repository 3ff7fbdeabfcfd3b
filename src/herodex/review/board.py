"""The review board: images to review, and the review decisions so far."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from herodex.curation.review_decisions import DROP, KEEP, PERSON, Decision
from herodex.dataset.manifest import NO_HASH, REASONS
from herodex.params import UNKNOWN, Params

LOW_LABEL_QUALITY, KEPT = "low_label_quality", "kept"
"""The reasons shown for kept images: another label is more probable, or a person decided."""
MEANINGS = REASONS | {
    LOW_LABEL_QUALITY: "kept, but another label is more probable",
    KEPT: "a person kept it",
}
LOW_QUALITY_BELOW = 0.5
"""The label quality below which another label is more probable."""


def select_images(manifest: pd.DataFrame) -> pd.DataFrame:
    """Select the dropped, low-quality and decided images, once per query, the worst first.

    Exact duplicates of the same bytes are left out: they share the decision of the kept image.

    Returns:
        the rows, with `shown_reason` and `shown_score`.
    """
    quality = pd.to_numeric(manifest["label_quality"], errors="coerce")
    low_quality = (manifest["kept"] == "1") & (quality < LOW_QUALITY_BELOW)
    by_person = manifest["decided_by"] == PERSON
    dropped = manifest["dropped_for"] != ""
    repeated = (manifest["duplicate_of"] != "") & (manifest["duplicate_of"] == manifest["sha256"])
    visible = (manifest["phash"] != NO_HASH) & ~repeated & (low_quality | by_person | dropped)
    rows = manifest[visible].drop_duplicates(["query", "sha256"])
    of_kept = low_quality[rows.index].map({True: LOW_LABEL_QUALITY, False: KEPT})
    reason = rows["dropped_for"].where(rows["dropped_for"] != "", of_kept)
    score = pd.to_numeric(rows["score"], errors="coerce").fillna(quality).fillna(1)
    shown = rows.assign(shown_reason=reason, shown_score=score)
    return shown.sort_values(["shown_score", "sha256"], kind="stable")


def describe(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Collect the fields that the page shows of one image."""
    page = row["page_url"] if row["page_url"].startswith(("http://", "https://")) else ""
    return {
        "sha256": row["sha256"],
        "query": row["query"],
        "label": row["label"],
        "reason": row["shown_reason"],
        "meaning": MEANINGS[row["shown_reason"]],
        "score": round(float(row["shown_score"]), 3),
        "looks_like": row["looks_like"],
        "duplicate_of": row["duplicate_of"],
        "size": f"{row['width']} × {row['height']}",
        "title": row["title"],
        "author": row["author"],
        "license": row["license"],
        "source": row.get("source", ""),
        "page_url": page,
    }


def build_board(manifest: pd.DataFrame, params: Params) -> dict[str, Any]:
    """Build the labels, and the queries with their images; decisions are added separately."""
    rows = select_images(manifest).to_dict("records")
    return {
        "labels": [*params.classes, UNKNOWN],
        "queries": [
            {
                "name": query,
                "class": query in params.classes,
                "kept": int(((manifest["query"] == query) & (manifest["kept"] == "1")).sum()),
                "images": [describe(row) for row in rows if row["query"] == query],
            }
            for query in dict.fromkeys([*params.queries, *manifest["query"]])
        ],
    }


def decisions_as_json(decisions: dict[str, Decision]) -> dict[str, dict[str, str]]:
    """Convert decisions to the page's form: sha256 → `decision` and `class`."""
    return {
        sha256: {"decision": KEEP if decision.keep else DROP, "class": decision.label}
        for sha256, decision in decisions.items()
    }
