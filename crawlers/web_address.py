"""Tell web addresses from anything else that a page, a header or a record may name."""

import ipaddress
import re
from urllib.parse import urlsplit

from scrapy import Request

LONGEST = 8192
"""Most characters of an address; servers reject longer ones."""
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")
_LONGEST_NAME = 253
_CONTROL = re.compile(r"[\0-\x1f\x7f-\x9f\ud800-\udfff]")


def is_web_address(url: str) -> bool:
    """Tell whether `url` is an http or https URL that can be requested, as Scrapy would send it.

    Its host is an IP address or a name of the DNS, its port is 1 to 65535, and it holds no credentials.
    """
    if len(url) > LONGEST or _CONTROL.search(url):
        return False
    try:
        parts = urlsplit(Request(url).url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and "@" not in parts.netloc and port != 0 and _is_host(host)


def _is_host(host: str) -> bool:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        name = host.removesuffix(".")
        return len(name) <= _LONGEST_NAME and all(map(_LABEL.fullmatch, name.split(".")))
    return True
