"""A replica of Openverse's API (https://api.openverse.org/v1/) for clients without a key."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

SEARCH = "http://api.openverse.org/v1/images/"
ROBOTS_URL = "http://api.openverse.org/robots.txt"
ROBOTS = b"User-agent: *\nDisallow: /v1/images/\nDisallow: /v1/audio/\nDisallow: /v1/auth/\n"
LICENSES = {
    "by",
    "by-sa",
    "by-nd",
    "by-nc",
    "by-nc-sa",
    "by-nc-nd",
    "cc0",
    "pdm",
    "sampling+",
    "nc-sampling+",
}
MOST_A_PAGE, MOST_IN_ALL = 20, 240

Reply = tuple[int, bytes, Mapping[str, str]]


def record(number: int, **changes: Any) -> dict[str, Any]:
    """Make a result with all documented fields and `changes`."""
    identifier = f"4bc43a04-ef46-4544-a0c1-{number:012d}"
    own = f"{SEARCH}{identifier}/"
    return {
        "id": identifier,
        "indexed_on": "2021-03-04T05:06:07.891011Z",
        "title": f"Title {number}",
        "foreign_landing_url": f"https://www.flickr.com/photos/someone/{number}",
        "url": f"https://live.staticflickr.com/{number}_b.jpg",
        "creator": f"Creator {number}",
        "creator_url": "https://www.flickr.com/photos/someone",
        "license": "by-sa",
        "license_version": "2.0",
        "license_url": "https://creativecommons.org/licenses/by-sa/2.0/",
        "provider": "flickr",
        "source": "flickr",
        "category": None,
        "filesize": None,
        "filetype": None,
        "tags": [{"name": "hero", "accuracy": None}],
        "attribution": f'"Title {number}" by Creator {number} is licensed under CC BY-SA 2.0.',
        "fields_matched": ["title"],
        "mature": False,
        "height": 683,
        "width": 1024,
        "thumbnail": f"{own}thumb/",
        "detail_url": own,
        "related_url": f"{own}related/",
        "unstable__sensitivity": [],
    } | changes


def search(records: Sequence[Any], parameters: Mapping[str, str]) -> Reply:
    """Answer a search that finds `records`."""
    size, page = int(parameters.get("page_size", MOST_A_PAGE)), int(parameters.get("page", 1))
    if size > MOST_A_PAGE:
        return error(401, f"page_size may not exceed {MOST_A_PAGE} for anonymous requests")
    if size * page > MOST_IN_ALL:
        return error(401, f"pagination depth may not exceed {MOST_IN_ALL} for anonymous requests")
    if unknown := set(parameters.get("license", "by").split(",")) - LICENSES:
        return error(400, f"License '{unknown.pop()}' does not exist.")
    count = min(len(records), MOST_IN_ALL)
    body = {
        "result_count": count,
        "page_count": math.ceil(count / size),
        "page_size": size,
        "page": page,
        "results": records[size * (page - 1) : size * page],
    }
    return reply(200, body)


def throttled(seconds: int) -> Reply:
    """Answer that the client is throttled."""
    detail = f"Request was throttled. Expected available in {seconds} second{'s' * (seconds != 1)}."
    return reply(429, {"detail": detail}, {"Retry-After": str(seconds)})


def error(status: int, detail: str) -> Reply:
    """Answer with an error."""
    return reply(status, {"detail": detail})


def reply(status: int, body: object, headers: Mapping[str, str] | None = None) -> Reply:
    """Make a JSON answer."""
    return status, json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})}
