"""`GET /api/lineage`: runs, code, data and web pages behind the served models."""

import json
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from herodex import paths
from herodex.serving import endpoints
from herodex.serving.client_error import ClientError

COMMIT = "commit.json"


def lineage_route(models: Path) -> Route:
    """Create the route that returns a model folder's `lineage.json` with the commit of the bento."""

    async def lineage(request: Request) -> Response:
        if not (file := models / paths.LINEAGE.name).exists():
            error = ClientError(
                404, "address", "These models have no lineage.", "Run `make run`, which records it."
            )
            return error.response()
        commit = models / COMMIT
        packed = json.loads(commit.read_text(encoding="utf-8")) if commit.exists() else {"commit": None}
        return JSONResponse(packed | json.loads(file.read_text(encoding="utf-8")))

    return Route(endpoints.LINEAGE, lineage)
