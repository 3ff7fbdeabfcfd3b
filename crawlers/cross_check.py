"""Compare what several sources of names say, and word it as a report."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from crawlers.items import NameList, SpeciesName
from crawlers.sources_report import escaped

# Several characters serve as an apostrophe, and as a hyphen.
_PLAIN = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'", "‐": "-", "‑": "-", "–": "-"})


@dataclass(frozen=True)
class Disagreement:
    """One matter on which the sources differ about one species.

    Attributes:
        number: the species' number.
        about: `listing`: some do not have it; `name`; `spelling`: the names differ in case, in the kind of
            apostrophe or hyphen, or in how an accent is encoded; `generation`.
        said: by each source that was compared, in their order; '' where it does not have the species.
    """

    number: int
    about: Literal["listing", "name", "spelling", "generation"]
    said: tuple[str, ...]


def complete(lists: Sequence[NameList]) -> list[NameList]:
    """The lists that came to their end, which alone can be compared."""
    return [each for each in lists if not each.error]


def find_disagreements(lists: Sequence[NameList]) -> list[Disagreement]:
    """Compare complete lists, species by species.

    Returns:
        the disagreements, sorted by number; there are none between fewer than two lists.
    """
    tables = [{species.number or 0: species for species in each.species} for each in lists]
    return [
        disagreement
        for number in sorted(set().union(*tables))
        for disagreement in compare(number, [table.get(number) for table in tables])
    ]


def compare(number: int, said: Sequence[SpeciesName | None]) -> list[Disagreement]:
    """Compare what each source says about the species with this number; None where it does not have it."""
    known = [species for species in said if species]
    names = tuple(species.name if species else "" for species in said)
    found = []
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
    """Bring a name into a form that is the same for all ways to type it."""
    return unicodedata.normalize("NFC", name).translate(_PLAIN).casefold()


def cross_check_report(lists: Sequence[NameList]) -> str:
    """Word how each source fared, what was left out, and where they disagree, as Markdown.

    Args:
        lists: of all sources, in the order of preference; the first complete one gives the names.
    """
    compared = complete(lists)
    taken = "No source came to its end."
    if compared:
        taken = f"{len(compared[0].species)} names were taken from {escaped(compared[0].source)}."
    left_out = [f"- {escaped(each.source)}: {escaped(fault)}" for each in lists for fault in each.faults]
    lines = [
        *("# Sources of names", "", taken, ""),
        *("| source | names | records left out | came to its end |", "|---|---:|---:|---|"),
        *map(_row, lists),
        *(["", "## Left out", "", *left_out] if left_out else []),
        *("", "## Comparison", "", *_comparison(compared)),
    ]
    return "\n".join(lines) + "\n"


def given_report(count: int, where: str) -> str:
    """Word, as Markdown, that no source was asked, because `where` lists the names."""
    return f"# Sources of names\n\n{count} names were taken from {escaped(where)}. No source was asked.\n"


def _row(names: NameList) -> str:
    end = f"no: {escaped(names.error)}" if names.error else "yes"
    return f"| {escaped(names.source)} | {len(names.species)} | {len(names.faults)} | {end} |"


def _comparison(compared: Sequence[NameList]) -> list[str]:
    if len(compared) < 2:
        return ["Nothing was compared: that takes two sources that came to their end."]
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
