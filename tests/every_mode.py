"""Check a page at all widths, themes and zooms, at which each state has to be accessible and to fit."""

import base64
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from page_in_chromium import Page

SCREENSHOTS = "HERODEX_SCREENSHOTS"
"""A variable with a folder that gets an image of every state in every mode, for people to look at."""
HEIGHT = 900
"""Height of the window in pixels."""
TEXT = 16
"""The browser's default font size in pixels, which a visitor can double."""
CHECK = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
NOW = """
const is = (query) => matchMedia(query).matches;
return [innerWidth, innerHeight, devicePixelRatio, {
  "prefers-color-scheme": is("(prefers-color-scheme: dark)") ? "dark" : "light",
  "forced-colors": is("(forced-colors: active)") ? "active" : "none",
  "prefers-reduced-motion": is("(prefers-reduced-motion: reduce)") ? "reduce" : "no-preference",
}];
"""


class Mode(NamedTuple):
    """A window and its visitor's settings."""

    name: str
    width: int
    """Width in CSS pixels: a zoom of 200 % halves that of the window."""
    theme: str = "light"
    forced: bool = False
    zoom: int = 1
    text: int = 1
    """The visitor's font size as a multiple of the default one."""


WIDTHS = (360, 768, 1440)
MODES = (
    *(Mode(f"{width}-light", width) for width in WIDTHS),
    *(Mode(f"{width}-dark", width, "dark") for width in WIDTHS),
    *(Mode(f"{width}-forced", width, "dark", forced=True) for width in WIDTHS),
    # They change no colour. A page has to fit 320 px, which are 1,280 px at 400 % (WCAG 1.4.10).
    Mode("1440-zoom-200", 720, zoom=2),
    Mode("768-zoom-200", 384, zoom=2),
    Mode("1280-zoom-400", 320, zoom=4),
    *(Mode(f"{width}-text-200", width, text=2) for width in WIDTHS),
)


def check_every_mode(page: Page, axe: str, state: str) -> None:
    """Check that a page is accessible and fits in every mode.

    Args:
        page: the page in a state.
        axe: source of the accessibility checker axe-core.
        state: a name of the state, for the error and the screenshots.

    Raises:
        AssertionError: something is not accessible, too wide, cut off or overlapping; it says what, and when.
    """
    if not page.driver.execute_script("return 'axe' in window"):
        page.driver.execute_script(axe)
    # Sets in the order of insertion.
    found: dict[str, dict[str, None]] = {}
    with kept_mode(page):
        for mode in MODES:
            enter_mode(page, mode, HEIGHT // mode.zoom)
            for flaw in page.driver.execute_async_script(CHECK):
                found.setdefault(flaw, {})[mode.name] = None
            if folder := os.environ.get(SCREENSHOTS):
                save_screenshot(page, mode, Path(folder), state)
    modes = {
        flaw: "every mode" if len(names) == len(MODES) else ", ".join(names) for flaw, names in found.items()
    }
    assert not found, "\n".join(f"{state}: {flaw} in {modes[flaw]}" for flaw in found)


@contextmanager
def kept_mode(page: Page) -> Iterator[None]:
    """Restore the size of the window, the font size and the media features."""
    width, height, zoom, features = page.driver.execute_script(NOW)
    try:
        yield
    finally:
        set_font_size(page, TEXT)
        enter(page, width, height, zoom, features)


def enter_mode(page: Page, mode: Mode, height: int) -> None:
    """Let the browser show a page in a mode, in a window of a height in CSS pixels."""
    forced = "active" if mode.forced else "none"
    enter(page, mode.width, height, mode.zoom, {"prefers-color-scheme": mode.theme, "forced-colors": forced})
    set_font_size(page, TEXT * mode.text)


def enter(page: Page, width: int, height: int, zoom: float, features: dict[str, str]) -> None:
    """Set the size of the window in CSS pixels, its zoom and media features."""
    size = {"width": width, "height": height, "deviceScaleFactor": zoom, "mobile": False}
    named = [{"name": name, "value": value} for name, value in features.items()]
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": named})


def set_font_size(page: Page, size: int) -> None:
    """Set the browser's default font size in pixels."""
    page.driver.execute_cdp_cmd("Page.setFontSizes", {"fontSizes": {"standard": size}})


def save_screenshot(page: Page, mode: Mode, folder: Path, state: str) -> None:
    """Save an image of the whole page as PNG."""
    height = page.driver.execute_script("return document.documentElement.scrollHeight")
    enter_mode(page, mode, height)
    image = page.driver.execute_cdp_cmd("Page.captureScreenshot", {})
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub("[^a-z0-9]+", "-", f"{state}-{mode.name}".lower())
    (folder / f"{name}.png").write_bytes(base64.b64decode(image["data"]))
