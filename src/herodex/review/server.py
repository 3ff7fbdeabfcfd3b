"""Serve the review page: `make review`.

The server listens on loopback and refuses requests that name another host or come from another page, so that
no website can reach it through the browser. It serves its own files and the manifest's images only.
"""

import argparse
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from herodex import paths
from herodex.command import run_command
from herodex.dataset.image_store import has_image, read_png
from herodex.dataset.manifest import read_manifest
from herodex.errors import UserError
from herodex.params import load_params
from herodex.review.feedback import FeedbackRequest, FeedbackReview
from herodex.review.loopback import HOST, explain, listen, protect, read_body
from herodex.review.manifest_review import DecisionsRequest, Review
from herodex.review.thumbnails import SIDES, render_thumbnail

PACKAGE = Path(__file__).parents[1]
OWN = PACKAGE / "review/static"
STATIC = {
    "/": OWN / "index.html",
    "/base.css": PACKAGE / "web/static/base.css",
    "/icon.svg": PACKAGE / "web/static/icon.svg",
    **{f"/{file.name}": file for file in sorted([*OWN.glob("*.css"), *OWN.glob("*.js")])},
}
MAX_DECISIONS_BODY = 2**18
"""Bytes of a body with many decisions."""
CACHED = {"Cache-Control": "private, max-age=86400"}


def create_app(review: Review) -> Starlette:
    """Build the application."""

    async def page(request: Request) -> Response:
        return FileResponse(STATIC[request.scope["path"]])

    async def state(request: Request) -> Response:
        return JSONResponse(review.state())

    async def decide(request: Request) -> Response:
        asked = await read_body(request, DecisionsRequest, MAX_DECISIONS_BODY)
        with writing(review.file):
            return JSONResponse(review.decide(asked.decisions))

    # Runs in a thread: the principal components of many images take seconds.
    def image_map(request: Request) -> Response:
        return JSONResponse(review.map)

    routes = [
        *(Route(path, page) for path in STATIC),
        Route("/state", state),
        Route("/map", image_map),
        Route("/decide", decide, methods=["POST"]),
        *image_routes(review),
        *inbox_routes(review.inbox),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=protect)],
        exception_handlers={HTTPException: explain, UserError: explain},
    )


def image_routes(review: Review) -> list[Route]:
    """Create the routes for an image: whole, as a thumbnail, and its facts."""

    def find(request: Request) -> str:
        file = review.files.get(request.path_params["sha256"])
        if file is None or not has_image(file, review.images):
            raise HTTPException(404, "no such image")
        return file

    def image(request: Request) -> Response:
        return Response(read_png(find(request), review.images), media_type="image/png", headers=CACHED)

    # Runs in a thread, so that rendering does not delay decisions.
    def thumbnail(request: Request) -> Response:
        file, side = find(request), request.path_params["side"]
        if side not in SIDES:
            raise HTTPException(404, "no such size")
        try:
            data = render_thumbnail(file, review.images, side)
            return Response(data, media_type="image/webp", headers=CACHED)
        except OSError:
            raise HTTPException(404, "the image is damaged") from None

    async def facts(request: Request) -> Response:
        found = review.facts(request.path_params["sha256"])
        if found is None:
            raise HTTPException(404, "no such image")
        return JSONResponse(found)

    return [
        Route("/image/{sha256}", image),
        Route("/thumbnail/{side:int}/{sha256}", thumbnail),
        Route("/facts/{sha256}", facts),
    ]


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
        with writing(inbox.folder):
            found = inbox.decide(asked.sha256, asked.label)
        if not found:
            raise HTTPException(404, "no such image")
        return JSONResponse(inbox.state())

    return [
        Route("/inbox", state),
        Route("/reported/{sha256}", image),
        Route("/feedback", decide, methods=["POST"]),
    ]


@contextmanager
def writing(path: Path) -> Generator[None]:
    """Answer 507, and say why, if a file or folder cannot be written, as on a full disk."""
    try:
        yield
    except OSError as error:
        raise HTTPException(507, f"{path} cannot be written: {error.strerror}") from None


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
