"""Base of the image searches: query by query, page by page, record by record."""

from abc import abstractmethod
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from scrapy import Request, Spider
from scrapy.downloadermiddlewares.retry import get_retry_request
from scrapy.http import Response
from twisted.python.failure import Failure

from crawlers.extensions.progress import Step
from crawlers.failures import FORBIDDEN, error_of, explain_failure
from crawlers.items import Search, SearchResult, Status
from crawlers.journal import Journal
from crawlers.malformed import MALFORMED, explain_malformed
from herodex.forgotten_list import NOTHING, ForgottenList

FAILURES_TO_GIVE_UP = 2
"""A source is skipped after this many failed searches in a row."""
DEPTH = 10
"""A search ends after this multiple of the results wanted: later results rarely show the query."""


@dataclass(frozen=True)
class Wanted:
    """The limits and filters of a search.

    Attributes:
        count: results per query.
        licenses: accepted codes of Creative Commons' licences and public-domain tools, such as `by`.
        types: file name extensions of the accepted image formats.
        min_side: least pixels of the shorter side, if the source states them.
    """

    count: int
    licenses: tuple[str, ...]
    types: tuple[str, ...]
    min_side: int

    def accepts_type(self, name: object) -> bool:
        """Tell whether an image type is accepted; an unstated type is."""
        return not isinstance(name, str) or not name or name.lower().replace("jpeg", "jpg") in self.types

    def accepts_size(self, *sides: object) -> bool:
        """Tell whether an image's sides are long enough; unstated sides are."""
        return not any(isinstance(side, int | float) and 0 < side < self.min_side for side in sides)


@dataclass
class _Progress:
    query: str
    place: int = 0
    unwanted: int = 0
    forgotten: int = 0
    results: list[SearchResult] = field(default_factory=list[SearchResult])
    faults: list[str] = field(default_factory=list[str])


class SearchSpider(Spider):
    """Search for one query after another and yield a `Search` for each, including failed ones.

    Subclasses make the first request in `request_for`, parse a page in `records` and `next_page`, and a
    record in `read_record`. The latter three raise ValueError for malformed input.
    """

    unit = "results"
    needs_browser = False

    def __init__(
        self,
        queries: Sequence[str],
        wanted: Wanted,
        journal: Journal,
        terms_accepted: bool = False,
        forgotten: ForgottenList = NOTHING,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.queries = queries
        self.wanted = wanted
        self.journal = journal
        self.terms_accepted = terms_accepted
        self.forgotten = forgotten
        self.failed_in_a_row = 0
        self.expected = {self.name: len(queries) * wanted.count}

    @abstractmethod
    def request_for(self, query: str) -> Request:
        """Make the request of the first page of results."""

    @abstractmethod
    def records(self, response: Response) -> Sequence[Any]:
        """Return the records of a page of results."""

    @abstractmethod
    def read_record(self, record: Any) -> dict[str, str] | None:
        """Read a record: the fields of a `SearchResult` from `image_url` on; None if it is unwanted."""

    def next_page(self, response: Response) -> Request | None:
        """Make the request of the next page, if there is one."""
        return None

    async def start(self) -> AsyncIterator[Request]:
        """Request the first query; each search requests the next one at its end."""
        if self.queries:
            yield self._prepared(self.request_for(self.queries[0]), _Progress(self.queries[0]))

    def parse(self, response: Response, progress: _Progress) -> Iterator[Request | Search]:
        """Read a page of results; yield the request of the next page, or the finished search."""
        try:
            records = self.records(response)
        except MALFORMED as error:
            yield from self._try_again(response, progress, error)
            return
        for record in records:
            progress.place += 1
            if len(progress.results) < self.wanted.count:
                self._add(record, progress)
        enough = len(progress.results) >= self.wanted.count or progress.place >= DEPTH * self.wanted.count
        following, error = None, ""
        if records and not enough:
            try:
                following = self.next_page(response)
            except MALFORMED as unreadable:
                error = f"a page cannot be read: {explain_malformed(unreadable)}"
        if following is not None:
            yield self._prepared(following, progress)
        else:
            yield from self._end(progress, error)

    def give_up(self, failure: Failure, progress: _Progress) -> Iterator[Request | Search]:
        """End a search whose page could not be fetched, and the whole source if it refuses the crawl."""
        status, reason = explain_failure(error_of(failure))
        yield from self._end(progress, reason, forbidden=status in {Status.REFUSED, Status.OVER_BUDGET})

    def step(self, search: Search) -> Step:
        """Count a search for this source."""
        kinds = {"malformed": len(search.faults), "searches failed": int(bool(search.error))}
        failures = {kind: count for kind, count in kinds.items() if count}
        return Step(self.name, len(search.results), 0, failures)

    def _prepared(self, request: Request, progress: _Progress) -> Request:
        return request.replace(
            callback=self.parse,
            errback=partial(self.give_up, progress=progress),
            cb_kwargs={"progress": progress},
            meta=request.meta | {"dont_obey_robotstxt": self.terms_accepted},
            dont_filter=True,
        )

    def _try_again(
        self, response: Response, progress: _Progress, error: Exception
    ) -> Iterator[Request | Search]:
        assert response.request
        # A busy server or a proxy may have answered with another page; a retry often succeeds.
        again = (
            response.request
            if "cached" in response.flags
            else get_retry_request(response.request, spider=self, reason="unreadable page")
        )
        if again:
            yield again.replace(meta=again.meta | {"dont_cache": True}, dont_filter=True)
        else:
            yield from self._end(progress, f"a page cannot be read: {explain_malformed(error)}")

    def _add(self, record: Any, progress: _Progress) -> None:
        try:
            fields = self.read_record(record)
        except MALFORMED as error:
            fault = f"result {progress.place} is malformed and left out: {explain_malformed(error)}"
            self.logger.warning("%s: %s", progress.query, fault)
            progress.faults.append(fault)
            return
        if fields is None:
            progress.unwanted += 1
        elif self.forgotten.has_source(fields):
            progress.forgotten += 1
        else:
            progress.results.append(SearchResult(progress.query, self.name, progress.place, **fields))

    def _end(
        self, progress: _Progress, error: str = "", forbidden: bool = False
    ) -> Iterator[Request | Search]:
        yield Search(
            self.name,
            progress.query,
            tuple(progress.results),
            tuple(progress.faults),
            progress.unwanted,
            error,
            progress.forgotten,
        )
        self.failed_in_a_row = self.failed_in_a_row + 1 if error else 0
        left = self.queries[self.queries.index(progress.query) + 1 :]
        if forbidden or self.failed_in_a_row == FAILURES_TO_GIVE_UP:
            hint = " (see crawl.accepted_terms in params.yaml)" if error == FORBIDDEN else ""
            self.logger.warning("%s is skipped: %s%s", self.name, error, hint)
            yield from (
                Search(self.name, query, error=f"skipped, because of an earlier search: {error}")
                for query in left
            )
        elif left:
            yield self._prepared(self.request_for(left[0]), _Progress(left[0]))


def search_words(query: str) -> str:
    """Convert a query, a class name such as `iron-man`, to search words."""
    return " ".join(query.replace("-", " ").split())
