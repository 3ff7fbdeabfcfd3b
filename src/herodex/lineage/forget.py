"""`herodex forget`: find what a source's withdrawal removes, remove it, and show what the figures lost."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from herodex import paths
from herodex.dataset.feature_table import open_table
from herodex.dataset.image_store import has_image, in_shards
from herodex.errors import UserError
from herodex.forgotten_list import (
    AUTHOR,
    HOST,
    IMAGE,
    LICENSE,
    add_forgotten,
    host_of,
    normalised,
    url_hash,
    value_hash,
)
from herodex.json_record import read_json
from herodex.lineage.counts import Row, read_rows
from herodex.lineage.forget_caches import (
    clear_feature_cache,
    clear_journals,
    clear_review,
    clear_shards,
    count_review,
    count_vectors,
    journals,
)
from herodex.lineage.tree import Node
from herodex.summary import interval

TABLES = (
    paths.RAW_IMAGES / paths.MANIFEST,
    paths.CLEAN_IMAGES / paths.MANIFEST,
    paths.CURATED_IMAGES,
    paths.SPLIT_IMAGES,
)
"""Tables with a row for each search result, from the crawl on."""
METRICS = paths.CLASSIFIER_REPORTS / "metrics.json"
GALLERY = paths.CLASSIFIER / "gallery.csv"
CONTACT_SHEETS = paths.CLEAN_REPORTS / "contact_sheets"
PLOTS = ("figures.png", "worst.png")
"""Plots of `evaluate_classifier` that show images."""
_DIGITS = re.compile(r"[0-9a-f]{6,64}")
_WHOLE = 64


@dataclass(frozen=True)
class Withdrawal:
    """What the withdrawal of a source removes.

    Attributes:
        kind: of the source: image, author, host or licence.
        key: the source as the user names it.
        rows: rows of the tables, without repetition.
        hashes: the hashes that the list of withdrawn sources gets.
    """

    kind: str
    key: str
    rows: Sequence[Row]
    hashes: frozenset[str]

    @property
    def contents(self) -> set[str]:
        """The SHA-256 of the images."""
        return {row["sha256"] for row in self.rows} - {""}

    @property
    def pixels(self) -> set[str]:
        """The SHA-256 of the images' normalised pixels, the keys of the feature cache."""
        return {row.get("pixel_sha256", "") for row in self.rows} - {""}


def find_source(key: str, kind: str | None, tables: Sequence[Path] = TABLES) -> Withdrawal:
    """Find all rows of an image, author, host or licence, and of the same image bytes elsewhere.

    Raises:
        UserError: the key fits nothing, or sources of several kinds or several images.
    """
    rows = _all_rows(tables)
    found = {each: _rows_of(key, each, rows) for each in ([kind] if kind else _kinds(key))}
    fitting = [each for each, of_kind in found.items() if of_kind]
    if len(fitting) > 1:
        raise UserError(f"'{key}' is {' and '.join(fitting)}.", f"Add --by {fitting[0]}.")
    if not fitting and kind is None:
        raise UserError(
            f"No image, author, host or licence in {paths.RAW_IMAGES / paths.MANIFEST} is '{key}'.",
            "Write it as `herodex trace` shows it. To keep a source out that no image is of, add --by.",
        )
    chosen = fitting[0] if fitting else str(kind)
    direct = found[chosen]
    if chosen == IMAGE:
        own = {row["sha256"] for row in direct} or {_whole_digest(key)}
        if len(own) > 1:
            raise UserError(f"'{key}' begins the SHA-256 of {len(own)} images.", "Give more digits.")
    else:
        own = {value_hash(chosen, key)}
    gone, hashes = _with_same_images(direct, rows)
    return Withdrawal(chosen, key, gone, frozenset(own | hashes))


def _with_same_images(direct: Sequence[Row], rows: Sequence[Row]) -> tuple[list[Row], set[str]]:
    """Add the rows with the same bytes or address until there are no more; return rows and their hashes."""
    gone, hashes, before = list(direct), set[str](), -1
    while len(gone) > before:
        before = len(gone)
        hashes = {each for row in gone for each in (row["sha256"], url_hash(row["image_url"])) if each}
        known = {id(row) for row in gone}
        gone += [
            row
            for row in rows
            if id(row) not in known and not hashes.isdisjoint((row["sha256"], url_hash(row["image_url"])))
        ]
    return gone, hashes


def _whole_digest(key: str) -> str:
    if not re.fullmatch(rf"[0-9a-f]{{{_WHOLE}}}", key):
        raise UserError(f"No image here has a SHA-256 that begins with '{key}'.", "Give all 64 digits.")
    return key


def _kinds(key: str) -> list[str]:
    return [*([IMAGE] if _DIGITS.fullmatch(key) else []), AUTHOR, HOST, LICENSE]


def _rows_of(key: str, kind: str, rows: Sequence[Row]) -> list[Row]:
    if kind == IMAGE:
        return [row for row in rows if _DIGITS.fullmatch(key) and row["sha256"].startswith(key)]
    wanted = normalised(kind, key)
    if not wanted:
        raise UserError(f"The {kind} is empty.", "Name it as `herodex trace` shows it.")
    if kind == HOST:
        return [row for row in rows if wanted in (host_of(row["image_url"]), host_of(row["page_url"]))]
    column = "author" if kind == AUTHOR else "license"
    return [row for row in rows if normalised(kind, row[column]) == wanted]


def _all_rows(tables: Sequence[Path]) -> list[Row]:
    """Read the rows of all tables; a later table's row replaces an earlier one, as it has more columns."""
    rows: dict[tuple[str, ...], Row] = {}
    for table in tables:
        if table.exists():
            for row in read_rows(table):
                place = ("query", "source", "rank", "image_url", "sha256")
                rows[tuple(row.get(column, "") for column in place)] = row
    return list(rows.values())


def describe(withdrawal: Withdrawal) -> Node:
    """Draw what goes now, what `make run` makes anew, and where traces stay."""
    root = Node(f"{withdrawal.kind} {withdrawal.key}: {_count(len(withdrawal.contents), 'image')}")
    pairs = {(row["query"], row["sha256"]) for row in withdrawal.rows if row["sha256"]}
    classes = Counter(query for query, _ in pairs)
    for query, count in sorted(classes.items()):
        root.add(f"{query}: {_count(count, 'image')}")
    _add_removed(root.add("removed now"), withdrawal)
    _add_made_anew(root.add("made anew without it by `make run`"), withdrawal)
    stays = root.add("not removed by this command; these commands clean it after `make run`")
    for place, command in remaining_places():
        stays.add(f"{place}: {command}")
    return root


def _add_removed(node: Node, withdrawal: Withdrawal) -> None:
    files = {row["file"] for row in withdrawal.rows if row["file"]}
    raw = [file for file in sorted(files) if (paths.RAW_IMAGES / file).exists()]
    node.add(f"{_count(len(raw), 'file')} and the rows of {paths.RAW_IMAGES / paths.MANIFEST}")
    node.add(f"their attributions in {paths.SOURCES}; a snapshot of the live web stays one without them")
    node.add(f"{_count(count_vectors(withdrawal.pixels), 'vector')} in {paths.FEATURE_CACHE}")
    node.add(f"{_count(count_review(withdrawal.contents), 'decision')} in {paths.REVIEW}")
    found = journals()
    node.add(
        f"cached pages and searches of {_count(len(found), 'unfinished crawl')} in {paths.CRAWL_STATE}, "
        "with these images"
    )
    if paths.SHARDS.exists():
        node.add(f"results of unfinished stages in {paths.SHARDS}")


def _add_made_anew(node: Node, withdrawal: Withdrawal) -> None:
    files = {row["file"] for row in withdrawal.rows if row["file"]}
    clean = sum(has_image(file) for file in files)
    node.add(f"{_count(clean, 'image' if in_shards() else 'file')} in {paths.CLEAN_IMAGES}")
    for table in (paths.FEATURES, paths.TUNED_FEATURES):
        if table.exists():
            there = withdrawal.contents & open_table(table).row_of.keys()
            node.add(f"{_count(len(there), 'row')} of {table}")
    if GALLERY.exists():
        gallery = [row for row in read_rows(GALLERY) if row.get("sha256") in withdrawal.contents]
        node.add(f"{_count(len(gallery), 'row')} of {GALLERY}, the served model's training images")
    for file in _images_of_reports(withdrawal.rows):
        node.add(f"{file} may show some of them")


def _images_of_reports(rows: Sequence[Row]) -> Iterator[Path]:
    """Yield contact sheets, plots and page examples that may show images of these rows."""
    reasons = {row.get("dropped_for", "") for row in rows} - {""}
    contact_sheets = [CONTACT_SHEETS / f"{reason}.png" for reason in sorted(reasons)]
    plots = [paths.CLASSIFIER_REPORTS / name for name in PLOTS]
    page = [paths.REPORTS / "index.html"]
    # The page shows images of a user's folder only; on other webs its examples are drawn.
    examples = sorted(paths.EXAMPLES.glob("*.jpg")) if paths.EXAMPLES.exists() else []
    yield from (file for file in (*contact_sheets, *plots, *page, *examples) if file.exists())


def remaining_places() -> list[tuple[str, str]]:
    """List places that keep earlier versions of the data, with the commands that clean them."""
    return [
        ("DVC's cache", "dvc gc --workspace (keeps only what the working tree uses)"),
        ("DVC's remotes", "dvc push, then dvc gc --workspace --cloud"),
        (
            "MLflow's runs and models",
            "delete older runs and versions in `make ui`, then "
            "mlflow gc --backend-store-uri sqlite:///mlflow.db",
        ),
        ("older bentos, and containers made of them", "bentoml list, then bentoml delete TAG for each"),
        ("git's history of data/review.csv, and copies that you passed on", "by hand"),
    ]


def remove(withdrawal: Withdrawal, today: str | None = None) -> None:
    """Remember the hashes, then clear caches and decisions; the crawled data itself goes last, elsewhere.

    A removal that is interrupted can be repeated: until the tables are made anew, they have the rows.

    Raises:
        UserError: a crawl is running, or a cache cannot be written.
    """
    date = today or datetime.now(UTC).date().isoformat()
    # Before anything is written, so that a running crawl changes nothing.
    clear_journals(withdrawal.hashes)
    add_forgotten(paths.FORGOTTEN, withdrawal.hashes, withdrawal.kind, date)
    clear_feature_cache(withdrawal.pixels)
    clear_shards()
    clear_review(withdrawal.contents)


def accuracy_now(file: Path = METRICS) -> dict[str, float] | None:
    """Read the classifier's accuracy with its interval; None without an evaluation."""
    if not file.exists():
        return None
    metrics: dict[str, Any] = read_json(file)
    return metrics["accuracy"]


def compare_accuracy(before: dict[str, float] | None, after: dict[str, float] | None) -> str:
    """Write the accuracy before and after a withdrawal in one line."""
    if before is None or after is None:
        return "accuracy: no evaluation before the withdrawal" if after else "accuracy: no evaluation"
    overlap = before["low"] <= after["high"] and after["low"] <= before["high"]
    verdict = "the intervals overlap" if overlap else "the intervals do not overlap"
    return f"accuracy: {interval(before)} → {interval(after)}; {verdict}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
