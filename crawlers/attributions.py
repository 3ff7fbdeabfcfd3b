"""Who made the pictures and under which licence: a report to keep with whatever is learnt from them."""

import re
from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlsplit

from crawlers.items import Picture, Status


def attribution_report(pictures: Sequence[Picture]) -> str:
    """Word the kept pictures' licences, counted by host, and an attribution for each page, as Markdown.

    Args:
        pictures: rows of the manifest, in its order; those that were not kept are left out.
    """
    kept = [picture for picture in pictures if picture.status is Status.OK]
    hosts = sorted({host_of(picture) for picture in kept})
    counts = Counter((picture.licence, host_of(picture)) for picture in kept)
    lines = [
        "# Sources",
        "",
        f"{len(kept)} pictures were kept of {len(pictures)} search results.",
        "",
        "| licence | pictures | " + " | ".join(map(escaped, hosts)) + " |",
        "|---|---:|" + "---:|" * len(hosts),
    ]
    for licence in sorted({picture.licence for picture in kept}):
        row = [counts[licence, host] for host in hosts]
        lines.append(
            f"| {escaped(licence) or 'not stated'} | {sum(row)} | " + " | ".join(map(str, row)) + " |"
        )
    # A page found by several searches is named once.
    attributions = dict.fromkeys(attribution(picture) for picture in kept)
    return "\n".join([*lines, "", "## Attributions", "", *attributions]) + "\n"


def host_of(picture: Picture) -> str:
    """The host that a picture was fetched from."""
    return urlsplit(picture.picture_url).hostname or ""


def attribution(picture: Picture) -> str:
    """Name title, author, licence and page of a picture, as licences ask for: a Markdown list item."""
    title = escaped(picture.title) or "Untitled"
    licence = escaped(picture.licence) or "licence not stated"
    return (
        f"- {linked(title, picture.page_url)} by {escaped(picture.author) or 'an unknown author'}, "
        f"{linked(licence, picture.licence_url)}"
    )


def linked(text: str, url: str) -> str:
    """Make `text` a Markdown link, if the address is one of the web without characters that end a link."""
    return f"[{text}](<{url}>)" if re.fullmatch(r"https?://[^\s<>]+", url) else text


def escaped(text: str) -> str:
    """Take from text of unknown make whatever Markdown or HTML would read as more than text."""
    return re.sub(r"([\\`*_{}\[\]()<>#|!~&])", r"\\\1", text)
