"""Creative Commons' licences and public-domain tools, by the codes that `crawl.images.licenses` knows."""

import re
from dataclasses import dataclass

_CC = "https://creativecommons.org"
_LICENSE = re.compile(
    r"(?:cc-)?(?P<code>by(?:-nc)?(?:-sa|-nd)?)"
    # Some names go on after the version, with earlier versions for example: the first one counts.
    r"(?:-(?P<version>\d\.\d)(?:-(?P<port>[a-z]{2}|igo|scotland))?(?:[-,+].*)?)?"
)
_ZERO = re.compile(r"cc-?(?:0|zero)(?:-1\.0)?")
_MARK = re.compile(r"pdm(?:-1\.0)?")
_PUBLIC_DOMAIN = re.compile(r"(?:cc-)?pd(?:-.*)?|public-domain")


@dataclass(frozen=True)
class License:
    """A licence: its code such as `by-sa`, its version, and the country whose law a version is ported to.

    What is said to be in the public domain, by whatever right, has the code `pdm` and no version.
    """

    code: str
    version: str = ""
    port: str = ""

    @property
    def name(self) -> str:
        """Its short name, such as CC BY-SA 4.0."""
        match self.code:
            case "cc0":
                return f"CC0 {self.version}"
            case "pdm":
                return f"Public Domain Mark {self.version}" if self.version else "Public domain"
        return " ".join(filter(None, ["CC", self.code.upper(), self.version, self.port.upper()]))

    @property
    def url(self) -> str:
        """Where its text stands, or '' where the version is not known."""
        if not self.version:
            return ""
        match self.code:
            case "cc0":
                return f"{_CC}/publicdomain/zero/{self.version}/"
            case "pdm":
                return f"{_CC}/publicdomain/mark/{self.version}/"
        port = f"{self.port}/" if self.port else ""
        return f"{_CC}/licenses/{self.code}/{self.version}/{port}"


def read_license(*words: str) -> License | None:
    """Read a licence as sources write it: `by-sa` and `4.0`, `cc-by-sa-4.0`, `CC BY-SA 4.0`, `pd`.

    Returns:
        the licence, or None if it is none that is known here.
    """
    text = re.sub(r"[\s_]+", "-", " ".join(words).strip().lower())
    if found := _LICENSE.fullmatch(text):
        return License(found["code"], found["version"] or "", found["port"] or "")
    if _ZERO.fullmatch(text):
        return License("cc0", "1.0")
    if _MARK.fullmatch(text):
        return License("pdm", "1.0")
    return License("pdm") if _PUBLIC_DOMAIN.fullmatch(text) else None
