"""Find Chromium and its driver, and list Chromium's arguments."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from herodex.command import run_command
from herodex.errors import UserError

BROWSER_VARIABLE = "HERODEX_CHROMIUM"
DRIVER_VARIABLE = "HERODEX_CHROMEDRIVER"

_HINT = (
    "Install both with 'apt-get install chromium chromium-driver' (Debian, Ubuntu), "
    f"or set {BROWSER_VARIABLE} and {DRIVER_VARIABLE} to their paths."
)

_ARGUMENTS = (
    "--headless=new",
    # Chromium refuses to run as root with its sandbox, and many containers do not support one.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # The image spider downloads the images; showing them would download each one twice.
    "--blink-settings=imagesEnabled=false",
)

_NOT_PUBLIC = (
    "localhost", "*.localhost", "*.local", "*.internal", "0.*", "10.*", "127.*", "169.254.*",
    *(f"172.{second}.*" for second in range(16, 32)), "192.168.*", "[*",
)  # fmt: skip
"""Hosts that Chromium does not resolve on the live web, including all literal IPv6 addresses."""


@dataclass(frozen=True)
class Browser:
    """Paths of Chromium and of its driver."""

    executable: Path
    driver: Path


def find_browser(environment: Mapping[str, str] = os.environ) -> Browser:
    """Find Chromium and chromedriver by their variables in `environment`, else on its PATH.

    Raises:
        UserError: one of them is missing; the message says how to install both.
    """
    return Browser(
        executable=_find(
            "Chromium", BROWSER_VARIABLE, ("chromium", "chromium-browser", "google-chrome"), environment
        ),
        driver=_find("chromedriver", DRIVER_VARIABLE, ("chromedriver",), environment),
    )


def browser_arguments(user_agent: str, proxy: str | None) -> list[str]:
    """List Chromium's command-line arguments.

    With a `proxy` (a URL), no request bypasses it, not even Chromium's own requests to Google. Without one,
    no page can make Chromium contact this machine or its private networks.
    """
    arguments = [*_ARGUMENTS, f"--user-agent={user_agent}"]
    if proxy:
        return [*arguments, f"--proxy-server={proxy}", "--proxy-bypass-list=<-loopback>"]
    rules = ", ".join(f"MAP {pattern} ~NOTFOUND" for pattern in _NOT_PUBLIC)
    return [*arguments, f"--host-resolver-rules={rules}"]


def _find(what: str, variable: str, names: Sequence[str], environment: Mapping[str, str]) -> Path:
    if named := environment.get(variable):
        if not (os.path.isfile(named) and os.access(named, os.X_OK)):
            raise UserError(f"{variable} is '{named}', which is not a program.", _HINT)
        return Path(named)
    for name in names:
        if found := shutil.which(name, path=environment.get("PATH", os.defpath)):
            return Path(found)
    raise UserError(f"The image search needs a browser, and {what} was not found.", _HINT)


def main() -> None:
    """Check that Chromium and chromedriver are installed."""
    find_browser()


if __name__ == "__main__":
    run_command(main)
