"""Collect the names of all Pokémon species from a paged Pokédex."""

from collections.abc import AsyncIterator, Iterator

from parsel import Selector
from scrapy import Request, Spider
from scrapy.exceptions import CloseSpider
from scrapy.http import HtmlResponse
from twisted.python.failure import Failure

from crawlers.demo_web import hosts
from crawlers.items import SpeciesName


class PokemonNamesSpider(Spider):
    """Follow the Pokédex from its first page to its last and yield every species.

    A page that cannot be had, or that holds no species, ends the crawl: a list with holes is of no use.
    """

    name = "pokemon_names"
    first_page = f"http://{hosts.POKEDEX}/pokemon?page=1"
    unit = "names"
    expected = None

    async def start(self) -> AsyncIterator[Request]:
        """Ask for the first page."""
        yield Request(self.first_page, errback=self.give_up)

    def parse(self, response: HtmlResponse) -> Iterator[Request | SpeciesName]:
        """Yield the species of a page and the request of the next."""
        rows = response.css("tr.species")
        if not rows:
            raise CloseSpider(f"{response.url} lists no species")
        for row in rows:
            try:
                yield read_species(row, response.url)
            except ValueError as error:
                raise CloseSpider(f"{response.url} has a row that cannot be read: {error}") from None
        if following := response.css("a[rel=next]::attr(href)").get():
            yield response.follow(following, errback=self.give_up)

    def give_up(self, failure: Failure) -> None:
        """Stop the crawl."""
        request = failure.request  # pyright: ignore[reportAttributeAccessIssue] # set by Scrapy
        raise CloseSpider(f"{request.url} could not be had: {failure.getErrorMessage()}")


def read_species(row: Selector, page_url: str) -> SpeciesName:
    """Read one row of the table.

    Raises:
        ValueError: the name is missing, or the number or the generation is no number.
    """
    number, name, generation = (
        row.css(f"td.{column}::text").get("").strip() for column in ("number", "name", "generation")
    )
    if not name:
        raise ValueError("a species without a name")
    return SpeciesName(
        number=int(number.lstrip("#")), name=name, generation=int(generation), page_url=page_url
    )
