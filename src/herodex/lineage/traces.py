"""Search the working tree for traces of withdrawn sources."""

import csv
import hashlib
import html
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from herodex import paths
from herodex.dataset.image_shards import SUFFIX, stored_hashes
from herodex.dataset.image_store import in_shards
from herodex.file_kind import HEAD_BYTES, recognise
from herodex.forgotten_list import AUTHOR, HOST, LICENSE, ForgottenList, value_hash

PLACES = (paths.DATA, paths.MODELS, paths.REPORTS, paths.CRAWL_STATE)
VALUES = (AUTHOR, HOST, LICENSE)
"""Kinds of sources that a key may name in plain text."""
SHORT = 12
"""Reports write this many digits of a hash."""
_TOKEN = re.compile(rb"(?<![0-9a-f])[0-9a-f]{12,64}(?![0-9a-f])")
_DIGEST = re.compile(rb"(?=([0-9a-f]{64}))")
_URL = re.compile(r"https?://[^\s\"'<>\\|,]+")


def find_traces(
    forgotten: ForgottenList, key: str = "", places: Iterable[Path] = PLACES
) -> dict[Path, Counter[str]]:
    """Search files for withdrawn hashes, addresses, authors and licences, and for the text `key`.

    Images are compared by the SHA-256 of their bytes and by their file names; contact sheets and plots
    have neither. Names and licences are compared as whole cells of CSV and texts of JSON.

    Returns:
        the number of traces of each kind in each file; files without traces are left out.
    """
    forgotten = ForgottenList({**forgotten.reasons, **dict.fromkeys(hashes_of(key), "")})
    found: dict[Path, Counter[str]] = {}
    for place in places:
        for file in sorted(path for path in place.rglob("*") if path.is_file()):
            if file != paths.FORGOTTEN and (traces := traces_in(file, forgotten, key)):
                found[file] = traces
    return found


def hashes_of(key: str) -> set[str]:
    """Return the hashes that stand for a key: its own digits, or those of an author, host or licence."""
    own = {key} if re.fullmatch(r"[0-9a-f]{64}", key) else {value_hash(kind, key) for kind in VALUES}
    return own - {""}


def traces_in(file: Path, forgotten: ForgottenList, key: str) -> Counter[str]:
    """Count the traces in one file and its path, by kind."""
    data = stored_hashes(file) if file.suffix == SUFFIX and in_shards(file.parent) else file.read_bytes()
    found = Counter[str]()
    prefixes = {digest[:SHORT].encode(): digest.encode() for digest in forgotten.reasons}
    found["sha256"] += sum(_is_start(token, prefixes) for token in _TOKEN.findall(file.as_posix().encode()))
    kind = recognise(data[:HEAD_BYTES])
    if kind and kind.extension:
        found["image"] += forgotten.has_content(hashlib.sha256(data).hexdigest())
    elif b"\0" in data:
        # NumPy stores each digit of a text in four bytes: the digit and three zeros.
        digests = {digest.encode() for digest in forgotten.reasons}
        found["sha256"] += sum(each in digests for each in _DIGEST.findall(data.replace(b"\0", b"")))
        found += _in_text(data.replace(b"\0", b"").decode("utf-8", "replace"), forgotten, key)
    else:
        found["sha256"] += sum(_is_start(token, prefixes) for token in _TOKEN.findall(data))
        text = data.decode("utf-8", "replace")
        found += _in_text(text, forgotten, key)
        found += _in_values(file, text, forgotten)
    return +found


def _is_start(token: bytes, prefixes: Mapping[bytes, bytes]) -> bool:
    return prefixes.get(token[:SHORT], b"").startswith(token)


def _in_text(text: str, forgotten: ForgottenList, key: str) -> Counter[str]:
    """Count addresses, with and without the punctuation at their end, and the key in its spellings."""
    found = Counter[str]()
    for url, count in Counter(_URL.findall(text)).items():
        if any(forgotten.has_url(each) for each in (url, url.rstrip(").;:`]*"), html.unescape(url))):
            found["address"] += count
    if key:
        found["text"] += len(_pattern(key).findall(unicodedata.normalize("NFKC", text)))
    return found


def _pattern(key: str) -> re.Pattern[str]:
    """Match a key in any case and with any blanks, as plain text, HTML, JSON, Markdown or part of a URL."""
    plain = " ".join(unicodedata.normalize("NFKC", key).split())
    spellings = {plain, html.escape(plain), json.dumps(plain)[1:-1], quote(plain), _markdown(plain)}
    words = ((re.escape(word) for word in each.split()) for each in spellings)
    any_of = "|".join(sorted((r"\s+".join(each) for each in words), key=len, reverse=True))
    # The digits of a hash need not be all of them.
    end = "" if re.fullmatch(r"[0-9a-f]{6,64}", key) else r"(?!\w)"
    return re.compile(rf"(?<!\w)(?:{any_of}){end}", re.IGNORECASE)


def _markdown(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]()<>#|!~&])", r"\\\1", text)


def _in_values(file: Path, text: str, forgotten: ForgottenList) -> Counter[str]:
    """Count authors and licences that are whole values of a table or a JSON file."""
    if not forgotten.reasons:
        return Counter()
    values = Counter[str]()
    if file.suffix == ".csv":
        values.update(cell for row in csv.reader(text.splitlines()) for cell in row)
    elif file.suffix == ".json":
        try:
            values.update(_texts(json.loads(text)))
        except ValueError:
            return Counter()
    found = Counter[str]()
    for value, count in values.items():
        if any(value_hash(kind, value) in forgotten.reasons for kind in (AUTHOR, LICENSE)):
            found["author or licence"] += count
    return found


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


def describe_traces(found: Mapping[Path, Counter[str]]) -> str:
    """List files with traces, or say that there is none; name what is not searched."""
    lines = [
        f"{file}: {', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items()))}"
        for file, kinds in found.items()
    ]
    searched = ", ".join(map(str, PLACES))
    head = f"{len(lines)} files with traces" if len(lines) != 1 else "1 file with traces"
    return "\n".join(
        [
            f"{head if lines else 'no trace'} in {searched}",
            *lines,
            "Not searched: what contact sheets and plots show, DVC's cache and remotes, MLflow and bentos.",
        ]
    )
