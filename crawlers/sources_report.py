"""Report the images' sources, licences and attributions."""

import re
from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlsplit

from crawlers.items import FOLDER, FolderContents, ImageRecord, Search, Status


def sources_report(
    images: Sequence[ImageRecord],
    searches: Sequence[Search],
    folders: Sequence[FolderContents] = (),
    notes: Sequence[str] = (),
    remarks: Sequence[str] = (),
) -> str:
    """Report counts by source, licence, host and folder, what was left out, and an attribution for each page.

    Args:
        images: all rows of the manifest, in its order; only kept images are attributed.
        searches: the searches of all sources.
        folders: the contents of the user's folders; their images need no attribution.
        notes: on files that belong to no query.
        remarks: on groups and test folders of the user's folder.

    Returns:
        Markdown.
    """
    kept = [image for image in images if image.status is Status.OK]
    # A page found by several searches is attributed once.
    attributions = dict.fromkeys(attribution(image) for image in kept if image.source != FOLDER)
    return (
        "\n".join(
            [
                "# Sources",
                "",
                f"{len(kept)} images were kept of {len(images)} {'files' if folders else 'search results'}.",
                "",
                *table(Counter((image.license, image.source) for image in kept), "licence", "not stated"),
                "",
                *table(Counter((host_of(image), image.source) for image in kept), "host", "this machine"),
                *folder_table(folders),
                *(line for remark in remarks for line in ("", escaped(remark))),
                *left_out(searches, [*folder_notes(folders), *notes]),
                *(["", "## Attributions", "", *attributions] if attributions or not folders else []),
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


def folder_table(folders: Sequence[FolderContents]) -> list[str]:
    """Tabulate the contents of the user's folders as a section; it is empty without any."""
    if not folders:
        return []
    lines = [
        "",
        "| folder | class or distractor | images | not taken | other files |",
        "|---|---|---:|---:|---:|",
    ]
    for each in folders:
        not_taken, others = sum(map(len, each.unread.values())) + each.left_out, sum(each.others.values())
        lines.append(
            f"| {escaped(each.folder)} | {escaped(each.query)} | {each.images} | {not_taken} | {others} |"
        )
    return lines


def folder_notes(folders: Sequence[FolderContents]) -> list[str]:
    """Say for each query how many files were not taken, and why."""
    notes: list[str] = []
    for query in dict.fromkeys(each.query for each in folders):
        inside = [each for each in folders if each.query == query]
        unread: dict[str, list[str]] = {}
        for each in inside:
            for reason, paths in each.unread.items():
                unread.setdefault(reason, []).extend(paths)
        others = sum((Counter(each.others) for each in inside), Counter[str]())
        notes += [f"{query}: {named(paths)}: {reason}" for reason, paths in sorted(unread.items())]
        if others:
            kinds = ", ".join(f"{count} {suffix}" for suffix, count in sorted(others.items()))
            notes.append(f"{query}: {counted(others.total(), 'other file')}, no images: {kinds}")
        if left := sum(each.left_out for each in inside):
            images = left + sum(each.images + sum(map(len, each.unread.values())) for each in inside)
            notes.append(f"{query}: {left} of {images} images left out by crawl.images.folder_limit")
    return notes


def named(paths: Sequence[str]) -> str:
    """Name the first of several files, and count the others."""
    others = len(paths) - 1
    return f"{paths[0]} and {counted(others, 'other file')}" if others else paths[0]


def counted(count: int, noun: str) -> str:
    """Put a number before a noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def left_out(searches: Sequence[Search], notes: Sequence[str] = ()) -> list[str]:
    """List failed searches, skipped results and files that were not taken as a section; empty without any."""
    lines: list[str] = []
    for search in searches:
        where = f"{escaped(search.source)}, {escaped(search.query)}"
        if search.error:
            lines.append(f"- {where}: the search failed: {escaped(search.error)}")
        if search.unwanted:
            lines.append(f"- {where}: {search.unwanted} results of other licences, types or sizes")
        if search.forgotten:
            lines.append(f"- {where}: {counted(search.forgotten, 'result')} of withdrawn sources")
        lines += [f"- {where}: {escaped(fault)}" for fault in search.faults]
    lines += [f"- {escaped(note)}" for note in notes]
    return ["", "## Left out", "", *lines] if lines else []


def section(report: str, heading: str) -> str:
    """Return a section of a report, with the blank line before its heading; '' if there is none."""
    found = re.search(rf"\n{re.escape(heading)}\n.*?(?=\n## |\Z)", report, re.DOTALL)
    return found[0] if found else ""


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
