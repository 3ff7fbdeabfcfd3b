"""A replica of pokemondb.net's national Pokédex: one page with a section of cards per generation."""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby

from odd_web import Answer, give

from demo_web.pokedex import Species

SITE = "http://pokemondb.net"
NATIONAL = f"{SITE}/pokedex/national"
ROBOTS = "User-agent: *\nDisallow: /ajax/\n"


def card(species: Species) -> str:
    """Make the card of one species."""
    path = f"/pokedex/{species.name.lower()}"
    return (
        f'<div class="infocard"><span class="infocard-lg-img"><a href="{escape(path)}"><image>'
        f'<img class="img-fixed img-sprite" src="https://img.pokemondb.net/1.png" alt="">'
        "</image></a></span>"
        f'<span class="infocard-lg-data text-muted"><small>#{species.number:04}</small><br> '
        f'<a class="ent-name" href="{escape(path)}">{escape(species.name)}</a><br> '
        '<small><a href="/type/grass" class="itype grass">Grass</a> · '
        '<a href="/type/poison" class="itype poison">Poison</a></small></span></div>'
    )


def national_page(species: Sequence[Species], cards: Mapping[int, str] | None = None) -> Answer:
    """Answer with the page; `cards` replaces the cards of species by their numbers."""
    sections = "".join(
        f'<h2 id="gen-{generation}">Generation {generation} Pokémon</h2>'
        '<div class="infocard-list infocard-list-pkmn-lg">'
        + "".join((cards or {}).get(each.number, card(each)) for each in members)
        + "</div>"
        for generation, members in groupby(species, lambda each: each.generation)
    )
    page = (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>National Pokédex</title></head>'
        f'<body><main id="main"><h1>National Pokédex</h1>{sections}</main></body></html>'
    )
    return give(200, page.encode(), {"Content-Type": "text/html; charset=utf-8"})


def pokemondb(page: Answer, robots: str = ROBOTS) -> dict[str, Answer]:
    """Return all answers by URL."""
    return {NATIONAL: page, f"{SITE}/robots.txt": give(200, robots.encode())}
