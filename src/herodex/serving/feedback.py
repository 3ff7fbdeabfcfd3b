"""`POST /api/feedback`: store an image that was classified wrongly, for a person's review.

The stored image is the decoded one, encoded again. Nothing of the visitor is kept: no address, file name,
header or metadata.
"""

import functools
import hashlib
import io
import logging
import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path

import anyio.to_thread
from PIL import Image
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from herodex.feedback_inbox import InboxFullError, Report, store_report
from herodex.params import FeedbackParams
from herodex.serving import endpoints
from herodex.serving.client_error import ClientError

log = logging.getLogger(__name__)

FIELDS = ("class", "answered", "model")
"""Text parts of the form, beside the image."""
MODEL = re.compile(r"[0-9a-f]{1,64}")
LISTED = 12
"""Answers that a hint lists."""


def no_feedback() -> ClientError:
    """Create the refusal of a service that takes no reports."""
    problem = "This service takes no reports of wrong answers."
    hint = "Set serve.feedback.enabled in params.yaml to true on the server, and start it again."
    return ClientError(404, "address", problem, hint)


def check_fields(fields: Mapping[str, str], answers: Collection[str]) -> None:
    """Raise a ClientError if the text parts of a report are invalid.

    Args:
        fields: Texts by their names.
        answers: The classes and `unknown`.
    """
    for name in ("class", "answered"):
        if fields[name] not in answers:
            some = ", ".join(list(answers)[-LISTED:])
            problem = f"'{name}' is no answer of this service."
            raise ClientError(
                400, "fields", problem, f"Send one of the classes of /api/about, or unknown: {some}."
            )
    if fields["class"] == fields["answered"]:
        problem = "'class' is the answer that the report calls wrong."
        raise ClientError(400, "fields", problem, "Send another class, or unknown.")
    if not MODEL.fullmatch(fields["model"]):
        hint = "Send the model of the answer as /api/classify returns it."
        raise ClientError(400, "fields", "'model' is not the model of an answer.", hint)


def keep(folder: Path, params: FeedbackParams, image: Image.Image, fields: Mapping[str, str]) -> None:
    """Store a report and its image.

    Raises:
        ClientError: 507 if the inbox is full, 503 if the disk cannot be written.
    """
    file = io.BytesIO()
    image.save(file, "PNG")
    png = file.getvalue()
    time = datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ")
    digest = hashlib.sha256(png).hexdigest()
    report = Report(digest, fields["class"], fields["answered"], fields["model"], params.license, time)
    try:
        store_report(folder, report, png, params.max_mb * 1e6)
    except InboxFullError:
        problem = "The service takes no more reports until the stored ones are reviewed."
        raise ClientError(
            507, "full", problem, "Tell the operator, who reviews them or raises max_mb."
        ) from None
    except OSError as error:
        log.error("a report could not be stored in %s: %s", folder, error.strerror)  # noqa: TRY400
        problem = "The report could not be stored: the disk is full or cannot be written."
        raise ClientError(503, "disk", problem, "Tell the operator, and try again later.") from None


def feedback_route(folder: Path, params: FeedbackParams) -> Route:
    """Create the route that stores the image and the fields that the guard has read and checked.

    Args:
        folder: Folder of feedback.
        params: Licence of reported images, and limits.
    """

    async def feedback(request: Request) -> Response:
        image, fields = request.state.image, request.state.fields
        try:
            await anyio.to_thread.run_sync(functools.partial(keep, folder, params, image, fields))
        except ClientError as error:
            request.state.refusal = error.reason
            return error.response()
        return JSONResponse({"stored": True})

    return Route(endpoints.FEEDBACK, feedback, methods=["POST"])
