"""Find pictures: search by search, in a browser, because results come in by JavaScript as one scrolls."""

import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any
from urllib.parse import urlencode

from scrapy import Request, Spider
from scrapy.exceptions import CloseSpider
from scrapy.http import HtmlResponse
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.remote.webdriver import WebDriver
from twisted.python.failure import Failure

from crawlers.demo_web import hosts
from crawlers.items import SearchResult
from crawlers.middlewares.browser import BrowserRequest

COUNT_RESULTS = """
return [document.querySelectorAll('#results a.result').length, document.querySelector('#end') !== null];
"""
SCROLL = """
const answer = arguments[0];
const look = () =>
  [document.querySelectorAll('#results a.result').length, document.querySelector('#end') !== null];
const before = look()[0];
const observer = new MutationObserver(() => {
  const [found, ended] = look();
  if (found > before || ended) { observer.disconnect(); answer([found, ended]); }
});
observer.observe(document.body, {childList: true, subtree: true});
window.scrollTo(0, 0);
window.scrollTo(0, document.body.scrollHeight);
"""


class HeroImagesSpider(Spider):
    """Search for each of `queries` and yield its first `count` results, or all where there are fewer.

    The pipeline downloads the pictures of one search while the browser scrolls through the next.
    """

    name = "hero_images"
    search_url = f"http://{hosts.SEARCH}/search"
    unit = "pictures"

    def __init__(self, queries: Sequence[str], count: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.queries = queries
        self.count = count
        self.expected = len(queries) * count

    async def start(self) -> AsyncIterator[Request]:
        """Ask for the first search; each page of results then asks for the next."""
        yield self.search(0)

    def search(self, position: int) -> Request:
        """Make the request of the query at `position`."""
        query = self.queries[position]
        return BrowserRequest(
            url=f"{self.search_url}?{urlencode({'q': query})}",
            wait_time=0,  # the condition does its own waiting
            wait_until=scrolled_to(self.count),
            callback=self.parse,
            errback=self.give_up,
            cb_kwargs={"position": position},
        )

    def parse(self, response: HtmlResponse, position: int) -> Iterator[Request | SearchResult]:
        """Yield the next search and the results of this one."""
        if position + 1 < len(self.queries):
            yield self.search(position + 1)
        query = self.queries[position]
        for rank, link in enumerate(response.css("#results a.result")[: self.count], start=1):
            try:
                yield read_result(query, rank, link.attrib.get("data-result", ""))
            except ValueError as error:
                self.logger.warning("%s: result %d is malformed and left out: %s", query, rank, error)

    def give_up(self, failure: Failure) -> None:
        """Stop the crawl, because a search without results would lack a whole query."""
        query = self.queries[failure.request.cb_kwargs["position"]]  # pyright: ignore[reportAttributeAccessIssue] # set by Scrapy
        raise CloseSpider(f"the search for '{query}' failed: {failure.getErrorMessage()}")


def scrolled_to(count: int) -> Callable[[WebDriver], bool]:
    """Make a condition for the browser: scroll until `count` results are there or there are no more.

    It raises TimeoutException when nothing comes in for as long as the driver lets a script run.
    """

    def condition(driver: WebDriver) -> bool:
        found, ended = driver.execute_script(COUNT_RESULTS)
        while found < count and not ended:
            try:
                found, ended = driver.execute_async_script(SCROLL)
            except TimeoutException:
                raise TimeoutException(
                    f"the page or the browser hangs after {found} of {count} results"
                ) from None
        return True

    return condition


def read_result(query: str, rank: int, data: str) -> SearchResult:
    """Read what the search says about one result: a JSON object.

    Raises:
        ValueError: it is none, or does not say where the picture lies.
    """
    fields = json.loads(data)
    if not isinstance(fields, dict) or not isinstance(fields.get("picture"), str):
        raise ValueError("it names no picture")
    return SearchResult(
        query=query,
        rank=rank,
        picture_url=one_line(fields["picture"]),
        page_url=one_line(fields.get("page")),
        title=one_line(fields.get("title")),
        author=one_line(fields.get("author")),
        licence=one_line(fields.get("licence")),
        licence_url=one_line(fields.get("licence_url")),
    )


def one_line(value: object) -> str:
    """Turn a field of unknown make into printable text in one line; what is not text becomes ''."""
    if not isinstance(value, str):
        return ""
    return " ".join("".join(character if character.isprintable() else " " for character in value).split())
