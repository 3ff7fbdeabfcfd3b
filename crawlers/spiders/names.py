"""Base of the spiders for sources of names: read a list page by page and report bad records."""

from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

from parsel import Selector
from scrapy import Request, Spider
from scrapy.http import Response, TextResponse
from scrapy.spidermiddlewares.httperror import HttpError
from twisted.python.failure import Failure

from crawlers.extensions.progress import Step
from crawlers.failures import error_of, explain_failure, request_of
from crawlers.items import NameList, SpeciesName, Status
from crawlers.journal import Journal
from crawlers.malformed import MALFORMED, explain_malformed
from crawlers.page_text import one_line
from crawlers.web_address import is_web_address
from herodex.forgotten_list import NOTHING, ForgottenList

LARGEST_FAULT_SHARE = 0.02
"""A source fails if more than this share of its records is missing."""

Found = Iterator[Request | SpeciesName | NameList]


class NamesSpider(Spider):
    """Yield each species of a Pokédex, and in the end a `NameList` of all.

    A bad record is reported and skipped. A page that cannot be fetched ends the list, because its records are
    unknown.

    Subclasses parse a page in `records` and `next_page`, and a record in `read_record`. These raise
    ValueError for malformed input.
    """

    unit = "names"
    languages: tuple[str, ...] | None = None
    """The languages of its names; None if any language may be requested."""
    first_page: str

    def __init__(
        self,
        language: str,
        journal: Journal | None = None,
        terms_accepted: bool = False,
        forgotten: ForgottenList = NOTHING,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.language = language
        self.journal = journal
        self.terms_accepted = terms_accepted
        # No request goes to these hosts; see `ForgottenMiddleware`.
        self.forgotten = forgotten
        self.places = 0
        self.species: dict[int, SpeciesName] = {}
        self.faults: dict[int, str] = {}

    async def start(self) -> AsyncIterator[Request]:
        """Request the first page."""
        yield self.ask(self.first_page, self.parse, self.give_up)

    def parse(self, response: Response) -> Found:
        """Yield the species of a page and the request of the next one, or else the whole list."""
        try:
            records = self.records(response)
            following = self._request_after(response)
        except MALFORMED as error:
            yield self.end(self.unreadable(response, error))
            return
        for record in records:
            self.places += 1
            try:
                yield self.keep(self.read_record(record, response.url))
            except MALFORMED as error:
                self.leave_out(self.places, self.unreadable(response, error))
        yield following or self.end()

    def give_up(self, failure: Failure) -> Found:
        """End the list at a page that could not be fetched."""
        _, reason = self.explain(failure)
        yield self.end(reason)

    @abstractmethod
    def records(self, response: Response) -> Sequence[Any]:
        """Return the records of a page, at least one."""

    @abstractmethod
    def read_record(self, record: Any, page_url: str) -> SpeciesName:
        """Read a record from the page at `page_url`."""

    def next_page(self, response: Response) -> str | None:
        """Return the URL of the next page, if there is one."""
        return None

    def ask(
        self, url: str, callback: Callable[..., Found], errback: Callable[[Failure], Found], **arguments: Any
    ) -> Request:
        """Make the request of a URL; the callback gets `arguments`."""
        return Request(
            url,
            callback=callback,
            errback=errback,
            cb_kwargs=arguments,
            meta={"dont_obey_robotstxt": self.terms_accepted},
            dont_filter=True,
        )

    def keep(self, species: SpeciesName) -> SpeciesName:
        """Add a species to the list.

        Raises:
            ValueError: another species has its number.
        """
        assert species.number is not None
        if known := self.species.get(species.number):
            raise ValueError(f"{species.name} has the number {species.number}, as {known.name} does")
        self.species[species.number] = species
        return species

    def leave_out(self, place: int, reason: str) -> None:
        """Report the record at `place`, counted from 1 over all pages, as missing."""
        self.faults[place] = f"record {place} is left out: {reason}"
        self.logger.warning("%s: %s", self.name, self.faults[place])

    def unreadable(self, response: Response, error: Exception) -> str:
        """Describe a malformed response, and drop it from the cache so that it is requested again."""
        self._forget(response)
        return f"{response.url}: {explain_malformed(error)}"

    def explain(self, failure: Failure) -> tuple[Status, str]:
        """Describe a failed request, and drop its response from the cache so that it is repeated."""
        error = error_of(failure)
        if isinstance(error, HttpError):
            self._forget(error.response)
        status, reason = explain_failure(error)
        if status is Status.OVER_BUDGET:
            return status, f"{reason} (crawl.max_minutes, crawl.max_total_mb)"
        return status, f"{request_of(failure).url}: {reason}"

    def has_failed(self, records: int) -> bool:
        """Tell whether too many of `records` records are missing."""
        return len(self.faults) > LARGEST_FAULT_SHARE * records

    def end(self, error: str = "") -> NameList:
        """Close the list; it is incomplete if there is an `error` or too many records are missing."""
        if not error and self.has_failed(self.places):
            error = f"{len(self.faults)} of {self.places} records are missing"
        species = (self.species[number] for number in sorted(self.species))
        return NameList(
            self.name, tuple(species), tuple(self.faults[place] for place in sorted(self.faults)), error
        )

    def step(self, item: SpeciesName | NameList) -> Step:
        """Count an item for this source."""
        if isinstance(item, SpeciesName):
            return Step(self.name)
        kinds = {"left out": len(item.faults), "ended early": int(bool(item.error))}
        return Step(self.name, 0, 0, {kind: count for kind, count in kinds.items() if count})

    def _request_after(self, response: Response) -> Request | None:
        following = self.next_page(response)
        if following is None:
            return None
        if not is_web_address(following):
            raise ValueError("its next page has no web address")
        return self.ask(following, self.parse, self.give_up)

    def _forget(self, response: Response) -> None:
        if self.journal:
            self.journal.forget_page(response.url)


def html_page(response: Response) -> Selector:
    """Parse an HTML page.

    Raises:
        ValueError: the response is no text.
    """
    if not isinstance(response, TextResponse):
        raise ValueError(f"no HTML but {content_type(response)}")
    return response.selector


def content_type(response: Response) -> str:
    """Return a response's Content-Type in quotes."""
    header = (response.headers.get("Content-Type") or b"").decode("latin-1")
    return repr(one_line(header)[:60])
