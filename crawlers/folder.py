"""Read images from the user's folder, without a browser."""

from collections.abc import Iterator
from pathlib import Path

from crawlers.image_type import image_extension
from crawlers.items import Download, ImageRecord, SearchResult, Status
from crawlers.journal import Journal
from crawlers.manifest import record_of
from herodex.errors import UserError
from herodex.params import Params
from herodex.progress import track

SOURCE = "folder"


def read_folder(params: Params, journal: Journal) -> list[ImageRecord]:
    """Read the images of each query from its sub-folder of `crawl.web`, sorted by name.

    Args:
        params: `crawl.web` is the folder.
        journal: stores the images.

    Returns:
        the rows of the manifest. `image_url` is the path within the folder, `title` the file's name.

    Raises:
        UserError: a file cannot be read.
    """
    files = list(files_of(params))
    return [
        read_file(query, rank, file, params, journal)
        for query, rank, file in track(files, len(files), SOURCE, "images")
    ]


def files_of(params: Params) -> Iterator[tuple[str, int, Path]]:
    """Yield the query, the rank from 1 and the path of each file, without hidden files."""
    for query in params.queries:
        directory = Path(params.crawl.web) / query
        files = sorted(file for file in directory.iterdir() if file.is_file() and file.name[0] != ".")
        for rank, file in enumerate(files[: params.crawl.images.per_query], start=1):
            yield query, rank, file


def read_file(query: str, rank: int, file: Path, params: Params, journal: Journal) -> ImageRecord:
    """Read one file and store its bytes if they are an image within the size limit.

    Raises:
        UserError: the file cannot be read.
    """
    place = f"{query}/{file.name}"
    try:
        if file.stat().st_size > params.crawl.max_image_mb * 1_000_000:
            download = Download(place, Status.TOO_LARGE, "larger than crawl.max_image_mb")
        elif (extension := image_extension(body := file.read_bytes())) is None:
            download = Download(place, Status.NOT_AN_IMAGE, "not in a known image format")
        else:
            download = journal.keep_image(place, body, extension)
    except OSError as error:
        raise UserError(
            f"{file} cannot be read: {error.strerror}.", "Make it readable, or remove it."
        ) from None
    result = SearchResult(query, SOURCE, rank, place, "", file.name, "", "", "")
    return record_of(result, download, params.label_of(query))
