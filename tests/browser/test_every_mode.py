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
    "h1 { min-width: 800px }": ("scrolls sideways: 8", "768-light"),
    "#a { overflow: hidden; white-space: nowrap; width: 20px }": ('cut off: <p id="a">', "every mode"),
    "#b { height: 24px; overflow: hidden }": ('cut off: <p id="b" tabindex="0">', "360-text-200"),
    "#c { margin-bottom: -1em }": ('overlap: <p id="c"></p> Last words and <button', "every mode"),
    "#d { white-space: nowrap; width: 30px }": ('wider than what holds it: <button id="d">', "every mode"),
    "#e { margin-left: -20px }": ('overlap: <button id="d"></button> Press this button and <a', "360-light"),
    "#a { background: #fff; color: #aaa }": ('color-contrast: <p id="a">', "360-light"),
    "@media (prefers-color-scheme: dark) { #b { color: #333 } }": ("color-contrast: <p id=", "360-dark"),
    "@media (forced-colors) { h1 { color: #333; forced-color-adjust: none } }": (
        "color-contrast: <h1>",
        "360-forced",
    ),
    "@media (resolution: 2x) { #e { margin-left: 700px } }": ('cut off: <a id="e"', "1440-zoom-200"),
}
"""What the check says of a style, and a mode in which it does."""


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
    for flaw, mode in FLAWS.values():
        assert any(line.startswith(f"x: {flaw}") and mode in line for line in found), (flaw, mode, found)
    assert not any("scrolls" in line and "1440-light" in line for line in found)


def test_sound_page_passes_and_keeps_its_mode(chromium: WebDriver, axe: str) -> None:
    shortened = "#a { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; width: 60px }"
    scrolls = "#b { overflow-x: auto; white-space: nowrap; width: 60px }"
    page = shown(chromium, shortened + scrolls)
    features = {"prefers-color-scheme": "dark", "forced-colors": "none", "prefers-reduced-motion": "reduce"}
    enter(page, 500, 400, 1, features)
    check_every_mode(page, axe, "x")
    assert chromium.execute_script(NOW) == [500, 400, 1, features]
    assert chromium.execute_script("return getComputedStyle(document.body).fontSize") == f"{TEXT}px"
