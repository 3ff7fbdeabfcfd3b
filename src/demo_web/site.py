"""Answer requests to the demo web: routing and planned faults."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby
from urllib.parse import parse_qs, urlsplit

from demo_web import hosts, pages
from demo_web.faults import Kind
from demo_web.images import image_file
from demo_web.pokedex import Species, page_of, read_species
from demo_web.truth import PlannedImage, plan_web
from herodex.params import Params

HTML = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Site:
    """Everything that the demo web serves, by URL."""

    results: Mapping[str, list[PlannedImage]]
    planned_images: Mapping[str, PlannedImage]
    works: Mapping[str, PlannedImage]
    robots: Mapping[str, str]
    species: list[Species]
    seed: int
    slow_s: float


@dataclass(frozen=True)
class Answer:
    """An HTTP answer. With `cut`, the connection is closed in the middle of the body."""

    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    delay_s: float = 0
    cut: bool = False


def build_site(params: Params) -> Site:
    """Build the web that `params` describe.

    Raises:
        UserError: `crawl.web` is a missing folder.
    """
    plan = plan_web(params)
    # A shared result has the URL of another result, whose plan determines the answer.
    owned = [image for image in plan if image.kind is not Kind.SHARED]
    return Site(
        results={query: list(results) for query, results in groupby(plan, lambda image: image.query)},
        planned_images={image.image_url: image for image in owned},
        works={image.page_url: image for image in owned},
        robots=hosts.all_robots(params.demo_web.image_hosts),
        species=read_species(),
        seed=params.demo_web.seed,
        slow_s=params.demo_web.slow_s,
    )


def answer(site: Site, url: str, first_time: bool) -> Answer:
    """Answer a GET of an absolute URL; `first_time` is true for its first request."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return _error(400, "Bad Request")
    host, path, query = parts.hostname or "", parts.path or "/", parse_qs(parts.query)
    if parts.scheme != "http" or host not in site.robots:
        return _error(502, "No such host in the demo web")
    if path == "/robots.txt":
        return Answer(200, "text/plain; charset=utf-8", site.robots[host].encode())
    if host == hosts.SEARCH:
        return _answer_search(site, path, query)
    if host == hosts.POKEDEX:
        return _answer_pokedex(site, path, query)
    return _answer_gallery(site, f"http://{host}{path}", first_time)


def _answer_search(site: Site, path: str, query: Mapping[str, list[str]]) -> Answer:
    words = query.get("q", [""])[0].strip().lower()
    results = site.results.get(words, [])
    if path in {"/", "/search"}:
        return _page(pages.search_page(words, results))
    if path == "/search.js":
        return Answer(200, "text/javascript; charset=utf-8", pages.SEARCH_SCRIPT.encode())
    if path == "/search/more":
        offset = query.get("offset", [""])[0]
        if not offset.isdecimal():
            return _error(400, "Bad Request")
        return Answer(200, "application/json", pages.search_batch(results, int(offset)).encode())
    return _error(404, "Not Found")


def _answer_pokedex(site: Site, path: str, query: Mapping[str, list[str]]) -> Answer:
    number = query.get("page", ["1"])[0]
    if path not in {"/", "/pokemon"} or not number.isdecimal():
        return _error(404, "Not Found")
    page = int(number)
    if not (species := page_of(site.species, page)):
        return _error(404, "Not Found")
    return _page(pages.pokedex_page(page, species, is_last=not page_of(site.species, page + 1)))


def _answer_gallery(site: Site, address: str, first_time: bool) -> Answer:
    if work := site.works.get(address):
        return _page(pages.work_page(work))
    if image := site.planned_images.get(address):
        return _answer_image(site, image, first_time)
    return _error(404, "Not Found")


def _answer_image(site: Site, image: PlannedImage, first_time: bool) -> Answer:
    if image.kind is Kind.NOT_FOUND:
        return _error(404, "Not Found")
    if image.kind is Kind.ERROR_ONCE and first_time:
        return _error(500, "Internal Server Error")
    if image.kind is Kind.THROTTLED_ONCE and first_time:
        return _error(429, "Too Many Requests", {"Retry-After": "1"})
    if image.kind is Kind.HTML:
        return Answer(200, "image/jpeg", pages.error_page(403, "Hotlinking is not allowed").encode())
    content_type, body = image_file(image, site.seed)
    return Answer(
        200,
        content_type,
        body,
        delay_s=site.slow_s if image.kind is Kind.SLOW else 0,
        cut=image.kind is Kind.TRUNCATED,
    )


def _page(html: str) -> Answer:
    return Answer(200, HTML, html.encode())


def _error(status: int, phrase: str, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, HTML, pages.error_page(status, phrase).encode(), headers or {})
