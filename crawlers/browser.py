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

HEADLESS = (
    "--headless=new",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""Arguments of every Chromium without a window: it does only what it is told."""

_NO_IMAGES = (
    # The image spider downloads the images; showing them would download each one twice.
    "--blink-settings=imagesEnabled=false",
)

_PROXIED = (
    # Not even a request to this machine bypasses the proxy, and no name is resolved without it.
    "--proxy-bypass-list=<-loopback>",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    # WebRTC and HTTP/3 send datagrams past a proxy. Releases differ in the name of the first switch.
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--disable-quic",
)


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


def browser_arguments(user_agent: str, proxy: str, root: bool | None = None) -> list[str]:
    """List Chromium's command-line arguments.

    Args:
        user_agent: the User-Agent header.
        proxy: the URL of the proxy, on 127.0.0.1, through which all requests go, even Chromium's own.
        root: whether the superuser runs it; Chromium then refuses to start with its sandbox. The default is
            the user of this process.
    """
    superuser = os.geteuid() == 0 if root is None else root
    sandbox = ["--no-sandbox"] if superuser else []
    return [
        *HEADLESS,
        *_NO_IMAGES,
        *sandbox,
        *_PROXIED,
        f"--proxy-server={proxy}",
        f"--user-agent={user_agent}",
    ]


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
