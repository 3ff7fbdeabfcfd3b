"""A replica of PokéAPI's list of species and its species (https://pokeapi.co/docs/v2)."""

import json
from collections.abc import Mapping, Sequence

from odd_web import Answer, give

from demo_web.pokedex import Species

SITE = "http://pokeapi.co"
STATED = "https://pokeapi.co/api/v2"
LIST = f"{SITE}/api/v2/pokemon-species"
PAGE_SIZE = 100
ROBOTS = "User-agent: *\nAllow: /\n"


def species_url(number: int) -> str:
    """Return the URL of a species, as the proxy sees it."""
    return f"{LIST}/{number}/"


def list_url(offset: int) -> str:
    """Return the URL of a page of the list, as the proxy sees it."""
    return f"{LIST}?limit={PAGE_SIZE}&offset={offset}"


def resource(kind: str, name: str, number: int) -> dict[str, str]:
    """Make a `NamedAPIResource`."""
    return {"name": name, "url": f"{STATED}/{kind}/{number}/"}


def list_page(species: Sequence[Species], offset: int) -> dict:
    """Make a `NamedAPIResourceList` with the species from `offset` on."""
    page = f"{STATED}/pokemon-species?limit={PAGE_SIZE}&offset="
    following, previous = offset + PAGE_SIZE, offset - PAGE_SIZE
    return {
        "count": len(species),
        "next": f"{page}{following}" if following < len(species) else None,
        "previous": f"{page}{previous}" if previous >= 0 else None,
        "results": [
            resource("pokemon-species", each.name.lower(), each.number) for each in species[offset:following]
        ],
    }


def record(species: Species) -> dict:
    """Make a `PokemonSpecies` without unrelated fields."""
    return {
        "id": species.number,
        "name": species.name.lower(),
        "order": species.number,
        "is_legendary": False,
        "evolves_from_species": None,
        "generation": resource("generation", "generation-i", species.generation),
        "names": [
            {"name": f"{species.name}の", "language": resource("language", "ja", 11)},
            {"name": f"{species.name}eau", "language": resource("language", "fr", 5)},
            {"name": species.name, "language": resource("language", "en", 9)},
        ],
    }


def give_json(value: object) -> Answer:
    """Answer with JSON."""
    return give(200, json.dumps(value).encode(), {"Content-Type": "application/json; charset=utf-8"})


def pokeapi(
    species: Sequence[Species], changes: Mapping[str, Answer] | None = None, robots: str = ROBOTS
) -> dict[str, Answer]:
    """Return all answers by URL, with `changes`."""
    lists = {list_url(offset): list_page(species, offset) for offset in range(0, len(species), PAGE_SIZE)}
    records = {species_url(each.number): record(each) for each in species}
    answers = {url: give_json(value) for url, value in (lists | records).items()}
    return answers | {f"{SITE}/robots.txt": give(200, robots.encode())} | dict(changes or {})
