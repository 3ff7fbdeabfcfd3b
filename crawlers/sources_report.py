"""Report the images' sources, licences and attributions."""

import re
from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlsplit

from crawlers.items import ImageRecord, Search, Status


def sources_report(images: Sequence[ImageRecord], searches: Sequence[Search]) -> str:
    """Report counts by source, licence and host, skipped results, and an attribution for each page.

    Args:
        images: all rows of the manifest, in its order; only kept images are attributed.
        searches: the searches of all sources.

    Returns:
        Markdown.
    """
    kept = [image for image in images if image.status is Status.OK]
    # A page found by several searches is attributed once.
    attributions = dict.fromkeys(attribution(image) for image in kept)
    return (
        "\n".join(
            [
                "# Sources",
                "",
                f"{len(kept)} images were kept of {len(images)} search results.",
                "",
                *table(Counter((image.license, image.source) for image in kept), "licence", "not stated"),
                "",
                *table(Counter((host_of(image), image.source) for image in kept), "host", "this machine"),
                *left_out(searches),
                "",
                "## Attributions",
                "",
                *attributions,
            ]
        )
        + "\n"
    )


def table(counts: Counter[tuple[str, str]], title: str, nothing: str) -> list[str]:
    """Format counts by value and source as a Markdown table; `nothing` replaces an empty value."""
    sources = sorted({source for _, source in counts})
    lines = [
        f"| {title} | images | " + " | ".join(map(escaped, sources)) + " |",
        "|---|---:|" + "---:|" * len(sources),
    ]
    for value in sorted({value for value, _ in counts}):
        row = [counts[value, source] for source in sources]
        lines.append(f"| {escaped(value) or nothing} | {sum(row)} | " + " | ".join(map(str, row)) + " |")
    return lines


def left_out(searches: Sequence[Search]) -> list[str]:
    """List failed searches and skipped results as a section; it is empty without any."""
    lines: list[str] = []
    for search in searches:
        where = f"{escaped(search.source)}, {escaped(search.query)}"
        if search.error:
            lines.append(f"- {where}: the search failed: {escaped(search.error)}")
        if search.unwanted:
            lines.append(f"- {where}: {search.unwanted} results of other licences, types or sizes")
        lines += [f"- {where}: {escaped(fault)}" for fault in search.faults]
    return ["", "## Left out", "", *lines] if lines else []


def host_of(image: ImageRecord) -> str:
    """Return the host of the image's URL."""
    return urlsplit(image.image_url).hostname or ""


def attribution(image: ImageRecord) -> str:
    """Attribute an image, as licences require: a Markdown list item with title, author, licence and page."""
    title = escaped(image.title) or "Untitled"
    license = escaped(image.license) or "licence not stated"
    return (
        f"- {linked(title, image.page_url)} by {escaped(image.author) or 'an unknown author'}, "
        f"{linked(license, image.license_url)}"
    )


def linked(text: str, url: str) -> str:
    """Make `text` a Markdown link if `url` is a web address without characters that end a link."""
    return f"[{text}](<{url}>)" if re.fullmatch(r"https?://[^\s<>]+", url) else text


def escaped(text: str) -> str:
    """Escape Markdown and HTML in text from the web."""
    return re.sub(r"([\\`*_{}\[\]()<>#|!~&])", r"\\\1", text)
