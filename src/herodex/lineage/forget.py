"""`herodex forget`: find what a source's withdrawal removes, remove it, and show what the figures lost."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from herodex import paths
from herodex.dataset.bucket_cache import remote_of
from herodex.dataset.feature_table import open_table
from herodex.dataset.image_store import has_image, in_shards
from herodex.forgotten_list import HOST, add_forgotten, domains_of, host_of, normalised
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
from herodex.lineage.forget_feedback import clear_feedback, reported
from herodex.lineage.forget_sources import Withdrawal
from herodex.lineage.trace_places import CLEAN_BUCKET, CLEAN_CACHE, CLEAN_REMOTE, MLFLOW_GC
from herodex.lineage.tree import Node
from herodex.statistics import Estimate, in_words

METRICS = paths.CLASSIFIER_REPORTS / "metrics.json"
GALLERY = paths.CLASSIFIER / "gallery.csv"
CONTACT_SHEETS = paths.CLEAN_REPORTS / "contact_sheets"
PLOTS = ("figures.png", "worst.png")
"""Plots of `evaluate_classifier` that show images."""
NAMED = 3


def describe(withdrawal: Withdrawal) -> Node:
    """Draw what goes now, what `make run` makes anew, and where traces stay."""
    root = Node(f"{withdrawal.kind} {withdrawal.key}: {_count(len(withdrawal.contents), 'image')}")
    pairs = {(row["query"], row["sha256"]) for row in withdrawal.rows if row["sha256"]}
    classes = Counter(query for query, _ in pairs)
    for query, count in sorted(classes.items()):
        root.add(f"{query}: {_count(count, 'image')}")
    _add_staying(root, withdrawal)
    _add_removed(root.add("removed now"), withdrawal)
    _add_made_anew(root.add("made anew without it by `make run`"), withdrawal)
    stays = root.add(
        "not removed by this command; these commands clean it after `make run`, and "
        "`herodex forget --check` names each RUN and TAG"
    )
    for place, command in remaining_places():
        stays.add(f"{place}: {command}")
    return root


def _add_staying(root: Node, withdrawal: Withdrawal) -> None:
    """Add sources and images that may be meant too; each is withdrawn by a call of its own."""
    if withdrawal.alike:
        alike = root.add("these stay, because they are written otherwise; withdraw each that is meant too")
        for value, count in withdrawal.alike:
            alike.add(f"{withdrawal.kind} {value}: {_count(count, 'image')}")
    if withdrawal.near:
        count = _count(len(withdrawal.near), "image")
        near = root.add(
            f"in the same duplicate groups, {count} of other sources stay; withdraw each by its SHA-256"
        )
        for row in withdrawal.near[:NAMED]:
            near.add(f"{row['sha256']} ({row['author'] or host_of(row['page_url']) or row['image_url']})")


def _add_removed(node: Node, withdrawal: Withdrawal) -> None:
    files = {row["file"] for row in withdrawal.rows if row["file"]}
    raw = [file for file in sorted(files) if (paths.RAW_IMAGES / file).exists()]
    node.add(f"{_count(len(raw), 'file')} and the rows of {paths.RAW_IMAGES / paths.MANIFEST}")
    node.add(f"their attributions in {paths.SOURCES}; a snapshot of the live web stays one without them")
    node.add(f"{_count(count_vectors(withdrawal.pixels), 'vector')} in {paths.FEATURE_CACHE}")
    node.add(f"{_count(count_review(withdrawal.contents), 'decision')} in {paths.REVIEW}")
    for folder, there in reported(withdrawal.contents).items():
        if there:
            node.add(f"{_count(len(there), 'reported image')} in {paths.FEEDBACK / folder}, for good")
    found = journals()
    node.add(
        f"cached pages and searches of {_count(len(found), 'unfinished crawl')} in {paths.CRAWL_STATE}, "
        "with these images"
    )
    for folder, what in ((paths.SHARDS, "results of unfinished stages"), (paths.BUCKET_CACHE, "shards")):
        if folder.exists():
            node.add(f"{what} in {folder}")


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
    if names := _names_of(withdrawal):
        node.add(f"{_count(names, 'name')} of this host; names of the live web by `make refresh`")


def _names_of(withdrawal: Withdrawal) -> int:
    """Count the names from pages of a withdrawn host."""
    if withdrawal.kind != HOST or not paths.RAW_NAMES.exists():
        return 0
    wanted = normalised(HOST, withdrawal.key)
    hosts = [host_of(row["page_url"]) for row in read_rows(paths.RAW_NAMES)]
    return sum(wanted in (host, *domains_of(host)) for host in hosts if host)


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
    in_bucket = [("the bucket of shards", CLEAN_BUCKET)] if remote_of(paths.CLEAN_IMAGES) else []
    return [
        *in_bucket,
        ("DVC's cache", f"{CLEAN_CACHE} (keeps only what the working tree uses)"),
        ("DVC's remotes", CLEAN_REMOTE),
        ("MLflow's runs", f"mlflow runs delete --run-id RUN, then {MLFLOW_GC}"),
        ("bentos, and containers made of them", "bentoml delete TAG"),
        ("exported models", "delete them, and export again"),
        (f"git's history of {paths.REVIEW}, and copies that you passed on", "by hand"),
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
    clear_feedback(withdrawal.contents)


Figures = dict[str, Estimate]
"""Estimates with their intervals and counts, by name."""


def figures_now(classes: Collection[str], file: Path = METRICS) -> Figures:
    """Read the classifier's accuracy, mean recall, rejected images, and the recall of classes.

    Args:
        classes: that lose images.
        file: of the evaluation; without it there are no figures.
    """
    if not file.exists():
        return {}
    metrics: dict[str, Any] = read_json(file)
    recall = {f"recall of {name}": metrics["recall"].get(name) for name in sorted(classes)}
    figures = {
        "accuracy": metrics["accuracy"],
        "mean recall": metrics["balanced_accuracy"],
        "images of the classes rejected": metrics["ood"]["false_reject_rate"],
        **recall,
    }
    return {name: figure for name, figure in figures.items() if figure}


def compare_figures(before: Figures, after: Figures) -> str:
    """Write figures before and after a withdrawal, a line for each."""
    if not after:
        return "no evaluation after the withdrawal"
    return "\n".join(_compare(name, before.get(name), after[name]) for name in after)


def _compare(name: str, before: Estimate | None, after: Estimate) -> str:
    if not before:
        return f"{name}: no evaluation before the withdrawal; {in_words(after)}"
    overlap = before["low"] <= after["high"] and after["low"] <= before["high"]
    verdict = "the intervals overlap" if overlap else "the intervals do not overlap"
    return f"{name}: {in_words(before)} → {in_words(after)}; {verdict}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
