"""Withdrawn sources among the images that visitors report."""

from collections.abc import Collection

from herodex import paths
from herodex.accepted_feedback import ACCEPTED, MANIFEST, VISITOR, AcceptedImage, read_rows
from herodex.curation.check_downloads import pixel_hash
from herodex.errors import UserError
from herodex.feedback_inbox import INBOX, locked, read_inbox, reject_image, remove_accepted
from herodex.lineage.counts import Row
from herodex.params import FROM_FEEDBACK, Params


def feedback_rows(params: Params) -> list[Row]:
    """Make a row, as in the tables of images, of each reported image, before and after its review.

    Raises:
        UserError: a report or the manifest of accepted images is damaged.
    """
    reports = [
        AcceptedImage(report.sha256, report.label, report.license, report.answered, report.model, report.time)
        for found in read_inbox(paths.FEEDBACK).values()
        for report in found
    ]
    return [
        *(_row(each, ACCEPTED, each.file, params) for each in read_rows(paths.FEEDBACK / ACCEPTED)),
        *(_row(each, INBOX, f"{each.sha256}.png", params) for each in reports),
    ]


def _row(image: AcceptedImage, folder: str, file: str, params: Params) -> Row:
    place = paths.FEEDBACK / folder / file
    pixels = pixel_hash(place.read_bytes(), params.classifier.clean) if place.is_file() else ""
    return {
        "query": image.label,
        "source": FROM_FEEDBACK,
        "rank": folder,
        "image_url": f"{FROM_FEEDBACK}/{file}",
        "page_url": "",
        "author": VISITOR,
        "license": image.license,
        "license_url": "",
        "sha256": image.sha256,
        "pixel_sha256": pixels,
        "file": "",
    }


def reported(contents: Collection[str]) -> dict[str, set[str]]:
    """Return which of these images are in the inbox and which are accepted, by the folder's name."""
    inbox = {file.stem for file in (paths.FEEDBACK / INBOX).glob("*.png")}
    files = {file.stem for file in (paths.FEEDBACK / ACCEPTED).glob("*/*.png")}
    listed = {row.sha256 for row in read_rows(paths.FEEDBACK / ACCEPTED)}
    return {INBOX: inbox & set(contents), ACCEPTED: (files | listed) & set(contents)}


def clear_feedback(contents: Collection[str]) -> None:
    """Delete reported images, and remember their hashes among the rejected ones, so that none comes back.

    Raises:
        UserError: the manifest of accepted images is damaged, or a file cannot be written.
    """
    found = set[str]().union(*reported(contents).values())
    if not found:
        return
    try:
        with locked(paths.FEEDBACK):
            for sha256 in sorted(found):
                remove_accepted(paths.FEEDBACK / ACCEPTED, sha256)
                reject_image(paths.FEEDBACK, sha256)
    except OSError as error:
        raise UserError(
            f"{paths.FEEDBACK} cannot be written: {error.strerror}.",
            f"Make {paths.FEEDBACK / ACCEPTED / MANIFEST} and the folders beside it writable, and repeat.",
        ) from None
