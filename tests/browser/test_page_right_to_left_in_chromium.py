"""The page in a language that is written from right to left, from a table of texts alone."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from every_mode import check_every_mode
from page_in_chromium import Page
from selenium.webdriver.chrome.webdriver import WebDriver
from test_page_intake_in_chromium import drop, table
from tiny_service import ROOT, serving

from herodex.serving.page_texts import Table, load_tables

HEBREW = {ord(letter): 0x5D0 + place % 27 for place, letter in enumerate("abcdefghijklmnopqrstuvwxyz")}
"""A Hebrew letter for each Latin one."""


def to_hebrew(text: str) -> str:
    """Write a text in Hebrew letters, which nobody can read; placeholders stay."""
    parts = re.split(r"(\{\w+\})", text)
    return "".join(part if part.startswith("{") else part.lower().translate(HEBREW) for part in parts)


def write_table(english: Table, file: Path) -> None:
    """Write a table of Hebrew letters."""
    texts = {
        key: to_hebrew(entry)
        if isinstance(entry, str)
        else {form: to_hebrew(text) for form, text in entry.items()}
        for key, entry in english.items()
    }
    file.write_text(json.dumps(texts | {"direction": "rtl"}), encoding="utf-8")


@pytest.fixture
def hebrew_page(chromium: WebDriver, tiny_project: Path, tmp_path: Path) -> Iterator[Page]:
    """The page of a service whose package has one more table of texts."""
    source = shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    strings = source / "herodex/web/strings"
    write_table(load_tables(strings)["en"], strings / "he.json")
    project = shutil.copytree(tiny_project, tmp_path / "project", ignore=shutil.ignore_patterns("bentoml"))
    with serving(project, PYTHONPATH=str(source)) as url:
        page = Page(chromium, url)
        page.browser_errors()
        yield page.open(1440, address="?lang=he")


LEFTMOST = """
return arguments[0].map((name) => document.querySelector(name).getBoundingClientRect().left);
"""


def from_left(page: Page, *selectors: str) -> list[str]:
    """Sort elements by their left edges."""
    places = page.driver.execute_script(LEFTMOST, selectors)
    return [selector for _, selector in sorted(zip(places, selectors, strict=True))]


def test_page_is_mirrored_and_fits_in_every_mode(
    hebrew_page: Page, cherry: Path, tmp_path: Path, axe: str
) -> None:
    page = hebrew_page
    assert page.one("html").get_attribute("dir") == "rtl"
    page.upload(cherry)
    notes = tmp_path / "notes.png"
    notes.write_text("no image")
    drop(page, ".drop", [cherry, notes])
    table(page)
    assert from_left(page, ".wordmark", ".views", ".stage", ".findings") == [
        *(".findings", ".views", ".stage", ".wordmark")
    ]
    assert from_left(page, ".bars .value", ".bars .label") == [".bars .value", ".bars .label"]
    number, answer, name = (f".batch th:nth-child({place})" for place in (3, 2, 1))
    assert from_left(page, number, answer, name) == [number, answer, name]
    # A bar grows from the right.
    bar, fill = (page.one(f".bars li:last-child {part}").rect for part in (".bar", ".fill"))
    assert fill["x"] + fill["width"] == pytest.approx(bar["x"] + bar["width"], abs=1)
    page.one(".heat-toggle").click()
    assert from_left(page, ".preview", ".heat") == [".heat", ".preview"]
    check_every_mode(page, axe, "right to left")
    page.one(".code summary").click()
    page.one(".shortcuts summary").click()
    page.invent(count="5")
    page.wait(page.names)
    page.one(".cards .star").click()
    assert (
        page.driver.execute_script("return getComputedStyle(document.querySelector('pre')).direction")
        == "ltr"
    )
    assert "\u2068" in page.text(".cards .closest")
    check_every_mode(page, axe, "right to left names")
    page.browser_errors()
