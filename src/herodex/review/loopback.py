"""Protection of a server on loopback: who may ask, what a body may be, what the browser may do."""

import errno
import socket
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.base import RequestResponseEndpoint
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from herodex.errors import UserError

HOST = "127.0.0.1"
NAMES = (HOST, "localhost")
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
Body = TypeVar("Body", bound=BaseModel)


async def read_body(request: Request, kind: type[Body], limit: int = MAX_BODY) -> Body:
    """Read and validate the JSON body of a request, of at most `limit` bytes."""
    # A form on another page cannot send this type without a preflight request.
    if request.headers.get("Content-Type", "").partition(";")[0] != "application/json":
        raise HTTPException(415, "the body is not JSON")
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
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
