"""The page and its files, compressed once and cached by a hash of all of them."""

import gzip
import hashlib
import io
import mimetypes
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from starlette.requests import Request
from starlette.responses import Response

from herodex.inference.image_decoding import ImageError, open_image, to_rgb
from herodex.serving.page_texts import PageTemplate

IMMUTABLE = "public, max-age=31536000, immutable"
REVALIDATED = "no-cache"
UNCACHED = "no-store"
FOR_A_DAY = "public, max-age=86400"
"""Of thumbnails of training images, which caches must not keep long after an image is withdrawn."""
VERSION = re.compile("[0-9a-f]{16}")
ENTRY = "app.js"
"""The module that imports all others."""
STYLES = "styles.css"
"""All stylesheets in one file, because a page is painted only when each of them has arrived."""
FIRST_STYLES = ("base.css", "style.css", "recognise.css", "batch.css", "names.css", "code.css")
LAST_STYLES = "forced.css"
THUMBNAIL_SIDE = 96
"""Pixels of an example image's thumbnail, which is shown at half this side, for screens of high density."""
MAX_EXAMPLE_PIXELS = 25_000_000


class StaticFile(NamedTuple):
    """A file as it is sent: `compressed` is by gzip, or the file itself if that is smaller."""

    body: bytes
    compressed: bytes
    media_type: str
    etag: str


def to_static_file(name: str, body: bytes) -> StaticFile:
    """Compress a file; its name tells its media type."""
    compressed = gzip.compress(body, mtime=0)
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    # Weak, because the tag stands for both encodings.
    etag = f'W/"{hashlib.sha256(body).hexdigest()[:16]}"'
    return StaticFile(body, min(compressed, body, key=len), media_type, etag)


def load_static_files(folder: Path) -> dict[str, StaticFile]:
    """Load the files of a folder by name, and its stylesheets as one file too."""
    files = {file.name: file.read_bytes() for file in sorted(folder.iterdir()) if file.is_file()}
    if styles := order_styles(name for name in files if name.endswith(".css")):
        files[STYLES] = b"\n".join(files[name] for name in styles)
    return {name: to_static_file(name, body) for name, body in files.items()}


def order_styles(names: Iterable[str]) -> list[str]:
    """Order stylesheets for the cascade: later ones win."""
    places = {name: place for place, name in enumerate(FIRST_STYLES)}
    return sorted(names, key=lambda name: (name == LAST_STYLES, places.get(name, len(places)), name))


def load_thumbnails(images: Sequence[Path]) -> dict[str, StaticFile]:
    """Create a thumbnail of each image, by the image's name with another extension at its end."""
    thumbnails = ((f"{image.name}.webp", thumbnail(image.read_bytes())) for image in images)
    return {name: to_static_file(name, body) for name, body in thumbnails}


def thumbnail(data: bytes) -> bytes:
    """Scale an image down; a damaged one stays as it is."""
    try:
        pixels = to_rgb(open_image(data, MAX_EXAMPLE_PIXELS), THUMBNAIL_SIDE)
    except ImageError:
        return data
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", quality=80, method=6)
    return file.getvalue()


def version_of(files: dict[str, StaticFile]) -> str:
    """Hash names and contents of files; modules import each other, so they have one version."""
    digest = hashlib.sha256()
    for name, file in files.items():
        digest.update(f"{name} {len(file.body)} ".encode() + file.body)
    return digest.hexdigest()[:16]


def render_page(
    template: str,
    files: dict[str, StaticFile],
    version: str,
    max_side: int,
    texts: Mapping[str, str],
    embedded: bool = False,
) -> StaticFile:
    """Fill in the page's template.

    Args:
        template: HTML with `$static`, `$modules`, `$max_side`, `$embedded` and the names of texts.
        files: Static files of the page. Its modules are loaded in one round trip.
        version: Of these files.
        max_side: Side in pixels to which the service scales images down.
        texts: HTML by name.
        embedded: Whether the page is for a frame, which shows one view alone.
    """
    static = f"static/{version}"
    modules = [name for name in files if name.endswith(".js") and name != ENTRY]
    preloads = "\n    ".join(f'<link rel="modulepreload" href="{static}/{name}">' for name in modules)
    values = {"static": static, "modules": preloads, "max_side": max_side, "embedded": " embedded" * embedded}
    html = PageTemplate(template).substitute(texts, **values)
    return to_static_file("index.html", html.encode())


def static_response(request: Request, file: StaticFile, cache_control: str) -> Response:
    """Send a file, compressed if the client accepts that, or 304 if it has the file."""
    headers = {"cache-control": cache_control, "etag": file.etag, "vary": "Accept-Encoding"}
    if file.etag in (tag.strip() for tag in request.headers.get("if-none-match", "").split(",")):
        return Response(status_code=304, headers=headers)
    body = file.body
    if "gzip" in request.headers.get("accept-encoding", "") and len(file.compressed) < len(body):
        body = file.compressed
        headers["content-encoding"] = "gzip"
    return Response(body, media_type=file.media_type, headers=headers)
