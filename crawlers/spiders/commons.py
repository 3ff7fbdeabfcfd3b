"""Wikimedia Commons, through MediaWiki's API (https://www.mediawiki.org/wiki/API:Main_page)."""

import math
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlencode

from parsel import Selector
from scrapy import Request
from scrapy.http import Response

from crawlers.json_object import read_object
from crawlers.licenses import read_license
from crawlers.spiders.search import SearchSpider, Wanted, one_line, search_words

IMAGE_WIDTH = 960
"""Larger images are taken at this width: one of those that Commons keeps ready, and ample to learn from."""

_METADATA = ("License", "LicenseShortName", "LicenseUrl", "Artist", "ObjectName")
_QUESTION = {
    "action": "query",
    "format": "json",
    "formatversion": 2,
    # Robots have to wait while the databases lag behind (https://www.mediawiki.org/wiki/Manual:Maxlag_parameter).
    "maxlag": 5,
    "generator": "search",
    "gsrnamespace": 6,
    "gsrlimit": 50,
    "prop": "imageinfo",
    "iiprop": "url|size|mime|extmetadata",
    "iiextmetadatafilter": "|".join(_METADATA),
    "iiurlwidth": IMAGE_WIDTH,
}


class CommonsSpider(SearchSpider):
    """Search among the files for one query after another."""

    name = "commons"
    search_url = "https://commons.wikimedia.org/w/api.php"

    def request_for(self, query: str) -> Request:
        """Ask for the first files."""
        return self._request_for_part(query, {})

    def records(self, response: Response) -> Sequence[Any]:
        """The files' pages in the order in which the search ranks them.

        An answer may leave out the details of some files, which a later one has: they wait for that.
        """
        answer = read_object(response.body)
        if "error" in answer:
            raise ValueError(f"it is an error: {explain_error(answer['error'])}")
        if "query" not in answer:
            if "batchcomplete" not in answer:
                raise ValueError("it is no answer to a query")
            return []
        pages = answer["query"].get("pages") if isinstance(answer["query"], dict) else None
        if not isinstance(pages, list):
            raise ValueError("it has no list of pages")
        if "batchcomplete" not in answer or any(key.startswith("ii") for key in response.meta["continued"]):
            pages = [page for page in pages if not isinstance(page, dict) or "imageinfo" in page]
        return sorted(pages, key=place_of)

    def read_record(self, record: Any) -> dict[str, str] | None:
        """Read a file's page."""
        return read_page(record, self.wanted)

    def next_page(self, response: Response) -> Request | None:
        """Go on as the answer says, if it does."""
        continued = read_object(response.body).get("continue")
        if continued is None:
            return None
        if not isinstance(continued, dict):
            raise ValueError("it says in no known way how to go on")
        return self._request_for_part(response.meta["query"], continued)

    def _request_for_part(self, query: str, continued: Mapping[str, Any]) -> Request:
        search = {"gsrsearch": f'filetype:bitmap "{search_words(query)}"'}
        return Request(
            f"{self.search_url}?{urlencode(_QUESTION | search | dict(continued))}",
            meta={"query": query, "continued": continued},
        )


def read_page(page: Any, wanted: Wanted) -> dict[str, str] | None:
    """Read the page of a file; None if it is not as wanted.

    Raises:
        ValueError: it has no details or names no image.
    """
    if not isinstance(page, dict):
        raise ValueError("it is no JSON object")
    match page.get("imageinfo"):
        case [dict(file), *_]:
            pass
        case _:
            raise ValueError("it has no imageinfo")
    wide = isinstance(file.get("width"), int) and file["width"] > IMAGE_WIDTH
    scaled = "thumb" if wide and one_line(file.get("thumburl")) else ""
    if not (image := one_line(file.get(f"{scaled}url"))):
        raise ValueError("it names no image")
    metadata = {key: metadatum(file, key) for key in _METADATA}
    license = read_license(metadata["License"]) or read_license(metadata["LicenseShortName"])
    if (
        license is None
        or license.code not in wanted.licenses
        or not wanted.accepts_type(one_line(file.get("mime")).removeprefix("image/"))
        or not wanted.accepts_size(file.get(f"{scaled}width"), file.get(f"{scaled}height"))
    ):
        return None
    title = one_line(page.get("title")).removeprefix("File:")
    return {
        "image_url": image,
        "page_url": one_line(file.get("descriptionurl")),
        "title": metadata["ObjectName"] or PurePosixPath(title).stem,
        "author": metadata["Artist"],
        "license": license.name,
        "license_url": metadata["LicenseUrl"] or license.url,
    }


def metadatum(file: Mapping[str, Any], key: str) -> str:
    """Read a value of `extmetadata`, which is HTML, as text; '' where it is not stated."""
    match file.get("extmetadata"):
        case {**values} if isinstance(values.get(key), dict):
            html = one_line(values[key].get("value"))
        case _:
            return ""
    texts = Selector(html).xpath("//text()[not(ancestor::style)]").getall() if html else []
    return one_line("".join(texts))


def place_of(page: Any) -> float:
    """The place of a page among the results; what states none comes last."""
    index = page.get("index") if isinstance(page, dict) else None
    return index if isinstance(index, int) else math.inf


def explain_error(error: Any) -> str:
    """Put MediaWiki's error into words."""
    fields = error if isinstance(error, dict) else {}
    return ", ".join(filter(None, [one_line(fields.get("code")), one_line(fields.get("info"))])) or "unknown"
