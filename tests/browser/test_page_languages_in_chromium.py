"""The page in another language, from the first byte of HTML to the last message."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from every_mode import check_every_mode
from page_in_chromium import Page
from PIL import Image
from selenium.webdriver.chrome.webdriver import WebDriver
from test_page_intake_in_chromium import drop, table
from tiny_service import serving

VALUES = """
const done = arguments[0];
import("/static/strings.js").then(({ t, number }) =>
  done([t("batch.running", { count: 2000 }), t("camera.off", { count: 1 }), number(1.5, 2), t("no key")]));
"""


@pytest.fixture(scope="module")
def german(tiny_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service whose page is German by default."""
    project = tmp_path_factory.mktemp("german") / "project"
    shutil.copytree(tiny_project, project)
    params = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    params["page"] |= {"language": "de", "thing": {"en": "colour", "de": "<Farben>"}}
    (project / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    with serving(project) as url:
        yield url


def test_operator_sets_the_language_of_the_page(german: str, chromium: WebDriver) -> None:
    html = httpx.get(german, headers={"accept-language": "en"}).text
    assert '<html lang="de" dir="ltr">' in html
    assert "&lt;Farben&gt; erkennen</h1>" in html
    assert "vary" not in httpx.get(german).headers or "Language" not in httpx.get(german).headers["vary"]
    page = Page(chromium, german)
    page.browser_errors()
    page.open()
    assert page.text("h1") == "<Farben> erkennen"
    assert page.text(".tagline") == "Erkennt <Farben> auf Bildern und erfindet Elf-Namen."
    assert page.driver.execute_async_script(VALUES) == [
        "2.000 Bilder werden erkannt …",
        "Die Kamera ist aus; sie gab 1 Antwort.",
        "1,50",
        "no key",
    ]
    assert page.browser_errors() == []


def test_visitor_chooses_a_language_that_addresses_keep(page: Page, tmp_path: Path) -> None:
    page.invent(count="2")
    page.wait(page.names)
    names = page.names()
    page.one(".page-languages [hreflang=de]").click()
    page.wait(lambda: page.names() == names)
    assert page.one("html").get_attribute("lang") == "de"
    assert page.one(".page-languages [aria-current]").text == "Deutsch"
    assert page.driver.title == "Namen · Herodex"
    assert re.search(r"\?count=2&.*seed=\d+&lang=de$", page.driver.current_url)
    assert re.fullmatch(r"\d,\d\d Nats pro Zeichen", page.text(".cards .score"))
    page.go("recognise")
    assert page.driver.current_url == f"{page.url}/?lang=de"
    file = tmp_path / "white.png"
    Image.new("RGB", (50, 50), "white").save(file)
    page.upload(file)
    assert page.text(".answer") == "Keine der drei Klassen: sieht aus wie Grey"
    assert page.text(".detail").startswith("Wahrscheinlichkeit: ")
    page.go("names")
    page.one("#names-form button").click()
    page.wait(lambda: page.names() != names and page.one("#names-form button").is_enabled())
    assert page.driver.current_url.endswith("&lang=de")
    page.one(".page-languages [hreflang=en]").click()
    page.wait(lambda: page.one("html").get_attribute("lang") == "en")


def test_unknown_language_gets_the_default_one(page: Page) -> None:
    page.open(address="?lang=xx")
    assert page.one("html").get_attribute("lang") == "en"
    assert page.one("[data-view=names]").get_attribute("href") == f"{page.url}/names"


def test_german_page_is_accessible_and_fits_in_every_mode(page: Page, tmp_path: Path, axe: str) -> None:
    page.open(address="?lang=de")
    white, notes = tmp_path / "white.png", tmp_path / "notes.png"
    Image.new("RGB", (50, 50), "white").save(white)
    notes.write_text("no image")
    page.upload(white)
    drop(page, ".drop", [white, notes])
    table(page)
    check_every_mode(page, axe, "German")
    page.one(".code summary").click()
    page.one(".shortcuts summary").click()
    page.invent(temperature="5")
    page.wait(page.names)
    page.one(".cards .star").click()
    check_every_mode(page, axe, "German names")
    # The browser keeps it for the tests that follow.
    page.one(".cards .star").click()
    page.browser_errors()


@pytest.mark.parametrize(
    ("prefix", "problem", "hint"),
    [
        ("жa", "„Beginnt mit“ enthält Zeichen, die kein bekannter Name hat: ж. Bekannt sind a b c", ""),
        ("gorbatgorbat", "", "Kürzen Sie|kürzen Sie"),
        ("a" * 40, "„Beginnt mit“ verlangt längere Namen, als es gibt. Der längste bekannte Name hat 12", ""),
    ],
)
def test_errors_of_the_api_are_translated(page: Page, prefix: str, problem: str, hint: str) -> None:
    page.open(address="names?lang=de")
    page.invent(count="9", prefix=prefix)
    page.wait(lambda: page.one("#names .error").is_displayed())
    assert page.text("#names .error").startswith(problem)
    assert re.search(hint, page.text("#names .error"))
    page.browser_errors()


def test_refused_file_is_explained_in_german(page: Page, tmp_path: Path) -> None:
    page.open(address="?lang=de")
    for name, data, words in (
        ("a.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "Bilder im Format HEIC können hier nicht"),
        ("a.jpg", b"%PDF-1.7", "Dateien im Format PDF können hier nicht"),
        ("a.png", b"notes", "Die Datei ist kein Bild"),
    ):
        (tmp_path / name).write_bytes(data)
        page.one("#image").send_keys(str(tmp_path / name))
        page.wait(lambda words=words: page.text(".answer").startswith(words))
    page.browser_errors()
