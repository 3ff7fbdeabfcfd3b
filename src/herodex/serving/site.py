"""The page, and the API endpoints that need no model: quotes, metrics, lineage, page settings."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from importlib import resources
from pathlib import Path
from urllib.parse import quote as percent_encode
from urllib.parse import urlsplit

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from herodex import paths
from herodex.params import AUTO, Params
from herodex.serving import endpoints, metrics
from herodex.serving.client_error import ClientError
from herodex.serving.feedback import feedback_route
from herodex.serving.lineage import lineage_route
from herodex.serving.messages import AboutAnswer, Example, QuoteMessage
from herodex.serving.models import CLASSIFIER, GENERATOR
from herodex.serving.page_texts import accepted_language, load_tables, template_values, with_words
from herodex.serving.quotes import QuoteProxy, load_bundled_quotes
from herodex.serving.shared_quotes import share_quotes
from herodex.serving.static_files import (
    FOR_A_DAY,
    IMMUTABLE,
    REVALIDATED,
    UNCACHED,
    VERSION,
    StaticFile,
    load_static_files,
    load_thumbnails,
    render_page,
    static_response,
    to_static_file,
    version_of,
)

WEB = Path(str(resources.files("herodex.web")))
FALLBACK = "en"
"""The page's language if the browser prefers none that it has."""


def example_files(folder: Path) -> list[Path]:
    """List the example images in a folder, which may be missing, in order."""
    return sorted(folder.glob("*-*.*"), key=lambda file: int(file.stem.partition("-")[0]))


def describe_example(file: Path) -> Example:
    """Tell the page the address and the subject of an example image."""
    return Example(address=f"examples/{percent_encode(file.name)}", subject=file.stem.partition("-")[2])


def render_pages(
    params: Params, files: dict[str, StaticFile], version: str, embedded: bool
) -> dict[str, StaticFile]:
    """Render the page in each of its languages.

    Args:
        params: Parameters of the project.
        files: Static files of the page.
        version: Of these files.
        embedded: Whether the pages are for a frame.
    """
    template = (WEB / "index.html").read_text(encoding="utf-8")
    tables = {
        language: with_words(table, params.page.words(language))
        for language, table in load_tables(WEB / "strings").items()
    }
    max_side = params.classifier.clean.max_side
    return {
        language: render_page(template, files, version, max_side, template_values(language, tables), embedded)
        for language in tables
    }


async def thumbnail(request: Request) -> Response:
    """Send the thumbnail of a training image."""
    sha256, _, extension = request.path_params["name"].partition(".")
    file: Path | None = request.app.state.thumbnails.get(sha256)
    if file is None or extension != "webp":
        raise HTTPException(404)
    try:
        data = await asyncio.to_thread(file.read_bytes)
    except OSError:
        raise HTTPException(404) from None
    return static_response(request, to_static_file(file.name, data), FOR_A_DAY)


def page_response(request: Request, pages: dict[str, StaticFile], default: str) -> Response:
    """Send the page in the language that the address names, or else in the default one, which may be AUTO."""
    chosen = request.query_params.get("lang", "").lower()
    if chosen in pages or default != AUTO:
        return static_response(request, pages.get(chosen) or pages[default], REVALIDATED)
    accepted = accepted_language(request.headers.get("accept-language", ""), list(pages), FALLBACK)
    response = static_response(request, pages[accepted], REVALIDATED)
    response.headers.add_vary_header("Accept-Language")
    return response


def create_site(params: Params, root: Path, with_metrics: bool = True) -> Starlette:
    """Create the application that serves the page, its files and the GET part of the API.

    `state.classes` holds the classes of `params` until the service replaces them by those of its classifier;
    `state.models` names both models until the service replaces them by those that it has.
    `state.thumbnails` has no thumbnails of training images until the service adds those that it has, by the
    SHA-256 of the image.

    Args:
        params: Parameters of the project.
        root: Folder of the project, which may have example images.
        with_metrics: Whether `/metrics` is served here and not on another port.
    """
    serve = params.serve
    example_images = example_files(root / paths.EXAMPLES)
    examples = [describe_example(file) for file in example_images]
    files = load_static_files(WEB / "static") | load_thumbnails(example_images)
    version = version_of(files)
    pages, embedded_pages = (render_pages(params, files, version, embedded) for embedded in (False, True))
    shared = share_quotes(serve.limit_storage, serve.quote_urls, serve.quote_timeout_s)
    quotes = QuoteProxy(
        serve.quote_urls, serve.quote_timeout_s, serve.quote_ttl_s, load_bundled_quotes(), shared=shared
    )

    async def quote(request: Request) -> Response:
        answer = await quotes.quote(other_than=request.query_params.get("not", ""))
        metrics.QUOTES.labels(answer.source).inc()
        found = answer.quote
        message = QuoteMessage(id=found.id, text=found.text, author=found.author, source=answer.source)
        return JSONResponse(message.model_dump())

    async def about(request: Request) -> Response:
        message = AboutAnswer(
            models=request.app.state.models,
            thing=params.page.thing,
            name=params.page.name,
            classes=request.app.state.classes,
            display_names=params.page.display_names,
            examples=examples if CLASSIFIER in request.app.state.models else [],
            max_upload_mb=serve.max_upload_mb,
            max_pixels_mp=serve.max_pixels_mp,
            requests_per_minute=serve.requests_per_minute,
            burst=serve.burst,
            quote_hosts=[urlsplit(url).hostname or "" for url in serve.quote_urls],
            feedback=serve.feedback.enabled and CLASSIFIER in request.app.state.models,
            feedback_license=serve.feedback.license,
            embeddable=bool(serve.embed_origins),
        )
        return JSONResponse(message.model_dump())

    async def page(request: Request) -> Response:
        chosen = embedded_pages if "embed" in request.query_params else pages
        return page_response(request, chosen, params.page.language)

    async def static(request: Request) -> Response:
        asked, _, name = request.path_params["path"].rpartition("/")
        file = files.get(name)
        if file is None or (asked and not VERSION.fullmatch(asked)):
            raise HTTPException(404)
        # A page that was loaded before an update asks for its old version, and gets the files of this one.
        caching = {version: IMMUTABLE, "": REVALIDATED}.get(asked, UNCACHED)
        return static_response(request, file, caching)

    async def exposition(request: Request) -> Response:
        text = await asyncio.to_thread(metrics.exposition)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    async def no_metrics(request: Request) -> Response:
        return ClientError(404, "address", "There is no such path.", "Start from the page at /.").response()

    async def not_found(request: Request, error: Exception) -> Response:
        return ClientError(404, "address", "There is no such file.", "Start from the page at /.").response()

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        yield
        await quotes.close()

    site = Starlette(
        routes=[
            *(Route(address, page) for address in endpoints.PAGES),
            Route(endpoints.METRICS, exposition if with_metrics else no_metrics),
            Route(endpoints.QUOTE, quote),
            Route(endpoints.ABOUT, about),
            lineage_route(root / paths.MODELS),
            feedback_route(root / paths.FEEDBACK, serve.feedback),
            Route("/static/{path:path}", static),
            Route("/neighbours/{name:path}", thumbnail),
            Mount("/examples", StaticFiles(directory=root / paths.EXAMPLES, check_dir=False)),
        ],
        exception_handlers={404: not_found},
        lifespan=lifespan,
    )
    site.state.classes = params.classes
    site.state.thumbnails = dict[str, Path]()
    site.state.models = [CLASSIFIER, GENERATOR]
    return site
