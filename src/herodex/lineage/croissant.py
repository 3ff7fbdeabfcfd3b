"""The cleaned images as Croissant 1.0, the JSON-LD format for data sets of MLCommons.

Croissant joins files to rows by their paths, so the rows are in `images.csv` beside `croissant.json`.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from herodex import paths
from herodex.csv_table import write_rows
from herodex.dataset.bucket_cache import remote_of
from herodex.dataset.image_store import in_shards, png_name
from herodex.dataset.manifest import NO_HASH, PARTS
from herodex.lineage.counts import Row

CROISSANT, IMAGES = Path("croissant.json"), Path("images.csv")
NAME = "herodex-images"
COLUMNS = {
    "path": "File of the normalised image, relative to the folder of images",
    "label": "Class, or unknown for an image of a distractor",
    "split": "train, validation or test; empty for an image that was set aside",
    "dropped_for": "Why an image was set aside",
    "license": "Licence, as the source states it",
    "license_url": "Address of the licence",
    "author": "Author, as the source states it",
    "title": "Title, as the source states it",
    "source_url": "Address that the image was downloaded from",
    "page_url": "Page that shows the image",
    "query": "Search that found the image",
    "sha256": "SHA-256 of the downloaded file",
}
IN_BUCKET = (
    " It lists the Parquet files, which are in the bucket that params.yaml names; put them beside the list."
)
URLS = {"license_url", "source_url", "page_url"}
CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The context that the specification asks for."""


def cleaned_images(rows: Iterable[Row]) -> list[Row]:
    """Convert the rows of `split_images` into rows of `images.csv`: one for each normalised image.

    A file that a search found at several addresses has the row that is used, if there is one.
    """
    images: dict[str, Row] = {}
    for row in (row for row in rows if row["phash"] != NO_HASH):
        path = png_name(row["file"])
        part = row["part"] if row["part"] in PARTS else ""
        if part or path not in images:
            about = {"path": path, "split": part, "source_url": row["image_url"]}
            images[path] = {column: row.get(column, "") for column in COLUMNS} | about
    return list(images.values())


def describe_images(
    images: list[Row],
    table_sha256: str,
    folder_md5: str,
    thing: str,
    sharded: bool = False,
    elsewhere: bool = False,
) -> dict[str, Any]:
    """Describe the images as Croissant.

    Args:
        images: the rows of `images.csv`.
        table_sha256: of `images.csv`.
        folder_md5: DVC's hash of the folder of normalised images.
        thing: what a class is.
        sharded: the folder holds Parquet files instead of PNG files.
        elsewhere: a bucket holds these files, and the folder their list.
    """
    used = [row for row in images if row["split"]]
    licenses = sorted({row["license_url"] or row["license"] for row in images} - {""})
    version = table_sha256[:12]
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": NAME,
        "description": f"{len(images)} images of {thing} classes and of things like them, {len(used)} of "
        "them used: found by image searches, cleaned, and split by duplicate group.",
        "license": licenses or ["not stated"],
        "url": os.path.relpath(paths.SOURCES, paths.PROVENANCE),
        # Versions of Croissant data sets have numbers, and this one has a hash.
        "version": f"0.0.0+{version}",
        "citeAs": f"{NAME}, version {version}; images.csv names the author of each image.",
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": IMAGES.name,
                "name": IMAGES.name,
                "description": "A row for each normalised image.",
                "contentUrl": IMAGES.name,
                "encodingFormat": "text/csv",
                "sha256": table_sha256,
            },
            {
                "@type": "cr:FileObject",
                "@id": "folder",
                "name": "folder",
                "description": f"{paths.CLEAN_IMAGES} of the project's Git repository, which `dvc pull` "
                f"fetches; the hash is DVC's.{IN_BUCKET if elsewhere else ''}",
                "contentUrl": os.path.relpath(paths.CLEAN_IMAGES, paths.PROVENANCE),
                # The one format for folders that readers of Croissant know.
                "encodingFormat": "git+https",
                "md5": folder_md5,
            },
            {
                "@type": "cr:FileSet",
                "@id": "files",
                "name": "files",
                "description": "The normalised images.",
                "containedIn": {"@id": "folder"},
                "encodingFormat": "application/x-parquet" if sharded else "image/png",
                "includes": "*.parquet" if sharded else "*.png",
            },
        ],
        "recordSet": [{"@type": "cr:RecordSet", "@id": "images", "name": "images", "field": fields(sharded)}],
    }


def fields(sharded: bool) -> list[dict[str, Any]]:
    """Describe the fields of a record: the columns of `images.csv`, and the image itself."""
    table = {
        column: {"fileObject": {"@id": IMAGES.name}, "extract": {"column": column}} for column in COLUMNS
    }
    files = {"fileSet": {"@id": "files"}}
    # Readers join only a path that a regular expression has made text of.
    path = {**files, "extract": {"fileProperty": "fullpath"}, "transform": {"regex": "(.+)"}}
    content: dict[str, Any] = {**files, "extract": {"fileProperty": "content"}}
    if sharded:
        path = {**files, "extract": {"column": "file"}}
        content = {**files, "extract": {"column": "png"}}
    return [
        field("path", COLUMNS["path"], "sc:Text", path) | {"references": table["path"]},
        *(
            field(column, text, "sc:URL" if column in URLS else "sc:Text", table[column])
            for column, text in COLUMNS.items()
            if column != "path"
        ),
        field("image", "The normalised image, in RGB", "sc:ImageObject", content),
    ]


def field(name: str, text: str, kind: str, source: dict[str, Any]) -> dict[str, Any]:
    """Describe one field of a record."""
    return {
        "@type": "cr:Field",
        "@id": f"images/{name}",
        "name": name,
        "description": text,
        "dataType": kind,
        "source": source,
    }


def write_croissant(rows: Iterable[Row], folder_md5: str, thing: str) -> None:
    """Write `croissant.json` and `images.csv`.

    Args:
        rows: of `split_images`.
        folder_md5: DVC's hash of the folder of normalised images.
        thing: what a class is.
    """
    images = cleaned_images(rows)
    table = paths.PROVENANCE / IMAGES
    write_rows(table, list(COLUMNS), images)
    table_sha256 = hashlib.sha256(table.read_bytes()).hexdigest()
    elsewhere = in_shards() and remote_of(paths.CLEAN_IMAGES) is not None
    described = describe_images(images, table_sha256, folder_md5, thing, in_shards(), elsewhere)
    text = json.dumps(described, indent=2, ensure_ascii=False) + "\n"
    (paths.PROVENANCE / CROISSANT).write_text(text, encoding="utf-8")
