"""Creative Commons' licences and public-domain tools, by the codes of `crawl.images.licenses`."""

import re
from dataclasses import dataclass

_CC = "https://creativecommons.org"
_LICENSE = re.compile(
    r"(?:cc-)?(?P<code>by(?:-nc)?(?:-sa|-nd)?)"
    # Some names list further versions after the first one, which counts.
    r"(?:-(?P<version>\d\.\d)(?:-(?P<port>[a-z]{2}|igo|scotland))?(?:[-,+].*)?)?"
)
_ZERO = re.compile(r"cc-?(?:0|zero)(?:-1\.0)?")
_MARK = re.compile(r"pdm(?:-1\.0)?")
_PUBLIC_DOMAIN = re.compile(r"(?:cc-)?pd(?:-.*)?|public-domain")


@dataclass(frozen=True)
class License:
    """A licence: its code such as `by-sa`, its version, and the jurisdiction that it is ported to.

    Images stated to be in the public domain, for any reason, have the code `pdm` and no version.
    """

    code: str
    version: str = ""
    port: str = ""

    @property
    def name(self) -> str:
        """The short name, such as CC BY-SA 4.0."""
        match self.code:
            case "cc0":
                return f"CC0 {self.version}"
            case "pdm":
                return f"Public Domain Mark {self.version}" if self.version else "Public domain"
            case code:
                return " ".join(filter(None, ["CC", code.upper(), self.version, self.port.upper()]))

    @property
    def url(self) -> str:
        """The address of the licence text, or '' if the version is unknown."""
        if not self.version:
            return ""
        match self.code:
            case "cc0":
                return f"{_CC}/publicdomain/zero/{self.version}/"
            case "pdm":
                return f"{_CC}/publicdomain/mark/{self.version}/"
            case code:
                port = f"{self.port}/" if self.port else ""
                return f"{_CC}/licenses/{code}/{self.version}/{port}"


def read_license(*words: str) -> License | None:
    """Parse a licence as sources write it: `by-sa` and `4.0`, `cc-by-sa-4.0`, `CC BY-SA 4.0`, `pd`.

    Returns:
        the licence, or None if it is unknown.
    """
    text = re.sub(r"[\s_]+", "-", " ".join(words).strip().lower())
    if found := _LICENSE.fullmatch(text):
        return License(found["code"], found["version"] or "", found["port"] or "")
    if _ZERO.fullmatch(text):
        return License("cc0", "1.0")
    if _MARK.fullmatch(text):
        return License("pdm", "1.0")
    return License("pdm") if _PUBLIC_DOMAIN.fullmatch(text) else None
