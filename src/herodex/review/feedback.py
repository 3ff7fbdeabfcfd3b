"""Review of the images that visitors report: accept them as training data, or reject them."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from herodex.accepted_feedback import ACCEPTED, AcceptedImage, read_rows
from herodex.curation.check_downloads import pixel_hash
from herodex.errors import UserError
from herodex.feedback_inbox import (
    INBOX,
    Report,
    locked,
    read_inbox,
    reject_image,
    remove_accepted,
    remove_image,
    write_accepted,
    write_whole,
)
from herodex.forgotten_list import read_forgotten
from herodex.params import UNKNOWN, Params


class FeedbackRequest(BaseModel):
    """The body of `POST /feedback`; an empty class rejects the image."""

    sha256: str
    label: str = Field(alias="class")


@dataclass(frozen=True)
class FeedbackReview:
    """The inbox under review.

    Attributes:
        folder: of feedback.
        params: with the classes and distractors.
    """

    folder: Path
    params: Params

    @property
    def labels(self) -> list[str]:
        """The classes and distractors, then `unknown`."""
        return [*self.params.queries, UNKNOWN]

    def image(self, sha256: str) -> Path | None:
        """Return the file of an image in the inbox."""
        return self.folder / INBOX / f"{sha256}.png" if sha256 in read_inbox(self.folder) else None

    def is_withdrawn(self, sha256: str) -> bool:
        """Tell whether the list of withdrawn sources has an image of the inbox, by its bytes or pixels."""
        forgotten = read_forgotten()
        if not forgotten.reasons:
            return False
        data = (self.folder / INBOX / f"{sha256}.png").read_bytes()
        return forgotten.has_content(sha256) or forgotten.has_content(
            pixel_hash(data, self.params.classifier.clean)
        )

    def state(self) -> dict[str, Any]:
        """Return the labels, and the images in the inbox with their reports.

        Raises:
            UserError: a report is damaged.
        """
        images = [
            {
                "sha256": sha256,
                "label": reports[0].label,
                "reports": [asdict(report) for report in reports],
            }
            for sha256, reports in read_inbox(self.folder).items()
        ]
        return {"labels": self.labels, "images": images}

    def decide(self, sha256: str, label: str) -> bool:
        """Accept an image as `label`, or reject it if that is empty; return False if it is not in the inbox.

        Raises:
            UserError: the image is withdrawn, or a report or the manifest of accepted images is damaged.
            OSError: a file cannot be written.
        """
        with locked(self.folder):
            reports = read_inbox(self.folder).get(sha256)
            if reports is None:
                return False
            # An interrupted acceptance may have left it there.
            remove_accepted(self.folder / ACCEPTED, sha256)
            if label and self.is_withdrawn(sha256):
                raise UserError("This image is withdrawn: data/forgotten.csv has it.", "Reject it.")
            if label:
                accept_image(self.folder, reports[0], label)
            else:
                reject_image(self.folder, sha256)
        return True


def accept_image(feedback: Path, report: Report, label: str) -> None:
    """Move an image from the inbox to its class; the caller holds the lock.

    An interrupted call leaves the image in the inbox, and accepting it again completes it.

    Raises:
        UserError: the manifest is damaged.
        OSError: a file cannot be written.
    """
    folder = feedback / ACCEPTED
    rows = {row.sha256: row for row in read_rows(folder)}
    row = AcceptedImage(report.sha256, label, report.license, report.answered, report.model, report.time)
    (folder / label).mkdir(parents=True, exist_ok=True)
    write_whole(folder / row.file, (feedback / INBOX / f"{report.sha256}.png").read_bytes())
    rows[row.sha256] = row
    write_accepted(folder, list(rows.values()))
    remove_image(feedback, report.sha256)
