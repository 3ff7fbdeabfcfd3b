"""What the spiders bring home, as typed records; their fields are the columns of the files they end in."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """What became of a search result's picture; all but OK say why no picture was kept."""

    OK = "ok"
    """The picture lies in `file`, byte for byte as it came."""
    HTTP_ERROR = "http_error"
    """The server answered with another status than 200, in the end."""
    TIMEOUT = "timeout"
    """No complete answer came in time."""
    TRUNCATED = "truncated"
    """The answer broke off before its end."""
    TOO_LARGE = "too_large"
    """The picture is larger than the crawl accepts, and was cut off."""
    NOT_AN_IMAGE = "not_an_image"
    """The bytes are none of the picture formats that are known, whatever the server called them."""
    REFUSED = "refused"
    """It was not asked for: robots.txt forbids it, or the address is none of the web."""
    UNREACHABLE = "unreachable"
    """No connection to the server came about, or it was lost."""


@dataclass(frozen=True)
class SearchResult:
    """One result of an image search. `rank` is its place on the result page, counted from 1."""

    query: str
    rank: int
    picture_url: str
    page_url: str
    title: str
    author: str
    licence: str
    licence_url: str


@dataclass(frozen=True)
class Picture(SearchResult):
    """A search result after its download: a row of the manifest.

    `reason` explains a status other than OK. `sha256` (of the bytes) and `file` (relative to the manifest's
    folder) are empty when nothing was kept. `label` is the class that the query stands for, or `unknown`.
    """

    status: Status
    reason: str = ""
    sha256: str = ""
    file: str = ""
    label: str = ""


@dataclass(frozen=True)
class SpeciesName:
    """One name, and where it stands in the Pokédex; names that the user gives have no such place."""

    number: int | None
    name: str
    generation: int | None
    page_url: str
