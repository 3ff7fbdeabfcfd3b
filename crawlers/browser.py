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
    # The media pipeline fetches the pictures; a browser that shows them would fetch each one again.
    "--blink-settings=imagesEnabled=false",
)


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
    """List Chromium's command-line arguments; none of its requests bypasses a `proxy` (a URL).

    What Chromium still asks of its maker, whatever the arguments, ends at the proxy of the embedded web, too.
    """
    arguments = [*_ARGUMENTS, f"--user-agent={user_agent}"]
    if proxy:
        arguments += [f"--proxy-server={proxy}", "--proxy-bypass-list=<-loopback>"]
    return arguments


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
