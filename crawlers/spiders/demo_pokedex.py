"""Collect the names of all Pokémon species from the demo web's Pokédex."""

from collections.abc import Sequence

from parsel import Selector
from scrapy.http import Response

from crawlers.items import SpeciesName
from crawlers.spiders.names import NamesSpider, html_page
from demo_web import hosts


class DemoPokedexSpider(NamesSpider):
    """Follow the Pokédex from its first page to its last."""

    name = "pokedex"
    first_page = f"http://{hosts.POKEDEX}/pokemon?page=1"

    def records(self, response: Response) -> Sequence[Selector]:
        """Return the rows of the table."""
        if not (rows := html_page(response).css("tr.species")):
            raise ValueError("it lists no species")
        return rows

    def read_record(self, record: Selector, page_url: str) -> SpeciesName:
        """Read a row: number, name and generation."""
        return read_species(record, page_url)

    def next_page(self, response: Response) -> str | None:
        """Return the URL of the next page."""
        following = html_page(response).css("a[rel=next]::attr(href)").get()
        return response.urljoin(following) if following else None


def read_species(row: Selector, page_url: str) -> SpeciesName:
    """Read one row of the table.

    Raises:
        ValueError: the name is missing, or number or generation is not numeric.
    """
    number, name, generation = (
        row.css(f"td.{column}::text").get("").strip() for column in ("number", "name", "generation")
    )
    if not name:
        raise ValueError("a species without a name")
    return SpeciesName(
        number=int(number.lstrip("#")), name=name, generation=int(generation), page_url=page_url
    )
