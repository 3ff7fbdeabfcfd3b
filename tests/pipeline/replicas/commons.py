"""A replica of Wikimedia Commons' file search by MediaWiki's API, `formatversion=2`.

https://www.mediawiki.org/wiki/API:Imageinfo, API:Search, API:Continue, API:Errors_and_warnings, and
https://www.mediawiki.org/wiki/Manual:Maxlag_parameter
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

SEARCH = "http://commons.wikimedia.org/w/api.php"
ROBOTS_URL = "http://commons.wikimedia.org/robots.txt"
ROBOTS = b"User-agent: *\nAllow: /w/api.php?action=mobileview&\nAllow: /w/load.php?\nDisallow: /w/\n"
FILES = "https://upload.wikimedia.org/wikipedia/commons"

Reply = tuple[int, bytes, Mapping[str, str]]


def page(number: int, metadata: Mapping[str, str] | None = None, /, **changes: Any) -> dict[str, Any]:
    """Make the page of a file with additional `metadata` and `changes` of its details."""
    name = f"Hero_{number}.jpg"
    stated = {
        "ObjectName": f"Hero {number}",
        "Artist": f'<a href="//commons.wikimedia.org/wiki/User:U{number}">U{number}</a>',
        "LicenseShortName": "CC BY-SA 4.0",
        "LicenseUrl": "https://creativecommons.org/licenses/by-sa/4.0",
        "License": "cc-by-sa-4.0",
    } | dict(metadata or {})
    file = {
        "size": 123456,
        "width": 900,
        "height": 600,
        "thumburl": f"{FILES}/a/ab/{name}",
        "thumbwidth": 900,
        "thumbheight": 600,
        "url": f"{FILES}/a/ab/{name}",
        "descriptionurl": f"https://commons.wikimedia.org/wiki/File:{name}",
        "descriptionshorturl": f"https://commons.wikimedia.org/w/index.php?curid={number}",
        "mime": "image/jpeg",
        "extmetadata": {
            key: {"value": value, "source": "commons-desc-page", "hidden": True}
            for key, value in stated.items()
        },
    } | changes
    return {
        "pageid": 1000 + number,
        "ns": 6,
        "title": f"File:Hero {number}.jpg",
        "imagerepository": "local",
        "imageinfo": [file],
    }


def search(pages: Sequence[Any], parameters: Mapping[str, str]) -> Reply:
    """Answer a search that finds `pages`; they are unordered and have their rank as `index`."""
    if wrong := wrong_parameter(parameters):
        return error("badvalue", f'Unrecognized value for parameter "{wrong}".')
    limit, offset = int(parameters["gsrlimit"]), int(parameters.get("gsroffset", 0))
    found = numbered(pages)[offset : offset + limit]
    body: dict[str, Any] = {"batchcomplete": True}
    if offset + limit < len(pages):
        body["continue"] = {"gsroffset": offset + limit, "continue": "gsroffset||"}
    if found:
        body["query"] = {"pages": found[::-1]}
    return reply(body)


def search_in_parts(pages: Sequence[dict[str, Any]], parameters: Mapping[str, str]) -> Reply:
    """Answer with the details of half of the pages first, and of the others on the continued request."""
    half = len(pages) // 2
    late = "iistart" in parameters
    found = [
        page if (place >= half) == late else {key: page[key] for key in page if key != "imageinfo"}
        for place, page in enumerate(numbered(pages))
    ]
    body: dict[str, Any] = {"query": {"pages": found}}
    going_on = {"iistart": "2020-01-02T03:04:05Z", "continue": "||"}
    return reply(body | ({"batchcomplete": True} if late else {"continue": going_on}))


def lagging(seconds: int) -> Reply:
    """Answer with the maxlag error."""
    lag = {"code": "maxlag", "info": "Waiting for 10.192.0.1: 7.2 seconds lagged.", "lag": 7.2, "type": "db"}
    headers = {"Retry-After": str(seconds), "X-Database-Lag": "7", "MediaWiki-API-Error": "maxlag"}
    return reply({"error": lag, "servedby": "mw1234"}, headers)


def error(code: str, info: str) -> Reply:
    """Answer with an error."""
    body = {"error": {"code": code, "info": info, "docref": "See https://commons.wikimedia.org/w/api.php"}}
    return reply(body, {"MediaWiki-API-Error": code})


def wrong_parameter(parameters: Mapping[str, str]) -> str:
    """Return the first parameter with a value that this replica does not support, or ''."""
    right = {
        "action": "query",
        "format": "json",
        "formatversion": "2",
        "generator": "search",
        "prop": "imageinfo",
    }
    return next((name for name, value in right.items() if parameters.get(name) != value), "")


def numbered(pages: Sequence[Any]) -> list[Any]:
    """Add the rank to each page; other values stay unchanged."""
    return [
        page | {"index": place} if isinstance(page, dict) else page
        for place, page in enumerate(pages, start=1)
    ]


def reply(body: object, headers: Mapping[str, str] | None = None) -> Reply:
    """Make a JSON answer; MediaWiki sends errors with the status 200, too."""
    content_type = {"Content-Type": "application/json; charset=utf-8"}
    return 200, json.dumps(body).encode(), content_type | dict(headers or {})
