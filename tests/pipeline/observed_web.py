"""The demo web with a record of its requests."""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TypeVar

from demo_web.proxy import Proxy
from demo_web.site import build_site
from herodex.params import Params

Web = TypeVar("Web", bound="ObservedWeb")


class ObservedWeb(Proxy):
    """The demo web with a list of all requested URLs and the time of the first request."""

    def __init__(self, params: Params) -> None:
        super().__init__(build_site(params))
        self.requests: list[str] = []
        self.first_request = 0.0
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def is_first_time(self, url: str) -> bool:
        self.first_request = self.first_request or time.monotonic()
        self.requests.append(url)
        return super().is_first_time(url)


@contextmanager
def running_observed_web(params: Params) -> Generator[ObservedWeb]:
    """Serve the demo web of `params` on a free port."""
    with serving(ObservedWeb(params)) as web:
        yield web


@contextmanager
def serving(observed: Web) -> Generator[Web]:
    """Serve a web until the end."""
    with observed as web:
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        try:
            yield web
        finally:
            web.shutdown()
            thread.join()
