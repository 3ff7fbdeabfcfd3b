"""Cross-validation folds over the names outside the test part."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from herodex.generator.names_table import Row
from herodex.generator.split import hash_sample

VALIDATION = "validation"


class Fold(NamedTuple):
    """A named fold: texts to train on and texts held out."""

    name: str
    train: list[str]
    held_out: list[str]


def make_folds(rows: Sequence[Row], max_folded: int, folds: int, seed: int) -> list[Fold]:
    """Make one fold per generation, or random folds for names without generations.

    Above `max_folded` names there is one fold, which holds out the validation part: it is large enough to
    choose the number of epochs, and cross-validation would take too long.

    Args:
        rows: Rows with `text`, `generation` and `part`; the test part is left out.
        max_folded: Maximum number of names for cross-validation.
        folds: Number of random folds for names without generations, at least 2.
        seed: Seed of the random folds.
    """
    rows = [row for row in rows if row["part"] != "test"]
    texts = [row["text"] for row in rows]
    if len(rows) > max_folded:
        groups = {VALIDATION: {row["text"] for row in rows if row["part"] == VALIDATION}}
    elif len({row["generation"] for row in rows}) > 1:
        by_generation: defaultdict[str, set[str]] = defaultdict(set)
        for row in rows:
            by_generation[row["generation"]].add(row["text"])
        groups = dict(sorted(by_generation.items(), key=lambda group: (len(group[0]), group[0])))
    else:
        groups = random_groups(texts, folds, seed)
    return [
        Fold(name, [text for text in texts if text not in group], [text for text in texts if text in group])
        for name, group in groups.items()
    ]


def random_groups(texts: list[str], count: int, seed: int) -> dict[str, set[str]]:
    """Divide texts by hash into groups of similar size, whatever their order."""
    groups: dict[str, set[str]] = {}
    rest = list(texts)
    for left in range(min(count, len(texts)), 0, -1):
        group = set(rest) if left == 1 else hash_sample(rest, 1 / left, seed, f"fold {left}")
        groups[f"part {len(groups) + 1}"] = group
        rest = [text for text in rest if text not in group]
    return groups
