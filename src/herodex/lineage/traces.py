"""Search files for traces of withdrawn sources: hashes, addresses, names, and the images themselves."""

import base64
import csv
import gzip
import hashlib
import html
import io
import json
import re
import sqlite3
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from herodex import paths
from herodex.curation.check_downloads import pixel_hash
from herodex.dataset.image_shards import SHARD, stored_images
from herodex.feedback_inbox import REJECTED
from herodex.file_kind import ARCHIVE, HEAD_BYTES, recognise
from herodex.forgotten_list import (
    AUTHOR,
    HOST,
    LICENSE,
    ForgottenList,
    same_letters,
    url_hash,
    value_hash,
)
from herodex.params import CleanImagesParams, load_params
from herodex.progress import track

VALUES = (AUTHOR, HOST, LICENSE)
"""Kinds of sources that a key may name in plain text."""
SHORT = 12
"""Reports write this many digits of a hash."""
LISTS = {paths.FORGOTTEN, paths.FEEDBACK / REJECTED}
"""Lists of hashes that keep images out."""
MANY = 100
"""Number of files from which a search shows its progress."""
DEEPEST = 2
"""Archives in archives that are opened."""
SQLITE = b"SQLite format 3\0"
_TOKEN = re.compile(rb"(?<![0-9a-f])[0-9a-f]{12,64}(?![0-9a-f])")
_DIGEST = re.compile(rb"(?=([0-9a-f]{64}))")
_URL = re.compile(r"https?://[^\s\"'<>\\|,\x00-\x1f]+")
_TEXT = re.compile(
    rb"(?:[\x20-\x7e\t\n]|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}){4,}"
)
"""Text in UTF-8 inside a binary file."""
_HEADER = {"sha256", "author", "license"}
"""Columns of tables that may name a source."""
_INLINE = re.compile(r"data:image/[\w.+-]+;base64,([A-Za-z0-9+/=]+)")
"""An image inside a page."""


@dataclass(frozen=True)
class Wanted:
    """What to search for.

    Attributes:
        forgotten: the withdrawn sources, and those that `key` names.
        key: text to search for, as well as its hashes; may be empty.
        params: how pixels are normalised.
        known: the traces of searched files by the SHA-256 of their content, because DVC's cache has the same
            files as the working tree.
    """

    forgotten: ForgottenList
    key: str
    params: CleanImagesParams
    known: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]], compare=False)

    @cached_property
    def digests(self) -> set[bytes]:
        """The hashes in ASCII."""
        return {digest.encode() for digest in self.forgotten.reasons}

    @cached_property
    def prefixes(self) -> Mapping[bytes, bytes]:
        """The hashes by their first digits."""
        return {digest[:SHORT]: digest for digest in self.digests}

    @cached_property
    def anchor(self) -> re.Pattern[bytes] | None:
        """The longest part of the key that is the same in each spelling, in any case."""
        parts = re.findall(r"[A-Za-z0-9]+", same_letters(self.key))
        return re.compile(re.escape(max(parts, key=len)).encode(), re.IGNORECASE) if parts else None

    def may_be_in(self, data: bytes) -> bool:
        """Tell quickly whether binary data may hold an address or the key."""
        return b"http" in data or bool(self.key and (not self.anchor or self.anchor.search(data)))

    @cached_property
    def pattern(self) -> re.Pattern[str] | None:
        """A pattern of the key in its spellings."""
        return _pattern(self.key) if self.key else None


def wanted(forgotten: ForgottenList, key: str = "") -> Wanted:
    """Return what to search for: withdrawn sources, and a key that may not be withdrawn."""
    reasons = {**forgotten.reasons, **dict.fromkeys(hashes_of(key), "")}
    return Wanted(ForgottenList(reasons), key, load_params().classifier.clean)


def hashes_of(key: str) -> set[str]:
    """Return the hashes that stand for a key: its own digits, or those of a source with this name."""
    if re.fullmatch(r"[0-9a-f]{64}", key):
        return {key}
    own = {value_hash(kind, key) for kind in VALUES if "://" not in key or kind == HOST}
    # The address of a page or an image is not its whole host.
    if re.fullmatch(r"\w+://[^/?#]*/.+", key):
        own = {url_hash(key)}
    return own - {""}


def find_traces(files: Iterable[Path], sought: Wanted) -> dict[Path, Counter[str]]:
    """Search files for withdrawn hashes, addresses, authors, licences and images, and for the key's text.

    Images are compared by the SHA-256 of their bytes and of their normalised pixels, and by their file names.
    Names and licences are compared as whole cells of CSV and texts of JSON.

    Returns:
        the number of traces of each kind in each file; files without traces are left out.
    """
    if not sought.digests:
        return {}
    every = sorted(set(files) - LISTS)
    # Decoding images, the slowest part, runs in parallel.
    with ThreadPoolExecutor() as pool:
        found = pool.map(partial(traces_in, sought=sought), every)
        if len(every) >= MANY:
            found = track(found, len(every), "search", "files")
        return {file: traces for file, traces in zip(every, found, strict=True) if traces}


def traces_in(file: Path, sought: Wanted) -> Counter[str]:
    """Count the traces in one file and its path, by kind."""
    found = Counter(sha256=_digests_in(file.as_posix().encode(), sought))
    try:
        if SHARD.fullmatch(file.name):
            return +(found + _in_shard(file, sought))
        data = file.read_bytes()
        content = hashlib.sha256(data).hexdigest()
        if content not in sought.known:
            is_database = data.startswith(SQLITE)
            sought.known[content] = (
                _in_database(file, data, sought) if is_database else _in_bytes(data, sought)
            )
        found += sought.known[content]
    except FileNotFoundError:
        # Removed since the folder was listed.
        return Counter()
    except OSError as error:
        found[f"not readable ({error.strerror})"] = 1
    return +found


def _in_shard(file: Path, sought: Wanted) -> Counter[str]:
    found = Counter[str]()
    for sha256, png in stored_images(file):
        found["sha256"] += _digests_in(sha256.encode(), sought)
        found += _in_bytes(png, sought)
    return found


def traces_in_text(text: bytes, sought: Wanted) -> Counter[str]:
    """Count the traces in a text, by kind."""
    return _in_bytes(text, sought, DEEPEST)


def _in_bytes(data: bytes, sought: Wanted, depth: int = 0) -> Counter[str]:
    kind = recognise(data[:HEAD_BYTES])
    if kind and kind.extension:
        return Counter(image=_is_forgotten_image(data, sought))
    if kind is ARCHIVE and depth < DEEPEST:
        return _in_archive(data, sought, depth)
    if b"\0" in data:
        # NumPy stores each digit of a text in four bytes: the digit and three zeros.
        dense = data.replace(b"\0", b"")
        found = Counter(sha256=sum(each in sought.digests for each in _DIGEST.findall(dense)))
        # Finding texts takes long in large files.
        if sought.may_be_in(dense):
            found += _in_text(_text(dense), sought)
        return +found
    text = data.decode("utf-8", "replace")
    found = Counter(sha256=_digests_in(data, sought)) + _in_text(text, sought) + _in_values(text, sought)
    for inline in _INLINE.findall(text):
        found += _in_bytes(_decoded(inline), sought, DEEPEST)
    return +found


def _digests_in(text: bytes, sought: Wanted) -> int:
    tokens = _TOKEN.findall(text)
    return sum(sought.prefixes.get(token[:SHORT], b"").startswith(token) for token in tokens)


def _is_forgotten_image(data: bytes, sought: Wanted) -> bool:
    forgotten = sought.forgotten
    if not forgotten.reasons:
        return False
    if forgotten.has_content(hashlib.sha256(data).hexdigest()):
        return True
    pixels = pixel_hash(data, sought.params)
    return bool(pixels) and forgotten.has_content(pixels)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except ValueError:
        return b""


def _in_archive(data: bytes, sought: Wanted, depth: int) -> Counter[str]:
    found = Counter[str]()
    try:
        for name, content in _members(data):
            found["sha256"] += _digests_in(name.encode("utf-8", "replace"), sought)
            found += _in_bytes(content, sought, depth + 1)
    except (OSError, EOFError, RuntimeError, tarfile.TarError, zipfile.BadZipFile, zlib.error):
        found["archive that cannot be opened"] = 1
    return +found


def _members(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a ZIP, tar or gzip archive with their names."""
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield from ((name, archive.read(name)) for name in archive.namelist())
    elif data.startswith(b"\x1f\x8b"):
        yield "", gzip.decompress(data)
    else:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isfile() else None
                yield member.name, content.read() if content else b""


def _in_database(file: Path, data: bytes, sought: Wanted) -> Counter[str]:
    """Search each value of a SQLite database, and the whole file for hashes, also in deleted rows."""
    found = Counter(sha256=sum(each in sought.digests for each in _DIGEST.findall(data)))
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True)) as database:
            for value in _values(database):
                if isinstance(value, bytes):
                    kind = recognise(value[:HEAD_BYTES])
                    if kind:
                        found += _in_bytes(value, sought)
                    elif sought.may_be_in(value):
                        found += _in_text(_text(value), sought)
                else:
                    found += _in_text(value, sought) + _in_values(value, sought)
                    found["author or licence"] += _is_forgotten_value(value, sought)
    except sqlite3.Error:
        found += _in_text(_text(data), sought)
    return +found


def _values(database: sqlite3.Connection) -> Iterator[str | bytes]:
    tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (table,) in tables:
        quoted = str(table).replace('"', '""')
        for row in database.execute(f'SELECT * FROM "{quoted}"'):  # noqa: S608 # the name is quoted
            yield from (value for value in row if isinstance(value, str | bytes))


def _text(value: bytes) -> str:
    """Return the texts in binary data, a line for each."""
    return b"\n".join(_TEXT.findall(value.replace(b"\0", b""))).decode("utf-8", "replace")


def _in_text(text: str, sought: Wanted) -> Counter[str]:
    """Count addresses, with and without the punctuation at their end, and the key in its spellings."""
    found, forgotten = Counter[str](), sought.forgotten
    for url, count in Counter(_URL.findall(text)).items() if forgotten.reasons else ():
        # In binary files and in the parameters of an address, one may follow another.
        parts = re.split(r"(?<=.)(?=https?://)", url)
        if any(forgotten.has_url(each) for each in {url, url.rstrip(").;:`]*"), html.unescape(url), *parts}):
            found["address"] += count
    if sought.pattern:
        found["text"] += len(sought.pattern.findall(same_letters(text)))
    return found


def _pattern(key: str) -> re.Pattern[str]:
    """Match a key in any case and with any blanks, as plain text, HTML, JSON, Markdown or part of a URL."""
    plain = " ".join(same_letters(key).split())
    spellings = {plain, html.escape(plain), json.dumps(plain)[1:-1], quote(plain), _markdown(plain)}
    words = ((re.escape(word) for word in each.split()) for each in spellings)
    any_of = "|".join(sorted((r"[\s_-]+".join(each) for each in words), key=len, reverse=True))
    # The digits of a hash need not be all of them.
    end = "" if re.fullmatch(r"[0-9a-f]{6,64}", key) else r"(?!\w)"
    return re.compile(rf"(?<!\w)(?:{any_of}){end}", re.IGNORECASE)


def _markdown(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]()<>#|!~&])", r"\\\1", text)


def _in_values(text: str, sought: Wanted) -> Counter[str]:
    """Count authors and licences that are whole values of JSON, or else of a table."""
    if not sought.forgotten.reasons:
        return Counter()
    try:
        values = Counter(_texts(json.loads(text))) if text.lstrip()[:1] in ("{", "[") else _cells(text)
    except ValueError:
        values = _cells(text)
    found = Counter[str]()
    for value, count in values.items():
        if _is_forgotten_value(value, sought):
            found["author or licence"] += count
    return found


def _cells(text: str) -> Counter[str]:
    """Count the values of a table whose columns may name a source; DVC's cache keeps no suffixes."""
    if _HEADER.isdisjoint(text.partition("\n")[0].strip("\ufeff\r").split(",")):
        return Counter()
    try:
        return Counter(cell for row in csv.reader(text.splitlines()) for cell in row)
    except csv.Error:
        return Counter()


def _is_forgotten_value(value: str, sought: Wanted) -> bool:
    return any(value_hash(kind, value) in sought.forgotten.reasons for kind in (AUTHOR, LICENSE))


def _texts(value: object) -> Iterator[str]:
    """Yield all texts in a JSON value, the names of fields included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, each in cast("dict[str, Any]", value).items():
            yield name
            yield from _texts(each)
    elif isinstance(value, list):
        for each in cast("list[Any]", value):
            yield from _texts(each)
