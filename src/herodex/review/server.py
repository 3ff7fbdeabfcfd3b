"""Serve the review page: `make review`.

The server listens on loopback and refuses requests that name another host or come from another page, so that
no website can reach it through the browser. It serves its own files and the manifest's images only.
"""

import argparse
import errno
import socket
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

import pandas as pd
import uvicorn
from pydantic import BaseModel, Field, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from herodex import paths
from herodex.command import run_command
from herodex.curation.review_decisions import KEEP, Decision, orphaned_decisions, read_review, write_review
from herodex.dataset.image_store import has_image, read_png
from herodex.dataset.manifest import NO_HASH, read_manifest
from herodex.errors import UserError
from herodex.feedback_inbox import locked
from herodex.params import Params, load_params
from herodex.review.board import build_board, decisions_as_json
from herodex.review.feedback import FeedbackReview

HOST = "127.0.0.1"
NAMES = (HOST, "localhost")
PACKAGE = Path(__file__).parents[1]
STATIC = {
    "/": PACKAGE / "review/static/index.html",
    "/review.js": PACKAGE / "review/static/review.js",
    "/inbox.js": PACKAGE / "review/static/inbox.js",
    "/base.css": PACKAGE / "web/static/base.css",
    "/review.css": PACKAGE / "review/static/review.css",
    "/icon.svg": PACKAGE / "web/static/icon.svg",
}
MAX_BODY = 4096
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class DecisionRequest(BaseModel):
    """The body of `POST /decide`; an empty decision withdraws the last one."""

    sha256: str
    decision: Literal["keep", "drop", ""]
    label: str = Field(alias="class")


class FeedbackRequest(BaseModel):
    """The body of `POST /feedback`; an empty class rejects the image."""

    sha256: str
    label: str = Field(alias="class")


Body = TypeVar("Body", bound=BaseModel)


@dataclass
class Review:
    """The manifest under review and the file of decisions."""

    manifest: pd.DataFrame
    params: Params
    images: Path
    file: Path
    feedback: Path = paths.FEEDBACK

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

    def state(self) -> dict[str, Any]:
        """Return the board with the decisions now in the file."""
        decisions = read_review(self.file, self.params)
        orphaned = len(orphaned_decisions(self.manifest, decisions))
        return self.board | {"decisions": decisions_as_json(decisions), "orphaned": orphaned}

    def decide(self, asked: DecisionRequest) -> dict[str, Any]:
        """Write or withdraw one decision; all other lines of the file stay, also of another server.

        Raises:
            HTTPException: the image or the class does not exist.
        """
        if asked.sha256 not in self.files:
            raise HTTPException(404, "no such image")
        if asked.label and (asked.label not in self.board["labels"] or asked.decision != KEEP):
            raise HTTPException(400, "no such class")
        with locked(self.file.parent):
            decisions = read_review(self.file, self.params)
            decisions.pop(asked.sha256, None)
            if asked.decision:
                decisions[asked.sha256] = Decision(asked.decision == KEEP, asked.label)
            write_review(self.file, decisions)
        return {"decisions": decisions_as_json(decisions)}


def create_app(review: Review) -> Starlette:
    """Build the application."""

    async def page(request: Request) -> Response:
        return FileResponse(STATIC[request.scope["path"]])

    async def state(request: Request) -> Response:
        return JSONResponse(review.state())

    async def image(request: Request) -> Response:
        file = review.files.get(request.path_params["sha256"])
        if file is None or not has_image(file, review.images):
            raise HTTPException(404, "no such image")
        headers = {"Cache-Control": "private, max-age=86400"}
        return Response(read_png(file, review.images), headers=headers, media_type="image/png")

    async def decide(request: Request) -> Response:
        return JSONResponse(review.decide(await read_body(request, DecisionRequest)))

    routes = [
        *(Route(path, page) for path in STATIC),
        Route("/state", state),
        Route("/image/{sha256}", image),
        Route("/decide", decide, methods=["POST"]),
        *inbox_routes(review.inbox),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=protect)],
        exception_handlers={HTTPException: explain, UserError: explain},
    )


def inbox_routes(inbox: FeedbackReview) -> list[Route]:
    """Create the routes for images that visitors report."""

    async def state(request: Request) -> Response:
        return JSONResponse(inbox.state())

    async def image(request: Request) -> Response:
        file = inbox.image(request.path_params["sha256"])
        if file is None:
            raise HTTPException(404, "no such image")
        return FileResponse(file)

    async def decide(request: Request) -> Response:
        asked = await read_body(request, FeedbackRequest)
        if asked.label and asked.label not in inbox.labels:
            raise HTTPException(400, "no such class")
        try:
            found = inbox.decide(asked.sha256, asked.label)
        except OSError as error:
            raise HTTPException(507, f"{inbox.folder} cannot be written: {error.strerror}") from None
        if not found:
            raise HTTPException(404, "no such image")
        return JSONResponse(inbox.state())

    return [
        Route("/inbox", state),
        Route("/reported/{sha256}", image),
        Route("/feedback", decide, methods=["POST"]),
    ]


async def read_body(request: Request, kind: type[Body]) -> Body:
    """Read and validate the JSON body of a request."""
    # A form on another page cannot send this type without a preflight request.
    if request.headers.get("Content-Type", "").partition(";")[0] != "application/json":
        raise HTTPException(415, "the body is not JSON")
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                raise HTTPException(413, "the body is too long")
    except ClientDisconnect:
        raise HTTPException(400, "the body is incomplete") from None
    try:
        return kind.model_validate_json(body, strict=True)
    except ValidationError:
        raise HTTPException(400, "the body is not a decision") from None


async def protect(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """Refuse requests for other hosts or from other pages, and restrict what the browser may do."""
    allowed = {f"{name}:{request.scope['server'][1]}" for name in NAMES}
    origins = {None, *(f"http://{name}" for name in allowed)}
    if request.headers.get("Host") not in allowed or request.headers.get("Origin") not in origins:
        # The connection is closed because the rest of the request is not read.
        error = {"error": "the request names another host or comes from another page"}
        response: Response = JSONResponse(error, 403, {"Connection": "close"})
    elif not request.scope["path"].startswith("/"):
        response = JSONResponse({"error": "the request names no path"}, 400)
    else:
        response = await call_next(request)
    response.headers.update(HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")
    return response


async def explain(request: Request, error: Exception) -> Response:
    """Answer an error as JSON: an invalid file on disk is a conflict."""
    if isinstance(error, HTTPException):
        return JSONResponse({"error": error.detail}, error.status_code)
    return JSONResponse({"error": str(error)}, 409)


def listen(port: int) -> socket.socket:
    """Listen on loopback; port 0 takes a free one.

    Raises:
        UserError: the port is taken or invalid.
    """
    hint = "Choose another one: make review REVIEW_PORT=3002."
    if not 0 <= port < 2**16:
        raise UserError(f"Port {port} is outside 0 to 65535.", hint)
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        problem = "is already in use" if error.errno == errno.EADDRINUSE else f"cannot be used: {error}"
        raise UserError(f"Port {port} {problem}.", hint) from None


def create_server(review: Review) -> uvicorn.Server:
    """Configure the server."""
    config = uvicorn.Config(create_app(review), ws="none", log_config=None, log_level="warning")
    return uvicorn.Server(config)


def main() -> None:
    """Serve the page until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=3001)
    port = parser.parse_args().port
    params = load_params()
    review = Review(read_manifest(paths.CURATED_IMAGES), params, paths.CLEAN_IMAGES, paths.REVIEW)
    # Report an invalid review.csv or report here, not in the browser.
    review.state()
    review.inbox.state()
    with listen(port) as listener:
        sys.stdout.write(f"Review on http://{HOST}:{listener.getsockname()[1]} · stop with Ctrl-C\n")
        sys.stdout.flush()
        create_server(review).run([listener])


if __name__ == "__main__":
    run_command(main)
