"""The manifest under review, its images and the file of decisions."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from herodex import paths
from herodex.curation.review_decisions import KEEP, Decision, orphaned_decisions, read_review, write_review
from herodex.dataset.manifest import NO_HASH
from herodex.feedback_inbox import locked
from herodex.params import Params
from herodex.review.board import build_board, decisions_as_json, describe_all, explain_images
from herodex.review.feedback import FeedbackReview
from herodex.review.image_map import build_map

MOST_DECISIONS = 1000
"""Decisions in one request."""


class DecisionRequest(BaseModel):
    """A decision about one image; an empty decision withdraws the last one."""

    sha256: str
    decision: Literal["keep", "drop", ""]
    label: str = Field(alias="class")


class DecisionsRequest(BaseModel):
    """The body of `POST /decide`: decisions that are saved together or not at all."""

    decisions: list[DecisionRequest] = Field(min_length=1, max_length=MOST_DECISIONS)


@dataclass
class Review:
    """The manifest under review and the file of decisions."""

    manifest: pd.DataFrame
    params: Params
    images: Path
    file: Path
    feedback: Path = paths.FEEDBACK
    features: Path = paths.FEATURES

    @cached_property
    def files(self) -> dict[str, str]:
        """The `file` of each normalised image, by sha256."""
        rows = self.manifest[self.manifest["phash"] != NO_HASH].drop_duplicates("sha256")
        return dict(zip(rows["sha256"], rows["file"], strict=True))

    @property
    def inbox(self) -> FeedbackReview:
        """The images that visitors report."""
        return FeedbackReview(self.feedback, self.params)

    @cached_property
    def board(self) -> dict[str, Any]:
        """The board without decisions."""
        return build_board(self.manifest, self.params)

    @cached_property
    def map(self) -> dict[str, Any]:
        """The map of the images."""
        return build_map(self.manifest, self.features)

    def state(self) -> dict[str, Any]:
        """Return the board with the decisions now in the file."""
        decisions = read_review(self.file, self.params)
        orphaned = len(orphaned_decisions(self.manifest, decisions))
        return self.board | {
            "decisions": decisions_as_json(decisions),
            "orphaned": orphaned,
            "most_decisions": MOST_DECISIONS,
        }

    def facts(self, sha256: str) -> dict[str, Any] | None:
        """Describe one image, also one without findings."""
        rows = explain_images(self.manifest[self.manifest["sha256"] == sha256]).head(1)
        return next(iter(describe_all(rows, self.manifest)), None)

    def decide(self, asked: Sequence[DecisionRequest]) -> dict[str, Any]:
        """Write or withdraw decisions in one write; other lines of the file stay, also of another server.

        Raises:
            HTTPException: an image or a class does not exist; then nothing is written.
        """
        for each in asked:
            if each.sha256 not in self.files:
                raise HTTPException(404, "no such image")
            if each.label and (each.label not in self.board["labels"] or each.decision != KEEP):
                raise HTTPException(400, "no such class")
        with locked(self.file.parent):
            decisions = read_review(self.file, self.params)
            for each in asked:
                decisions.pop(each.sha256, None)
                if each.decision:
                    decisions[each.sha256] = Decision(each.decision == KEEP, each.label)
            write_review(self.file, decisions)
        return {"decisions": decisions_as_json(decisions)}
