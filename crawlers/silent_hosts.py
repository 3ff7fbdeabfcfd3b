"""Tell a host that gives no answer from a network that is down."""

from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlsplit

MOST_UNANSWERED = 25
"""After this many images in a row without an answer, a host is given up, or the network is checked."""


def host_of(url: str) -> str:
    """Return the host of a URL, with its port."""
    return urlsplit(url).netloc


class SilentHosts:
    """The hosts that have given no answer to the last images.

    Attributes:
        given_up: the reason for each host that gets no request any more.
        unanswered: the URLs without an answer since any host answered.
    """

    def __init__(self) -> None:
        self.given_up: dict[str, str] = {}
        self.unanswered: list[str] = []
        self._in_a_row = Counter[str]()

    def note_answer(self, host: str) -> list[str]:
        """Count an answer of `host`; return the hosts that are given up, as the network works."""
        self._in_a_row.pop(host, None)
        self.unanswered.clear()
        silent = [each for each, count in self._in_a_row.items() if count >= MOST_UNANSWERED]
        return [each for each in silent if self._give_up(each)]

    def note_silence(self, host: str, url: str) -> list[str]:
        """Count an image without an answer; return the host if it is given up.

        It is, if another one has answered in the meantime; else the network may be down.
        """
        self._in_a_row[host] += 1
        self.unanswered.append(url)
        enough = len(self.unanswered) < self._in_a_row[host] >= MOST_UNANSWERED
        return [host] if enough and self._give_up(host) else []

    def network_may_be_down(self) -> bool:
        """Tell whether no host has answered for so long that the network has to be checked."""
        return len(self.unanswered) >= MOST_UNANSWERED

    def witness(self, answered: Sequence[str]) -> str | None:
        """Choose the URL to check the network with: the first of `answered` whose host is not silent."""
        return next((url for url in answered if not self._in_a_row[host_of(url)]), None)

    def _give_up(self, host: str) -> bool:
        if host in self.given_up:
            return False
        self.given_up[host] = f"not requested: {MOST_UNANSWERED} images of {host} in a row had no answer"
        return True
