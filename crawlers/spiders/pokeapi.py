"""Collect the names of all Pokémon species from PokéAPI, a REST API (https://pokeapi.co/docs/v2).

The spider reads the list of species, page by page, and then the record of each species with its names in all
languages. PokéAPI's fair use policy asks clients to cache: the journal does, until the crawl is complete.
"""

import json
import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scrapy import Request
from scrapy.http import Response
from twisted.python.failure import Failure

from crawlers.failures import request_of
from crawlers.items import SpeciesName, Status
from crawlers.json_object import JsonObject, as_list, object_or_empty, require_object
from crawlers.malformed import MALFORMED
from crawlers.page_text import one_line
from crawlers.spiders.names import Found, NamesSpider, content_type

API = "https://pokeapi.co/api/v2/pokemon-species"
PAGE_SIZE = 100
FAILURES_TO_GIVE_UP = 5
"""This many failed species in a row mean that the source is down."""


@dataclass(frozen=True)
class ListPage:
    """A page of the list: the number of all species, the records of the page, and the next page."""

    count: int
    records: Sequence[Any]
    following: str | None


class PokeApiSpider(NamesSpider):
    """Request the list and then each species."""

    name = "pokeapi"
    first_page = f"{API}?limit={PAGE_SIZE}&offset=0"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pages = {self.first_page}
        self.left: deque[tuple[int, str]] = deque()
        self.under_way = 0
        self.failed_in_a_row = 0
        self.gave_up = ""

    def parse(self, response: Response) -> Found:
        """Read a page of the list; request the next one, or the first species."""
        try:
            page = self._read_new_page(response)
        except MALFORMED as error:
            yield self.end(self.unreadable(response, error))
            return
        for record in page.records:
            self.places += 1
            try:
                self.left.append((self.places, address_of(record)))
            except MALFORMED as error:
                self.leave_out(self.places, self.unreadable(response, error))
        if page.following:
            self.pages.add(page.following)
            yield self.ask(page.following, self.parse, self.give_up)
        elif self.places != page.count:
            reason = f"it says that there are {page.count} species, and lists {self.places}"
            yield self.end(self.unreadable(response, ValueError(reason)))
        else:
            yield from self._begin()

    def parse_species(self, response: Response, place: int, address: str) -> Found:
        """Read a species and request the next one."""
        self.failed_in_a_row = 0
        try:
            yield self.keep(read_species(read_json(response), self.language, address))
        except MALFORMED as error:
            self._miss(place, self.unreadable(response, error))
        yield from self._go_on()

    def give_up_species(self, failure: Failure) -> Found:
        """Report a species that could not be fetched, and request the next one while the budget lasts."""
        self.failed_in_a_row += 1
        status, reason = self.explain(failure)
        if status is Status.OVER_BUDGET:
            self.gave_up = reason
            self.left.clear()
        else:
            self._miss(request_of(failure).cb_kwargs["place"], reason)
        yield from self._go_on()

    def _read_new_page(self, response: Response) -> ListPage:
        page = read_list(read_json(response))
        if page.following in self.pages:
            raise ValueError("the list goes round in circles")
        return page

    def _begin(self) -> Found:
        if not self.left or self.has_failed(self.places):
            yield self.end()
            return
        # Scrapy's queue would not stop for Retry-After or for a list that has failed, so requests wait in
        # `left`.
        at_a_time = self.settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN")
        self.logger.info(
            "%s lists %d species; each is requested now, at most one every %.1f s",
            self.name, self.places, self.settings.getfloat("DOWNLOAD_DELAY"),
        )  # fmt: skip
        while self.left and self.under_way < at_a_time:
            yield self._next_species()

    def _go_on(self) -> Found:
        self.under_way -= 1
        if self.left:
            yield self._next_species()
        elif not self.under_way:
            yield self.end(self.gave_up)

    def _next_species(self) -> Request:
        self.under_way += 1
        place, address = self.left.popleft()
        return self.ask(address, self.parse_species, self.give_up_species, place=place, address=address)

    def _miss(self, place: int, reason: str) -> None:
        self.leave_out(place, reason)
        if not self.gave_up and (self.has_failed(self.places) or self.failed_in_a_row == FAILURES_TO_GIVE_UP):
            self.gave_up = f"{len(self.faults)} of {self.places} records are missing, the last for {reason}"
            self.left.clear()


def read_json(response: Response) -> Any:
    """Parse a response as JSON, whatever its Content-Type.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return json.loads(response.body)
    except (ValueError, RecursionError):
        raise ValueError(f"no JSON but {content_type(response)}") from None


def read_list(value: object) -> ListPage:
    """Read a page of PokéAPI's list of species.

    Raises:
        ValueError: the page is malformed, is empty, or links to another site.
    """
    page = object_or_empty(value)
    results = as_list(page.get("results"))
    if results is None:
        raise ValueError("no page of a list")
    count, following = page.get("count"), page.get("next")
    if not isinstance(count, int) or isinstance(count, bool):
        raise ValueError("a list that does not state its length")
    if not results:
        raise ValueError("it lists no species")
    if following is not None and not (
        isinstance(following, str) and re.fullmatch(rf"{re.escape(API)}/?\?[\w=&]{{1,100}}", following)
    ):
        raise ValueError(f"its next page is no page of the list: {one_line(str(following))[:100]!r}")
    return ListPage(count, results, following)


def address_of(record: object) -> str:
    """Return the URL of the species in a record of the list.

    Raises:
        ValueError: the record has no URL, or one of another site.
    """
    url = object_or_empty(record).get("url")
    if not isinstance(url, str) or not re.fullmatch(rf"{re.escape(API)}/\d{{1,6}}/?", url, re.ASCII):
        raise ValueError(f"a species without an address in the API: {one_line(str(record))[:100]!r}")
    return url


def read_species(value: object, language: str, url: str) -> SpeciesName:
    """Read the name in `language` from the record of the species at `url`.

    Raises:
        ValueError: the record is malformed, is of another species, or has no name in that language.
    """
    record = require_object(value)
    number = record.get("id")
    if (
        not isinstance(number, int)
        or isinstance(number, bool)
        or number != int(url.rstrip("/").rpartition("/")[2])
    ):
        raise ValueError(f"its number is {one_line(str(number))[:20]!r}")
    return SpeciesName(number, name_in(language, record.get("names")), generation_of(record), url)


def name_in(language: str, names: object) -> str:
    """Find the name in `language` among the `names` of a species.

    Raises:
        ValueError: there is none.
    """
    for entry in map(object_or_empty, as_list(names) or ()):
        stated = object_or_empty(entry.get("language")).get("name")
        if stated == language and (name := one_line(entry.get("name"))):
            return name
    raise ValueError(f"it has no name in the language '{language}'")


def generation_of(record: JsonObject) -> int:
    """Read the number of a species' generation from the generation's URL.

    Raises:
        ValueError: the record has no such URL.
    """
    url = object_or_empty(record.get("generation")).get("url")
    found = re.search(r"/generation/(\d{1,3})/?$", url, re.ASCII) if isinstance(url, str) else None
    if not found:
        raise ValueError("it is of no generation")
    return int(found[1])
