"""The check of all modes finds what is wrong in one of them, and leaves the page as it was."""

from urllib.parse import quote

import pytest
from every_mode import NOW, TEXT, check_every_mode, enter
from page_in_chromium import Page
from selenium.webdriver.chrome.webdriver import WebDriver

PAGE = """<!doctype html>
<html lang="en">
<title>Title</title>
<meta name="viewport" content="width=device-width">
<style>
  :root {{ background: Canvas; color: CanvasText; color-scheme: light dark }}
  main {{ width: 300px }}
  {style}
</style>
<main>
  <h1>Heading</h1>
  <p id="a">Some words of some length</p>
  <p id="b" tabindex="0">Other words of some length</p>
  <p id="c">Last words</p>
  <button id="d">Press this button</button> <a id="e" href="#a">Link</a>
</main>"""
FLAWS = {
    "h1 { min-width: 800px }": "x, 768-light: scrolls sideways: 8",
    "#a { overflow: hidden; white-space: nowrap; width: 20px }": 'x, 360-light: cut off: <p id="a">',
    "#b { height: 24px; overflow: hidden }": 'x, 360-text-200: cut off: <p id="b" tabindex="0">',
    "#c { margin-bottom: -1em }": 'x, 360-light: overlap: <p id="c"></p> Last words and <button',
    "#d { white-space: nowrap; width: 30px }": 'x, 360-light: wider than what holds it: <button id="d">',
    "#e { margin-left: -20px }": 'x, 360-light: overlap: <button id="d"></button> Press this button and <a',
    "#a { background: #fff; color: #aaa }": 'x, 360-light: color-contrast: <p id="a">',
    "@media (prefers-color-scheme: dark) { #b { color: #333 } }": "x, 360-dark: color-contrast: <p id=",
    "@media (forced-colors) { h1 { color: #333; forced-color-adjust: none } }": "x, 360-forced: color-",
    "@media (resolution: 2x) { #e { margin-left: 700px } }": 'x, 1440-zoom-200: cut off: <a id="e"',
}
"""What the check says of a style."""


def shown(driver: WebDriver, style: str) -> Page:
    """Open a small page with a style."""
    page = Page(driver, "data:text/html," + quote(PAGE.format(style=style)))
    driver.get(page.url)
    return page


def test_flaw_in_any_mode_is_found(chromium: WebDriver, axe: str) -> None:
    page = shown(chromium, " ".join(FLAWS))
    with pytest.raises(AssertionError) as error:
        check_every_mode(page, axe, "x")
    found = str(error.value).splitlines()
    missing = [flaw for flaw in FLAWS.values() if not any(line.startswith(flaw) for line in found)]
    assert not missing, error.value
    assert not any(line.startswith("x, 1440-light: scrolls") for line in found)


def test_sound_page_passes_and_keeps_its_mode(chromium: WebDriver, axe: str) -> None:
    shortened = "#a { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; width: 60px }"
    scrolls = "#b { overflow-x: auto; white-space: nowrap; width: 60px }"
    page = shown(chromium, shortened + scrolls)
    features = {"prefers-color-scheme": "dark", "forced-colors": "none", "prefers-reduced-motion": "reduce"}
    enter(page, 500, 400, 1, features)
    check_every_mode(page, axe, "x")
    assert chromium.execute_script(NOW) == [500, 400, 1, features]
    assert chromium.execute_script("return getComputedStyle(document.body).fontSize") == f"{TEXT}px"
