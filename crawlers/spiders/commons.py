"""Wikimedia Commons, by MediaWiki's API (https://www.mediawiki.org/wiki/API:Main_page)."""

import math
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, cast
from urllib.parse import urlencode

from scrapy import Request
from scrapy.http import Response

from crawlers.json_object import as_list, object_or_empty, read_object, require_object
from crawlers.licenses import read_license
from crawlers.page_text import one_line, visible_text
from crawlers.spiders.search import SearchSpider, Wanted, search_words

IMAGE_WIDTH = 960
"""Larger images are downloaded at this width, which Commons serves prerendered."""

_METADATA = ("License", "LicenseShortName", "LicenseUrl", "Artist", "ObjectName")
_PARAMETERS = {
    "action": "query",
    "format": "json",
    "formatversion": 2,
    # Bots have to wait while the databases lag (https://www.mediawiki.org/wiki/Manual:Maxlag_parameter).
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
    """Search the files for one query after another."""

    name = "commons"
    search_url = "https://commons.wikimedia.org/w/api.php"

    def request_for(self, query: str) -> Request:
        """Request the first files."""
        return self._request_for_part(query, {})

    def records(self, response: Response) -> Sequence[Any]:
        """Return the files' pages in the order of the search.

        An answer may lack the details of some files, which a later answer has: such pages are skipped here.
        """
        answer = read_object(response.body)
        if "error" in answer:
            raise ValueError(f"it is an error: {explain_error(answer['error'])}")
        if "query" not in answer:
            if "batchcomplete" not in answer:
                raise ValueError("it is no answer to a query")
            return []
        pages = as_list(object_or_empty(answer["query"]).get("pages"))
        if pages is None:
            raise ValueError("it has no list of pages")
        if "batchcomplete" not in answer or any(key.startswith("ii") for key in response.meta["continued"]):
            pages = [page for page in pages if not isinstance(page, dict) or "imageinfo" in page]
        return sorted(pages, key=place_of)

    def read_record(self, record: Any) -> dict[str, str] | None:
        """Read a file's page."""
        return read_page(record, self.wanted)

    def next_page(self, response: Response) -> Request | None:
        """Make the request that the answer's `continue` describes, if it has one."""
        continued = read_object(response.body).get("continue")
        if continued is None:
            return None
        if not isinstance(continued, dict):
            raise ValueError("its field continue is malformed")
        return self._request_for_part(response.meta["query"], object_or_empty(cast("object", continued)))

    def _request_for_part(self, query: str, continued: Mapping[str, Any]) -> Request:
        search = {"gsrsearch": f'filetype:bitmap "{search_words(query)}"'}
        return Request(
            f"{self.search_url}?{urlencode(_PARAMETERS | search | dict(continued))}",
            meta={"query": query, "continued": continued},
        )


def read_page(value: object, wanted: Wanted) -> dict[str, str] | None:
    """Read the page of a file; None if it is unwanted.

    Raises:
        ValueError: the page is malformed, has no details or names no image.
    """
    page = require_object(value)
    file = object_or_empty(next(iter(as_list(page.get("imageinfo")) or ()), None))
    if not file:
        raise ValueError("it has no imageinfo")
    width = file.get("width")
    wide = isinstance(width, int) and width > IMAGE_WIDTH
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
    """Read a value of `extmetadata`, which is HTML, as text; '' if it is missing."""
    return visible_text(object_or_empty(object_or_empty(file.get("extmetadata")).get(key)).get("value"))


def place_of(page: object) -> float:
    """Return a page's rank in the search; pages without one come last."""
    index = object_or_empty(page).get("index")
    return index if isinstance(index, int) else math.inf


def explain_error(error: object) -> str:
    """Describe MediaWiki's error."""
    fields = object_or_empty(error)
    return ", ".join(filter(None, [one_line(fields.get("code")), one_line(fields.get("info"))])) or "unknown"
