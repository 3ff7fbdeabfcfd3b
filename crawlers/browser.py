"""Where Chromium and its driver are, and how Chromium is started."""

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
    f"or name their paths in {BROWSER_VARIABLE} and {DRIVER_VARIABLE}."
)

_ARGUMENTS = (
    "--headless=new",
    # Chromium refuses to run as root with its sandbox, and many containers cannot give it one.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # The media pipeline fetches the images; a browser that shows them would fetch each one again.
    "--blink-settings=imagesEnabled=false",
)

_NOT_PUBLIC = (
    "localhost", "*.localhost", "*.local", "*.internal", "0.*", "10.*", "127.*", "169.254.*",
    *(f"172.{second}.*" for second in range(16, 32)), "192.168.*", "[*",
)  # fmt: skip
"""Hosts that Chromium does not look up on the live web; all IPv6 addresses that are written as such too."""


@dataclass(frozen=True)
class Browser:
    """Paths of Chromium and of the driver that fits it."""

    executable: Path
    driver: Path


def find_browser(environment: Mapping[str, str] = os.environ) -> Browser:
    """Find Chromium and chromedriver where `environment` names them, or else on its PATH.

    Raises:
        UserError: one of them is not there; it says how to install both.
    """
    return Browser(
        executable=_find(
            "Chromium", BROWSER_VARIABLE, ("chromium", "chromium-browser", "google-chrome"), environment
        ),
        driver=_find("chromedriver", DRIVER_VARIABLE, ("chromedriver",), environment),
    )


def browser_arguments(user_agent: str, proxy: str | None) -> list[str]:
    """List Chromium's command-line arguments.

    With a `proxy` (a URL), none of its requests bypasses that; what it asks of its maker, whatever the
    arguments, ends there, too. Without one, no page can make it ask this machine or its private networks.
    """
    arguments = [*_ARGUMENTS, f"--user-agent={user_agent}"]
    if proxy:
        return [*arguments, f"--proxy-server={proxy}", "--proxy-bypass-list=<-loopback>"]
    rules = ", ".join(f"MAP {pattern} ~NOTFOUND" for pattern in _NOT_PUBLIC)
    return [*arguments, f"--host-resolver-rules={rules}"]


def _find(what: str, variable: str, names: Sequence[str], environment: Mapping[str, str]) -> Path:
    if named := environment.get(variable):
        if not (os.path.isfile(named) and os.access(named, os.X_OK)):
            raise UserError(f"{variable} is '{named}', which is no program.", _HINT)
        return Path(named)
    for name in names:
        if found := shutil.which(name, path=environment.get("PATH", os.defpath)):
            return Path(found)
    raise UserError(f"The image search needs a browser, and {what} was not found.", _HINT)


def main() -> None:
    """Check that both are there."""
    find_browser()


if __name__ == "__main__":
    run_command(main)
