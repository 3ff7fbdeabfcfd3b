"""The demo web's HTML pages, and the batches of results for its script."""

import json
from html import escape
from pathlib import Path
from string import Template

from demo_web.pokedex import Species
from demo_web.truth import PlannedImage

BATCH_SIZE = 35
"""The number of results on the search page, and in each batch that its script loads."""

SEARCH_SCRIPT = (Path(__file__).parent / "templates" / "search.js").read_text(encoding="utf-8")


def search_page(query: str, results: list[PlannedImage]) -> str:
    """Render the search page with the first batch of `results`; its script loads the others."""
    return _fill(
        "search.html",
        query=escape(query),
        next=_next_offset(results, 0) or "",
        results="\n".join(_result_link(image) for image in results[:BATCH_SIZE]),
        end="" if len(results) > BATCH_SIZE else '<p id="end">No more results.</p>',
    )


def search_batch(results: list[PlannedImage], offset: int) -> str:
    """Serialise the batch from `offset` as JSON; `next` is the offset of the next batch, or null."""
    batch = [_result_fields(image) for image in results[offset : offset + BATCH_SIZE]]
    return json.dumps({"results": batch, "next": _next_offset(results, offset)})


def work_page(image: PlannedImage) -> str:
    """Render the page of one image: title, author, licence."""
    fields = _result_fields(image)
    fields.pop("rank")
    return _fill(
        "work.html",
        **{key: escape(str(fields[key])) for key in ("title", "author", "license", "license_url")},
        image_url=escape(image.image_url),
    )


def pokedex_page(page: int, species: list[Species], is_last: bool) -> str:
    """Render one page of the table of species, with a link to the next page unless it is the last."""
    rows = [
        f'<tr class="species"><td class="number">{one.number}</td><td class="name">{escape(one.name)}</td>'
        f'<td class="generation">{one.generation}</td></tr>'
        for one in species
    ]
    link = "" if is_last else f'<p><a rel="next" href="/pokemon?page={page + 1}">Next page</a></p>'
    return _fill("pokedex.html", page=page, rows="\n".join(rows), next=link)


def error_page(status: int, phrase: str) -> str:
    """Render the page of an HTTP error, which is also served in place of images."""
    return f"<!doctype html><title>{status} {phrase}</title><h1>{phrase}</h1>\n"


def _next_offset(results: list[PlannedImage], offset: int) -> int | None:
    following = offset + BATCH_SIZE
    return following if following < len(results) else None


def _result_fields(image: PlannedImage) -> dict[str, str | int]:
    return {
        "image": image.image_url,
        "page": image.page_url,
        "title": image.credit.title,
        "author": image.credit.author,
        "license": image.credit.license,
        "license_url": image.credit.license_url,
        "rank": image.rank,
    }


def _result_link(image: PlannedImage) -> str:
    data = escape(json.dumps(_result_fields(image)))
    return (
        f'<a class="result" href="{escape(image.page_url)}" data-result="{data}">'
        f'<img loading="lazy" alt=""><span>{escape(image.credit.title)}</span></a>'
    )


def _fill(template: str, **values: object) -> str:
    text = (Path(__file__).parent / "templates" / template).read_text(encoding="utf-8")
    return Template(text).substitute(values)
