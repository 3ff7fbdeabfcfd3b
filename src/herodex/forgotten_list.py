"""The list of withdrawn sources, `data/forgotten.csv`: SHA-256 hashes, and no value in plain text.

A line has the hash of an image's bytes, of an image's address, or of an author, a host or a licence. `reason`
is the kind of the source that was withdrawn.
"""

import csv
import hashlib
import io
import re
import sys
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from herodex import paths
from herodex.csv_table import write_rows
from herodex.errors import UserError

COLUMNS = ("sha256", "reason", "date")
IMAGE, AUTHOR, HOST, LICENSE = KINDS = ("image", "author", "host", "licence")
"""Kinds of sources, the values of `reason`."""
_PORTS = {"http": 80, "https": 443}
_SAME_LETTERS = str.maketrans(dict.fromkeys("‘’‛ʼʹ′´`", "'") | dict.fromkeys("‐‑‒–—―−", "-"))
"""Apostrophes and dashes that people write for each other."""
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class ForgottenList:
    """The withdrawn sources.

    Attributes:
        reasons: the kind of source by hash.
    """

    reasons: Mapping[str, str] = field(default_factory=dict[str, str])

    def has_content(self, sha256: str) -> bool:
        """Tell whether the image with this SHA-256 of its bytes is withdrawn."""
        return sha256 in self.reasons

    def has_url(self, url: str) -> bool:
        """Tell whether an address or its host is withdrawn."""
        return bool(self.reasons) and (url_hash(url) in self.reasons or self.has_host(host_of(url)))

    def has_host(self, host: str) -> bool:
        """Tell whether a host is withdrawn, or a domain above it with all of its hosts."""
        return bool(self.reasons) and any(
            value_hash(HOST, each) in self.reasons for each in (host, *domains_of(host))
        )

    def has_source(self, row: Mapping[str, str]) -> bool:
        """Tell whether a search result's addresses, author or licence are withdrawn."""
        return bool(self.reasons) and (
            self.has_url(row["image_url"])
            or self.has_url(row["page_url"])
            or value_hash(AUTHOR, row["author"]) in self.reasons
            or value_hash(LICENSE, row["license"]) in self.reasons
        )


NOTHING = ForgottenList()


def normalised(kind: str, value: str) -> str:
    """Normalise the spelling of an author, host or licence.

    Case, blanks, Unicode forms, invisible characters, and kinds of apostrophes and dashes do not count; in a
    licence, dashes are blanks. A host may be given as its address, or with a port.
    """
    if kind == HOST:
        return (
            host_of(value.strip()) if "://" in value else ascii_host(re.sub(r":\d*$", "", value.strip("/ ")))
        )
    text = same_letters(same_letters(value).casefold())
    if kind == LICENSE:
        text = re.sub(r"[-_]", " ", text)
    return " ".join(text.split())


def same_letters(text: str) -> str:
    """Replace letters that look alike by one of them, and remove invisible ones; case stays."""
    if text.isascii():
        return text.replace("`", "'")
    composed = unicodedata.normalize("NFKC", text.translate(_SAME_LETTERS))
    return composed.translate(_SAME_LETTERS).translate(_invisible())


@cache
def _invisible() -> dict[int, None]:
    """Return a translation that removes characters such as zero-width blanks and soft hyphens."""
    return dict.fromkeys(
        code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) == "Cf"
    )


def domains_of(host: str) -> list[str]:
    """Return the entries that withdraw a host with a whole domain, such as `*.example.org`."""
    labels = host.split(".")
    return [f"*.{'.'.join(labels[start:])}" for start in range(len(labels))] if host else []


def value_hash(kind: str, value: str) -> str:
    """Hash an author, host or licence, in any spelling; '' for an empty one."""
    text = normalised(kind, value)
    return hashlib.sha256(f"{kind} {text}".encode()).hexdigest() if text else ""


def url_hash(url: str) -> str:
    """Hash a web address without its scheme, fragment and escapes; '' for any other text."""
    if not (host := host_of(url)):
        return ""
    parts = urlsplit(url)
    port = parts.port
    place = host if port in (None, _PORTS[parts.scheme.lower()]) else f"{host}:{port}"
    query = f"?{parts.query}" if parts.query else ""
    text = unquote(f"{place}{parts.path or '/'}{query}", errors="replace")
    return hashlib.sha256(f"address {text}".encode("utf-8", "replace")).hexdigest()


def host_of(url: str) -> str:
    """Return the host of a web address, in ASCII and lower case; '' for any other text."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return ""
    return ascii_host(parts.hostname or "") if parts.scheme.lower() in _PORTS else ""


def ascii_host(host: str) -> str:
    """Return a host as requests name it: in lower case, in ASCII, without a dot at its end."""
    text = host.strip().lower().removesuffix(".")
    try:
        return text.encode("idna").decode()
    except UnicodeError:
        return text


def read_forgotten(path: Path = paths.FORGOTTEN) -> ForgottenList:
    """Read the list; a missing file holds no hashes.

    Raises:
        UserError: the file is not UTF-8 CSV, or a line is malformed.
    """
    return ForgottenList({row["sha256"]: row["reason"] for row in _read_rows(path)})


def add_forgotten(path: Path, hashes: Iterable[str], reason: str, date: str) -> int:
    """Add hashes that the list lacks, sorted so that their order tells nothing; return their number.

    Raises:
        UserError: the file is malformed.
    """
    rows = _read_rows(path)
    known = {row["sha256"] for row in rows}
    new = sorted({each for each in hashes if each} - known)
    rows += [{"sha256": each, "reason": reason, "date": date} for each in new]
    partial = path.with_name(f"{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_rows(partial, COLUMNS, rows)
    partial.replace(path)
    return len(new)


def _read_rows(path: Path) -> list[dict[str, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        header, *rows = list(csv.reader(io.StringIO(text), strict=True)) or [[]]
    except FileNotFoundError:
        return []
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} is not valid CSV in UTF-8: {error}.", "Restore it from git.") from None
    if tuple(header) != COLUMNS:
        raise UserError(f"{path}: the first line is not {','.join(COLUMNS)}.", "Restore that first line.")
    for line, row in enumerate(rows, start=2):
        if row and not (len(row) == len(COLUMNS) and _DIGEST.fullmatch(row[0]) and row[1] in KINDS):
            raise UserError(
                f"{path}, line {line}: it is not a SHA-256, a kind ({', '.join(KINDS)}) and a date.",
                "Restore the file from git.",
            )
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows if row]
