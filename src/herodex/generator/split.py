"""Stage `split_names`: assign names to training, validation and test parts."""

import hashlib
import logging
from collections import Counter

from herodex import paths
from herodex.command import run_command
from herodex.errors import UserError
from herodex.generator.names_table import CLEAN_COLUMNS, SPLIT_COLUMNS, Row, read_names, write_names
from herodex.params import SplitNamesParams, load_params

log = logging.getLogger(__name__)

PARTS = ("train", "validation", "test")
MAX_VALIDATION = 1000
"""Maximum number of validation names: enough for an interval of 0.03 nats, so the others are for training."""


def hash_sample(texts: list[str], share: float, seed: int, purpose: str) -> set[str]:
    """Sample a share of the texts by hash, whatever their order.

    Args:
        texts: Distinct texts.
        share: Share between 0 and 1, rounded to whole texts; at least one text is taken.
        seed: Part of the hashed string.
        purpose: Part of the hashed string, so that each purpose gets its own sample.
    """

    def position(text: str) -> bytes:
        return hashlib.sha256(f"{seed}:{purpose}:{text}".encode()).digest()

    return set(sorted(texts, key=position)[: max(1, round(share * len(texts)))])


def split(rows: list[Row], params: SplitNamesParams, seed: int) -> list[Row]:
    """Add `part` to each kept row and leave out the other rows.

    The test part is the held-out generations, or a random share for names without generations; if that share
    has fewer than `min_test` names, there is no test part, because cross-validation over all names is more
    precise. The validation part is a random share of the rest.

    Args:
        rows: Rows with `text`, `kept` and `generation`.
        params: Settings of the split.
        seed: Seed of the random shares.
    """
    kept = [row for row in rows if row["kept"] == "1"]
    texts = [row["text"] for row in kept]
    if splits_by_generation(kept, params):
        held_out = {str(generation) for generation in params.test}
        test = {row["text"] for row in kept if row["generation"] in held_out}
    elif is_cross_validated(kept, params):
        test: set[str] = set()
    else:
        test = hash_sample(texts, params.test_share, seed, "test")
    rest = [text for text in texts if text not in test]
    share = min(params.validation, MAX_VALIDATION / max(1, len(rest)))
    validation = hash_sample(rest, share, seed, "validation")

    def part(text: str) -> str:
        return "test" if text in test else "validation" if text in validation else "train"

    return [row | {"part": part(row["text"])} for row in kept]


def splits_by_generation(rows: list[Row], params: SplitNamesParams) -> bool:
    """Return whether to hold out generations: `by` asks for it and a name has one."""
    return params.by == "generation" and any(row["generation"] for row in rows)


def is_cross_validated(rows: list[Row], params: SplitNamesParams) -> bool:
    """Return whether a random test part would have fewer than `min_test` names."""
    return not splits_by_generation(rows, params) and round(params.test_share * len(rows)) < params.min_test


def require_every_part(rows: list[Row], params: SplitNamesParams) -> None:
    """Check that no part is empty, except the test part of a list that is cross-validated.

    Raises:
        UserError: A part is empty; the message lists the generations to choose from.
    """
    counts = Counter(row["part"] for row in rows)
    parts = PARTS[:2] if is_cross_validated(rows, params) else PARTS
    empty = [part for part in parts if not counts[part]]
    if not empty:
        return
    if splits_by_generation(rows, params):
        generations = {row["generation"] for row in rows if row["generation"]}
        found = ", ".join(sorted(generations, key=lambda name: (len(name), name)))
        raise UserError(
            f"generator.split leaves no name for {empty[0]}; the names are of the generations {found}.",
            f"Hold out some of them, not all: generator.split.test is now {params.test}.",
        )
    raise UserError(
        f"Too few usable names ({len(rows)}): none is left for {empty[0]}.", "Provide at least 20 names."
    )


def main() -> None:
    """Write `split.csv`: the kept names with their `part`."""
    params = load_params()
    settings = params.generator.split
    rows = split(read_names(paths.CLEAN_NAMES, CLEAN_COLUMNS), settings, params.seed)
    require_every_part(rows, settings)
    write_names(paths.SPLIT_NAMES, SPLIT_COLUMNS, rows)
    counts = Counter(row["part"] for row in rows)
    how = f"generations {settings.test} held out" if splits_by_generation(rows, settings) else "at random"
    log.info("split %s: %s", how, ", ".join(f"{counts[part]} {part}" for part in PARTS))
    if is_cross_validated(rows, settings):
        log.info("too few names for a test part of %d: all are cross-validated", settings.min_test)
    if settings.by == "generation" and not splits_by_generation(rows, settings):
        log.info("the names have no generations, so generator.split.by is ignored")


if __name__ == "__main__":
    run_command(main)
