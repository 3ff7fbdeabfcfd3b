"""Typed records of the crawl; their fields are the columns of the output files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

FOLDER = "folder"
"""The source of images from the user's folder."""


class Status(StrEnum):
    """The outcome of downloading a search result; all but OK say why no image was kept."""

    OK = "ok"
    """The image is stored in `file`, unchanged."""
    HTTP_ERROR = "http_error"
    """After all retries, the server answered with another status than 200."""
    TIMEOUT = "timeout"
    """The complete answer did not arrive in time."""
    TRUNCATED = "truncated"
    """The answer ended early."""
    TOO_LARGE = "too_large"
    """The image exceeds `crawl.max_image_mb`; the download was cut off."""
    NOT_AN_IMAGE = "not_an_image"
    """The bytes are in no known image format, whatever the Content-Type says."""
    UNREADABLE = "unreadable"
    """A file in a folder cannot be read."""
    REFUSED = "refused"
    """Not requested: robots.txt forbids it, or the address is not on the public web."""
    UNREACHABLE = "unreachable"
    """The connection to the server failed or was lost."""
    OVER_BUDGET = "over_budget"
    """Not requested: the crawl's budget of time or bytes was spent."""
    FORGOTTEN = "forgotten"
    """Not requested or not kept: the source is withdrawn. No row of the manifest has this status."""


@dataclass(frozen=True)
class SearchResult:
    """One result of an image search. `rank` is its place among the results of `source`, from 1."""

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
    """The results of one query from one source.

    `faults` describes each unreadable record. `unwanted` counts the records that the filters left out,
    `forgotten` those of withdrawn sources. `error` says why the search ended early; it is empty if the
    search is complete.
    """

    source: str
    query: str
    results: tuple[SearchResult, ...] = ()
    faults: tuple[str, ...] = ()
    unwanted: int = 0
    error: str = ""
    forgotten: int = 0


@dataclass(frozen=True)
class FolderContents:
    """The files directly in one folder of a query.

    Attributes:
        query: the query.
        folder: the path within `crawl.web`.
        images: number of images taken.
        unread: paths of files that should show an image and are not taken, by reason.
        others: number of files that are no images, by suffix.
        left_out: number of images left out because of `crawl.images.folder_limit`.
    """

    query: str
    folder: str
    images: int
    unread: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    others: Mapping[str, int] = field(default_factory=dict[str, int])
    left_out: int = 0


@dataclass(frozen=True)
class Download:
    """The outcome for one URL. `sha256`, `extension` and `size` (bytes) are set if an image was kept."""

    url: str
    status: Status
    reason: str = ""
    sha256: str = ""
    extension: str = ""
    size: int = 0


@dataclass(frozen=True)
class Hop:
    """A redirect to a host of another shard: the URL to go on with, and those that led there."""

    url: str
    redirect_urls: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImageRecord(SearchResult):
    """A search result with its download: a row of the manifest.

    `reason` explains a status other than OK. `sha256` (of the bytes) and `file` (relative to the manifest's
    folder) are empty if no image was kept. `label` is the query's class, or `unknown` for a distractor.
    `group` is that of the user's `groups.csv`, and `folder_part` the part of a data set that its
    folder names, `train`, `validation` or `test`; both are empty if the user names none.
    """

    status: Status
    reason: str = ""
    sha256: str = ""
    file: str = ""
    label: str = ""
    group: str = ""
    folder_part: str = ""


@dataclass(frozen=True)
class SpeciesName:
    """One name with its number and generation; names that the user lists have neither."""

    number: int | None
    name: str
    generation: int | None
    page_url: str


@dataclass(frozen=True)
class NameList:
    """The names of one source, sorted by number.

    `faults` describes each record that could not be fetched or read. `error` says why the source was skipped
    or ended early; it is empty if the list is complete.
    """

    source: str
    species: tuple[SpeciesName, ...] = ()
    faults: tuple[str, ...] = ()
    error: str = ""
