"""The page, and the two answers that need no model: a quote, and what the page is about."""

import contextlib
from collections.abc import AsyncIterator
from importlib import resources
from pathlib import Path
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from herodex import paths
from herodex.params import Params
from herodex.quotes import QuoteProxy, load_bundled_quotes
from herodex.serving import endpoints
from herodex.serving.lineage import lineage_route
from herodex.serving.messages import AboutAnswer, QuoteMessage

WEB = Path(str(resources.files("herodex.web")))


def create_site(params: Params, models: Path = paths.MODELS) -> Starlette:
    """Build the application that serves `/`, `/static`, and the GET part of the API.

    `state.classes` takes the labels of the classifier that is loaded; until then it holds those of `params`.
    """
    serve = params.serve
    quotes = QuoteProxy(serve.quote_urls, serve.quote_timeout_s, serve.quote_ttl_s, load_bundled_quotes())

    async def quote(request: Request) -> Response:
        answer = await quotes.quote(other_than=request.query_params.get("not", ""))
        found = answer.quote
        message = QuoteMessage(id=found.id, text=found.text, author=found.author, source=answer.source)
        return JSONResponse(message.model_dump())

    async def about(request: Request) -> Response:
        message = AboutAnswer(
            thing=params.page.thing,
            name=params.page.name,
            classes=request.app.state.classes,
            max_upload_mb=serve.max_upload_mb,
            quote_hosts=[urlsplit(url).hostname or "" for url in serve.quote_urls],
        )
        return JSONResponse(message.model_dump())

    async def page(request: Request) -> Response:
        return FileResponse(WEB / "index.html")

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await quotes.close()

    site = Starlette(
        routes=[
            Route("/", page),
            Route(endpoints.QUOTE, quote),
            Route(endpoints.ABOUT, about),
            lineage_route(models),
            Mount("/static", StaticFiles(directory=WEB / "static")),
        ],
        lifespan=lifespan,
    )
    site.state.classes = params.classes
    return site
