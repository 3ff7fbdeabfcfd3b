"""Snapshots of the live web: the settings that crawled data belongs to.

The live web is crawled by `make refresh` alone. A live crawl that ended well records its settings and its
date in `.cache/crawl/snapshots`, under the hash of the outputs that it wrote. When DVC reruns the stage,
because code or a library has changed, the stage finds the record and keeps its outputs. Each snapshot has its
own record, so one that `dvc checkout` brings back is recognised as well.
"""

import hashlib
import json
import logging
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crawlers.json_object import read_object
from herodex import paths
from herodex.errors import UserError
from herodex.params import Params

log = logging.getLogger(__name__)

Settings = Mapping[str, Any]
"""The settings that decide what a crawl asks for, by their dotted names in `params.yaml`."""

RECORDS = paths.PROJECT / paths.CRAWL_STATE / "snapshots"


def image_settings(params: Params) -> Settings:
    """List the settings that decide which images a live crawl gets.

    The others say how politely it asks: they may change without a new crawl.
    """
    crawl = params.crawl
    accepted = [source for source in crawl.accepted_terms if source in crawl.images.sources]
    return {
        "classes": params.classes,
        "distractors": params.distractors,
        **{
            f"crawl.images.{key}": value
            for key, value in crawl.images.model_dump(exclude={"folder_limit"}).items()
        },
        "crawl.accepted_terms": accepted,
        "crawl.max_image_mb": crawl.max_image_mb,
        "crawl.max_total_mb": crawl.max_total_mb,
        "crawl.max_minutes": crawl.max_minutes,
    }


def name_settings(params: Params) -> Settings:
    """List the settings that decide which names a live crawl gets."""
    crawl = params.crawl
    accepted = [source for source in crawl.accepted_terms if source in crawl.names.sources]
    return {
        **{f"crawl.names.{key}": value for key, value in crawl.names.model_dump().items()},
        "crawl.accepted_terms": accepted,
    }


def record_snapshot(stage: str, settings: Settings, outputs: Sequence[Path]) -> None:
    """Record the settings that `outputs`, written by a live crawl, belong to."""
    RECORDS.mkdir(parents=True, exist_ok=True)
    record = {"date": datetime.now(UTC).date().isoformat(), "settings": settings}
    _record_file(stage, outputs).write_text(json.dumps(record, indent=1), encoding="utf-8")


def keep_snapshot(stage: str, settings: Settings, outputs: Sequence[Path]) -> None:
    """Check that `outputs` are a snapshot of the live web with these settings, and log that they stay.

    Raises:
        UserError: there is no such snapshot, or it has other settings.
    """
    missing = [str(output) for output in outputs if not output.exists()]
    if missing:
        raise UserError(
            f"{stage} has no snapshot of the live web: {', '.join(missing)} is missing.",
            "Run 'make refresh' to crawl the live web.",
        )
    keep = f"To keep the data as it is, run 'dvc commit -f {stage}'."
    try:
        record = read_object(_record_file(stage, outputs).read_bytes())
    except (FileNotFoundError, ValueError):
        raise UserError(
            f"{stage} would crawl the live web: {outputs[0]} is not from a live crawl on this machine.",
            f"Run 'make refresh' to crawl it. {keep}",
        ) from None
    if changed := differing(settings, record["settings"]):
        raise UserError(
            f"{stage} would crawl the live web: since the snapshot of {record['date']}, "
            f"{', '.join(changed)} changed in params.yaml.",
            f"Run 'make refresh' to crawl with these settings. {keep}",
        )
    log.info("%s: keeping the snapshot of %s; 'make refresh' crawls anew", stage, record["date"])


@contextmanager
def renew_snapshot(stage: str, outputs: Sequence[Path]) -> Generator[None]:
    """Let the outputs of a live crawl stay a snapshot when the block removes something from them.

    The record is copied to the hash of the changed outputs, with its date and settings. Other outputs have no
    record, and get none.
    """
    if not all(output.exists() for output in outputs):
        yield
        return
    before = _record_file(stage, outputs)
    record = before.read_bytes() if before.exists() else b""
    yield
    if record:
        _record_file(stage, outputs).write_bytes(record)


def differing(settings: Settings, others: Settings) -> list[str]:
    """Name the settings whose values differ or that one side lacks."""
    return sorted(key for key in settings.keys() | others.keys() if settings.get(key) != others.get(key))


def _record_file(stage: str, outputs: Sequence[Path]) -> Path:
    digest = hashlib.sha256()
    for file in _files_of(outputs):
        with file.open("rb") as content:
            digest.update(
                f"{file.as_posix()} {hashlib.file_digest(content, 'sha256').hexdigest()}\n".encode()
            )
    return RECORDS / f"{stage}-{digest.hexdigest()[:16]}.json"


def _files_of(outputs: Sequence[Path]) -> Iterator[Path]:
    for output in outputs:
        yield from (
            sorted(file for file in output.rglob("*") if file.is_file()) if output.is_dir() else [output]
        )
