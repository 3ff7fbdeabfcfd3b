"""Parts of the names that are held out in turn, to see how long to learn and how well it went."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from herodex.generator.names_table import Row
from herodex.generator.split import take_share

PART = "validation"


class Fold(NamedTuple):
    """Texts held out under a name, and those that are learnt from meanwhile."""

    name: str
    train: list[str]
    held_out: list[str]


def make_folds(rows: Sequence[Row], most_repeated: int, parts: int, seed: int) -> list[Fold]:
    """Hold out names in turn, each once: by generation, or random parts where there are no generations.

    Of more than `most_repeated` names the validation part alone is held out, once: so many names tell by
    themselves, and to learn from them over and over would take long.

    Args:
        rows: with `text`, `generation` and `part`; the test part is left out.
        most_repeated: how many names are still learnt from once for each fold.
        parts: random parts of names without generations, at least 2.
        seed: another seed gives other parts.
    """
    rows = [row for row in rows if row["part"] != "test"]
    texts = [row["text"] for row in rows]
    if len(rows) > most_repeated:
        groups = {PART: {row["text"] for row in rows if row["part"] == PART}}
    elif len({row["generation"] for row in rows}) > 1:
        by_generation: defaultdict[str, set[str]] = defaultdict(set)
        for row in rows:
            by_generation[row["generation"]].add(row["text"])
        groups = dict(sorted(by_generation.items(), key=lambda group: (len(group[0]), group[0])))
    else:
        groups = random_parts(texts, parts, seed)
    return [
        Fold(name, [text for text in texts if text not in group], [text for text in texts if text in group])
        for name, group in groups.items()
    ]


def random_parts(texts: list[str], parts: int, seed: int) -> dict[str, set[str]]:
    """Put each text into one of `parts` parts of like size, by a hash: their order does not matter."""
    groups: dict[str, set[str]] = {}
    rest = list(texts)
    for left in range(min(parts, len(texts)), 0, -1):
        group = set(rest) if left == 1 else take_share(rest, 1 / left, seed, f"fold {left}")
        groups[f"part {len(groups) + 1}"] = group
        rest = [text for text in rest if text not in group]
    return groups
