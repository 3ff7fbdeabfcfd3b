"""The demo web's Pokédex: the real species, in pages."""

import csv
from pathlib import Path
from typing import NamedTuple

SPECIES_FILE = Path(__file__).parent / "species.csv"
PAGE_SIZE = 50


class Species(NamedTuple):
    """A Pokémon species: its national number, its English name, and its generation."""

    number: int
    name: str
    generation: int


def read_species(path: Path = SPECIES_FILE) -> list[Species]:
    """Read the species in the order of their national numbers."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Species(int(row["number"]), row["name"], int(row["generation"])) for row in csv.DictReader(file)
        ]


def page_of(species: list[Species], page: int) -> list[Species]:
    """Return the species on a page, counted from 1; empty if there is no such page."""
    return species[(page - 1) * PAGE_SIZE : page * PAGE_SIZE] if page >= 1 else []
