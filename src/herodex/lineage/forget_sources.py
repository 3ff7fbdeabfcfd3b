"""Find all images of a source that is to be withdrawn."""

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from herodex import paths
from herodex.errors import UserError
from herodex.forgotten_list import (
    AUTHOR,
    HOST,
    IMAGE,
    LICENSE,
    domains_of,
    host_of,
    normalised,
    url_hash,
    value_hash,
)
from herodex.lineage.counts import Row, read_rows
from herodex.lineage.forget_feedback import feedback_rows
from herodex.params import load_params

TABLES = (
    paths.RAW_IMAGES / paths.MANIFEST,
    paths.CLEAN_IMAGES / paths.MANIFEST,
    paths.CURATED_IMAGES,
    paths.SPLIT_IMAGES,
)
"""Tables with a row for each search result, from the crawl on."""
COLUMNS = {AUTHOR: "author", LICENSE: "license"}
_DIGITS = re.compile(r"[0-9a-f]{6,64}")
_WHOLE = 64
_ANY_HOST = "*."
"""The start of a host that stands for a domain with all of its hosts."""
ALIKE = 0.88
"""Similarity from which a value may be another spelling of a second one."""
MOST_ALIKE = 5


@dataclass(frozen=True)
class Withdrawal:
    """What the withdrawal of a source removes.

    Attributes:
        kind: of the source: image, author, host or licence.
        key: the source as the user names it.
        rows: rows of the tables, without repetition.
        hashes: the hashes that the list of withdrawn sources gets.
        alike: sources of the same kind that may be meant too, and stay, with their images.
        near: other sources' images in the same duplicate groups, which stay.
    """

    kind: str
    key: str
    rows: Sequence[Row]
    hashes: frozenset[str]
    alike: Sequence[tuple[str, int]] = ()
    near: Sequence[Row] = ()

    @property
    def contents(self) -> set[str]:
        """The SHA-256 of the images."""
        return {row["sha256"] for row in self.rows} - {""}

    @property
    def pixels(self) -> set[str]:
        """The SHA-256 of the images' normalised pixels, the keys of the feature cache."""
        return {row.get("pixel_sha256", "") for row in self.rows} - {""}


def find_source(key: str, kind: str | None, tables: Sequence[Path] = TABLES) -> Withdrawal:
    """Find all rows of an image, author, host or licence, and of the same bytes or pixels elsewhere.

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
            f"{_suggestions(key, rows)}To keep a source out that no image is of, add --by.",
        )
    chosen = fitting[0] if fitting else str(kind)
    direct = found[chosen]
    gone, hashes = _with_same_images(direct, rows)
    alike = () if chosen == IMAGE else _alike(chosen, key, rows)
    return Withdrawal(
        chosen, key, gone, frozenset(_own(chosen, key, direct) | hashes), alike, _near(gone, rows)
    )


def _own(kind: str, key: str, direct: Sequence[Row]) -> set[str]:
    """Return the hashes that stand for the source itself.

    Raises:
        UserError: the key fits no image or several, or names nothing.
    """
    if kind == IMAGE and "://" in key:
        return {_hash_of_address(key)}
    if kind == IMAGE:
        own = {row["sha256"] for row in direct} or {_whole_digest(key)}
        if len(own) > 1:
            raise UserError(f"'{key}' begins the SHA-256 of {len(own)} images.", "Give more digits.")
        return own
    if kind == LICENSE and "://" in key:
        return {value_hash(LICENSE, row["license"]) for row in direct} - {""} | {_hash_of_address(key)}
    return {value_hash(kind, key)}


def _hash_of_address(key: str) -> str:
    if not (digest := url_hash(key)):
        raise UserError(f"'{key}' is no web address.", "Write it with http:// or https://.")
    return digest


def _whole_digest(key: str) -> str:
    if not re.fullmatch(rf"[0-9a-f]{{{_WHOLE}}}", key):
        raise UserError(f"No image here has a SHA-256 that begins with '{key}'.", "Give all 64 digits.")
    return key


def _keys(row: Row) -> set[str]:
    """Return the hashes of an image's bytes, pixels and address; equal images share one of them."""
    return {row["sha256"], row.get("pixel_sha256", ""), url_hash(row["image_url"])} - {""}


def _with_same_images(direct: Sequence[Row], rows: Sequence[Row]) -> tuple[list[Row], set[str]]:
    """Add the rows of the same images until there are no more; return rows and their hashes."""
    keys = [_keys(row) for row in rows]
    found = {id(row) for row in direct}
    gone = {place for place, row in enumerate(rows) if id(row) in found}
    hashes, before = set[str](), -1
    while len(gone) > before:
        before = len(gone)
        hashes = set[str]().union(*(keys[place] for place in gone))
        gone |= {place for place, own in enumerate(keys) if not hashes.isdisjoint(own)}
    return [rows[place] for place in sorted(gone)], hashes


def _kinds(key: str) -> list[str]:
    if "://" not in key:
        return [*([IMAGE] if _DIGITS.fullmatch(key) else []), AUTHOR, HOST, LICENSE]
    # The address of a page or an image is not its whole host.
    is_host = re.fullmatch(r"\w+://[^/?#]*/?", key)
    return [HOST] if is_host else [IMAGE, LICENSE]


def _rows_of(key: str, kind: str, rows: Sequence[Row]) -> list[Row]:
    if "://" in key and kind != HOST:
        columns = {IMAGE: ("image_url", "page_url"), LICENSE: ("license_url",)}.get(kind, ())
        wanted = _hash_of_address(key)
        return [row for row in rows if wanted in {url_hash(row.get(column, "")) for column in columns}]
    if kind == IMAGE:
        return [row for row in rows if _DIGITS.fullmatch(key) and row["sha256"].startswith(key)]
    wanted = normalised(kind, key)
    if not wanted:
        raise UserError(f"The {kind} is empty.", "Name it as `herodex trace` shows it.")
    if kind == HOST:
        return [row for row in rows if any(wanted in (host, *domains_of(host)) for host in _hosts(row))]
    return [row for row in rows if normalised(kind, row[COLUMNS[kind]]) == wanted]


def _hosts(row: Row) -> set[str]:
    return {host_of(row["image_url"]), host_of(row["page_url"])} - {""}


def _all_rows(tables: Sequence[Path]) -> list[Row]:
    """Read the rows of all tables and of reported images.

    A later table's row replaces an earlier one, as it has more columns.
    """
    rows: dict[tuple[str, ...], Row] = {}
    for table in tables:
        for row in read_rows(table) if table.exists() else []:
            place = ("query", "source", "rank", "image_url", "sha256")
            rows[tuple(row.get(column, "") for column in place)] = row
    return [*rows.values(), *feedback_rows(load_params())]


def _alike(kind: str, key: str, rows: Iterable[Row]) -> list[tuple[str, int]]:
    """List other sources of a kind that may be meant too, with their images, most images first."""
    images: dict[str, set[str]] = {}
    for row in rows:
        for value in _hosts(row) if kind == HOST else {row[COLUMNS[kind]]} - {""}:
            images.setdefault(value, set()).add(row["sha256"])
    wanted = normalised(kind, key)
    found = Counter(
        {
            value: len(contents)
            for value, contents in images.items()
            if _is_alike(kind, wanted, normalised(kind, value))
        }
    )
    return found.most_common(MOST_ALIKE)


def _is_alike(kind: str, wanted: str, other: str) -> bool:
    if kind == HOST:
        domain = wanted.removeprefix(_ANY_HOST)
        covered = wanted in (other, *domains_of(other))
        return not covered and (other.endswith(f".{domain}") or domain.endswith(f".{other}"))
    if not wanted or wanted == other:
        return False
    shorter, longer = sorted((wanted, other), key=len)
    within = re.search(rf"(?<!\w){re.escape(shorter)}(?!\w)", longer)
    return bool(within) or difflib.SequenceMatcher(None, wanted, other).ratio() >= ALIKE


def _suggestions(key: str, rows: Sequence[Row]) -> str:
    """Name the sources that a key without an image may mean."""
    found = [
        f"{kind} {value} ({count})"
        for kind in (AUTHOR, HOST, LICENSE)
        for value, count in _alike(kind, key, rows)
    ]
    if not found:
        return "Write it as `herodex trace` shows it. "
    return f"Similar, with their images: {', '.join(found)}. "


def _near(gone: Sequence[Row], rows: Sequence[Row]) -> list[Row]:
    """Return the rows of other images in the duplicate groups of these; each image once."""
    contents = {row["sha256"] for row in gone}
    groups = {row.get("duplicate_group", "") for row in gone} - {""}
    return list(_once((row for row in rows if row.get("duplicate_group") in groups), contents))


def _once(rows: Iterable[Row], known: set[str]) -> Iterator[Row]:
    seen = set(known)
    for row in rows:
        if row["sha256"] not in seen:
            seen.add(row["sha256"])
            yield row
