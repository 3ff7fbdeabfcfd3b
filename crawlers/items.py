"""What the spiders bring home, as typed records; their fields are the columns of the files they end in."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """What became of a search result's image; all but OK say why no image was kept."""

    OK = "ok"
    """The image lies in `file`, byte for byte as it came."""
    HTTP_ERROR = "http_error"
    """The server answered with another status than 200, in the end."""
    TIMEOUT = "timeout"
    """No complete answer came in time."""
    TRUNCATED = "truncated"
    """The answer broke off before its end."""
    TOO_LARGE = "too_large"
    """The image is larger than the crawl accepts, and was cut off."""
    NOT_AN_IMAGE = "not_an_image"
    """The bytes are none of the image formats that are known, whatever the server called them."""
    REFUSED = "refused"
    """It was not asked for: robots.txt forbids it, or the address is none of the public web."""
    UNREACHABLE = "unreachable"
    """No connection to the server came about, or it was lost."""
    OVER_BUDGET = "over_budget"
    """The time or the bytes that the whole crawl may take were spent before its turn came."""


@dataclass(frozen=True)
class SearchResult:
    """One result of an image search. `rank` is its place among the results of `source`, counted from 1."""

    query: str
    source: str
    rank: int
    image_url: str
    page_url: str
    title: str
    author: str
    license: str
    license_url: str


@dataclass(frozen=True)
class Search:
    """What one source had to say to one query.

    `faults` names each record that could not be read, and why. `unwanted` counts those that the filters
    left out. `error` says why the search ended before its end, and is empty where it did not.
    """

    source: str
    query: str
    results: tuple[SearchResult, ...] = ()
    faults: tuple[str, ...] = ()
    unwanted: int = 0
    error: str = ""


@dataclass(frozen=True)
class Download:
    """What became of one address. `sha256`, `extension` and `size` (bytes) are set where it was kept."""

    url: str
    status: Status
    reason: str = ""
    sha256: str = ""
    extension: str = ""
    size: int = 0


@dataclass(frozen=True)
class ImageRecord(SearchResult):
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


@dataclass(frozen=True)
class NameList:
    """What one source of names had to say: its species, sorted by number.

    `faults` names each record that could not be had or read, and why. `error` says why the source was not
    asked, or did not come to its end, and is empty where it did.
    """

    source: str
    species: tuple[SpeciesName, ...] = ()
    faults: tuple[str, ...] = ()
    error: str = ""
