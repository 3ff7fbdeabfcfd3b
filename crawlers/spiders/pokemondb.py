"""Collect the names of all Pokémon species from pokemondb.net's national Pokédex, an HTML page."""

import re
from collections.abc import Sequence
from urllib.parse import urljoin

from parsel import Selector
from scrapy.http import Response

from crawlers.items import SpeciesName
from crawlers.page_text import one_line
from crawlers.spiders.names import NamesSpider, html_page


class PokemonDbSpider(NamesSpider):
    """Read the one page that lists all species as cards, a section for each generation."""

    name = "pokemondb"
    first_page = "https://pokemondb.net/pokedex/national"
    languages = ("en",)

    def records(self, response: Response) -> Sequence[Selector]:
        """Return the cards of all sections."""
        if not (cards := html_page(response).css(".infocard-list .infocard")):
            raise ValueError("it lists no species")
        return cards

    def read_record(self, record: Selector, page_url: str) -> SpeciesName:
        """Read a card: number, name and URL; the generation is in the heading above."""
        return read_card(record, self.first_page)


def read_card(card: Selector, page_url: str) -> SpeciesName:
    """Read the card of one species on the page at `page_url`.

    Raises:
        ValueError: number, name, URL, or the generation in the heading is missing or malformed.
    """
    heading = one_line("".join(card.xpath("preceding::h2[1]//text()").getall()))
    name = one_line("".join(card.css("a.ent-name ::text").getall()))
    number = re.fullmatch(r"#(\d{1,6})", one_line(card.css("small::text").get("")), re.ASCII)
    generation = re.search(r"\bGeneration (\d{1,3})\b", heading, re.ASCII)
    address = urljoin(page_url, card.css("a.ent-name::attr(href)").get(""))
    if not name:
        raise ValueError("a card without a name")
    if not number:
        raise ValueError(f"{name} has no number")
    if not generation:
        raise ValueError(f"{name} is in no generation's section")
    if not re.match(r"https?://[^/]", address):
        raise ValueError(f"{name} has an address that is not on the web")
    return SpeciesName(int(number[1]), name, int(generation[1]), one_line(address))
