"""Names: addresses, stars, copying and saving, and what the temperature means."""

from pathlib import Path

import pytest
from every_mode import check_every_mode
from page_in_chromium import Page, stubbed
from selenium.webdriver.common.keys import Keys

SLOW_THEN_FAST = """
if (JSON.parse(options.body).prefix === "an") await window.held;
return send(path, { ...options, headers: { "content-type": "application/json" } });
"""


def invented(page: Page, **fields: str) -> list[str]:
    """Invent names and return them once their address is shown."""
    address = page.driver.current_url
    page.invent(**fields)
    page.wait(lambda: "seed=" in page.driver.current_url and page.driver.current_url != address)
    return page.names()


def test_address_always_gives_what_is_shown(page: Page) -> None:
    names = invented(page, count="3")
    address = page.driver.current_url
    page.go("recognise")
    page.go("names")
    assert page.driver.current_url == address
    assert page.names() == names
    assert page.one("[data-view=names]").get_attribute("href") == address
    # A failed wish leaves names and address as they are.
    page.invent(count="99")
    assert (page.names(), page.driver.current_url) == (names, address)
    page.driver.refresh()
    page.wait(lambda: page.names() == names)
    assert page.one("#count").get_attribute("value") == "3"


def test_back_to_an_address_without_names_shows_none(page: Page) -> None:
    page.open(address="names")
    invented(page, count="3", prefix="co")
    page.driver.back()
    page.wait(lambda: page.names() == [])
    assert page.one("#names .waiting").is_displayed()
    assert not page.one(".invented .copy-all").is_displayed()
    assert page.one("#prefix").get_attribute("value") == ""
    page.driver.forward()
    page.wait(lambda: len(page.names()) == 3)


def test_names_that_arrive_late_do_not_replace_those_of_the_address(page: Page) -> None:
    with stubbed(page, "api/names", SLOW_THEN_FAST):
        page.driver.execute_script("window.held = new Promise((resolve) => { window.go = resolve; })")
        shown = invented(page, count="2", prefix="co")
        page.one("#prefix").clear()
        page.one("#prefix").send_keys("an", Keys.ENTER)
        page.driver.back()
        page.driver.forward()
        page.driver.execute_script("window.go()")
        page.wait(lambda: page.names() == shown)
        page.driver.execute_async_script("setTimeout(arguments[0], 300)")
        assert page.names() == shown


def test_starred_names_stay_in_the_browser(page: Page, axe: str) -> None:
    first, second, *_ = invented(page, count="4")
    for star in page.all(".cards .star")[:2]:
        star.click()
    assert page.all(".cards .star")[0].accessible_name == f"Star {first}"
    starred = "return [...document.querySelectorAll('.starred-names li')].map((name) => name.firstChild.data)"
    assert page.driver.execute_script(starred) == [second, first]
    page.open(address="names")
    assert page.driver.execute_script(starred) == [second, first]
    check_every_mode(page, axe, "starred names")
    for name in (second, first):
        star = page.one(".starred-names .star")
        assert star.accessible_name == f"Star {name}"
        assert star.get_attribute("aria-pressed") == "true"
        star.click()
    assert not page.one(".starred").is_displayed()


def test_all_names_are_copied_and_saved_as_text(page: Page, tmp_path: Path) -> None:
    names = invented(page, count="3")
    page.driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)}
    )
    page.one(".invented .save-text").click()
    page.wait((tmp_path / "names.txt").exists)
    assert (tmp_path / "names.txt").read_text(encoding="utf-8").splitlines() == names
    page.one(".invented .copy-all").click()
    page.wait(lambda: page.text(".invented .copy-all") == "Copied")
    page.one("#prefix").send_keys(Keys.CONTROL, "v")
    assert page.one("#prefix").get_attribute("value") == " ".join(names)


@pytest.mark.parametrize(
    ("temperature", "meaning"),
    [("0.5", "Typical"), ("1", "Balanced"), ("1.5", "Unusual"), ("2", "Wild"), ("5", "Random")],
)
def test_temperature_is_explained_in_words(page: Page, temperature: str, meaning: str) -> None:
    page.go("names")
    field = page.one("#temperature")
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(temperature)
    assert page.text("#temperature-meaning").startswith(f"{meaning}: ")
    assert field.get_attribute("aria-describedby") == "temperature-meaning"


def test_temperature_slider_ends_where_names_become_unreadable(page: Page) -> None:
    page.go("names")
    slider = page.one("#temperature-slider")
    slider.send_keys(Keys.END)
    assert page.one("#temperature").get_attribute("value") == "2"
    slider.send_keys(Keys.HOME)
    assert page.one("#temperature").get_attribute("value") == "0.5"
    assert page.one("#temperature").get_attribute("max") == "5"


def test_single_keys_are_shortcuts_until_turned_off(page: Page, cherry: Path) -> None:
    body = page.one("body")
    body.send_keys("i")
    page.wait(page.names)
    body.send_keys("r")
    page.wait(lambda: page.one("#recognise").is_displayed())
    page.upload(cherry)
    page.wait(lambda: page.one(".heat-toggle").is_displayed())
    body.send_keys("h")
    assert page.one(".heat").is_displayed()
    body.send_keys("?")
    assert page.one(".shortcuts").get_attribute("open") is not None
    page.go("names")
    names = page.names()
    page.one("#prefix").send_keys("r")
    assert (page.one("#names").is_displayed(), page.names()) == (True, names)
    page.one(".shortcuts input").click()
    body.send_keys("r")
    assert page.one("#names").is_displayed()
    page.one(".shortcuts input").click()
