"""Download the picture of each search result and keep its bytes as they came."""

import asyncio
import hashlib
import shutil
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.exceptions import DropItem
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK
from scrapy.pipelines.files import FilesPipeline
from scrapy.pipelines.media import FileException, FileInfo, FileInfoOrError, MediaPipeline
from scrapy.utils.response import response_status_message
from twisted.python.failure import Failure

from crawlers.items import Picture, SearchResult, Status
from crawlers.picture_type import picture_extension
from crawlers.pipelines.failures import NotKept, not_kept


class PicturesPipeline(FilesPipeline):
    """Turn each `SearchResult` into a `Picture`, stored as <query>/<sha256>.<extension by content>.

    Scrapy's media pipeline fetches an address once, however many results name it. The size limit is Scrapy's
    `DOWNLOAD_MAXSIZE`. A failed download is a `Picture` with its status and reason, and never a lost item.
    """

    stopping: asyncio.Task[None] | None = None

    def get_media_requests(self, item: SearchResult, info: MediaPipeline.SpiderInfo) -> list[Request]:
        """Ask for the picture if its address is one of the web, and the crawl is not being stopped."""
        if self.stopping or not self.crawler.crawling:
            raise DropItem("the crawl is being stopped")
        try:
            if urlsplit(item.picture_url).scheme in {"http", "https"}:
                return [Request(item.picture_url, callback=NO_CALLBACK)]
        except ValueError:
            pass
        return []

    def media_to_download(
        self, request: Request, info: MediaPipeline.SpiderInfo, *, item: Any = None
    ) -> None:
        """Skip the look for an earlier download: a picture is named by its content, which is yet to come."""

    async def media_downloaded(
        self, response: Response, request: Request, info: MediaPipeline.SpiderInfo, *, item: Any = None
    ) -> FileInfo:
        """Store a picture that came well.

        Raises:
            NotKept: the answer is an error, or holds no picture.
        """
        if response.status != 200:
            raise NotKept(Status.HTTP_ERROR, response_status_message(response.status))
        if picture_extension(response.body) is None:
            raise NotKept(Status.NOT_AN_IMAGE, "not in a known picture format")
        return await super().media_downloaded(response, request, info, item=item)

    async def file_downloaded(
        self, response: Response, request: Request, info: MediaPipeline.SpiderInfo, *, item: Any = None
    ) -> str:
        """Write the file; where that fails, on a full disk for example, stop the crawl and say why."""
        try:
            written = super().file_downloaded(response, request, info, item=item)
            return written if isinstance(written, str) else await written
        except OSError as error:
            reason = f"a picture could not be stored: {error.strerror}"
            self.stopping = self.stopping or asyncio.create_task(
                self.crawler.engine.close_spider_async(reason=reason)
            )
            raise FileException(reason) from error

    def media_failed(self, failure: Failure, request: Request, info: MediaPipeline.SpiderInfo) -> NoReturn:
        """Raise the failure as `NotKept`."""
        raise not_kept(failure.value) from failure.value

    def file_path(
        self,
        request: Request,
        response: Response | None = None,
        info: MediaPipeline.SpiderInfo | None = None,
        *,
        item: Any = None,
    ) -> str:
        """Name the file of a downloaded picture, relative to the store."""
        assert response
        return f"{item.query}/{hashlib.sha256(response.body).hexdigest()}.{picture_extension(response.body)}"

    def item_completed(
        self, results: list[FileInfoOrError], item: SearchResult, info: MediaPipeline.SpiderInfo
    ) -> Picture:
        """Make the row of the manifest."""
        if not results:
            return Picture(**asdict(item), status=Status.REFUSED, reason="not a web address")
        match results[0]:
            case True, download:
                stored = PurePosixPath(download["path"])
                file = PurePosixPath(item.query) / stored.name
                if file != stored:
                    self._copy(stored, file)
                return Picture(**asdict(item), status=Status.OK, sha256=stored.stem, file=str(file))
            case _, failure:
                error = not_kept(failure.value)
                return Picture(**asdict(item), status=error.status, reason=error.reason)

    def _copy(self, source: PurePosixPath, target: PurePosixPath) -> None:
        # Two queries found the same address; it was stored for the one that came first.
        folder = Path(self.crawler.settings["FILES_STORE"])
        (folder / target).parent.mkdir(exist_ok=True)
        shutil.copyfile(folder / source, folder / target)
