"""A page on this machine alone, on which a person overrules the cleaning: `make review`.

It answers on loopback only, and only requests that name it as such, so that no page of another host can
reach it through the browser. It serves its own files and the images of the manifest, and nothing else.
"""

import argparse
import json
import logging
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pandas as pd

from herodex import paths
from herodex.command import run_command
from herodex.curation.review_decisions import DROP, KEEP, Decision, read_review, write_review
from herodex.dataset.manifest import NO_HASH, read_manifest
from herodex.errors import UserError
from herodex.params import Params, load_params
from herodex.review.board import build_board, decisions_as_json, lost_decisions

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
NAMES = (HOST, "localhost")
STATIC = {
    "/": ("review/static/index.html", "text/html; charset=utf-8"),
    "/review.js": ("review/static/review.js", "text/javascript; charset=utf-8"),
    "/base.css": ("web/static/base.css", "text/css; charset=utf-8"),
    "/review.css": ("review/static/review.css", "text/css; charset=utf-8"),
    "/icon.svg": ("web/static/icon.svg", "image/svg+xml"),
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


class RefusedError(Exception):
    """A request that is not answered; `status` is the HTTP status."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Review:
    """The manifest under review, and the file of decisions beside it."""

    manifest: pd.DataFrame
    params: Params
    images: Path
    file: Path
    lock: threading.Lock = field(default_factory=threading.Lock)

    @cached_property
    def files(self) -> dict[str, Path]:
        """Where the normal form of each image lies, by the sha256 of its bytes."""
        rows = self.manifest[self.manifest["phash"] != NO_HASH].drop_duplicates("sha256")
        return {
            sha256: (self.images / file).with_suffix(".png")
            for sha256, file in zip(rows["sha256"], rows["file"], strict=True)
        }

    @cached_property
    def board(self) -> dict[str, Any]:
        """What does not change while the page is open."""
        return build_board(self.manifest, self.params)

    def state(self) -> dict[str, Any]:
        """The board with the decisions as they stand in the file now."""
        decisions = read_review(self.file, self.params)
        lost = lost_decisions(self.manifest, decisions)
        return self.board | {"decisions": decisions_as_json(decisions), "gone": lost}

    def decide(self, sha256: str, decision: str, label: str) -> dict[str, Any]:
        """Write one decision to the file, or take it back where it is empty; what else stands there stays.

        Raises:
            RefusedError: there is no such image, decision or class.
        """
        if sha256 not in self.files:
            raise RefusedError(HTTPStatus.NOT_FOUND, "no such image")
        if decision not in (KEEP, DROP, ""):
            raise RefusedError(HTTPStatus.BAD_REQUEST, "no such decision")
        if label and (label not in self.board["labels"] or decision != KEEP):
            raise RefusedError(HTTPStatus.BAD_REQUEST, "no such class")
        with self.lock:
            decisions = read_review(self.file, self.params)
            decisions.pop(sha256, None)
            if decision:
                decisions[sha256] = Decision(decision == KEEP, label)
            write_review(self.file, decisions)
        return {"decisions": decisions_as_json(decisions)}


class Handler(BaseHTTPRequestHandler):
    """Answers the page's requests; `server.review` is what it is about."""

    protocol_version = "HTTP/1.1"
    server_version = "herodex"
    sys_version = ""
    timeout = 30

    def do_GET(self) -> None:
        """Answer with a file of the page, the state, or an image."""
        self._answer(self._get)

    def do_POST(self) -> None:
        """Take a decision."""
        self._answer(self._post)

    @property
    def _review(self) -> Review:
        assert isinstance(self.server, ReviewServer)
        return self.server.review

    @property
    def _port(self) -> int:
        assert isinstance(self.server, ReviewServer)
        return self.server.server_port

    def _answer(self, make: Callable[[str], tuple[str, bytes]]) -> None:
        try:
            self._require_loopback()
            content_type, body = make(urlsplit(self.path).path)
            status = HTTPStatus.OK
        except RefusedError as refused:
            status, content_type = refused.status, "application/json"
            body = _json({"error": str(refused)})
            self.close_connection = True
        except UserError as error:
            status, content_type = HTTPStatus.CONFLICT, "application/json"
            body = _json({"error": f"{error.problem} {error.hint}"})
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        is_image = content_type == "image/png"
        self.send_header("Cache-Control", "private, max-age=86400" if is_image else "no-store")
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            # Else a client may send its next request into a connection that is about to go.
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def _require_loopback(self) -> None:
        # A name that somebody else's DNS points here, or another page's request, is not ours to answer.
        allowed = {f"{name}:{self._port}" for name in NAMES}
        if self.headers.get("Host") not in allowed:
            raise RefusedError(HTTPStatus.FORBIDDEN, "not asked for by its own name")
        origin = self.headers.get("Origin")
        if origin is not None and origin not in {f"http://{name}" for name in allowed}:
            raise RefusedError(HTTPStatus.FORBIDDEN, "asked for by another page")

    def _get(self, path: str) -> tuple[str, bytes]:
        if path in STATIC:
            name, content_type = STATIC[path]
            return content_type, files("herodex").joinpath(name).read_bytes()
        if path == "/state":
            return "application/json", _json(self._review.state())
        folder, _, sha256 = path.rpartition("/")
        file = self._review.files.get(sha256) if folder == "/image" else None
        if file is None or not file.is_file():
            raise RefusedError(HTTPStatus.NOT_FOUND, "nothing is here")
        return "image/png", file.read_bytes()

    def _post(self, path: str) -> tuple[str, bytes]:
        if path != "/decide":
            raise RefusedError(HTTPStatus.NOT_FOUND, "nothing is here")
        # A form of another page cannot send this type without asking first.
        if self.headers.get("Content-Type", "").partition(";")[0] != "application/json":
            raise RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not JSON")
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_BODY:
            raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too long")
        try:
            asked = json.loads(self.rfile.read(int(length)))
            values = [asked[key] for key in ("sha256", "decision", "class")]
        except (ValueError, KeyError, TypeError):
            raise RefusedError(HTTPStatus.BAD_REQUEST, "no decision") from None
        if not all(isinstance(value, str) for value in values):
            raise RefusedError(HTTPStatus.BAD_REQUEST, "no decision")
        return "application/json", _json(self._review.decide(*values))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the parent's name)
        """Say nothing of each request."""


class ReviewServer(ThreadingHTTPServer):
    """Serves one `Review` on loopback."""

    daemon_threads = True

    def __init__(self, port: int, review: Review) -> None:
        super().__init__((HOST, port), Handler)
        self.review = review


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def load_review(params: Params) -> Review:
    """Read what `curate_images` wrote.

    Raises:
        UserError: that is missing, or review.csv is spoilt.
    """
    review = Review(read_manifest(paths.CURATED_IMAGES), params, paths.CLEAN_IMAGES, paths.REVIEW)
    review.state()
    return review


def main() -> None:
    """Serve the page until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=3001)
    port = parser.parse_args().port
    review = load_review(load_params())
    try:
        server = ReviewServer(port, review)
    except (OSError, OverflowError) as error:
        raise UserError(
            f"Port {port} cannot be had: {error}.", "Choose another: make review REVIEW_PORT=3002."
        ) from None
    with server:
        sys.stdout.write(f"Review on http://{HOST}:{server.server_port} · stop with Ctrl-C\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    run_command(main)
