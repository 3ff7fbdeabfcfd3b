"""Compare the lists of several sources of names and report their disagreements."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from crawlers.items import NameList, SpeciesName
from crawlers.sources_report import escaped

# Sources use several characters as apostrophe and as hyphen.
_PLAIN = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'", "‐": "-", "‑": "-", "–": "-"})


@dataclass(frozen=True)
class Disagreement:
    """One difference between the sources about one species.

    Attributes:
        number: the species' number.
        about: `listing`: some sources lack it; `name`; `spelling`: the names differ only in case, in the
            apostrophe or hyphen character, or in how an accent is encoded; `generation`.
        said: the value of each compared source, in their order; '' if it lacks the species.
    """

    number: int
    about: Literal["listing", "name", "spelling", "generation"]
    said: tuple[str, ...]


def complete(lists: Sequence[NameList]) -> list[NameList]:
    """Return the complete lists; only these are compared."""
    return [each for each in lists if not each.error]


def find_disagreements(lists: Sequence[NameList]) -> list[Disagreement]:
    """Compare complete lists, species by species.

    Returns:
        the disagreements, sorted by number; none for fewer than two lists.
    """
    tables = [{species.number or 0: species for species in each.species} for each in lists]
    numbers = sorted({number for table in tables for number in table})
    return [
        disagreement
        for number in numbers
        for disagreement in compare(number, [table.get(number) for table in tables])
    ]


def compare(number: int, said: Sequence[SpeciesName | None]) -> list[Disagreement]:
    """Compare the sources' entries for one species; `said` holds None for a source that lacks it."""
    known = [species for species in said if species]
    names = tuple(species.name if species else "" for species in said)
    found: list[Disagreement] = []
    if len(known) < len(said):
        found.append(Disagreement(number, "listing", names))
    if len({plain(species.name) for species in known}) > 1:
        found.append(Disagreement(number, "name", names))
    elif len({species.name for species in known}) > 1:
        found.append(Disagreement(number, "spelling", names))
    if len({species.generation for species in known}) > 1:
        generations = tuple(str(species.generation) if species else "" for species in said)
        found.append(Disagreement(number, "generation", generations))
    return found


def plain(name: str) -> str:
    """Normalise a name so that all ways to type it are equal."""
    return unicodedata.normalize("NFC", name).translate(_PLAIN).casefold()


def cross_check_report(lists: Sequence[NameList]) -> str:
    """Report the state of each source, skipped records and disagreements, as Markdown.

    Args:
        lists: of all sources, in the order of preference; the first complete one gives the names.
    """
    compared = complete(lists)
    taken = "No source is complete."
    if compared:
        taken = f"{len(compared[0].species)} names were taken from {escaped(compared[0].source)}."
    left_out = [f"- {escaped(each.source)}: {escaped(fault)}" for each in lists for fault in each.faults]
    lines = [
        *("# Sources of names", "", taken, ""),
        *("| source | names | records left out | complete |", "|---|---:|---:|---|"),
        *map(_row, lists),
        *(["", "## Left out", "", *left_out] if left_out else []),
        *("", "## Comparison", "", *_comparison(compared)),
    ]
    return "\n".join(lines) + "\n"


def given_report(count: int, where: str) -> str:
    """Report, as Markdown, that the names come from `where` and no source was crawled."""
    return f"# Sources of names\n\n{count} names were taken from {escaped(where)}. No source was crawled.\n"


def _row(names: NameList) -> str:
    end = f"no: {escaped(names.error)}" if names.error else "yes"
    return f"| {escaped(names.source)} | {len(names.species)} | {len(names.faults)} | {end} |"


def _comparison(compared: Sequence[NameList]) -> list[str]:
    if len(compared) < 2:
        return ["Nothing was compared: a comparison needs two complete sources."]
    disagreements = find_disagreements(compared)
    count = len({species.number for names in compared for species in names.species})
    sources = " | ".join(escaped(names.source) for names in compared)
    numbers = len({disagreement.number for disagreement in disagreements})
    if not disagreements:
        return [f"The sources agree on all {count} species."]
    return [
        f"The sources disagree on {numbers} of {count} species.",
        "",
        f"| number | about | {sources} |",
        "|---:|---|" + "---|" * len(compared),
        *(
            f"| {each.number} | {each.about} | {' | '.join(escaped(said) or '—' for said in each.said)} |"
            for each in disagreements
        ),
    ]
