"""What there is to review: which images were set aside or are doubtful, and what a person said of them."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from herodex.curation.review_decisions import DROP, KEEP, PERSON, Decision, gone
from herodex.dataset.manifest import NO_HASH, REASONS
from herodex.params import UNKNOWN, Params

DOUBTFUL, KEPT = "doubtful", "kept"
"""The reasons shown for a kept image: its features prefer another label, or a person decided about it."""
WHY = REASONS | {DOUBTFUL: "kept, but looks like something else", KEPT: "kept, as a person said"}
DOUBTED_BELOW = 0.5
"""The label quality at which another label is as likely."""


def to_review(manifest: pd.DataFrame) -> pd.DataFrame:
    """Choose the rows that a person may want to look at, each image of a query once, worst first.

    These are the images that were set aside, those kept that look like another query's, and those that a
    person has decided about. A copy byte for byte needs no decision of its own.

    Returns:
        the rows, with `shown_reason` and `shown_score`.
    """
    quality = pd.to_numeric(manifest["label_quality"], errors="coerce")
    doubtful = (manifest["kept"] == "1") & (quality < DOUBTED_BELOW)
    by_person = manifest["decided_by"] == PERSON
    aside = manifest["dropped_for"] != ""
    repeated = (manifest["duplicate_of"] != "") & (manifest["duplicate_of"] == manifest["sha256"])
    visible = (manifest["phash"] != NO_HASH) & ~repeated & (doubtful | by_person | aside)
    rows = manifest[visible].drop_duplicates(["query", "sha256"])
    of_kept = doubtful[rows.index].map({True: DOUBTFUL, False: KEPT})
    reason = rows["dropped_for"].where(rows["dropped_for"] != "", of_kept)
    score = pd.to_numeric(rows["score"], errors="coerce").fillna(quality).fillna(1)
    shown = rows.assign(shown_reason=reason, shown_score=score)
    return shown.sort_values(["shown_score", "sha256"], kind="stable")


def describe(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Put together what the page shows of one image."""
    page = row["page_url"] if row["page_url"].startswith(("http://", "https://")) else ""
    return {
        "sha256": row["sha256"],
        "query": row["query"],
        "label": row["label"],
        "reason": row["shown_reason"],
        "why": WHY[row["shown_reason"]],
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
    """Lay out all that the page needs but the decisions: labels, and each query with its images."""
    rows = to_review(manifest).to_dict("records")
    return {
        "labels": [*params.classes, UNKNOWN],
        "queries": [
            {
                "name": query,
                "class": query in params.classes,
                "kept": int(((manifest["query"] == query) & (manifest["kept"] == "1")).sum()),
                "images": [describe(row) for row in rows if row["query"] == query],
            }
            for query in params.classes + params.distractors
        ],
    }


def decisions_as_json(decisions: dict[str, Decision]) -> dict[str, dict[str, str]]:
    """Word decisions as the page exchanges them: sha256 → `decision` and `class`."""
    return {
        sha256: {"decision": KEEP if decision.keep else DROP, "class": decision.label}
        for sha256, decision in decisions.items()
    }


def lost_decisions(manifest: pd.DataFrame, decisions: dict[str, Decision]) -> int:
    """Count the decisions about images that are gone."""
    return len(gone(manifest, decisions))
